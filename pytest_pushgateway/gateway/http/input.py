"""The buffered input of one connection, and what can be wrong with a body that is read from it."""

from __future__ import annotations

from collections.abc import Callable


class BodyError(Exception):
    """The body cannot be read; ``str()`` is Go's text and ``partial`` what had arrived."""

    def __init__(self, text: str, partial: bytes = b"") -> None:
        super().__init__(text)
        self.partial = partial


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

    def receive(self) -> bytes:
        """Return what comes next, behind the buffer, and leave it out of that; nothing at the end of the stream."""
        return self._receive()

    def some(self, most: int) -> bytes:
        """Return what is there, or what comes next, ``most`` bytes at most; nothing only at the end of the stream."""
        have = self.buffer or self._receive()
        self.buffer = have[most:]
        return have[:most]

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
