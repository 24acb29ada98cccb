"""Comparison of groups, snapshots and scrapes, as pytest shows it below ``==``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_pushgateway.harness.metrics.group import Group, _same
from pytest_pushgateway.harness.metrics.text import Snapshot
from pytest_pushgateway.harness.wording import bounded, show_key

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
