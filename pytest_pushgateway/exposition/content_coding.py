"""Undoing a request's Content-Encoding: gzip and framed snappy, with the original's words for a broken body.

As the original, in pieces, while they are parsed: an error here only counts if there is none before it in the
text itself. But the header of a gzip stream is read, and a broken one answered, before the original looks at the path.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator

from pytest_pushgateway.exposition.model import ParseError

_CHUNK = 65536
_FIRST_CHUNK = 1024
"""Bytes of a member that are looked at first: a body may be made of very many short ones."""
_GZIP_NAME_LIMIT = 512
_HAS_CRC, _HAS_EXTRA, _HAS_NAME, _HAS_COMMENT = 2, 4, 8, 16

_SNAPPY_MAGIC = b"\xff\x06\x00\x00sNaPpY"
_SNAPPY_CHECKSUM = 4
_SNAPPY_BUFFER = 76490 + _SNAPPY_CHECKSUM  # the longest that a block of 64 KiB can become, and its checksum

UNEXPECTED_END = "unexpected EOF"
_BAD_HEADER = "gzip: invalid header"
_SNAPPY_CORRUPT = "snappy: corrupt input"
_SNAPPY_UNSUPPORTED = "snappy: unsupported input"


class EncodingError(ParseError):
    """A body that is not encoded as it claims, or whose transfer breaks off."""


class DecodedTooLarge(Exception):
    """A body that is longer than ``limit`` bytes when decoded."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the decoded body is longer than {limit} bytes")
        self.limit = limit


def decode(body: bytes, content_encoding: str | None, *, limit: int | None = None) -> bytes:
    """Decode a whole body as :func:`decoded` does.

    Raises:
        EncodingError: if the body does not match the header.
        DecodedTooLarge: if the result would be longer than ``limit``.
    """
    return b"".join(decoded((body,), content_encoding, limit=limit))


def decoded(pieces: Iterable[bytes], content_encoding: str | None, *, limit: int | None = None) -> Iterator[bytes]:
    """Decode a body as the original does; encodings that it does not know leave the body as it is.

    Args:
        pieces: of the body, as sent. An :class:`EncodingError` that they raise is the reason why no more of them come.
        content_encoding: the header's value; ``gzip`` and ``snappy`` in any case are known.
        limit: bytes that the result may have at most.

    Returns:
        The pieces of the result. The first one is empty: it comes when the header of a gzip stream has been read, for
        other encodings before anything has been.

    Raises:
        EncodingError: if the body does not match the header.
        DecodedTooLarge: if the result would be longer than ``limit``; no more than that is ever decoded.
    """
    encoding = (content_encoding or "").lower()
    if encoding == "gzip":
        parts = _gunzip(_Source(pieces))
    elif encoding == "snappy":
        parts = _unsnappy(_Source(pieces))
    else:
        parts = _as_they_are(pieces)
    length = 0
    for part in parts:
        length += len(part)
        if limit is not None and length > limit:
            raise DecodedTooLarge(limit)
        yield part


def _as_they_are(pieces: Iterable[bytes]) -> Iterator[bytes]:
    yield b""
    yield from pieces


