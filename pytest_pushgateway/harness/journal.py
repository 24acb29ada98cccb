"""The journal: every request that a gateway got in a test, and waiting for the next."""

from __future__ import annotations

import _thread
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from werkzeug.datastructures import Headers

    from pytest_pushgateway.exposition.family import Family
    from pytest_pushgateway.exposition.model import MetricFamily
    from pytest_pushgateway.gateway import exchange
    from pytest_pushgateway.gateway.recent import RecentRequest

BODIES_LIMIT = 64 * 1024 * 1024
"""Bytes of bodies that a journal keeps at most."""

FREED_AT_ONCE = 200
FREED_BYTES = 64 * 1024

ORIGIN_HEADER = "X-Pytest-Pushgateway-Origin"
"""Marks what a test itself sends; its value is a secret of the gateway object."""


def decode(value: bytes) -> str:
    """Return text that gives the bytes back under ``surrogateescape``: label values may be invalid UTF-8."""
    return value.decode("utf-8", "surrogateescape")


def show_key(key: dict[str, str]) -> str:
    """Return a grouping key as messages show it: ``job="backup", instance="db1"``, the job first."""
    names = sorted(key, key=lambda name: (name != "job", name))
    return ", ".join(f"{name}={quote(key[name])}" for name in names) or "no grouping key"


def quote(value: str) -> str:
    """Return a label value in double quotes, printable whatever it holds."""
    printable = value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    escaped = printable.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + "".join(char if char.isprintable() else ascii(char)[1:-1] for char in escaped) + '"'


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
        from pytest_pushgateway.gateway.recent import RecentRequest

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
            from pytest_pushgateway.exposition.family import to_family

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


class Journalled:
    """What the parts of a `Pushgateway` share."""

    _journal: Journal

    def _closed(self) -> str | None:
        """Return why no connection reaches the gateway now, and what to do; None where one would."""
        return None


