"""Metrics that one push of a test took from another, without anybody having asked for that.

The gateway obeys, and nothing on the wire separates a loss from an intention. A PUT that does not carry a
family removes it from its group. A push, PUT or POST, that carries a family replaces all of its series: three workers
that push ``rows{worker="1"}``, ``"2"`` and ``"3"`` to one group leave one series. That is taken for a loss only if the
two sets of series have nothing in common, nobody looked at the gateway between the two pushes, its clock was not moved
on, the family does not describe a state or a version, and the test does not assert afterwards that they are gone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pytest_pushgateway.exposition.samples import Line, lines
from pytest_pushgateway.harness.journal.requests import Delete, Push, Request

if TYPE_CHECKING:
    from pytest_pushgateway.exposition.labels import Labels
    from pytest_pushgateway.exposition.model import MetricFamily

CLOCK = 60.0
"""Seconds on the gateway's clock after which a push belongs to another run: what it replaces is old."""

STATES = frozenset({"state", "status", "phase", "version", "revision", "commit", "release"})
"""Labels whose new value supersedes the old one, where the value of the series is 1."""

_OF_SAMPLES = ("le", "quantile")


class Absence(Protocol):
    """A test's assertion that something is not exposed, and the last request before it."""

    @property
    def name(self) -> str | None:
        """The name, or None for any."""

    def named(self, family: MetricFamily, /) -> list[Line]:
        """Return the samples of a family that have the name."""

    def matches(self, sample: Line, /) -> bool:
        """Return whether a sample of the name is one of those."""


class Loss(NamedTuple):
    """One family that a push took from another."""

    push: Push
    earlier: Push
    """The push that had brought it."""
    family: MetricFamily
    """As the earlier push had brought it."""
    replaced: bool
    """Whether the later push carries the family, with other series; else it is gone from the group."""
    labels: frozenset[str] = frozenset()
    """The labels in which the series differ, if it was replaced."""


def losses(
    requests: Iterable[Request],
    again: Sequence[Push],
    looks: Sequence[int],
    absences: Sequence[tuple[int, Absence]],
) -> list[Loss]:
    """Return what pushes took from others of the same test.

    Args:
        requests: all that the journal has.
        again: the pushes in question, each to a group that was there before; earlier losses were reported before.
        looks: after which requests somebody read the gateway, in order.
        absences: the test's assertions that something is not there, each with the place of the last request before.

    """
    tests, since = {push.test for push in again}, again[0]._order
    walk = _Walk({push._request.key for push in again}, looks)
    found = [loss for entry in requests if entry.test in tests for loss in walk.step(entry)]
    return [loss for loss in found if loss.push._order >= since and not _is_said(loss, absences)]


class _Walk:
    """Goes through the requests in their order, knowing which push brought each family of some groups that stands."""

    def __init__(self, keys: Collection[Labels | None], looks: Sequence[int]) -> None:
        self._keys = keys
        self._looks = looks
        self._scraped = 0
        self._groups: dict[Labels, dict[bytes, Push]] = {}

    def step(self, entry: Request) -> Iterable[Loss]:
        """Return what a request took away."""
        key = entry._request.key
        if isinstance(entry, Push):
            return self._push(entry, key) if key is not None and key in self._keys and entry.accepted else ()
        if isinstance(entry, Delete) and entry.matched and key is not None:
            self._groups.pop(key, None)
        elif entry.kind == "wipe" and entry.status < 400:
            self._groups.clear()
        elif entry.kind == "scrape":
            self._scraped = entry._order
        return ()

    def _push(self, push: Push, key: Labels) -> list[Loss]:
        group = self._groups.setdefault(key, {})
        if push._created:  # stopped and started meanwhile, or reset
            group.clear()
        found = []
        for name in push._removed:
            earlier = group.pop(name, None)
            if earlier is not None and _is_between(earlier, push):
                found.append(Loss(push, earlier, earlier._parsed[name], False))
        for name, family in push._parsed.items():
            earlier = group.get(name)
            group[name] = push
            if earlier is None:
                continue
            before = earlier._parsed[name]
            if _begin_alike(before, family) or not _is_between(earlier, push) or self._is_meant(earlier, push, name):
                continue
            labels = _apart(before, family)
            if labels:
                found.append(Loss(push, earlier, before, True, labels))
        return found

    def _is_meant(self, earlier: Push, push: Push, name: bytes) -> bool:
        if name.endswith((b"_info", b"_created")) or abs(push.at - earlier.at) >= CLOCK:
            return True
        if self._scraped > earlier._order:
            return True
        place = bisect_left(self._looks, earlier._order)
        return place < len(self._looks) and self._looks[place] < push._order


def _is_between(earlier: Push, push: Push) -> bool:
    return earlier.origin == push.origin == "application" and earlier.test == push.test


def _begin_alike(before: MetricFamily, after: MetricFamily) -> bool:
    """Return whether two families have the first series in common, as nearly all pushes of one metric have."""
    return bool(before.series and after.series) and before.series[0][0] == after.series[0][0]


def _apart(before: MetricFamily, after: MetricFamily) -> frozenset[str]:
    """Return the labels in which two sets of series differ; none where the sets have a series in common."""
    if not before.series or not after.series:
        return frozenset()
    if not {prefix for prefix, _ in before.series}.isdisjoint(prefix for prefix, _ in after.series):
        return frozenset()
    old, new = _label_sets(before), _label_sets(after)
    if not old.keys().isdisjoint(new):
        return frozenset()
    labels = _differing(old, new) or frozenset(name for pairs in (*old, *new) for name, _ in pairs)
    ones = all(values == {1.0} for values in (*old.values(), *new.values()))
    return frozenset() if ones and labels <= STATES else labels


def _label_sets(family: MetricFamily) -> dict[frozenset[tuple[str, str]], set[float]]:
    found: dict[frozenset[tuple[str, str]], set[float]] = {}
    for line in lines(family):
        found.setdefault(frozenset(own_labels(line.labels).items()), set()).add(line.value)
    return found


def _differing(old: Iterable[frozenset[tuple[str, str]]], new: Iterable[frozenset[tuple[str, str]]]) -> frozenset[str]:
    before, after = _values(old), _values(new)
    return frozenset(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _values(sets: Iterable[frozenset[tuple[str, str]]]) -> dict[str, set[str]]:
    values: dict[str, set[str]] = {}
    for pairs in sets:
        for label, value in pairs:
            values.setdefault(label, set()).add(value)
    return values


def own_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of a series, without those that only distinguish its samples."""
    return {name: value for name, value in labels.items() if name not in _OF_SAMPLES}


def _is_said(loss: Loss, absences: Sequence[tuple[int, Absence]]) -> bool:
    """Return whether the test asserted after the loss that all of it is gone."""
    left = lines(loss.family)
    for after, absence in absences:
        if after < loss.push._order:
            continue
        named = left if absence.name is None else absence.named(loss.family)
        said = [line for line in named if absence.matches(line)]
        left = [line for line in left if line not in said]
        if not left:
            return True
    return False
