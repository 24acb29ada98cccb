"""The gateway's clock: frozen, moved, and how it goes along with freezegun and time-machine."""

from __future__ import annotations

import threading
import time
from datetime import date, datetime, timedelta, timezone
from typing import Any

import freezegun
import pytest

from pytest_pushgateway import Clock
from pytest_pushgateway.monotonic import monotonic

from .frozen import LONG_AGO, Freeze, by_either, by_time_machine, needs_time_machine


def test_clock_follows_real_time() -> None:
    before = time.time()
    told = Clock()()

    assert before <= told <= time.time()


def test_frozen_clock_stops_until_advanced_or_resumed() -> None:
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


def test_clock_freezes_at_a_datetime_or_now() -> None:
    clock = Clock()

    clock.freeze(datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc))
    assert clock() == 1700000000.0
    clock.resume()
    clock.freeze()
    assert clock() == clock() > 1700000000.0


def test_running_clock_cannot_be_advanced() -> None:
    with pytest.raises(RuntimeError, match=r"only a frozen clock can be advanced: call clock\.freeze\(\) first"):
        Clock().advance(1)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("2020-01-01", ValueError),
        ("2020-01-01T00:00:00", ValueError),
        ("1h", ValueError),
        ("", ValueError),
        (float("inf"), ValueError),
        (date(2020, 1, 1), TypeError),
        (timedelta(hours=1), TypeError),
        (True, TypeError),
        (b"2020-01-01T00:00:00Z", TypeError),
    ],
)
def test_invalid_moments(value: Any, error: type[Exception]) -> None:
    clock = Clock()
    with pytest.raises(
        error, match=r"freeze\(\) takes nothing, Unix time in seconds, a datetime or a text such as .* not"
    ):
        clock.freeze(value)
    assert not clock.frozen


@pytest.mark.parametrize("value", ["3600", "an hour", "2026-01-01T00:00:00Z", None, True, [1], float("nan")])
def test_invalid_spans_of_time(value: Any) -> None:
    clock = Clock()
    clock.freeze(5)
    with pytest.raises((TypeError, ValueError), match=r"what advance\(\) takes must be"):
        clock.advance(value)
    assert clock() == 5


@pytest.mark.parametrize(
    ("span", "seconds"),
    [(3600, 3600), (timedelta(hours=1), 3600), ("1h30m", 5400), ("-1d", -86400), (timedelta(seconds=-0.5), -0.5)],
)
def test_clock_is_advanced_by_any_span(span: Any, seconds: float) -> None:
    clock = Clock()
    clock.freeze("2023-11-14T22:13:20Z")
    clock.advance(span)
    assert clock() == 1700000000 + seconds


@pytest.mark.parametrize("at", [1e18, 1_700_000_000_000, 253402300800, -1e12])
def test_moments_beyond_all_dates_are_refused_with_the_range(at: float) -> None:
    clock = Clock()
    text = r"from -62135510400 \(0001-01-02\) to 253402128000 \(9999-12-30\), not .*; milliseconds must be divided"
    with pytest.raises(ValueError, match=text):
        clock.freeze(at)
    assert not clock.frozen
    clock.freeze(0)
    with pytest.raises(ValueError, match=text):
        clock.advance(at)
    assert clock() == 0


def test_with_statement_restores_clock() -> None:
    moved: list[float] = []
    clock = Clock(moved.append)

    with clock.freeze(5) as same:
        assert same is clock
        with clock.advance("1m"):
            assert clock() == 65
            clock.freeze(7)
        assert clock() == 5
        with pytest.raises(KeyError), clock.freeze("2023-11-14T22:13:20Z"):
            raise KeyError
        assert clock() == 5
    assert not clock.frozen
    assert moved == [5, 65, 7, 5, 1700000000, 5]


def test_naive_datetime_is_local_time() -> None:
    clock = Clock()
    clock.freeze(datetime(2023, 11, 14, 22, 13, 20))
    assert clock() == time.mktime((2023, 11, 14, 22, 13, 20, 0, 0, -1))


def test_repr_shows_state_of_clock() -> None:
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


@needs_time_machine
def test_time_machine_moves_it_in_every_thread() -> None:
    clock = Clock()
    with by_time_machine(LONG_AGO):
        assert clock() == 981173106.0
        assert told_in_a_thread(clock) == 981173106.0


def test_waits_follow_neither() -> None:
    before = monotonic()
    with freezegun.freeze_time("2001-02-03") as frozen:
        frozen.tick(timedelta(hours=1))
        assert 0 <= monotonic() - before < 3600


@by_either
def test_waits_do_not_follow_a_jump(freeze: Freeze) -> None:
    before = monotonic()
    with freeze(LONG_AGO):
        assert 0 <= monotonic() - before < 3600
