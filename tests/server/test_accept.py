"""What can go wrong when a connection is accepted."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from pytest_pushgateway.gateway.http.server import Server
from tests import wire
from tests.server.conftest import Running, echo

Serve = Callable[..., Running]


class Exhausted(socket.socket):
    """A listener whose process has no descriptor left, for three connections."""

    failures = 3

    def accept(self) -> tuple[socket.socket, Any]:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


def test_the_listener_survives_a_lack_of_descriptors() -> None:
    listener = Exhausted()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    log: list[tuple[str, str]] = []
    server = Server(echo, [listener], log=lambda level, message, **fields: log.append((level, message)))
    server.start()
    try:
        assert wire.request(server.port, "GET", "/").status == 200
    finally:
        server.stop()
    assert log == [("error", "http: Accept error")], "once for all three"


def test_the_server_survives_a_lack_of_threads(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    running = serve()
    begin = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name == "pushgateway":
            raise RuntimeError("can't start new thread")
        begin(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with socket.create_connection(("127.0.0.1", running.port), timeout=10) as sock:
            assert sock.recv(1) == b""
    assert running.log == [("error", "cannot serve a connection", {"err": "can't start new thread"})]
    assert wire.request(running.port, "GET", "/").status == 200
