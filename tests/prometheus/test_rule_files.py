"""Rule files: verdicts with their places, what is not judged, and expressions that would end the process."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_pushgateway.prometheus.config import PrometheusConfig, load
from pytest_pushgateway.prometheus.rules import expressions
from pytest_pushgateway.prometheus.rules.expressions import BadExpression, ExpressionUnjudged, check_expression
from pytest_pushgateway.prometheus.rules.templates import TemplateError, TemplateUnjudged, check_template
from pytest_pushgateway.prometheus.values import LATEST

JOB = "scrape_configs:\n- job_name: pushgateway\n  honor_labels: true\n  static_configs: [{targets: ['pg:9091']}]\n"


def judged(folder: Path, rules: str, **options: object) -> PrometheusConfig:
    (folder / "rules.yml").write_text(rules, encoding="utf-8")
    (folder / "prometheus.yml").write_text("rule_files: [rules.yml]\n" + JOB, encoding="utf-8")
    return load(folder / "prometheus.yml", **options)  # type: ignore[arg-type]


def rule(expression: str, name: str = "x") -> str:
    return f"groups:\n- name: a\n  rules:\n  - record: {name}\n    expr: {expression}\n"


def test_problem_has_its_place_in_the_rule_file(tmp_path: Path) -> None:
    (problem,) = judged(tmp_path, "groups:\n- name: a\n  rules:\n  - record: x\n    exprr: up\n").problems[:1]
    path = tmp_path / "rules.yml"
    assert str(problem) == f"{path}:5:5: error: field exprr not found in type rulefmt.Rule"
    assert problem.promtool == f"{path}: line 5: field exprr not found in type rulefmt.Rule"
    assert problem.hint == "did you mean 'expr'?"


def test_field_of_a_newer_release_is_named(tmp_path: Path) -> None:
    rules = "groups: [{name: a, labels: {x: y}, rules: []}]\n"
    assert judged(tmp_path, rules).errors == []
    (problem,) = judged(tmp_path, rules, version="2.53").errors
    assert problem.message == "field labels exists since 3.0, not in Prometheus 2.53"


def test_pattern_of_rule_files_judges_each_once(tmp_path: Path) -> None:
    for name in ("a.yml", "b.yml"):
        (tmp_path / name).write_text("groups: [{}]\n")
    (tmp_path / "prometheus.yml").write_text("rule_files: ['*.yml', a.yml]\n" + JOB)
    found = [(Path(one.file).name, one.message) for one in load(tmp_path / "prometheus.yml").errors]
    assert found[:2] == [("a.yml", "Groupname must not be empty"), ("b.yml", "Groupname must not be empty")]
    assert [name for name, _ in found].count("a.yml") == 1
    assert load(tmp_path / "prometheus.yml", files=False).errors == []


def test_rule_files_that_are_given_are_judged_too(tmp_path: Path) -> None:
    (tmp_path / "extra.yml").write_text("groups: [{name: a, rules: [{record: x}]}]\n")
    found = load(text=JOB, rules=[tmp_path / "extra.yml"]).errors
    assert [one.message for one in found] == ["field 'expr' must be set in rule"]


def test_expressions_without_the_parser_are_named_as_not_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expressions, "_parser", lambda: None)
    config = judged(tmp_path, rule("up ++"))
    assert config.errors == []
    assert [one["section"] for one in config.unjudged] == ["expressions of rules (install the extra promql)"]
    assert config.unjudged[0]["line"] == 5


@pytest.mark.parametrize(
    ("template", "message", "line"),
    [
        ("{{ foo }}", 'function "foo" not defined', 1),
        ("a\nb {{ $x }}", 'undefined variable "$x"', 2),
        ("{{ $value }", 'unexpected "}" in operand', 1),
        ("{{ $value", "unclosed action", 1),
        ("{{ if true }}\n", "unexpected EOF", 2),
        ("{{ end }}", "unexpected {{end}}", 1),
        ("{{ if }}{{ end }}", "missing value for if", 1),
        ("{{/* a", "unclosed comment", 1),
        ("{{ break }}", "{{break}} outside {{range}}", 1),
    ],
)
def test_templates_that_go_refuses(template: str, message: str, line: int) -> None:
    with pytest.raises(TemplateError) as caught:
        check_template(template, LATEST)
    assert (str(caught.value), caught.value.line) == (message, line)


@pytest.mark.parametrize(
    "template",
    [
        "no action, but } and {",
        '{{ "}}" }} {{ `{{` }}',
        '{{- $labels.job -}} {{ $value | humanize | printf "%s" }}',
        '{{ range $i, $x := query "up" }}{{ $x.Value }}{{ else }}none{{ end }}',
        "{{ with $x := 1 }}{{ $x }}{{ end }}",
        '{{ if and (gt $value 1.5) (lt $value 2.0) }}a{{ else if eq $labels.x "y" }}b{{ else }}c{{ end }}',
        "{{/* a comment with }} in it */}}",
    ],
)
def test_templates_that_go_takes(template: str) -> None:
    check_template(template, LATEST)


def test_templates_outside_the_grammar_are_not_judged(tmp_path: Path) -> None:
    with pytest.raises(TemplateUnjudged):
        check_template('{{ define "a" }}b{{ end }}', LATEST)
    rules = "groups: [{name: a, rules: [{alert: x, expr: up, annotations: {s: '{{ define \"a\" }}b{{ end }}'}}]}]\n"
    assert "templates of rules" in [one["section"] for one in judged(tmp_path, rules).unjudged]


class TestExpressions:
    """Expressions, with promql-parser."""

    @pytest.fixture(autouse=True)
    def _parser(self) -> None:
        pytest.importorskip("promql_parser")

    @pytest.mark.parametrize(
        "expression",
        [
            "(" * 10_000 + "up" + ")" * 10_000,
            "(" * 10_000,
            "up" + " + up" * 10_000,
            "-" * 10_000 + "up",
            "up{" + ",".join(f'a{number}="b"' for number in range(5_000)) + "}",
        ],
        ids=["nested", "opened", "long", "signs", "matchers"],
    )
    def test_expression_too_large_for_the_parser_is_not_judged(self, expression: str) -> None:
        with pytest.raises(ExpressionUnjudged, match="too long or nested too deeply"):
            check_expression(expression, LATEST)

    @pytest.mark.parametrize("expression", ["(" * 200 + "up" + ")" * 200, "up" + " + up" * 400])
    def test_large_expressions_within_the_guard_are_judged(self, expression: str) -> None:
        check_expression(expression, LATEST)

    @pytest.mark.parametrize(
        ("expression", "version", "message"),
        [
            ("up ++", LATEST, "(promql-parser)"),
            ("foo(up)", LATEST, "unknown function with name 'foo' (promql-parser)"),
            ('up{a=~"("}', LATEST, "error parsing regexp: missing closing ): `^(?s:()$`"),
            ("first_over_time(up[5m])", "3.5", "first_over_time() exists since 3.7, not in Prometheus 3.5"),
            ("limitk(1, up)", LATEST, "limitk() is experimental and must be enabled with --enable-feature"),
            ("holt_winters(up[5m], 0.5, 0.5)", LATEST, "since 3.0 it is double_exponential_smoothing"),
        ],
    )
    def test_expressions_that_are_refused(self, expression: str, version: str, message: str) -> None:
        with pytest.raises(BadExpression) as caught:
            check_expression(expression, version)
        assert message in str(caught.value)

    @pytest.mark.parametrize("expression", ["up > 1_000", "rate(up[5m + 1m])", "up anchored", "up offset (5m)"])
    def test_syntax_that_not_every_release_reads_is_not_judged(self, expression: str) -> None:
        with pytest.raises(ExpressionUnjudged):
            check_expression(expression, LATEST)

    def test_broken_rule_is_not_the_one_that_was_looked_for(self, tmp_path: Path) -> None:
        path = tmp_path / "alerts.yml"

        def asked(expression: str) -> bool:
            path.write_text(f"groups:\n- name: a\n  rules:\n  - alert: x\n    expr: {expression}\n")
            config = load(text=JOB, rules=[path], lint="strict")
            return not any("age of the last push" in one.message for one in config.problems if one.rule == "PG029")

        assert asked("time() - push_time_seconds > 3600")
        assert not asked("time() - push_time_seconds >")
