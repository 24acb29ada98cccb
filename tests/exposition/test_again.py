"""Bodies that differ from the one before only in their numbers: what is read is what the parser reads."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from pytest_pushgateway.exposition.model import Memo, Parsed, ParseError
from pytest_pushgateway.exposition.text import again
from pytest_pushgateway.exposition.text.again import parse_remembering
from pytest_pushgateway.exposition.text.reader import parse_pieces

GROUPING = {b"job": b"j"}
PLAIN = [b"1", b"2", b"0.5", b"7.25", b"1.0", b"-3", b"12.0", b"123456", b"-0", b"0"]
ODD = [b"1e5", b"123456789", b"NaN", b"+Inf", b"-inf", b"0.00001", b"0.0001", b"5.10", b"007", b".5", b"5.", b"1e-7"]
WRONG = [b"1 2", b"x", b"5.1.0", b"1_0", b"0x1p-2", b"1 ", b" 4", b"e5", b""]


@pytest.fixture
def short_bodies_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(again, "REMEMBERED_FROM", 20)
    monkeypatch.setattr(again, "_OPENING", 1)


def in_pieces(randomness: random.Random, body: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(body):
        end = start + randomness.randrange(1, 40)
        yield body[start:end]
        start = end


LINES = [
    b"b %s\n",
    b'a{x="1"} %s\n',
    b'a{x="2",job="own"} %s\n',
    b'a{x="1 2\\n"} %s\n',
    b'a{x="3", } %s\n',
    b"b_count %s\n",
    b"b 1 %s\n",
    b"c\t%s\n",
    b"# HELP a foo %s\n",
    b"# x %s\n",
    b"# HELP a foo bar\n",
    b"# TYPE a gauge\n",
    b"# TYPE b histogram\n",
    b"\n",
    b'{x="4"} %s\n',
    b'a{x="\0"} %s\n',
    b'a{y="\xff"} %s\n',
]


def body_of(randomness: random.Random, shape: list[bytes], numbers: list[bytes]) -> bytes:
    return b"".join(line.replace(b"%s", randomness.choice(numbers)) for line in shape)


def read(body: bytes, memo: Memo | None, randomness: random.Random) -> Parsed | str:
    try:
        return parse_remembering(in_pieces(randomness, body), GROUPING, memo)
    except ParseError as problem:
        return str(problem)


def read_afresh(body: bytes) -> Parsed | str:
    try:
        return parse_pieces((body,), GROUPING)
    except ParseError as problem:
        return str(problem)


@pytest.mark.slow
@pytest.mark.usefixtures("short_bodies_too")
def test_any_body_is_read_as_the_parser_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    randomness = random.Random(3)
    found = []
    plainly = again._read_again

    def noting(*arguments: again._Ahead | Memo) -> Parsed | None:
        found.append(plainly(*arguments))  # type: ignore[arg-type]
        return found[-1]

    monkeypatch.setattr(again, "_read_again", noting)
    for _ in range(3000):
        weights = [20] * 5 + [1] * (len(LINES) - 5)
        shape = randomness.choices(LINES, weights, k=randomness.randrange(3, 8))
        if randomness.random() < 0.7:
            shape.sort()  # families that follow each other
        memo: Memo | None = None
        for _ in range(4):
            numbers = randomness.choices([PLAIN, PLAIN + ODD, PLAIN + WRONG], [6, 3, 1])[0]
            changed = randomness.random() < 0.15
            lines = [*shape, randomness.choice(LINES)] if changed else shape
            body = body_of(randomness, lines, numbers)
            if randomness.random() < 0.05:
                body = body[: randomness.randrange(len(body) + 1)]
            parsed = read(body, memo, randomness)
            assert parsed == read_afresh(body), body
            if isinstance(parsed, Parsed):
                memo = parsed.memo
    hits = sum(each is not None for each in found)
    assert hits > 500
    assert len(found) - hits > 100


def large(numbers: str = "{}", series: int = 200, first: int = 0) -> bytes:
    lines = [f'a{{path="/var/lib/{n}"}} {numbers.format(n)}\n' for n in range(first, first + series)]
    return "".join(["# TYPE a gauge\n", *lines]).encode()


def third(*bodies: bytes) -> tuple[Memo, Parsed]:
    """Read one body after the other, and return what was remembered before the last one, and what it was."""
    memo: Memo | None = None
    for body in bodies:
        before, parsed = memo, parse_remembering((body,), GROUPING, memo)
        memo = parsed.memo
    assert before is not None
    return before, parsed


def test_series_are_those_of_the_body_before() -> None:
    memo, parsed = third(large(), large("{}.5"), large("-{}"))
    before = memo.families[b"a"]
    family = parsed.families[b"a"]
    assert family.layout is before.layout is not None
    assert all(new[0] is old[0] for new, old in zip(family.series, before.series, strict=True))
    assert [value for _, value in family.series[:3]] == [b"-0", b"-1", b"-2"]
    assert parsed.memo is not None
    assert parsed.memo.misses == 0


@pytest.mark.parametrize(
    "body",
    [
        large(series=199),
        large(series=201),
        large() + b"b 1\n",
        large() + b"# HELP a Help.\n",
        large().replace(b"/var/lib/150", b"/var/lib/x"),
        large().replace(b"gauge", b"counter"),
    ],
)
def test_other_bodies_are_read_afresh(body: bytes) -> None:
    memo, parsed = third(large(), large(), body)
    assert parsed == parse_pieces((body,), GROUPING)
    assert all(family.layout is not memo.families[b"a"].layout for family in parsed.families.values())


def test_bodies_that_always_differ_are_given_up() -> None:
    def grown(more: int) -> bytes:
        return large() + b"".join(b'a{more="%d"} 1\n' % n for n in range(more))

    memo, parsed = third(*(grown(number) for number in range(8)))
    assert memo.misses == again.MISSES
    assert parsed.memo is memo
    # Another opening begins again.
    assert parse_remembering((large(first=1000),), GROUPING, memo).memo is not memo


def test_what_cannot_be_remembered_is_looked_at_once() -> None:
    memo, parsed = third(large() + b"a 1 7\n", large() + b"a 1 8\n", large() + b"a 1 9\n")
    assert memo.misses == again.MISSES
    assert parsed.has_timestamps


def test_problem_of_the_pieces_comes_after_what_is_wrong_before_it() -> None:
    memo = third(large(), large(), large())[1].memo

    def breaking(body: bytes) -> Iterator[bytes]:
        yield body
        raise ParseError("it broke off")

    with pytest.raises(ParseError, match="it broke off"):
        parse_remembering(breaking(large()), GROUPING, memo)
    with pytest.raises(ParseError, match="line 202: invalid metric name"):
        parse_remembering(breaking(large() + b"? 1\n"), GROUPING, memo)


def test_no_more_than_twice_the_body_before_is_held() -> None:
    memo = third(large(), large(), large())[1].memo
    asked = []

    def pieces() -> Iterator[bytes]:
        yield large()
        for number in range(1000):
            asked.append(number)
            yield b"# " + b"x" * 1000 + b"\n"

    ahead = again._Ahead(pieces())
    assert memo is not None
    assert again._read_again(ahead, memo) is None
    assert len(asked) < 20
