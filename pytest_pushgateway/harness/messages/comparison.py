"""Comparison of groups, snapshots and scrapes, as pytest shows it below ``==``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_pushgateway.harness.metrics.group import Group, sides
from pytest_pushgateway.harness.metrics.snapshot import Snapshot
from pytest_pushgateway.harness.wording import bounded, show_key
from pytest_pushgateway.line_changes import changed_lines
from pytest_pushgateway.matchers import value_matches

if TYPE_CHECKING:
    from typing import Any


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
    if isinstance(left, Group) and isinstance(right, Group):
        return _compare_groups(left, right)
    group, mapping = (left, right) if isinstance(left, Group) else (right, left)
    if not isinstance(mapping, Mapping):
        return None
    mine, other = sides(group, mapping)
    if group is right:
        mine, other = other, mine
    return _differences(mine, other)


def _compare_groups(left: Group, right: Group) -> list[str]:
    mine, other = ({series: (series, value) for series, value in each.as_mapping().items()} for each in (left, right))
    first = []
    if left.grouping_key != right.grouping_key:
        first = [f"grouping key: {show_key(left.grouping_key)} is not {show_key(right.grouping_key)}"]
    return _differences(mine, other, first)


def _differences(
    left: Mapping[Any, tuple[str, Any]], right: Mapping[Any, tuple[str, Any]], first: Sequence[str] = ()
) -> list[str]:
    lines = ["the groups differ:", *first]
    lines += [f"only on the left: {text} {value}" for series, (text, value) in left.items() if series not in right]
    lines += [f"only on the right: {text} {value}" for series, (text, value) in right.items() if series not in left]
    lines += [
        f"{text}: {value} is not {right[series][1]}"
        for series, (text, value) in left.items()
        if series in right and not _alike(value, right[series][1])
    ]
    return bounded(lines)


def _alike(one: Any, other: Any) -> bool:
    return any(
        isinstance(value, float) and value_matches(wanted, value) for value, wanted in ((one, other), (other, one))
    )


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
    expected, actual = (left, right) if not isinstance(left, Snapshot) else (right, left)
    before, after = expected.splitlines(), actual.splitlines()
    if before == after:  # then they differ in how lines end
        before, after = ([repr(line) for line in text.splitlines(keepends=True)] for text in (expected, actual))
    return ["--- expected", "+++ snapshot", *changed_lines(before, after)]
