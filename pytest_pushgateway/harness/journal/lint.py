"""The linter of pushes: promlint's rules, and others about grouping keys and series."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pytest_pushgateway.exposition.labels import Labels, split_prefix
from pytest_pushgateway.exposition.model import HISTOGRAM_TYPES, MetricFamily, MetricType, part
from pytest_pushgateway.exposition.promlint import lint as promlint
from pytest_pushgateway.exposition.samples import flatten
from pytest_pushgateway.golang.utf8 import text_of
from pytest_pushgateway.harness.journal.requests import Delete, Push, Request, name_of
from pytest_pushgateway.harness.journal.sent import as_sent
from pytest_pushgateway.harness.wording import quote

RESERVED = ("up", "ALERTS", "ALERTS_FOR_STATE")
"""Names that Prometheus itself gives to series; so it does to those that begin with ``scrape_``."""

GROWTH = 3
"""Pushes, each with a new value of a label, that count as growth."""


@dataclass(frozen=True)
class LintProblem:
    """Something that could be better.

    Attributes:
        metric: the metric's name; empty if the push as a whole is meant.
        text: what is wrong with it.
        push: the first push that shows it.

    """

    metric: str
    text: str
    push: Push = field(compare=False)

    def __str__(self) -> str:
        return f"{self.metric or 'grouping key'}: {self.text} ({name_of(self.push)})"


def lint(requests: Sequence[Request]) -> list[LintProblem]:
    """Return the problems in what the application pushed, each once, in the order of the pushes."""
    pushes = [entry for entry in requests if isinstance(entry, Push) and entry.origin == "application"]
    problems: list[LintProblem] = []
    for push in pushes:
        families = list(as_sent(push).values())
        problems += [LintProblem(found.metric, found.text, push) for found in promlint(families)]
        problems += _shadows(push, families)
        problems += _overwritten(push, families)
        problems += _instance(push)
    problems += _restarts(requests)
    problems += _growing_keys(pushes)
    problems += _growing_labels(pushes)
    return sorted(dict.fromkeys(problems), key=lambda problem: problem.push._order)


def _shadows(push: Push, families: Iterable[MetricFamily]) -> Iterator[LintProblem]:
    for family in families:
        name = text_of(family.name)
        if name in RESERVED or name.startswith("scrape_"):
            yield LintProblem(name, "Prometheus gives this name to its own series", push)


def _overwritten(push: Push, families: Iterable[MetricFamily]) -> Iterator[LintProblem]:
    key = dict(push._request.key or ())
    for family in families:
        seen = set()
        for prefix, _ in family.series:
            for label, value in split_prefix(prefix)[1]:
                if label in key and key[label] != value and label not in seen:
                    seen.add(label)
                    yield LintProblem(
                        text_of(family.name),
                        f"label {text_of(label)}={quote(text_of(value))} is overwritten by the grouping key's "
                        f"{quote(text_of(key[label]))}",
                        push,
                    )


def _instance(push: Push) -> Iterator[LintProblem]:
    instance = push.grouping_key.get("instance")
    if instance:
        yield LintProblem(
            "",
            f"instance={quote(instance)} ties the metrics to a machine, and they stay when it is gone; the job of a "
            "service has no instance, and for that of a machine there is the node exporter's textfile collector",
            push,
        )


def _restarts(requests: Sequence[Request]) -> Iterator[LintProblem]:
    last: dict[bytes, tuple[Labels | None, float]] = {}
    for entry in requests:
        if isinstance(entry, Delete) and entry.matched:
            last = {series: known for series, known in last.items() if known[0] != entry._request.key}
        elif entry.kind == "wipe" and entry.status < 400:
            last = {}
        if not isinstance(entry, Push) or not entry.accepted:
            continue
        for family in entry._parsed.values():
            for series, value in _counts(family):
                before = last.get(series)
                if before is not None and value < before[1] and entry.origin == "application":
                    yield LintProblem(
                        text_of(family.name),
                        "the counter goes down from one push to the next: a new process begins at 0, and rate() takes "
                        "that for a restart; push a gauge, or keep the total",
                        entry,
                    )
                last[series] = (entry._request.key, value)


def _counts(family: MetricFamily) -> Iterator[tuple[bytes, float]]:
    counts = family.type in HISTOGRAM_TYPES or family.type == MetricType.SUMMARY
    if family.type != MetricType.COUNTER and not counts:
        return
    for prefix, value in family.series:
        for suffix, _, number in flatten(part(family.type, value)):
            if suffix == ("_count" if counts else ""):
                yield prefix, number


def _growing_keys(pushes: Sequence[Push]) -> Iterator[LintProblem]:
    jobs: dict[tuple[str, ...], list[Push]] = {}
    for push in pushes:
        jobs.setdefault((push.job, *sorted(push.grouping_key)), []).append(push)
    for (_, *labels), group in jobs.items():
        if len(group) >= GROWTH:
            for label in labels:
                if label != "job" and len({push.grouping_key[label] for push in group}) == len(group):
                    yield LintProblem(
                        "",
                        f"{label} has a new value in each of {len(group)} pushes: the gateway never forgets a group",
                        group[-1],
                    )


def _growing_labels(pushes: Sequence[Push]) -> Iterator[LintProblem]:
    seen: dict[tuple[Labels | None, bytes], list[tuple[Push, dict[bytes, set[bytes]]]]] = {}
    for push in pushes:
        for family in push._parsed.values():
            values: dict[bytes, set[bytes]] = {}
            for prefix, _ in family.series:
                for label, value in split_prefix(prefix)[1]:
                    values.setdefault(label, set()).add(value)
            seen.setdefault((push._request.key, family.name), []).append((push, values))
    for (_, name), history in seen.items():
        if len(history) < GROWTH:
            continue
        for label in history[-1][1]:
            known: set[bytes] = set()
            growths = 0
            for _, values in history:
                growths += bool(values.get(label, known) - known)
                known |= values.get(label, set())
            if growths == len(history):
                yield LintProblem(
                    text_of(name),
                    f"label {text_of(label)} has new values in each of {len(history)} pushes: every one is a series "
                    "that Prometheus keeps",
                    history[-1][0],
                )
