"""Stopping as on Windows: a shutdown wakes no other thread, so connections check for themselves."""

from __future__ import annotations

import _socket
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_pushgateway.gateway.http import connection, readiness
from pytest_pushgateway.gateway.http.host import Answer
from tests import wire
from tests.server.conftest import Running
from tests.server.test_stop import STATES, connect, ended

Serve = Callable[..., Running]
KEEP = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HALF = STATES["half a body"]


class _Deaf:
    """Sockets whose shutdown ends only what is sent, and wakes no thread that receives."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return self if name == "socket" else getattr(self._module, name)

    def shutdown(self, sock: socket.socket, how: int) -> None:
        self._module.socket.shutdown(sock, socket.SHUT_WR)


@pytest.fixture(autouse=True)
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "SHUTDOWN_WAKES", False)
    monkeypatch.setattr(connection, "socket", _Deaf(_socket))


def leaves_nothing(running: Running) -> bool:
    """Stop, and return whether no connection is left, though none has reached its timeout."""
    running.stop()
    wire.wait_until(lambda: running.server.connections() == [])
    return True


@pytest.mark.parametrize("state", STATES)
def test_connections_end_with_the_server(serve: Serve, state: str) -> None:
    running = serve(request_timeout=3600.0, idle_timeout=3600.0)
    socks = [connect(running.port, STATES[state]) for _ in range(3)]
    wire.wait_until(lambda: len(running.server.connections()) == 3)
    assert leaves_nothing(running)
    assert all(ended(sock) for sock in socks)


def test_kept_alive_connections_end_with_the_server(serve: Serve) -> None:
    running = serve(idle_timeout=3600.0)
    sock = connect(running.port, KEEP)
    assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
    assert leaves_nothing(running)
    assert ended(sock)


def test_client_that_does_not_read_is_not_waited_for(serve: Serve) -> None:
    running = serve(lambda incoming: Answer(200, [], [b"x" * 65536] * 1000), request_timeout=3600.0)
    sock = connect(running.port, KEEP)
    assert sock.recv(10) == b"HTTP/1.1 2"
    assert leaves_nothing(running)
    assert ended(sock)


def plain_to_tls(sock: ssl.SSLSocket, data: bytes) -> None:
    """Send bytes that are not encrypted, such as a part of a record."""
    socket.socket.sendall(sock, data)


def begin_body_and_record(sock: ssl.SSLSocket) -> None:
    sock.sendall(HALF)
    plain_to_tls(sock, b"\x17\x03\x03\x00\x40half")


OVER_TLS: dict[str, Callable[[ssl.SSLSocket], object]] = {
    "silent": lambda sock: None,
    "half a head": lambda sock: sock.sendall(STATES["half a head"]),
    "half a body": lambda sock: sock.sendall(HALF),
    "half a record": lambda sock: plain_to_tls(sock, b"\x17\x03\x03\x00\x40half"),
    "half a record of a body": begin_body_and_record,
}


@pytest.mark.parametrize("state", OVER_TLS)
def test_connections_over_tls_end_with_the_server(serve: Serve, certificate: tuple[str, str], state: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    running = serve(tls=lambda: context, request_timeout=3600.0, idle_timeout=3600.0)
    trust = ssl.create_default_context(cafile=str(Path(certificate[0]).parent / "ca.pem"))
    with trust.wrap_socket(connect(running.port), server_hostname="127.0.0.1") as sock:
        OVER_TLS[state](sock)
        assert leaves_nothing(running)


@pytest.mark.parametrize("sent", ["nothing", "half a hello"])
def test_handshakes_end_with_the_server(serve: Serve, certificate: tuple[str, str], sent: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    running = serve(tls=lambda: context, request_timeout=3600.0)
    sock = connect(running.port, b"" if sent == "nothing" else b"\x16\x03\x01\x02\x00\x01\x00")
    wire.wait_until(lambda: len(running.server.connections()) == 1)
    assert leaves_nothing(running)
    assert ended(sock)


def test_what_is_received_and_sent_is_the_same(serve: Serve) -> None:
    body = bytes(range(256)) * 40_000
    running = serve()
    answer = wire.request(running.port, "PUT", "/", body)
    assert (answer.status, answer.body) == (200, body)


def test_large_body_over_tls_is_the_same(serve: Serve, certificate: tuple[str, str]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    body = bytes(range(256)) * 40_000
    running = serve(tls=lambda: context)
    trust = ssl.create_default_context(cafile=str(Path(certificate[0]).parent / "ca.pem"))
    with trust.wrap_socket(connect(running.port), server_hostname="127.0.0.1") as sock:
        sock.sendall(b"PUT / HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        answer = b""
        while data := sock.recv(1 << 20):
            answer += data
    assert answer.partition(b"\r\n\r\n")[2] == body


def test_request_has_its_time(serve: Serve) -> None:
    running = serve(request_timeout=0.2)
    sock = connect(running.port, HALF)
    answer = b""
    while data := sock.recv(65536):
        answer += data
    sock.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
