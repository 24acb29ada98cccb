"""Pushing to a gateway over HTTP, with nothing but the standard library."""

from __future__ import annotations

import http.client
from typing import Any


def push(gateway: Any, path: str, body: str, *, method: str = "PUT") -> int:
    """Push and return the status."""
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=10)
    try:
        connection.request(method, path, body.encode())
        return connection.getresponse().status
    finally:
        connection.close()
