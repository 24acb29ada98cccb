"""Stopping with clients in every state: nothing waits for them, and nothing of them is left."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable

import pytest

from pytest_pushgateway.gateway.hooks import Plan
from pytest_pushgateway.gateway.http import server
from pytest_pushgateway.gateway.http.host import Answer, Incoming
from tests import wire
from tests.server.conftest import Running, echo
from tests.systems import needs_descriptors

Serve = Callable[..., Running]

STATES = {
    "silent": b"",
    "half a request line": b"GET / HT",
    "half a head": b"GET / HTTP/1.1\r\nHost: x\r\n",
    "half a body": b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
    "half a chunk": b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "waiting to be told to continue": b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
}


def connect(port: int, data: bytes = b"") -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    sock.sendall(data)
    return sock


def ended(sock: socket.socket) -> bool:
    """Return whether the peer has ended the connection; what it sent before is read."""
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        pass
    sock.close()
    return True


@pytest.mark.parametrize("state", STATES)
def test_connections_end_with_the_server(serve: Serve, state: str) -> None:
    running = serve()
    socks = [connect(running.port, STATES[state]) for _ in range(5)]
    wire.wait_until(lambda: len(running.server.connections()) == 5)
    running.stop()
    assert running.server.connections() == []
    assert all(ended(sock) for sock in socks)


def test_kept_alive_connections_end_with_the_server(serve: Serve) -> None:
    running = serve()
    sock = connect(running.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
    running.stop()
    assert ended(sock)


def test_unreading_client_is_not_awaited(serve: Serve) -> None:
    def much(incoming: Incoming) -> Answer:
        return Answer(200, [], [b"x" * 65536] * 1000)

    running = serve(much)
    sock = connect(running.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert sock.recv(10) == b"HTTP/1.1 2"
    running.stop()
    assert ended(sock)


def test_hanging_request_is_not_awaited(serve: Serve) -> None:
    def hang(incoming: Incoming) -> Answer:
        incoming.peer.wait(Plan("hang", wait=float("inf")))
        raise AssertionError("never released")

    running = serve(hang)
    sock = connect(running.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    wire.wait_until(lambda: running.server._waits)
    running.stop()
    assert ended(sock)


def test_stopping_twice_and_from_many_threads(serve: Serve) -> None:
    running = serve()
    threads = [threading.Thread(target=running.stop) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    running.stop()


def test_requests_under_way_may_end_in_the_grace(serve: Serve) -> None:
    inside, go = threading.Event(), threading.Event()

    def slow(incoming: Incoming) -> Answer:
        inside.set()
        go.wait(10)
        return echo(incoming)

    running = serve(slow)
    busy = connect(running.port, b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok")
    idle = connect(running.port)
    inside.wait(10)
    stopping = threading.Thread(target=running.stop, args=(600.0,))
    stopping.start()
    assert ended(idle)
    go.set()
    received = b""
    while data := busy.recv(65536):  # A kept-alive connection ends with its answer, not with the grace.
        received += data
    assert received.endswith(b"\r\n\r\nok")
    stopping.join()
    busy.close()


def test_almost_finished_answer_is_still_sent(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_ANSWER", 10.0)
    inside = threading.Event()

    def decided(incoming: Incoming) -> Answer:
        incoming.peer.answering = True
        inside.set()
        wire.wait_until(lambda: incoming.peer.closing)
        return echo(incoming)

    running = serve(decided)
    sock = connect(running.port, b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok")
    inside.wait(10)
    running.stop()
    assert sock.recv(65536).endswith(b"\r\n\r\nok")
    assert ended(sock)


def test_thousand_stops_leave_nothing(serve: Serve) -> None:
    for _ in range(100):
        running = serve()
        with connect(running.port):
            running.stop()


def test_stop_does_not_poll(serve: Serve) -> None:
    """Waiting for a poll interval would show in the sum; a loaded machine does not make it that slow."""
    began = time.monotonic()
    for _ in range(50):
        running = serve()
        with connect(running.port), connect(running.port, STATES["half a body"]):
            running.stop()
    assert time.monotonic() - began < 20


def test_port_is_free_after_stop(serve: Serve) -> None:
    running = serve()
    running.stop()
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", running.port))


@needs_descriptors
def test_descriptor_taken_by_another_raises_no_error(serve: Serve) -> None:
    running = serve()
    sock = connect(running.port)
    wire.wait_until(lambda: len(running.server.connections()) == 1)
    (connection,) = running.server.connections()
    taken = connection.sock.fileno()
    other = os.open(os.devnull, os.O_RDONLY)
    os.dup2(other, taken)
    os.close(other)

    sock.close()

    wire.wait_until(lambda: running.server.connections() == [])
    assert running.server.errors == []
    assert os.path.samestat(os.fstat(taken), os.stat(os.devnull))
    os.close(taken)
