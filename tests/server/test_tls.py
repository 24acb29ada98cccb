"""TLS: the handshake in the connection's own thread, and the answer to plain clients."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import trustme

from pytest_pushgateway.gateway.http import tls
from tests import wire
from tests.server.conftest import Running

Serve = Callable[..., Running]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    # Python 3.11.0 to 3.11.2 ask OpenSSL 3 to take every end of a connection for an orderly one.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    return context


def get(sock: socket.socket) -> bytes:
    sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    received = b""
    while data := sock.recv(65536):
        received += data
    return received


def connect(running: Running, trusting: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", running.port), timeout=10)
    return trusting.wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False)


def test_request_and_orderly_end(serve: Serve, context: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    running = serve(tls=lambda: context)
    with connect(running, trusting) as sock:
        # Without close_notify the last read would raise.
        assert get(sock).startswith(b"HTTP/1.1 200 OK\r\n")


def test_silent_clients_delay_no_others(serve: Serve, context: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    running = serve(tls=lambda: context)
    silent = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(10)]
    silent[0].sendall(b"\x16\x03\x01")
    with connect(running, trusting) as sock:
        assert get(sock).startswith(b"HTTP/1.1 200 OK\r\n")
    wire.wait_until(lambda: len(running.server.connections()) == 10)
    running.stop()
    for one in silent:
        assert one.recv(1) == b""
        one.close()


def test_established_connection_ends_with_server(
    serve: Serve, context: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    running = serve(tls=lambda: context)
    with connect(running, trusting) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        running.stop()
        # Which of them depends on what reached the client first, and on its version of OpenSSL.
        # PyPy's ssl raises a RuntimeError.
        with pytest.raises((ssl.SSLError, ConnectionResetError, BrokenPipeError, RuntimeError)):
            sock.recv(1)


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "HEAD", "OPTIONS"])
def test_plain_request_gets_explanation(serve: Serve, context: ssl.SSLContext, method: str) -> None:
    running = serve(tls=lambda: context)
    answer = wire.talk(running.port, f"{method} / HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    told = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
    assert answer == wire.Answer(told, "eof")


def test_failed_handshake_is_logged_at_debug(serve: Serve, context: ssl.SSLContext) -> None:
    running = serve(tls=lambda: context)
    wire.talk(running.port, b"\x16garbage that is no handshake")
    wire.wait_until(lambda: running.log)
    assert running.log[0][:2] == ("debug", "TLS handshake error")
    assert running.log[0][2]["err"].startswith("tls: ")


@pytest.mark.parametrize("ignoring", [0, getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)])
def test_handshake_ended_by_client_is_logged_as_by_go(serve: Serve, context: ssl.SSLContext, ignoring: int) -> None:
    context.options |= ignoring
    running = serve(tls=lambda: context)
    wire.talk(running.port, b"\x16\x03\x01", half_close=True)
    wire.wait_until(lambda: running.log)
    assert running.log[0][2]["err"] == "EOF"


def test_large_answers_over_tls(serve: Serve, context: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    running = serve(tls=lambda: context)
    body = b"x" * 3_000_000
    with connect(running, trusting) as sock:
        sock.sendall(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\nConnection: close\r\n\r\n" + body)
        received = b""
        while data := sock.recv(1 << 20):
            received += data
    assert body in received


BREAKS_OFF = """
def break_off(*_):
    raise RuntimeError("cannot use string() on <cdata 'char *' NULL>")
"""


def breaking_off(module: str = "_cffi_ssl._stdssl.error") -> Callable[..., Any]:
    """Return a function that raises what PyPy's ssl does where a client has broken off."""
    names: dict[str, Any] = {"__name__": module}
    exec(BREAKS_OFF, names)
    function: Callable[..., Any] = names["break_off"]
    return function


@pytest.mark.parametrize(("module", "told"), [("_cffi_ssl._stdssl.error", 0), ("elsewhere", 1)])
def test_client_that_breaks_off_is_no_error_on_pypy(
    serve: Serve,
    context: ssl.SSLContext,
    trusting: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    told: int,
) -> None:
    monkeypatch.setattr(tls.Stream, "receive_first", breaking_off(module))
    running = serve(tls=lambda: context)
    with suppress(OSError), connect(running, trusting) as sock:
        get(sock)
    wire.wait_until(lambda: not running.server.connections())
    assert [str(error) for error in running.server.errors] == ["cannot use string() on <cdata 'char *' NULL>"] * told
    running.server.errors.clear()


def test_client_that_breaks_off_before_the_goodbye_is_harmless_on_pypy(
    serve: Serve, context: ssl.SSLContext, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssl.SSLSocket, "unwrap", breaking_off())
    running = serve(tls=lambda: context)
    with connect(running, trusting) as sock, suppress(OSError):
        get(sock)
    wire.wait_until(lambda: not running.server.connections())
    assert running.server.errors == []


def test_client_that_breaks_off_in_the_handshake_keeps_no_generation_from_beginning_on_pypy(
    serve: Serve, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def begin(_: ssl.SSLSocket) -> None:
        begun.set()
        raise ssl.SSLWantReadError

    monkeypatch.setattr(ssl.SSLSocket, "do_handshake", begin)
    running = serve(tls=lambda: context)
    with socket.create_connection(("127.0.0.1", running.port)) as sock:
        sock.sendall(b"\x16\x03\x01\x00\x01")
        assert begun.wait(30)
        monkeypatch.setattr(ssl.SSLSocket, "do_handshake", breaking_off())
        running.server.begin_generation(lambda: 1)
    wire.wait_until(lambda: not running.server.connections())
    assert running.server.errors == []
