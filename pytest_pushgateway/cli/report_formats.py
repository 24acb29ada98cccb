"""The reports of ``check-config`` that other programs read: SARIF for code scanning, JUnit XML for CI services."""

from __future__ import annotations

from pytest_pushgateway._version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any, TextIO

    from pytest_pushgateway.prometheus.config import PrometheusConfig
    from pytest_pushgateway.prometheus.problems import Problem

_HOME = "https://github.com/pytest-pushgateway/pytest-pushgateway"
_KINDS = {
    "yaml": "The file is not valid YAML.",
    "config": "Prometheus refuses to load the configuration.",
    "files": "A file that the configuration names is missing or invalid.",
    "form": "The file is in a form that is not read.",
    "markdown": "The file is a page in Markdown.",
}


def explanation(problem: Problem) -> str:
    """Return everything that a finding says, in lines."""
    inside = problem.object and f"In {problem.object}"
    parts = [problem.message, inside, problem.consequence, problem.fix and f"Fix: {problem.fix}", problem.hint]
    return "\n".join(part for part in parts if part)


class SarifPrinter:
    """One SARIF 2.1.0 log with a run: results for findings, notifications for parts that were not judged."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.results: list[dict[str, Any]] = []
        self.notifications: list[dict[str, Any]] = []
        self.rules: dict[str, dict[str, Any]] = {}

    def add(self, config: PrometheusConfig) -> None:
        """Keep the findings of one configuration."""
        for problem in config.problems:
            self.rules.setdefault(problem.rule, _rule(problem.rule))
            self.results.append(
                {
                    "ruleId": problem.rule,
                    "level": problem.severity,
                    "message": {"text": explanation(problem)},
                    "locations": [_location(problem.file, problem.line, problem.column)],
                }
            )
        for one in config.unjudged:
            self.notifications.append(
                {
                    "level": "note",
                    "message": {"text": f"not judged: {one['section']}"},
                    "locations": [_location(one["file"], one["line"], one["column"])],
                }
            )

    def end(self) -> None:
        """Print the log."""
        import json

        driver = {
            "name": "pytest-pushgateway check-config",
            "version": __version__,
            "informationUri": _HOME,
            "rules": list(self.rules.values()),
        }
        invocation = {"executionSuccessful": True, "toolExecutionNotifications": self.notifications}
        run = {"tool": {"driver": driver}, "invocations": [invocation], "results": self.results}
        log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
        json.dump(log, self.stream, indent=2, ensure_ascii=False)
        self.stream.write("\n")


def _rule(name: str) -> dict[str, Any]:
    if name in _KINDS:
        return {"id": name, "shortDescription": {"text": _KINDS[name]}}
    return {"id": name, "helpUri": f"{_HOME}/blob/main/docs/lint/{name}.md"}


def _location(file: str, line: int | None, column: int | None) -> dict[str, Any]:
    from urllib.parse import quote

    place: dict[str, Any] = {"artifactLocation": {"uri": quote(file.replace("\\", "/"))}}
    if line:
        place["region"] = {"startLine": line, **({"startColumn": column} if column else {})}
    return {"physicalLocation": place}


class JunitPrinter:
    """JUnit XML: a test suite for each file, and in it a test case for each finding, or one that passed."""

    def __init__(self, stream: TextIO, failing: Collection[str]) -> None:
        self.stream = stream
        self.failing = failing
        self.suites: list[str] = []
        self.tests = self.failures = 0

    def add(self, config: PrometheusConfig) -> None:
        """Keep the findings of one configuration; those of severities in ``failing`` are failures."""
        cases = [_case(config.path, problem, problem.severity in self.failing) for problem in config.problems]
        if not cases:
            cases = [f"    <testcase classname={_attribute(config.path)} name='no problems' time='0'/>\n"]
        failures = sum(problem.severity in self.failing for problem in config.problems)
        unjudged = ", ".join(dict.fromkeys(one["section"] for one in config.unjudged))
        said = f"    <system-out>{_text(f'not judged: {unjudged}')}</system-out>\n" if unjudged else ""
        counts = f"tests='{len(cases)}' failures='{failures}' errors='0' skipped='0' time='0'"
        self.suites.append(f"  <testsuite name={_attribute(config.path)} {counts}>\n{''.join(cases)}{said}  </testsuite>\n")
        self.tests += len(cases)
        self.failures += failures

    def end(self) -> None:
        """Print the document."""
        head = f"<testsuites name='check-config' tests='{self.tests}' failures='{self.failures}' errors='0' time='0'>"
        self.stream.write(f"<?xml version='1.0' encoding='utf-8'?>\n{head}\n{''.join(self.suites)}</testsuites>\n")


def _case(path: str, problem: Problem, fails: bool) -> str:
    place = ":".join(str(part) for part in (problem.file, problem.line, problem.column) if part)
    name = f"{problem.rule} at {place}" if place else problem.rule
    attributes = f"classname={_attribute(path)} name={_attribute(name)} time='0'"
    text = _text(explanation(problem))
    if fails:
        kind = f"message={_attribute(problem.message)} type={_attribute(problem.severity)}"
        return f"    <testcase {attributes}>\n      <failure {kind}>{text}</failure>\n    </testcase>\n"
    return f"    <testcase {attributes}>\n      <system-out>{text}</system-out>\n    </testcase>\n"


def _characters(text: str) -> str:
    """Replace the characters that XML 1.0 cannot hold."""
    return "".join(
        letter
        if letter in "\t\n" or " " <= letter <= "\ud7ff" or "\ue000" <= letter <= "\ufffd" or letter > "\uffff"
        else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )


def _text(text: str) -> str:
    return _characters(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _attribute(text: str) -> str:
    escaped = _text(text).replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")
    return f'"{escaped}"'
