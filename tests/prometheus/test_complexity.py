"""Twice the file costs twice the work: configurations, rules, their templates, forms, targets, scrapes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from pytest_pushgateway import load
from pytest_pushgateway.cli.check_config_output import JsonPrinter
from pytest_pushgateway.golang.duration import parse_flag_duration
from pytest_pushgateway.golang.json_syntax import find_error
from pytest_pushgateway.golang.regexp import is_common
from pytest_pushgateway.prometheus.decode.json_targets import load_groups
from pytest_pushgateway.prometheus.rules.templates import TemplateError, TemplateUnjudged, check_template
from pytest_pushgateway.prometheus.scrape.promtext import ExpositionError, read
from tests.work import Scanned, assert_linear, letters_of

pytestmark = [pytest.mark.slow, pytest.mark.once]

VERSION = "3.5"


def jobs(size: int, job: Callable[[int], str]) -> str:
    return "scrape_configs:\n" + "".join(map(job, range(size)))


def gateway(number: int, more: str = "") -> str:
    return f"- job_name: j{number}\n  static_configs: [{{targets: ['pushgateway:9091']}}]\n{more}"


def listed(size: int, key: str, line: Callable[[int], str]) -> str:
    return jobs(1, gateway) + f"  {key}:\n" + "".join(f"  - {line(number)}\n" for number in range(size))


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def monitor(number: int) -> str:
    return (
        f"kind: ServiceMonitor\napiVersion: monitoring.coreos.com/v1\nmetadata: {{name: m{number}}}\n"
        "spec:\n  selector: {matchLabels: {app: pushgateway}}\n  endpoints: [{port: http}]\n---\n"
    )


FILES: dict[str, Callable[[int], str]] = {
    "jobs": lambda size: jobs(size, gateway),
    "jobs of one name": lambda size: jobs(size, lambda _: gateway(1)),
    "targets": lambda size: (
        "scrape_configs:\n- job_name: pushgateway\n  static_configs:\n  - targets:\n"
        + "".join(f"    - h{number}:9091\n" for number in range(size))
    ),
    "rules for targets": lambda size: listed(
        size, "relabel_configs", lambda number: f"{{source_labels: [a{number}], target_label: b{number}}}"
    ),
    "rules for metrics": lambda size: listed(
        size, "metric_relabel_configs", lambda number: f"{{source_labels: [a{number}], regex: x, action: drop}}"
    ),
    "unknown fields": lambda size: jobs(1, gateway) + "".join(f"unknown{number}: 1\n" for number in range(size)),
    "monitors": lambda size: "".join(map(monitor, range(size))),
    "a ConfigMap": lambda size: (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  prometheus.yml: |\n"
        + indented(jobs(size, gateway))
    ),
    "Helm values": lambda size: "serverFiles:\n  prometheus.yml:\n" + indented(jobs(size, gateway)),
}


@pytest.mark.parametrize("form", FILES)
def test_configurations(form: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        text = FILES[form](size)
        return lambda: load(text=text, version=VERSION).problems

    assert_linear(prepare, 30)


def test_rule_files(tmp_path: Path) -> None:
    def prepare(size: int) -> Callable[[], object]:
        path = tmp_path / f"{size}.yml"
        alerts = (f"  - {{alert: A{number}, expr: up == 0, for: 5m}}\n" for number in range(size))
        path.write_text("groups:\n- name: g\n  rules:\n" + "".join(alerts))
        text = jobs(1, gateway) + f"rule_files: ['{path}']\n"
        return lambda: load(text=text, version=VERSION, rules=[path]).problems

    assert_linear(prepare, 50)


TEMPLATES: dict[str, Callable[[int], str]] = {
    "actions": lambda size: "{{ $labels.x }} text\n" * size,
    "an action": lambda size: '{{ printf "x" ' + "1 " * size + "}}",
    "blocks": lambda size: "{{ if true }}\n" * size + "{{ end }}" * size,
    "variables": lambda size: "".join(f"{{{{ $v{number} := 1 }}}}" for number in range(size)) + "{{ $v0 }}" * size,
    "parentheses": lambda size: "{{ " + "(" * size + "1" + ")" * size + " }}",
    "blanks": lambda size: "{{ 1" + " " * size + "- 2 }}",
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates(template: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        text = Scanned(TEMPLATES[template](size))

        def action() -> None:
            with suppress(TemplateError, TemplateUnjudged):
                check_template(text, VERSION)

        return action

    assert_linear(prepare, 300)
    assert letters_of(prepare(600)) <= 2.2 * letters_of(prepare(300)) + 200


def test_parentheses_of_any_depth_are_not_judged() -> None:
    check_template("{{ " + "(" * 100 + "1" + ")" * 100 + " }}", VERSION)
    with pytest.raises(TemplateUnjudged, match="more than 100 parentheses"):
        check_template("{{ " + "(" * 100_000 + "1" + ")" * 100_000 + " }}", VERSION)


TEXTS: dict[str, tuple[Callable[[str], object], Callable[[int], str]]] = {
    "a duration": (parse_flag_duration, lambda size: "0s" * size),
    "digits of a duration": (parse_flag_duration, lambda size: "0" * size + "1." + "1" * size + "s"),
    "JSON": (find_error, lambda size: "[" + '{"a": "b\\n", "c": [1, 2.5e3, true, null]},' * size + "x]"),
    "depth of JSON": (find_error, lambda size: "[" * size),
    "a regular expression": (is_common.__wrapped__, lambda size: "|".join("a[b-z]+" * size)),
    "groups of a regular expression": (is_common.__wrapped__, lambda size: "(a)+" * size),
}


@pytest.mark.parametrize("text", TEXTS)
def test_texts(text: str) -> None:
    check, make = TEXTS[text]

    def prepare(size: int) -> Callable[[], object]:
        prepared = Scanned(make(size))

        def action() -> None:
            with suppress(ValueError, RecursionError):
                check(prepared)

        return action

    assert_linear(prepare, 300)
    assert letters_of(prepare(600)) <= 2.2 * letters_of(prepare(300)) + 200


def test_lines_of_findings(tmp_path: Path) -> None:
    def prepare(size: int) -> Callable[[], object]:
        (tmp_path / "prometheus.yml").write_text(jobs(size, gateway), encoding="utf-8")
        config = load(tmp_path / "prometheus.yml")
        assert len(config.problems) >= size
        return lambda: JsonPrinter(io.StringIO()).add(config)

    assert_linear(prepare, 100)


@pytest.mark.parametrize("end", ["", ", 3"])
def test_json_targets(end: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        groups = json.dumps([{"targets": [f"h{number}:1"], "labels": {"a": "b"}} for number in range(size)])
        content = (groups[:-1] + end + "]").encode()
        return lambda: load_groups(content, VERSION)

    assert_linear(prepare, 200)


EXPOSITIONS: dict[str, Callable[[int], str]] = {
    "series": lambda size: "".join(f'a{{x="{number}"}} {number}\n' for number in range(size)),
    "labels": lambda size: "a{" + ",".join(f'l{number}="v"' for number in range(size)) + "} 1\n",
    "escapes": lambda size: 'a{x="' + r"\\\n\"" * size + '"} 1\n',
    "comments": lambda size: "# c\n# HELP a h\n" * size,
    "blanks": lambda size: "a" + " " * size + "1\n",
}


@pytest.mark.parametrize("exposition", EXPOSITIONS)
def test_scraped_text(exposition: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        body = EXPOSITIONS[exposition](size).encode()

        def action() -> None:
            with suppress(ExpositionError):
                for _ in read(body, prometheus_version=VERSION):
                    pass

        return action

    assert_linear(prepare, 300)
