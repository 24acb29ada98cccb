"""The protobuf wire format, as much of it as the suite needs, by hand: nothing is shared with what it tests.

Building: ``family(b"a", COUNTER, metric({"l": "v"}, counter=1))``. Reading: :func:`describe` shows a delimited scrape.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence

COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM, GAUGE_HISTOGRAM = range(6)

Text = str | bytes


def _bytes(value: Text) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def varint(value: int) -> bytes:
    """Encode an integer; a negative one takes ten bytes."""
    value &= (1 << 64) - 1
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def zigzag(field: int, value: int) -> bytes:
    return number(field, value * 2 if value >= 0 else -value * 2 - 1)


def double(field: int, value: float) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<d", value)


def blob(field: int, content: Text) -> bytes:
    data = _bytes(content)
    return varint(field << 3 | 2) + varint(len(data)) + data


def delimited(*messages: bytes) -> bytes:
    return b"".join(varint(len(message)) + message for message in messages)


def timestamp(field: int, seconds: int, nanos: int = 0) -> bytes:
    return blob(field, number(1, seconds) + (number(2, nanos) if nanos else b""))


def label(name: Text, value: Text) -> bytes:
    return blob(1, blob(1, name) + blob(2, value))


def labels(pairs: Mapping[str, Text] | Sequence[tuple[Text, Text]]) -> bytes:
    return b"".join(label(name, value) for name, value in (pairs.items() if isinstance(pairs, Mapping) else pairs))


def exemplar(field: int, pairs: Mapping[str, Text], value: float, when: bytes = b"") -> bytes:
    return blob(field, labels(pairs) + double(2, value) + when)


def counter(value: float, *more: bytes) -> bytes:
    return blob(3, double(1, value) + b"".join(more))


def gauge(value: float) -> bytes:
    return blob(2, double(1, value))


def untyped(value: float) -> bytes:
    return blob(5, double(1, value))


def summary(count: int, total: float, quantiles: Mapping[float, float] | None = None, *more: bytes) -> bytes:
    items = b"".join(blob(3, double(1, rank) + double(2, value)) for rank, value in (quantiles or {}).items())
    return blob(4, number(1, count) + double(2, total) + items + b"".join(more))


def bucket(count: int, bound: float, *more: bytes) -> bytes:
    return blob(3, number(1, count) + double(2, bound) + b"".join(more))


def histogram(count: int, total: float, *more: bytes) -> bytes:
    return blob(7, number(1, count) + double(2, total) + b"".join(more))


def metric(pairs: Mapping[str, Text] | Sequence[tuple[Text, Text]] = (), *values: bytes) -> bytes:
    return blob(4, labels(pairs) + b"".join(values))


def family(
    name: Text | None, kind: int | None, *metrics: bytes, help: Text | None = None, unit: Text | None = None
) -> bytes:
    parts = [] if name is None else [blob(1, name)]
    if help is not None:
        parts.append(blob(2, help))
    if kind is not None:
        parts.append(number(3, kind))
    parts += metrics
    if unit is not None:
        parts.append(blob(5, unit))
    return b"".join(parts)


class Broken(Exception):
    """The bytes end in the middle of something."""


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(data):
            raise Broken
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, position


def messages(data: bytes) -> Iterator[bytes]:
    """Split a stream of length-delimited messages; the last one may be cut short."""
    position = 0
    while position < len(data):
        size, position = _varint(data, position)
        if position + size > len(data):
            raise Broken
        yield data[position : position + size]
        position += size


def fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Yield (field number, wire type, content) of one message."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        kind = key & 7
        content: int | bytes
        if kind == 0:
            content, position = _varint(data, position)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            content, position = data[position : position + size], position + size
        elif kind == 2:
            size, position = _varint(data, position)
            content, position = data[position : position + size], position + size
        else:
            raise Broken
        yield key >> 3, kind, content


_NAN, _NAN_OF_GO = "000000000000f87f", "010000000000f87f"
_TIMES = (b"push_time_seconds", b"push_failure_time_seconds")


def describe(data: bytes, foreign: Callable[[bytes, bytes], bool], keep: Sequence[str]) -> str:
    """Show a delimited scrape, a line a metric in hexadecimal, without the gateway's own metrics and push times."""
    lines: list[str] = []
    try:
        for message in messages(data):
            lines += _family(message, foreign, keep)
    except Broken:
        lines.append("<cut short>")
    return "\n".join(lines)


def _family(message: bytes, foreign: Callable[[bytes, bytes], bool], keep: Sequence[str]) -> list[str]:
    name, head, metrics = b"", [], []
    for field, _, content in fields(message):
        if field == 1 and isinstance(content, bytes):
            name = content
        if field == 4 and isinstance(content, bytes):
            text, own = _metric(name, content)
            if name.decode("latin-1") in keep or foreign(name, own):
                metrics.append("  " + text)
        else:
            head.append(f"{field}={content!r}")
    return [" ".join(head), *metrics] if metrics or foreign(name, b"") else []


def _metric(name: bytes, data: bytes) -> tuple[str, bytes]:
    """Render a metric field by field, in the order of the wire; and its labels, to judge whose it is."""
    shown, pairs = [], []
    for field, _, content in fields(data):
        if field == 1 and isinstance(content, bytes):
            parts = [value for _, _, value in fields(content)]
            pairs.append(b'%b="' % next((part for part in parts if isinstance(part, bytes)), b""))
            shown.append("{" + " ".join(repr(part) for part in parts) + "}")
        elif field == 2 and name in _TIMES and isinstance(content, bytes):
            (value,) = struct.unpack("<d", content[1:9]) if content else (0.0,)
            shown.append("gauge=" + ("<time>" if 1.5e9 < value < 2e9 else str(value)))
        else:
            # A NaN is a NaN, whatever its payload.
            shown.append(
                f"{field}={content.hex() if isinstance(content, bytes) else content}".replace(_NAN, _NAN_OF_GO)
            )
    return " ".join(shown), b" ".join(pairs)
