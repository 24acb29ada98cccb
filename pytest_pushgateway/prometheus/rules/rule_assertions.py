"""Alert rules and PromQL at the test's clock: a gateway's timeline through the simulated scrape into promtool.

No server and no waiting: promtool evaluates the rules over hours in milliseconds. Absolute times in a rule are
rewritten (see :mod:`~pytest_pushgateway.prometheus.rules.promql`), as promtool's unit tests begin at time 0.

Limits: scrapes happen at exact intervals from the beginning of the timeline; all groups are evaluated together, at the
shortest of the configured intervals and in no fixed order, where a real Prometheus spreads them; a subquery whose step
does not divide the beginning falls on other moments than in reality. The timeline is taken as exposed, whether or not
the path and the credentials of the job fit the gateway: see
:func:`~pytest_pushgateway.prometheus.scrape.simulate.scrape`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

from pytest_pushgateway.durations import moment as moment_of
from pytest_pushgateway.durations import seconds as seconds_of
from pytest_pushgateway.matchers import accepts_everything, check_labels, label_matches, shown
from pytest_pushgateway.prometheus.rules.alert_states import Alert, AlertStates, Transition
from pytest_pushgateway.prometheus.rules.evaluation import Evaluation, exact
from pytest_pushgateway.prometheus.rules.input_series import Scrapes, timeline_of
from pytest_pushgateway.prometheus.rules.needed import needed
from pytest_pushgateway.prometheus.rules.promql import metric_names
from pytest_pushgateway.prometheus.rules.promtool import Firing, Vector, find_promtool
from pytest_pushgateway.prometheus.rules.rule_files import RuleFile, read_rule_files
from pytest_pushgateway.prometheus.scrape.ingest import Ingester
from pytest_pushgateway.prometheus.scrape.simulate import known_targets
from pytest_pushgateway.prometheus.values import format_duration

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

    from pytest_pushgateway.programs import Program
    from pytest_pushgateway.prometheus.model import ScrapeJob
    from pytest_pushgateway.prometheus.scrape.result import Became

_MOST_EVALUATIONS = 20_000
"""The number of moments that a message about an alert's history looks at."""
_DAY = re.compile(r"\d{4}-", re.ASCII)
"""The beginning of a date, and of no duration."""
_MAY_BE_NOTHING = re.compile(r"\b(?:absent\w*|or|unless)\b", re.IGNORECASE)
"""Marks of expressions that may well name what has no series."""


