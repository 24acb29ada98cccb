"""Expressions moved in time."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pytest_pushgateway.prometheus.rules.promql import Unmovable, check_template, shift

START = Decimal("1700000000")


@pytest.mark.parametrize(
    ("expression", "moved"),
    [
        ("time() - push_time_seconds > 86400", "(time() + 1700000000) - push_time_seconds > 86400"),
        ("time ( ) > 1", "(time() + 1700000000) > 1"),
        ("timestamp(up) > time()", "(timestamp(up) + 1700000000) > (time() + 1700000000)"),
        ("timestamp(a + (time()))", "(timestamp(a + ((time() + 1700000000))) + 1700000000)"),
        ("hour() > 8", "hour(vector(time() + 1700000000)) > 8"),
        ("day_of_week(push_time_seconds)", "day_of_week(push_time_seconds)"),
        ("hour(vector(time()))", "hour(vector((time() + 1700000000)))"),
        ("up @ 1700000060", "up @ 60"),
        ("up @ 1.7e9 + up @-5", "up @ 0 + up @ -1700000005"),
        ("up @ start()", "up @ start()"),
        ('{x="time()"} # time()\n> 1', '{x="time()"} # time()\n> 1'),
        ("up{time='a'} + 'time()' + `time()`", "up{time='a'} + 'time()' + `time()`"),
        ("sum by (time) (a:time) > 0x1f", "sum by (time) (a:time) > 0x1f"),
        ("rate(a[5m:1m] offset 1h30m) > 1.5e3", "rate(a[5m:1m] offset 1h30m) > 1.5e3"),
        ("time(", "(time() + 1700000000)"),
    ],
)
def test_absolute_times_are_shifted(expression: str, moved: str) -> None:
    assert shift(expression, START) == moved


def test_fraction_of_second_stays_exact() -> None:
    assert shift("time()", Decimal("1700000000.25")) == "(time() + 1700000000.25)"


@pytest.mark.parametrize("expression", ["time() - ALERTS_FOR_STATE > 60", "ts_of_max_over_time(up[5m])"])
def test_unshiftable_expressions_are_rejected(expression: str) -> None:
    with pytest.raises(Unmovable, match="counts from 0"):
        shift(expression, START)


def test_templates_that_query_the_time_are_refused() -> None:
    check_template("since {{ $value | humanizeDuration }}, not time()")
    check_template('{{ query "up" | first | value }}')
    with pytest.raises(Unmovable, match="a template queries"):
        check_template('{{ query "time() - push_time_seconds" | first | value }}')
