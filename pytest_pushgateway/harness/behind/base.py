"""`BaseGateway`: what a gateway behind a `Pushgateway` knows of tests, wherever the gateway itself is."""

from __future__ import annotations

import sys
import threading
from collections import deque
from typing import TYPE_CHECKING
from weakref import WeakSet

from pytest_pushgateway.genuine import genuine
from pytest_pushgateway.monotonic import monotonic

if TYPE_CHECKING:
    from pytest_pushgateway.harness.journal.journal import Journal
    from pytest_pushgateway.harness.messages.report import Finding
    from pytest_pushgateway.interception.interception import Interceptions

_OF_THE_RUN = ("pushgateway", "pytest_timeout")
"""The beginnings of the names of threads that push nothing."""


class BaseGateway:
    """A gateway that tests use one after another.

    Args:
        managed: whether fixtures look after it: its warnings then wait until they have ended.

    Attributes:
        test: the node id of the test that began last.
        made_in: the node id of the test that made it.
        journal: the requests since the last reset.
        moves: for each time that the clock was set, the journal's sequence at that moment and the new time.
        log: the latest lines of the gateway's log: level, message and fields of each.
        interceptions: the addresses whose connections reach it, once it was asked to intercept any.
        page_note: a line that the web page shows at its top, if any.
        left_running: the threads and processes that ran already when the current test began, by name; None if no test
            came before it.
        heard: the journal's sequence up to which warnings were made.
        due: warnings that were made and wait for the test's end.
        threads: those that ran when the current test began.
        began: when that was, as `monotonic` gives it.

    """

    journal: Journal

    def __init__(self, *, managed: bool) -> None:
        self.managed: bool = managed
        self.test: str = running_test()
        self.made_in: str = self.test
        self.moves: list[tuple[int, float]] = []
        self.log: deque[tuple[str, str, dict[str, object]]] = deque(maxlen=200)
        self.interceptions: Interceptions | None = None
        self.page_note: str | None = None
        self.left_running: list[str] | None = None
        self.heard: int = 0
        self.due: list[Finding] = []
        self.threads: WeakSet[threading.Thread] = WeakSet()
        self.began: float = 0.0
        self._tests = 0

    def begin_test(self, test: str) -> None:
        """Note that a test, named by its node id, begins: what came until now was not of it."""
        self.test = test
        self.log.clear()
        self.journal.begin_test()
        self.mark_beginning()

    def note_test(self) -> None:
        """Note that a test begins, and what tests before it have left running in this process."""
        self._tests += 1
        if self.interceptions is not None:
            self.interceptions.begin_test()
        self.mark_beginning()
        self.left_running = running_meanwhile() if self._tests > 1 else None

    def mark_beginning(self) -> None:
        """Note that a test begins: what runs now was not begun by it."""
        self.threads = WeakSet(threading.enumerate())
        self.began = monotonic()


def running_meanwhile() -> list[str]:
    """Return the names of threads and child processes that are not ours, nor those that run the tests."""
    runners = (threading.main_thread(), threading.current_thread())
    names = [thread.name for thread in threading.enumerate() if thread not in runners]
    multiprocessing = sys.modules.get("multiprocessing")
    if multiprocessing is not None:
        names += [child.name for child in multiprocessing.active_children()]
    return [name for name in names if not name.startswith(_OF_THE_RUN)]


def running_test() -> str:
    """Return the node id of the test that pytest runs, or an empty string."""
    try:
        # Not with get(), which tests mock.
        return genuine.environ["PYTEST_CURRENT_TEST"].rpartition(" (")[0]
    except KeyError:
        return ""
