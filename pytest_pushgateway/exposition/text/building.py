"""Families and metrics while a body of the text format is being read, and what becomes of them at its end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

from pytest_pushgateway.exposition.grouping_labels import is_suspect, merge
from pytest_pushgateway.exposition.labels import Labels, series_prefix
from pytest_pushgateway.exposition.long_strings import LONGEST, Longs
from pytest_pushgateway.exposition.model import (
    HISTOGRAM_TYPES,
    Histogram,
    MetricFamily,
    MetricType,
    Mixed,
    Summary,
    Value,
)
from pytest_pushgateway.exposition.series import (
    BLOCK,
    NAMED,
    SMALL,
    WEIGHT_OF_FAMILY,
    WEIGHT_OF_SERIES,
    PackedSeries,
    Packer,
    is_large,
)
from pytest_pushgateway.golang.strconv import format_float, to_uint64
from pytest_pushgateway.later import later

if TYPE_CHECKING:
    from pytest_pushgateway.exposition.protobuf import writer
    from pytest_pushgateway.exposition.series import Before
else:
    writer = later("pytest_pushgateway.exposition.protobuf.writer")


def identity_of(labels: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the identity of a summary or histogram.

    Args:
        labels: its own, valid UTF-8, ``__name__`` included, but not ``quantile`` or ``le``.
    """
    # No byte of UTF-8 is 255. A set of pairs would take four times the memory.
    identity = _NO_UTF8.join([text for label in sorted(labels) for text in label])
    if len(identity) <= LONGEST:
        return identity
    from hashlib import blake2b

    return _NO_UTF8 + blake2b(identity, digest_size=16).digest()


_NO_UTF8 = b"\xff"


Part = float | Summary | Histogram
PartOf = TypeVar("PartOf", float, Summary, Histogram)


