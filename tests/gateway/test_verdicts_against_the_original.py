"""Random sequences of pushes and deletions, to the real Pushgateway and to our store."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from tests.exposition.oracle import Oracle, running_pushgateway
from tests.gateway.rivals import Duel, some_steps

SEQUENCES = int(os.environ.get("VERDICT_SEQUENCES", "150"))
SEED = int(os.environ.get("VERDICT_SEED", "1"))


@pytest.fixture(scope="module")
def admin_oracle() -> Iterator[Oracle]:
    with running_pushgateway("--web.enable-admin-api") as oracle:
        yield oracle


@pytest.mark.conformance
def test_random_sequences_end_alike(admin_oracle: Oracle) -> None:
    dice = random.Random(SEED)
    duel = Duel(admin_oracle)
    for _ in range(SEQUENCES):
        duel.play(some_steps(dice))
        assert not duel.tally.differences, duel.tally.differences[0]
    assert duel.tally.rejected
    assert duel.tally.broken_scrapes
    print(duel.tally)
