"""The gateway's clock: what it dates follows it, what it waits for never does."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

_REAL = (time.time,)
"""In a tuple, where freezegun does not find and replace it."""
_FOREVER = float("inf")
_FREEZE = "freeze() takes a Unix time in seconds, a datetime or nothing"


class Clock:
    """A clock that tells Unix time in seconds and can be frozen.

    While it is not frozen it follows ``time.time()``, and so freezegun and time-machine.

    Args:
        moved: called with the new time whenever the clock is set.

    """

    def __init__(self, moved: Callable[[float], None] = lambda at: None) -> None:
        self._frozen: float | None = None
        self._moved = moved

    def __call__(self) -> float:
        """Return the time, in seconds since 1970."""
        frozen = self._frozen
        if frozen is not None:
            return frozen
        if time.time is _REAL[0]:
            return time.time()
        return _patched_time(5)

    def __repr__(self) -> str:
        return "<Clock running>" if self._frozen is None else f"<Clock frozen at {self._frozen!r}>"

    @property
    def frozen(self) -> bool:
        """Tell whether the clock stands still."""
        return self._frozen is not None

    def freeze(self, at: float | datetime | None = None) -> None:
        """Stop the clock at a Unix time in seconds, at a datetime (a naive one is local time), or now.

        Raises:
            TypeError: it is neither.
            ValueError: it is no finite number.

        """
        if isinstance(at, datetime):
            at = at.timestamp()
        self._frozen = self() if at is None else _seconds(at, _FREEZE)
        self._moved(self._frozen)

    def advance(self, seconds: float) -> None:
        """Move the frozen clock on by ``seconds``; a negative number moves it back.

        Raises:
            RuntimeError: the clock is not frozen.
            TypeError: ``seconds`` is no number.
            ValueError: it is no finite one.

        """
        if self._frozen is None:
            raise RuntimeError("only a frozen clock can be advanced: call clock.freeze() first")
        self._frozen += _seconds(seconds, "advance() takes a number of seconds")
        self._moved(self._frozen)

    def resume(self) -> None:
        """Let the clock follow the real time again."""
        self._frozen = None


def _seconds(value: float, usage: str) -> float:
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        raise TypeError(f"{usage}, not {value!r}")
    seconds = float(value)
    if not abs(seconds) < _FOREVER:
        raise ValueError(f"{usage}, not {value!r}")
    return seconds


def _patched_time(depth: int) -> float:
    # freezegun answers with the real time where a caller among the last five frames is in `threading`, and our
    # connections are served near the top of their threads' stacks.
    return _patched_time(depth - 1) if depth else time.time()
