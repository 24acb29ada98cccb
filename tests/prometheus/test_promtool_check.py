"""The parts that are not judged here, put to a promtool that is named, whose answers are those of 3.5.3 and 2.53."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import indent

import pytest

from pytest_pushgateway.cli.check_config import main
from pytest_pushgateway.golang.yaml_v2 import Node, ScalarNode, compose
from pytest_pushgateway.prometheus import promtool_check
from pytest_pushgateway.prometheus.parts import Part
from tests import peers

CONFIG = """\
rule_files: [rules.yml]
scrape_configs:
- job_name: b
  kubernetes_sd_configs:
  - role: pod
    selectors: [{role: pod, label: "LABEL"}]
"""
RULES = """\
groups:
- name: a
  rules:
  - alert: x
    expr: up
    annotations: {s: '{{ define "a" }}TEXT'}
"""
TAKEN = """\
Checking prometheus.yml
  SUCCESS: 1 rule files found
 SUCCESS: prometheus.yml is valid prometheus config file syntax

Checking rules.yml
"""
FINE = TAKEN + "  SUCCESS: 1 rules found\n\n"
SELECTOR = """\
Checking prometheus.yml
  FAILED: parsing YAML file prometheus.yml: unable to parse requirement: found '', expected: ',' or ')'

"""
EXPRESSION = TAKEN + (
    '  FAILED:\nrules.yml: 5:11: group "a", rule 1, "x": could not parse expression: 1:3: parse error: unexpected\n'
)
TEMPLATE = (
    TAKEN + '  FAILED:\nrules.yml: group "a", rule 1, "x": annotation "s": template: __alert_x:1: unexpected EOF\n'
)
NEWER = TAKEN + "  FAILED:\nrules.yml: yaml: unmarshal errors:\n  line 4: field new not found in type rulefmt.Rule\n"
UNSET = TAKEN + "  FAILED:\nrules.yml: unset nameValidationScheme\n"
REGION = """\
Checking prometheus.yml
  FAILED: parsing YAML file prometheus.yml: EC2 SD configuration requires a region
