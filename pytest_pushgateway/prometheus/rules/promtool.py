"""Questions put to ``promtool test rules``, and the answers read from what it reports.

promtool compares with an expectation and prints what it got instead. So every question carries an expectation that
never holds, and the answer is the ``got:`` of the report.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pytest_pushgateway.programs import Program, find_binary
from pytest_pushgateway.prometheus.values import format_duration

Labels = dict[str, str]

_NEVER = "__pytest_pushgateway_never__"


class RulesError(RuntimeError):
    """promtool could not work with the rules, or with an expression; the text is promtool's."""


class Vector(NamedTuple):
    """A question: the value of an expression, ``at`` seconds after the beginning."""

    expression: str
    at: float


class Firing(NamedTuple):
    """A question: the firing alerts of one name, ``at`` seconds after the beginning."""

    name: str
    at: float


Point = tuple[Labels, float]
"""One element of a vector: labels with ``__name__``, and the value."""
FiringAlert = tuple[Labels, Labels]
"""Labels with ``alertname``, and annotations."""


def find_promtool(option: str | os.PathLike[str] | Program | None = None) -> str:
    """Return the path of promtool: ``option``, PROMTOOL_BINARY, PROMTOOL, PATH.

    Raises:
        BinaryNotFound: there is no promtool.

    """
    return find_binary("promtool", option, ("PROMTOOL_BINARY", "PROMTOOL"))


class Run(NamedTuple):
    """One test group with its questions.

    ``group`` is the group without its tests (``interval``, ``input_series``, ``external_labels``); ``rule_files`` maps
    names to contents; ``until`` is seconds. promtool takes no sample later than the last evaluation before the last
    question into account: ``until`` is a multiple of the evaluation interval, and no question is later.
    """

    group: dict[str, Any]
    rule_files: dict[str, str]
    until: float
    vectors: Sequence[Vector] = ()
    firing: Sequence[Firing] = ()


Answers = tuple[list[list[Point]], list[list[FiringAlert]]]
"""The answers to the vectors and to the firing alerts of one run, in the order of the questions."""


def ask(promtool: str, runs: Sequence[Run], evaluation_interval: float, *, timeout: float = 300.0) -> list[Answers]:
    """Let one promtool evaluate runs, each with its own rules and beginning, and return their answers.

    ``evaluation_interval`` is seconds.

    Raises:
        RulesError: promtool rejects a question; in its words.

    """
    __tracebackhide__ = True
    with tempfile.TemporaryDirectory(prefix="pytest-pushgateway-promtool-") as directory:
        paths = []
        for number, one in enumerate(runs):
            folder = Path(directory, str(number))
            folder.mkdir()
            for name, content in one.rule_files.items():
                Path(folder, name).write_text(content, encoding="utf-8")
            paths.append(f"{number}/test.yml")
            Path(directory, paths[-1]).write_text(_unit_test(one, evaluation_interval), encoding="utf-8")
        report = run(promtool, directory, *paths, timeout=timeout)
    report = re.sub(rf"(?:{re.escape(directory)}/)?\d+/(?=rules-\d+\.yml|test\.yml)", "", report)
    parts = re.split(r"^  FAILED:$", report, flags=re.MULTILINE)[1:]  # each does: no expectation holds
    if len(parts) != len(runs):
        raise RulesError(report.strip())
    found = [_Report(part).answers(_questions(one), one.firing) for part, one in zip(parts, runs, strict=True)]
    return [(vectors[:-1], alerts) for vectors, alerts in found]


def _questions(one: Run) -> list[Vector]:
    """Return the vectors of a run, with one at its end that makes promtool evaluate until then."""
    return [*one.vectors, Vector("vector(0)", one.until)]


def _unit_test(one: Run, evaluation_interval: float) -> str:
    import yaml

    tests = dict(one.group)
    tests["promql_expr_test"] = [
        {"expr": each.expression, "eval_time": eval_time(each.at), "exp_samples": [{"labels": _NEVER, "value": 0}]}
        for each in _questions(one)
    ]
    tests["alert_rule_test"] = [
        {"eval_time": eval_time(each.at), "alertname": each.name, "exp_alerts": [{"exp_labels": {_NEVER: "1"}}]}
        for each in one.firing
    ]
    document = {
        "rule_files": list(one.rule_files),
        "evaluation_interval": format_duration(evaluation_interval),
        "tests": [tests],
    }
    return str(yaml.dump(document, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)))


