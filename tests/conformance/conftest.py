"""The pairs of programs and the clients that the suite's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import peers
from tests.conformance.programs import Pairs
from tests.wire import GO_1_25


@pytest.fixture(scope="session")
def pairs() -> Iterator[Pairs]:
    """The original as it is built and ours beside it, one pair for each set of flags."""
    pairs = Pairs(peers.pushgateway_binary())
    yield pairs
    pairs.close()


@pytest.fixture(scope="session")
def pairs_of_go_1_25() -> Iterator[Pairs]:
    """The same binary with the routing and the reading of lengths of Go 1.25."""
    pairs = Pairs(peers.pushgateway_binary(), godebug=GO_1_25)
    yield pairs
    pairs.close()


@pytest.fixture(scope="session")
def client_cache(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for clients that are installed or built once: in pytest's cache, unless that is off."""
    cache = getattr(pytestconfig, "cache", None)  # not there with -p no:cacheprovider
    return cache.mkdir("clients") if cache else tmp_path_factory.mktemp("clients")
