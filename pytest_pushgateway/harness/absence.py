"""Checks that a negative assertion proves something: it must be able to fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pytest_pushgateway.exposition.labels import split_prefix
from pytest_pushgateway.exposition.model import MetricType
from pytest_pushgateway.exposition.samples import lines
from pytest_pushgateway.golang.utf8 import bytes_of, text_of
from pytest_pushgateway.harness.metrics.family import OWN_GAUGES
from pytest_pushgateway.matchers import accepts_everything

if TYPE_CHECKING:
    from pytest_pushgateway.exposition.model import MetricFamily
    from pytest_pushgateway.harness.journal.requests import Push
    from pytest_pushgateway.harness.matching import Expected
    from pytest_pushgateway.harness.metrics.holdings import Holdings


class Doubt(NamedTuple):
    """Why it proves nothing that no sample is the expected one.

    Attributes:
        unknown: labels that are asked for and that no series of the name has had.
        labels: the labels that those series have had.
        counter: the name with ``_total`` of a counter, where the name without it is asked for.
        family: the histogram or summary of the name, which has no value itself.

    """

    unknown: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    counter: str = ""
    family: MetricFamily | None = None


def doubt(expectation: Expected, store: Holdings, pushes: Sequence[Push], *, complete: bool) -> Doubt | None:
    """Return why it proves nothing that no sample is the expected one; None if it proves what it should.

    Args:
        expectation: what no sample is.
        store: what is exposed.
        pushes: those of the test. The labels of a rejected one are known labels, but its metrics were not there.
        complete: whether these are all pushes, and none was dropped from the journal.

    """
    there = False
    named: MetricFamily | None = None
    seen = {"instance"}  # the gateway gives it to every series that has none
    unknown = _demanded(expectation)
    for family, counts in _families(expectation, store, pushes):
        if expectation.name is not None and not expectation.named(family):
            named = named or (family if counts and text_of(family.name) == expectation.name else None)
            continue
        there = there or counts
        seen |= _label_names(expectation, family)
        if there and seen.issuperset(unknown):
            return None
    if expectation.name is None:
        seen |= {name for push in pushes for name in push.grouping_key}
        there = there or any(push.accepted for push in pushes)
    missing = tuple(name for name in unknown if name not in seen)
    if there:
        return Doubt(missing, tuple(sorted(seen))) if missing and complete else None
    if named is not None:
        return Doubt(family=named)
    counter = _counter(expectation, store, pushes)
    return Doubt(counter=counter) if counter else None


def _demanded(expectation: Expected) -> list[str]:
    """Return the labels that the expected sample must have."""
    wanted = expectation.labels.items()
    return [name for name, one in wanted if one != "" and not accepts_everything(name, one)]


def _families(expectation: Expected, store: Holdings, pushes: Sequence[Push]) -> Iterator[tuple[MetricFamily, bool]]:
    """Yield the families that may hold the sample, and whether each was there: exposed, or in an accepted push."""
    if expectation.name is None:
        for group in store.groups():
            yield from ((held.family, True) for name, held in group.families.items() if name not in OWN_GAUGES)
        for push in pushes:
            yield from ((family, push.accepted) for family in push._parsed.values())
        return
    names = expectation.families()
    for name in names:
        yield from ((family, True) for _, family in store.families_named(name))
    for push in reversed(pushes):
        yield from ((push._parsed[name], push.accepted) for name in names if name in push._parsed)


def _label_names(expectation: Expected, family: MetricFamily) -> set[str]:
    if family.type in (MetricType.COUNTER, MetricType.GAUGE, MetricType.UNTYPED):
        return {text_of(name) for prefix, _ in family.series for name, _ in split_prefix(prefix)[1]}
    wanted = expectation.named(family) if expectation.name is not None else lines(family)
    return {name for line in wanted for name in line.labels}


def _counter(expectation: Expected, store: Holdings, pushes: Iterable[Push]) -> str:
    if expectation.name is None:
        return ""
    total = f"{expectation.name}_total"
    name = bytes_of(total)
    families = [family for _, family in store.families_named(name)]
    families += [push._parsed[name] for push in pushes if push.accepted and name in push._parsed]
    return total if any(family.type == MetricType.COUNTER for family in families) else ""
