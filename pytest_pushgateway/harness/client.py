"""The test's own requests: straight to the gateway, past any proxy."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import ssl

TIMEOUT = 30.0
"""Seconds that a request of the test's own may take."""


class Answer(NamedTuple):
    """What a gateway answered."""

    status: int
    headers: Any
    body: bytes


class Client(NamedTuple):
    """Sends requests to one gateway, authenticated where it asks for that."""

    host: str
    port: int
    secure: bool
    credentials: tuple[str, str] | None

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Send one request on a connection of its own and return the answer.

        Raises:
            OSError: the gateway is stopped, refuses connections, or does not answer in time.

        """
        from http.client import HTTPConnection, HTTPSConnection

        if self.secure:
            connection: HTTPConnection = HTTPSConnection(self.host, self.port, timeout=TIMEOUT, context=_trusting())
        else:
            connection = HTTPConnection(self.host, self.port, timeout=TIMEOUT)
        fields = {"Connection": "close", **headers}
        if self.credentials is not None:
            encoded = base64.b64encode(":".join(self.credentials).encode()).decode()
            fields["Authorization"] = f"Basic {encoded}"
        try:
            connection.request(method, path, body=body, headers=fields)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()


def _trusting() -> ssl.SSLContext:
    # The certificate is the test's own and the connection never leaves the machine: nothing to verify.
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
