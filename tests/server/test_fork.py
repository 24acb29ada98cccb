"""A forked child closes its copies: the parent's port is free when the parent stops, and its clients see the end."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests import wire
from tests.server.conftest import Running
from tests.systems import needs_fork

Serve = Callable[..., Running]


@pytest.fixture
def child() -> Callable[[Callable[[], int]], int]:
    """Run a function in a forked child, which ends at once with its result as its status."""

    def fork(function: Callable[[], int]) -> int:
        pid = os.fork()
        if pid == 0:
            status = 99
            try:
                status = function()
            finally:
                os._exit(status)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    return fork


pytestmark = [
    needs_fork,
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


def test_child_inherits_no_socket_of_server(serve: Serve, child: Callable[[Callable[[], int]], int]) -> None:
    running = serve()
    with socket.create_connection(("127.0.0.1", running.port)):
        wire.wait_until(running.server.connections)
        workers = running.server._workers
        assert workers is not None
        ours = {workers._wake_receiver.fileno(), workers._wake_sender.fileno()}
        ours |= {one.fileno() for one in running.listeners}
        ours |= {connection.sock.fileno() for connection in running.server.connections()}

        def still_open() -> int:
            count = 0
            for descriptor in ours:
                with suppress(OSError):
                    count += stat.S_ISSOCK(os.fstat(descriptor).st_mode)
            return count

        assert len(ours) == 4
        assert child(still_open) == 0
        assert wire.request(running.port, "GET", "/").status == 200


def test_stopping_in_the_child_does_nothing(serve: Serve, child: Callable[[Callable[[], int]], int]) -> None:
    running = serve()

    def stop() -> int:
        running.server.stop()
        return 0

    assert child(stop) == 0
    assert wire.request(running.port, "GET", "/").status == 200


def test_surviving_child_does_not_keep_port(serve: Serve) -> None:
    running = serve()
    child_side, our_side = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        our_side.close()
        child_side.send(b"alive")
        child_side.recv(1)
        os._exit(0)
    try:
        assert our_side.recv(5) == b"alive"
        running.server.stop()
        assert wire.is_refused(running.port)
    finally:
        child_side.close()
        our_side.close()
        os.waitpid(pid, 0)