def check_rules(promtool: str, files: dict[str, str]) -> None:
    """Let promtool judge rule files, by path and text.

    Raises:
        RulesError: promtool rejects a file; in its words, with these paths.

    """
    __tracebackhide__ = True
    with tempfile.TemporaryDirectory(prefix="pytest-pushgateway-promtool-") as directory:
        names = {}
        for number, (path, text) in enumerate(files.items()):
            names[f"rules-{number}.yml"] = path
            Path(directory, f"rules-{number}.yml").write_text(text, encoding="utf-8")
        if not names:
            return
        for lint in (["--lint=none"], []):
            done = subprocess.run(
                [promtool, "check", "rules", *lint, *names],
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=300,
                check=False,
            )
            if b"unset nameValidationScheme" not in done.stdout:
                break  # some releases from 3.7 on say so of every file without the linter
    if done.returncode:
        report = re.sub(
            r"rules-\d+\.yml", lambda found: names.get(found[0], found[0]), done.stdout.decode(errors="replace")
        )
        lines = [line.strip() for line in report.splitlines()]
        told = [line for line in lines if line and not re.match(r"Checking |SUCCESS|FAILED:$", line)]
        raise RulesError("\n".join(["promtool rejects the rule files; correct them first:", *dict.fromkeys(told)]))


def run(promtool: str, directory: str | Path, *paths: str, timeout: float = 300.0) -> str:
    """Run ``promtool test rules`` on files of a directory and return what it reports."""
    done = subprocess.run(
        [promtool, "test", "rules", *paths],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout,
        check=False,
    )
    return done.stdout.decode(errors="replace")


def eval_time(seconds: float) -> str:
    """Write a time after the beginning as promtool reads it, to the millisecond."""
    return format_duration(seconds)


_STRING = r"\"[^\"\\]*(?:\\.[^\"\\]*)*\""
_VECTOR = re.compile(rf"    expr: (?P<expr>{_STRING}), time: (?P<time>\w+),(?: err: (?P<error>.*))?")
_ALERT = re.compile(r"    alertname: (?P<name>.*), time: (?P<time>\w+), ?")
_POINT = re.compile(rf"\{{(?P<labels>[^\"{{}}]*(?:{_STRING}[^\"{{}}]*)*)\}} (?P<value>[^\s,{{]+)(?:, |$)")
_PAIR = re.compile(rf"(?P<name>{_STRING}|[^\s=,\"{{}}]+)=(?P<value>{_STRING})")
_PASSED_OVER = re.compile(r"Unit Testing: |    name: |        exp|\s*$")


class _Report:
    """promtool's report, read line by line."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.splitlines()
        self.position = 0
        self.vectors: list[list[Point]] = []
        self.firing: dict[tuple[str, str], list[FiringAlert]] = {}

    def answers(
        self, vectors: Sequence[Vector], firing: Sequence[Firing]
    ) -> tuple[list[list[Point]], list[list[FiringAlert]]]:
        __tracebackhide__ = True
        while self.position < len(self.lines):
            line = self.lines[self.position]
            self.position += 1
            if (found := _VECTOR.fullmatch(line)) is not None:
                if found["error"]:
                    raise RulesError(f"{_unquote(found['expr'])}: {found['error']}")
                self.vectors.append(self._points())
            elif (found := _ALERT.fullmatch(line)) is not None:
                self.firing[found["name"], found["time"]] = self._alerts()
            elif not _PASSED_OVER.match(line):
                raise RulesError(self.text.strip())
        if len(self.vectors) != len(vectors):
            raise RulesError(self.text.strip())
        return self.vectors, [self.firing[one.name, eval_time(one.at)] for one in firing]

    def _until(self, prefix: str) -> str:
        """Go on to the line that begins with ``prefix``, and return the rest of it."""
        while not self.lines[self.position].startswith(prefix):
            self.position += 1
        line = self.lines[self.position]
        self.position += 1
        return line[len(prefix) :]

    def _points(self) -> list[Point]:
        got = self._until("        got: ")
        if got == "nil":
            return []
        points, end = [], 0
        for found in _POINT.finditer(got):
            points.append((_labels(found["labels"]), float(found["value"])))
            end = found.end()
        if end != len(got):
            raise RulesError(f"cannot read promtool's answer: {got}")
        return points

    def _alerts(self) -> list[FiringAlert]:
        if self._until("        got:[").startswith("]"):
            return []
        alerts = []
        while not self.lines[self.position].startswith("            ]"):
            labels = _labels(self._until("              Labels:"))
            alerts.append((labels, _labels(self._until("              Annotations:"))))
        self.position += 1
        return alerts


def _labels(text: str) -> Labels:
    return {_unquote(found["name"]): _unquote(found["value"]) for found in _PAIR.finditer(text)}


def _unquote(text: str) -> str:
    # What Go's %q writes, Python reads as it was meant.
    return str(ast.literal_eval(text)) if text.startswith('"') else text
