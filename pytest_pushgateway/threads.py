"""Threads, and what keeps them apart: of the interpreter itself, where no mock and no green thread reaches them.

Made of ``threading``, the gateway's threads would not start while a test mocks ``Thread.start``, and would wait for a
hub that nobody runs once eventlet or gevent has patched it. These are made of `genuine` alone, and behave as
threading's: a daemon thread, a lock that its owner may take again, one with a wait (a monitor), an event. They are not
among ``threading.enumerate()``, where tests look for threads that the code under test has left.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable
from operator import attrgetter

from pytest_pushgateway.genuine import genuine
from pytest_pushgateway.monotonic import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    Result = TypeVar("Result")

LONGEST_WAIT = 1_000_000.0
"""Seconds, about eleven days. Windows' locks cannot wait for many more; nor does anybody."""
LONGEST_ACTION = 20.0
"""Seconds that a handler's exception waits, at most, until an action has ended."""
Lock: Callable[[], Any] = genuine.make_lock
"""A lock, as ``threading.Lock``."""
_started: set[Thread] = set()
_numbered: dict[int, Thread] = {}
"""The threads that run, by the interpreter's number."""


class Thread:
    """A thread that does not keep the interpreter from ending.

    Args:
        target: what it runs.
        name: what it is for.
    """

    def __init__(self, target: Callable[[], object], name: str) -> None:
        self.name = name
        self.before_wait: Callable[[], object] | None = None
        """Called by the thread itself before it does something that may take long."""
        self.postponed: list[Callable[[], object]] | None = None
        """Calls for when its request has been answered; None if it serves no connection."""
        self._target = target
        self._running = Lock()
        """Held while it runs."""
        self._claim = [True]
        """For whoever takes it first: the thread, which runs then, or the one that could not start it."""

    def __repr__(self) -> str:
        return f"<Thread {self.name}, {'alive' if self.is_alive() else 'not running'}>"

    def start(self) -> None:
        """Start it; once only.

        Raises:
            RuntimeError: there can be no more threads.
        """
        try:
            self._running.acquire()
            _started.add(self)
            genuine.start_thread(self._run, ())
        except BaseException:  # of a signal's handler, too, which may come when the thread runs already
            if _taken(self._claim):
                _started.discard(self)
                if self._running.locked():
                    self._running.release()
            raise

    def is_alive(self) -> bool:
        """Return whether it was started and has not ended."""
        return bool(self._running.locked())

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended, for at most this many seconds."""
        about_to_wait()
        seconds = LONGEST_WAIT if timeout is None else min(max(timeout, 0.0), LONGEST_WAIT)
        if self._running.acquire(True, seconds):
            self._running.release()

    def _run(self) -> None:
        if not _taken(self._claim):
            return
        number = genuine.thread_number()
        _numbered[number] = self
        try:
            # As threading does, for coverage and debuggers.
            if trace := threading.gettrace():
                sys.settrace(trace)
            if profile := threading.getprofile():
                sys.setprofile(profile)
            self._target()
        finally:
            del _numbered[number]
            _started.discard(self)
            self._running.release()


def _taken(claim: list[bool]) -> bool:
    """Take what is there once; return whether it was still there."""
    try:
        return claim.pop()
    except IndexError:
        return False


def uninterrupted(action: Callable[[], Result]) -> Result:
    """Return ``action()``, done as a whole even if a signal's handler raises meanwhile, as that of a test's timeout.

    Python runs handlers in the main thread, wherever it is: what must not stop half-way is done in another one. The
    exception of a handler comes out once the action has ended.

    Raises:
        BaseException: whatever the action or a handler raises.
    """
    if genuine.thread_number() != threading.main_thread().ident:
        return action()
    results: list[Result] = []
    problems: list[BaseException] = []

    def act() -> None:
        try:
            results.append(action())
        except BaseException as problem:
            problems.append(problem)

    thread = Thread(act, "pushgateway-life")
    try:
        thread.start()
        thread.join()
    except BaseException as raised:
        if not (thread.is_alive() or results or problems):
            if isinstance(raised, RuntimeError):  # no further thread can be started
                return action()
            raise
        deadline = monotonic() + LONGEST_ACTION
        while not (results or problems) and monotonic() < deadline:
            thread.join(LONGEST_ACTION)
        raise
    for problem in problems:
        raise problem
    return results[0]


def current() -> Thread | None:
    """Return the thread that asks, if it is one of these."""
    return _numbered.get(genuine.thread_number())


def about_to_wait() -> None:
    """Announce that the current thread does something now that may take long, so that another can take its place.

    A thread that serves goes on accepting connections until it calls this: waking another one for each request would
    cost more than a small push. To be called before a wait for anything but a lock that is held briefly; the waits of
    this module call it themselves.
    """
    thread = current()
    if thread is not None and thread.before_wait is not None:
        thread.before_wait()


def after_the_answer(action: Callable[[], object]) -> None:
    """Call ``action`` once the current thread has sent its answer, or now if it serves no request.

    It is for work that the client need not wait for: a line of the log may wake its reader, which takes longer than a
    small push.
    """
    thread = current()
    if thread is None or thread.postponed is None:
        action()
    else:
        thread.postponed.append(action)


def alive() -> list[Thread]:
    """Return the threads that were started and have not ended."""
    return list(_started)


class RLock:
    """A lock that the thread which holds it may take again.

    It is taken and given back in C, in one step as Python sees it: the exception of a signal's handler comes before or
    after, and never leaves the lock taken. A slot hides the lock inside from eventlet, which replaces those it finds.
    """

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = genuine.make_reentrant_lock()

    if TYPE_CHECKING:

        def __enter__(self) -> bool: ...

        def __exit__(self, *problem: object) -> None: ...

        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
            """Take it; return whether it was to be had."""

        def release(self) -> None:
            """Give it back, as often as it was taken."""

        def is_owned(self) -> bool:
            """Return whether the current thread holds it."""

    else:
        acquire = property(attrgetter("_lock.acquire"))
        release = property(attrgetter("_lock.release"))
        is_owned = property(attrgetter("_lock._is_owned"))
        __enter__ = property(attrgetter("_lock.__enter__"))
        __exit__ = property(attrgetter("_lock.__exit__"))


class Monitor(RLock):
    """A lock, which the thread that holds it may take again, and a wait for something that another thread announces."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[Any] = deque()

    def wait(self, timeout: float | None = None) -> bool:
        """Release the lock, wait for a notification this many seconds at most, acquire it; return if there was one."""
        about_to_wait()
        told = Lock()
        told.acquire()
        self._waiting.append(told)
        seconds = LONGEST_WAIT if timeout is None else min(max(timeout, 0.0), LONGEST_WAIT)
        heard, held = False, None
        try:
            held = self._lock._release_save()
            heard = bool(told.acquire(True, seconds))
            return heard
        finally:
            if held is not None:
                self._lock._acquire_restore(held)
            if not heard and told in self._waiting:
                self._waiting.remove(told)

    def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
        """Wait until ``predicate()``, asked under the lock, is true, this many seconds at most; return its result."""
        deadline = None if timeout is None else monotonic() + timeout
        while not (result := predicate()):
            left = None if deadline is None else deadline - monotonic()
            if left is not None and left <= 0:
                break
            self.wait(left)
        return result

    def notify_all(self) -> None:
        """Tell all that wait; the lock is held."""
        while self._waiting:
            self._waiting.popleft().release()


class Event:
    """Something that happens once."""

    def __init__(self) -> None:
        self._happened = False
        self._changed = Monitor()

    def is_set(self) -> bool:
        """Return whether it has happened."""
        return self._happened

    def set(self) -> None:
        """Say that it has happened."""
        with self._changed:
            self._happened = True
            self._changed.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it happens, at most this many seconds; return whether it has."""
        with self._changed:
            return bool(self._changed.wait_for(lambda: self._happened, timeout))
