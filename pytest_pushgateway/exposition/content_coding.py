"""Undoing a request's Content-Encoding: gzip and framed snappy, with the original's words for a broken body.

The original opens a gzip stream before it looks at the request: a broken *header* of one is answered on every path. It
reads the rest while it parses: what is wrong *later* is only said if nothing before it is wrong in the text itself.
:class:`EncodingError` keeps the two apart.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from pytest_pushgateway.exposition.model import ParseError

_CHUNK = 65536
_FIRST_CHUNK = 1024
"""Bytes of a member that are looked at first: a body may be made of very many short ones."""
_GZIP_NAME_LIMIT = 512
_HAS_CRC, _HAS_EXTRA, _HAS_NAME, _HAS_COMMENT = 2, 4, 8, 16

_SNAPPY_MAGIC = b"\xff\x06\x00\x00sNaPpY"
_SNAPPY_CHECKSUM = 4
_SNAPPY_BUFFER = 76490 + _SNAPPY_CHECKSUM  # the longest that a block of 64 KiB can become, and its checksum

_UNEXPECTED_END = "unexpected EOF"
_BAD_HEADER = "gzip: invalid header"
_SNAPPY_CORRUPT = "snappy: corrupt input"
_SNAPPY_UNSUPPORTED = "snappy: unsupported input"


class EncodingError(ParseError):
    """A body that is not encoded as it claims.

    ``in_header``: the original says so whatever the request. ``data``: what could be decoded before.
    """

    def __init__(self, text: str, *, in_header: bool = False, data: bytes = b"") -> None:
        super().__init__(text)
        self.in_header = in_header
        self.data = data


class DecodedTooLarge(Exception):
    """A body that is longer than ``limit`` bytes when decoded."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the decoded body is longer than {limit} bytes")
        self.limit = limit


def decode(body: bytes, content_encoding: str | None, *, limit: int | None = None) -> bytes:
    """Decode a body as the original does; encodings that it does not know leave the body as it is.

    Args:
        body: as sent.
        content_encoding: the header's value; ``gzip`` and ``snappy`` in any case are known.
        limit: bytes that the result may have at most.

    Raises:
        EncodingError: if the body is not what the header says.
        BodyTooLarge: if the result would be longer than ``limit``; no more than that is ever decoded.
    """
    encoding = (content_encoding or "").lower()
    if encoding == "gzip":
        return _gunzip(body, _Output(limit))
    if encoding == "snappy":
        return _unsnappy(body, _Output(limit))
    return body


def cut_short(content_encoding: str | None, problem: str) -> str:
    """Return what the original says where a body is right so far, and its transfer then ends with a ``problem``."""
    is_snappy = content_encoding is not None and content_encoding.lower() == "snappy"
    return _SNAPPY_CORRUPT if is_snappy and problem == _UNEXPECTED_END else problem


def first_error(error: EncodingError, parse: Callable[[bytes], object]) -> ParseError:
    """Return what the original complains of: something wrong in what came before, or the broken encoding.

    ``parse`` reads a body and raises :class:`ParseError`.
    """
    try:
        parse(error.data)
    except ParseError as found:
        # The body's end is not its end: the stream broke there.
        if not str(found).endswith(("unexpected end of input stream", _UNEXPECTED_END)):
            return found
    return error


class _Output:
    """What was decoded, up to a limit."""

    def __init__(self, limit: int | None) -> None:
        # One piece, which goes back to the system when it is freed, as many small ones would not.
        self.content = bytearray()
        self._limit = limit

    def add(self, part: bytes) -> None:
        if self._limit is not None and len(self.content) + len(part) > self._limit:
            raise DecodedTooLarge(self._limit)
        self.content += part

    def data(self) -> bytes:
        return bytes(self.content)


def _gunzip(body: bytes, output: _Output) -> bytes:
    position = 0
    while True:
        try:
            position = _gzip_header(body, position)
        except EncodingError as error:
            raise EncodingError(str(error), in_header=position == 0, data=output.data()) from None
        position = _gzip_member(body, position, output)
        if position == len(body):
            return output.data()


