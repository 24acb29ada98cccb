"""A stored family as a row of the database, in a form that other tools can read.

A series is a line, its prefix and its value with a space between; a summary or histogram is JSON without spaces. Each
row carries a checksum of its columns, which no longer fits once anything else has changed it.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from itertools import islice
from typing import Any
from zlib import crc32

from pytest_pushgateway.exposition.labels import series_prefix, split_prefix
from pytest_pushgateway.exposition.long_strings import LONGEST, Long, Longs, Wide, longs_in, tokens_in, widen
from pytest_pushgateway.exposition.model import Histogram, MetricFamily, MetricType, Mixed, Native, Summary, Value
from pytest_pushgateway.exposition.series import BLOCK, PackedSeries, Packer, is_large
from pytest_pushgateway.gateway.grouping_key import GroupingKey
from pytest_pushgateway.gateway.groups import StoredFamily

Row = tuple[bytes, bytes, float, int, bytes | None, bytes, bytes]
"""Group, name, pushed_at, type, help, series, suspects."""

_KINDS: tuple[tuple[type, ...], ...] = (
    (bytes,),
    (bytes,),
    (float,),
    (int,),
    (bytes, type(None)),
    (bytes,),
    (bytes,),
)
"""The types that SQLite returns for the columns of a sound row."""

LARGE = 1 << 20
"""Bytes of a large value, which is written by a separate statement."""
_SMALL = 32 << 10
"""Bytes of the rows that one statement writes."""
_PIECE = 64 << 10
"""Bytes of a text that are taken apart at once."""
_GROUPS = 16
"""Groups whose spelling is kept."""

_HEAD = struct.Struct("<qdq5q")

_COLUMNS = ("group", "name", "pushed_at", "type", "help", "series", "suspects")


class Keys(dict[GroupingKey, bytes]):
    """The spelling of grouping keys: ``{job="backup"}``, with tokens for long values; each is worked out once."""

    def __init__(self) -> None:
        super().__init__()
        self._longs = Longs()

    def __missing__(self, key: GroupingKey) -> bytes:
        written = self[key] = series_prefix(b"", key, self._longs)
        return written


def long_strings(keys: Keys, place: tuple[GroupingKey, bytes], stored: StoredFamily) -> dict[bytes, Long]:
    """Return the long strings for which tokens are in a row, by their tokens."""
    group = keys[place[0]]
    longs = longs_in(stored.family.series)
    return {**group.longs, **longs} if isinstance(group, Wide) else longs


class SmallRows:
    """Encodes a few small rows, as most pushes write; keeps the spelling of their groups for the next push."""

    def __init__(self) -> None:
        self._keys = Keys()

    def encode(
        self,
        generation: int,
        changes: Mapping[tuple[GroupingKey, bytes], StoredFamily | None],
        has_long_strings: Callable[[tuple[GroupingKey, bytes], StoredFamily, Keys], bool],
    ) -> list[object] | None:
        """Return the columns of all rows, one row after another, as the statement takes them.

        Args:
            generation: the rows' own.
            changes: families by their places.
            has_long_strings: whether the row of a family has long strings, or had some.

        Returns:
            None if a family is gone, or its row needs more than a statement for a few small rows.
        """
        keys = self._keys if len(self._keys) < _GROUPS else Keys()
        self._keys = keys
        values: list[object] = []
        size = 0
        for place, stored in changes.items():
            if stored is None:
                return None
            if has_long_strings(place, stored, keys):
                break
            row = encode_row(keys[place[0]], stored)
            values += (generation, *row, checksum(generation, row))
            size += len(row[0]) + len(row[1]) + len(row[4] or b"") + len(row[5]) + len(row[6])
        else:
            if size <= _SMALL:
                return values
        self._keys = Keys()  # large ones are not kept
        return None


def encode_row(group: bytes, stored: StoredFamily) -> Row:
    """Turn a stored family into a row.

    Args:
        group: the grouping key, as :class:`Keys` writes it.
        stored: the family.
    """
    family = stored.family
    return (
        bytes(group),
        family.name,
        stored.pushed_at,
        family.type,
        family.help,
        _text(family.series),
        b"\n".join(family.suspects),
    )


def _text(series: Sequence[tuple[bytes, Value]]) -> bytes:
    if not isinstance(series, PackedSeries):
        return _lines(series)
    text = BytesIO()  # which gives what was written to it without a copy
    for block in series.blocks():
        if text.tell():
            text.write(b"\n")
        text.write(_lines(block))
    return text.getvalue()


def _lines(series: Sequence[tuple[bytes, Value]]) -> bytes:
    return b"\n".join(
        [prefix + b" " + (value if isinstance(value, bytes) else _dump(value)) for prefix, value in series]
    )


_FILL = 'UPDATE families SET series = ? WHERE generation = ? AND "group" = ? AND name = ?'


def write_row(connection: sqlite3.Connection, upsert: str, generation: int, group: bytes, stored: StoredFamily) -> None:
    """Write a stored family in the open transaction.

    Args:
        connection: of the file.
        upsert: the statement that writes one row, whether there is one already or not.
        generation: the row's own.
        group: the grouping key, as :class:`Keys` writes it.
        stored: the family.

    Raises:
        Exception: it is not written, or only a part of it.
    """
    row = encode_row(group, stored)
    said = checksum(generation, row)
    series = row[5]
    if len(series) < LARGE:
        connection.execute(upsert, (generation, *row, said))
        return
    # SQLite copies the values of a row that there is already once more, if one statement may write either.
    connection.execute(upsert, (generation, *row[:5], b"", row[6], said))
    place = (generation, *row[:2])
    handed = Handed(series)
    del row, series
    fill(connection, _FILL, handed, place)


class Handed:
    """A large value on its way into the file: once SQLite has copied it, this holds it no longer."""

    def __init__(self, value: bytes) -> None:
        self._value: bytes | None = value

    def __conform__(self, protocol: object) -> bytes | None:
        value, self._value = self._value, None
        return value


def fill(connection: sqlite3.Connection, update: str, value: bytes | Handed, place: tuple[int | bytes, ...]) -> None:
    """Write a large value into its row; no copy of it is kept.

    Args:
        connection: in a transaction that wrote the row.
        update: the statement, with parameters for the value and for the place of the row.
        value: the value.
        place: where the row is.

    Raises:
        sqlite3.Error: it was not written.
    """
    connection.execute(update, (value, *place))
    # Python keeps the statement, and that keeps its copy until it gets other values; these are of no row.
    connection.execute(update, (b"", *[None] * len(place)))


def checksum(generation: int, row: Row) -> int:
    """Return the checksum of a row as it is written, the number of its generation included.

    Raises:
        struct.error: if a column is out of its range.
    """
    group, name, pushed_at, kind, text, series, suspects = row
    said = -1 if text is None else len(text)
    head = _HEAD.pack(generation, pushed_at, kind, len(group), len(name), said, len(series), len(suspects))
    # In one piece where that is faster; a large family is not copied.
    return crc32(b"".join((group, name, text or b"", suspects, head)), crc32(series))


def verify_row(generation: object, row: Row, stored: object) -> None:
    """Check that a row is as it was written.

    Args:
        generation: the number of its generation.
        row: its columns as SQLite gives them.
        stored: the checksum in it; None in a row of the first version, which had none.

    Raises:
        ValueError: it is not; the text names the column if its type is wrong.
    """
    for column, value, kinds in zip(_COLUMNS, row, _KINDS, strict=True):
        if type(value) not in kinds:
            raise ValueError(f"{column} is not of its type: {_shown(value)}")
    if type(generation) is not int:
        raise ValueError(f"generation is not of its type: {_shown(generation)}")
    if not _EARLIEST <= row[2] < _LATEST:
        raise ValueError(f"pushed_at is out of range: {row[2]}")
    if stored is not None and stored != checksum(generation, row):
        raise ValueError("the checksum is wrong")


_EARLIEST, _LATEST = -62_135_596_800.0, 253_402_300_800.0
"""The years 1 to 9999, seconds since the epoch: the range of a date."""


def _shown(value: object) -> str:
    text = repr(bytes(value) if isinstance(value, bytes) else value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def decode_row(row: Row, longs: Mapping[bytes, Long]) -> tuple[GroupingKey, StoredFamily]:
    """Turn a row back into a stored family.

    Args:
        row: its columns.
        longs: the long strings in the file, by their tokens.

    Raises:
        Exception: of any kind, if the row cannot be one.
    """
    group, name, pushed_at, family_type, help_text, lines, suspects = row
    texts = Longs()
    suspected = [_prefix(each, longs, texts) for each in suspects.split(b"\n")] if suspects else []
    family = MetricFamily(name, family_type, help_text, _series(lines, longs, texts), suspected)
    return split_prefix(_prefix(group, longs, texts))[1], StoredFamily(family, pushed_at)


def _series(text: bytes, longs: Mapping[bytes, Long], texts: Longs) -> Sequence[tuple[bytes, Value]]:
    if not text:
        return []
    pairs = _pairs_of_lines(text, longs, texts)
    if not is_large(text.count(b"\n") + 1):
        return list(pairs)
    # As objects, all of them at once would take many times the text.
    packer = Packer()
    while block := list(islice(pairs, BLOCK)):
        packer.take(block)
    return packer.finish()


def _pairs_of_lines(text: bytes, longs: Mapping[bytes, Long], texts: Longs) -> Iterator[tuple[bytes, Value]]:
    start = 0
    while start >= 0:
        newline = text.find(b"\n", start + _PIECE)
        for line in text[start : newline if newline >= 0 else None].split(b"\n"):
            prefix, space, value = line.rpartition(b" ")
            if not space:
                raise ValueError("a series without a value")
            yield _prefix(prefix, longs, texts), _decode(json.loads(value)) if value[:1] == b"[" else value
        start = newline + 1 if newline >= 0 else -1


def _prefix(text: bytes, longs: Mapping[bytes, Long], texts: Longs) -> bytes:
    if tokens := tokens_in(text):
        return widen(text, {token: longs[token] for token in tokens})
    # The second version wrote long strings out.
    return series_prefix(*split_prefix(text), texts) if len(text) > LONGEST else text


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
        said = [value.count, value.sum, value.buckets, value.has_count, value.has_sum, parts, value.whole_count]
        return ["histogram", *said]
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
        count, total, buckets, has_count, has_sum, parts, *whole = fields
        native = _native(*parts) if parts else None
        return Histogram(count, total, _pairs(buckets), has_count, has_sum, native, *whole)
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
