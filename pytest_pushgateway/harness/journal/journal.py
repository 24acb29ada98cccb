"""The journal: every request that a gateway got in a test, and waiting for the next."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from pytest_pushgateway import threads
from pytest_pushgateway.genuine import genuine, green_sleep
from pytest_pushgateway.golang.utf8 import bytes_of
from pytest_pushgateway.harness.journal.requests import _CLASSES, ORIGIN_HEADER, Delete, Push, Request
from pytest_pushgateway.later import later
from pytest_pushgateway.monotonic import monotonic
from pytest_pushgateway.recording import tell

if TYPE_CHECKING:
    from typing import Any

    from pytest_pushgateway.gateway import hooks
    from pytest_pushgateway.gateway.groups import StoredGroup
    from pytest_pushgateway.harness.journal import losses
    from pytest_pushgateway.harness.journal.losses import Absence, Loss
else:
    losses = later("pytest_pushgateway.harness.journal.losses")

BODIES_LIMIT = 64 * 1024 * 1024
"""Bytes of bodies, decoded ones too, and of long heads and errors that a journal keeps at most."""

_USUAL = 8192
"""Bytes of a head or an error that are not counted: nearly all are much shorter."""
_UNHEARD = 100_000
"""Rejected pushes that are remembered by their numbers when nothing else is left of them."""

ASTRAY = 100
"""Requests that were redirected, or missed their path, and may be followed by others yet."""

_GREEN_PAUSE = 0.005
"""Seconds after which a green thread that waits looks again."""
FREED_AT_ONCE = 200
FREED_BYTES = 64 * 1024


class Notes(NamedTuple):
    """Lines of a message on what may keep requests from the gateway: for its beginning, and for its end."""

    first: list[str]
    last: list[str]


class Journalled:
    """The common base of the parts of a `Pushgateway`."""

    @property
    def _journal(self) -> Journal:
        """The journal of the gateway's requests."""
        raise NotImplementedError

    @property
    def _left_running(self) -> list[str] | None:
        """What ran already when the current test began, by name; None if no test came before it."""
        return None

    @property
    def _utf8_names(self) -> bool:
        """Whether the gateway takes names that are any UTF-8."""
        return True

    def _knows(self, name: str) -> bool:
        """Return whether a push of this test carried a metric family of this name."""
        return any(bytes_of(name) in push._parsed for push in self._journal.pushes())

    def _closed(self) -> str | None:
        """Return why no connection reaches the gateway now, and what to do; None where one would."""
        return None

    def _notes(self, *, waited: bool = False) -> Notes:
        """Return what may keep requests from the gateway.

        Args:
            waited: whether the test has waited for them already.

        """
        return Notes([], [])


class Totals:
    """Counts of a gateway's requests, kept by the journal or not: pushes, rejections, deletions, bytes, seconds."""

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


class LifeChange(NamedTuple):
    """A moment of the gateway's life: from then on a scrape reached it, or did not.

    ``after`` is the journal's sequence at that moment, ``moves`` how often the clock had been set, ``at`` the Unix time
    by the gateway's clock in seconds. ``groups`` are those that it started with, None if it was not started then.
    """

    after: int
    moves: int
    at: float
    reachable: bool
    groups: tuple[StoredGroup, ...] | None = None


def _size(record: hooks.Record) -> int:
    """Return the bytes of a request that count towards the bound."""
    request = record.request
    size = max(len(request.body), record.decoded)
    head = len(request.target) + sum(map(len, chain.from_iterable(request.raw_headers)))
    error = len(record.error or "")
    return size + head * (head > _USUAL) + error * (error > _USUAL)


