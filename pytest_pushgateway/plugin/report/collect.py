"""The facts of a run, put together from the reports of all processes.

The result of `RunFacts.facts` is the format that docs/howto/report.md describes.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from pytest_pushgateway._version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = dict[str, Any]

FORMAT, VERSION = "pytest-pushgateway-report", 1
TEXT = 20_000
"""Characters of one failure that are kept: its beginning and its end."""
ROOM = 64 * 1024 * 1024
"""Characters of bodies and headers that are kept of all tests; failing tests may have as many again."""

FAILING = ("crashed", "failed", "error", "unfinished")
_SEVERITY = ("passed", "skipped", "xfailed", "xpassed", "rerun", "unfinished", "error", "failed", "crashed")
_ORDER = {outcome: at for at, outcome in enumerate((*FAILING, "rerun"))}


@dataclass
class _Attempt:
    """One run of one test; times are Unix seconds."""

    test: str
    worker: str
    number: int = 1
    of: int = 1
    outcome: str = "passed"
    began: float = 0.0
    ended: float = 0.0
    closed: bool = False
    left_out: int = 0
    phases: dict[str, float] = field(default_factory=dict)
    failures: list[Json] = field(default_factory=list)
    reason: str = ""
    marks: list[Json] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def become(self, outcome: str) -> None:
        """Take the outcome of a phase if it is worse than those before it."""
        self.outcome = max(self.outcome, outcome, key=_SEVERITY.index)

    @property
    def order(self) -> tuple[int, float]:
        """The place in the file: failing tests first, then reruns, then the others as they began."""
        return _ORDER.get(self.outcome, len(_ORDER)), self.began


class RunFacts:
    """Everything that the processes of a run report.

    Args:
        project: the name of the project.
        started: the Unix time at which the run began, in seconds.

    """

    def __init__(self, project: str, started: float) -> None:
        self._project = project
        self._started = started
        self._attempts: dict[tuple[str, str], list[_Attempt]] = {}
        self._begun: dict[str, float] = {}
        self._gateways: dict[tuple[str, str], str] = {}
        self._warnings: dict[str, list[str]] = {}
        self._problems: dict[str, None] = {}
        self._workers: dict[str, None] = {}
        self._held = 0
        self._bodies_left_out = 0
        self.deselected: int = 0

    def begin(self, test: str, at: float) -> None:
        """Note that some process begins a test at a Unix time in seconds."""
        self._begun[test] = at

    def note(self, problem: str) -> None:
        """Note what went wrong with the run itself, once."""
        self._problems[_shortened(problem, TEXT)] = None

    def warn(self, test: str, text: str) -> None:
        """Note a warning of the plugin about a test."""
        self._warnings.setdefault(test, []).append(_shortened(text, 2000))

    def add(self, report: pytest.TestReport, carried: Json | None, worker: str) -> None:
        """Add the report of a phase, with the events that came along.

        Args:
            report: the report.
            carried: what `RunRecorder.take` returned; None if nothing came along.
            worker: the name of xdist's worker; empty without xdist.

        """
        self._workers[worker] = None
        attempts = self._attempts.setdefault((worker, report.nodeid), [])
        phase, outcome = _phase(report), _outcome(report)
        if not attempts or (attempts[-1].closed and phase in ("setup", "worker")):
            began = self._begun.get(report.nodeid, self._started)
            attempts.append(_Attempt(report.nodeid, worker, began=began, ended=began))
        attempt = attempts[-1]
        attempt.become(outcome)
        attempt.closed = phase in ("teardown", "worker") or outcome == "rerun"
        if report.failed or outcome == "rerun":
            attempt.failures.append({"phase": phase, "text": _shortened(str(report.longreprtext), TEXT)})
        elif report.skipped:
            attempt.reason = _reason(report)
        if carried is not None:
            if carried["test"] == report.nodeid:
                attempt.began, attempt.ended = carried["began"], carried["ended"]
                attempt.phases = carried["phases"]
            self.take(carried, worker)
        if attempt.closed and attempt.outcome not in FAILING:
            self._make_room(attempt, ROOM)
        elif attempt.closed:
            self._make_room(attempt, 2 * ROOM)

    def take(self, carried: Json, worker: str) -> None:
        """Add events to the tests during which they happened."""
        for number, url in carried["gateways"].items():
            self._gateways[worker, number] = url
        moved = 0
        for mark in carried["marks"]:
            test = mark.pop("test")
            if (worker, test) not in self._attempts:
                test = carried["test"]
            attempts = self._attempts.get((worker, test))
            if not attempts:
                self.note("some events came before the first test, and are left out")
                continue
            if test != carried["test"] and "number" in mark:  # a late push: numbers and collisions are of another test
                moved += 1
                mark.update(number=1_000_000 + moved, collides_with=[])
            mark["gateway"] = f"{worker}/{mark['gateway']}"
            attempts[-1].marks.append(mark)
            attempts[-1].left_out += carried["left_out"]
            carried["left_out"] = 0

    def _make_room(self, attempt: _Attempt, room: int) -> None:
        for mark in attempt.marks:
            size = len(mark.get("body") or "") + sum(len(name) + len(value) for name, value in mark.get("headers", ()))
            if self._held + size > room:
                self._bodies_left_out += 1
                mark.update(body=None, headers=[], left_out=True)
            else:
                self._held += size

    def facts(self, ended: float, exit_status: int) -> Json:
        """Return the facts of the run, in the documented format.

        Args:
            ended: the Unix time at which the run ended, in seconds.
            exit_status: pytest's.

        """
        attempts = [attempt for tried in self._attempts.values() for attempt in tried]
        for attempt in attempts:
            if not attempt.closed:
                attempt.become("unfinished")
        known = {attempt.test for attempt in attempts}
        attempts += [
            _Attempt(test, "", outcome="unfinished", began=began, ended=began)
            for test, began in self._begun.items()
            if test not in known
        ]
        for attempt in attempts:
            attempt.warnings += self._warnings.pop(attempt.test, ())
        _number(attempts)
        attempts.sort(key=lambda attempt: attempt.order)
        places = list(dict.fromkeys(mark["gateway"] for attempt in attempts for mark in attempt.marks))
        tests = [self._shown(attempt, places) for attempt in attempts]
        return {
            "format": FORMAT,
            "version": VERSION,
            "made_by": {
                "pytest_pushgateway": __version__,
                "pytest": pytest.__version__,
                "python": platform.python_version(),
                "platform": sys.platform,
            },
            "project": self._project,
            "started": self._started,
            "duration": ended - self._started,
            "exit_status": exit_status,
            "problems": list(self._problems),
            "counts": _counts(attempts),
            "deselected": self.deselected,
            "bodies_left_out": self._bodies_left_out,
            "workers": [worker for worker in sorted(self._workers, key=_natural) if worker],
            "gateways": [self._gateway(place) for place in places],
            "tests": tests,
        }

    def _gateway(self, place: str) -> Json:
        worker, _, number = place.rpartition("/")
        return {"url": self._gateways.get((worker, number)), "worker": worker or None}

    def _shown(self, attempt: _Attempt, places: list[str]) -> Json:
        marks = sorted(attempt.marks, key=lambda mark: float(mark["at"]))
        for mark in marks:
            mark["at"] = round(mark["at"] - self._started, 6)
            mark["gateway"] = places.index(mark["gateway"])
        return {
            "id": attempt.test,
            "attempt": attempt.number,
            "attempts": attempt.of,
            "worker": attempt.worker or None,
            "outcome": attempt.outcome,
            "began": round(attempt.began - self._started, 6),
            "duration": round(max(0.0, attempt.ended - attempt.began), 6),
            "phases": {name: round(seconds, 6) for name, seconds in attempt.phases.items()},
            "failures": attempt.failures,
            "reason": attempt.reason or None,
            "warnings": attempt.warnings,
            "marks": marks,
            "marks_left_out": attempt.left_out,
        }


def _number(attempts: Iterable[_Attempt]) -> None:
    """Number the attempts at each test; one that was run again after its worker had crashed had several workers."""
    tried: dict[str, list[_Attempt]] = {}
    for attempt in attempts:
        tried.setdefault(attempt.test, []).append(attempt)
    for same in tried.values():
        if any(attempt.outcome == "rerun" for attempt in same):
            for number, attempt in enumerate(sorted(same, key=lambda one: one.began), 1):
                attempt.number, attempt.of = number, len(same)


def _phase(report: pytest.TestReport) -> str:
    """Return the phase; ``worker`` in the report that xdist makes of a test whose worker crashed."""
    phase = str(report.when)
    return "worker" if phase == "???" else phase


def _outcome(report: pytest.TestReport) -> str:
    expected = hasattr(report, "wasxfail")
    if str(report.outcome) == "rerun":
        return "rerun"
    if _phase(report) == "worker":
        return "crashed"
    if report.failed:
        return "failed" if report.when == "call" else "error"
    if report.skipped:
        return "xfailed" if expected else "skipped"
    return "xpassed" if expected else "passed"


def _reason(report: pytest.TestReport) -> str:
    wasxfail = getattr(report, "wasxfail", None)
    if wasxfail is not None:
        return str(wasxfail)
    place = report.longrepr
    return _shortened(str(place[2] if isinstance(place, tuple) else place), 2000)


def _counts(attempts: Iterable[_Attempt]) -> dict[str, int]:
    counts = dict.fromkeys(_SEVERITY, 0)
    for attempt in attempts:
        counts[attempt.outcome] += 1
    return counts


def _shortened(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters are left out …\n{text[-half:]}"


def _natural(worker: str) -> tuple[int, str]:
    return len(worker), worker
