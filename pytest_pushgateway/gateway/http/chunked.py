"""The chunked coding of bodies: those of requests are read as strictly as Go 1.26 does, and with its texts.

The next request begins after the last chunk, so a coding that two readers could understand differently is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pytest_pushgateway.gateway.http.input import BodyError, Input
from pytest_pushgateway.gateway.http.readiness import together
from pytest_pushgateway.golang.strconv import quote

_BUFFER = 4096
"""Go's buffer for a connection, bytes: the longest line of the coding, and the longest trailer."""
_SPARE = 16 * 1024
"""Bytes of the coding that may come on top of what chunks usually need."""
_QUOTED = 80
"""Longest line that an error quotes, bytes."""
_HEX = frozenset(b"0123456789abcdefABCDEF")
_BLANKS = b" \t"
# Compiled with the first trailer.
_NAME = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z ]+"
_CONTROL = rb"[\x00-\x08\x0a-\x1f\x7f]"


def chunk_sizes(source: Input) -> Iterator[int]:
    """Yield the size of each chunk, whose bytes the caller takes from ``source``, and then read the trailer.

    Raises:
        BodyError: a chunk is malformed; in Go's words.

    """
    excess = 0
    while True:
        line = _line(source)
        size = _size(line.rstrip(_BLANKS).partition(b";")[0])
        # As Go: a chunk may cost 16 bytes and twice its length, and a size that overflows counts as negative.
        excess = max(0, _int64(excess + len(line) + 2 - _int64(16 + 2 * size)))
        if excess > _SPARE:
            raise BodyError("chunked encoding contains too much non-data")
        if size == 0:
            break
        yield size
        end = source.exactly(2)
        if len(end) < 2:
            raise BodyError("unexpected EOF")
        if end != b"\r\n":
            raise BodyError("malformed chunked encoding")
    _skip_trailer(source)


def _line(source: Input) -> bytes:
    start = 0
    while (end := source.buffer.find(b"\n", start, _BUFFER)) < 0:
        start = len(source.buffer)
        if start >= _BUFFER:
            raise BodyError("header line too long")
        if not source.fill():
            raise BodyError("unexpected EOF")
    line, source.buffer = source.buffer[:end], source.buffer[end + 1 :]
    position = line.find(b"\r")
    if position < 0:
        raise BodyError("chunked line ends with bare LF")
    if position != len(line) - 1:
        raise BodyError("invalid CR in chunked line")
    return line[:-1]


def _size(digits: bytes) -> int:
    if not digits:
        raise BodyError("empty hex number for chunk length")
    for position, digit in enumerate(digits):
        if digit not in _HEX:
            raise BodyError("invalid byte in chunk length")
        if position == 16:
            raise BodyError("http chunk length too large")
    return int(digits, 16)


def _int64(number: int) -> int:
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


def _skip_trailer(source: Input) -> None:
    """Read past the trailer, as nothing in a push could be in one."""
    while len(source.buffer) < 2:
        if not source.fill():
            raise BodyError("http: unexpected EOF reading trailer")
    if source.buffer.startswith(b"\r\n"):
        source.buffer = source.buffer[2:]
        return
    while source.buffer.find(b"\r\n\r\n", 0, _BUFFER) < 0:
        if len(source.buffer) >= _BUFFER or not source.fill():
            raise BodyError("http: suspiciously long trailer after chunked body")
    source.buffer = source.buffer[_end_of_fields(source.buffer) :]


def _end_of_fields(text: bytes) -> int:
    """Return where header fields end, behind their blank line, which is there.

    Raises:
        BodyError: a field is malformed; in Go's words.

    """
    line, end = _field_line(text, 0)
    if text[0] in _BLANKS:
        if len(line) > _QUOTED:
            raise BodyError("message too large")
        raise BodyError(f"malformed MIME header initial line: {quote(line)}")
    while line:
        if b":" not in line:
            raise BodyError(f"malformed MIME header: missing colon: {quote(line)}")
        field = line.strip(_BLANKS)
        while text[end] in _BLANKS:
            while text[end] in _BLANKS:
                end += 1
            line, end = _field_line(text, end)
            field += b" " + line.strip(_BLANKS)
        name, _, value = field.partition(b":")
        if not re.fullmatch(_NAME, name) or re.search(_CONTROL, value):
            raise BodyError(f"malformed MIME header line: {quote(field)}")
        line, end = _field_line(text, end)
    return end


def _field_line(text: bytes, start: int) -> tuple[bytes, int]:
    end = text.index(b"\n", start)
    return text[start:end].removesuffix(b"\r"), end + 1


def in_chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield an answer's body in the coding, made while it is sent."""
    for some in together(filter(None, pieces)):
        yield b"%x\r\n" % len(some)
        yield some
        yield b"\r\n"
    yield b"0\r\n\r\n"