class Metric:
    """A metric being read; it has values of several types only where braces without a name crossed families."""

    __slots__ = ("_kind", "_others", "_value", "labels")

    def __init__(self) -> None:
        self.labels: Sequence[tuple[bytes, bytes]] = ()
        self._kind: MetricType | None = None
        self._value: Part = 0.0
        self._others: dict[MetricType, Part] | None = None
        """The values after the first."""

    @property
    def parts(self) -> dict[MetricType, Part]:
        """All values by their types, the first one first."""
        first = {} if self._kind is None else {self._kind: self._value}
        return first if self._others is None else {**first, **self._others}

    def has_one_part(self) -> bool:
        """Return whether there is one value."""
        return self._kind is not None and self._others is None

    def part(self, kind: MetricType) -> Part | None:
        """Return the value of a type, if there is one."""
        if self._kind is kind:
            return self._value
        return None if self._others is None else self._others.get(kind)

    def put(self, kind: MetricType, value: PartOf) -> PartOf:
        """Set and return the value of a type."""
        if self._kind is None or self._kind is kind:
            self._kind, self._value = kind, value
        else:
            if self._others is None:
                self._others = {}
            self._others[kind] = value
        return value

    def add_to_summary(self, suffix: bytes, quantile: float, value: float) -> None:
        """Take the value of a summary's line; a line that is neither count nor sum nor quantile is ignored."""
        summary = self.part(MetricType.SUMMARY)
        if summary is None:
            summary = self.put(MetricType.SUMMARY, Summary(has_count=False, has_sum=False))
        assert isinstance(summary, Summary)
        if suffix == b"_count":
            summary.count, summary.has_count = to_uint64(value), True
        elif suffix == b"_sum":
            summary.sum, summary.has_sum = value, True
        elif not math.isnan(quantile):
            summary.quantiles.append((quantile, value))

    def add_to_histogram(self, suffix: bytes, bound: float, value: float) -> str | None:
        """Take the value of a histogram's line; return what of it must not be negative but is."""
        histogram = self.part(MetricType.HISTOGRAM)
        if histogram is None:
            histogram = self.put(MetricType.HISTOGRAM, Histogram(has_count=False, has_sum=False))
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
    """A family being read; ``series`` holds finished series and metrics in the order read, after those packed."""

    __slots__ = ("has_metrics", "help", "name", "packed", "repeated", "series", "suspects", "type")

    def __init__(self, name: bytes) -> None:
        self.name: bytes = name
        self.type: MetricType | None = None
        self.help: bytes | None = None
        self.series: list[Metric | tuple[bytes, Value]] = []
        self.packed: Packer | PackedSeries | None = None
        """The series that were packed while the body was read; for a small family without what more of them need."""
        self.suspects: list[bytes] | None = None
        self.has_metrics: bool = False
        """Whether metrics are among the series."""
        self.repeated: int = 0
        """The number of series that came again and were dropped, see :meth:`thin`."""

    @property
    def effective_type(self) -> MetricType:
        """The type that reading treats the family as: a counter, protobuf's zero, before it is declared."""
        return MetricType.COUNTER if self.type is None else self.type

    @property
    def size(self) -> int:
        """The number of series and metrics."""
        return len(self.series) + self._packed_size

    @property
    def _packed_size(self) -> int:
        if self.packed is None:
            return 0
        return self.packed.size if isinstance(self.packed, Packer) else len(self.packed)

    def pack(self, before: Before | None, *, in_large_body: bool) -> None:
        """Pack the series if there are many, so that the objects of all of them are never there at once."""
        if self.has_metrics or not self.series:
            return
        if self.packed is None and not is_large(len(self.series), in_large_body=in_large_body):
            return
        if len(self.series) >= SMALL or in_large_body:
            packer = self._pack_all(before, but_rest=len(self.series) > BLOCK)
            self.packed = packer.finish() if packer.size < SMALL else packer
        elif self.packed is None:
            self._opened(before)

    def _opened(self, before: Before | None) -> Packer:
        if not isinstance(self.packed, Packer):
            replaced = None if before is None else before(self.name)
            self.packed = Packer(self.packed, replaced if isinstance(replaced, PackedSeries) else None)
        return self.packed

    def _pack_all(self, before: Before | None, *, but_rest: bool = False) -> Packer:
        packer = self._opened(before)
        end = len(self.series)
        if but_rest:
            # More of a family may come, and what fills no block would be taken out of it again.
            end -= (packer.size + end) % BLOCK
        packer.take(cast("list[tuple[bytes, Value]]", self.series[:end]))
        del self.series[:end]
        return packer

    def thin(self, before: Before | None) -> None:
        """Drop series that came again, but for the first ones, which an error names; the others are only counted."""
        if self.packed is not None:
            packer = self._opened(before) if self.has_metrics else self._pack_all(before)
            self.repeated += packer.thin()
            return
        if len(self.series) - len({_prefix(item) for item in self.series}) <= NAMED:
            return
        seen: set[object] = set()
        kept, again = [], 0
        for item in self.series:
            prefix = _prefix(item)
            if prefix in seen:
                again += 1
            if prefix not in seen or again <= NAMED:
                kept.append(item)
            seen.add(prefix)
        self.repeated += len(self.series) - len(kept)
        self.series[:] = kept

    def weight(self) -> int:
        """Return an estimate of the memory that it takes when it is stored, bytes."""
        size = sum(len(item[0]) if isinstance(item, tuple) else WEIGHT_OF_SERIES for item in self.series)
        if self.packed is not None:
            size += Packer(self.packed).weight() if isinstance(self.packed, PackedSeries) else self.packed.weight()
        return WEIGHT_OF_FAMILY + size + WEIGHT_OF_SERIES * self.size

    def finish(self, before: Before | None, *, in_large_body: bool) -> Sequence[tuple[bytes, Value]]:
        """Return the series when there are no metrics among them any more."""
        if isinstance(self.packed, PackedSeries) and not self.series:
            return self.packed
        if self.packed is None:
            in_large_body = in_large_body and not self.has_metrics
            if not is_large(len(self.series), in_large_body=in_large_body):
                return cast("list[tuple[bytes, Value]]", self.series)
        return self._pack_all(before).finish()


def _prefix(item: Metric | tuple[bytes, Value]) -> object:
    # Unfinished metrics are already distinguished by their labels.
    return item[0] if isinstance(item, tuple) else item


