"""The test's own requests: straight to the gateway, past any proxy.

One request on a connection of its own, by HTTP/1.0, where the answer ends with the connection: the standard library's
client would cost a test's first push more than the push itself, for it imports TLS and mail.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from email.message import Message

TIMEOUT = 30.0
"""Seconds that a gateway may take for each piece of its answer."""
_RECEIVE = 65536


class Answer:
    """What a gateway answered."""

    def __init__(self, raw: bytes) -> None:
        head, end, body = raw.partition(b"\r\n\r\n")
        self._lines = head.decode("latin-1").split("\r\n")
        self.body: bytes = body
        try:
            self.status: int = int(self._lines[0].split(" ", 2)[1])
        except (IndexError, ValueError):
            self.status = 0
        if not end or not self.status:
            raise ConnectionResetError("the gateway closed the connection without an answer")
        for line in self._lines:
            name, _, value = line.partition(": ")
            if name.lower() == "content-length" and len(body) < int(value):
                raise ConnectionResetError(f"the gateway closed the connection after {len(body)} of {value} bytes")

    @property
    def headers(self) -> Message:
        """The answer's headers."""
        from email.message import Message

        headers = Message()
        for line in self._lines[1:]:
            name, _, value = line.partition(": ")
            headers[name] = value
        return headers


class Client:
    """Sends requests to one gateway, authenticated where it asks for that."""

    def __init__(self, host: str, port: int, secure: bool, credentials: tuple[str, str] | None) -> None:
        self._host = host
        self._port = port
        self._secure = secure
        self._credentials = credentials

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Send one request on a connection of its own and return the answer.

        Raises:
            OSError: the gateway is stopped, refuses connections, or does not answer in time.

        """
        host = f"[{self._host}]" if ":" in self._host else self._host
        fields = {"Host": f"{host}:{self._port}", **headers}
        if body is not None:
            fields["Content-Length"] = str(len(body))
        if self._credentials is not None:
            import base64

            encoded = base64.b64encode(":".join(self._credentials).encode()).decode()
            fields["Authorization"] = f"Basic {encoded}"
        lines = [f"{method} {path} HTTP/1.0", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(TIMEOUT)
            connection.connect((self._host, self._port))
            if self._secure:
                connection = _trusting().wrap_socket(connection)
            connection.sendall("\r\n".join(lines).encode("latin-1") + (body or b""))
            pieces = []
            while piece := connection.recv(_RECEIVE):
                pieces.append(piece)
        finally:
            connection.close()
        return Answer(b"".join(pieces))


def _trusting() -> ssl.SSLContext:
    # The certificate is the test's own and the connection never leaves the machine: nothing to verify.
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
