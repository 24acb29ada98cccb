"""What a gateway exposes now, as a test sees it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.exposition.family import Family, to_family
from pytest_pushgateway.exposition.model import MetricFamily, sort_key
from pytest_pushgateway.harness.journal import decode, show_key
from pytest_pushgateway.harness.matching import OWN_GAUGES, show_sample
from pytest_pushgateway.harness.text import Snapshot
from pytest_pushgateway.harness.wording import bounded

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

    from pytest_pushgateway.gateway.groups import StoredGroup


class Group:
    """One group as it stood when it was asked for.

    Groups are equal when their grouping keys and samples are, whatever their push times; NaN equals NaN. A group also
    equals a mapping from series, as the text format writes them, to values:
    ``{'backup_bytes{instance="",job="backup"}': 7}``.
    """

    def __init__(self, stored: StoredGroup) -> None:
        self._stored = stored
        self._families: tuple[Family, ...] | None = None

    def __repr__(self) -> str:
        count = len(self._pushed())
        return f"<Group {show_key(self.grouping_key)}: {count} {'family' if count == 1 else 'families'}>"

    @property
    def grouping_key(self) -> dict[str, str]:
        """The grouping key, the job included."""
        return {decode(name): decode(value) for name, value in self._stored.key}

    @property
    def families(self) -> tuple[Family, ...]:
        """The metric families, sorted by name; the gateway's ``push_time_seconds`` left out."""
        if self._families is None:
            pushed = sorted(self._pushed(), key=lambda family: family.name)
            self._families = tuple(to_family(family) for family in pushed)
        return self._families

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The samples of all `families`."""
        return tuple(sample for family in self.families for sample in family.samples)

    @property
    def push_time(self) -> float:
        """When a push last succeeded, in seconds since 1970; 0 if none did."""
        return float(self._stored.push_time)

    @property
    def push_failure_time(self) -> float:
        """When a push was last rejected, in seconds since 1970; 0 if none was."""
        return float(self._stored.push_failure_time)

    def as_mapping(self) -> dict[str, float]:
        """Return the value of each series, the series as the text format writes it."""
        return {show_sample(sample).rpartition(" ")[0]: sample.value for sample in self.samples}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Group):
            return self.grouping_key == other.grouping_key and _equal(self.as_mapping(), other.as_mapping())
        if isinstance(other, dict):
            return _equal(self.as_mapping(), other)
        return NotImplemented

    def _pushed(self) -> list[MetricFamily]:
        return [stored.family for name, stored in self._stored.families.items() if name not in OWN_GAUGES]


def merge(groups: Iterable[StoredGroup]) -> tuple[Family, ...]:
    """Return the families of all groups as one exposition: sorted by name, series in the gateway's order."""
    pieces: dict[bytes, list[MetricFamily]] = {}
    for group in groups:
        for name, stored in group.families.items():
            if name not in OWN_GAUGES:
                pieces.setdefault(name, []).append(stored.family)
    return tuple(to_family(_joined(pieces[name])) for name in sorted(pieces))


def _joined(families: list[MetricFamily]) -> MetricFamily:
    first = families[0]
    series = sorted((each for family in families for each in family.series), key=lambda each: sort_key(each[0]))
    text = next((family.help for family in families if family.help), b"")
    return MetricFamily(first.name, first.type, text, series)


def _equal(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    return left.keys() == right.keys() and all(_same(value, right[series]) for series, value in left.items())


def _same(left: Any, right: Any) -> bool:
    """Tell whether two values are equal; NaN equals NaN."""
    return bool(left == right) or all(isinstance(one, float) and math.isnan(one) for one in (left, right))


def compare(left: Any, right: Any) -> list[str] | None:
    """Return the lines that explain why groups, a group and a mapping, or snapshots differ; None for anything else."""
    if isinstance(left, str) and isinstance(right, str):
        if not isinstance(left, Snapshot) and not isinstance(right, Snapshot):
            return None
        return bounded(["the snapshots differ:", *_changes(left, right)])
    if isinstance(left, list) and isinstance(right, list):
        return _compare_lists(left, right)
    if not isinstance(left, Group) and not isinstance(right, Group):
        return None
    sides = [side.as_mapping() if isinstance(side, Group) else side for side in (left, right)]
    if not all(isinstance(side, dict) for side in sides):
        return None
    mine, other = sides
    lines = ["the groups differ:"]
    if isinstance(left, Group) and isinstance(right, Group) and left.grouping_key != right.grouping_key:
        lines.append(f"grouping key: {show_key(left.grouping_key)} is not {show_key(right.grouping_key)}")
    lines += [f"only on the left: {series} {mine[series]}" for series in mine if series not in other]
    lines += [f"only on the right: {series} {other[series]}" for series in other if series not in mine]
    lines += [
        f"{series}: {mine[series]} is not {other[series]}"
        for series in mine
        if series in other and not _same(mine[series], other[series])
    ]
    return bounded(lines)


def _compare_lists(left: list[Any], right: list[Any]) -> list[str] | None:
    if not any(isinstance(one, Group) for one in (*left, *right)):
        return None
    lines = ["the groups differ:"]
    for index, (mine, other) in enumerate(zip(left, right, strict=False)):
        if mine != other:
            lines.append(f"at index {index}:")
            lines += [f"  {line}" for line in (compare(mine, other) or ["", f"{mine!r} is not {other!r}"])[1:]]
    lines += [f"only on the left: {one!r}" for one in left[len(right) :]]
    lines += [f"only on the right: {one!r}" for one in right[len(left) :]]
    return bounded(lines)


def _changes(left: str, right: str) -> list[str]:
    """Return the lines in which two texts differ, as those that are expected and those of the snapshot."""
    from difflib import unified_diff

    expected, actual = (left, right) if not isinstance(left, Snapshot) else (right, left)
    before, after = expected.splitlines(), actual.splitlines()
    if before == after:  # then they differ in how lines end
        before, after = ([repr(line) for line in text.splitlines(keepends=True)] for text in (expected, actual))
    lines = unified_diff(before, after, "expected", "snapshot", lineterm="", n=0)
    return [line for line in lines if not line.startswith("@@")]
