"""The types at the gateway's seams: the request, the record of its outcome, and the plan of a fault.

The gateway calls a *hook* with each :class:`RawRequest` before anything is parsed or stored and carries out the
:class:`Plan` that it returns; it calls an *observer* with the :class:`Record` after the store has changed and before
the first byte of the answer leaves. Neither is called for a request that had arrived, read or not, at the last reset.
"""

from __future__ import annotations

from collections.abc import Callable

from pytest_pushgateway.light import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from werkzeug.datastructures import Headers

    from pytest_pushgateway.exposition.labels import Labels
    from pytest_pushgateway.exposition.model import Parsed
    from pytest_pushgateway.gateway.groups import Verdict

    Kind = Literal["push", "delete", "scrape", "wipe", "other"]
    """The purpose of a request, by route and method: ``push`` is PUT or POST of a group, also of one with a bad URL."""


class RawRequest:
    """One request as it came off the wire.

    Args:
        method: as sent.
        target: the request target as sent, neither decoded nor cleaned (latin-1: one character a byte).
        raw_headers: names as sent and values, in the order of the wire (latin-1).
        body: the body as sent: content codings still applied, chunked transfer coding undone.
        remote_address: the client's.
        generation: the store's generation when the first byte of the request arrived.
        received_at: the gateway's clock when the request line had been read, seconds since the epoch.
        kind: what it asks for.
        key: the grouping key of a push or deletion; None when the URL names none.
        handler: which of the gateway's handlers answers: ``push``, ``status``, ``api/v1/metrics``...; empty for
            redirect and 404.
        fields: the first value of each header by its name in lower case, if they have been gathered.
    """

    __slots__ = (
        "_fields",
        "body",
        "generation",
        "handler",
        "key",
        "kind",
        "method",
        "raw_headers",
        "received_at",
        "remote_address",
        "target",
    )

    def __init__(
        self,
        method: str,
        target: str,
        raw_headers: list[tuple[str, str]],
        body: bytes,
        remote_address: str,
        generation: int,
        received_at: float,
        kind: Kind,
        key: Labels | None,
        handler: str = "",
        fields: Mapping[str, str] | None = None,
    ) -> None:
        self.method: str = method
        self.target: str = target
        self.raw_headers: list[tuple[str, str]] = raw_headers
        self.body: bytes = body
        self.remote_address: str = remote_address
        self.generation: int = generation
        self.received_at: float = received_at
        self.kind: Kind = kind
        self.key: Labels | None = key
        self.handler: str = handler
        self._fields = fields

    @property
    def headers(self) -> Headers:
        """The headers as a werkzeug ``Headers``, made again at each call."""
        from werkzeug.datastructures import Headers

        return Headers(self.raw_headers)

    def header(self, name: str) -> str | None:
        """Return the first value of the header ``name``, in any case, or None."""
        if self._fields is None:
            self._fields = {key.lower(): value for key, value in reversed(self.raw_headers)}
        return self._fields.get(name.lower())


class Plan(NamedTuple):
    """A fault's effect on one request.

    In order: with ``after`` the request takes effect; the gateway waits ``wait`` seconds; without ``after`` the request
    takes effect now if ``store`` is true; the answer, the request's own or the plan's, goes out as far as ``cut_after``
    allows, or the connection is reset.
    """

    name: str
    """The fault, as reports call it."""
    wait: float = 0.0
    """Seconds; ``math.inf`` hangs until the wait is released."""
    status: int | None = None
    """Answer with this status instead of the request's."""
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    store: bool = True
    """Whether the request takes effect at all."""
    after: bool = False
    """Whether it takes effect before the wait; it means nothing unless ``store``."""
    cut_after: int | None = None
    """Send only this many bytes of the response, status line included, then close the connection."""
    disconnect: bool = False
    """Reset the connection (RST) instead of answering."""
    owner: object = None
    """Whoever made the plan; ``Gateway.release(owner)`` ends the waits of its plans. It must take weak references."""


class Record:
    """The outcome of one request.

    Args:
        request: the request.
        status: the status of the answer; 0 when none is sent.
        error: the text of a 4xx or 5xx answer without its final newline; the reason where a push was refused behind a
            2xx.
        verdict: the store's verdict on a push, deletion or wipe; None when the store was not asked.
        parsed: the body of a push; None when it could not be parsed or was not looked at.
        duration: seconds from the request's arrival to this record.
        plan: the fault that it met.
        location: the Location header of the answer; empty if there is none.
        missed: why a request that was meant as a push or a deletion reached no group, and what to do; empty for all
            others.
        started: when the request arrived, by the monotonic clock; 0 where that is not known.
        decoded: bytes of the body without its content coding, as far as it was read; 0 if it was not decoded.
    """

    __slots__ = (
        "decoded",
        "duration",
        "error",
        "location",
        "missed",
        "parsed",
        "plan",
        "request",
        "started",
        "status",
        "verdict",
    )

    def __init__(
        self,
        request: RawRequest,
        status: int,
        error: str | None,
        verdict: Verdict | None,
        parsed: Parsed | None,
        duration: float,
        plan: Plan | None = None,
        location: str = "",
        missed: str = "",
        started: float = 0.0,
        decoded: int = 0,
    ) -> None:
        self.request: RawRequest = request
        self.status: int = status
        self.error: str | None = error
        self.verdict: Verdict | None = verdict
        self.parsed: Parsed | None = parsed
        self.duration: float = duration
        self.plan: Plan | None = plan
        self.decoded: int = decoded
        self.location: str = location
        self.missed: str = missed
        self.started: float = started

    @property
    def accepted(self) -> bool:
        """Whether the store did what the request asked for, whatever was answered."""
        return self.verdict is not None and self.verdict.accepted

    @property
    def kind(self) -> Kind:
        """What the request asked for; push or delete, too, if it was meant as one and reached no group."""
        if self.missed:
            return "delete" if self.request.method == "DELETE" else "push"
        return self.request.kind


Observer = Callable[[Record], None]
Hook = Callable[[RawRequest], "Plan | None"]
