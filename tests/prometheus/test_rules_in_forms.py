"""Rules in PrometheusRules, ConfigMaps and Helm values: judged as rule files, with places in the outer file."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from textwrap import indent

import pytest

from pytest_pushgateway import load
from pytest_pushgateway.cli.check_config import main
from pytest_pushgateway.prometheus.rules import expressions

RULES = """\
groups:
- name: nightly
  rules:
  - alert: TooOld
    expr: time() - push_time_seconds{job="nightly"} > 86400
    for: 10m
    annotations: {summary: "{{ $labels.job }} is late"}
- name: totals
  rules:
  - record: job:rows:sum
    expr: sum by (job) (rows)
"""
HEAD = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: nightly}\n"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: server}\ndata:\n"
JOB = "scrape_configs:\n- job_name: pushgateway\n  honor_labels: true\n  static_configs: [{targets: ['pg:9091']}]\n"


def rule_object(rules: str) -> str:
    return f"{HEAD}spec:\n{indent(rules, '  ')}"


def config_map(rules: str, key: str = "alerting_rules.yml") -> str:
    return f"{CONFIG_MAP}  {key}: |\n{indent(rules, '    ')}"


def secret(rules: str) -> str:
    encoded = base64.b64encode(rules.encode()).decode()
    return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: server}}\ndata:\n  nightly.rules: {encoded}\n"


def server_files(rules: str) -> str:
    return f"serverFiles:\n  recording_rules.yml:\n{indent(rules, '    ')}"


def rules_map(rules: str) -> str:
    return f"additionalPrometheusRulesMap:\n  nightly:\n    additionalLabels: {{a: b}}\n{indent(rules, '    ')}"


def rules_list(rules: str) -> str:
    return f"additionalPrometheusRules:\n- name: nightly\n{indent(rules, '  ')}"


FORMS: dict[str, tuple[Callable[[str], str], int | None, str]] = {
    "a PrometheusRule": (rule_object, 4, "PrometheusRule/nightly"),
    "a PrometheusRule in a List": (
        lambda rules: "apiVersion: v1\nkind: List\nitems:\n- " + indent(rule_object(rules), "  ").lstrip(),
        7,
        "PrometheusRule/nightly",
    ),
    "a ConfigMap": (config_map, 5, 'ConfigMap/server, data."alerting_rules.yml", line {}'),
    "a ConfigMap in a key of another name": (
        lambda rules: config_map(rules, "push"),
        5,
        "ConfigMap/server, data.push, line {}",
    ),
    "a Secret": (secret, None, 'Secret/server, data."nightly.rules", line {}'),
    "values of chart prometheus": (server_files, 2, 'serverFiles."recording_rules.yml"'),
    "values of kube-prometheus-stack": (rules_map, 3, "additionalPrometheusRulesMap.nightly"),
    "values of kube-prometheus-stack, a list": (rules_list, 2, "additionalPrometheusRules[0]"),
}
FAULTS = {
    "a wrong for": ("for: 10m", "for: 10 minutes", 6, 'unknown unit " minutes" in duration "10 minutes"'),
    "a for without a unit": ("for: 10m", "for: 10", 6, 'not a valid duration string: "10"'),
    "a misspelt field": ("for: 10m", "For: 10m", 6, "field For not found in type rulefmt.Rule"),
    "a misspelt field of a group": ("  rules:", "  rulez:", 3, "field rulez not found in type rulefmt.RuleGroup"),
    "a group of the same name": ("totals", "nightly", 8, 'groupname: "nightly" is repeated in the same file'),
    "a rule without an expression": ("    expr: sum by (job) (rows)\n", "", 10, "field 'expr' must be set in rule"),
    "a record and an alert": (
        "- record:",
        "- alert: b\n    record:",
        10,
        "only one of 'record' and 'alert' must be set",
    ),
    "a broken template": ("$labels", "$label", 7, 'annotation "summary": template: __alert_TooOld:1: undefined'),
}


@pytest.mark.parametrize("form", FORMS)
def test_right_rules_have_no_problem(form: str) -> None:
    config = load(text=FORMS[form][0](RULES))

    assert config.problems == []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("form", FORMS)
def test_wrong_rules_have_a_problem_with_its_place_and_object(form: str, fault: str) -> None:
    write, above, inside = FORMS[form]
    right, wrong, line, message = FAULTS[fault]

    problem = load("file.yaml", text=write(RULES.replace(right, wrong, 1))).errors[0]

    assert problem.message.startswith(message)
    assert (problem.file, problem.line) == ("file.yaml", 5 if above is None else line + above)
    assert problem.object == inside.format(line)


@pytest.mark.parametrize("form", FORMS)
def test_broken_expressions_are_problems_where_they_can_be_read(form: str) -> None:
    pytest.importorskip("promql_parser")

    (problem,) = load(text=FORMS[form][0](RULES.replace("(rows)", "(rows"))).errors

    assert problem.message.startswith("could not parse expression")


@pytest.mark.parametrize("form", FORMS)
def test_expressions_that_cannot_be_read_are_named(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expressions, "_parser", lambda: None)
    write, above, _ = FORMS[form]

    config = load(text=write(RULES))

    (unjudged,) = config.unjudged
    assert unjudged["section"] == "expressions of rules (install the extra promql)"
    assert unjudged["line"] == (5 if above is None else 5 + above)


def test_rules_do_not_hide_the_configuration_beside_them() -> None:
    text = config_map(RULES.replace("10m", "never")) + f"  prometheus.yml: |\n{indent(JOB, '    ')}"

    config = load(text=text)

    assert [one.message for one in config.problems] == ['not a valid duration string: "never"']
    assert [one.job_name for one in config.gateway_jobs()] == ["pushgateway"]


def test_field_that_only_thanos_reads_is_right_in_a_prometheus_rule_alone() -> None:
    rules = RULES.replace("  rules:", "  partial_response_strategy: warn\n  rules:")

    assert load(text=rule_object(rules)).problems == []
    assert len(load(text=config_map(rules)).errors) == 2


def test_groups_outside_the_spec_are_a_problem() -> None:
    (problem,) = load(text=HEAD + RULES).problems

    assert problem.message == "PrometheusRule/nightly has no spec, where the Operator looks for groups"


def test_rule_file_that_is_not_yaml_has_its_place() -> None:
    text = config_map(
        RULES.replace('{summary: "{{ $labels.job }} is late"}', "\n      summary: {{ $labels.job }} is late")
    )

    (problem,) = load(text=text).problems

    assert (problem.rule, problem.object) == ("yaml", 'ConfigMap/server, data."alerting_rules.yml"')


def test_rules_that_have_to_be_rendered_get_one_line() -> None:
    text = rule_object(RULES.replace("> 86400", "> {{ .Values.limit }}").replace("10m", "never"))

    (problem,) = load(text=text).problems

    assert problem.message.startswith("this is a Helm or Go template")
    assert problem.line == 9


def test_braces_in_a_string_are_not_a_template() -> None:
    rules = RULES.replace('job="nightly"', 'job!="${x} {{ y }}"')

    assert load(text=rule_object(rules)).problems == []


@pytest.mark.parametrize(
    "expression", ['sum(rate({app="a"} |= "error" [5m])) > 1', 'rate({app="a"} | json [1m])', '{a="b"} !~ `x`']
)
def test_rules_of_loki_are_named_as_not_judged(
    expression: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rules = f"groups:\n- name: a\n  rules:\n  - alert: x\n    expr: '{expression}'\n"
    (tmp_path / "rules.yaml").write_text(rule_object(rules), encoding="utf-8")

    assert main([str(tmp_path / "rules.yaml")]) == 0
    assert capsys.readouterr().out == "no problems in 1 file; not judged: rules of Loki\n"
    assert main(["--fail-on=unjudged", str(tmp_path / "rules.yaml")]) == 1


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("falco_rules.yaml", "- rule: shell\n  condition: spawned_process\n  output: x\n"),
        ("alerting.yaml", "apiVersion: 1\ngroups:\n- orgId: 1\n  name: a\n  rules: [{uid: a, title: b}]\n"),
        ("mapRoles", "- rolearn: a\n  groups: [system:masters]\n"),
        ("rules.yaml", "name: a\ntype: any\nalert:\n- slack\n"),
    ],
)
def test_rules_of_other_programs_are_not_taken_for_rule_files(key: str, text: str) -> None:
    inside = config_map(text, key) + f"  prometheus.yml: |\n{indent(JOB, '    ')}"

    config = load(text=inside)

    assert config.problems == []
    assert config.unjudged == []


def test_folders_take_files_of_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    wrong = RULES.replace("10m", "never")
    for name, write in {"object": rule_object, "map": config_map, "server": server_files, "chart": rules_map}.items():
        Path("folder", f"{name}.yaml").write_text(write(wrong), encoding="utf-8")
    Path("folder", "role.yaml").write_text("apiVersion: v1\nkind: Role\nrules: []\n", encoding="utf-8")

    assert main(["folder"]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("4 errors in 4 files")


def test_rules_option_takes_prometheus_rules(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(f"---\napiVersion: v1\nkind: Namespace\n---\n{rule_object(RULES)}", encoding="utf-8")

    def missing(text: str) -> int:
        found = load(text=text, rules=[path], lint="strict").problems
        return sum(one.rule == "PG029" for one in found)

    assert load(text=JOB, rules=[path]).errors == []
    assert missing(JOB) == 2  # the age of the last push is asked for

    path.write_text(rule_object(RULES.replace('job="nightly"', 'exported_job="a"').replace("totals", "nightly")))
    config = load(text=JOB, rules=[path], lint="strict")

    assert [(one.object, one.line) for one in config.errors] == [("PrometheusRule/nightly", 12)]
    assert [one.line for one in config.problems if one.rule == "PG030"] == [9]


def test_configuration_cannot_name_a_prometheus_rule(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(rule_object(RULES), encoding="utf-8")
    (tmp_path / "prometheus.yml").write_text(f"rule_files: [rules.yaml]\n{JOB}", encoding="utf-8")

    found = [one.message for one in load(tmp_path / "prometheus.yml").errors]

    assert found[0] == "field apiVersion not found in type rulefmt.RuleGroups"
