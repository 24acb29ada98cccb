"""Timelines, rule files and promtool's reports, without promtool."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pytest_pushgateway import BinaryNotFound, ScrapeJob, TargetGroup
from pytest_pushgateway.programs import Program, find_binary
from pytest_pushgateway.prometheus.rules.input_series import Scrapes, number, timeline_of
from pytest_pushgateway.prometheus.rules.promtool import Firing, RulesError, Run, Vector, ask, check_rules
from pytest_pushgateway.prometheus.rules.rule_files import RuleFile, read_rule_files
from pytest_pushgateway.prometheus.scrape.ingest import Ingester, selector
from pytest_pushgateway.prometheus.scrape.targets import job_targets

START = Decimal(1000)


def series(timeline: list[tuple[float, str | None]], until: float, **options: Any) -> dict[str, str]:
    groups = [TargetGroup(targets=("pg:9091",))]
    job = ScrapeJob(job_name="j", honor_labels=True, static_configs=groups, scrape_interval=10.0, **options)
    scrapes = Scrapes(timeline_of(timeline), [(Ingester(job), job_targets(job))], job.scrape_interval)
    found = {one["series"]: one["values"] for one in scrapes.input_series(until)}
    return {name.partition("{")[0]: values for name, values in found.items()}


def test_values_run_on_and_end_stale() -> None:
    found = series([(0, "a 1\n"), (25, "a 2\nb 7\n"), (55, "b 7\n"), (61, "a NaN\n")], 90)
    assert found["a"] == "1x2 2x2 stale NaN NaN NaN"
    assert found["b"] == "_x3 7x3 stale"
    assert found["up"] == "1x9"
    assert found["scrape_series_added"] == "1 0x1 0 1 0x1 0 0 1 0x1" or found["scrape_series_added"].startswith(
        "1 0x1 1"
    )


def test_gateway_is_gone() -> None:
    found = series([(0, "a 1\n"), (10, None), (20, "a 1\n"), (40, "a 1\n")], 40)
    assert found["a"] == "1 stale 1x2"
    assert found["up"] == "1 0 1x2"
    assert found["scrape_series_added"] == "1 0x3"


def test_too_long_a_timeline() -> None:
    with pytest.raises(ValueError, match="are too many to simulate"):
        series([(0, "a 1\n"), (1e9, "a 1\n")], 1e9)
    with pytest.raises(ValueError, match="the timeline is empty"):
        timeline_of([])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-0.5, "-0.5"),
        (1e22, "1e+22"),
        (float("nan"), "NaN"),
        (float("inf"), "Inf"),
        (-float("inf"), "-Inf"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


def test_selectors() -> None:
    assert selector((("__name__", "a:b"), ("c", 'd"'))) == 'a:b{c="d\\""}'
    assert selector((("__name__", "a.b"), ("c d", "e"))) == '{__name__="a.b","c d"="e"}'
    assert selector((("c", "d"),)) == '{c="d"}'


def test_only_expressions_of_absolute_time_are_rewritten() -> None:
    text = """\
groups:  # ä
- name: g
  interval: 15s
  rules:
  - alert: A
    expr: &age time() - a > 1 # why
    for: 5m
    labels: {severity: yes}
  - {alert: B, expr: "b > 1"}
  - record: c
    expr: |
      time()
        - a

  - record: d
    expr: 'hour() > 5'