class Journal:
    """The requests since the last reset, bounded in number and in bytes of bodies.

    Those of the test that runs are a part of them, where no reset came before it. The oldest are dropped to keep the
    bounds, but never the last one: ``dropped`` counts those of this test, ``dropped_accepted`` the application's
    accepted pushes among them, ``dropped_rejected`` the rejected ones.
    """

    def __init__(self, limit: int) -> None:
        self.condition: threads.Monitor = threads.Monitor()
        self.dropped: int = 0
        self.dropped_accepted: int = 0
        self.dropped_rejected: int = 0
        self.last_push: int = 0
        """The place of the last push among all requests, as `Request._order`."""
        self.totals: Totals = Totals()
        self._limit = limit
        self._secret = genuine.urandom(8).hex()
        self._entries: deque[Request] = deque()
        self._noted: deque[Request] = deque()
        self._again: deque[Push] = deque()
        """The kept pushes of the application to a group that was there before: these alone may take from another."""
        self._astray: deque[Push | Delete] = deque(maxlen=ASTRAY)
        self._unheard: deque[tuple[int, int]] = deque(maxlen=_UNHEARD)
        """Place and number of rejected pushes that were dropped before a warning spoke of them."""
        self._looks: list[int] = []
        """After which requests somebody read the gateway, in order."""
        self._absences: list[tuple[int, Absence]] = []
        self.changes: list[LifeChange] = []
        """When the gateway was started, stopped, refused connections and took them again."""
        self._bodies = 0
        self._order = 0
        self._before = 0
        """The place of the last request before the test that runs."""
        self._numbers: dict[str, int] = {}
        self._listeners: set[Callable[[], None]] = set()
        self._sent: dict[str, Request | None] = {}
        self._marks = 0

    def catch_up(self) -> None:
        """Learn of all requests up to now: a gateway in this process reports each before it answers."""

    def add(self, record: hooks.Record, test: str = "") -> Request:
        """File what became of a request and wake up whoever waits."""
        request, kind = record.request, record.kind
        own = self.is_own(request)
        entry = _CLASSES.get(kind, Request)(request, record, "test" if own else "")
        entry.test = test
        with self.condition:
            entry.number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
            self._order += 1
            entry._order = self._order
            self._entries.append(entry)
            entry._size = _size(record)
            self._bodies += entry._size
            if self._astray or record.missed or record.location:
                self._follow(entry)
            if isinstance(entry, Push):
                self._count_push(entry, record)
            else:
                self.totals.deletions += isinstance(entry, Delete)
            # Nearly all pushes are accepted, and nothing is to be said of them.
            if (record.location or not (kind == "push" and record.accepted)) and entry._noteworthy:
                self._noted.append(entry)
            while len(self._entries) > self._limit or (self._bodies > BODIES_LIMIT and len(self._entries) > 1):
                self._drop(self._entries.popleft())
            if own:
                mark = request.header(ORIGIN_HEADER)
                if mark in self._sent:
                    self._sent[mark] = entry
            self.condition.notify_all()
            for listener in self._listeners:
                listener()
        tell(self, "request", entry)
        return entry

    def _follow(self, entry: Request) -> None:
        """Note which earlier request, redirected or astray, the client has made good by this one."""
        if not isinstance(entry, (Push, Delete)) or entry.origin == "test":
            return
        for astray in self._astray:
            if astray._followed_by is None and astray._is_made_good_by(entry):
                astray._followed_by = entry
                if isinstance(astray, Push) and astray._missed and not astray.rejected:
                    self.totals.rejections = max(0, self.totals.rejections - 1)
        if entry._missed or entry.location is not None:
            self._astray.append(entry)

    def _drop(self, gone: Request) -> None:
        self._bodies -= gone._size
        if self._noted and self._noted[0] is gone:
            self._noted.popleft()
        if self._again and self._again[0] is gone:
            self._again.popleft()
        if gone._order <= self._before:
            return
        self.dropped += 1
        if not isinstance(gone, Push):
            return
        if gone.accepted:
            self.dropped_accepted += gone.origin == "application"
        elif gone.rejected:
            self.dropped_rejected += 1
            if gone.origin == "application" and not gone._expected:
                self._unheard.append((gone._order, gone.number))

    @property
    def own_mark(self) -> str:
        """The secret at the beginning of every mark."""
        return self._secret

    def is_own(self, request: hooks.RawRequest) -> bool:
        """Return whether the test itself sent a request, with ``push()`` or ``scrape()``."""
        mark = request.header(ORIGIN_HEADER)
        return mark is not None and mark.startswith(self._secret)

    def _count_push(self, entry: Push, record: hooks.Record) -> None:
        totals = self.totals
        self.last_push = entry._order
        totals.pushes += 1
        totals.bodies += len(record.request.body)
        totals.slowest = max(totals.slowest, record.duration)
        if entry._again:
            self._again.append(entry)
        elif entry.rejected:
            totals.rejections += 1

    def clear(self) -> deque[Request]:
        """Forget all requests; return those that are many or large, as to free them takes a while."""
        with self.condition:
            old, self._entries = self._entries, deque()
            self._noted = deque()
            self._again = deque()
            self._astray.clear()
            self._looks.clear()
            self._absences.clear()
            self.changes.clear()
            large = len(old) > FREED_AT_ONCE or self._bodies > FREED_BYTES
            self._unheard.clear()
            self._bodies = self.dropped = self.dropped_accepted = self.dropped_rejected = 0
            self._numbers.clear()
            self.condition.notify_all()
        return old if large else deque()

    def begin_test(self) -> None:
        """Begin another test: what came until now is of those before it."""
        with self.condition:
            self._before = self._order
            self._numbers.clear()
            self.dropped = self.dropped_accepted = self.dropped_rejected = 0

    def take_totals(self) -> Totals:
        """Return the counts since this was last asked."""
        with self.condition:
            totals, self.totals = self.totals, Totals()
        return totals

    def requests(self) -> list[Request]:
        """Return all requests since the last reset, in the order in which they took effect."""
        with self.condition:
            return list(self._entries)

    def of_test(self) -> list[Request]:
        """Return the requests of the test that runs."""
        with self.condition:
            return [entry for entry in self._entries if entry._order > self._before]

    def has(self, request: Request) -> bool:
        """Return whether a request is one of this journal, or may be one that it dropped."""
        with self.condition:
            if any(entry is request for entry in self._entries):
                return True
            return self.dropped > 0 and request._order < self._entries[0]._order

    def noted(self, since: int) -> list[Request]:
        """Return the kept requests later than ``since`` that a test may have to hear of; costs these alone."""
        with self.condition:
            return [entry for entry in self._noted if entry._order > since]

    @property
    def unheard(self) -> list[tuple[int, int]]:
        """Place and number of rejected pushes that were dropped before a warning reported them."""
        with self.condition:
            return list(self._unheard)

    def take_unheard(self, since: int) -> list[int]:
        """Return the numbers of the rejected pushes later than ``since`` that nobody expected and that were dropped."""
        with self.condition:
            unheard = list(self._unheard)
            self._unheard.clear()
        return [number for order, number in unheard if order > since]

    def look(self, order: int | None = None) -> None:
        """Note that the test reads the gateway now, or as it was after the request of that order."""
        with self.condition:
            at = self._order if order is None else order
            if not self._looks or self._looks[-1] < at:
                self._looks.append(at)
            elif self._looks[-1] > at:
                insort(self._looks, at)

    def peek(self, look: Callable[[], Any]) -> Any:
        """Return what ``look()`` does; what it read of the gateway counts only if it found what it was to find."""
        before = len(self._looks)
        result = look()
        if not result:
            with self.condition:
                del self._looks[before:]
        return result

    def note_change(
        self, at: float, moves: int, *, reachable: bool, groups: tuple[StoredGroup, ...] | None = None
    ) -> None:
        """Note that a scrape reaches the gateway from now on, or does not; the arguments are those of `LifeChange`."""
        with self.condition:
            self.changes.append(LifeChange(self._order, moves, at, reachable, groups))

    def deny(self, absence: Absence) -> None:
        """Note that the test asserted that something is not exposed."""
        with self.condition:
            self._absences.append((self._order, absence))

    def losses(self, since: int) -> list[Loss]:
        """Return what pushes later than ``since`` took from others; costs nothing if each made a group."""
        with self.condition:
            if not self._again or self._again[-1]._order <= since:
                return []
            again = [push for push in self._again if push._order > since]
            return losses.losses(self._entries, again, self._looks, self._absences)

    def pushes(self) -> list[Push]:
        """Return the pushes of the test that runs, rejected ones and those that met a fault too."""
        return [entry for entry in self.of_test() if isinstance(entry, Push)]

    def deletions(self) -> list[Delete]:
        """Return the deletions of the test that runs."""
        return [entry for entry in self.of_test() if isinstance(entry, Delete)]

    def expect_mark(self) -> str:
        """Return a mark for the test's own request, by which `take_marked` finds it."""
        with self.condition:
            self._marks += 1
            mark = f"{self._secret}.{self._marks}"
            self._sent[mark] = None
        return mark

    def take_marked(self, mark: str) -> Request | None:
        """Return the request that carried ``mark``, or None if the gateway has none."""
        with self.condition:
            return self._sent.pop(mark, None)

    @property
    def sequence(self) -> int:
        """A number that grows with every request."""
        return self._order

    def wait_beyond(self, sequence: int, timeout: float) -> bool:
        """Wait until there is a request later than ``sequence``, at most ``timeout`` seconds."""
        if sleep := green_sleep():
            # Who pushes may be a green thread that has its turn only when this one, a green one too, sleeps.
            deadline = monotonic() + timeout
            while self._order == sequence and monotonic() < deadline:
                sleep(_GREEN_PAUSE)
            return self._order != sequence
        with self.condition:
            return bool(self.condition.wait_for(lambda: self._order != sequence, timeout))

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
