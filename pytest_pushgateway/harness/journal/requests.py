"""Requests in the journal: Request, Push and Delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_pushgateway.harness.wording import KEY, brief, decode, shorten, show_key

if TYPE_CHECKING:
    from typing import Any

    from werkzeug.datastructures import Headers

    from pytest_pushgateway.exposition.model import MetricFamily
    from pytest_pushgateway.gateway import hooks as exchange
    from pytest_pushgateway.gateway.app.recent_requests import RecentRequest
    from pytest_pushgateway.harness.metrics.family import Family


ORIGIN_HEADER = "X-Pytest-Pushgateway-Origin"
"""Marks what a test itself sends; its value is a secret of the gateway object."""


class Request:
    """One request to a gateway; `Push` and `Delete` know more.

    Attributes:
        number: its place among the requests of its kind in this test, from 1; 0 before it is journalled.
        origin: ``test`` for what ``gateway.push()`` and ``gateway.scrape()`` sent, else ``application``.
        test: the node id of the test that was running, or an empty string.

    """

    # _order is its place among all that the gateway ever got; _expected tells whether an assertion expected a refusal.

    __slots__ = (
        "__weakref__",
        "_decoded",
        "_expected",
        "_order",
        "_record",
        "_request",
        "number",
        "origin",
        "test",
    )

    def __init__(self, request: exchange.Request, record: exchange.Record | None = None, origin: str = "") -> None:
        self._request = request
        self._record = record
        self._decoded: tuple[Family, ...] | None = None
        self._order: int = 0
        self.number: int = 0
        self.origin: str = origin or "application"
        self.test: str = ""
        self._expected: bool = False

    def __repr__(self) -> str:
        where = show_key(self.grouping_key) if self._request.kind in ("push", "delete") else self.path
        return f"<{type(self).__name__} {self.number}: {self.method} {where}, {self.outcome}>"

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self._request.method

    @property
    def path(self) -> str:
        """The request target as sent, neither decoded nor cleaned."""
        return self._request.target

    @property
    def kind(self) -> str:
        """What the request asked for, ``push``, ``delete``, ``scrape``, ``wipe`` or ``other``."""
        return self._request.kind

    @property
    def headers(self) -> Headers:
        """The request's headers, without the mark of the test's own requests."""
        headers = self._request.headers
        headers.remove(ORIGIN_HEADER)
        return headers

    @property
    def body(self) -> bytes:
        """The body as sent, still compressed where it was."""
        return self._request.body

    @property
    def content_type(self) -> str:
        """The Content-Type header, or an empty string."""
        return self._request.header("content-type") or ""

    @property
    def at(self) -> float:
        """When the request arrived, in seconds since 1970 by the gateway's clock."""
        return self._request.received_at

    @property
    def grouping_key(self) -> dict[str, str]:
        """The grouping key of a push or deletion, the job included; empty where the URL names none."""
        return {decode(name): decode(value) for name, value in self._request.key or ()}

    @property
    def job(self) -> str:
        """The job of a push or deletion; empty where the URL names none."""
        return self.grouping_key.get("job", "")

    @property
    def status(self) -> int:
        """The status of the answer; 0 where none was sent."""
        return self._record.status if self._record is not None else 0

    @property
    def error(self) -> str | None:
        """The reason in a 4xx or 5xx answer, or why a push was refused behind a 2xx; None where all was well."""
        return self._record.error if self._record is not None else None

    @property
    def duration(self) -> float:
        """Seconds from the request's arrival to its answer."""
        return self._record.duration if self._record is not None else 0.0

    @property
    def fault(self) -> str | None:
        """The fault that the request met, as it was asked for, such as ``error(503)``; None where it met none."""
        plan = self._record.plan if self._record is not None else None
        return plan.name if plan is not None else None

    @property
    def _answered_by_fault(self) -> bool:
        """Tell whether a fault answered the request, or ended its connection, in the gateway's place."""
        plan = self._record.plan if self._record is not None else None
        return plan is not None and (plan.status is not None or plan.disconnect or not plan.store)

    def _in_short(self) -> RecentRequest:
        """Return the request as the web page lists it."""
        from pytest_pushgateway.gateway.app.recent_requests import RecentRequest

        if self._record is None:
            raise ValueError("only a journalled request can be listed")
        return RecentRequest.of(self._record, self._order)._replace(origin=self.origin)

    @property
    def _noteworthy(self) -> bool:
        """Tell whether a test may have to hear of the request at its end."""
        return False

    @property
    def _refused(self) -> bool:
        """Tell whether the request was answered with an error, by the gateway or by a fault."""
        return self.status >= 400

    @property
    def outcome(self) -> str:
        """What became of the request, in one line."""
        if self._record is None:
            return "not answered yet"
        answer = f"answered {self.status}" if self.status else "not answered"
        return f"{answer} (fault {self.fault})" if self.fault else answer


