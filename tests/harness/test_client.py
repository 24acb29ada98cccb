"""The client that sends the test's own requests never takes a part of an answer for the whole."""

from __future__ import annotations

import re
import socket
import threading

import pytest

from pytest_pushgateway.harness.sending import Client

HEAD = b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\n"


def answered(raw: bytes) -> bytes:
    """Send a request to a server that answers ``raw`` and closes; return the body."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(raw)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            return Client("127.0.0.1", listener.getsockname()[1], False, None).request("GET", "/", {}).body
        finally:
            thread.join()


@pytest.mark.parametrize(
    ("raw", "body"),
    [(HEAD + b"a 1\n", b"a 1\n"), (b"HTTP/1.0 200 OK\r\n\r\na 1\n", b"a 1\n")],
    ids=["by its length", "by its end"],
)
def test_whole_answer(raw: bytes, body: bytes) -> None:
    assert answered(raw) == body


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "without an answer"),
        (b"HTTP/1.0 200 OK\r\nContent-", "without an answer"),
        (b"nonsense\r\n\r\n", "without an answer"),
        (HEAD + b"a 1", "after 3 of 4 bytes"),
    ],
    ids=["nothing", "half a head", "no status", "half a body"],
)
def test_broken_answer(raw: bytes, problem: str) -> None:
    with pytest.raises(ConnectionResetError, match=re.escape(f"the gateway closed the connection {problem}")):
        answered(raw)
