"""Things that can go wrong when a connection is accepted."""

from __future__ import annotations

import _socket
import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from pytest_pushgateway import threads
from pytest_pushgateway.gateway.hooks import Plan
from pytest_pushgateway.gateway.http import readiness
from pytest_pushgateway.gateway.http.host import Answer
from pytest_pushgateway.gateway.http.server import Server
from tests import wire
from tests.server.conftest import Running, echo
from tests.systems import needs_descriptors, needs_signals

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


class Reset(_socket.socket):
    """A connection whose client has reset it, as macOS reports that."""

    def setsockopt(self, *arguments: Any) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    def send(self, *arguments: Any) -> int:
        raise OSError(errno.EPROTOTYPE, "Protocol wrong type for socket")

    sendall: Any = send


class Accepting:
    """The module of sockets, which makes others of those that are accepted."""

    def __init__(self, kind: type[_socket.socket]) -> None:
        self.socket = kind

    def __getattr__(self, name: str) -> Any:
        return getattr(_socket, name)


@pytest.mark.parametrize("disconnect", [True, False])
def test_client_that_has_reset_its_connection_is_not_a_failure(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, disconnect: bool
) -> None:
    running = serve(lambda incoming: Answer(200, plan=Plan("planned", disconnect=disconnect)))
    monkeypatch.setattr(readiness, "socket", Accepting(Reset))
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert sock.recv(1) == b""
    wire.wait_until(lambda: running.server.connections() == [])
    assert running.log == []


@needs_descriptors
def test_accepted_socket_waits_though_its_listener_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """On BSD and Windows it begins as its listener is."""

    class Listener(socket.socket):
        def _accept(self) -> tuple[int, Any]:
            accepted: tuple[int, Any] = super()._accept()  # type: ignore[misc]
            os.set_blocking(accepted[0], False)
            return accepted

    monkeypatch.setattr(readiness, "_INHERITS", True)
    with Listener() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with socket.create_connection(listener.getsockname(), timeout=10):
            accepted, _ = readiness.accept(listener)
            assert os.get_blocking(accepted.fileno())
            accepted.close()


HEEDS_SIGPIPE = """
import signal, socket
from pytest_pushgateway import Pushgateway
from tests import wire

signal.signal(signal.SIGPIPE, signal.SIG_DFL)
REQUEST = b"PUT /metrics/job/backup HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 7\\r\\n\\r\\nrows 1\\n"
with Pushgateway() as gateway:
    with gateway.faults.delay(0.1):
        with socket.create_connection((gateway.host, gateway.port), timeout=10) as sock:
            sock.sendall(3 * REQUEST)
        gateway.wait_until(lambda: len(gateway.pushes) == 2, timeout=30)
    wire.request(gateway.port, "GET", "/metrics")
"""


@needs_signals
def test_client_that_is_gone_does_not_end_process_by_sigpipe() -> None:
    """Programs that print often give that signal its default action, and a test may run one in its own process."""
    done = subprocess.run(
        [sys.executable, "-c", HEEDS_SIGPIPE], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
