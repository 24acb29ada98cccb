"""The same bytes for the original: a request is sent as it came, and the reply is read."""

from __future__ import annotations

import _socket as socket  # which no test replaces
import http.client
import io
from contextlib import suppress
from typing import Any, NamedTuple

_TIMEOUT = 30.0
"""Seconds that the original has for each read and write."""


class WireAnswer(NamedTuple):
    """An answer as a client reads it. The status is 0 if the connection was closed without an answer."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return the value of a header, named in lower case, or an empty string."""
        return next((value for key, value in self.headers if key.lower() == name), "")


class _Received(io.RawIOBase):
    """A socket as a file, for `http.client`."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._sock.recv_into(buffer)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)


def send(port: int, request: bytes, method: str, *, half_closed: bool = False) -> WireAnswer:
    """Send the bytes of one request to a port of 127.0.0.1, on a connection that ends with them, and return the reply.

    Args:
        port: the port.
        request: its bytes, head and body.
        method: its method, on which the end of the reply depends.
        half_closed: whether the client ended its side behind the request, which is not whole then.

    Raises:
        OSError: there is no connection.

    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.settimeout(_TIMEOUT)
        sock.connect(("127.0.0.1", port))
        with suppress(ConnectionError):  # it may refuse a long request before it has read it
            sock.sendall(request)
            if half_closed:
                sock.shutdown(socket.SHUT_WR)
        return _read(sock, method)
    finally:
        sock.close()


def _read(sock: socket.socket, method: str) -> WireAnswer:
    response = http.client.HTTPResponse(_Received(sock), method=method)  # type: ignore[arg-type]
    try:
        response.begin()
        body = response.read()
    except (http.client.HTTPException, ConnectionError):
        return WireAnswer(0, "closed without an answer", (), b"")
    return WireAnswer(response.status, response.reason, tuple(response.getheaders()), body)
