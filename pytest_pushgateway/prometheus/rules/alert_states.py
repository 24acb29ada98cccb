"""Alerts and their states, at one moment and from the beginning on.

promtool takes 55 µs to evaluate a rule that gives no series, and a tenth of that for its expression within a subquery.
While the expression gives the same series, the alert's state only changes where ``for`` or ``keep_firing_for`` end. So
the rule has to be evaluated around these moments, and a week has few of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pytest_pushgateway.prometheus.rules.evaluation import Evaluation
from pytest_pushgateway.prometheus.rules.needed import needed, stands_alone
from pytest_pushgateway.prometheus.rules.promtool import Firing, RulesError, Vector
from pytest_pushgateway.prometheus.values import format_duration

if TYPE_CHECKING:
    from pytest_pushgateway.prometheus.rules.promtool import Point
    from pytest_pushgateway.prometheus.rules.rule_files import Rule


class Alert(NamedTuple):
    """One alert at one moment.

    Attributes:
        name: the alert's name.
        state: ``"pending"`` or ``"firing"``.
        labels: its labels, without ``alertname`` and ``alertstate``.
        annotations: its annotations; empty for a pending alert.

    """

    name: str
    state: str
    labels: dict[str, str]
    annotations: dict[str, str]


class Transition(NamedTuple):
    """A change of an alert's state.

    Attributes:
        after: seconds from the beginning of the timeline.
        state: the new state: ``"pending"``, ``"firing"`` or ``"inactive"``.
        labels: the alert's labels.

    """

    after: float
    state: str
    labels: dict[str, str]


class AlertStates(NamedTuple):
    """The states of the alerts of an evaluation."""

    evaluation: Evaluation

    def at(self, after: float, *, keep: bool, only: str | None = None) -> list[Alert]:
        """Return the alerts that are pending or firing at a moment, sorted by name and labels.

        Args:
            after: seconds from the beginning.
            keep: whether the test asked for them itself.
            only: the name of the one alert to return.

        """
        __tracebackhide__ = True
        every = (name for one in self.evaluation.rule_files for name in one.alerts)
        names = [only] if only else list(dict.fromkeys(every))
        selected = f',alertname="{only}"' if only else ""
        states = Vector(f'ALERTS{{alertstate="pending"{selected}}}', after)
        firing = [Firing(name, after) for name in names]
        self.evaluation.ask([states, *firing], keep=keep)
        found = []
        for labels, _ in self.evaluation.answers[states]:
            rest = {label: value for label, value in labels.items() if label not in ("__name__", "alertstate")}
            found.append(Alert(rest.pop("alertname"), "pending", rest, {}))
        for question in firing:
            for labels, notes in self.evaluation.answers[question]:
                rest = {label: value for label, value in labels.items() if label != "alertname"}
                found.append(Alert(question.name, "firing", rest, notes))
        return sorted(found, key=lambda alert: (alert.name, sorted(alert.labels.items())))

    def transitions(self, name: str, until: float) -> list[Transition]:
        """Return the changes of an alert up to a moment, seconds from the beginning, in the order of their times."""
        __tracebackhide__ = True
        found: list[Transition] = []
        before: dict[tuple[tuple[str, str], ...], str] = {}
        for moment in self._turns(name, int(until / self.evaluation.interval)):
            now = self._states(name, moment)
            for key in sorted(before.keys() | now.keys()):
                state = now.get(key, "inactive")
                if before.get(key, "inactive") != state:
                    found.append(Transition(moment, state, dict(key)))
            before = now
        return found

    def _turns(self, name: str, last: int) -> list[float]:
        """Return the moments of the evaluations up to number ``last`` at which an alert may have changed.

        If its rules cannot be looked at by their expressions, the states at the ends of a stretch of evaluations, and
        the number of samples between them, show whether it changed within; only those stretches are looked at one by
        one.
        """
        __tracebackhide__ = True
        interval, rule_files = self.evaluation.interval, self.evaluation.rule_files
        rules = [rule for one in rule_files for rule in one.rules if rule.alert and rule.name == name]
        if all(stands_alone(rule, rule_files) for rule in rules):
            try:
                return self._around(name, _Turns(rules, interval, last, self.evaluation.answered).find())
            except RulesError:
                pass  # the rules can be evaluated all the same, or the error comes again
        stretch = max(1, math.isqrt(last))
        selector = f'ALERTS{{alertname="{name}"}}'
        within = format_duration(round(stretch * interval - 0.001, 3))
        ends = list(range(0, last + 1, stretch))
        counts = {end: Vector(f"count_over_time({selector}[{within}])", end * interval) for end in ends[1:]}
        self.evaluation.ask([*(Vector(selector, end * interval) for end in ends), *counts.values()])
        numbers = {0, *ends}
        for first, end in itertools.pairwise(ends):
            states = self._states(name, end * interval)
            counted = self.evaluation.answers[counts[end]]
            if states != self._states(name, first * interval) or [count for _, count in counted] != (
                [stretch] * len(states)
            ):
                numbers.update(range(first + 1, end))
        numbers.update(range(ends[-1] + 1, last + 1))
        return self._around(name, sorted(numbers))

    def _around(self, name: str, numbers: Sequence[int]) -> list[float]:
        """Return the moments of evaluations, once they have been asked about in as few runs as is worth it."""
        __tracebackhide__ = True
        evaluation = self.evaluation
        questions = {
            number: Vector(f'ALERTS{{alertname="{name}"}}', number * evaluation.interval) for number in numbers
        }
        missing = [number for number, question in questions.items() if question not in evaluation.answers]
        before = needed(list(questions.values())[:1], evaluation.rule_files, evaluation.interval).before
        groups = _runs(missing, None if before is None else math.ceil(before / evaluation.interval))
        evaluation.ask(*([questions[number] for number in group] for group in groups))
        return [question.at for question in questions.values()]

    def _states(self, name: str, moment: float) -> dict[tuple[tuple[str, str], ...], str]:
        """Return the state of each alert of a name at an evaluation that has been asked about."""
        now = {}
        for labels, _ in self.evaluation.answers[Vector(f'ALERTS{{alertname="{name}"}}', moment)]:
            rest = {label: value for label, value in labels.items() if label not in ("__name__", "alertname")}
            state = rest.pop("alertstate")
            now[tuple(sorted(rest.items()))] = state
        return now


_Series = frozenset[tuple[tuple[str, str], ...]]
"""The labels of an expression's series, without the name of the metric, which alerts have not."""

