"""Request bodies: by length, chunked, or none, read from a connection's buffered input.

Errors carry Go's texts, which the original hands to the client as the answer to a push.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pytest_pushgateway.golang.strconv import quote

if TYPE_CHECKING:
    from pytest_pushgateway.gateway.http.head import Head

_LINE_LIMIT = 4096
"""Longest line of the chunked coding, bytes, as in Go."""
_HEX = frozenset(b"0123456789abcdefABCDEF")


class BodyError(Exception):
    """The body cannot be read; ``str()`` is Go's text and ``partial`` what had arrived."""

    def __init__(self, text: str, partial: bytes = b"") -> None:
        super().__init__(text)
        self.partial = partial


class BodyTooLarge(Exception):
    """The body is longer than the gateway takes."""


class Input:
    """Buffered input of one connection: ``receive()`` returns more bytes, ``b""`` at the end of the stream."""

    __slots__ = ("_receive", "buffer")

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self.buffer: bytes = b""

    def fill(self) -> bool:
        """Wait for more bytes; False at the end of the stream."""
        data = self._receive()
        self.buffer += data
        return bool(data)

    def exactly(self, count: int) -> bytes:
        """Return ``count`` bytes, fewer only at the end of the stream."""
        have = self.buffer
        if len(have) >= count:
            self.buffer = have[count:]
            return have[:count]
        pieces = [have]
        missing = count - len(have)
        self.buffer = b""
        while missing > 0:
            data = self._receive()
            if not data:
                break
            if len(data) > missing:
                self.buffer = data[missing:]
                data = data[:missing]
            pieces.append(data)
            missing -= len(data)
        return b"".join(pieces)

    def line(self) -> bytes | None:
        """Return a line of the chunked coding without its CRLF; None at the end of the stream."""
        start = 0
        while (end := self.buffer.find(b"\n", start)) < 0:
            start = len(self.buffer)
            if start > _LINE_LIMIT:
                raise BodyError("header line too long")
            if not self.fill():
                return None
        line, self.buffer = self.buffer[:end], self.buffer[end + 1 :]
        if not line.endswith(b"\r"):
            raise BodyError("chunked line ends with bare LF")
        return line[:-1]


class Body:
    """The body of one request."""

    __slots__ = ("_before_read", "_chunked", "_input", "_limit", "broken", "finished", "started", "unread")

    def __init__(self, source: Input, head: Head, limit: int, before_read: Callable[[], None] | None) -> None:
        self._input = source
        self._chunked = head.chunked
        self._limit = limit
        self._before_read = before_read
        self.started: bool = False
        self.broken: bool = False
        """Whether its end cannot be found, so that nothing can follow it."""
        self.finished: bool = not head.chunked and head.content_length == 0
        self.unread: int = head.content_length
        """Bytes still to come of a body sent by length."""

    def read(self) -> bytes:
        """Return the body; nothing once it has been read.

        Raises BodyError, and BodyTooLarge as soon as the limit is known to be exceeded.
        """
        if self.finished:
            return b""
        if not self._chunked and self.unread > self._limit:
            raise BodyTooLarge
        self._start()
        return self._read_chunks(self._limit) if self._chunked else self._read_length(self.unread)

    def drain(self, limit: int) -> bool:
        """Read and forget what is left, at most ``limit`` bytes; False if more remains or it is broken."""
        if self.finished:
            return True
        if self.broken or (self._before_read is not None and not self.started):
            # The client still waits for 100 Continue and would not send it.
            return False
        if not self._chunked and self.unread > limit:
            return False
        try:
            if self._chunked:
                self._read_chunks(limit)
            else:
                self._read_length(self.unread)
        except (BodyError, BodyTooLarge):
            return False
        return True

    def _start(self) -> None:
        if not self.started:
            self.started = True
            if self._before_read is not None:
                self._before_read()

    def _read_length(self, count: int) -> bytes:
        data = self._input.exactly(count)
        self.finished = True
        self.unread = 0
        if len(data) < count:
            raise BodyError("unexpected EOF", data)
        return data

    def _read_chunks(self, limit: int) -> bytes:
        pieces: list[bytes] = []
        total = 0
        try:
            while size := self._chunk_size():
                total += size
                if total > limit:
                    raise BodyTooLarge
                data = self._input.exactly(size)
                pieces.append(data)
                end = self._input.exactly(2)
                if len(data) < size or len(end) < 2:
                    raise BodyError("unexpected EOF")
                if end != b"\r\n":
                    raise BodyError("malformed chunked encoding")
            self._trailers()
        except BodyTooLarge:
            self.broken = True
            raise
        except BodyError as problem:
            self.broken = True
            raise BodyError(str(problem), b"".join(pieces)) from None
        self.finished = True
        return b"".join(pieces)

    def _chunk_size(self) -> int:
        line = self._input.line()
        if line is None:
            raise BodyError("unexpected EOF")
        # As Go: an extension goes, and so do blanks after the size.
        digits = line.partition(b";")[0].rstrip(b" \t\r\n")
        if not digits:
            raise BodyError("empty hex number for chunk length")
        for position, digit in enumerate(digits):
            if digit not in _HEX:
                raise BodyError("invalid byte in chunk length")
            if position == 16:
                raise BodyError("http chunk length too large")
        return int(digits, 16)

    def _trailers(self) -> None:
        """Skip the trailer, as nothing in a push could be in one."""
        while line := self._input.line():
            if b":" not in line:
                raise BodyError(f"malformed MIME header: missing colon: {quote(line)}")
        if line is None:
            raise BodyError("unexpected EOF")
