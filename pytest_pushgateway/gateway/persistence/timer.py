"""A thread that does something again and again while it is due."""

from __future__ import annotations

from collections.abc import Callable

from pytest_pushgateway import threads
from pytest_pushgateway.monotonic import monotonic


class Timer:
    """Calls ``act`` whenever ``is_due`` returns true, but no sooner than ``interval`` seconds after the last time.

    Args:
        seconds: the time between two calls, at least.
        is_due: whether there is something to do; asked when the time is over, and when :meth:`wake` is called.
        act: must not raise.
    """

    def __init__(self, seconds: float, is_due: Callable[[], bool], act: Callable[[], object]) -> None:
        self._seconds = seconds
        self._is_due = is_due
        self._act = act
        self._changed = threads.Monitor()
        self._last = monotonic()
        self._stopping = False
        self._thread: threads.Thread | None = None

    def start(self) -> None:
        """Start the thread, unless it runs or is to stop."""
        with self._changed:
            if self._thread is None and not self._stopping:
                self._thread = threads.Thread(self._run, "pushgateway-persistence")
                self._thread.start()

    def wake(self, *, put_off: bool = False) -> None:
        """Say that something may be due now.

        Args:
            put_off: count the seconds from now.
        """
        with self._changed:
            if put_off:
                self._last = monotonic()
            self._changed.notify_all()

    def stop(self) -> None:
        """End the thread, and wait for it."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stopping:
                    left = self._last + self._seconds - monotonic() if self._is_due() else None
                    if left is not None and left <= 0:
                        break
                    self._changed.wait(left)
                if self._stopping:
                    return
                self._last = monotonic()
            self._act()
