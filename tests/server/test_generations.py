"""To which generation a request belongs: the one in which its first byte arrived, whether or not it was read then."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pytest_pushgateway.gateway.http.host import Answer, Incoming
from pytest_pushgateway.gateway.http.readiness import has_unread
from pytest_pushgateway.gateway.http.tls import Stream
from pytest_pushgateway.gateway.http.workers import Workers
from pytest_pushgateway.gateway.log import silent
from tests import wire
from tests.server.conftest import Running

Serve = Callable[..., Running]

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def show_generation(incoming: Incoming) -> Answer:
    """Answer with the generation of the request."""
    incoming.body.read()
    return Answer(200, [], [b"generation %d." % incoming.peer.generation])


def generation(client: socket.socket) -> int:
    """Read one answer."""
    received = b""
    while not received.endswith(b"."):
        data = client.recv(65536)
        assert data, received
        received += data
    return int(received.rpartition(b" ")[2][:-1])


@pytest.fixture
def running(serve: Serve) -> Running:
    # A lock that whoever holds it may take again: a test keeps everybody from reading and still begins a generation.
    return serve(show_generation, boundary=threading.RLock())


def counted(number: int) -> Callable[[], int]:
    """Return what begins the generation ``number``."""
    return lambda: number


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        yield client


def test_idle_connection_joins_new_generation_at_next_request(running: Running) -> None:
    with connected(running.port) as client:
        for number in range(3):
            client.sendall(GET)
            assert generation(client) == number
            running.server.begin_generation(counted(number + 1))


def test_unread_bytes_in_a_socket_are_of_the_old_generation(running: Running) -> None:
    with connected(running.port) as client:
        client.sendall(GET)
        assert generation(client) == 0
        with running.server.boundary:  # nothing is read
            client.sendall(GET)
            running.server.begin_generation(counted(1))
            running.server.begin_generation(counted(2))
        assert generation(client) == 0
        client.sendall(GET)
        assert generation(client) == 2


def test_backlog_is_of_the_old_generation(running: Running) -> None:
    boundary: Any = running.server.boundary
    boundary.acquire()  # nobody is accepted
    with connected(running.port) as first, connected(running.port) as second, connected(running.port) as silent:
        first.sendall(GET)
        second.sendall(GET[:1])
        running.server.begin_generation(counted(1))
        boundary.release()
        second.sendall(GET[1:])
        silent.sendall(GET)
        assert [generation(client) for client in (first, second, silent)] == [0, 0, 1]


def test_half_read_request_is_of_old_generation(running: Running) -> None:
    with connected(running.port) as client:
        client.sendall(GET[:10])
        wire.wait_until(lambda: any(not one._between_requests for one in running.server.connections()))
        running.server.begin_generation(counted(1))
        client.sendall(GET[10:])
        assert generation(client) == 0


def test_pipelined_request_is_of_its_generation(serve: Serve) -> None:
    inside, go = threading.Event(), threading.Event()

    def slow(incoming: Incoming) -> Answer:
        inside.set()
        go.wait(10)
        return show_generation(incoming)

    running = serve(slow)
    with connected(running.port) as client:
        client.sendall(GET + GET)
        assert inside.wait(10)
        running.server.begin_generation(counted(1))
        go.set()
        received = b""
        while received.count(b"generation 0.") < 2:
            data = client.recv(65536)
            assert data, received
            received += data
        client.sendall(GET)
        assert generation(client) == 1


def test_stop_drops_accepted_but_unserved_connections() -> None:
    taken: list[Any] = []
    dropped: list[tuple[Any, Exception | None]] = []

    def take(sock: Any, address: object) -> Any:
        taken.append(sock)
        return sock

    def drop(connection: Any, reason: Exception | None) -> None:
        dropped.append((connection, reason))
        connection.close()

    listener = socket.create_server(("127.0.0.1", 0))
    workers = Workers(
        [listener],
        take=take,
        drop=drop,
        relieve=lambda: None,
        crowded=lambda: False,
        log=silent,
        boundary=threading.Lock(),
    )
    with connected(listener.getsockname()[1]) as first, connected(listener.getsockname()[1]) as second:
        workers.accept_all()
        workers.end()
        workers.accept_all()
        assert [first.recv(1), second.recv(1)] == [b"", b""]
    assert len(taken) == 2
    assert dropped == [(sock, None) for sock in taken]


# TLS: what has arrived can be read only when it is decrypted, and bytes of a handshake are of no request.


@pytest.fixture
def trust(certificate: tuple[str, str]) -> ssl.SSLContext:
    from pathlib import Path

    return ssl.create_default_context(cafile=str(Path(certificate[0]).parent / "ca.pem"))


def server_context(certificate: tuple[str, str], newest: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.maximum_version = newest
    return context


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


class Client:
    """The client's side of a TLS connection, whose every byte a test sends by hand."""

    def __init__(self, sock: socket.socket, trust: ssl.SSLContext) -> None:
        self._sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = trust.wrap_bio(self._incoming, self._outgoing, server_hostname="127.0.0.1")

    def hello(self) -> None:
        """Send the first part of the handshake."""
        with pytest.raises(ssl.SSLWantReadError):
            self._tls.do_handshake()
        self.flush()

    def take(self) -> None:
        """Receive what the server sent."""
        self._incoming.write(self._sock.recv(65536))

    def finish(self) -> None:
        """Make the last part of the handshake, without sending it."""
        self._tls.do_handshake()

    def write(self, data: bytes) -> None:
        """Encrypt, without sending."""
        self._tls.write(data)

    def flush(self) -> None:
        self._sock.sendall(self._outgoing.read())


