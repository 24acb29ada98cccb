"""The gateway's clock: frozen, moved, and how it goes along with freezegun and time-machine."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone

import freezegun
import pytest
import time_machine

from pytest_pushgateway.gateway.monotonic import monotonic
from pytest_pushgateway.harness.clock import Clock


def test_it_follows_the_real_time() -> None:
    before = time.time()
    told = Clock()()

    assert before <= told <= time.time()


def test_frozen_it_stands_still_until_it_is_advanced_or_resumed() -> None:
    clock = Clock()

    clock.freeze(1700000000.0)
    assert (clock(), clock.frozen) == (1700000000.0, True)
    clock.advance(3600)
    assert clock() == 1700003600.0
    clock.advance(-7200)
    assert clock() == 1699996400.0
    clock.resume()
    assert not clock.frozen
    assert clock() > 1700003600.0


def test_it_freezes_at_a_datetime_or_now() -> None:
    clock = Clock()

    clock.freeze(datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc))
    assert clock() == 1700000000.0
    clock.resume()
    clock.freeze()
    assert clock() == clock() > 1700000000.0


def test_a_running_clock_cannot_be_advanced() -> None:
    with pytest.raises(RuntimeError, match=r"only a frozen clock can be advanced: call clock\.freeze\(\) first"):
        Clock().advance(1)


def test_its_repr_tells_how_it_is() -> None:
    clock = Clock()
    assert repr(clock) == "<Clock running>"
    clock.freeze(5)
    assert repr(clock) == "<Clock frozen at 5.0>"


def told_in_a_thread(clock: Clock) -> float:
    told: list[float] = []
    thread = threading.Thread(target=lambda: told.append(clock()))
    thread.start()
    thread.join()
    return told[0]


def test_freezegun_moves_it_in_every_thread() -> None:
    clock = Clock()
    with freezegun.freeze_time("2001-02-03 04:05:06"):
        assert clock() == 981173106.0
        assert told_in_a_thread(clock) == 981173106.0
    assert clock() > 1700000000.0


def test_time_machine_moves_it_in_every_thread() -> None:
    clock = Clock()
    with time_machine.travel(datetime(2001, 2, 3, 4, 5, 6, tzinfo=timezone.utc), tick=False):
        assert clock() == 981173106.0
        assert told_in_a_thread(clock) == 981173106.0


def test_waits_follow_neither() -> None:
    before = monotonic()
    with freezegun.freeze_time("2001-02-03") as frozen:
        frozen.tick(timedelta(hours=1))
        assert 0 <= monotonic() - before < 3600
    with time_machine.travel(0):
        assert 0 <= monotonic() - before < 3600
