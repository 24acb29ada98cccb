"""`ObservedGateway`: the gateway that serves, and around it what a test has of it: journal, faults, clock and log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from pytest_pushgateway import threads
from pytest_pushgateway.gateway.log import PERSISTED
from pytest_pushgateway.genuine import genuine
from pytest_pushgateway.harness.behind.base import BaseGateway, running_test
from pytest_pushgateway.harness.clock import Clock
from pytest_pushgateway.harness.journal.journal import Journal
from pytest_pushgateway.later import later

if TYPE_CHECKING:
    from pytest_pushgateway.gateway.app import recent_requests
    from pytest_pushgateway.gateway.app.recent_requests import RecentRequest
    from pytest_pushgateway.gateway.gateway import Gateway
    from pytest_pushgateway.gateway.groups import StoredGroup
    from pytest_pushgateway.gateway.hooks import Plan, RawRequest, Record
    from pytest_pushgateway.harness.faults import faults as all_faults
    from pytest_pushgateway.harness.faults.faults import Faults
    from pytest_pushgateway.original.comparison import Comparison
else:
    all_faults = later("pytest_pushgateway.harness.faults.faults")
    recent_requests = later("pytest_pushgateway.gateway.app.recent_requests")

_ASKED_BY_THE_PAGE = ("state", "static")
"""Handlers that the journal leaves out: an open page asks every second and would push what was pushed out of it."""


class ObservedGateway(BaseGateway):
    """A gateway in this process, as its observer, its hook and its log; `LocalGateway` starts and ends it.

    Args:
        journal_limit: how many requests the journal keeps.
        managed: whether fixtures look after it.
        comparison: the original to compare it with, if a run asks for that.

    Attributes:
        inner: the gateway that was started last, if any; its store can still be read when it is stopped.
        clock: the clock by which it dates.

    """

    def __init__(self, journal_limit: int, *, managed: bool, comparison: Comparison | None) -> None:
        super().__init__(managed=managed)
        self.journal: Journal = Journal(journal_limit)
        self.clock: Clock = Clock(lambda at: self.moves.append((self.journal.sequence, at)))
        self.inner: Gateway | None = None
        self._running = False
        self._faults: Faults | None = None
        self._comparison = comparison
        self._asking: dict[int, RawRequest] = {}
        """The requests about which faults are asked, by the thread that does it."""

    @property
    def running(self) -> bool:
        """Whether it is started; one that ``/-/quit`` ended is not."""
        if self._running and self.inner is not None and self.inner.stopped:
            self._running = False
            self.inner.wait_for_end()
            self.lift_faults()
        return self._running

    @property
    def faults(self) -> Faults:
        """Its faults, made when they are first asked for."""
        with self.journal.condition:
            if self._faults is None:
                self._faults = all_faults.Faults(self._release, self._refuse, self._is_current)
            return self._faults

    @property
    def asked_faults(self) -> Faults | None:
        """Its faults, or None if nobody has asked for them yet."""
        return self._faults

    @property
    def errors(self) -> list[list[BaseException]]:
        """The lists into which threads of the gateway and predicates of faults put what they raised."""
        faults, inner = self._faults, self.inner
        found = [*([faults._errors] if faults is not None else []), *([inner.errors] if inner is not None else [])]
        return found if self._comparison is None else [*found, self._comparison.differences]

    def lift_faults(self) -> None:
        """End all faults and release the requests that wait in them."""
        if self._faults is not None:
            self._faults.clear()

    def before_reset(self) -> None:
        """End all faults; the requests that wait in them wait on, until a reset or a stop."""
        if self._faults is not None:
            self._faults._end_all()

    @contextmanager
    def _compared(self) -> Iterator[None]:
        """Change what it holds, while no request is compared; the original then gets the same."""
        if self._comparison is None:
            yield
            return
        with self._comparison.lock:
            yield
            self._comparison.synchronise()

    # What the inner gateway calls

    def _observe(self, record: Record) -> None:
        if self._comparison is not None:
            self._comparison.observe(record)
        if record.request.handler in _ASKED_BY_THE_PAGE:
            return
        test = running_test() or self.test  # it may have emptied the environment
        with self.journal.condition:
            if self._is_current(record.request):
                self.journal.add(record, test)

    def _is_current(self, request: RawRequest) -> bool:
        """Return whether a request arrived after the last reset."""
        return self.inner is None or request.generation == self.inner.store.generation

    def _hook(self, request: RawRequest) -> Plan | None:
        plan = self._plan(request)
        if self._comparison is not None:
            self._comparison.begin(request, plan)
        return plan

    def _plan(self, request: RawRequest) -> Plan | None:
        if not self._faults or self.journal.is_own(request):
            return None
        threads.about_to_wait()  # the functions of faults are the test's, and may do anything
        thread = genuine.thread_number()
        self._asking[thread] = request
        try:
            return self._faults._plan(request)
        finally:
            del self._asking[thread]

    def _write_log(self, level: str, message: str, **fields: object) -> None:
        if message != PERSISTED:  # with every push, and nothing to a test
            self.log.append((level, message, fields))

    def _recent(self) -> list[RecentRequest]:
        # The page asks every second: from the end, so that a long journal is not gone through.
        latest = islice(
            (entry for entry in reversed(self.journal.requests()) if entry.kind != "other"), recent_requests.LIMIT
        )
        return [entry._in_short() for entry in latest][::-1]

    # What its faults call

    def _release(self, fault: object) -> None:
        if self.inner is not None:
            self.inner.release(fault)

    def _refuse(self, refused: bool) -> None:
        if self.inner is None or not self.running:
            if refused:
                raise RuntimeError("a stopped gateway already refuses connections")
            return
        if refused:
            self.inner.refuse()
        else:
            self.inner.unrefuse()
        self._note_change(reachable=not refused)

    def _note_change(self, *, reachable: bool, groups: tuple[StoredGroup, ...] | None = None) -> None:
        self.journal.note_change(self.clock(), len(self.moves), reachable=reachable, groups=groups)
