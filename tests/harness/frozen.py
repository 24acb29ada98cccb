"""Time that freezegun or time-machine has frozen; the latter has no release for PyPy."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timezone
from importlib.util import find_spec
from typing import Any

import freezegun
import pytest

Freeze = Callable[[datetime], AbstractContextManager[Any]]


def by_freezegun(moment: datetime) -> AbstractContextManager[Any]:
    return freezegun.freeze_time(moment)


def by_time_machine(moment: datetime) -> AbstractContextManager[Any]:
    import time_machine

    return time_machine.travel(moment, tick=False)


needs_time_machine = pytest.mark.skipif(
    find_spec("time_machine") is None, reason="time-machine has no release for this Python"
)
by_either = pytest.mark.parametrize("freeze", [by_freezegun, pytest.param(by_time_machine, marks=needs_time_machine)])
LONG_AGO = datetime(2001, 2, 3, 4, 5, 6, tzinfo=timezone.utc)
"""981173106 seconds after the epoch."""
