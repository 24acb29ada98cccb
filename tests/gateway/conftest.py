from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pytest_pushgateway import Settings
from pytest_pushgateway.gateway.gateway import Gateway

GATEWAY_ARGUMENTS = {
    "build",
    "clock",
    "observer",
    "hook",
    "log",
    "listen",
    "recent_requests",
    "note",
    "flags",
    "on_quit",
}


@pytest.fixture
def start() -> Iterator[Callable[..., Gateway]]:
    """Start gateways; each must end without an exception that it did not expect."""
    started: list[Gateway] = []

    def start(**options: Any) -> Gateway:
        arguments = {name: options.pop(name) for name in GATEWAY_ARGUMENTS & options.keys()}
        gateway = Gateway(Settings(**options), **arguments)
        gateway.start()
        started.append(gateway)
        return gateway

    yield start
    for gateway in started:
        gateway.stop()
        assert gateway.errors == []


@pytest.fixture
def gateway(start: Callable[..., Gateway]) -> Gateway:
    return start()
