"""Numbers of any length: Python's int() refuses more than 4,300 digits, with an error about the interpreter."""

from __future__ import annotations

import pytest

from pytest_pushgateway import load
from pytest_pushgateway.cli.serve import main
from pytest_pushgateway.golang.duration import parse_duration
from pytest_pushgateway.golang.strconv import whole_number

LONG = "9" * 5_000


@pytest.mark.parametrize(
    ("digits", "number"),
    [("", 0), ("0", 0), ("007", 7), ("0" * 5_000 + "12", 12), ("9" * 40, 10**40 - 1), (LONG, 10**40)],
)
def test_whole_numbers(digits: str, number: int) -> None:
    assert whole_number(digits) == number


def test_durations() -> None:
    assert parse_duration(f"1.{'3' * 5_000}s") == pytest.approx(4 / 3)
    assert parse_duration(f"{'0' * 5_000}2m") == 120
    with pytest.raises(ValueError, match=r"^time: invalid duration"):
        parse_duration(f"{LONG}h")


@pytest.mark.parametrize(
    "line",
    [
        f"scrape_interval: {LONG}s",
        f"body_size_limit: {LONG}MB",
        f"sample_limit: {LONG}",
        f"relabel_configs: [{{source_labels: [a], regex: 'a{{{LONG}}}', target_label: b}}]",
    ],
)
def test_settings_of_a_job(line: str) -> None:
    (problem,) = load(text=f"scrape_configs:\n- job_name: a\n  {line}\n", lint="none").problems
    assert "4300 digits" not in problem.message


def test_size_with_long_fraction() -> None:
    text = f"scrape_configs:\n- job_name: a\n  body_size_limit: 1.{LONG}MB\n"
    assert load(text=text, lint="none").problems == []


@pytest.mark.parametrize("flag", ["web.listen-address=127.0.0.1:", "persistence.interval=", "web.max-connections=x"])
def test_flags_of_serve(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"--{flag}{LONG}{'s' if 'interval' in flag else ''}"]) == 1
    said = capsys.readouterr().err
    assert "4300 digits" not in said
    assert "invalid" in said or "expected a positive number" in said