"""
    file = RuleFile("rules.yml", text, START)
    assert (file.alerts, file.intervals) == (["A", "B"], [15.0])
    assert file.moved == (
        text.replace("&age time() - a > 1 # why", '&age "(time() + 1000) - a > 1" # why')
        .replace("|\n      time()\n        - a\n\n", '"(time() + 1000)\\n  - a\\n"\n')
        .replace("'hour() > 5'", '"hour(vector(time() + 1000)) > 5"')
    )


@pytest.mark.parametrize("text", ["", "[]", "groups: 5", "groups: [{rules: [5, {expr: [1]}]}]", "a: [", "{}"])
def test_other_files_stay_unchanged(text: str) -> None:
    assert RuleFile("rules.yml", text, START).moved == text


def test_templates_that_ask_the_time() -> None:
    text = 'groups: [{rules: [{alert: A, expr: up, annotations: {a: "{{ query \\"time()\\" }}"}}]}]'
    with pytest.raises(RulesError, match=r"rules\.yml:1: rule 'A' cannot be tested: a template queries"):
        RuleFile("rules.yml", text, START)


def test_rule_files_by_pattern(tmp_path: Path) -> None:
    for name in ("a.yml", "b.yml"):
        (tmp_path / name).write_text("groups: []\n")
    found = read_rule_files(["*.yml", "a.yml", "none*.yml"], str(tmp_path), START)
    assert [os.path.basename(one.path) for one in found] == ["a.yml", "b.yml"]
    with pytest.raises(RulesError, match=r"c\.yml cannot be read"):
        read_rule_files(["c.yml"], str(tmp_path), START)


@pytest.fixture
def promtool(tmp_path: Path) -> Any:
    """A promtool that reports what a test asks for."""

    def make(report: str) -> str:
        (tmp_path / "report").write_text(report)
        path = tmp_path / "promtool"
        path.write_text(f"#!/bin/sh\ncat {tmp_path / 'report'}\nexit 1\n")
        path.chmod(0o755)
        return str(path)

    return make


HEAD = "Unit Testing:  test.yml\n  FAILED:\n"
PAD = '    expr: "vector(0)", time: 1m,\n        exp: {a="b"} 0E+00\n        got: {} 0E+00\n'


def test_reading_a_report(promtool: Any) -> None:
    report = (
        "Unit Testing:  test.yml\n  FAILED:\n    alertname: A, time: 1m, \n        exp:[\n            0:\n"
        '              Labels:{a="b"}\n              Annotations:{}\n            ], \n        got:[\n            0:\n'
        '              Labels:{alertname="A", x="}, {"}\n'
        '              Annotations:{s="\\"\\n\\u00e9"}\n            1:\n'
        '              Labels:{alertname="A"}\n              Annotations:{}\n            ]\n'
        '    expr: "a{b=\\"c\\"}", time: 1m,\n        exp: {a="b"} 0E+00\n'
        '        got: {"x y"="z", b="c"} 1E+00, {} -Inf\n' + PAD + HEAD + PAD
    )
    answers = ask(
        promtool(report), [Run({}, {}, 60.0, [Vector('a{b="c"}', 60.0)], [Firing("A", 60.0)]), Run({}, {}, 60.0)], 60.0
    )
    assert answers == [
        (
            [[({"x y": "z", "b": "c"}, 1.0), ({}, float("-inf"))]],
            [[({"alertname": "A", "x": "}, {"}, {"s": '"\né'}), ({"alertname": "A"}, {})]],
        ),
        ([], []),
    ]


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ("something new\n", "something new"),
        (HEAD + "something else\n", "something else"),
        (HEAD + PAD.replace("{} 0E+00", "{} {count:1}"), r"cannot read promtool's answer: \{\} \{count:1\}"),
    ],
)
def test_reports_that_are_not_understood(promtool: Any, report: str, message: str) -> None:
    with pytest.raises(RulesError, match=message):
        ask(promtool(report), [Run({}, {}, 60.0)], 60.0)


def test_releases_that_fail_without_the_linter_are_asked_with_it(tmp_path: Path) -> None:
    program = tmp_path / "promtool"
    program.write_text(
        "#!/bin/sh\ncase $3 in --lint=none) echo '  FAILED:'; echo 'rules-0.yml: unset nameValidationScheme'; exit 1;;"
        " esac\nif grep -q broken rules-0.yml; then echo 'rules-0.yml: 1:1: it is broken'; exit 1; fi\n"
    )
    program.chmod(0o755)
    check_rules(str(program), {"a.yml": "groups: []\n"})
    with pytest.raises(RulesError, match=r"a\.yml: 1:1: it is broken"):
        check_rules(str(program), {"a.yml": "broken\n"})


def test_program_is_searched_in_order(tmp_path: Path) -> None:
    program = tmp_path / "promtool"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    names = ("PROMTOOL_BINARY", "PROMTOOL")
    here = {"PATH": str(tmp_path)}
    assert find_binary("promtool", None, names, here) == str(program)
    assert find_binary("promtool", None, names, {"PATH": "", "PROMTOOL": str(program)}) == str(program)
    assert find_binary("promtool", "promtool", names, here) == str(program)
    with pytest.raises(BinaryNotFound, match="not at '/x', which --pushgateway-promtool names"):
        find_binary("promtool", Program("/x", "--pushgateway-promtool"), names, here)
    with pytest.raises(BinaryNotFound, match="not at '/x', which the environment variable PROMTOOL_BINARY names"):
        find_binary("promtool", None, names, {**here, "PROMTOOL_BINARY": "/x", "PROMTOOL": str(program)})
    with pytest.raises(BinaryNotFound, match="no promtool on PATH; install it, or name it in PROMTOOL_BINARY"):
        find_binary("promtool", None, names, {"PATH": "/nowhere"})
