"""The law of the imports: own modules at the top, but for those that are heavy by nature and a few seams."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_pushgateway

pytestmark = pytest.mark.once

PACKAGE = Path(pytest_pushgateway.__file__).parent

HEAVY = {
    "prometheus.config": 27,
    "prometheus.rules.rule_assertions": 23,
    "prometheus.scrape.simulate": 19,
    "prometheus.scrape.explain": 19,
    "prometheus.scrape.fetch": 10,
    "exposition.protobuf.reader": 17,
    "exposition.protobuf.schema": 16,
    "gateway.app.access.web_config": 16,
    "golang.yaml_v2": 12,
    "golang.tls": 5,
    "gateway.http.tls": 5,
    "gateway.persistence.persistence": 2,
    "gateway.persistence.database": 2,
    "gateway.persistence.files": 1,
}
"""Modules that need yaml, ssl, sqlite3 or google.protobuf to be defined, imported inside functions; milliseconds that
each costs after a first push, with cached bytecode."""

LATER = {
    "harness.messages.became": 0.3,
    "harness.messages.failures": 0.8,
    "harness.messages.report": 1.2,
    "harness.messages.history": 0.4,
    "harness.messages.listing": 0.2,
    "harness.messages.rejections": 0.9,
    "harness.messages.silence": 0.6,
    "harness.journal.lint": 2.2,
    "harness.journal.timeline": 1.0,
    "interception.interception": 2.0,
    "original.comparison": 4.0,
    "interception.addresses": 0.3,
    "gateway.store.merged_families": 1.7,
    "gateway.store.conflict_text": 1.3,
    "gateway.store.poison": 0.2,
    "exposition.content_coding": 0.5,
    "exposition.negotiation": 0.9,
    "exposition.packing": 0.2,
    "gateway.app.page": 2.0,
    "gateway.app.page.changes": 1.5,
    "gateway.app.page.state": 1.0,
    "testapi.server": 45.0,
    "gateway.app.json_api": 1.1,
    "gateway.app.push_body": 4.0,
    "prometheus.lint.labels": 2.2,
    "prometheus.lint.transport": 0.1,
    "prometheus.lint.relabelling": 0.1,
    "prometheus.lint.settings": 0.1,
    "prometheus.lint.alerts": 0.6,
    "prometheus.lint.operator": 0.2,
    "prometheus.forms.recognise": 1.6,
    "prometheus.forms.judge": 0.3,
    "prometheus.forms.unread": 1.0,
    "prometheus.forms.dialects": 0.4,
    "prometheus.rules.rule_checks": 3.0,
    "prometheus.promtool_check": 0.5,
    "harness.absence": 1.3,
    "harness.journal.losses": 0.3,
    "harness.faults.faults": 1.4,
    "harness.metrics.family": 1.0,
    "harness.metrics.group": 2.0,
    "harness.metrics.scrape": 1.1,
    "harness.metrics.selection": 1.2,
    "harness.metrics.series": 0.9,
    "harness.metrics.snapshot": 1.2,
    "harness.metrics.values": 0.3,
    "harness.polling": 0.5,
    "harness.wording": 0.2,
    "durations": 0.2,
    "exposition.escaping": 0.2,
    "exposition.protobuf.writer": 0.5,
    "exposition.text.again": 1.0,
    "exposition.text.short": 0.4,
    "exposition.text.strict_parser": 0.6,
    "gateway.app.access.basic_auth": 0.2,
    "gateway.app.missed_routes": 0.2,
    "gateway.app.original_flags": 0.4,
    "gateway.app.recent_requests": 0.3,
    "gateway.app.scraping": 0.2,
    "gateway.http.chunked": 0.2,
    "gateway.store.process_metrics": 0.2,
}
"""Modules that few users of another need, named by `pytest_pushgateway.later.later`; milliseconds as above. Where
nothing is compiled yet, each costs five times as much."""

DOOR = "plugin"
"""The room whose modules import all else inside functions: pytest rewrites what is loaded before the plugin is."""

ASKED_FOR = ("cli.completion", "cli.manual", "cli.report_formats")
"""What a command prints only for a flag that is asked for once in a while: commands run in editors and hooks."""


@functools.cache  # to parse them all takes most of a second
def own_modules() -> list[tuple[str, ast.Module]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        found.append((name, ast.parse(path.read_text(encoding="utf-8"))))
    return found


def imported(statement: ast.ImportFrom, modules: frozenset[str]) -> Iterator[str]:
    home = (statement.module or "").removeprefix("pytest_pushgateway").removeprefix(".")
    for name in statement.names:
        below = f"{home}.{name.name}" if home else name.name
        yield below if below in modules else home


def inside_functions() -> Iterator[tuple[str, str]]:
    modules = frozenset(name for name, _ in own_modules())
    for name, tree in own_modules():
        functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
        for function in functions:
            for node in ast.walk(function):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pytest_pushgateway"):
                    yield from ((name, target) for target in imported(node, modules))


def named_later() -> set[str]:
    found = set()
    for _, tree in own_modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "later":
                (argument,) = node.args
                assert isinstance(argument, ast.Constant)
                found.add(str(argument.value).removeprefix("pytest_pushgateway."))
    return found


def test_own_modules_are_imported_at_the_top_unless_they_are_heavy_by_nature() -> None:
    others = {(name, target) for name, target in inside_functions() if not name.startswith(DOOR)}

    assert {(name, target) for name, target in others if target not in {*HEAVY, *ASKED_FOR}} == set()
    assert {target for _, target in others} == {*HEAVY, *ASKED_FOR}


def test_modules_that_are_imported_later_are_listed() -> None:
    assert named_later() == set(LATER)


@pytest.mark.parametrize("name", sorted(LATER))
def test_modules_that_are_imported_later_exist(name: str) -> None:
    assert name in {known for known, _ in own_modules()}
