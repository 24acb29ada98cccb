"""The clock that waits and durations go by."""

from __future__ import annotations

import sys
import time
from functools import partial

if sys.platform != "win32" and hasattr(time, "clock_gettime"):
    _now = partial(time.clock_gettime, time.CLOCK_MONOTONIC)
else:
    # Before Python 3.13, time.monotonic of Windows advances every 16 milliseconds only.
    _now = partial(time.perf_counter)


def monotonic() -> float:
    """Return seconds that no test can freeze or move.

    freezegun replaces ``time.monotonic`` and ``time.perf_counter`` in every module that it finds them in, and a wait
    would never end; ``clock_gettime`` it leaves alone, and it does not look into a ``partial``. time-machine moves only
    the real-time clock.
    """
    return _now()
