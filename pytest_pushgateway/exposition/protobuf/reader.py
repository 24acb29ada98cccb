"""Protobuf: reading delimited messages, and the exposition formats that are protobuf or show it as text."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from google.protobuf.message import DecodeError

from pytest_pushgateway.exposition.grouping_labels import grouping_labels, is_suspect, merge
from pytest_pushgateway.exposition.labels import Labels, series_prefix
from pytest_pushgateway.exposition.long_strings import Longs
from pytest_pushgateway.exposition.model import (
    Histogram,
    MetricFamily,
    MetricType,
    Mixed,
    Native,
    Parsed,
    ParseError,
    Summary,
    Value,
)
from pytest_pushgateway.exposition.protobuf import schema
from pytest_pushgateway.exposition.protobuf.writer import _size, encode_part
from pytest_pushgateway.golang.strconv import format_float

__all__ = ["parse"]

_SIMPLE_RAW = {
    b"\x12\x09\x09": MetricType.GAUGE,
    b"\x1a\x09\x09": MetricType.COUNTER,
    b"\x2a\x09\x09": MetricType.UNTYPED,
}
"""How a serialised Metric that is one number and nothing else begins; eight bytes follow."""


def parse(body: bytes, grouping: Mapping[bytes, bytes] | None) -> Parsed:
    """Read delimited ``io.prometheus.client.MetricFamily`` messages, grouping labels merged.

    As the original: names are not validated, of several families of one name the last wins, families without metrics
    are kept.

    Raises:
        ParseError: in Go's words, if a message is cut off or no protobuf.
    """
    labels = None if grouping is None else grouping_labels(grouping)
    longs = Longs()
    families: dict[bytes, MetricFamily] = {}
    timestamped: dict[bytes, bool] = {}
    position = 0
    while position < len(body):
        size, position = _size(body, position)
        if size > len(body) - position:
            raise ParseError("unexpected EOF")
        message = schema.MetricFamily()
        try:
            message.ParseFromString(body[position : position + size])
        except DecodeError:
            raise ParseError("proto:\N{NO-BREAK SPACE}cannot parse invalid wire-format data") from None
        position += size
        families[message.name] = _family(message, labels, longs)
        timestamped[message.name] = any(metric.HasField("timestamp_ms") for metric in message.metric)
    return Parsed(families, any(timestamped.values()))


def _family(message: Any, grouping: Labels | None, longs: Longs) -> MetricFamily:
    family = MetricFamily(message.name, message.type, message.help if message.HasField("help") else None, [])
    for metric in message.metric:
        labels = merge([(label.name, label.value) for label in metric.label], grouping)
        prefix = series_prefix(family.name, labels, longs)
        if is_suspect(labels, longs, has_summary=metric.HasField("summary")):
            family.suspects.append(prefix)
        metric.ClearField("label")
        family.series.append((prefix, _value(metric, family.type)))
    return family


def _value(metric: Any, family_type: int) -> Value:
    raw = metric.SerializeToString()
    kind = _SIMPLE_RAW.get(raw[:3])
    if kind == family_type and len(raw) == 11:
        return format_float(struct.unpack_from("<d", raw, 3)[0])
    parts: dict[MetricType, bytes | Summary | Histogram] = {}
    for simple in (MetricType.GAUGE, MetricType.COUNTER, MetricType.UNTYPED):
        field = simple.name.lower()
        if metric.HasField(field):
            parts[simple] = format_float(getattr(metric, field).value)
    if metric.HasField("summary"):
        parts[MetricType.SUMMARY] = _summary(metric.summary)
    if metric.HasField("histogram"):
        parts[MetricType.HISTOGRAM] = _histogram(metric.histogram)
    # A summary or histogram that our model says completely, and that is of its family's type, stands alone.
    holds = MetricType.HISTOGRAM if family_type == MetricType.GAUGE_HISTOGRAM else family_type
    for kind, value in parts.items():
        if kind == holds and not isinstance(value, bytes) and encode_part(kind, value) == raw:
            return value
    return Mixed(raw, parts)


def _summary(message: Any) -> Summary:
    return Summary(
        message.sample_count,
        message.sample_sum,
        [(quantile.quantile, quantile.value) for quantile in message.quantile],
        message.HasField("sample_count"),
        message.HasField("sample_sum"),
    )


def _histogram(message: Any) -> Histogram:
    return Histogram(
        message.sample_count_float or message.sample_count,
        message.sample_sum,
        [(bucket.upper_bound, bucket.cumulative_count_float or bucket.cumulative_count) for bucket in message.bucket],
        message.HasField("sample_count") or message.HasField("sample_count_float"),
        message.HasField("sample_sum"),
        _native(message) if message.positive_span or message.negative_span else None,
    )


def _native(message: Any) -> Native:
    is_float = message.sample_count_float > 0 or message.zero_count_float > 0
    return Native(
        message.schema,
        message.zero_threshold,
        message.zero_count_float if is_float else message.zero_count,
        _native_buckets(message.negative_span, message.negative_count if is_float else _sums(message.negative_delta)),
        _native_buckets(message.positive_span, message.positive_count if is_float else _sums(message.positive_delta)),
    )


def _sums(deltas: Iterable[int]) -> Iterable[int]:
    # Counts are unsigned in Go and wrap around.
    return (total % 2**64 for total in accumulate(deltas))


def _native_buckets(spans: Any, counts: Iterable[int | float]) -> list[tuple[int, int | float]]:
    # Lazily: a span may claim four billion buckets, but there are no more than there are counts.
    return [(index, count) for count, index in zip(counts, _indexes(spans), strict=False)]


def _indexes(spans: Any) -> Iterator[int]:
    index = 0
    for span in spans:
        index += span.offset
        yield from range(index, index + span.length)
        index += span.length
