"""Mutated protobuf bodies: the same verdict from the real Pushgateway and from ours.

``PUSHGATEWAY_FUZZ_BODIES`` sets the number (default 500), ``PUSHGATEWAY_FUZZ_SEED`` which ones.
"""

from __future__ import annotations

import random

import pytest

from pytest_pushgateway.exposition.model import ParseError, RenderError
from pytest_pushgateway.exposition.protobuf import reader as protobuf
from pytest_pushgateway.exposition.text import writer as text_writer
from tests.exposition.differential import GROUPING, INCONSISTENT
from tests.exposition.oracle import Oracle
from tests.exposition.test_protobuf import CONSISTENT, CONTENT_TYPE, INCONSISTENT_BODIES, in_order, varint
from tests.exposition.test_text_fuzz import BODIES, SEED

SEEDS = [*CONSISTENT.values(), *INCONSISTENT_BODIES.values()]


def mutated(randomness: random.Random) -> bytes:
    """Change a few bytes of a message and write its length again, most of the time."""
    body = randomness.choice(SEEDS)
    for _ in range(randomness.choice([1, 1, 2, 3])):
        at = randomness.randrange(1, len(body) + 1) if body else 0
        to = min(len(body), at + randomness.choice([0, 1, 1, 1, 2]))
        body = body[:at] + randomness.randbytes(randomness.choice([0, 1, 1, 1, 2])) + body[to:]
    if randomness.randrange(4) and len(body) < 128 and body:
        body = varint(len(body) - 1) + body[1:]
    return body


def disagreement(oracle: Oracle, body: bytes) -> str | None:
    oracle.request("DELETE", "/metrics/job/j")
    answer = oracle.push(body, headers={"Content-Type": CONTENT_TYPE})
    try:
        parsed = protobuf.parse(body, GROUPING)
    except ParseError as error:
        if answer.status == 0:
            return None  # the original died of a length that no memory holds
        same = answer.status == 400 and answer.body.decode().replace("proto: ", "proto:\xa0") == f"{error}\n"
        return None if same else f"ours refuses: {error}; theirs: {answer.status} {answer.body!r}"
    if answer.status != 200:
        consistent = not answer.body.startswith(INCONSISTENT)
        return f"ours accepts; theirs: {answer.status} {answer.body!r}" if consistent else None
    try:
        ours = text_writer.render_text(in_order(parsed))
    except RenderError:
        return None  # the original stops in the middle of its families then
    # Neither explicitly empty help texts nor families that the original cannot write are compared.
    theirs = oracle.pushed()
    return None if ours == theirs or b"\x12\x00" in body else f"ours exposes {ours!r}; theirs {theirs!r}"


@pytest.mark.conformance
def test_mutated_messages_get_the_same_verdict(oracle: Oracle) -> None:
    randomness = random.Random(f"{SEED}protobuf")
    differences = []
    for _ in range(BODIES):
        body = mutated(randomness)
        difference = disagreement(oracle, body)
        if difference:
            differences.append(f"{body!r}: {difference}")
    assert not differences, "\n".join(differences)