def _gzip_header(body: bytes, start: int) -> int:
    """Return where the compressed data begin."""
    if start == len(body):
        raise EncodingError("EOF")
    if len(body) - start < 10:
        raise EncodingError(_UNEXPECTED_END)
    if body[start : start + 3] != b"\x1f\x8b\x08":
        raise EncodingError(_BAD_HEADER)
    flags = body[start + 3]
    position = start + 10
    if flags & _HAS_EXTRA:
        position = _need(body, position, 2)
        position = _need(body, position, int.from_bytes(body[position - 2 : position], "little"))
    for flag in (_HAS_NAME, _HAS_COMMENT):
        if flags & flag:
            end = body.find(b"\0", position, position + _GZIP_NAME_LIMIT)
            if end < 0:
                raise EncodingError(_UNEXPECTED_END if len(body) - position < _GZIP_NAME_LIMIT else _BAD_HEADER)
            position = end + 1
    if flags & _HAS_CRC:
        position = _need(body, position, 2)
        if int.from_bytes(body[position - 2 : position], "little") != zlib.crc32(body[start : position - 2]) & 0xFFFF:
            raise EncodingError(_BAD_HEADER)
    return position


def _need(body: bytes, position: int, length: int) -> int:
    if len(body) - position < length:
        raise EncodingError(_UNEXPECTED_END)
    return position + length


def _gzip_member(body: bytes, start: int, output: _Output) -> int:
    """Decode one member's data and check its trailer; return where the next member begins."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    checksum = length = 0
    position, taken = start, _FIRST_CHUNK
    while not inflater.eof:
        if position >= len(body):
            raise EncodingError(_UNEXPECTED_END, data=output.data())
        chunk = body[position : position + taken]
        before, size = inflater.copy(), len(output.content)
        try:
            part = chunk
            # A full part may leave more behind, even when all of the chunk was taken in.
            while not inflater.eof and (chunk or len(part) == _CHUNK):
                part = inflater.decompress(chunk, _CHUNK)
                checksum, length = zlib.crc32(part, checksum), length + len(part)
                output.add(part)
                chunk = inflater.unconsumed_tail
        except zlib.error:
            del output.content[size:]
            offset = position - start + _up_to_error(before, body[position : position + taken], output)
            raise EncodingError(f"flate: corrupt input before offset {offset}", data=output.data()) from None
        position, taken = position + taken, _CHUNK
    # What inflate did not use is the trailer and whatever follows.
    position = min(position, len(body)) - len(inflater.unused_data)
    if len(body) - position < 8:
        raise EncodingError(_UNEXPECTED_END, data=output.data())
    if struct.unpack_from("<II", body, position) != (checksum, length & 0xFFFFFFFF):
        raise EncodingError("gzip: invalid checksum", data=output.data())
    return position + 8


def _up_to_error(inflater: zlib._Decompress, chunk: bytes, output: _Output) -> int:
    """Decode byte by byte what comes before an error; return how many bytes inflate has read when it finds it."""
    offset = 0
    try:
        while True:
            output.content += inflater.decompress(chunk[offset : offset + 1])
            offset += 1
    except zlib.error:
        return offset + 1


def _unsnappy(body: bytes, output: _Output) -> bytes:
    position = 0
    while position < len(body):
        header = body[position : position + 4]
        kind, length = header[0], int.from_bytes(header[1:], "little")
        if len(header) < 4 or (position == 0 and kind != 0xFF):
            raise EncodingError(_SNAPPY_CORRUPT, data=output.data())
        if length > _SNAPPY_BUFFER or 0x02 <= kind <= 0x7F:
            raise EncodingError(_SNAPPY_UNSUPPORTED, data=output.data())
        chunk = body[position : position + 4 + length]
        if len(chunk) < 4 + length or (kind == 0xFF and chunk != _SNAPPY_MAGIC):
            raise EncodingError(_SNAPPY_CORRUPT, data=output.data())
        if kind <= 1:
            output.add(_snappy_chunk(chunk, output))
        position += len(chunk)
    return output.data()


def _snappy_chunk(chunk: bytes, output: _Output) -> bytes:
    try:
        import cramjam
    except ImportError:
        raise EncodingError(
            "a body with Content-Encoding: snappy can only be read with the extra pytest-pushgateway[snappy]"
        ) from None
    try:
        return bytes(cramjam.snappy.decompress(_SNAPPY_MAGIC + chunk))
    except cramjam.DecompressionError:
        raise EncodingError(_SNAPPY_CORRUPT, data=output.data()) from None