class _Source:
    """Pieces from which any number of bytes can be taken."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._data = b""
        self._position = 0

    def _more(self) -> bool:
        piece = next(self._pieces, None)
        if piece is None:
            return False
        self._data = self._data[self._position :] + piece
        self._position = 0
        return True

    def at_end(self) -> bool:
        while self._position == len(self._data):
            if not self._more():
                return True
        return False

    def some(self, most: int) -> bytes:
        """Take what is there, ``most`` bytes at most; nothing only at the end."""
        if self.at_end():
            return b""
        start = self._position
        self._position = min(len(self._data), start + most)
        return self._data[start : self._position]

    def exactly(self, count: int) -> bytes:
        """Take this many bytes, fewer only at the end."""
        taken = []
        while count and (piece := self.some(count)):
            taken.append(piece)
            count -= len(piece)
        return b"".join(taken)

    def put_back(self, data: bytes) -> None:
        """Put back what was taken last."""
        if len(data) <= self._position:
            self._position -= len(data)
        else:  # it was taken of more pieces than this one
            self._data = data + self._data[self._position :]
            self._position = 0


def _gunzip(source: _Source) -> Iterator[bytes]:
    if source.at_end():
        raise EncodingError("EOF")
    while True:
        _skip_gzip_header(source)
        yield b""
        yield from _gzip_member(source)
        if source.at_end():
            return


def _skip_gzip_header(source: _Source) -> None:
    header = _need(source, 10)
    if header[:3] != b"\x1f\x8b\x08":
        raise EncodingError(_BAD_HEADER)
    flags = header[3]
    if flags & _HAS_EXTRA:
        length = _need(source, 2)
        header += length + _need(source, int.from_bytes(length, "little"))
    for flag in (_HAS_NAME, _HAS_COMMENT):
        if flags & flag:
            text = source.exactly(_GZIP_NAME_LIMIT)
            end = text.find(b"\0") + 1
            if not end:
                raise EncodingError(UNEXPECTED_END if len(text) < _GZIP_NAME_LIMIT else _BAD_HEADER)
            source.put_back(text[end:])
            header += text[:end]
    if flags & _HAS_CRC and int.from_bytes(_need(source, 2), "little") != zlib.crc32(header) & 0xFFFF:
        raise EncodingError(_BAD_HEADER)


def _need(source: _Source, count: int) -> bytes:
    taken = source.exactly(count)
    if len(taken) < count:
        raise EncodingError(UNEXPECTED_END)
    return taken


def _gzip_member(source: _Source) -> Iterator[bytes]:
    """Decode one member's data and check its trailer."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    checksum = length = read = 0
    most = _FIRST_CHUNK
    while not inflater.eof:
        chunk = taken = source.some(most)
        if not chunk:
            raise EncodingError(UNEXPECTED_END)
        before, given = inflater.copy(), 0
        try:
            part = chunk
            # A full part may leave more behind, even when all of the chunk was taken in.
            while not inflater.eof and (chunk or len(part) == _CHUNK):
                part = inflater.decompress(chunk, _CHUNK)
                checksum, length, given = zlib.crc32(part, checksum), length + len(part), given + len(part)
                chunk = inflater.unconsumed_tail
                yield part
        except zlib.error:
            yield from _up_to_error(before, taken, given, read)
        read += len(taken)
        most = _CHUNK
    # The bytes that inflate did not use are the trailer and whatever follows.
    source.put_back(inflater.unused_data)
    if struct.unpack("<II", _need(source, 8)) != (checksum, length & 0xFFFFFFFF):
        raise EncodingError("gzip: invalid checksum")


def _up_to_error(inflater: zlib._Decompress, chunk: bytes, given: int, read: int) -> Iterator[bytes]:
    """Decode byte by byte what comes before an error, but for the bytes ``given`` before; name its place."""
    offset = 0
    try:
        while True:
            part = inflater.decompress(chunk[offset : offset + 1])
            if len(part) > given:
                yield part[given:]
            given = max(0, given - len(part))
            offset += 1
    except zlib.error:
        # So many bytes inflate has read when it finds it.
        raise EncodingError(f"flate: corrupt input before offset {read + offset + 1}") from None


def _unsnappy(source: _Source) -> Iterator[bytes]:
    yield b""
    first = True
    try:
        while header := source.exactly(4):
            kind, length = header[0], int.from_bytes(header[1:], "little")
            if len(header) < 4 or (first and kind != 0xFF):
                raise EncodingError(_SNAPPY_CORRUPT)
            if length > _SNAPPY_BUFFER or 0x02 <= kind <= 0x7F:
                raise EncodingError(_SNAPPY_UNSUPPORTED)
            chunk = header + source.exactly(length)
            if len(chunk) < 4 + length or (kind == 0xFF and chunk != _SNAPPY_MAGIC):
                raise EncodingError(_SNAPPY_CORRUPT)
            if kind <= 1:
                yield _snappy_chunk(chunk)
            first = False
    except EncodingError as problem:
        # As the original, where the transfer ends too early.
        raise EncodingError(_SNAPPY_CORRUPT) if str(problem) == UNEXPECTED_END else problem from None


def _snappy_chunk(chunk: bytes) -> bytes:
    try:
        import cramjam
    except ImportError:
        raise EncodingError(
            "a body with Content-Encoding: snappy can only be read with the extra pytest-pushgateway[snappy]"
        ) from None
    try:
        return bytes(cramjam.snappy.decompress(_SNAPPY_MAGIC + chunk))
    except cramjam.DecompressionError:
        raise EncodingError(_SNAPPY_CORRUPT) from None
