"""The pairs of programs that the suite's records share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import peers
from tests.conformance.programs import Pairs


@pytest.fixture(scope="session")
def pairs() -> Iterator[Pairs]:
    """The original and ours beside it, one pair for each set of flags."""
    pairs = Pairs(peers.pushgateway_binary())
    yield pairs
    pairs.close()
