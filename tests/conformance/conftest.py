"""The pairs of programs that the suite's records share."""

from __future__ import annotations

from collections.abc import Iterator

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