class Push(Request):
    """A PUT or POST of metrics, accepted or not."""

    __slots__ = ()

    @property
    def accepted(self) -> bool:
        """Tell whether the push was stored, whatever was answered."""
        verdict = self._record.verdict if self._record is not None else None
        return verdict is not None and bool(verdict.accepted)

    @property
    def _judged(self) -> bool:
        """Tell whether the push came as far as the store, where a refused one leaves its group behind."""
        return self._record is not None and self._record.verdict is not None

    @property
    def rejected(self) -> bool:
        """Tell whether the gateway refused the push of its own accord, not by a fault."""
        if self.accepted or self._record is None or self._answered_by_fault:
            return False
        return self.status >= 400 or self._record.verdict is not None

    @property
    def _refused(self) -> bool:
        """Tell whether the push was answered with an error or, behind a fault's answer, rejected."""
        return self.status >= 400 or self.rejected

    @property
    def families(self) -> tuple[Family, ...]:
        """The metric families of the body, grouping labels included; none where the body could not be read."""
        if self._decoded is None:
            from pytest_pushgateway.harness.metrics.family import to_family

            self._decoded = tuple(to_family(family) for family in self._parsed.values())
        return self._decoded

    @property
    def samples(self) -> tuple[Any, ...]:
        """The samples of all `families`, as ``prometheus_client`` samples."""
        return tuple(sample for family in self.families for sample in family.samples)

    @property
    def _parsed(self) -> dict[bytes, MetricFamily]:
        """The families in the gateway's own form, by name; empty where the body could not be read."""
        parsed = self._record.parsed if self._record is not None else None
        return parsed.families if parsed is not None else {}

    @property
    def _collisions(self) -> tuple[Any, ...]:
        """What the push was refused for, in the gateway's own form."""
        verdict = self._record.verdict if self._record is not None else None
        return tuple(verdict.collisions) if verdict is not None else ()

    @property
    def _removed(self) -> tuple[bytes, ...]:
        """Names of the families that a PUT removed and did not carry."""
        verdict = self._record.verdict if self._record is not None else None
        return tuple(verdict.removed) if verdict is not None and verdict.accepted else ()

    @property
    def _noteworthy(self) -> bool:
        """Tell whether the application's push was rejected or took something away."""
        return self.origin != "test" and (bool(self._removed) or self.rejected)


class Delete(Request):
    """A DELETE of a group."""

    __slots__ = ()

    @property
    def matched(self) -> bool:
        """Tell whether there was a group to delete."""
        verdict = self._record.verdict if self._record is not None else None
        return verdict is not None and bool(verdict.matched)

    @property
    def _noteworthy(self) -> bool:
        """Tell whether the application's deletion found nothing."""
        return self.origin != "test" and not self.matched


_CLASSES: dict[str, type[Request]] = {"push": Push, "delete": Delete}


def name_of(push: Request) -> str:
    """Return how messages call a request: ``push 3 (PUT job="backup")``, and by its path where it has no key."""
    where = brief(show_key(push.grouping_key), KEY) if push.grouping_key else shorten(push.path)
    return f"{push.kind} {push.number} ({push.method} {where})"
