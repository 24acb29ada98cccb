"""The limits of a client's requests, and the answer when it asks for more."""

from __future__ import annotations

import errno
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from pytest_pushgateway.gateway.http import connection, server
from pytest_pushgateway.gateway.http.host import Answer, Incoming
from pytest_pushgateway.gateway.http.workers import Workers
from pytest_pushgateway.gateway.log import silent
from tests import wire
from tests.server.conftest import Running

Serve = Callable[..., Running]

GET = b"GET / HTTP/1.1\r\nHost: x\r\n"


def test_request_line(serve: Serve) -> None:
    running = serve(max_request_line=100)
    answer = wire.talk(running.port, b"GET /" + b"a" * 100 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.raw.startswith(b"HTTP/1.1 414 Request URI Too Long\r\n")
    assert answer.end == "eof"


def test_head(serve: Serve) -> None:
    running = serve(max_header_size=1000)
    answer = wire.talk(running.port, GET + b"Foo: " + b"a" * 6000 + b"\r\n\r\n")
    assert answer.raw.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


def test_head_that_never_ends(serve: Serve) -> None:
    running = serve(max_header_size=1000)
    answer = wire.talk(running.port, GET + b"a: b\r\n" * 2000)
    assert answer.raw.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


def test_number_of_headers(serve: Serve) -> None:
    running = serve(max_headers=10)
    assert wire.talk(running.port, GET + b"a: b\r\n" * 9 + b"\r\n").raw.startswith(b"HTTP/1.1 200 OK")
    assert wire.talk(running.port, GET + b"a: b\r\n" * 10 + b"\r\n").raw.startswith(b"HTTP/1.1 431 ")


def test_slow_head(serve: Serve) -> None:
    running = serve(request_timeout=0.05)
    answer = wire.talk(running.port, b"GET / HTTP/1.1\r\nHo")
    assert answer.raw.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert answer.end == "eof"


@pytest.mark.parametrize("framing", [b"Content-Length: 10\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"])
def test_slow_body(serve: Serve, framing: bytes) -> None:
    running = serve(request_timeout=0.05)
    answer = wire.talk(running.port, b"PUT / HTTP/1.1\r\nHost: x\r\n" + framing)
    assert answer.raw.startswith(b"HTTP/1.1 408 Request Timeout\r\n")


def test_dripping_client_is_cut_off(serve: Serve) -> None:
    running = serve(request_timeout=0.1)
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as sock:
        received = b""
        sock.settimeout(0.02)
        for byte in GET * 100:
            try:
                sock.send(bytes([byte]))
                received += sock.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                break
            if received:
                break
    assert received.startswith(b"HTTP/1.1 408 Request Timeout\r\n")


def test_idle_connection(serve: Serve) -> None:
    running = serve(idle_timeout=0.05)
    assert wire.talk(running.port, GET + b"\r\n").end == "eof"
    assert wire.talk(running.port, b"") == wire.Answer(b"", "eof")


def test_number_of_connections(serve: Serve) -> None:
    running = serve(max_connections=2)
    head = b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", running.port)) as one,
        socket.create_connection(("127.0.0.1", running.port)) as other,
    ):
        for sock in (one, other):
            sock.sendall(head)
        wire.wait_until(lambda: [each.busy for each in running.server.connections()] == [True, True])
        for _ in range(3):
            answer = wire.talk(running.port)
            assert answer.raw.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
            assert answer.raw.endswith(b"too many connections")
    wire.wait_until(lambda: not running.server.connections())
    assert wire.talk(running.port, GET + b"\r\n").raw.startswith(b"HTTP/1.1 200 OK")
    assert [entry[:2] for entry in running.log] == [("warn", "too many connections, refusing more")]


def test_longest_idle_connections_make_room(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "monotonic", lambda: 0.0)  # as on Windows for 16 ms
    running = serve(max_connections=40)
    sockets = [socket.create_connection(("127.0.0.1", running.port), timeout=10) for _ in range(40)]
    wire.wait_until(lambda: len(running.server.connections()) == 40)
    for number in (0, 39):
        sockets[number].sendall(GET + b"\r\n")
        assert sockets[number].recv(65536).startswith(b"HTTP/1.1 200 OK")
    for _ in range(30):
        assert wire.talk(running.port, GET + b"Connection: close\r\n\r\n").raw.startswith(b"HTTP/1.1 200 OK")
    # Those that sent something last are left.
    for number in (0, 39):
        sockets[number].sendall(GET + b"\r\n")
        assert sockets[number].recv(65536).startswith(b"HTTP/1.1 200 OK")
    assert sockets[1].recv(1) == b""
    for sock in sockets:
        sock.close()
    assert running.log == []


class OutOfFiles:
    """An importer on a system without a file left."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files", name)


def test_server_needs_no_module_once_files_have_run_out(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    def app(incoming: Incoming) -> Answer:
        raise LookupError("a bug")

    running = serve(app, max_connections=40)
    sockets = [socket.create_connection(("127.0.0.1", running.port), timeout=10) for _ in range(40)]
    wire.wait_until(lambda: len(running.server.connections()) == 40)
    with monkeypatch.context() as patch:
        for name in ("heapq", "traceback"):
            patch.delitem(sys.modules, name, raising=False)
        patch.setattr(sys, "meta_path", [OutOfFiles])
        answer = wire.talk(running.port, GET + b"\r\n").raw
    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error")
    for sock in sockets:
        sock.close()
    assert running.log == [("error", "request failed", {"err": "LookupError: a bug"})]
    running.server.errors.clear()


def test_connections_are_bounded_by_the_limit_on_open_files(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "connections_possible", lambda: 70)
    running = serve()
    sockets = [socket.create_connection(("127.0.0.1", running.port), timeout=10) for _ in range(120)]
    assert wire.talk(running.port, GET + b"Connection: close\r\n\r\n").raw.startswith(b"HTTP/1.1 200 OK")
    wire.wait_until(lambda: len(running.server.connections()) <= 70)
    for sock in sockets:
        sock.close()
    assert running.log == []


def test_new_connections_wait_for_closed_ones_to_leave() -> None:
    leaving = [True, True, False]
    order = []

    def crowded() -> bool:
        order.append("asked")
        return leaving.pop(0)

    def take(sock: Any, address: object) -> None:
        order.append("taken")
        sock.close()

    def drop(connection: object, reason: Exception | None) -> None:
        raise AssertionError

    listener = socket.create_server(("127.0.0.1", 0))
    workers = Workers(
        [listener],
        take=take,
        drop=drop,
        relieve=lambda: None,
        crowded=crowded,
        log=silent,
        boundary=threading.Lock(),
    )
    workers.start()
    with socket.create_connection(listener.getsockname(), timeout=10) as client:
        assert client.recv(1) == b""
    workers.end()
    assert order == ["asked", "asked", "asked", "taken"]


def test_oversized_chunk_is_not_awaited(serve: Serve) -> None:
    running = serve(max_body_size=1000)
    head = b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as sock:
        sock.sendall(head + b"ffffffff\r\n")
        assert sock.recv(65536).startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    (problem,) = running.server.errors
    assert type(problem).__name__ == "BodyTooLarge"  # which the gateway's application answers with 413
    running.server.errors.clear()
