"""Request bodies: by length, chunked, or none, read from a connection's buffered input.

Errors carry Go's texts, which the original hands to the client as the answer to a push.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pytest_pushgateway.gateway.http.chunked import chunk_sizes
from pytest_pushgateway.gateway.http.input import BodyError, Input

if TYPE_CHECKING:
    from pytest_pushgateway.gateway.http.head import Head


class BodyTooLarge(Exception):
    """The body is longer than the gateway takes."""


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
            for size in chunk_sizes(self._input):
                total += size
                if total > limit:
                    raise BodyTooLarge
                data = self._input.exactly(size)
                pieces.append(data)
                if len(data) < size:
                    raise BodyError("unexpected EOF")
        except BodyTooLarge:
            self.broken = True
            raise
        except BodyError as problem:
            self.broken = True
            raise BodyError(str(problem), b"".join(pieces)) from None
        self.finished = True
        return b"".join(pieces)
