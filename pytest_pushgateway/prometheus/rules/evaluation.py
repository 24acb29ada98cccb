"""promtool's answers to questions about rules: each is asked once, with no more rules and time than it needs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.prometheus.rules.needed import Needed, needed, only_rules
from pytest_pushgateway.prometheus.rules.promql import Unmovable, shift
from pytest_pushgateway.prometheus.rules.promtool import Firing, RulesError, Run, Vector, ask, check_rules
from pytest_pushgateway.prometheus.rules.unit_test_file import write_unit_test
from pytest_pushgateway.prometheus.values import format_duration

if TYPE_CHECKING:
    from pytest_pushgateway.prometheus.rules.input_series import Scrapes
    from pytest_pushgateway.prometheus.rules.promtool import Point
    from pytest_pushgateway.prometheus.rules.rule_files import RuleFile

_LOOKS_AHEAD = re.compile(r"@|\boffset\s*-", re.IGNORECASE)


def exact(moment: float) -> Decimal:
    """Return Unix time as the number that its shortest spelling names."""
    number = Decimal(repr(moment)).normalize()
    return number.to_integral_value() if number == number.to_integral_value() else number


class Evaluation:
    """Rules and scrapes, and what promtool has answered about them. Moments are seconds after ``start``.

    Args:
        promtool: the path of the program.
        scrapes: the series.
        rule_files: the rules.
        interval: seconds from one evaluation to the next.
        external_labels: labels of Prometheus itself.
        start: when the timeline begins, in Unix time.
        end: when it ends, in Unix time.

    Attributes:
        answers: of promtool, by question.

    """

    def __init__(
        self,
        promtool: str,
        scrapes: Scrapes,
        rule_files: Sequence[RuleFile],
        interval: float,
        external_labels: Mapping[str, str],
        start: float,
        end: float,
    ) -> None:
        self.scrapes: Scrapes = scrapes
        self.rule_files: Sequence[RuleFile] = rule_files
        self.interval: float = interval
        self.answers: dict[Vector | Firing, Any] = {}
        self._promtool = promtool
        self._external_labels = external_labels
        self._offset = exact(start)
        self._length = end - start
        self._checked_rules = False
        self._asked: list[Vector | Firing] = []
        """The questions of a test so far, for :meth:`write`."""

    def write(self, path: str, until: float) -> list[str]:
        """Write a test file of promtool's with the questions that were kept and their answers.

        Args:
            path: the test file's.
            until: the last moment, if nothing was asked.

        Returns:
            The paths of all files written.

        """
        answers: list[tuple[Vector | Firing, Any]] = [(self._moved(one, 0.0), self.answers[one]) for one in self._asked]
        longest = max((question.at for question in self._asked), default=until)
        return write_unit_test(path, self._group(longest), self.rule_files, self.interval, answers)

    def ask(self, *groups: Sequence[Vector | Firing], keep: bool = False) -> None:
        """Have all of these questions answered, each unless it has been, by one run of promtool.

        Args:
            groups: questions that are evaluated together, from where the first of them needs it to the last.
            keep: whether :meth:`write` repeats them.

        Raises:
            RulesError: promtool rejects a rule file or an expression.

        """
        __tracebackhide__ = True
        missing = [[one for one in dict.fromkeys(group) if one not in self.answers] for group in groups]
        if any(missing):
            self.check_rules()
            self._evaluate([group for group in missing if group])
        if keep:
            self._asked += [one for group in groups for one in dict.fromkeys(group) if one not in self._asked]

    def answered(self, questions: list[Vector]) -> list[list[Point]]:
        """Return the answers to questions, in their order; raises what :meth:`ask` does."""
        __tracebackhide__ = True
        self.ask(questions)
        return [self.answers[question] for question in questions]

    def _evaluate(self, groups: Sequence[Sequence[Vector | Firing]]) -> None:
        __tracebackhide__ = True
        found = ask(self._promtool, [self._run(group) for group in groups], self.interval)
        for group, (vectors, firing) in zip(groups, found, strict=True):
            self.answers.update(zip([one for one in group if isinstance(one, Vector)], vectors, strict=True))
            self.answers.update(zip([one for one in group if isinstance(one, Firing)], firing, strict=True))

    def _run(self, questions: Sequence[Vector | Firing]) -> Run:
        """Return the rules, the series and the time that questions need, and no others."""
        __tracebackhide__ = True
        wanted = needed(questions, self.rule_files, self.interval)
        until = self._horizon(questions)
        since = self._since(questions, wanted)
        start = self._offset + Decimal(repr(since)).normalize()
        files: dict[str, str] = {}
        for number, one in enumerate(self.rule_files):
            text = only_rules(one, wanted.rules, one.moved_to(start))
            if text is not None:
                files[f"rules-{number}.yml"] = text
        return Run(
            self._group(until, since, wanted.names),
            files,
            until - since,
            [self._moved(one, since) for one in questions if isinstance(one, Vector)],
            [self._moved(one, since) for one in questions if isinstance(one, Firing)],
        )

    def _moved(self, question: Any, since: float) -> Any:
        """Return a question to an evaluation that begins ``since`` seconds later; its expression is not moved yet."""
        after = round(question.at - since, 3)
        if isinstance(question, Firing):
            return Firing(question.name, after)
        return Vector(self.shift(question.expression, since), after)

    def _since(self, questions: Sequence[Vector | Firing], wanted: Needed) -> float:
        """Return when the evaluation may begin: at a scrape that is an evaluation, seconds after the beginning."""
        if wanted.before is None:
            return 0.0
        earliest = min(question.at for question in questions) - wanted.before
        step = math.lcm(round(self.scrapes.interval * 1000), round(self.interval * 1000)) / 1000
        return max(0.0, math.floor(earliest / step) * step)

    def check_rules(self) -> None:
        """Let promtool judge the rule files, once.

        Raises:
            RulesError: promtool rejects a file; in its words, with the files' own paths.

        """
        __tracebackhide__ = True
        if not self._checked_rules:
            check_rules(self._promtool, {one.path: one.text for one in self.rule_files})
            self._checked_rules = True

    def _horizon(self, questions: Sequence[Vector | Firing]) -> float:
        """Return until when the rules have to be evaluated so that all is there that the questions look at."""
        last = max((question.at for question in questions), default=0.0)
        if any(isinstance(question, Vector) and _LOOKS_AHEAD.search(question.expression) for question in questions):
            last = max(last, self._length)
        return math.ceil(last / self.interval) * self.interval

    def _group(self, until: float, since: float = 0.0, names: set[str] | None = None) -> dict[str, Any]:
        group: dict[str, Any] = {
            "interval": format_duration(self.scrapes.interval),
            "input_series": self.scrapes.input_series(until, since, names),
        }
        if self._external_labels:
            group["external_labels"] = self._external_labels
        return group

    def shift(self, expression: str, since: float = 0.0) -> str:
        """Return an expression for an evaluation that begins ``since`` seconds after the timeline, at time 0.

        Raises:
            RulesError: it cannot be moved.

        """
        __tracebackhide__ = True
        try:
            return shift(expression, self._offset + Decimal(repr(since)).normalize())
        except Unmovable as problem:
            raise RulesError(f"{expression}: {problem}") from None
