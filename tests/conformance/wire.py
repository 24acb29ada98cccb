"""Raw HTTP over raw sockets: exactly the bytes of a record are sent, and exactly the bytes that came are read."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

TIMEOUT = 20.0
"""Seconds after which a silent program counts as hanging."""


@dataclass(frozen=True)
class Answer:
    """One response as it crossed the wire; ``status`` 0 stands for a connection closed without an answer."""

    protocol: str
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def decoded(self) -> bytes:
        """The body with its content encoding undone."""
        return gzip.decompress(self.body) if self.header("Content-Encoding") == "gzip" else self.body


SILENCE = Answer("", 0, "connection closed without an answer", (), b"")
HANG = Answer("", 0, f"no answer within {TIMEOUT:.0f} s", (), b"")


class _Reader:
    """Reads lines and counts of bytes from a socket, and distinguishes the end of the stream from a short read."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""
        self.ended = False

    def _more(self) -> bool:
        try:
            piece = self._connection.recv(65536)
        except ConnectionError:
            piece = b""
        except ssl.SSLError:
            piece = b""
        self._buffer += piece
        self.ended = self.ended or not piece
        return bool(piece)

    def line(self) -> bytes | None:
        while b"\r\n" not in self._buffer:
            if not self._more():
                return None
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line

    def take(self, count: int) -> bytes:
        while len(self._buffer) < count and self._more():
            pass
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def rest(self) -> bytes:
        while self._more():
            pass
        taken, self._buffer = self._buffer, b""
        return taken


def _chunks(reader: _Reader) -> Iterator[bytes]:
    while (size := reader.line()) is not None:
        count = int(size, 16)
        if count == 0:
            reader.line()
            return
        yield reader.take(count)
        reader.line()
    yield b"<chunked body cut short>"


def read_answer(reader: _Reader, method: str) -> Answer | None:
    """Read one response to ``method``; None at the end of the stream."""
    line = reader.line()
    if line is None:
        return None
    protocol, _, rest = line.decode("latin-1").partition(" ")
    status, _, reason = rest.partition(" ")
    headers = []
    while (field := reader.line()) not in (b"", None):
        name, _, value = (field or b"").decode("latin-1").partition(":")
        headers.append((name, value.removeprefix(" ")))
    answer = Answer(protocol, int(status), reason, tuple(headers), b"")
    if method == "HEAD" or answer.status in (204, 304) or answer.status < 200:
        return answer
    if answer.header("Transfer-Encoding").lower() == "chunked":
        body = b"".join(_chunks(reader))
    elif length := answer.header("Content-Length"):
        body = reader.take(int(length))
    else:
        body = reader.rest()
    return Answer(protocol, answer.status, reason, answer.headers, body)


def parse_answers(raw: bytes) -> list[Answer]:
    """Take apart what came over a connection, to its end, whatever had been asked there.

    An answer to a HEAD has no body although it announces one: where another answer or the end follows, there is none.
    """
    answers = []
    while raw:
        head, _, rest = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        protocol, _, status = lines[0].partition(" ")
        code, _, reason = status.partition(" ")
        headers = tuple(
            (name, value.removeprefix(" ")) for name, _, value in (line.partition(":") for line in lines[1:])
        )
        answer = Answer(protocol, int(code) if code.isdigit() else -1, reason, headers, b"")
        bodiless = answer.status < 200 or answer.status in (204, 304) or not rest or rest.startswith(b"HTTP/1.")
        if bodiless:
            body = b""
        elif answer.header("Transfer-Encoding") == "chunked":
            body, rest = _whole_chunks(rest)
        elif length := answer.header("Content-Length"):
            body, rest = rest[: int(length)], rest[int(length) :]
        else:
            body, rest = rest, b""
        answers.append(Answer(protocol, answer.status, reason, headers, body))
        raw = rest
    return answers


def _whole_chunks(raw: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, _, raw = raw.partition(b"\r\n")
        count = int(size or b"0", 16)
        if count == 0:
            return body, raw[2:]
        body += raw[:count]
        raw = raw[count + 2 :]


@dataclass(frozen=True)
class Address:
    """The address of a program, and a way to speak to it."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    @contextlib.contextmanager
    def connect(self, *, plain: bool = False) -> Iterator[socket.socket]:
        """Open a connection; ``plain`` speaks without TLS to a TLS port."""
        with socket.create_connection((self.host, self.port), timeout=TIMEOUT) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is None or plain:
                yield connection
            else:
                with self.tls.wrap_socket(connection, server_hostname=self.host) as wrapped:
                    yield wrapped


def exchange(
    address: Address, data: bytes, method: str, *, expected: int = 1, half_close: bool = False, plain: bool = False
) -> list[Answer]:
    """Send ``data`` over a new connection and read ``expected`` answers (interim 1xx ones come on top).

    A connection that ends early, in the handshake or later, ends the list with :data:`SILENCE`.
    """
    answers: list[Answer] = []
    try:
        with address.connect(plain=plain) as connection:
            with contextlib.suppress(ConnectionError):
                connection.sendall(data)
            if half_close:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)
            reader = _Reader(connection)
            finals = 0
            while finals < expected:
                answer = read_answer(reader, method)
                if answer is None:
                    answers.append(SILENCE)
                    break
                answers.append(answer)
                finals += answer.status >= 200
    except TimeoutError:
        answers.append(HANG)
    except (ssl.SSLError, ConnectionError):
        answers.append(SILENCE)
    return answers


def gzipped(body: bytes) -> bytes:
    """Compress ``body`` reproducibly."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, 31)
    return compressor.compress(body) + compressor.flush()
