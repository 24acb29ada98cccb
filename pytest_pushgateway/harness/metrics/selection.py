"""Choosing families and samples by shell patterns on their names and by matchers of their labels."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.harness.metrics.series import is_created
from pytest_pushgateway.matchers import check_name, label_matches, shown

if TYPE_CHECKING:
    from pytest_pushgateway.harness.metrics.family import Family

_WILD = re.compile(r"\*|\?|\[[^\]]*\]")


def check_patterns(names: Sequence[Any]) -> Sequence[str]:
    """Return names that may be shell patterns.

    Raises:
        TypeError: one is not a string.
        ValueError: one is empty, a selector, or could not be a metric's.

    """
    __tracebackhide__ = True
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"a metric's name is a string, not {shown(name)}; give several one by one")
        check_name(name if is_plain_name(name) else _WILD.sub("x", name))
    return names


def is_plain_name(name: str) -> bool:
    """Return whether a name is not a shell pattern."""
    return _WILD.search(name) is None


def matches_any(name: str, patterns: Iterable[str]) -> bool:
    """Return whether a name matches one of some shell patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def selected(
    families: Iterable[Family], patterns: Sequence[str], labels: Mapping[str, Any], *, also: Collection[str] = ()
) -> list[Family]:
    """Return the families, each with those of its samples that are asked for; none without any.

    Args:
        families: those to choose from.
        patterns: shell patterns on the name of a family or a sample; without one all match.
        labels: matchers of labels.
        also: names of samples that are creation times and are asked for all the same.

    """

    def named(name: str) -> bool:
        return name in also or any(pattern.endswith("_created") and fnmatchcase(name, pattern) for pattern in patterns)

    found = []
    for family in families:
        samples = tuple(
            sample
            for sample in family.samples
            if (not patterns or matches_any(family.name, patterns) or matches_any(sample.name, patterns))
            and not is_created(sample.name, named)
            and all(label_matches(label, wanted, sample.labels.get(label)) for label, wanted in labels.items())
        )
        if samples or not (family.samples or patterns or labels):
            found.append(replace(family, samples=samples))
    return found
