"""Things that can go wrong when a connection is accepted."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any

import pytest

from pytest_pushgateway import threads
from pytest_pushgateway.gateway.http import readiness
from pytest_pushgateway.gateway.http.server import Server
from tests import wire
from tests.server.conftest import Running, echo

Serve = Callable[..., Running]


class Exhausted(socket.socket):
    """A listener whose process has no descriptor left, for three connections."""

    failures = 3

    def _accept(self) -> tuple[int, Any]:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        accepted: tuple[int, Any] = super()._accept()  # type: ignore[misc]
        return accepted


def test_listener_survives_lack_of_descriptors() -> None:
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


def test_server_survives_lack_of_threads(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    running = serve()

    def start(thread: threads.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threads.Thread, "start", start)
        with socket.create_connection(("127.0.0.1", running.port), timeout=10) as sock:
            assert sock.recv(1) == b""
    assert running.log == [("error", "cannot serve a connection", {"err": "can't start new thread"})]
    assert wire.request(running.port, "GET", "/").status == 200


@pytest.mark.parametrize("has_poll", [True, False])
def test_whatever_the_system_has_to_wait_with(serve: Serve, monkeypatch: pytest.MonkeyPatch, has_poll: bool) -> None:
    """Windows has no poll()."""
    if not has_poll:
        monkeypatch.setattr(readiness._System, "poll", None)
    running = serve()
    assert [wire.request(running.port, "PUT", "/", b"body").status for _ in range(3)] == [200] * 3
    client, ours = socket.socketpair()
    with client, ours:
        assert not readiness.has_unread(ours)
        client.sendall(b"x")
        assert readiness.has_unread(ours)
        assert readiness.wait_until_ready(ours, 0, to_write=True)


def test_pair_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has none, and a test may have replaced Python's."""
    monkeypatch.delattr("_socket.socketpair", raising=False)
    monkeypatch.setattr(socket, "socketpair", None)
    one, other = readiness.pair()
    one.sendall(b"x")
    assert (other.recv(1), one.gettimeout(), other.gettimeout()) == (b"x", None, None)
    for each in (one, other):
        each.close()