_WORTH_A_RUN = 1000
"""Evaluations of a rule that take as long as another run of promtool."""
_TOO_MANY = "too many samples"
"""Said by promtool, whose queries hold 10,000 samples."""


class _Stretch(NamedTuple):
    """The evaluations after number ``first`` up to number ``end``."""

    first: int
    end: int


class _Turns:
    """The search for the evaluations at which the alerts of some rules may change.

    ``interval`` is the seconds between evaluations, ``last`` the number of the last one; ``answers`` returns promtool's
    answers to questions, in their order.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        interval: float,
        last: int,
        answers: Callable[[list[Vector]], list[list[Point]]],
    ) -> None:
        self.rules = rules
        self.interval = interval
        self.last = last
        self.answers = answers

    def find(self) -> list[int]:
        """Return the numbers of the evaluations, in order, the first of all included.

        Raises:
            RulesError: promtool cannot evaluate an expression within a subquery, such as a scalar.

        """
        found: set[int] = set()
        for rule in self.rules:
            delays = {0, self._delay(rule.wait), self._delay(rule.keep)}
            for change in self._changes(rule.expression):
                found.update(change + delay for delay in delays)
        return sorted(number for number in found if number <= self.last)

    def _delay(self, seconds: float) -> int:
        """Return after how many evaluations ``seconds`` have passed."""
        return math.ceil(round(seconds / self.interval, 6))

    def _changes(self, expression: str) -> Iterator[int]:
        """Yield the evaluations at which an expression gives other series than at the one before."""
        size = max(1, math.isqrt(self.last))
        while True:
            try:
                known = self._constant(expression, size)
                break
            except RulesError as problem:
                if size == 1 or _TOO_MANY not in str(problem):
                    raise
            size = max(1, size // 8)
        unknown = [stretch for stretch, series in known.items() if series is None]
        numbers = sorted({number for first, end in unknown for number in range(first, end + 1)} | {0})
        answers = self.answers([Vector(expression, number * self.interval) for number in numbers])
        single = {number: _series(answer) for number, answer in zip(numbers, answers, strict=True)}
        yield 0
        before = single[0]
        for (first, end), series in known.items():
            if series is not None:
                if series != before:
                    yield first + 1
                before = series
                continue
            for number in range(first + 1, end + 1):
                if single[number] != before:
                    yield number
                before = single[number]

    def _constant(self, expression: str, size: int) -> dict[_Stretch, _Series | None]:
        """Return all stretches with the series that an expression gives at each of their evaluations.

        None means that it does not always give the same.
        """
        ends = [*range(0, self.last, size), self.last]
        stretches = [_Stretch(first, end) for first, end in itertools.pairwise(ends)]
        answers = self.answers([self._count(expression, stretch) for stretch in stretches])
        return {
            stretch: _series(answer) if all(count == stretch.end - stretch.first for _, count in answer) else None
            for stretch, answer in zip(stretches, answers, strict=True)
        }

    def _count(self, expression: str, stretch: _Stretch) -> Vector:
        """Return the question how often each series was given; before 3.0 a range has both of its ends."""
        within = format_duration(round((stretch.end - stretch.first) * self.interval - 0.001, 3))
        step = format_duration(self.interval)
        return Vector(f"count_over_time(({expression}\n)[{within}:{step}])", stretch.end * self.interval)


def _series(answer: list[Point]) -> _Series:
    return frozenset(
        tuple(sorted((name, value) for name, value in labels.items() if name != "__name__")) for labels, _ in answer
    )


def _runs(numbers: Iterable[int], before: int | None) -> list[list[int]]:
    """Return evaluations as groups, each for one run of promtool, which begins ``before`` evaluations earlier."""
    found: list[list[int]] = []
    for number in numbers:
        if found and (before is None or number - before - found[-1][-1] < _WORTH_A_RUN):
            found[-1].append(number)
        else:
            found.append([number])
    return found
