"""A stored family as a row of the database: readable to whoever opens it with another tool.

A series is a line, its prefix and its value with a space between; a summary or histogram is JSON without spaces.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from pytest_pushgateway.exposition.labels import render_prefix, split_prefix
from pytest_pushgateway.exposition.model import Histogram, MetricFamily, MetricType, Mixed, Native, Summary, Value
from pytest_pushgateway.gateway.grouping_key import GroupingKey
from pytest_pushgateway.gateway.groups import StoredFamily

Row = tuple[bytes, bytes, float, int, bytes | None, bytes, bytes]
"""Group, name, pushed_at, type, help, series, suspects."""


def encode_key(key: GroupingKey) -> bytes:
    """Write a grouping key as ``{job="backup"}``."""
    return render_prefix(b"", key)


def encode_row(key: GroupingKey, stored: StoredFamily) -> Row:
    """Turn a stored family into a row."""
    family = stored.family
    lines = [prefix + b" " + (value if isinstance(value, bytes) else _dump(value)) for prefix, value in family.series]
    return (
        encode_key(key),
        family.name,
        stored.pushed_at,
        family.type,
        family.help,
        b"\n".join(lines),
        b"\n".join(family.suspects),
    )


def decode_row(row: Row) -> tuple[GroupingKey, StoredFamily]:
    """Turn a row back into a stored family.

    Raises:
        ValueError, TypeError, LookupError, AttributeError: if it is no such row.
    """
    group, name, pushed_at, family_type, help_text, lines, suspects = row
    series: list[tuple[bytes, Value]] = []
    for line in lines.split(b"\n") if lines else ():
        prefix, space, value = line.rpartition(b" ")
        if not space:
            raise ValueError("a series without a value")
        series.append((prefix, _decode(json.loads(value)) if value[:1] == b"[" else value))
    family = MetricFamily(name, family_type, help_text, series, suspects.split(b"\n") if suspects else [])
    return split_prefix(group)[1], StoredFamily(family, float(pushed_at))


def _dump(value: Value) -> bytes:
    return json.dumps(_encode(value), separators=(",", ":")).encode()


def _encode(value: Value) -> Any:
    if isinstance(value, Summary):
        return ["summary", value.count, value.sum, value.quantiles, value.has_count, value.has_sum]
    if isinstance(value, Histogram):
        native = value.native
        parts = native and [
            native.schema,
            native.zero_threshold,
            native.zero_count,
            native.negative,
            native.positive,
        ]
        return ["histogram", value.count, value.sum, value.buckets, value.has_count, value.has_sum, parts]
    if isinstance(value, Mixed):
        said = [[int(kind), _encode(part)] for kind, part in value.parts.items()]
        return ["mixed", base64.b64encode(value.raw).decode(), said]
    return ["float", value.decode()]


def _decode(said: Any) -> Value:
    kind, *fields = said
    if kind == "summary":
        count, total, quantiles, has_count, has_sum = fields
        return Summary(count, total, _pairs(quantiles), has_count, has_sum)
    if kind == "histogram":
        count, total, buckets, has_count, has_sum, parts = fields
        return Histogram(count, total, _pairs(buckets), has_count, has_sum, _native(*parts) if parts else None)
    if kind == "mixed":
        raw, parts = fields
        return Mixed(base64.b64decode(raw), {MetricType(number): _part(part) for number, part in parts})
    raise ValueError(f"an unknown kind of value: {kind!r}")


def _native(
    schema: int, threshold: float, zeros: float, negative: list[list[Any]], positive: list[list[Any]]
) -> Native:
    return Native(schema, threshold, zeros, _pairs(negative), _pairs(positive))


def _part(said: Any) -> bytes | Summary | Histogram:
    if said[0] == "float":
        return str(said[1]).encode()
    value = _decode(said)
    assert isinstance(value, (Summary, Histogram))
    return value


def _pairs(pairs: list[list[Any]]) -> list[tuple[Any, Any]]:
    return [(first, second) for first, second in pairs]
