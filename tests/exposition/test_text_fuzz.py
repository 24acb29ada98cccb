"""Mutated bodies: the same verdict in the same words, and the same scrape, from the real Pushgateway and from ours.

``PUSHGATEWAY_FUZZ_BODIES`` sets the number (default 500), ``PUSHGATEWAY_FUZZ_SEED`` which ones.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from pytest_pushgateway.exposition.model import ParseError
from pytest_pushgateway.exposition.text import reader as text_reader
from tests.exposition.bodies import ACCEPTED, PANICS, REFUSED
from tests.exposition.differential import GROUPING, disagreement
from tests.exposition.oracle import Oracle

BODIES = int(os.environ.get("PUSHGATEWAY_FUZZ_BODIES", "500"))
SEED = int(os.environ.get("PUSHGATEWAY_FUZZ_SEED", "1"))

SEEDS = [
    *REFUSED,
    *ACCEPTED,
    *PANICS,
    b'# HELP m a help\n# TYPE m counter\nm{a="1",b="2"} 3\nm{a="2",b="2"} 4\nm{b="1",a="1"} 5\nm 6\n',
    b'# TYPE h histogram\nh_bucket{a="b",le="1"} 1\nh_bucket{a="b",le="+Inf"} 2\nh_sum{a="b"} 1.5\nh_count{a="b"} 2\n',
    b'# TYPE s summary\ns{quantile="0.5",a="b"} 1\ns{quantile="0.9",a="b"} 2\ns_sum{a="b"} 3\ns_count{a="b"} 2\n',
]
PIECES = [
    *[bytes([byte]) for byte in b' \t\n\r"\\{}=,#:_+-.0159aeExpnINF\x00\x7f\x80\xc3\xa9\xff'],
    *[
        b'{a="b"}',
        b'{le="1"}',
        b'{quantile="0.5"}',
        b'"x"',
        b'\\"',
        b"\\n",
        b"\\\\",
        b"# TYPE ",
        b"# HELP ",
        b"__name__",
    ],
    *[b" histogram\n", b" summary\n", b" gauge\n", b" counter\n", b"_sum", b"_count", b"_bucket", b" 1\n"],
    *[b"# HELP ", b"__name__", b"1e999"],
    *[b"NaN", b"+Inf", b"-1", b"1.5", b"123456789", b"{}", b'{"a"}', b'{"a",b="c"}', b'job="x",', b'instance="y",'],
    *["é".encode(), "\u2028".encode(), b"gaugehistogram", b"U__a_2e_b", b'"a.b"', b"1700000000000"],
]

GROUPINGS: list[dict[bytes, bytes] | None] = [
    GROUPING,
    {b"job": b"j", b"a": b"%s", b"instance": b"\xc3\xa9"},
    {b"job": b'"\\\n', b"b": b"", b"x.%b": b"%b"},
    {b"job": b"\xff"},
    {b"job": b"j", b"quantile": b"1", b"le": b"2"},
    None,
]


def mutated(randomness: random.Random, seeds: list[bytes]) -> bytes:
    """Join one to three seeds and change a few places: bytes, pieces, lines."""
    body = b"".join(randomness.choices(seeds, k=randomness.choice([1, 1, 2, 3])))
    for _ in range(randomness.choice([0, 1, 1, 1, 2, 3])):
        at = randomness.randrange(len(body) + 1)
        to = min(len(body), at + randomness.choice([0, 0, 1, 1, 2, 5]))
        change = randomness.randrange(6)
        if change <= 2:
            body = body[:at] + randomness.choice(PIECES) + body[to:]
        elif change == 3:
            body = body[:at] + body[to:]
        elif change == 4:
            body = body[:to] + body[at:]
        else:
            lines = body.splitlines(keepends=True) or [b""]
            lines.insert(randomness.randrange(len(lines) + 1), randomness.choice(lines))
            body = b"".join(lines)
    return body


def bodies(salt: str, seeds: list[bytes]) -> Iterator[bytes]:
    randomness = random.Random(f"{SEED}{salt}")
    for _ in range(BODIES):
        yield mutated(randomness, seeds)


@pytest.mark.conformance
def test_mutated_bodies_get_the_same_verdict(oracle: Oracle) -> None:
    differences = [(body, difference) for body in bodies("", SEEDS) if (difference := disagreement(oracle, body))]
    assert not differences, "\n".join(f"{body!r}: {difference}" for body, difference in differences)


@pytest.mark.conformance
def test_mutated_bodies_with_utf8_names_get_the_same_verdict(utf8_oracle: Oracle) -> None:
    seeds = [
        *SEEDS,
        b'{"a.b","c.d"="e"} 1\n# TYPE "a.b" gauge\n',
        b'# TYPE "h.x" histogram\n{"h.x_bucket",le="1"} 1\n{"h.x_count"} 1\n',
    ]
    differences = [
        (body, difference)
        for body in bodies("utf8", seeds)
        if (difference := disagreement(utf8_oracle, body, utf8_names=True))
    ]
    assert not differences, "\n".join(f"{body!r}: {difference}" for body, difference in differences)


def test_fast_path_reads_like_strict_parser() -> None:
    for body in bodies("fast", SEEDS):
        for grouping in GROUPINGS:
            assert outcome(text_reader.parse, body, grouping) == outcome(text_reader.parse_strictly, body, grouping), (
                body
            )


def outcome(parse: object, body: bytes, grouping: dict[bytes, bytes] | None) -> str:
    assert callable(parse)
    try:
        return repr(parse(body, grouping))
    except ParseError as error:
        return str(error)
