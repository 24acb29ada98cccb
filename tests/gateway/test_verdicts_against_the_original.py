"""Random sequences of pushes and deletions, to the real Pushgateway and to our store."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from tests.exposition.oracle import Oracle, running_pushgateway
from tests.gateway.held import key
from tests.gateway.rivals import Duel, Ours, Step, Theirs, agree, report, some_steps
from tests.wire import real_pushgateway

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


TOTAL = b"pushgateway_http_requests_total"
SUMMARY = b"pushgateway_http_push_size_bytes"


@pytest.mark.conformance
@pytest.mark.parametrize(
    "bodies",
    [
        [b"# TYPE %b counter\n%b 1\n" % (TOTAL, TOTAL), b"a 1\n"],
        [b"%b 1\n" % TOTAL, b"a 1\n", b""],
        [b"%b_sum 1\n" % SUMMARY, b"%b_sum 1\n" % SUMMARY, b"b 1\n"],
        [b"# TYPE %b summary\n%b_sum 1\n" % (TOTAL, TOTAL)],
        [b"a 1 1\n", b"%b_count 1\n" % SUMMARY],
    ],
)
def test_own_metrics_that_come_with_the_first_push(bodies: list[bytes]) -> None:
    """A fresh gateway has no metrics on requests: what is pushed under their names is accepted, once."""
    ours = Ours()
    with real_pushgateway() as port:  # which has not been asked anything yet, not even whether it is ready
        oracle = Oracle(port)
        theirs = Theirs(oracle)
        for body in bodies:
            step = Step("PUT", key(job="j"), body)
            expected, got = theirs.take(step), ours.take(step)
            assert agree(expected, got), report([step], expected, got)
        oracle.close()
