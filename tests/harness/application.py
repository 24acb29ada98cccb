"""The code under test, as small as can be: it pushes over HTTP and knows nothing of tests."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable

from pytest_pushgateway import Pushgateway


def send(
    gateway: Pushgateway, body: str = "backup_bytes 7\n", path: str = "/metrics/job/backup", method: str = "PUT"
) -> int:
    """Push, or delete, and return the status of the answer."""
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=10)
    try:
        connection.request(method, path, body if method != "DELETE" else None)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


class InBackground:
    """Runs a function in a thread while a ``with`` statement lasts."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._thread = threading.Thread(target=function)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *exc_info: object) -> None:
        self._thread.join()
