"""Alerts and their states, at one moment and from the beginning on."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

from pytest_pushgateway.prometheus.rules.evaluation import Evaluation
from pytest_pushgateway.prometheus.rules.promtool import Firing, Vector
from pytest_pushgateway.prometheus.values import format_duration


class Alert(NamedTuple):
    """One alert at one moment. ``state`` is ``"pending"`` or ``"firing"``; pending alerts have no annotations."""

    name: str
    state: str
    labels: dict[str, str]
    annotations: dict[str, str]


class Transition(NamedTuple):
    """An alert changed its state, ``after`` seconds from the beginning.

    ``state`` is ``"pending"``, ``"firing"`` or ``"inactive"``.
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

        The states at the ends of a stretch of evaluations, and the number of samples between them, show whether it
        changed within; only those stretches are looked at one by one.
        """
        __tracebackhide__ = True
        interval = self.evaluation.interval
        stretch = max(1, math.isqrt(last))
        selector = f'ALERTS{{alertname="{name}"}}'
        within = format_duration(round(stretch * interval - 0.001, 3))
        ends = list(range(0, last + 1, stretch))
        counts = {end: Vector(f"count_over_time({selector}[{within}])", end * interval) for end in ends[1:]}
        self.evaluation.ask([*(Vector(selector, end * interval) for end in ends), *counts.values()], keep=False)
        moments = [0.0]
        for first, end in itertools.pairwise(ends):
            states = self._states(name, end * interval)
            counted = self.evaluation.answers[counts[end]]
            if states == self._states(name, first * interval) and [count for _, count in counted] == (
                [stretch] * len(states)
            ):
                moments.append(end * interval)
            else:
                moments += self._each(name, first + 1, end)
        return moments + self._each(name, ends[-1] + 1, last)

    def _each(self, name: str, first: int, last: int) -> list[float]:
        """Return the moments of the evaluations ``first`` to ``last``, once they have been asked about."""
        __tracebackhide__ = True
        moments = [number * self.evaluation.interval for number in range(first, last + 1)]
        self.evaluation.ask([Vector(f'ALERTS{{alertname="{name}"}}', moment) for moment in moments], keep=False)
        return moments

    def _states(self, name: str, moment: float) -> dict[tuple[tuple[str, str], ...], str]:
        """Return the state of each alert of a name at an evaluation that has been asked about."""
        now = {}
        for labels, _ in self.evaluation.answers[Vector(f'ALERTS{{alertname="{name}"}}', moment)]:
            rest = {label: value for label, value in labels.items() if label not in ("__name__", "alertname")}
            state = rest.pop("alertstate")
            now[tuple(sorted(rest.items()))] = state
        return now
