"""Families and metrics while a body of the text format is being read, and what becomes of them at its end."""

from __future__ import annotations

import math
from typing import cast

from pytest_pushgateway.exposition.grouping_labels import is_suspect, merge
from pytest_pushgateway.exposition.labels import Labels, series_prefix
from pytest_pushgateway.exposition.long_strings import Longs
from pytest_pushgateway.exposition.model import (
    HISTOGRAM_TYPES,
    Histogram,
    MetricFamily,
    MetricType,
    Mixed,
    Summary,
    Value,
)
from pytest_pushgateway.exposition.protobuf.writer import encode_parts
from pytest_pushgateway.golang.strconv import format_float, to_uint64

Identity = frozenset[tuple[bytes, bytes]]
"""What makes a summary or histogram the same: its labels, ``__name__`` included, but not ``quantile`` or ``le``."""


class Metric:
    """A metric being read; ``parts`` has more than one type only where braces without a name crossed families."""

    __slots__ = ("labels", "parts")

    def __init__(self) -> None:
        self.labels: list[tuple[bytes, bytes]] = []
        self.parts: dict[MetricType, float | Summary | Histogram] = {}

    def add_to_summary(self, suffix: bytes, quantile: float, value: float) -> None:
        """Take the value of a summary's line; a line that is neither count nor sum nor quantile says nothing."""
        summary = self.parts.get(MetricType.SUMMARY)
        if summary is None:
            summary = self.parts[MetricType.SUMMARY] = Summary(has_count=False, has_sum=False)
        assert isinstance(summary, Summary)
        if suffix == b"_count":
            summary.count, summary.has_count = to_uint64(value), True
        elif suffix == b"_sum":
            summary.sum, summary.has_sum = value, True
        elif not math.isnan(quantile):
            summary.quantiles.append((quantile, value))

    def add_to_histogram(self, suffix: bytes, bound: float, value: float) -> str | None:
        """Take the value of a histogram's line; return what of it must not be negative but is."""
        histogram = self.parts.get(MetricType.HISTOGRAM)
        if histogram is None:
            histogram = self.parts[MetricType.HISTOGRAM] = Histogram(has_count=False, has_sum=False)
        assert isinstance(histogram, Histogram)
        if suffix == b"_sum":
            histogram.sum, histogram.has_sum = value, True
            return None
        if suffix != b"_count" and math.isnan(bound):
            return None
        count: int | float = int(value) if 0 <= value < 1e15 else to_uint64(value)
        if count != value:
            if value < 0:
                return "count" if suffix == b"_count" else "bucket population"
            count = value
        if suffix != b"_count":
            histogram.buckets.append((bound, count))
            return None
        # The original keeps whole numbers and fractions in separate fields, and a fraction counts.
        if isinstance(count, int) and isinstance(histogram.count, float):
            histogram.whole_count = count
        else:
            if isinstance(count, float) and isinstance(histogram.count, int) and histogram.has_count:
                histogram.whole_count = histogram.count
            histogram.count = count
        histogram.has_count = True
        return None


class FamilyBuilder:
    """A family being read; ``series`` holds finished series (fast path) and metrics in the order read."""

    __slots__ = ("has_metrics", "help", "name", "series", "type")

    def __init__(self, name: bytes) -> None:
        self.name: bytes = name
        self.type: MetricType | None = None
        self.help: bytes | None = None
        self.series: list[Metric | tuple[bytes, Value]] = []
        self.has_metrics: bool = False

    def begin(self, metric: Metric) -> None:
        """Add a metric that has yet to be finished."""
        self.series.append(metric)
        self.has_metrics = True

    @property
    def effective_type(self) -> MetricType:
        """The type that reading treats the family as: a counter, protobuf's zero, while there is none."""
        return MetricType.COUNTER if self.type is None else self.type


class Families:
    """The families of one body, begun as its lines name them."""

    def __init__(self) -> None:
        self.longs = Longs()
        self._known: dict[bytes, FamilyBuilder] = {}
        self._summaries: dict[Identity, Metric] = {}
        self._histograms: dict[Identity, Metric] = {}

    def of(self, name: bytes) -> tuple[FamilyBuilder, bytes]:
        """Return the family that a valid name belongs to, begun if need be, and the suffix that led to it.

        Names ending in ``_sum``, ``_count`` or ``_bucket`` belong to a summary or histogram declared before, unless
        they have their own family.
        """
        family = self._known.get(name)
        if family is not None:
            return family, b""
        for suffix in (b"_count", b"_sum", b"_bucket"):
            if name.endswith(suffix) and len(name) > len(suffix):
                family = self._known.get(name[: -len(suffix)])
                if family is not None and (
                    family.type in HISTOGRAM_TYPES or (family.type is MetricType.SUMMARY and suffix != b"_bucket")
                ):
                    return family, suffix
        family = self._known[name] = FamilyBuilder(name)
        return family, b""

    def identified(self, family: FamilyBuilder, identity: Identity, metric: Metric) -> Metric:
        """Return the metric of a summary or histogram that has these labels already, or begin it with ``metric``."""
        known = self._summaries if family.type is MetricType.SUMMARY else self._histograms
        if identity in known:
            return known[identity]
        known[identity] = metric
        family.begin(metric)
        return metric

    def finish(self, grouping: Labels | None) -> dict[bytes, MetricFamily]:
        """Return the families that have series, their grouping labels merged."""
        for metric in self._histograms.values():
            _normalise(metric)
        families = {}
        for name, builder in self._known.items():
            if builder.series:
                families[name] = _finish_family(builder, grouping, self.longs)
        return families


def _finish_family(builder: FamilyBuilder, grouping: Labels | None, longs: Longs) -> MetricFamily:
    """Make the family that was read, grouping labels merged."""
    kind = builder.effective_type
    family = MetricFamily(builder.name, kind, builder.help or None, [])
    if not builder.has_metrics:
        family.series = cast("list[tuple[bytes, Value]]", builder.series)
        return family
    series = family.series
    finished: dict[Metric, tuple[bytes, Value]] = {}
    for item in builder.series:
        if isinstance(item, tuple):
            series.append(item)
            continue
        # Lines of braces without a name go on with one metric, which gets longer with each of them.
        known = finished.get(item)
        if known is None:
            labels = merge(item.labels, grouping)
            prefix = series_prefix(builder.name, labels, longs)
            if is_suspect(labels, longs, has_summary=MetricType.SUMMARY in item.parts):
                family.suspects.append(prefix)
            known = finished[item] = (prefix, _finish_value(item))
        series.append(known)
    return family


def _finish_value(metric: Metric) -> Value:
    parts: dict[MetricType, bytes | Summary | Histogram] = {
        kind: format_float(value) if isinstance(value, float) else value for kind, value in metric.parts.items()
    }
    if len(parts) == 1:
        return next(iter(parts.values()))

    return Mixed(encode_parts(parts), parts)


def _normalise(metric: Metric) -> None:
    """Make all counts of a histogram floats if one is, as the original does at the end of the body."""
    histogram = metric.parts[MetricType.HISTOGRAM]
    assert isinstance(histogram, Histogram)
    counts = [histogram.count, *(count for _, count in histogram.buckets)]
    if any(isinstance(count, float) for count in counts):
        histogram.count, histogram.has_count = float(histogram.count), True
        histogram.buckets = [(bound, float(count)) for bound, count in histogram.buckets]
