"""The turn to accept: a thread keeps it while it serves what is brief, and passes it on before anything else."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from pytest_pushgateway import threads
from pytest_pushgateway.gateway.hooks import Plan
from pytest_pushgateway.gateway.http.host import Answer, Incoming
from tests import wire
from tests.server.conftest import Running, echo
from tests.server.test_stop import connect

Serve = Callable[..., Running]
PUSH = b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\na 1\n"
LAST = PUSH.replace(b"Host: x", b"Host: x\r\nConnection: close")


def is_served(running: Running) -> bool:
    return wire.request(running.port, "PUT", "/second", b"a 1\n").status == 200


@pytest.mark.skipif(
    sys.platform == "win32", reason="Windows cannot send at once or not at all: the turn is passed on before an answer"
)
def test_one_thread_serves_client_after_client(serve: Serve) -> None:
    served_by: list[threads.Thread | None] = []

    def app(incoming: Incoming) -> Answer:
        served_by.append(threads.current())
        return echo(incoming)

    running = serve(app, announces_waits=True)
    for _ in range(10):
        with connect(running.port, LAST) as sock:
            assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
            assert sock.recv(65536) == b""
    assert len(served_by) == 10
    assert len(set(served_by)) == 1


@pytest.mark.parametrize("sent", [b"", PUSH[:9], PUSH[:-2], PUSH, PUSH + PUSH[:9]])
def test_client_that_goes_on_later_keeps_nobody_out(serve: Serve, sent: bytes) -> None:
    running = serve(announces_waits=True)
    with connect(running.port, sent) as sock:
        wire.wait_until(running.server.connections)
        assert is_served(running)
        sock.sendall(PUSH[len(sent) % len(PUSH) :])
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


def test_client_that_sends_without_a_pause_keeps_nobody_out(serve: Serve) -> None:
    other = threading.Event()
    answers = []

    def app(incoming: Incoming) -> Answer:
        if incoming.head.target == "/second":
            other.set()
        elif not other.is_set():
            sock.sendall(PUSH)  # so that the next request is always there before the thread looks for it
        return echo(incoming)

    running = serve(app, announces_waits=True)
    sock = connect(running.port)
    with sock, connect(running.port, LAST.replace(b"/", b"/second", 1)) as second:
        reader = threading.Thread(target=lambda: answers.append(second.recv(65536)))
        reader.start()
        sock.sendall(PUSH)
        reader.join(10)
    assert answers
    assert answers[0].startswith(b"HTTP/1.1 200 OK\r\n")


WAITS: dict[str, Callable[[threading.Event, Incoming], object]] = {
    "announced": lambda over, incoming: wait_for(over),
    "of a plan": lambda over, incoming: incoming.peer.wait(Plan("delay", wait=10.0)),
    "of a monitor": lambda over, incoming: wait_with_a_monitor(over),
}


def wait_for(over: threading.Event) -> None:
    threads.about_to_wait()
    over.wait(10)


def wait_with_a_monitor(over: threading.Event) -> None:
    monitor = threads.Monitor()
    with monitor:
        while not over.is_set():
            monitor.wait(0.01)


@pytest.mark.parametrize("wait", WAITS)
def test_request_that_waits_keeps_nobody_out(serve: Serve, wait: str) -> None:
    over = threading.Event()

    def app(incoming: Incoming) -> Answer:
        if incoming.head.target != "/second":
            WAITS[wait](over, incoming)
        return echo(incoming)

    running = serve(app, announces_waits=True)
    with connect(running.port, PUSH) as sock:
        wire.wait_until(running.server.connections)
        assert is_served(running)
        over.set()
        running.server.release()
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


LONG = b"#" * (1 << 15)
NOT_BRIEF = {
    "answer": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "body": b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(LONG) + LONG,
    "chunks": b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "packed body": PUSH.replace(b"Host: x", b"Host: x\r\nContent-Encoding: gzip"),
}


@pytest.mark.parametrize("request_of", NOT_BRIEF)
def test_request_that_may_take_long_keeps_nobody_out(serve: Serve, request_of: str) -> None:
    over = threading.Event()

    def app(incoming: Incoming) -> Answer:
        incoming.body.read()
        if incoming.head.target != "/second":
            over.wait(10)
        return Answer(200)

    running = serve(app, announces_waits=True)
    with connect(running.port, NOT_BRIEF[request_of]) as sock:
        assert is_served(running)
        over.set()
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


def test_application_that_announces_nothing_keeps_nobody_out(serve: Serve) -> None:
    over = threading.Event()

    def app(incoming: Incoming) -> Answer:
        if incoming.head.target != "/second":
            over.wait(10)
        return echo(incoming)

    running = serve(app)
    with connect(running.port, PUSH) as sock:
        assert is_served(running)
        over.set()
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


def test_answer_that_nobody_reads_keeps_nobody_out(serve: Serve) -> None:
    def app(incoming: Incoming) -> Answer:
        return echo(incoming) if incoming.head.target == "/second" else Answer(200, [], [b"x" * (1 << 24)])

    running = serve(app, announces_waits=True)
    with connect(running.port, PUSH) as sock:
        assert sock.recv(9) == b"HTTP/1.1 "
        assert is_served(running)


def test_thread_that_accepts_can_stop_the_server(serve: Serve) -> None:
    def app(incoming: Incoming) -> Answer:
        running.stop()
        return Answer(200)

    before = set(threads.alive())
    running = serve(app, announces_waits=True)
    with connect(running.port, PUSH) as sock:
        assert sock.recv(65536) == b""
    assert wire.is_refused(running.port)
    # A thread cannot wait for its own end.
    wire.wait_until(lambda: set(threads.alive()) == before)


def test_thread_that_ends_with_the_turn_leaves_it(serve: Serve) -> None:
    def app(incoming: Incoming) -> Answer:
        if incoming.head.target != "/second":
            raise SystemExit
        return echo(incoming)

    running = serve(app, announces_waits=True)
    with connect(running.port, PUSH) as sock:
        assert sock.recv(65536) == b""
    assert is_served(running)


def test_descriptor_that_somebody_closed_ends_one_connection(serve: Serve) -> None:
    def app(incoming: Incoming) -> Answer:
        if incoming.head.target != "/second":
            (connection,) = running.server.connections()
            connection.sock.close()
        return Answer(200)

    running = serve(app, announces_waits=True)
    with connect(running.port, PUSH) as sock:
        assert sock.recv(65536) == b""
    assert is_served(running)


def test_paused_server_serves_again(serve: Serve) -> None:
    running = serve(announces_waits=True)
    with connect(running.port, PUSH) as sock:
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        running.server.pause()
        assert sock.recv(65536) == b""
    listener = socket.create_server(("127.0.0.1", running.port))
    running.server.resume([listener])
    assert is_served(running)


def test_what_can_wait_is_done_after_the_answer(serve: Serve) -> None:
    over = threading.Event()
    done: list[str] = []

    def app(incoming: Incoming) -> Answer:
        threads.after_the_answer(lambda: done.append(f"{incoming.head.target}: {over.wait(10)}"))
        return echo(incoming)

    running = serve(app)
    with connect(running.port, PUSH) as sock:
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        assert done == []
        over.set()
        sock.sendall(PUSH)
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        assert done[0] == "/: True"
    wire.wait_until(lambda: len(done) == 2)


def test_what_can_wait_is_done_if_there_is_no_answer(serve: Serve) -> None:
    done: list[str] = []

    def app(incoming: Incoming) -> Answer:
        threads.after_the_answer(lambda: done.append(incoming.head.target))
        return Answer(200, plan=Plan("disconnect", disconnect=True))

    with connect(serve(app).port, PUSH) as sock:
        with suppress(ConnectionResetError):
            assert sock.recv(65536) == b""
        wire.wait_until(lambda: done == ["/"])


def test_what_can_wait_is_done_at_once_where_nobody_waits() -> None:
    done: list[int] = []
    threads.after_the_answer(lambda: done.append(1))
    assert done == [1]
