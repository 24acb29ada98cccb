"""What signals do to ``serve``: what they do to a program of Go, which the original is.

SIGINT and SIGTERM end it, SIGQUIT shows what every thread does; they are waited for. SIGHUP and SIGKILL end it at once,
as by default.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

_IGNORED = ("SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR", "SIGXCPU", "SIGXFSZ", "SIGPIPE")
"""Those that would end a program of Python, and mean nothing to one of Go."""


def _ignored() -> set[int]:
    numbers = {int(getattr(signal, name)) for name in _IGNORED if hasattr(signal, name)}
    if sys.platform == "linux":
        # The first one ends a program of Go, too.
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
