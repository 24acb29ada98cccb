"""Request bodies: by length, chunked, or none, read from a connection's buffered input.

Errors carry Go's texts, which the original hands to the client as the answer to a push.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pytest_pushgateway.gateway.http.input import BodyError, Input
from pytest_pushgateway.later import later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.gateway.http import chunked
    from pytest_pushgateway.gateway.http.head import Head
else:
    chunked = later("pytest_pushgateway.gateway.http.chunked")


class BodyTooLarge(Exception):
    """The body is longer than the gateway takes."""


class Body:
    """The body of one request, read once: whole, or in pieces while it arrives."""

    __slots__ = ("_before_read", "_chunked", "_input", "_limit", "_stream", "broken", "finished", "started", "unread")

    def __init__(self, source: Input, head: Head, limit: int, before_read: Callable[[], None] | None) -> None:
        self._input = source
        self._chunked = head.chunked
        self._limit = limit
        self._before_read = before_read
        self._stream: Iterator[bytes] | None = None
        self.started: bool = False
        self.broken: bool = False
        """Whether its end cannot be found, so that nothing can follow it."""
        self.finished: bool = not head.chunked and head.content_length == 0
        self.unread: int = head.content_length
        """Bytes still to come of a body sent by length."""

    def read(self) -> bytes:
        """Return what is left of the body; nothing once it has been read.

        Raises:
            BodyError: the body is malformed or breaks off.
            BodyTooLarge: as soon as the limit is known to be exceeded.

        """
        if self._stream is None and not self._chunked and self.unread <= self._limit and not self.finished:
            return self._read_length()
        pieces: list[bytes] = []
        try:
            pieces.extend(self.pieces())
        except BodyError as problem:
            raise BodyError(str(problem), b"".join(pieces)) from None
        return b"".join(pieces)

    def pieces(self) -> Iterator[bytes]:
        """Yield what is left of the body as it arrives.

        Raises:
            BodyError: the body is malformed or breaks off.
            BodyTooLarge: as soon as the limit is known to be exceeded.

        """
        if self._stream is None:
            self._stream = self._receive()
        return self._stream

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
            for piece in self.pieces():
                limit -= len(piece)
                if limit < 0:
                    return False
        except (BodyError, BodyTooLarge):
            return False
        return self.finished

    def _start(self) -> None:
        if not self.started:
            self.started = True
            if self._before_read is not None:
                self._before_read()

    def _read_length(self) -> bytes:
        self._start()
        count, self.unread = self.unread, 0
        data = self._input.exactly(count)
        self.finished = True
        if len(data) < count:
            raise BodyError("unexpected EOF", data)
        return data

    def _receive(self) -> Iterator[bytes]:
        if self.finished:
            return
        if self._chunked:
            yield from self._receive_chunks()
            return
        if self.unread > self._limit:
            raise BodyTooLarge
        self._start()
        while self.unread:
            piece = self._input.some(self.unread)
            if not piece:
                self.finished = True
                raise BodyError("unexpected EOF")
            self.unread -= len(piece)
            self.finished = not self.unread
            yield piece

    def _receive_chunks(self) -> Iterator[bytes]:
        self._start()
        total = 0
        try:
            for size in chunked.chunk_sizes(self._input):
                total += size
                if total > self._limit:
                    raise BodyTooLarge
                while size:
                    piece = self._input.some(size)
                    if not piece:
                        raise BodyError("unexpected EOF")
                    size -= len(piece)
                    yield piece
        except (BodyError, BodyTooLarge):
            self.broken = True
            raise
        self.finished = True