"""

Answer = Callable[..., list[list[str]]]


@pytest.fixture
def answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answer:
    monkeypatch.chdir(tmp_path)
    write()

    def set_answer(output: str, version: str = "3.5.3") -> list[list[str]]:
        commands = []

        def run(command: list[str], directory: str | None = None) -> str:
            commands.append(command[1:])
            return f"promtool, version {version} (branch: a)\n" if command[1] == "--version" else output

        monkeypatch.setattr(promtool_check, "_run", run)
        return commands

    return set_answer


def write(label: str = "a=b", template: str = "b{{ end }}") -> None:
    Path("rules.yml").write_text(RULES.replace("TEXT", template), encoding="utf-8")
    Path("prometheus.yml").write_text(CONFIG.replace("LABEL", label), encoding="utf-8")


def check(*flags: str, promtool: str = sys.executable) -> int:
    flags = ("--lint=none", "--prometheus-version=3.5", f"--promtool={promtool}", *flags)
    return main([*flags, "prometheus.yml"])


def test_parts_that_promtool_takes_are_judged(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    commands = answer(FINE)

    assert check("--fail-on=unjudged") == 0
    assert capsys.readouterr().out == "no problems in 1 file\n"
    assert commands[1:] == [["check", "config", "--lint=none", "prometheus.yml"]]


def test_older_promtool_approves_of_nothing(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    answer(FINE, version="2.53.3")

    assert check("--fail-on=unjudged") == 1
    assert "not judged: kubernetes_sd_configs.selectors" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (SELECTOR, "prometheus.yml:6:16: error: unable to parse requirement: found '', expected: ',' or ')'"),
        (EXPRESSION, 'rules.yml:5:11: error: group "a", rule 1, "x": could not parse expression: 1:3: parse error:'),
        (TEMPLATE, 'rules.yml:6:22: error: group "a", rule 1, "x": annotation "s": template: __alert_x:1:'),
    ],
)
def test_words_of_promtool_have_their_place(
    output: str, line: str, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(output)

    assert check() == 1
    assert line in capsys.readouterr().out


@pytest.mark.parametrize("output", [NEWER, REGION, UNSET])
def test_words_about_the_machine_or_the_release_are_left_out(
    output: str, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(output)

    assert check() == 0
    printed = capsys.readouterr().out
    assert printed.startswith("no problems in 1 file; not judged: ")


def test_files_are_left_alone_when_that_is_asked_for(answer: Answer) -> None:
    commands = answer(SELECTOR.replace("FAILED", "SUCCESS"))

    assert check("--no-files") == 0
    assert commands[-1] == ["check", "config", "--lint=none", "--syntax-only", "prometheus.yml"]


def test_configuration_with_an_error_is_not_asked_about(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    Path("prometheus.yml").write_text(CONFIG + "  honor_label: true\n", encoding="utf-8")
    commands = answer(FINE)

    assert check() == 1
    assert commands == []
    assert "not judged: " in capsys.readouterr().out


def test_rule_file_with_an_error_keeps_ours_alone(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    Path("rules.yml").write_text(RULES.replace("    expr: up\n", ""), encoding="utf-8")
    answer(TEMPLATE.replace('annotation "s"', "field 'expr' must be set in rule"))

    assert check() == 1
    printed = capsys.readouterr().out
    assert printed.endswith("1 error in 1 file; not judged: templates of rules\n")


@pytest.mark.usefixtures("answer")
def test_program_that_is_not_promtool_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert check() == 2
    assert "does not say which version of promtool it is" in capsys.readouterr().err
    assert check(promtool="missing-promtool") == 2
    assert "--promtool: missing-promtool is not a program" in capsys.readouterr().err


@pytest.mark.conformance
@pytest.mark.usefixtures("answer")
def test_real_promtool_judges_what_is_not_judged_here(capsys: pytest.CaptureFixture[str]) -> None:
    promtool = str(peers.promtool_binary())

    assert check(promtool=promtool) == 0
    assert capsys.readouterr().out == "no problems in 1 file\n"
    write(label="app in (a, b")
    assert check(promtool=promtool) == 1
    assert "prometheus.yml:6:16: error: unable to parse requirement" in capsys.readouterr().out
    write(template="b{{ end")
    assert check(promtool=promtool) == 1
    assert "rules.yml:" in capsys.readouterr().out


CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: server}
data:
  prometheus.yml: |
    scrape_configs:
    - job_name: b
      kubernetes_sd_configs:
      - role: pod
        selectors: [{role: pod, label: "LABEL"}]
"""
VALUES = """\
extraScrapeConfigs:
- job_name: b
  kubernetes_sd_configs:
  - role: pod
    selectors:
    - role: pod
      label: "LABEL"
"""
RULE_OBJECT = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: backup}
spec:
""" + indent(RULES, "  ")  # fmt: skip


@pytest.mark.conformance
@pytest.mark.parametrize(
    ("text", "place", "named"),
    [
        (CONFIG_MAP, "10:20", 'ConfigMap/server, data."prometheus.yml"'),
        (VALUES, "6:5", "extraScrapeConfigs"),
        (VALUES.partition("\n")[2], "5:5", ""),
    ],
    ids=["a ConfigMap", "values", "a list of jobs"],
)
def test_real_promtool_is_asked_about_configurations_in_other_forms(
    text: str, place: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "form.yml"
    flags = ["--lint=none", "--prometheus-version=3.5", f"--promtool={peers.promtool_binary()}", str(path)]
    path.write_text(text.replace("LABEL", "a=b"), encoding="utf-8")
    assert main(["--fail-on=unjudged", *flags]) == 0
    assert capsys.readouterr().out == "no problems in 1 file\n"
    path.write_text(text.replace("LABEL", "app in (a, b"), encoding="utf-8")
    assert main(flags) == 1
    printed = capsys.readouterr().out
    assert printed.startswith(f"{path}:{place}: error: unable to parse requirement: ")
    assert f"in:   {named}\n" in printed or not named
    assert printed.endswith("1 error in 1 file; not judged: kubernetes_sd_configs.selectors\n")


@pytest.mark.conformance
@pytest.mark.parametrize(
    ("form", "line", "named"),
    [
        (RULES, 6, ""),
        (RULE_OBJECT, 10, "PrometheusRule/backup"),
        (CONFIG_MAP.partition("  prom")[0] + "  alerts.yml: |\n" + indent(RULES, "    "), 11, "ConfigMap/server"),
        ("serverFiles:\n  alerts.yml:\n" + indent(RULES, "    "), 8, 'serverFiles."alerts.yml"'),
    ],
    ids=["a rule file", "a PrometheusRule", "a ConfigMap", "values"],
)
def test_real_promtool_is_asked_about_rules_everywhere(
    form: str, line: int, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "form.yml"
    flags = ["--lint=none", "--prometheus-version=3.5", f"--promtool={peers.promtool_binary()}"]
    path.write_text(form.replace("TEXT", "b{{ end }}"), encoding="utf-8")
    assert main(["--fail-on=unjudged", *flags, str(path)]) == 0
    capsys.readouterr()
    path.write_text(form.replace("TEXT", "b{{ end"), encoding="utf-8")
    assert main([*flags, str(path)]) == 1
    printed = capsys.readouterr().out
    assert printed.startswith(f"{path}:{line}:")
    assert "template: __alert_x:1: unclosed action" in printed
    assert f"in:   {named}" in printed or not named


@pytest.mark.conformance
@pytest.mark.parametrize("form", [RULES, RULE_OBJECT], ids=["a rule file", "a PrometheusRule"])
def test_real_promtool_is_asked_about_rule_files_of_the_command_line(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, job = tmp_path / "form.yml", tmp_path / "prometheus.yml"
    job.write_text("scrape_configs: [{job_name: a}]\n", encoding="utf-8")
    flags = ["--lint=none", "--prometheus-version=3.5", f"--promtool={peers.promtool_binary()}", f"--rules={path}"]
    path.write_text(form.replace("TEXT", "b{{ end"), encoding="utf-8")
    assert main([*flags, str(job)]) == 1
    assert f"{path}:{6 if form == RULES else 10}:" in capsys.readouterr().out


@pytest.mark.conformance
def test_place_of_an_expression_without_a_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "form.yml"
    path.write_text(RULE_OBJECT.replace("expr: up", "expr: up > 1_0 +").replace("TEXT", "b{{ end }}"), encoding="utf-8")
    flags = ["--lint=none", "--prometheus-version=3.5", f"--promtool={peers.promtool_binary()}"]
    assert main([*flags, str(path)]) == 1
    printed = capsys.readouterr().out
    assert printed.startswith(f'{path}:9:13: error: group "a", rule 1, "x": could not parse expression: ')
    assert "in:   PrometheusRule/backup\n" in printed


@pytest.mark.parametrize(
    "text",
    [
        "a: {b: [], c: {}, d: }\n",
        "a: [[1, [x]], {b: 1.0, c: '1.0'}]\n",
        'a: "x\\u0000\\U0001F600\\"\\\\ y: z"\n',
        "a: |\n  two\n  lines # kept\n\nb: >-\n  folded\n  text\n",
        "a: &x {b: c}\nd: *x\ne: {<<: *x, f: 'null'}\n",
        "a: !!str 5\n",
        "- a\n- [b]\n",
        "'1': 2\n",
    ],
)
def test_parts_are_written_as_they_were_read(text: str) -> None:
    root = compose(text.encode())
    assert root is not None
    part = Part(root, rules=False, file="a.yml", unjudged=[])
    again = compose(part.text.encode())
    assert again is not None
    assert shape(again) == shape(root)


def shape(node: Node) -> object:
    if isinstance(node, ScalarNode):
        return node.tag, node.value
    return [shape(one) if isinstance(one, Node) else tuple(map(shape, one)) for one in node.value]
