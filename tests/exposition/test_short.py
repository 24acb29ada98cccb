"""Short bodies that differ from the one before only in their numbers: what is read is what the parser reads."""

from __future__ import annotations

import random

import pytest

from pytest_pushgateway.exposition.model import Memo, Parsed, ParseError
from pytest_pushgateway.exposition.text import short
from pytest_pushgateway.gateway.app.push_body import parse_push
from tests.exposition.test_again import GROUPING, LINES, ODD, PLAIN, WRONG, body_of, read_afresh

BODY = b'# HELP a Rows.\n# TYPE a gauge\na{t="x"} 1\na{t="y"} 2.50\nb 3.0\n'


def read(body: bytes, memo: Memo | None) -> Parsed | str:
    try:
        return parse_push((body,), "", GROUPING, memo, utf8_names=False)
    except ParseError as problem:
        return str(problem)


def third(*bodies: bytes) -> tuple[Parsed, Parsed]:
    """Read one body after the other; return what the last two are."""
    before = parsed = Parsed({})
    for body in bodies:
        found = read(body, parsed.memo)
        assert isinstance(found, Parsed)
        before, parsed = parsed, found
    return before, parsed


def test_any_short_body_is_read_as_the_parser_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    randomness = random.Random(4)
    hits = 0
    plainly = short._with_numbers

    def noting(memo: Memo, values: list[bytes]) -> Parsed:
        nonlocal hits
        hits += 1
        return plainly(memo, values)

    monkeypatch.setattr(short, "_with_numbers", noting)
    for _ in range(1500):
        weights = [20] * 5 + [1] * (len(LINES) - 5)
        shape = randomness.choices(LINES, weights, k=randomness.randrange(0, 7))
        if randomness.random() < 0.7:
            shape.sort()  # families that follow each other
        memo: Memo | None = None
        for _ in range(5):
            numbers = randomness.choices([PLAIN, PLAIN + ODD, PLAIN + WRONG], [6, 3, 1])[0]
            lines = [*shape, randomness.choice(LINES)] if randomness.random() < 0.15 else shape
            body = body_of(randomness, lines, numbers)
            if randomness.random() < 0.05:
                body = body[: randomness.randrange(len(body) + 1)]
            parsed = read(body, memo)
            assert parsed == read_afresh(body), body
            if isinstance(parsed, Parsed):
                memo = parsed.memo
    assert hits > 400


def test_series_are_those_of_the_body_before() -> None:
    before, parsed = third(BODY, BODY, BODY.replace(b" 1\n", b" 1e3\n"))
    for name, family in parsed.families.items():
        assert family.layout is before.families[name].layout is not None
        assert [new[0] is old[0] for new, old in zip(family.series, before.families[name].series, strict=True)]
    assert parsed == read_afresh(BODY.replace(b" 1\n", b" 1e3\n"))
    assert parsed.families[b"a"].help == b"Rows."


@pytest.mark.parametrize(
    "other",
    [
        BODY.replace(b"Rows", b"Lines"),
        BODY.replace(b"gauge", b"counter"),
        BODY.replace(b'"x"', b'"z"'),
        BODY.replace(b"b 3", b"c 3"),
        BODY + b"d 1\n",
        BODY.replace(b"b 3.0\n", b""),
        BODY.replace(b"b 3.0\n", b"b 3.0 1700000000000\n"),
    ],
)
def test_other_body_is_read_afresh(other: bytes) -> None:
    before, parsed = third(BODY, BODY, other)
    assert parsed == read_afresh(other)
    layouts = [{family.layout for family in each.families.values()} for each in (before, parsed)]
    assert layouts[0].isdisjoint(layouts[1])


def test_bodies_that_are_never_alike_are_not_remembered() -> None:
    parsed = third(*[b"a%d 1\n" % number for number in range(8)])[1]
    assert parsed.memo is not None
    assert parsed.families[b"a7"].layout is None


@pytest.mark.parametrize("wrong", [BODY.replace(b"2.50", b"2.5.0"), BODY[:-1], BODY.replace(b"3.0", b"")])
def test_wrong_body_is_refused_as_before(wrong: bytes) -> None:
    parsed = third(BODY, BODY, BODY)[1]
    assert read(wrong, parsed.memo) == read_afresh(wrong)
    assert isinstance(read(wrong, parsed.memo), str)
