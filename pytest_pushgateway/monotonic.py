"""The clock that waits and durations go by."""

from __future__ import annotations

import time


def monotonic() -> float:
    """Return seconds that no test can freeze or move.

    freezegun replaces ``time.monotonic`` and ``time.perf_counter`` in every module that it finds them in, and a wait
    would never end; ``clock_gettime`` it leaves alone, and time-machine moves only its real-time clock.
    """
    return time.clock_gettime(time.CLOCK_MONOTONIC)
