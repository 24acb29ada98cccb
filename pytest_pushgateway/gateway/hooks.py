"""What crosses the gateway's seams: the request, the record of what became of it, and the plan of a fault.

The gateway calls a *hook* with each :class:`RawRequest` before anything is parsed or stored and carries out the
:class:`Plan` that it returns; it calls an *observer* with the :class:`Record` after the store has changed and before
the first byte of the answer leaves. Neither is called for a request that had arrived, read or not, at the last reset.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from werkzeug.datastructures import Headers

    from pytest_pushgateway.exposition.labels import Labels
    from pytest_pushgateway.exposition.model import Parsed
    from pytest_pushgateway.gateway.groups import Verdict

Kind = Literal["push", "delete", "scrape", "wipe", "other"]
"""What a request asks for, by route and method: ``push`` is PUT or POST of a group, also of one with a bad URL."""


@dataclass(slots=True, eq=False, repr=False)
class RawRequest:
    """One request as it came off the wire."""

    method: str
    target: str
    """The request target as sent, neither decoded nor cleaned (latin-1: one character a byte)."""
    raw_headers: list[tuple[str, str]]
    """Names as sent and values, in the order of the wire (latin-1)."""
    body: bytes
    """The body as sent: content codings still applied, chunked transfer coding undone."""
    remote_address: str
    generation: int
    """The store's generation when the first byte of the request arrived."""
    received_at: float
    """The gateway's clock when the request line had been read, seconds since the epoch."""
    kind: Kind
    key: Labels | None
    """The grouping key of a push or deletion; None when the URL names none."""
    handler: str = ""
    """Which of the gateway's handlers answers: ``push``, ``status``, ``api/v1/metrics``...; empty for redirect, 404."""

    @property
    def headers(self) -> Headers:
        """The headers as a werkzeug ``Headers``, made anew at each call."""
        from werkzeug.datastructures import Headers

        return Headers(self.raw_headers)

    def header(self, name: str) -> str | None:
        """Return the first value of the header ``name``, in any case, or None."""
        name = name.lower()
        for key, value in self.raw_headers:
            if key.lower() == name:
                return value
        return None


class Plan(NamedTuple):
    """What a fault does to one request.

    In order: with ``after`` the request takes effect; the gateway waits ``wait`` seconds; without ``after`` the request
    takes effect now if ``store`` says so; the answer, the request's own or the plan's, goes out as far as ``cut_after``
    allows, or the connection is reset.
    """

    name: str
    """The fault, as reports call it."""
    wait: float = 0.0
    """Seconds; ``math.inf`` hangs until the wait is released."""
    status: int | None = None
    """Answer with this status in place of the request's own."""
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    store: bool = True
    """Whether the request takes effect at all."""
    after: bool = False
    """Whether it takes effect before the wait; it means nothing unless ``store``."""
    cut_after: int | None = None
    """Send only the first so many bytes of the response, status line included, then close the connection."""
    disconnect: bool = False
    """Reset the connection (RST) in place of an answer."""
    owner: object = None
    """Whoever made the plan; ``Gateway.release(owner)`` ends the waits of its plans."""


@dataclass(slots=True, eq=False, repr=False)
class Record:
    """What became of one request."""

    request: RawRequest
    status: int
    """The status of the answer; 0 when none is sent."""
    error: str | None
    """The text of a 4xx or 5xx answer without its final newline; the reason where a push was refused behind a 2xx."""
    verdict: Verdict | None
    """The store's verdict on a push, deletion or wipe; None when the store was not asked."""
    parsed: Parsed | None
    """The body of a push; None when it could not be parsed or was not looked at."""
    duration: float
    """Seconds from the request's arrival to this record."""
    plan: Plan | None = None
    location: str = ""
    """The Location header of the answer; empty where there is none."""
    missed: str = ""
    """Why a request that was meant as a push or a deletion reached no group, and what to do; empty for all others."""


Observer = Callable[[Record], None]
Hook = Callable[[RawRequest], "Plan | None"]
