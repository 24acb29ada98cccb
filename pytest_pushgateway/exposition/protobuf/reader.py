"""Protobuf: reading delimited messages, and the exposition formats that are protobuf or show it as text."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
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
    PushTooLarge,
    Summary,
    Value,
)
from pytest_pushgateway.exposition.protobuf import schema
from pytest_pushgateway.exposition.protobuf.writer import encode_part
from pytest_pushgateway.exposition.series import NAMED, WEIGHT_OF_FAMILY, WEIGHT_OF_SERIES, pack
from pytest_pushgateway.golang.strconv import format_float

__all__ = ["parse", "parse_pieces"]

_SIMPLE_RAW = {
    b"\x12\x09\x09": MetricType.GAUGE,
    b"\x1a\x09\x09": MetricType.COUNTER,
    b"\x2a\x09\x09": MetricType.UNTYPED,
}
"""The first bytes of a serialised Metric that is one number and nothing else; eight more follow."""


def parse(body: bytes, grouping: Mapping[bytes, bytes] | None) -> Parsed:
    """Read delimited ``io.prometheus.client.MetricFamily`` messages, grouping labels merged.

    As the original: names are not validated, of several families of one name the last wins, families without metrics
    are kept.

    Raises:
        ParseError: in Go's words, if a message is cut off or no protobuf.
    """
    return parse_pieces((body,), grouping)


def parse_pieces(
    pieces: Iterable[bytes], grouping: Mapping[bytes, bytes] | None, *, largest: int | None = None
) -> Parsed:
    """Read a body as :func:`parse` does, message by message.

    Args:
        pieces: of the body, of any length; a :class:`ParseError` that they raise is raised here.
        grouping: label names and values of the grouping key; None for metrics that were not pushed.
        largest: bytes that what was read may take when it is stored, roughly.

    Raises:
        ParseError: in Go's words, if a message is cut off or no protobuf.
        PushTooLarge: it would take more than ``largest``.
    """
    reader = _Reader(None if grouping is None else grouping_labels(grouping), largest)
    timestamped: dict[bytes, bool] = {}
    families: dict[bytes, MetricFamily] = {}
    for content in _messages(pieces):
        reader.weigh(WEIGHT_OF_SERIES * _count_metrics(content) if len(content) > _LARGE else 0)
        message = schema.MetricFamily()
        try:
            message.ParseFromString(content)
        except DecodeError:
            raise ParseError("proto:\N{NO-BREAK SPACE}cannot parse invalid wire-format data") from None
        families[message.name] = reader.family(message)
        timestamped[message.name] = any(metric.HasField("timestamp_ms") for metric in message.metric)
    return Parsed(families, any(timestamped.values()))


_LARGE = 1 << 20
"""Bytes of a message whose metrics are counted before it is parsed."""


def _messages(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the messages of a body."""
    data = bytearray()
    position = 0
    for piece in pieces:
        data += piece
        while (found := _size(data, position)) is not None and found[0] <= len(data) - found[1]:
            size, start = found
            yield bytes(data[start : start + size])
            position = start + size
        del data[:position]
        position = 0
    if data:
        raise ParseError("unexpected EOF")


def _size(data: bytes | bytearray, position: int) -> tuple[int, int] | None:
    """Read the length of a message; return it and where the message begins, None if it is not all there."""
    size = 0
    for shift in range(0, 70, 7):
        if position == len(data):
            return None
        byte = data[position]
        position += 1
        size |= (byte & 127) << shift
        if byte < 128:
            break
    else:
        size = 2**64
    if size >= 2**64:
        raise ParseError("proto:\N{NO-BREAK SPACE}variable length integer overflow")
    return size, position


def _count_metrics(message: bytes) -> int:
    """Return how many metrics a family has, as far as it is well formed: each may be two bytes long."""
    count = position = 0
    with suppress(ParseError):
        while (tag := _size(message, position)) is not None:
            kind, position = tag[0] & 7, tag[1]
            count += tag[0] == _METRIC
            if kind == 2 and (length := _size(message, position)) is not None:
                position = length[1] + length[0]
            elif kind == 0 and (number := _size(message, position)) is not None:
                position = number[1]
            elif kind in (1, 5):
                position += 8 if kind == 1 else 4
            else:
                break
    return count


_METRIC = 4 << 3 | 2
_LARGE_BODY = 5_000_000
"""Estimated size of a large body, whose small families are packed too, bytes: there may be very many."""


class _Reader:
    def __init__(self, grouping: Labels | None, largest: int | None) -> None:
        self._grouping = grouping
        self._largest = largest
        self._longs = Longs()
        self._weight = 0

    def weigh(self, more: int) -> None:
        """Refuse a push to which this many more bytes would be too much."""
        if self._largest is not None and self._weight + more > self._largest:
            raise PushTooLarge(self._largest)

    def family(self, message: Any) -> MetricFamily:
        """Make a family of its message."""
        longs, named = self._longs, 0
        family = MetricFamily(message.name, message.type, message.help if message.HasField("help") else None, [])
        series: list[tuple[bytes, Value]] = []
        suspects: list[bytes] = []
        seen: set[bytes] = set()
        self._weight += WEIGHT_OF_FAMILY
        for metric in message.metric:
            labels = merge([(label.name, label.value) for label in metric.label], self._grouping)
            prefix = series_prefix(family.name, labels, longs)
            if prefix in seen:
                named += 1
                if named > NAMED:
                    family.repeated += 1
                    continue
            seen.add(prefix)
            if is_suspect(labels, longs, has_summary=metric.HasField("summary")):
                suspects.append(prefix)
            # Each bucket and quantile is a line of a scrape.
            lines = 1 + len(metric.histogram.bucket) + len(metric.summary.quantile)
            metric.ClearField("label")
            value = _value(metric, family.type)
            self._weight += WEIGHT_OF_SERIES + lines * len(prefix) + (0 if isinstance(value, bytes) else 200 * lines)
            self.weigh(0)
            series.append((prefix, value))
        family.suspects = suspects or ()
        family.series = pack(series, in_large_body=self._weight >= _LARGE_BODY)
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
    # A summary or histogram that our model holds completely, and that is of its family's type, stands alone.
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
