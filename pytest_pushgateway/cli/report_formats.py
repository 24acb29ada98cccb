"""The reports of ``check-config`` that other programs read: SARIF for code scanning, JUnit XML for CI services."""

from __future__ import annotations

from pytest_pushgateway._version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any, TextIO
    from xml.etree.ElementTree import Element

    from pytest_pushgateway.prometheus.config import PrometheusConfig

_HOME = "https://github.com/pytest-pushgateway/pytest-pushgateway"
_KINDS = {
    "yaml": "The file is not valid YAML.",
    "config": "Prometheus refuses to load the configuration.",
    "files": "A file that the configuration names is missing or invalid.",
    "form": "The file is in a form that is not read.",
    "markdown": "The file is a page in Markdown.",
}


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
                    "message": {"text": problem.explanation()},
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
        from xml.etree.ElementTree import Element

        self.stream = stream
        self.failing = failing
        self.suites: Element = Element("testsuites", name="check-config")

    def add(self, config: PrometheusConfig) -> None:
        """Keep the findings of one configuration; those of severities in ``failing`` are failures."""
        from xml.etree.ElementTree import SubElement

        path = _characters(config.path)
        suite = SubElement(self.suites, "testsuite", name=path)
        for problem in config.problems:
            place = ":".join(str(part) for part in (problem.file, problem.line, problem.column) if part)
            case = SubElement(suite, "testcase", classname=path, name=_characters(f"{problem.rule} at {place}"))
            if problem.severity in self.failing:
                kind = {"message": _characters(problem.message), "type": problem.severity}
                SubElement(case, "failure", kind).text = _characters(problem.explanation())
            else:
                SubElement(case, "system-out").text = _characters(problem.explanation())
        if not config.problems:
            SubElement(suite, "testcase", classname=path, name="no problems")
        _count(suite)
        if config.unjudged:
            sections = ", ".join(dict.fromkeys(one["section"] for one in config.unjudged))
            SubElement(suite, "system-out").text = _characters(f"not judged: {sections}")

    def end(self) -> None:
        """Print the document."""
        from xml.etree.ElementTree import indent, tostring

        _count(self.suites)
        indent(self.suites)
        text = tostring(self.suites, encoding="unicode")
        self.stream.write(f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n')


def _count(element: Element) -> None:
    element.set("tests", str(len(list(element.iter("testcase")))))
    element.set("failures", str(len(list(element.iter("failure")))))
    element.set("errors", "0")


def _characters(text: str) -> str:
    """Replace the characters that XML 1.0 cannot hold."""
    return "".join(
        letter
        if letter in "\t\n" or " " <= letter <= "\ud7ff" or "\ue000" <= letter <= "\ufffd" or letter > "\uffff"
        else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )
