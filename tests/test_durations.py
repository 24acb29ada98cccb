"""Durations and moments, as a test gives them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from pytest_pushgateway.durations import moment, seconds


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (7, 7.0),
        (0.5, 0.5),
        (Decimal("1.5"), 1.5),
        (timedelta(minutes=1, milliseconds=500), 60.5),
        ("1h30m", 5400.0),
        ("24h7m", 86820.0),
        ("1.5s", 1.5),
        (".5s", 0.5),
        ("1d", 86400.0),
        ("1y2w", 32745600.0),
        ("250ms", 0.25),
        ("1us", 1e-6),
        ("0", 0.0),
    ],
)
def test_durations(given: Any, expected: float) -> None:
    assert seconds(given, "timeout") == pytest.approx(expected)


def test_duration_may_be_negative_if_meaningful() -> None:
    assert seconds("-1h", "advance()", negative=True) == -3600
    assert seconds(timedelta(seconds=-1), "advance()", negative=True) == -1
    with pytest.raises(ValueError, match="timeout must not be negative, got '-1h'"):
        seconds("-1h", "timeout")


@pytest.mark.parametrize(
    ("given", "error", "hint"),
    [
        ("5", ValueError, "did you mean '5' with a unit, such as '5s'"),
        ("", ValueError, "not ''"),
        ("soon", ValueError, "not 'soon'"),
        ("1 h", ValueError, "not '1 h'"),
        ("5sec", ValueError, "its unit 'sec' is unknown"),
        ("5M", ValueError, "not '5M'"),
        ("30m1h", ValueError, "give each unit once, the largest first"),
        ("1s1s", ValueError, "give each unit once, the largest first"),
        (True, TypeError, "not True"),
        (None, TypeError, "not None"),
        ([1], TypeError, r"not \[1\]"),
        (b"1s", TypeError, "not b'1s'"),
        (float("nan"), ValueError, "must be finite"),
        (float("inf"), ValueError, "must be finite"),
    ],
)
def test_invalid_durations(given: Any, error: type[Exception], hint: str) -> None:
    with pytest.raises(error, match=hint):
        seconds(given, "timeout", negative=True)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (1767225600, 1767225600.0),
        (datetime(2026, 1, 1, tzinfo=timezone.utc), 1767225600.0),
        ("2026-01-01T00:00:00Z", 1767225600.0),
        ("2026-01-01t00:00:00.5z", 1767225600.5),
        ("2026-01-01 01:00:00+01:00", 1767225600.0),
        ("2025-12-31T19:00:00.123456789-05:00", 1767225600.123457),
    ],
)
def test_moments(given: Any, expected: float) -> None:
    assert moment(given, "a moment is") == pytest.approx(expected, abs=1e-6)


def test_naive_datetime_is_local_time() -> None:
    assert moment(datetime(2026, 1, 1), "a moment is") == datetime(2026, 1, 1).timestamp()


@pytest.mark.parametrize(
    ("given", "error", "hint"),
    [
        ("2026-01-01T00:00:00", ValueError, "add Z for UTC, or an offset"),
        ("2026-01-01", ValueError, "not '2026-01-01'"),
        ("2026-13-01T00:00:00Z", ValueError, "month must be in"),
        ("1767225600", ValueError, "Unix time in seconds"),
        ("1h", ValueError, "Unix time in seconds"),
        (True, TypeError, "not True"),
        (None, TypeError, "not None"),
        (timedelta(1), TypeError, "Unix time in seconds"),
        (float("nan"), ValueError, "not nan"),
    ],
)
def test_invalid_moments(given: Any, error: type[Exception], hint: str) -> None:
    with pytest.raises(error, match=hint):
        moment(given, "a moment is")
