"""Protobuf: reading delimited messages, and the exposition formats that are protobuf or show it as text."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from pytest_pushgateway.exposition import protobuf_schema as schema
from pytest_pushgateway.exposition.escaping import UNDERSCORES
from pytest_pushgateway.exposition.gofmt import format_float
from pytest_pushgateway.exposition.model import (
    Histogram,
    Labels,
    MetricFamily,
    MetricType,
    Mixed,
    Native,
    Parsed,
    ParseError,
    Summary,
    Value,
    proto_type_name,
    render_prefix,
)
from pytest_pushgateway.exposition.protobuf_writer import (
    encode_family,
    encode_metric,
    encode_part,
    render_delimited,
)
from pytest_pushgateway.exposition.prototext import proto_float, proto_quote
from pytest_pushgateway.exposition.sanitise import grouping_labels, is_suspect, merge

__all__ = ["metric_fields", "parse", "render_delimited", "render_family", "render_family_text"]

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
        families[message.name] = _family(message, labels)
        timestamped[message.name] = any(metric.HasField("timestamp_ms") for metric in message.metric)
    return Parsed(families, any(timestamped.values()))


def _size(body: bytes, position: int) -> tuple[int, int]:
    size = 0
    for shift in range(0, 70, 7):
        if position == len(body):
            raise ParseError("unexpected EOF")
        byte = body[position]
        position += 1
        size |= (byte & 127) << shift
        if byte < 128:
            break
    else:
        size = 2**64
    if size >= 2**64:
        raise ParseError("proto:\N{NO-BREAK SPACE}variable length integer overflow")
    return size, position


def _family(message: Any, grouping: Labels | None) -> MetricFamily:
    family = MetricFamily(message.name, message.type, message.help if message.HasField("help") else None, [])
    for metric in message.metric:
        labels = merge([(label.name, label.value) for label in metric.label], grouping)
        prefix = render_prefix(family.name, labels)
        if is_suspect(labels, has_summary=metric.HasField("summary")):
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


def render_family(family: MetricFamily, escaping: str = UNDERSCORES) -> bytes:
    """Write one family delimited: its length, then the message."""
    metrics = [encode_metric(family.type, prefix, value, escaping) for prefix, value in family.series]
    return encode_family(family.name, family.type, family.help, metrics, escaping)


def render_family_text(family: MetricFamily, escaping: str = UNDERSCORES, *, compact: bool = False) -> bytes:
    """Write one family in protobuf's text format, on one line if ``compact``, as Go prints it.

    How many spaces stand between the fields depends on the build of the original; here as in the 1.11.2 of reference.
    """
    message = schema.MetricFamily()
    delimited = render_family(family, escaping)
    message.ParseFromString(delimited[_size(delimited, 0)[1] :])
    fields = _fields(message)
    text = "  ".join(_on_one_line(fields)) if compact else "".join(_on_lines(fields, ""))
    return text.encode("utf-8") + b"\n"


def metric_fields(raw: bytes) -> list[str]:
    """Print the fields of a serialised Metric as they stand in the original's error texts."""
    message = schema.Metric()
    message.ParseFromString(raw)
    return _on_one_line(_fields(message))


_Field = tuple[str, "str | list[_Field]"]


def _fields(message: Any) -> list[_Field]:
    """Return names and printed values in the order of declaration, unknown fields last."""
    fields: list[_Field] = []
    present = {descriptor.name: value for descriptor, value in message.ListFields()}
    for descriptor in message.DESCRIPTOR.fields:
        if descriptor.name not in present:
            continue
        value = present[descriptor.name]
        # A repeated field is any container; its elements are printed one by one.
        for element in value if isinstance(value, Sequence) and not isinstance(value, bytes) else [value]:
            fields.append((descriptor.name, _printed(descriptor, element)))
    return fields + _unknown(UnknownFieldSet(message))


def _printed(descriptor: Any, value: Any) -> str | list[_Field]:
    if descriptor.message_type is not None:
        return _fields(value)
    if descriptor.name == "type":
        return proto_type_name(value)
    if isinstance(value, bytes):
        return proto_quote(value)
    return proto_float(value) if isinstance(value, float) else str(value)


def _unknown(fields: Any) -> list[_Field]:
    printed: list[_Field] = []
    for field in fields:
        if field.wire_type == 2:
            value: str | list[_Field] = proto_quote(field.data)
        elif field.wire_type == 3:
            value = _unknown(field.data)
        else:
            value = str(field.data) if field.wire_type == 0 else f"0x{field.data:x}"
        printed.append((str(field.field_number), value))
    return printed


def _on_one_line(fields: list[_Field]) -> list[str]:
    return [
        f"{name}:{value}" if isinstance(value, str) else f"{name}:{{{'  '.join(_on_one_line(value))}}}"
        for name, value in fields
    ]


def _on_lines(fields: list[_Field], indent: str) -> Iterator[str]:
    for name, value in fields:
        if isinstance(value, str):
            yield f"{indent}{name}:  {value}\n"
        elif value:
            yield f"{indent}{name}:  {{\n"
            yield from _on_lines(value, indent + "  ")
            yield f"{indent}}}\n"
        else:
            yield f"{indent}{name}:  {{}}\n"