class Totals:
    """What a gateway got, counted whether the journal kept it or not: pushes, rejections, deletions, bytes, seconds."""

    __slots__ = ("bodies", "deletions", "pushes", "rejections", "slowest")

    def __init__(self) -> None:
        self.pushes: int = 0
        self.rejections: int = 0
        self.deletions: int = 0
        self.bodies: int = 0
        self.slowest: float = 0.0

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Pushes, rejections, deletions and bytes."""
        return self.pushes, self.rejections, self.deletions, self.bodies


def _free(entries: deque[Request]) -> None:
    time.sleep(0.0002)
    while entries:
        entries.popleft()


class Journal:
    """The requests since the last reset, bounded in number and in bytes of bodies.

    The oldest are let go to keep the bounds, but never the last one: ``dropped`` counts them, ``dropped_accepted`` the
    application's accepted pushes among them, ``dropped_rejected`` the rejected ones.
    """

    def __init__(self, limit: int) -> None:
        self.condition: threading.Condition = threading.Condition(threading.RLock())
        self.dropped: int = 0
        self.dropped_accepted: int = 0
        self.dropped_rejected: int = 0
        self.last_push: int = 0
        """The place of the last push among all requests, as `Request._order`."""
        self.totals: Totals = Totals()
        self._limit = limit
        self._secret = os.urandom(8).hex()
        self._entries: deque[Request] = deque()
        self._noted: deque[Request] = deque()
        self._unheard: list[tuple[int, int]] = []
        """Place and number of rejected pushes that were let go before a warning spoke of them."""
        self._bodies = 0
        self._order = 0
        self._numbers: dict[str, int] = {}
        self._listeners: set[Callable[[], None]] = set()
        self._sent: dict[str, Request | None] = {}
        self._marks = 0

    def add(self, record: exchange.Record, test: str = "") -> Request:
        """File what became of a request and wake up whoever waits."""
        kind = record.request.kind
        own = self.is_own(record.request)
        entry = _CLASSES.get(kind, Request)(record.request, record, "test" if own else "")
        entry.test = test
        with self.condition:
            entry.number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
            self._order += 1
            entry._order = self._order
            self._entries.append(entry)
            self._bodies += len(record.request.body)
            self._count(entry, kind)
            if entry._noteworthy:
                self._noted.append(entry)
            while len(self._entries) > self._limit or (self._bodies > BODIES_LIMIT and len(self._entries) > 1):
                self._drop(self._entries.popleft())
            if own:
                mark = record.request.header(ORIGIN_HEADER)
                if mark in self._sent:
                    self._sent[mark] = entry
            self.condition.notify_all()
            for listener in self._listeners:
                listener()
        return entry

    def _drop(self, gone: Request) -> None:
        self._bodies -= len(gone.body)
        self.dropped += 1
        if self._noted and self._noted[0] is gone:
            self._noted.popleft()
        if not isinstance(gone, Push):
            return
        if gone.accepted:
            self.dropped_accepted += gone.origin == "application"
        elif gone.rejected:
            self.dropped_rejected += 1
            if gone.origin == "application" and not gone._expected:
                self._unheard.append((gone._order, gone.number))

    def is_own(self, request: exchange.Request) -> bool:
        """Tell whether the test itself sent a request, with ``push()`` or ``scrape()``."""
        mark = request.header(ORIGIN_HEADER)
        return mark is not None and mark.startswith(self._secret)

    def _count(self, entry: Request, kind: str) -> None:
        totals = self.totals
        if kind == "push":
            self.last_push = entry._order
            totals.pushes += 1
            totals.bodies += len(entry.body)
            totals.slowest = max(totals.slowest, entry.duration)
            if isinstance(entry, Push) and entry.rejected:
                totals.rejections += 1
        elif kind == "delete":
            totals.deletions += 1

    def clear(self) -> None:
        """Forget all requests; many or large ones are freed by a thread, so that this takes the same time always."""
        with self.condition:
            old, self._entries = self._entries, deque()
            self._noted = deque()
            large = len(old) > FREED_AT_ONCE or self._bodies > FREED_BYTES
            self._unheard = []
            self._bodies = self.dropped = self.dropped_accepted = self.dropped_rejected = 0
            self._numbers.clear()
            self.condition.notify_all()
        if large:
            # Not threading.Thread, whose start() waits until the new thread has had its turn.
            _thread.start_new_thread(_free, (old,))

    def take_totals(self) -> Totals:
        """Return the counts since this was last asked."""
        with self.condition:
            totals, self.totals = self.totals, Totals()
        return totals

    def requests(self) -> list[Request]:
        """Return all requests, in the order in which they took effect."""
        with self.condition:
            return list(self._entries)

    def noted(self, since: int) -> list[Request]:
        """Return the kept requests later than ``since`` that a test may have to hear of; costs these alone."""
        with self.condition:
            return [entry for entry in self._noted if entry._order > since]

    def take_unheard(self, since: int) -> list[int]:
        """Return the numbers of the rejected pushes later than ``since`` that nobody expected and that were let go."""
        with self.condition:
            unheard, self._unheard = self._unheard, []
        return [number for order, number in unheard if order > since]

    def pushes(self) -> list[Push]:
        """Return all pushes, rejected ones and those that met a fault too."""
        return [entry for entry in self.requests() if isinstance(entry, Push)]

    def deletions(self) -> list[Delete]:
        """Return all deletions."""
        return [entry for entry in self.requests() if isinstance(entry, Delete)]

    def expect_mark(self) -> str:
        """Return a mark for a request of the test's own, by which `take_marked` finds it."""
        with self.condition:
            self._marks += 1
            mark = f"{self._secret}.{self._marks}"
            self._sent[mark] = None
        return mark

    def take_marked(self, mark: str) -> Request | None:
        """Return the request that carried ``mark``, or None where the gateway has none."""
        with self.condition:
            return self._sent.pop(mark, None)

    @property
    def sequence(self) -> int:
        """A number that grows with every request."""
        return self._order

    def wait_beyond(self, sequence: int, timeout: float) -> bool:
        """Wait until there is a request later than ``sequence``, at most ``timeout`` seconds."""
        with self.condition:
            return self.condition.wait_for(lambda: self._order != sequence, timeout)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after every request, in the thread that serves it."""
        with self.condition:
            self._listeners.add(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        """Stop calling ``listener``."""
        with self.condition:
            self._listeners.discard(listener)

    def __iter__(self) -> Iterator[Request]:
        return iter(self.requests())

    def __len__(self) -> int:
        return len(self._entries)
