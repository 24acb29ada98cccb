"""The pairs of programs that the suite's records share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests import peers
from tests.conformance.programs import Pairs


@pytest.fixture(scope="session")
def pairs() -> Iterator[Pairs]:
    """The original and ours beside it (or a second original, to judge the suite), one pair for each set of flags."""
    against_itself = os.environ.get("CONFORMANCE_AGAINST_ITSELF") == "yes"
    pairs = Pairs(peers.pushgateway_binary(), against_itself=against_itself)
    yield pairs
    pairs.close()
