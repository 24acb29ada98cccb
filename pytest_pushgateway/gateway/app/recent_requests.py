"""The latest requests in short, for the web page: what came, what the verdict was, and why groups failed last."""

from __future__ import annotations

from collections import deque
from itertools import islice

from pytest_pushgateway import threads
from pytest_pushgateway.exposition.labels import Labels
from pytest_pushgateway.light import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_pushgateway.gateway.hooks import Record

LIMIT = 100
"""The number of requests that are kept. They are drawn every second, and a page of more is no longer read."""

_NAMES = 20
_TEXT = 2000
_KEY = 4000
"""Bytes of the longest grouping key that is kept whole."""
_PART = 200
"""Bytes of a name, or of a part of a longer key, that are kept."""
_BODY = 16_384
"""Bytes of a body that are kept."""
_HEADERS = 40
_SECRET = frozenset({"authorization", "proxy-authorization", "cookie"})


class RecentRequest(NamedTuple):
    """One request in short, with the beginning of its body and without passwords."""

    number: int
    at: float
    """Unix seconds of the gateway's clock."""
    kind: str
    """push, delete, scrape, wipe or other."""
    method: str
    target: str
    status: int
    """0: no answer was sent."""
    error: str | None = None
    duration: float = 0.0
    """Seconds."""
    key: Labels | None = None
    """The group; of a long one the beginning, see `short_key`."""
    families: tuple[bytes, ...] = ()
    """The beginnings of the names of the first families that a push carried."""
    series: int = 0
    removed: tuple[bytes, ...] = ()
    """The same of those that a PUT took away."""
    matched: bool | None = None
    """Whether a deletion found its group; None for other requests."""
    fault: str | None = None
    origin: str | None = None
    client: str = ""
    """The client's address."""
    headers: tuple[tuple[str, str], ...] = ()
    """As sent; values of those that hold passwords are hidden."""
    body: bytes = b""
    """Its beginning, as sent."""
    size: int = 0
    """Bytes of the whole body."""
    collides_with: tuple[Labels, ...] = ()
    """The groups that a rejected push collides with."""

    @classmethod
    def of(cls, record: Record, number: int) -> RecentRequest:
        """Shorten a complete record."""
        request, verdict, parsed = record.request, record.verdict, record.parsed
        error = "; ".join(filter(None, (record.error, record.missed)))
        return cls(
            number=number,
            at=request.received_at,
            kind=record.kind,
            method=request.method[:_NAMES],
            target=request.target[:_TEXT],
            status=record.status,
            error=error[:_TEXT].rstrip("\n") or None,
            duration=record.duration,
            key=None if request.key is None else short_key(request.key),
            families=_beginnings(parsed.families) if parsed else (),
            series=sum(len(family.series) for family in parsed.families.values()) if parsed else 0,
            removed=_beginnings(verdict.removed) if verdict else (),
            matched=verdict.matched if verdict and request.kind == "delete" else None,
            fault=record.plan.name if record.plan else None,
            client=request.remote_address,
            headers=tuple((name[:_TEXT], _shown(name, value)) for name, value in request.raw_headers[:_HEADERS]),
            body=request.body[:_BODY],
            size=len(request.body),
            collides_with=_others(record),
        )


def short_key(key: Labels) -> Labels:
    """Return a grouping key as a request that is kept has it: whole, unless a client made it very long.

    The list outlives the group, so it must not keep texts that are as long as a client likes.
    """
    if sum(len(name) + len(value) for name, value in key) <= _KEY:
        return key
    job_first = sorted(key, key=lambda pair: pair[0] != b"job")
    return tuple((name[:_PART], value[:_PART]) for name, value in sorted(job_first[:_NAMES]))


def _beginnings(names: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(name[:_PART] for name in islice(names, _NAMES))


def _shown(name: str, value: str) -> str:
    return "(hidden)" if name.lower() in _SECRET else value[:_TEXT]


def _others(record: Record) -> tuple[Labels, ...]:
    """Return the groups that a push collides with, itself left out."""
    if record.verdict is None:
        return ()
    keys = dict.fromkeys(key for collision in record.verdict.collisions for key in collision.keys)
    return tuple(short_key(key) for key in islice((key for key in keys if key != record.request.key), _NAMES))


class Failure(NamedTuple):
    """Why the last push to a group failed, and when (Unix seconds of the gateway's clock)."""

    error: str
    at: float


class Recent:
    """An observer: keeps the latest ``limit`` requests, and why the last push to a failing group failed."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._lock = threads.Lock()
        self._requests: deque[RecentRequest] = deque(maxlen=limit)
        self._failures: dict[Labels, Failure] = {}
        self._count = 0

    def __call__(self, record: Record) -> None:
        """Take note of a request. Requests for the page itself and its data are left out: it asks every second."""
        request, verdict = record.request, record.verdict
        with self._lock:
            if record.kind != "other" and self._requests.maxlen:
                self._count += 1
                self._requests.append(RecentRequest.of(record, self._count))
            if verdict is None:
                return
            if request.kind == "wipe":
                self._failures.clear()
            elif request.key is None:
                return
            elif verdict.error is None:
                self._failures.pop(request.key, None)
            else:
                self._failures[request.key] = Failure(verdict.error[:_TEXT], request.received_at)

    def requests(self) -> list[RecentRequest]:
        """Return the latest requests, oldest first."""
        with self._lock:
            return list(self._requests)

    def failures(self) -> dict[Labels, Failure]:
        """Return why the last push to a group failed, for the groups whose last push did."""
        with self._lock:
            return dict(self._failures)

    def clear(self) -> None:
        """Forget everything, as a reset of the gateway does."""
        with self._lock:
            self._requests.clear()
            self._failures.clear()
