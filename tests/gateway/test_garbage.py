"""The remains of a request are freed at once: ``serve`` looks for cycles rarely, and a head may be a megabyte."""

from __future__ import annotations

import gc
import gzip
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import trustme

from pytest_pushgateway.gateway.gateway import Gateway
from pytest_pushgateway.gateway.http.connection import Connection
from tests import wire

pytestmark = pytest.mark.skipif(
    sys.implementation.name != "cpython" or "free-threading" in sys.version, reason="frees objects later"
)

HEAD = b"PUT /metrics/job/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


def push(body: bytes, fields: bytes = b"", length: int | None = None) -> bytes:
    return HEAD + fields + b"Content-Length: %d\r\n\r\n%b" % (len(body) if length is None else length, body)


REQUESTS = {
    "accepted": push(b"rows 1\n"),
    "malformed": push(b"rows\n"),
    "rejected": push(b"rows 1\nrows 2\n"),
    "cut off": push(b"rows 1\n" * 1000, length=300_000),
    "cut off before its end is read": push(b"rows 1\n", length=100),
    "too large": push(b"", length=1 << 40),
    "chunked": HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\na 1\n\r\n0\r\n\r\n",
    "badly chunked": HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\na 1\nx",
    "gzip": push(gzip.compress(b"rows 1\n"), b"Content-Encoding: gzip\r\n"),
    "gzip, cut off": push(gzip.compress(b"rows 1\n")[:-4], b"Content-Encoding: gzip\r\n"),
    "broken snappy": push(b"xxxxxxxx", b"Content-Encoding: snappy\r\n"),
    "not a head": b"rows\r\n\r\n",
    "a long head": HEAD + b"X: " + b"x" * 2_000_000,
    "a scrape": b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
}


@pytest.fixture
def no_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def send(sock: socket.socket, request: bytes) -> None:
    """Send a request and its end, and read the answer."""
    with suppress(OSError):  # refused before all was sent
        sock.sendall(request)
        sock.shutdown(socket.SHUT_WR)
    with suppress(OSError):
        while sock.recv(65536):
            pass


def is_free(gateway: Gateway) -> bool:
    """Return whether no connection of a gateway is in memory; other tests may have left some to theirs."""
    connections = [each for each in gc.get_objects() if isinstance(each, Connection)]
    return all(getattr(each.server, "port", 0) != gateway.port for each in connections)


@pytest.mark.usefixtures("no_collections")
@pytest.mark.parametrize("request_sent", REQUESTS.values(), ids=[*REQUESTS])
def test_no_cycle_keeps_a_request(gateway: Gateway, request_sent: bytes) -> None:
    with socket.create_connection((gateway.host, gateway.port), timeout=30) as sock:
        send(sock, request_sent)
    wire.wait_until(lambda: is_free(gateway))


@pytest.mark.usefixtures("no_collections")
@pytest.mark.parametrize("is_request", [True, False])
def test_no_cycle_keeps_a_request_over_tls(start: Callable[..., Gateway], is_request: bool) -> None:
    authority = trustme.CA()
    context, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(trusting)
    gateway = start(tls=context)
    with socket.create_connection((gateway.host, gateway.port), timeout=30) as sock:
        if is_request:
            with trusting.wrap_socket(sock, server_hostname="127.0.0.1") as wrapped:
                wrapped.sendall(REQUESTS["accepted"])
                while wrapped.recv(65536):
                    pass
        else:
            send(sock, b"no handshake")
    wire.wait_until(lambda: is_free(gateway))
