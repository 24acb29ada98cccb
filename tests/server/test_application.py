"""The server and its application: the request that it hands over, and the answer that it sends."""

from __future__ import annotations

import gc
import logging
import socket
import weakref
from collections.abc import Callable

import pytest

from pytest_pushgateway.gateway.http.host import Answer, Incoming
from tests import wire
from tests.server.conftest import Running, echo

Serve = Callable[..., Running]


def test_request(serve: Serve) -> None:
    seen: list[Incoming] = []

    def app(incoming: Incoming) -> Answer:
        seen.append(incoming)
        return echo(incoming)

    running = serve(app)
    wire.request(running.port, "PUT", "//a%20b/\xff?c=%20d", b"body", {"Content-Type": "text/x", "X-Some": "thing"})
    ((head, body, peer),) = seen
    assert (head.method, head.target, head.content_length) == ("PUT", "//a%20b/\xff?c=%20d", 4)
    assert head.fields["content-type"] == "text/x"
    assert ("X-Some", "thing") in head.headers
    assert peer.remote_address.startswith("127.0.0.1:")
    assert body.read() == b""


@pytest.mark.parametrize("size", [0, 1, 2048, 2049, 65536, 5_000_000])
def test_bodies_of_any_size(serve: Serve, size: int) -> None:
    running = serve()
    body = b"x" * size
    response = wire.request(running.port, "PUT", "/", body)
    assert response.body == body
    assert response.headers["Content-Length"] == (str(size) if size <= 2048 else None)
    assert response.headers["Transfer-Encoding"] == (None if size <= 2048 else "chunked")


def test_many_blocks(serve: Serve) -> None:
    def app(incoming: Incoming) -> Answer:
        return Answer(200, [], [b"%09d\n" % number for number in range(100_000)])

    body = wire.request(serve(app).port, "GET", "/").body
    assert body == b"".join(b"%09d\n" % number for number in range(100_000))


def test_exception_is_recorded_and_answered(serve: Serve) -> None:
    def app(incoming: Incoming) -> Answer:
        raise LookupError("a bug")

    running = serve(app)
    answer = wire.talk(running.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.raw.startswith(b"HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n")
    assert answer.end == "eof"
    assert [str(error) for error in running.server.errors] == ["a bug"]
    assert running.log == [("error", "request failed", {"err": "LookupError: a bug"})]
    running.server.errors.clear()


def test_no_server_header_and_one_date(serve: Serve) -> None:
    response = wire.request(serve(clock=lambda: 1_700_000_000.5).port, "GET", "/")
    assert response.headers["Server"] is None
    assert response.headers.get_all("Date") == ["Tue, 14 Nov 2023 22:13:20 GMT"]


def test_nothing_is_written_or_logged(
    serve: Serve, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    running = serve()
    wire.request(running.port, "GET", "/")
    wire.talk(running.port, b"nonsense\r\n\r\n")
    running.stop()
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert running.log == []


def test_gone_client_is_not_an_error(serve: Serve) -> None:
    def much(incoming: Incoming) -> Answer:
        return Answer(200, [], [b"x" * 65536] * 500)

    running = serve(much)
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", running.port)) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            sock.recv(1)
    wire.wait_until(lambda: not running.server.connections())


def test_standard_server_class_is_left_unchanged(serve: Serve) -> None:
    from http.server import BaseHTTPRequestHandler

    from werkzeug.serving import WSGIRequestHandler

    before = WSGIRequestHandler.protocol_version, BaseHTTPRequestHandler.protocol_version
    wire.request(serve().port, "GET", "/")
    assert (WSGIRequestHandler.protocol_version, BaseHTTPRequestHandler.protocol_version) == before


def test_only_the_first_exceptions_are_kept_and_nothing_of_their_requests(serve: Serve) -> None:
    bodies: list[weakref.ref[Held]] = []

    def app(incoming: Incoming) -> Answer:
        held = Held()
        bodies.append(weakref.ref(held))
        raise RuntimeError("a bug")

    running = serve(app)
    for _ in range(50):
        assert wire.request(running.port, "GET", "/").status == 500
    gc.collect()
    assert len(running.server.errors) == 20
    # The last one may be in the hands of its thread.
    assert sum(body() is not None for body in bodies) <= 1
    running.server.errors.clear()


class Held:
    """Something large that a request has."""
