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


def ask(
    promtool: str,
    group: dict[str, Any],
    rule_files: dict[str, str],
    evaluation_interval: float,
    until: float,
    vectors: Sequence[Vector] = (),
    firing: Sequence[Firing] = (),
    *,
    timeout: float = 300.0,
) -> tuple[list[list[Point]], list[list[FiringAlert]]]:
    """Run one test group and return the answers in the order of the questions.

    ``group`` is the group without its tests (``interval``, ``input_series``, ``external_labels``); ``rule_files`` maps
    names to contents; ``evaluation_interval`` and ``until`` are seconds. promtool takes no sample later than the last
    evaluation before the last question into account: ``until`` is a multiple of the interval, and no question is later.

    Raises:
        RulesError: promtool rejects the question; in its words.

    """
    __tracebackhide__ = True
    import yaml

    tests = dict(group)
    questions = [*vectors, Vector("vector(0)", until)]
    tests["promql_expr_test"] = [
        {"expr": one.expression, "eval_time": eval_time(one.at), "exp_samples": [{"labels": _NEVER, "value": 0}]}
        for one in questions
    ]
    tests["alert_rule_test"] = [
        {"eval_time": eval_time(one.at), "alertname": one.name, "exp_alerts": [{"exp_labels": {_NEVER: "1"}}]}
        for one in firing
    ]
    document = {
        "rule_files": list(rule_files),
        "evaluation_interval": format_duration(evaluation_interval),
        "tests": [tests],
    }
    with tempfile.TemporaryDirectory(prefix="pytest-pushgateway-promtool-") as directory:
        for name, content in rule_files.items():
            Path(directory, name).write_text(content, encoding="utf-8")
        path = Path(directory, "test.yml")
        path.write_text(yaml.dump(document, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)), encoding="utf-8")
        report = run(promtool, path, timeout=timeout)
    found, alerts = _Report(report.replace(f"{directory}/", "")).answers(questions, firing)
    return found[:-1], alerts


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
        done = subprocess.run(
            [promtool, "check", "rules", "--lint=none", *names],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
    if done.returncode:
        report = re.sub(
            r"rules-\d+\.yml", lambda found: names.get(found[0], found[0]), done.stdout.decode(errors="replace")
        )
        lines = [line.strip() for line in report.splitlines()]
        told = [line for line in lines if line and not re.match(r"Checking |SUCCESS|FAILED:$", line)]
        raise RulesError("\n".join(["promtool rejects the rule files; correct them first:", *dict.fromkeys(told)]))


def run(promtool: str, path: Path, *, timeout: float = 300.0) -> str:
    """Run ``promtool test rules`` on a file and return what it reports."""
    done = subprocess.run(
        [promtool, "test", "rules", path.name],
        cwd=path.parent,
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
_PASSED_OVER = re.compile(r"Unit Testing: |  (FAILED:|SUCCESS)?$|    name: |        exp|\s*$")


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