@pytest.mark.parametrize("request_too", [False, True], ids=["handshake", "handshake-and-request"])
def test_last_step_of_handshake_knows_if_a_request_waits(
    certificate: tuple[str, str], trust: ssl.SSLContext, request_too: bool
) -> None:
    ours, theirs = socket.socketpair()
    stream = Stream(server_context(certificate, ssl.TLSVersion.TLSv1_3), ours, lambda: False)
    client = Client(theirs, trust)
    stream.step()  # nothing has come: nothing happens
    client.hello()
    stream.step()
    assert not stream.established
    client.take()
    client.finish()
    if request_too:
        client.write(GET)
    client.flush()
    stream.step()
    assert stream.established
    assert has_unread(stream.sock) is request_too
    stream.step()
    assert has_unread(stream.sock) is request_too
    stream.sock.close()
    theirs.close()


def test_handshake_errors_reach_thread_of_the_connection(certificate: tuple[str, str]) -> None:
    ours, theirs = socket.socketpair()
    stream = Stream(server_context(certificate, ssl.TLSVersion.TLSv1_3), ours, lambda: False)
    theirs.sendall(b"\x16\x03\x01\x00\x05nonse")
    stream.step()
    with pytest.raises(ssl.SSLError):
        stream.shake_hands(10)
    stream.sock.close()
    theirs.close()


def test_handshake_has_a_timeout(certificate: tuple[str, str]) -> None:
    ours, theirs = socket.socketpair()
    stream = Stream(server_context(certificate, ssl.TLSVersion.TLSv1_3), ours, lambda: False)
    with pytest.raises(TimeoutError):
        stream.shake_hands(0.01)
    stream.sock.close()
    theirs.close()


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def encrypted(serve: Serve, certificate: tuple[str, str], request: pytest.FixtureRequest) -> Running:
    context = server_context(certificate, request.param)
    return serve(show_generation, tls=lambda: context, boundary=threading.RLock())


def test_kept_tls_connection_stays(encrypted: Running, trust: ssl.SSLContext) -> None:
    with connected(encrypted.port) as plain, trust.wrap_socket(plain, server_hostname="127.0.0.1") as client:
        for number in range(3):
            client.sendall(GET)
            assert generation(client) == number
            encrypted.server.begin_generation(counted(number + 1))


def test_unread_tls_records_are_of_the_old_generation(encrypted: Running, trust: ssl.SSLContext) -> None:
    with connected(encrypted.port) as plain, trust.wrap_socket(plain, server_hostname="127.0.0.1") as client:
        client.sendall(GET)
        assert generation(client) == 0
        with encrypted.server.boundary:
            client.sendall(GET)
            encrypted.server.begin_generation(counted(1))
        assert generation(client) == 0
        client.sendall(GET)
        assert generation(client) == 1


def test_half_read_record_is_of_old_generation(encrypted: Running, trust: ssl.SSLContext) -> None:
    with connected(encrypted.port) as sock:
        client = Client(sock, trust)
        client.hello()
        while True:
            client.take()
            try:
                client.finish()
                break
            except ssl.SSLWantReadError:
                client.flush()
        client.write(GET)
        outgoing = client._outgoing.read()
        sock.sendall(outgoing[:-5])
        wire.wait_until(lambda: any(not one._between_requests for one in encrypted.server.connections()))
        encrypted.server.begin_generation(counted(1))
        sock.sendall(outgoing[-5:])
        wire.wait_until(lambda: has_unread(sock))
        received = b""
        while b"generation 0." not in received:
            client.take()
            while True:
                try:
                    received += client._tls.read(65536)
                except ssl.SSLWantReadError:
                    break
