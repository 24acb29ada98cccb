"""The effect of signals on ``serve``: the same as on a program of Go, which the original is.

SIGINT and SIGTERM end it, SIGQUIT shows what every thread does; they are waited for. SIGHUP and SIGKILL end it at once,
as by default.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial

from pytest_pushgateway.gateway.http.readiness import pair
from pytest_pushgateway.light import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

QUIT: int = getattr(signal, "SIGQUIT", 0)
"""The signal that makes the program list its threads; 0 on Windows, which has none."""
_IGNORED = ("SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR", "SIGXCPU", "SIGXFSZ", "SIGPIPE")
"""Those that would end a program of Python, and mean nothing to one of Go."""


def _ignored() -> set[int]:
    numbers = {int(getattr(signal, name)) for name in _IGNORED if hasattr(signal, name)}
    if sys.platform == "linux":
        # The first one also ends a program of Go.
        numbers.update(range(signal.SIGRTMIN + 1, signal.SIGRTMAX + 1))
    return numbers & {int(one) for one in signal.valid_signals()}


def dump_and_exit() -> NoReturn:
    """Write where every thread is, and exit with Go's status for SIGQUIT; nothing more is persisted."""
    from traceback import format_stack

    # Not by faulthandler, which ends with "<freed thread state>" where a thread of Python 3.14 has just ended.
    lines = ["SIGQUIT: quit\n"]
    for number, frame in sys._current_frames().items():
        lines += [f"\nThread {number:#x}:\n", *format_stack(frame)]
    with suppress(OSError, ValueError, AttributeError):
        os.write(sys.stderr.fileno(), "".join(lines).encode(errors="backslashreplace"))
    os._exit(2)


@contextmanager
def as_in_go() -> Iterator[None]:
    """Ignore the signals that Go ignores, as long as this lasts."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _ignored()}
    try:
        yield
    finally:
        for number, action in before.items():
            if action is not None:
                signal.signal(number, action)


class Ending(NamedTuple):
    """A wait for the end of the program, and a way to end it."""

    wait: Callable[[], int]
    """Waits for a signal or a request, and returns the number of the signal."""
    request: Callable[[], None]
    """Ends the wait as SIGTERM does; to be called from any thread."""


def ending() -> AbstractContextManager[Ending]:
    """Return what waits for SIGINT, SIGTERM and SIGQUIT during a ``with``, entered before any thread starts.

    A second Ctrl-C within it changes nothing.
    """
    if sys.platform == "win32":
        return handled()
    else:  # what a checker of types for Windows does not enter
        return _blocked()


if sys.platform != "win32":

    @contextmanager
    def _blocked() -> Iterator[Ending]:
        """Keep the signals from every thread, so that they wait until they are asked for."""
        waited = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
        signal.pthread_sigmask(signal.SIG_BLOCK, waited)
        try:
            yield Ending(partial(signal.sigwait, waited), partial(os.kill, os.getpid(), signal.SIGTERM))
        finally:
            while over := signal.sigpending() & {signal.SIGTERM, signal.SIGINT}:
                signal.sigwait(over)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, waited)


@contextmanager
def handled() -> Iterator[Ending]:
    """Take the signals on Windows, in the main thread: they cannot be blocked there, and wake only a wait for a socket.

    Ctrl-Break, the end of the console and of the session are SIGBREAK, which Go takes for SIGINT and SIGTERM.
    """
    ending = {signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGBREAK", signal.SIGINT)}
    receiver, sender = pair()
    sender.setblocking(False)
    # The interpreter writes the number of each signal to it, as soon as the signal comes.
    descriptor = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    before = {number: signal.signal(number, _do_nothing) for number in ending}

    def wait() -> int:
        while (number := receiver.recv(1)[0]) not in ending:
            pass
        return number

    def request() -> None:
        with suppress(BlockingIOError):  # of a full buffer, which has woken it already
            sender.send(bytes([signal.SIGTERM]))

    try:
        yield Ending(wait, request)
    finally:
        for number, action in before.items():
            signal.signal(number, action)
        signal.set_wakeup_fd(descriptor)
        receiver.close()
        sender.close()


def _do_nothing(number: int, frame: object) -> None:
    """Handle a signal whose number is all that matters."""
