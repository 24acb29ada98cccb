"""Answers of the test API to requests that fail: problems as in RFC 9457."""

from __future__ import annotations

from typing import Any

from pytest_pushgateway.settings import nearest


class ApiProblem(Exception):
    """A request that gets no answer but this.

    Args:
        status: the status of the answer.
        detail: what is wrong, and what to do.
        title: the problem in two or three words; the status's phrase if empty.
        headers: further headers of the answer.

    """

    def __init__(
        self, status: int, detail: str, title: str = "", headers: tuple[tuple[str, str], ...] = (), **more: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers
        self._title = title
        self._more = more

    def as_json(self) -> dict[str, Any]:
        """Return the members of the problem."""
        from http import HTTPStatus

        title = self._title or HTTPStatus(self.status).phrase
        return {"type": "about:blank", "title": title, "status": self.status, "detail": str(self), **self._more}


def check_members(given: dict[str, Any], known: tuple[str, ...]) -> None:
    """Check that a request has no member but those.

    Raises:
        ApiProblem: it has another one; the detail names the nearest.

    """
    for name in given:
        if name not in known:
            takes = f"; it takes {', '.join(known)}" if known else "; it takes none"
            raise ApiProblem(400, f"unknown member {name!r}{nearest(name, known) or takes}")
