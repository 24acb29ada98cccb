"""Random sequences and random bodies get the same verdicts and scrapes from both programs.

``CONFORMANCE_SEQUENCES`` and ``CONFORMANCE_BODIES`` set the number for each set of flags (150, with fewer if flags are
not the default, and 300); with either given the seed is new for each run, without it the same examples
come every time.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, event, given, note, settings
from hypothesis import strategies as st

from tests.conformance.programs import Pair, Pairs
from tests.conformance.records import Request, put, scrape
from tests.conformance.runner import Outcome, ask, send
from tests.conformance.sections import bodies_folding, bodies_text, utf8_names
from tests.conformance.sequences import SCRAPES, Edit, edited, edits, sequences

REPLAYS = 20
"""How often the original plays a sequence again, from fresh, before a difference counts."""


def _amount(variable: str, default: int) -> settings:
    return settings(
        max_examples=int(os.environ.get(variable, default)),
        derandomize=variable not in os.environ,
        database=None,
        deadline=None,
        print_blob=True,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )


def _panicked(outcome: Outcome) -> bool:
    """The original's handler panics on ``{} 1``; ours answers 400 (see the deviations)."""
    return "closed without an answer" in outcome.original and "invalid metric name" in outcome.ours


def _first_difference(steps: list[Request], pair: Pair) -> Outcome | None:
    for step in steps:
        outcome = ask(step, pair)
        if not outcome.equal and not _panicked(outcome):
            return outcome
    return None


def _contradicts_itself(steps: list[Request], pairs: Pairs, flags: str) -> bool:
    """Return whether the original's own answers to a sequence differ from one run to another."""
    transcripts = set()
    pair = pairs.new(flags)
    try:
        for _ in range(REPLAYS):
            pair.original.start()
            transcripts.add(tuple(send(step, pair.original) for step in steps))
            pair.original.stop()
            if len(transcripts) > 1:
                return True
    finally:
        pair.close()
    return False


def _play(steps: list[Request], pairs: Pairs, flags: str) -> None:
    difference = _first_difference(steps, pairs.standing(flags))
    if difference is None:
        return
    if _contradicts_itself(steps, pairs, flags):
        event("the original contradicts itself")
    else:
        note("\n".join(f"{step.data!r}" for step in steps))
        pytest.fail(str(difference), pytrace=False)


@pytest.mark.conformance
@_amount("CONFORMANCE_SEQUENCES", 150)
@given(steps=sequences(dotted=False))
def test_sequences(pairs: Pairs, steps: list[Request]) -> None:
    _play([*steps, *SCRAPES], pairs, "default")


@pytest.mark.conformance
@_amount("CONFORMANCE_SEQUENCES", 50)
@given(steps=sequences(dotted=True))
def test_sequences_with_utf8_names(pairs: Pairs, steps: list[Request]) -> None:
    _play([*steps, *SCRAPES], pairs, "utf8")


@pytest.mark.conformance
@_amount("CONFORMANCE_SEQUENCES", 50)
@given(steps=sequences(dotted=False))
def test_sequences_without_the_consistency_check(pairs: Pairs, steps: list[Request]) -> None:
    _play([*steps, *SCRAPES], pairs, "unchecked")


BODIES = [
    body if isinstance(body, bytes) else body.encode()
    for bodies in (bodies_text.ACCEPTED, bodies_text.REFUSED, bodies_folding.BODIES, utf8_names.BODIES)
    for body in bodies.values()
    if len(body) < 1000
]


@pytest.mark.conformance
@pytest.mark.parametrize("flags", ["default", "utf8"])
@_amount("CONFORMANCE_BODIES", 300)
@given(body=st.sampled_from(BODIES), changes=edits)
def test_bodies(pairs: Pairs, flags: str, body: bytes, changes: list[Edit]) -> None:
    look = scrape("text/plain; version=1.0.0; escaping=allow-utf-8")
    _play([put("/metrics/job/mutated", edited(body, changes)), look], pairs, flags)
