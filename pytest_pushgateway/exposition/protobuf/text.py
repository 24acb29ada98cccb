"""Protobuf's text format as Go writes it: what error texts quote of a metric."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from pytest_pushgateway.exposition.escaping import ALLOW_UTF8, NAME_ESCAPERS, UNDERSCORES, escape_name
from pytest_pushgateway.exposition.labels import spelled, split_prefix, unescape_value
from pytest_pushgateway.exposition.long_strings import Long, Wide, expand, longs_in
from pytest_pushgateway.exposition.model import (
    Histogram,
    MetricFamily,
    MetricType,
    Mixed,
    Summary,
    Value,
    proto_type_name,
)
from pytest_pushgateway.exposition.protobuf.writer import encode_head, encode_value
from pytest_pushgateway.golang.strconv import format_float
from pytest_pushgateway.golang.utf8 import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_SPECIAL = {"NaN": "nan", "+Inf": "inf", "-Inf": "-inf"}
_ESCAPES = {
    **{code: f"\\x{code:02x}" for code in (*range(0x20), 0x7F)},
    **{code: f"\\u{code:04x}" for code in range(0x80, 0xA0)},
    **{code: f"\\x{code - 0xDC00:02x}" for code in range(0xDC80, 0xDD00)},
    **{ord(character): "\\" + letter for character, letter in zip('"\\\n\r\t', '"\\nrt', strict=True)},
}


def proto_float(value: float | bytes) -> str:
    """Format a float as Go's protobuf text format does: as ``'g', -1``, but ``nan`` and ``inf``."""
    text = (value if isinstance(value, bytes) else format_float(value)).decode()
    return _SPECIAL.get(text, text)


def proto_quote(text: bytes) -> str:
    """Quote a string as Go's protobuf text format does: control characters and bytes that are no UTF-8 escaped."""
    return '"' + text_of(text).translate(_ESCAPES) + '"'


def metric_text(prefix: bytes, family_type: int, value: Value) -> str:
    """Write a series as the original's error texts show it: protobuf's text format on one line, two spaces apart.

    ``label:{name:"job"  value:"j"}  gauge:{value:1e+06}``. Whether Go puts one space or two depends on the build; the
    1.11.2 of reference has two.
    """
    fields = [
        f"label:{{name:{proto_quote(name)}  value:{proto_quote(text)}}}" for name, text in split_prefix(prefix)[1]
    ]
    if isinstance(value, Mixed):
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


def render_family_text(family: MetricFamily, escaping: str = UNDERSCORES, *, compact: bool = False) -> bytes:
    """Write one family in protobuf's text format, on one line if ``compact``, as Go prints it.

    How many spaces stand between the fields depends on the build of the original; here as in the 1.11.2 of reference.
    """
    return b"".join(family_text_pieces(family, escaping, compact=compact))


def family_text_pieces(family: MetricFamily, escaping: str, *, compact: bool) -> list[bytes]:
    """Write what :func:`render_family_text` does, in pieces: one, unless there are long strings in it."""
    from pytest_pushgateway.exposition.protobuf import schema

    message = schema.MetricFamily()
    message.ParseFromString(encode_head(family.name, family.type, family.help, escaping))
    fields = _fields(message)
    for prefix, value in family.series:
        metric = schema.Metric()
        metric.ParseFromString(encode_value(family.type, value))
        fields.append(("metric", [*_label_fields(prefix, escaping), *_fields(metric)]))
    text = ("  ".join(_on_one_line(fields)) if compact else "".join(_on_lines(fields, ""))).encode() + b"\n"
    if b"\\@" not in text:
        return [text]
    escape = _NAME_CONTENTS[escaping]

    def write(long: Long, before: bytes) -> bytes:
        return long.once(_content if b"value:" in before else escape)

    return expand(text, longs_in(family.series), write)


def _label_fields(prefix: bytes, escaping: str) -> Iterator[_Field]:
    longs = prefix.longs if isinstance(prefix, Wide) else {}
    for name, value in spelled(prefix)[1]:
        shown = (
            text_of(b'"' + text + b'"') if text in longs else proto_quote(escape_name(unescape_value(text), scheme))
            for text, scheme in ((name, escaping), (value, ALLOW_UTF8))
        )
        yield "label", list(zip(("name", "value"), shown, strict=True))


def _content(text: bytes) -> bytes:
    return proto_quote(text)[1:-1].encode()


def _name_content(text: bytes, escaping: str) -> bytes:
    return _content(escape_name(text, escaping))


_NAME_CONTENTS = {each: partial(_name_content, escaping=each) for each in NAME_ESCAPERS}


def metric_fields(raw: bytes) -> list[str]:
    """Print the fields of a serialised Metric as they are in the original's error texts."""
    from pytest_pushgateway.exposition.protobuf import schema

    message = schema.Metric()
    message.ParseFromString(raw)
    return _on_one_line(_fields(message))


_Field = tuple[str, "str | list[_Field]"]


def _fields(message: Any) -> list[_Field]:
    """Return names and printed values in the order of declaration, unknown fields last."""
    from google.protobuf.unknown_fields import UnknownFieldSet

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
