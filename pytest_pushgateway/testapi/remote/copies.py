"""Copies of a remote gateway's journal and groups, brought up to date when they are read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pytest_pushgateway import threads
from pytest_pushgateway.genuine import genuine, green_sleep
from pytest_pushgateway.harness.journal.journal import Journal
from pytest_pushgateway.harness.journal.requests import ORIGIN_HEADER
from pytest_pushgateway.monotonic import monotonic

if TYPE_CHECKING:
    from pytest_pushgateway.exposition.labels import Labels
    from pytest_pushgateway.exposition.model import MetricFamily
    from pytest_pushgateway.gateway import hooks
    from pytest_pushgateway.gateway.groups import Poison, StoredGroup
    from pytest_pushgateway.harness.journal.requests import Request

_POLL = 1.0
"""Seconds that a listener's thread waits for a request at a time."""
_GREEN_PAUSE = 0.005
"""Seconds from one question to the next of a green thread that waits."""


class CopiedStore:
    """The groups of a remote gateway as they were when it was last asked."""

    def __init__(self, groups: Sequence[StoredGroup] = (), poison: Poison | None = None) -> None:
        self._groups = groups
        self._poison = poison
        self._by_name: dict[bytes, list[tuple[Labels, MetricFamily]]] = {}
        for group in groups:
            for name, stored in group.families.items():
                self._by_name.setdefault(name, []).append((group.key, stored.family))

    def groups(self) -> Sequence[StoredGroup]:
        """Return all groups, the oldest first."""
        return self._groups

    def families_named(self, name: bytes, /) -> Sequence[tuple[Labels, MetricFamily]]:
        """Return the families of this name, each with its group's key."""
        return self._by_name.get(name, ())

    def names(self) -> Sequence[bytes]:
        """Return the names of all families."""
        return tuple(self._by_name)

    def poisoned(self) -> Poison | None:
        """Return the cause of refused pushes and failing scrapes, and its cure; None in a healthy gateway."""
        return self._poison


class CopiedJournal(Journal):
    """The journal of a remote gateway.

    Args:
        limit: the number of requests that it keeps.
        mark: the beginning of the marks over there.
        update: adds the requests that are missing, waiting for one as many seconds as it is given.

    """

    def __init__(self, limit: int, mark: str, update: Callable[[float], None]) -> None:
        super().__init__(limit)
        self._mark = mark
        self._secret = f"{mark}.{genuine.urandom(4).hex()}"  # two clients of one gateway keep their marks apart
        self._update = update
        self._failure: Exception | None = None
        self._latest: dict[str, int] = {}
        """The number, over there, of the last request of each kind."""
        self._earlier: dict[str, int] = {}
        """The same as of the beginning of the test that runs."""

    def catch_up(self) -> None:
        """Learn of all requests up to now."""
        self._update(0.0)

    def copy(self, order: int, number: int, record: hooks.Record, test: str) -> None:
        """File a request.

        Args:
            order: its place among all that the gateway ever got.
            number: its place among those of its kind since the last reset.
            record: the request and its outcome.
            test: the node id of the test that runs.

        """
        with self.condition:
            if order > self._order:
                self._order = order - 1  # those between were dropped over there
                entry = self.add(record, test)
                self._latest[entry.kind] = number
                entry.number = number - self._earlier.get(entry.kind, 0)

    def clear(self) -> deque[Request]:
        """Forget all requests; return those that are many or large."""
        with self.condition:
            self._latest.clear()
            self._earlier.clear()
            return super().clear()

    def begin_test(self) -> None:
        """Begin another test: what came until now is of those before it."""
        with self.condition:
            self._earlier = dict(self._latest)
            super().begin_test()

    def count_dropped(self, dropped: int, accepted: int, rejected: int) -> None:
        """Note how many requests the gateway's journal has dropped."""
        with self.condition:
            self.dropped: int = max(self.dropped, dropped)
            self.dropped_accepted: int = max(self.dropped_accepted, accepted)
            self.dropped_rejected: int = max(self.dropped_rejected, rejected)

    def add_unheard(self, unheard: Iterable[tuple[int, int]]) -> None:
        """Note rejected pushes that were dropped over there before they were copied: place and number of each."""
        with self.condition:
            self._unheard += [(order, number) for order, number in unheard if order > self._order]

    def is_own(self, request: hooks.RawRequest) -> bool:
        """Return whether a test itself sent a request."""
        mark = request.header(ORIGIN_HEADER)
        return mark is not None and mark.startswith(self._mark)

    def take_marked(self, mark: str) -> Request | None:
        """Return the request that carried ``mark``; None if the gateway has no such request."""
        self._update(0.0)
        return super().take_marked(mark)

    def wait_beyond(self, sequence: int, timeout: float) -> bool:
        """Wait until there is a request later than ``sequence``, at most ``timeout`` seconds."""
        sleep = green_sleep()
        deadline = monotonic() + timeout
        while sleep and self._order == sequence and monotonic() < deadline:
            self._update(0.0)
            sleep(_GREEN_PAUSE)
        if self._order == sequence and not sleep:
            self._update(timeout)
        return self._order != sequence

    def peek(self, look: Callable[[], Any]) -> Any:
        """Return what ``look()`` does, or raise what keeps a listener from hearing of requests."""
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return super().peek(look)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after every request, in a thread that asks for them."""
        super().listen(listener)
        threads.Thread(lambda: self._ask_for(listener), "pushgateway-listen").start()

    def _ask_for(self, listener: Callable[[], None]) -> None:
        while listener in self._listeners:
            try:
                self._update(_POLL)
            except Exception as problem:
                self._failure = problem
                listener()
                return
