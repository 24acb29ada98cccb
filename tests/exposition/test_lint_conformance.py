"""``lint()`` against ``promtool check metrics``."""

from __future__ import annotations

import subprocess

import pytest

from pytest_pushgateway.exposition.promlint import PromlintProblem, lint
from pytest_pushgateway.exposition.text import reader as text_reader
from tests import peers

TYPES = ["counter", "gauge", "summary", "histogram", "untyped", "gaugehistogram"]
SAMPLES = {"summary": "{n}_sum 1\n{n}_count 1\n", "histogram": "{n}_count 1\n", "gaugehistogram": "{n}_count 1\n"}

NAMES = [
    *["requests", "requests_total", "requests_count", "requests_sum", "requests_bucket", "total", "_total"],
    *["a_seconds", "a_milliseconds", "a_minutes", "a_minutes_seconds", "a_seconds_minutes", "a_days_total", "a_weeks"],
    *["a_bytes", "a_bits", "a_kilobits", "a_kibibytes", "a_mibibytes", "a_megabytes_total", "a_bytes_bits"],
    *["a_kelvin", "a_kelvins", "a_fahrenheit", "a_rankine", "a_celsius", "a_millicelsius", "a_meters", "a_metres"],
    *["a_inches", "a_yards", "a_kilometers", "a_miles", "a_calories", "a_joules", "a_pounds", "a_ounces", "a_grams"],
    *["a_amperes", "a_volts", "a_millivolts", "a_millis", "milliseconds", "SECONDS", "a_Minutes", "a_picohours"],
    *["a:b", "camelCase", "snake_Case", "Camel", "aB:c_ms", "a_s", "a_ms_total", "a_sec_b", "a_s_s", "a_m_m_h", "a_d"],
    *["a_S", "s", "ms_a", "a_us_ns", "a_kb", "a_mb_gb", "a_tb_pb", "a_m", "a_counter", "a_counter_b", "counter_a"],
    *["a_gauge", "a_Gauge_b", "a_summary", "a_histogram", "a_untyped", "a_gauge_histogram", "a__s__", "a_microkelvin"],
]


def of_every_type(name: str) -> str:
    """Write the name as a family of every type, each after a letter of its type."""
    body = ""
    for kind in TYPES:
        full = f"{kind}x_{name}"
        body += f"# HELP {full} help\n# TYPE {full} {kind}\n{SAMPLES.get(kind, '{n} 1' + chr(10)).format(n=full)}"
    return body


BODIES: list[str] = [
    *[of_every_type(name) for name in NAMES],
    "".join(f"# HELP {name} help\n# TYPE {name} gauge\n{name} 1\n" for name in NAMES),
    "".join(f"# HELP {name} help\n# TYPE {name} counter\n{name} 1\n" for name in NAMES),
    "a 1\n",
    "# HELP a \na 1\n",
    "# TYPE a gauge\na 1\n# HELP a late\n",
    "# HELP a x\na 1\na 2\na 3\n",
    '# HELP a x\na{b="1"} 1\na{b="1"} 2\na{b="2"} 2\n',
    '# HELP a x\n# TYPE a gauge\na{le="1",quantile="2",camelCase="3",okay="4"} 1\na{le="2"} 1\n',
    '# HELP a x\n# TYPE a counter\na{le="1",quantile="2"} 1\n',
    '# HELP a x\na{le="1",quantile="2",aB="3"} 1\n',
    '# HELP a x\n# TYPE a summary\na{quantile="1",le="2"} 1\n',
    '# HELP a x\n# TYPE a histogram\na_bucket{quantile="1",le="2"} 1\n',
    '# HELP a x\n# TYPE a gaugehistogram\na_bucket{quantile="1",le="2"} 1\n',
    "",
]


def ours(body: str) -> list[PromlintProblem]:
    return lint(text_reader.parse(body.encode(), None).families.values())


def test_there_are_inputs_enough() -> None:
    assert len(BODIES) >= 60


@pytest.mark.conformance
@pytest.mark.parametrize("body", BODIES)
def test_promtool_finds_the_same_problems(body: str) -> None:
    run = subprocess.run(
        [peers.promtool_binary(), "check", "metrics"], input=body.encode(), capture_output=True, timeout=30, check=False
    )
    problems = ours(body)
    assert run.stderr.decode() == "".join(f"{problem.metric} {problem.text}\n" for problem in problems)
    assert run.returncode == (3 if problems else 0)


def test_pushed_metrics_are_linted_with_grouping_labels() -> None:
    parsed = text_reader.parse(b"# HELP a x\n# TYPE a gauge\na 1\n", {b"job": b"j", b"le": b"1"})
    assert lint(parsed.families.values()) == [PromlintProblem("a", 'non-histogram metrics should not have "le" label')]
