"""The parts that are not judged here, put to a promtool that is named, whose answers are those of 3.5.3 and 2.53."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_pushgateway.cli.check_config import main
from pytest_pushgateway.prometheus import promtool_check
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

        def run(command: list[str]) -> str:
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


@pytest.mark.parametrize("output", [NEWER, REGION])
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
