"""The groups that a gateway exposes now, as a test sees them."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.exposition.labels import sort_key
from pytest_pushgateway.exposition.model import MetricFamily
from pytest_pushgateway.golang.utf8 import text_of
from pytest_pushgateway.harness.metrics.family import OWN_GAUGES, Family, refuse_text, to_family
from pytest_pushgateway.harness.metrics.series import is_created, read_mapping, series_of
from pytest_pushgateway.harness.metrics.values import one_value
from pytest_pushgateway.harness.wording import show_key, show_sample
from pytest_pushgateway.matchers import value_matches

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

    from pytest_pushgateway.gateway.groups import StoredGroup
    from pytest_pushgateway.harness.metrics.series import Series


class Group:
    """One group as it was when it was asked for.

    Groups are equal when their grouping keys and samples are, whatever their push times; NaN equals NaN. A group also
    equals a mapping from series, as the text format writes them, to values: ``{'rows{job="backup"}': 7}``. There the
    order of labels and ``instance=""`` do not matter, and ``*_created`` is left out where the mapping has none of that
    name. A mapping that is not one from series to values is an error.
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
        return {text_of(name): text_of(value) for name, value in self._stored.key}

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

    def value(self, name: str, /, *, labels: Mapping[str, object] | None = None, **label_values: object) -> float:
        """Return the value of the one sample that has this name and these labels, perhaps among others.

        Args:
            name: the sample's exact name.
            labels: matchers of labels that are not Python names.
            label_values: matchers of labels; other labels may have any value.

        Returns:
            The value.

        Raises:
            AssertionError: none or several match; the message shows the candidates.

        """
        __tracebackhide__ = True
        families = [stored.family for stored in self._stored.families.values()]
        return one_value(families, name, labels, label_values, f"the group {show_key(self.grouping_key)}")

    def __eq__(self, other: object) -> bool:
        __tracebackhide__ = True
        refuse_text(other, "a group is not its job: compare group.grouping_key['job']")
        if isinstance(other, Group):
            return self.grouping_key == other.grouping_key and _equal(self.as_mapping(), other.as_mapping())
        if isinstance(other, Mapping):
            mine, wanted = sides(self, other)
            return mine.keys() == wanted.keys() and all(
                value_matches(wanted[series][1], value) for series, (_, value) in mine.items()
            )
        return NotImplemented

    def _pushed(self) -> list[MetricFamily]:
        return [stored.family for name, stored in self._stored.families.items() if name not in OWN_GAUGES]


def sides(group: Group, mapping: Mapping[Any, Any]) -> tuple[dict[Series, tuple[str, Any]], ...]:
    """Return the series of a group and those of a mapping that it is compared with: each with its text and value.

    Raises:
        TypeError: the mapping has a key that is not text, or a value that is never one of a sample's.
        ValueError: it has a key that is not a series, or the same one twice.

    """
    __tracebackhide__ = True

    wanted = read_mapping(mapping)
    names = {series.name for series in wanted}
    mine = {
        series_of(sample): (show_sample(sample).rpartition(" ")[0], sample.value)
        for sample in group.samples
        if not is_created(sample.name, names.__contains__)
    }
    return mine, wanted


def merge(groups: Iterable[StoredGroup], also: Container[bytes] = ()) -> tuple[Family, ...]:
    """Return the families of all groups as one exposition: sorted by name, series in the gateway's order.

    The gateway's own gauges are there only if their names are in ``also``.
    """
    pieces: dict[bytes, list[MetricFamily]] = {}
    for group in groups:
        for name, stored in group.families.items():
            if name not in OWN_GAUGES or name in also:
                pieces.setdefault(name, []).append(stored.family)
    return tuple(to_family(joined(pieces[name])) for name in sorted(pieces))


def joined(families: list[MetricFamily]) -> MetricFamily:
    """Return the pieces of a family that groups hold as one."""
    first = families[0]
    series = sorted((each for family in families for each in family.series), key=lambda each: sort_key(each[0]))
    text = next((family.help for family in families if family.help), b"")
    return MetricFamily(first.name, first.type, text, series)


def _equal(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    return left.keys() == right.keys() and all(_same(value, right[series]) for series, value in left.items())


def _same(left: Any, right: Any) -> bool:
    """Return whether two values are equal; NaN equals NaN."""
    return bool(left == right) or all(isinstance(one, float) and math.isnan(one) for one in (left, right))
