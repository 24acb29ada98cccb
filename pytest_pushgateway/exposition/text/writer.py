"""The writer of the text format: header and lines of a family as the original writes them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_pushgateway.exposition.escaping import ALLOW_UTF8, NAME_ESCAPERS, UNDERSCORES, escape_name, escape_prefix
from pytest_pushgateway.exposition.labels import escape_value, render_name, take_name
from pytest_pushgateway.exposition.long_strings import Long, expand, longs_in
from pytest_pushgateway.exposition.model import (
    SIMPLE_TYPES,
    Histogram,
    MetricFamily,
    RenderError,
    Summary,
    Value,
    part,
    proto_type_name,
    type_name,
)
from pytest_pushgateway.exposition.protobuf.text import metric_text
from pytest_pushgateway.golang.strconv import format_float


def render_header(name: bytes, family_type: int, help_text: bytes | None, escaping: str = UNDERSCORES) -> bytes:
    """Write the HELP line, if there is a help text, and the TYPE line.

    Raises:
        RenderError: if the family has no name, or a type that the text format has no word for.
    """
    if not name:
        raise RenderError("MetricFamily has no name")
    written = render_name(escape_name(name, escaping))
    lines = b""
    if help_text is not None:
        lines = b"# HELP %b %b\n" % (written, help_text.replace(b"\\", b"\\\\").replace(b"\n", b"\\n"))
    lines += b"# TYPE %b" % written
    try:
        word = type_name(family_type)
    except ValueError:
        raise RenderError(f"unknown metric type {proto_type_name(family_type)}", lines) from None
    return lines + b" %b\n" % word.encode()


def render_series(name: bytes, family_type: int, prefix: bytes, value: Value, escaping: str = UNDERSCORES) -> bytes:
    """Write all lines of one series, each with its newline; tokens stand for long strings, as in its prefix.

    Raises:
        RenderError: if the series has no value of the family's type.
    """
    said = part(family_type, value)
    if isinstance(said, bytes):
        return b"%b %b\n" % (escape_prefix(prefix, escaping), b"0" if said == b"-0" else said)
    if said is None:
        text = metric_text(prefix, family_type, value)
        raise RenderError(f"expected {type_name(family_type)} in metric {name.decode('utf-8', 'replace')} {text}")
    return _compound(prefix, said, escaping)


def render_block(
    name: bytes, family_type: int, series: Sequence[tuple[bytes, Value]], escaping: str = UNDERSCORES
) -> bytes:
    """Write the lines of many series of one family; faster than one by one. Tokens stand for long strings.

    Raises:
        RenderError: as :func:`render_series`; ``partial`` has the lines before.
    """
    lines = []
    is_simple = family_type in SIMPLE_TYPES
    for prefix, value in series:
        if is_simple and value.__class__ is bytes and not (b'{"' in prefix or b',"' in prefix):
            lines.append(b"%b %b\n" % (prefix, b"0" if value == b"-0" else value))
            continue
        try:
            lines.append(render_series(name, family_type, prefix, value, escaping))
        except RenderError as error:
            raise RenderError(str(error), b"".join(lines) + error.partial) from None
    return b"".join(lines)


def render_text(families: Sequence[MetricFamily], escaping: str = UNDERSCORES) -> bytes:
    """Write whole families in the order given, series in the order they have.

    Raises:
        RenderError: as the functions above; ``partial`` has what Go writes before it notices.
    """
    written = b""
    for family in families:
        try:
            written += render_header(family.name, family.type, family.help, escaping)
            block = render_block(family.name, family.type, family.series, escaping)
            written += b"".join(write_out(block, family.series, escaping))
        except RenderError as error:
            partial = b"".join(write_out(error.partial, family.series, escaping))
            raise RenderError(str(error), written + partial) from None
    return written


def write_out(text: bytes, series: Sequence[tuple[bytes, Value]], escaping: str) -> list[bytes]:
    """Return a block in pieces, the long strings of its series in place of their tokens."""
    if b"\\@" not in text:
        return [text]
    escape = escape_value if escaping == ALLOW_UTF8 else NAME_ESCAPERS[escaping]

    def write(long: Long, before: bytes) -> bytes:
        return long.once(escape_value if before.endswith(b'="') else escape)

    return expand(text, longs_in(series), write)


def _compound(prefix: bytes, value: Summary | Histogram, escaping: str) -> bytes:
    name, quoted, rest = take_name(escape_prefix(prefix, escaping))
    labels = rest[:-1]
    if not quoted:
        plain = b"{" + labels + b"}" if labels else b""
        additional = b"{" + labels + b"," if labels else b"{"
        return _lines(name, plain, additional, value)
    # A name that stays quoted stands inside the braces, its suffix inside the quotes.
    labels = b'",' + labels if labels else b'"'
    return _lines(b'{"' + name, labels + b"}", labels + b",", value)


def _lines(name: bytes, plain: bytes, additional: bytes, value: Summary | Histogram) -> bytes:
    """Write the lines: ``plain`` follows the suffix, or ``additional`` where ``le`` or ``quantile`` comes after."""
    lines = []
    if isinstance(value, Summary):
        for rank, number in value.quantiles:
            lines.append(b'%b%bquantile="%b"} %b\n' % (name, additional, _number(rank), _number(number)))
    else:
        for bound, count in value.buckets:
            lines.append(b'%b_bucket%ble="%b"} %b\n' % (name, additional, _number(bound), _number(float(count))))
        if all(bound != math.inf for bound, _ in value.buckets):
            lines.append(b'%b_bucket%ble="+Inf"} %b\n' % (name, additional, _number(float(value.count))))
    lines.append(b"%b_sum%b %b\n" % (name, plain, _number(value.sum)))
    lines.append(b"%b_count%b %b\n" % (name, plain, _number(float(value.count))))
    return b"".join(lines)


def _number(value: float) -> bytes:
    return b"0" if value == 0 else format_float(value)
