from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pytest_pushgateway import Settings, threads
from pytest_pushgateway.gateway.http.host import Answer, Application, Incoming
from pytest_pushgateway.gateway.http.listeners import open_listeners
from pytest_pushgateway.gateway.http.server import Server
from pytest_pushgateway.settings import OPTIONS
from tests import wire
from tests.systems import open_descriptors


def echo(incoming: Incoming) -> Answer:
    """Answer with the request's body."""
    return Answer(200, [("Content-Type", "text/plain")], [incoming.body.read()])


class Running:
    """A server, its listening sockets, and its log."""

    def __init__(self, app: Application, **options: Any) -> None:
        self.log: list[tuple[str, str, dict[str, Any]]] = []
        self.listeners = open_listeners([("127.0.0.1", 0)])
        limits = {name: options.pop(name) for name in OPTIONS if name in options and name != "tls"}
        log = options.pop("log", lambda level, message, **fields: self.log.append((level, message, fields)))
        boundary = options.pop("boundary", None)
        self.server = Server(app, self.listeners, limits=Settings(**limits), log=log, **options)
        if boundary is not None:
            self.server.boundary = boundary
        self.server.start()
        self.port = self.server.port

    def stop(self, grace: float = 0.0) -> None:
        self.server.stop(grace)


@pytest.fixture
def serve() -> Iterator[Callable[..., Running]]:
    """Run servers. Afterwards no thread and no descriptor of theirs may be left, and nothing have gone wrong."""
    running_before, descriptors = set(threads.alive()), open_descriptors()
    started: list[Running] = []

    def serve(app: Application = echo, **options: Any) -> Running:
        started.append(Running(app, **options))
        return started[-1]

    yield serve
    for running in started:
        running.stop()
        assert running.server.errors == []
    assert set(threads.alive()) == running_before
    # Fewer where the collector has closed some that earlier tests left.
    wire.wait_until(lambda: open_descriptors() <= descriptors)