class Unmatched(list[Any]):
    """No samples, because no series of that name was ever stored: an empty list with the reason."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason

    def __repr__(self) -> str:
        return f"[] ({self.reason})"

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return []
        raise IndexError(self.reason)


def rules(
    config: Any,
    gateway: Any,
    *,
    job: str | None = None,
    targets: Iterable[Mapping[str, str] | str] | None = None,
    rule_files: Sequence[str | os.PathLike[str]] | None = None,
    promtool: str | os.PathLike[str] | Program | None = None,
) -> RuleTest:
    """Return the rules of a configuration, to be tested against what a gateway has exposed so far.

    Args:
        config: the configuration, as `load` returns it.
        gateway: has ``timeline()``: pairs of Unix time by its clock, in seconds, and the text that it exposed from then
            on (None while it could not be reached); the last pair's time is the present.
        job: the scrape job; without it all that scrape the gateway.
        targets: replaces service discovery.
        rule_files: rule files instead of those of the configuration.
        promtool: where promtool is; by default PROMTOOL_BINARY or PATH.

    Returns:
        The test.

    Raises:
        BinaryNotFound: there is no promtool.
        LookupError: no job scrapes the gateway.

    """
    __tracebackhide__ = True
    jobs = [config.job(job)] if job is not None else config.gateway_jobs(gateway) or config.gateway_jobs()
    if not jobs:
        raise LookupError("no scrape job of the configuration scrapes the gateway; name one, job=...")
    if rule_files is None:
        rule_files = [path for path, _ in config.document.strings_of("rule_files")]
    test = RuleTest(
        gateway.timeline(),
        jobs,
        rule_files=rule_files,
        directory=os.path.dirname(config.path),
        evaluation_interval=config.global_.evaluation_interval,
        external_labels=config.global_.external_labels,
        targets=targets,
        promtool=promtool,
    )
    test._became = getattr(gateway, "_became", None)
    return test


class RuleTest:
    """Rules, and a gateway's timeline to test them against.

    Moments are given as durations after the beginning of the timeline (``"24h7m"``, a timedelta), as Unix time in
    seconds, as a datetime or as RFC 3339 has it (``"2026-01-01T00:00:00Z"``); by default it is the end of the timeline,
    the present of the gateway's clock. Beyond that end, things go on as if nothing were pushed any longer.

    Attributes:
        start (float): the beginning of the timeline, in seconds since 1970.
        end (float): its end, in seconds since 1970.
        rule_files (list): the rule files, as they were read.
        evaluation_interval (float): seconds between evaluations.

    """

    def __init__(
        self,
        timeline: Iterable[tuple[float, str | bytes | None]],
        jobs: Sequence[ScrapeJob],
        *,
        rule_files: Sequence[str | os.PathLike[str]] = (),
        directory: str = "",
        evaluation_interval: float = 60.0,
        external_labels: Mapping[str, str] | None = None,
        targets: Iterable[Mapping[str, str] | str] | None = None,
        promtool: str | os.PathLike[str] | Program | None = None,
    ) -> None:
        self.promtool: str = find_promtool(promtool)
        snapshots = timeline_of(timeline)
        self.start: float = snapshots[0].time
        self.end: float = snapshots[-1].time
        given = None if targets is None else list(targets)
        self._scrapes = Scrapes(
            snapshots,
            [(Ingester(job), known_targets(job, given)) for job in jobs],
            min(job.scrape_interval for job in jobs),
        )
        self.rule_files: list[RuleFile] = read_rule_files(rule_files, directory, exact(self.start))
        intervals = [interval for one in self.rule_files for interval in one.intervals]
        self.evaluation_interval: float = min([evaluation_interval, *intervals])
        self._external_labels = dict(external_labels or {})
        self._evaluation = Evaluation(
            self.promtool,
            self._scrapes,
            self.rule_files,
            self.evaluation_interval,
            self._external_labels,
            self.start,
            self.end,
        )
        self._states = AlertStates(self._evaluation)
        self._became: Became | None = None
        self._dark = [job.job_name for job in jobs if not job.honor_labels]

    def query(self, expression: str, *, at: object = None) -> list[Sample]:
        """Evaluate a PromQL expression; recording rules and ``ALERTS`` are available.

        Args:
            expression: in PromQL.
            at: the moment.

        Returns:
            The samples; a scalar is one sample without a name. An empty list shows its reason if no series of a name
            was ever stored.

        Raises:
            RulesError: the expression is not valid; the text is promtool's.
            TypeError: the expression is not a string.

        """
        __tracebackhide__ = True
        from prometheus_client.samples import Sample

        if not isinstance(expression, str):
            raise TypeError(f"an expression is a string, not {shown(expression)}")
        after = self._after(at)
        self._evaluation.shift(expression)
        question = Vector(expression, after)
        self._evaluation.ask([question], keep=True)
        answer = self._evaluation.answers[question]
        found = []
        if not answer and not _MAY_BE_NOTHING.search(expression):
            missing = self._missing([expression])
            if missing:
                return Unmatched("; ".join(missing))
        for labels, value in answer:
            rest = dict(labels)
            found.append(Sample(rest.pop("__name__", ""), rest, value, self.start + after))
        return found

    def alerts(self, *, at: object = None) -> list[Alert]:
        """Return the alerts that are pending or firing.

        Args:
            at: the moment.

        Returns:
            The alerts, sorted by name and labels.

        """
        __tracebackhide__ = True
        return self._states.at(self._after(at), keep=True)

    def transitions(self, name: str, *, until: object = None) -> list[Transition]:
        """Return when an alert became pending, fired and cleared, from the beginning on.

        Args:
            name: the alert's.
            until: the last moment.

        Returns:
            The changes in the order of their times.

        Raises:
            LookupError: the rule files have no such alert.

        """
        __tracebackhide__ = True
        self._check_alert(name)
        return self._states.transitions(name, self._after(until))

    def assert_firing(
        self,
        name: str,
        /,
        after: object = None,
        *,
        at: object = None,
        labels: Mapping[str, object] | None = None,
        **label_values: object,
    ) -> Alert:
        """Assert that an alert with these labels fires at a moment.

        Args:
            name: the alert's.
            after: the moment, counted from the beginning: a duration or seconds.
            at: the moment, in any other form.
            labels: matchers of labels that are not Python names.
            label_values: matchers of labels; other labels may have any value.

        Returns:
            The alert.

        Raises:
            AssertionError: none fires; the message shows the alert's history.
            LookupError: the rule files have no such alert.

        """
        __tracebackhide__ = True
        moment = self._moment(after, at)
        wanted = _wanted(labels, label_values)
        alerts = self._known_alerts(name, moment)
        for alert in alerts:
            if alert.state == "firing" and _matches(alert.labels, wanted):
                return alert
        text = self._explain(f"{_shown(name, wanted)} is not firing", name, moment, alerts)
        lines = [
            f"job {job!r} lacks honor_labels: true: a pushed job is stored as exported_job, and rules on job miss it"
            for job in self._dark
        ]
        if self._became is not None:
            lines += self._became(self._metrics_of(name), self._scrapes.interval, self.start)
        raise AssertionError("\n".join([text, *lines]))

    def assert_not_firing(
        self,
        name: str,
        /,
        after: object = None,
        *,
        at: object = None,
        labels: Mapping[str, object] | None = None,
        **label_values: object,
    ) -> Literal[True]:
        """Assert that no alert with these labels fires at a moment; a pending one may be there.

        An assertion that could never have failed proves nothing. So it also fails if no alert of that name has a label
        that is asked for, nor could have by its rules and by the series that were scraped.

        Args:
            name: the alert's.
            after: the moment, counted from the beginning: a duration or seconds.
            at: the moment, in any other form.
            labels: matchers of labels that are not Python names.
            label_values: matchers of labels; other labels may have any value.

        Returns:
            True.

        Raises:
            AssertionError: one fires, or the assertion proves nothing.
            LookupError: the rule files have no such alert.

        """
        __tracebackhide__ = True
        moment = self._moment(after, at)
        wanted = _wanted(labels, label_values)
        alerts = self._known_alerts(name, moment)
        if any(alert.state == "firing" and _matches(alert.labels, wanted) for alert in alerts):
            raise AssertionError(self._explain(f"{_shown(name, wanted)} is firing", name, moment, alerts))
        known = {label for alert in alerts for label in alert.labels} or self._possible_labels()
        for label, one in wanted.items():
            if label not in known and one != "" and not accepts_everything(label, one):
                doubt = f"not firing, but that proves nothing: no alert {name} ever had a label {label}"
                there = f"labels there are: {', '.join(sorted(known - {'__name__'}))}"
                way_out = f"If no alert may have the label, use {label}=unittest.mock.ANY."
                raise AssertionError(f"{_shown(name, wanted)} is {doubt}; {there}\n{way_out}")
        return True

    def _metrics_of(self, alert: str) -> set[str]:
        """Return the words of an alert's expression, those of the records that it names included."""
        expressions = [pair for one in self.rule_files for pair in one.expressions]
        words = {alert}
        while True:
            more = set().union(*(found for name, found in expressions if name in words))
            if more <= words:
                return words
            words |= more

    def _possible_labels(self) -> set[str]:
        known = self._scrapes.label_names() | self._external_labels.keys()
        return known.union(*(one.words for one in self.rule_files))

    def write(self, path: str | os.PathLike[str]) -> list[str]:
        """Write a test file for ``promtool test rules`` that repeats the questions asked here, with their answers.

        Rule files that had to be changed are written to the same directory.

        Args:
            path: the test file's.

        Returns:
            The paths of all files written.

        """
        return self._evaluation.write(os.fspath(path), self._after(None))

    def _known_alerts(self, name: str, moment: float) -> list[Alert]:
        __tracebackhide__ = True
        self._check_alert(name)
        return [alert for alert in self._states.at(moment, keep=True, only=name) if alert.name == name]

    def _check_alert(self, name: object) -> None:
        __tracebackhide__ = True
        if not isinstance(name, str):
            raise TypeError(f"an alert's name is a string, not {shown(name)}")
        known = {alert for one in self.rule_files for alert in one.alerts}
        if name not in known:
            self._evaluation.check_rules()  # a file that cannot be read has no alerts
            names = ", ".join(sorted(known)) or "none"
            raise LookupError(f"no alert is called {name!r}; the rule files have: {names}")

    def _explain(self, headline: str, name: str, moment: float, alerts: list[Alert]) -> str:
        when = datetime.fromtimestamp(self.start + moment, timezone.utc).isoformat(sep=" ", timespec="seconds")
        lines = [f"{headline} {format_duration(moment)} after the beginning ({when})"]
        lines += [f"    {_shown(alert.name, alert.labels)} is {alert.state}" for alert in alerts]
        if moment / self.evaluation_interval <= _MOST_EVALUATIONS:
            history = self._states.transitions(name, moment)
            lines.append("its history until then:" if history else "it was never pending or firing until then")
            for after, state, labels in history[-20:]:
                lines.append(f"    {format_duration(after):>10}  {state:8}  {_shown(name, labels)}")
        return "\n".join([*lines, *self._missing(self._expressions_of(name))])

    def _expressions_of(self, alert: str) -> list[str]:
        """Return the expressions of an alert and of the records that it looks at."""
        wanted = needed([Firing(alert, 0.0)], self.rule_files, self.evaluation_interval)
        return [rule.expression for rule in wanted.rules]

    def _missing(self, expressions: Iterable[str]) -> list[str]:
        """Return a line for each name in expressions that neither a stored series nor a rule has."""
        stored = self._scrapes.names() | {"ALERTS", "ALERTS_FOR_STATE"}
        stored |= {rule.name for one in self.rule_files for rule in one.rules if not rule.alert}
        names = set().union(*map(metric_names, expressions)) - stored
        return [f"no series matches {name}: none of that name was ever stored{_similar(name, stored)}"
                for name in sorted(names)]  # fmt: skip

    def _moment(self, after: object, at: object) -> float:
        __tracebackhide__ = True
        if after is not None and at is not None:
            raise TypeError("give after= or at=, not both")
        if after is not None:
            return self._checked(seconds_of(after, "after"))
        return self._after(at)

    def _after(self, moment: object) -> float:
        """Return a moment as seconds after the beginning, to the millisecond."""
        __tracebackhide__ = True
        if moment is None:
            return self._checked(self.end - self.start)
        if hasattr(moment, "total_seconds") or (isinstance(moment, str) and not _DAY.match(moment)):
            return self._checked(seconds_of(moment, "a moment"))
        return self._checked(moment_of(moment, "a moment is a duration,") - self.start)

    def _checked(self, seconds: float) -> float:
        __tracebackhide__ = True
        if seconds < 0:
            raise ValueError(f"that moment is {-seconds:g} s before the timeline begins (at {self.start!r})")
        return round(seconds, 3)


def _similar(name: str, names: Iterable[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _wanted(labels: Mapping[str, object] | None, label_values: Mapping[str, object]) -> dict[str, Any]:
    __tracebackhide__ = True
    wanted = check_labels(labels, label_values)
    for word in ("alertname", "alertstate"):
        if word in wanted:
            raise ValueError(f"{word} is not a label here; give the alert's name as the first argument")
    return wanted


def _matches(labels: Mapping[str, str], wanted: Mapping[str, Any]) -> bool:
    return all(label_matches(name, one, labels.get(name)) for name, one in wanted.items())


def _shown(name: str, labels: Mapping[str, object]) -> str:
    pairs = ", ".join(
        f'{label}="{value}"' if isinstance(value, (str, int, float)) else f"{label}={shown(value)}"
        for label, value in labels.items()
    )
    return f"{name}{{{pairs}}}" if pairs else name
