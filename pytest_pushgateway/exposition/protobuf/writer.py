"""Writing ``io.prometheus.client`` messages on the wire.

The few fields that the model knows are written by hand: a scrape has tens of thousands of them, and building message
objects for each would take several times as long. What protobuf brought beyond the model is kept as bytes and put in.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from pytest_pushgateway.exposition.escaping import NAME_ESCAPERS, UNDERSCORES, escape_labels, escape_name
from pytest_pushgateway.exposition.labels import Labels, spelled, split_prefix, unescape_value
from pytest_pushgateway.exposition.long_strings import Wide
from pytest_pushgateway.exposition.model import Histogram, MetricFamily, MetricType, Mixed, Summary, Value

_FIELDS = {
    MetricType.GAUGE: b"\x12",
    MetricType.COUNTER: b"\x1a",
    MetricType.SUMMARY: b"\x22",
    MetricType.UNTYPED: b"\x2a",
    MetricType.HISTOGRAM: b"\x3a",
}
_VARINTS = [bytes([number]) for number in range(128)]


def varint(number: int) -> bytes:
    """Write an unsigned number of up to 64 bits."""
    if number < 128:
        return _VARINTS[number]
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _sized(tag: bytes, content: bytes) -> bytes:
    return tag + varint(len(content)) + content


def _double(tag: bytes, value: float) -> bytes:
    return tag + struct.pack("<d", value)


def encode_labels(labels: Labels) -> bytes:
    """Write the ``label`` fields of a Metric."""
    return b"".join([_sized(b"\x0a", _sized(b"\x0a", name) + _sized(b"\x12", value)) for name, value in labels])


def encode_part(kind: MetricType, value: bytes | Summary | Histogram) -> bytes:
    """Write the field of a Metric that holds a value of this type."""
    if isinstance(value, Summary):
        content = _summary(value)
    elif isinstance(value, Histogram):
        content = _histogram(value)
    else:
        content = _double(b"\x09", float(value))
    return _sized(_FIELDS[kind], content)


def encode_parts(parts: dict[MetricType, bytes | Summary | Histogram]) -> bytes:
    """Write a Metric without labels that has values of several types."""
    return b"".join([encode_part(kind, parts[kind]) for kind in _FIELDS if kind in parts])


def _summary(summary: Summary) -> bytes:
    fields = [b"\x08" + varint(summary.count)] if summary.has_count else []
    if summary.has_sum:
        fields.append(_double(b"\x11", summary.sum))
    for rank, number in summary.quantiles:
        fields.append(_sized(b"\x1a", _double(b"\x09", rank) + _double(b"\x11", number)))
    return b"".join(fields)


def _histogram(histogram: Histogram) -> bytes:
    fields = []
    whole = histogram.count if isinstance(histogram.count, int) and histogram.has_count else histogram.whole_count
    if whole is not None:
        fields.append(b"\x08" + varint(whole))
    if histogram.has_sum:
        fields.append(_double(b"\x11", histogram.sum))
    for bound, count in histogram.buckets:
        upper = _double(b"\x11", bound)
        if isinstance(count, float):
            fields.append(_sized(b"\x1a", upper + _double(b"\x21", count)))
        else:
            fields.append(_sized(b"\x1a", b"\x08" + varint(count) + upper))
    if isinstance(histogram.count, float):
        fields.append(_double(b"\x21", histogram.count))
    return b"".join(fields)


def encode_value(family_type: int, value: Value) -> bytes:
    """Write a Metric without labels."""
    if isinstance(value, Mixed):
        return value.raw
    if isinstance(value, Summary):
        return encode_part(MetricType.SUMMARY, value)
    if isinstance(value, Histogram):
        return encode_part(MetricType.HISTOGRAM, value)
    return encode_part(MetricType(family_type), value)


def encode_metrics(family_type: int, series: Iterable[tuple[bytes, Value]], escaping: str = UNDERSCORES) -> list[bytes]:
    """Write series as the ``metric`` fields of a MetricFamily; in pieces, so that long strings are not copied."""
    pieces: list[bytes] = []
    for prefix, value in series:
        content = encode_value(family_type, value)
        if isinstance(prefix, Wide):
            pieces += _sized_pieces(b"\x22", [*_wide_labels(prefix, escaping), content])
        else:
            labels = escape_labels(split_prefix(prefix)[1], escaping)
            pieces.append(_sized(b"\x22", encode_labels(labels) + content))
    return pieces


def _wide_labels(prefix: Wide, escaping: str) -> list[bytes]:
    longs, pieces = prefix.longs, []
    for name, value in spelled(prefix)[1]:
        if name in longs:
            name = longs[name].once(NAME_ESCAPERS[escaping])
        else:
            name = escape_name(unescape_value(name), escaping)
        value = longs[value].raw if value in longs else unescape_value(value)
        pieces += _sized_pieces(b"\x0a", [*_sized_pieces(b"\x0a", [name]), *_sized_pieces(b"\x12", [value])])
    return pieces


def _sized_pieces(tag: bytes, content: list[bytes]) -> list[bytes]:
    return [tag + varint(sum(map(len, content))), *content]


def encode_head(name: bytes, family_type: int, help_text: bytes | None, escaping: str = UNDERSCORES) -> bytes:
    """Write what stands before the metrics in a MetricFamily: name, help, type; without the message's length."""
    fields = [_sized(b"\x0a", escape_name(name, escaping))]
    if help_text is not None:
        fields.append(_sized(b"\x12", help_text))
    # A negative number takes ten bytes on the wire, as two's complement in 64 bits.
    fields.append(b"\x18" + varint(family_type % 2**64))
    return b"".join(fields)


def encode_family(
    name: bytes, family_type: int, help_text: bytes | None, metrics: Iterable[bytes], escaping: str = UNDERSCORES
) -> bytes:
    """Write a MetricFamily, its length before it; ``metrics`` are what :func:`encode_metrics` wrote."""
    content = b"".join([encode_head(name, family_type, help_text, escaping), *metrics])
    return varint(len(content)) + content


def render_family(family: MetricFamily, escaping: str = UNDERSCORES) -> bytes:
    """Write one family delimited: its length, then the message."""
    metrics = encode_metrics(family.type, family.series, escaping)
    return encode_family(family.name, family.type, family.help, metrics, escaping)
