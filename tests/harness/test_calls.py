"""The cost of a push on a kept connection: counted in calls of functions, not timed."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from pytest_pushgateway import Pushgateway
from pytest_pushgateway.gateway.http.connection import Connection
from pytest_pushgateway.harness.behind.local import LocalGateway
from tests.work import calls_of

pytestmark = pytest.mark.once

Push = Callable[[str], int]
"""Pushes a body on the connection; returns how many functions the gateway called to serve it."""


@pytest.fixture
def push() -> Iterator[Push]:
    client, served = socket.socketpair()
    with Pushgateway() as gateway, closing(client), closing(served):
        local = gateway._gateway
        assert isinstance(local, LocalGateway)
        assert local.inner is not None
        connection = Connection(local.inner._server, served, ("127.0.0.1", 1))

        def push(body: str) -> int:
            head = f"PUT /metrics/job/j HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
            client.sendall((head + body).encode())
            calls = calls_of(connection._serve_one)
            assert client.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
            return calls

        yield push


def series(size: int, value: int) -> str:
    return "".join(f'a{{x="{number}"}} {value}\n' for number in range(size))


def test_push_of_new_numbers_takes_few_calls(push: Push) -> None:
    for number in range(5):
        push(series(10, number))
    assert push(series(10, 5)) < 125


def test_calls_do_not_grow_with_the_series(push: Push) -> None:
    calls = []
    for size in (10, 200):
        for number in range(5):
            push(series(size, number))
        calls.append(push(series(size, 5)))
    assert calls[0] == calls[1]
