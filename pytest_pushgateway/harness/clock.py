"""The gateway's clock: what it dates follows it, what it waits for never does."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.calls import name_calls
from pytest_pushgateway.genuine import genuine
from pytest_pushgateway.later import later
from pytest_pushgateway.recording import tell

if TYPE_CHECKING:
    from types import TracebackType

    from pytest_pushgateway import durations
    from pytest_pushgateway.durations import Duration, Moment
else:
    durations = later("pytest_pushgateway.durations")

_EARLIEST, _LATEST = -62_135_510_400.0, 253_402_128_000.0
"""The range of dates in every time zone, Unix seconds."""


class Clock:
    """A clock of Unix time in seconds that can be frozen.

    While it is not frozen it follows freezegun and time-machine. Whatever else replaces ``time.time``, such as a mock
    that answers three times, is meant for the code under test and is not asked.

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
        if getattr(time.time, "__module__", None) != "freezegun.api":
            return genuine.time()
        return _freezegun_time(5)

    def __repr__(self) -> str:
        return "<Clock running>" if self._frozen is None else f"<Clock frozen at {self._frozen!r}>"

    @property
    def frozen(self) -> bool:
        """Whether the clock is frozen."""
        return self._read() is not None

    def freeze(self, at: Moment | None = None) -> AbstractContextManager[Clock]:
        """Stop the clock, at a moment or now.

        Args:
            at: Unix time in seconds, a datetime (a naive one is local time), or a text as RFC 3339 has it, such as
                ``"2026-01-01T00:00:00Z"``.

        Returns:
            A context manager that gives the clock, and at its end sets it as it was before this call. The clock stands
            still with or without one.

        Raises:
            TypeError: ``at`` is something else.
            ValueError: the number is not finite or out of the range of dates, or the text not of RFC 3339.

        """
        __tracebackhide__ = True
        return self._set(self() if at is None else durations.moment(at, "freeze() takes nothing,"))

    def advance(self, span: Duration, /) -> AbstractContextManager[Clock]:
        """Move the frozen clock on; a negative span moves it back.

        Args:
            span: seconds, a timedelta or a text such as ``"1h30m"``.

        Returns:
            A context manager that gives the clock, and at its end sets it as it was before this call.

        Raises:
            RuntimeError: the clock is not frozen.
            TypeError: ``span`` is something else.
            ValueError: it is not finite, leads out of the range of dates, or the text is not a duration.

        """
        __tracebackhide__ = True
        step = durations.seconds(span, "what advance() takes", negative=True)
        frozen = self._read()
        if frozen is None:
            raise RuntimeError("only a frozen clock can be advanced: call clock.freeze() first")
        return self._set(frozen + step)

    def _set(self, at: float) -> _Restoring:
        __tracebackhide__ = True
        if not _EARLIEST <= at <= _LATEST:
            raise ValueError(
                f"the clock must be set to a moment from {_EARLIEST:.0f} (0001-01-02) to {_LATEST:.0f} (9999-12-30), "
                f"not {at!r}; milliseconds must be divided by 1000"
            )
        before = self._read()
        self._write(at)
        self._moved(at)
        tell(self, "clock", at)
        return _Restoring(self, before)

    def _restore(self, before: float | None) -> None:
        if before is None:
            self.resume()
        else:
            self._set(before)

    def resume(self) -> None:
        """Let the clock follow the real time again."""
        frozen = self._frozen is not None
        self._write(None)
        if frozen:
            tell(self, "clock", None)

    def _read(self) -> float | None:
        """Return the time at which the clock is frozen; None while it runs."""
        return self._frozen

    def _write(self, at: float | None) -> None:
        self._frozen = at


name_calls("clock", Clock)


class _Restoring(AbstractContextManager[Clock]):
    """Sets a clock as it was before, at the end of a ``with`` statement."""

    def __init__(self, clock: Clock, before: float | None) -> None:
        self._clock = clock
        self._before = before

    def __enter__(self) -> Clock:
        return self._clock

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clock._restore(self._before)


def _freezegun_time(depth: int) -> float:
    # freezegun answers with the real time where a caller among the last five frames is pytest's runner.
    if depth:
        return _freezegun_time(depth - 1)
    factory: Any = next(reversed(sys.modules["freezegun.api"].freeze_factories), None)
    if not hasattr(factory, "step_width"):
        return time.time()
    # With auto_tick_seconds each question moves the time, and is meant to come from the code under test.
    from calendar import timegm

    frozen = factory.time_to_freeze
    return float(timegm(frozen.timetuple()) + frozen.microsecond / 1e6)