class Families:
    """The families of one body, begun as its lines name them.

    ``grouping`` labels are merged into all series; None for metrics that were not pushed. ``before`` are the series of
    the group that they may replace.
    """

    def __init__(self, grouping: Labels | None, before: Before | None = None) -> None:
        self.longs: Longs = Longs()
        self._grouping = grouping
        self._before = before
        self.of_large_body: bool = False
        """Whether the body is so long that small families are packed too."""
        self._open: list[tuple[FamilyBuilder, int]] = []
        """Where the last metric stands that lines of braces without a name may still go on with."""
        self._known: dict[bytes, FamilyBuilder] = {}
        self._summaries: dict[bytes, Metric] = {}
        self._histograms: dict[bytes, Metric] = {}

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

    def identified(self, family: FamilyBuilder, identity: bytes, metric: Metric) -> Metric:
        """Return the metric of a summary or histogram that has these labels already, or begin it with ``metric``."""
        known = self._summaries if family.type is MetricType.SUMMARY else self._histograms
        if identity in known:
            return known[identity]
        known[identity] = metric
        family.series.append(metric)
        family.has_metrics = True
        return metric

    def begin(self, family: FamilyBuilder, metric: Metric) -> None:
        """Add a metric with one number, which lines of braces without a name may go on with until :meth:`settle`."""
        self._open.append((family, len(family.series)))
        family.series.append(metric)

    def settle(self) -> None:
        """Finish what was begun: another metric begins."""
        finished: dict[Metric, tuple[bytes, Value]] = {}
        for family, position in self._open:
            metric = family.series[position]
            assert isinstance(metric, Metric)
            if metric.has_one_part():
                family.series[position] = self._finished(family, metric, finished)
            else:
                # It crossed families, and further lines of a summary or histogram may come to it.
                family.has_metrics = True
        self._open.clear()

    def thin(self) -> int:
        """Drop series that came again and again; return how many are left. Costs all of them."""
        self._change_finished(partial(FamilyBuilder.thin, before=self._before))
        return sum(family.size for family in self._known.values())

    def pack(self) -> int:
        """Pack the series of large families; return how many families there are. Costs what is not yet packed."""
        self._change_finished(partial(FamilyBuilder.pack, before=self._before, in_large_body=self.of_large_body))
        return len(self._known)

    def _change_finished(self, change: Callable[[FamilyBuilder], None]) -> None:
        begun: dict[bytes, int] = {}
        for family, position in self._open:
            begun.setdefault(family.name, position)
        moved: dict[bytes, int] = {}
        for family in self._known.values():
            if family.name not in begun:
                change(family)
                continue
            # Series that may still change come last.
            start = begun[family.name]
            changing = family.series[start:]
            del family.series[start:]
            change(family)
            moved[family.name] = start - len(family.series)
            family.series += changing
        self._open = [(family, position - moved[family.name]) for family, position in self._open]

    def weight(self) -> int:
        """Return an estimate of the memory that all families take when they are stored, bytes. Costs all series."""
        return sum(family.weight() for family in self._known.values())

    def finish(self) -> dict[bytes, MetricFamily]:
        """Return the families that have series, their grouping labels merged; nothing more can be read."""
        self.settle()
        for metric in self._histograms.values():
            _normalise(metric)
        # The builders are freed one by one, while the families are made.
        self._summaries.clear()
        self._histograms.clear()
        families = {}
        for name in list(self._known):
            builder = self._known.pop(name)
            if builder.size:
                families[name] = self._finish_family(builder)
        return families

    def _finish_family(self, builder: FamilyBuilder) -> MetricFamily:
        kind = builder.effective_type
        if builder.has_metrics:
            finished: dict[Metric, tuple[bytes, Value]] = {}
            builder.series = [
                item if isinstance(item, tuple) else self._finished(builder, item, finished) for item in builder.series
            ]
        series = builder.finish(self._before, in_large_body=self.of_large_body)
        return MetricFamily(builder.name, kind, builder.help or None, series, builder.suspects or (), builder.repeated)

    def _finished(
        self, builder: FamilyBuilder, metric: Metric, finished: dict[Metric, tuple[bytes, Value]]
    ) -> tuple[bytes, Value]:
        # Lines of braces without a name go on with one metric, which gets longer with each of them.
        series = finished.get(metric)
        if series is None:
            labels = merge(metric.labels, self._grouping)
            prefix = series_prefix(builder.name, labels, self.longs)
            if is_suspect(labels, self.longs, has_summary=metric.part(MetricType.SUMMARY) is not None):
                if builder.suspects is None:
                    builder.suspects = []
                builder.suspects.append(prefix)
            series = finished[metric] = (prefix, _finish_value(metric))
        return series


def _finish_value(metric: Metric) -> Value:
    parts: dict[MetricType, bytes | Summary | Histogram] = {
        kind: format_float(value) if isinstance(value, float) else value for kind, value in metric.parts.items()
    }
    if len(parts) == 1:
        return next(iter(parts.values()))

    return Mixed(writer.encode_parts(parts), parts)


def _normalise(metric: Metric) -> None:
    """Make all counts of a histogram floats if one is, as the original does at the end of the body."""
    histogram = metric.part(MetricType.HISTOGRAM)
    assert isinstance(histogram, Histogram)
    counts = [histogram.count, *(count for _, count in histogram.buckets)]
    if any(isinstance(count, float) for count in counts):
        histogram.count, histogram.has_count = float(histogram.count), True
        histogram.buckets = [(bound, float(count)) for bound, count in histogram.buckets]
