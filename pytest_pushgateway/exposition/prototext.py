"""Protobuf's text format as Go writes it: what error texts quote of a metric."""

from __future__ import annotations

from pytest_pushgateway.exposition.gofmt import format_float
from pytest_pushgateway.exposition.model import Histogram, MetricType, Mixed, Summary, Value, split_prefix

_SPECIAL = {"NaN": "nan", "+Inf": "inf", "-Inf": "-inf"}
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def proto_float(value: float | bytes) -> str:
    """Format a float as Go's protobuf text format does: as ``'g', -1``, but ``nan`` and ``inf``."""
    text = (value if isinstance(value, bytes) else format_float(value)).decode()
    return _SPECIAL.get(text, text)


def proto_quote(text: bytes) -> str:
    """Quote a string as Go's protobuf text format does: control characters and bytes that are no UTF-8 escaped."""
    out = []
    for character in text.decode("utf-8", "surrogateescape"):
        code = ord(character)
        if character in _ESCAPES:
            out.append(_ESCAPES[character])
        elif code < 0x20 or code == 0x7F:
            out.append(f"\\x{code:02x}")
        elif 0x80 <= code <= 0x9F:
            out.append(f"\\u{code:04x}")
        elif 0xDC80 <= code <= 0xDCFF:
            out.append(f"\\x{code - 0xDC00:02x}")
        else:
            out.append(character)
    return '"' + "".join(out) + '"'


def metric_text(prefix: bytes, family_type: int, value: Value) -> str:
    """Write a series as the original's error texts show it: protobuf's text format on one line, two spaces apart.

    ``label:{name:"job"  value:"j"}  gauge:{value:1e+06}``. Whether Go puts one space or two depends on the build; the
    1.11.2 of reference has two.
    """
    fields = [
        f"label:{{name:{proto_quote(name)}  value:{proto_quote(text)}}}" for name, text in split_prefix(prefix)[1]
    ]
    if isinstance(value, Mixed):
        from pytest_pushgateway.exposition.protobuf import metric_fields

        fields += metric_fields(value.raw)
    elif isinstance(value, Summary):
        fields.append("summary:{" + "  ".join(_summary_fields(value)) + "}")
    elif isinstance(value, Histogram):
        fields.append("histogram:{" + "  ".join(_histogram_fields(value)) + "}")
    else:
        fields.append(f"{MetricType(family_type).name.lower()}:{{value:{proto_float(value)}}}")
    return "  ".join(fields)


def _summary_fields(summary: Summary) -> list[str]:
    fields = [f"sample_count:{summary.count}"] if summary.has_count else []
    if summary.has_sum:
        fields.append(f"sample_sum:{proto_float(summary.sum)}")
    fields += [
        f"quantile:{{quantile:{proto_float(rank)}  value:{proto_float(number)}}}" for rank, number in summary.quantiles
    ]
    return fields


def _histogram_fields(histogram: Histogram) -> list[str]:
    fields = []
    if histogram.whole_count is not None:
        fields.append(f"sample_count:{histogram.whole_count}")
    if isinstance(histogram.count, float):
        fields.append(f"sample_count_float:{proto_float(histogram.count)}")
    elif histogram.has_count:
        fields.append(f"sample_count:{histogram.count}")
    if histogram.has_sum:
        fields.append(f"sample_sum:{proto_float(histogram.sum)}")
    for bound, count in histogram.buckets:
        cumulative = (
            f"cumulative_count_float:{proto_float(count)}" if isinstance(count, float) else f"cumulative_count:{count}"
        )
        fields.append(f"bucket:{{{cumulative}  upper_bound:{proto_float(bound)}}}")
    return fields
