"""A body that comes in pieces is read as if it came whole, and empty lines of it are not held."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from pytest_pushgateway.exposition.model import Parsed, ParseError, PushTooLarge
from pytest_pushgateway.exposition.text import reader
from pytest_pushgateway.exposition.text.reader import parse_pieces, parse_strictly
from tests.exposition.test_text_fuzz import GROUPINGS, SEEDS, mutated
from tests.work import peak_of

MEGABYTE = 1 << 20


def outcome(read: Callable[..., Parsed], body: object, grouping: object, utf8_names: bool) -> tuple[object, ...]:
    """Return what a body holds, or what is wrong with it."""
    try:
        return (repr(read(body, grouping, utf8_names=utf8_names)),)
    except ParseError as error:
        return str(error), error.line


def cut(randomness: random.Random, body: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(body):
        end = start + randomness.choice([0, 1, 2, 3, 7, 20, 50, 200])
        yield body[start:end]
        start = end


BRACES = [
    b'{x="y"} 1\n',
    b' {z="y"} 2\n',
    b"\t{} 3\n",
    b'{"a"} 4\n',
    b'{"s",x="1"} 5\n',
    b'{x="1","h"} 6\n',
    b"# TYPE s summary\n",
    b"# TYPE h histogram\n",
    b"# HELP a text\n",
    b"# a comment\n",
    b"\n",
    b"   \n",
    b"a 1\n",
    b'b{l="v"} 2 3\n',
    b's{quantile="0.5",a="1"} 1\n',
    b's_sum{a="1"} 1\n',
    b'h_bucket{le="1",a="1"} 1\n',
    b'h_count {a="1"} 2\n',
    b'a{x="\\\\"} 1\n',
]


@pytest.mark.slow
@pytest.mark.parametrize("salt", range(8))
def test_place_of_cut_changes_nothing(salt: int) -> None:
    randomness = random.Random(f"pieces {salt}")
    for _ in range(400):
        if randomness.random() < 0.5:
            body = mutated(randomness, SEEDS)
        else:
            body = b"# TYPE s summary\n# TYPE h histogram\n" * randomness.randrange(2)
            body += b"".join(randomness.choices(BRACES, k=randomness.randrange(1, 25)))
        grouping, utf8_names = randomness.choice(GROUPINGS), randomness.random() < 0.5
        pieces = list(cut(randomness, body))
        whole = outcome(parse_strictly, body, grouping, utf8_names)
        assert outcome(parse_pieces, pieces, grouping, utf8_names) == whole, body


def broken_off(*pieces: bytes) -> Iterator[bytes]:
    yield from pieces
    raise ParseError("the transfer broke")


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([b"a 1\n"], "the transfer broke"),
        ([b"a 1\nb "], "the transfer broke"),
        ([b"a 1\nb x", b"yz"], "the transfer broke"),
        ([b"a 1\n?", b"b"], "text format parsing error in line 2: invalid metric name"),
        ([b"a x\n", b"b 1\n"], 'text format parsing error in line 1: expected float as value, got "x"'),
    ],
)
def test_errors_before_body_breaks_off_are_reported_first(pieces: list[bytes], said: str) -> None:
    with pytest.raises(ParseError) as error:
        parse_pieces(broken_off(*pieces), {b"job": b"j"})
    assert str(error.value) == said


def test_malformed_line_stops_reading() -> None:
    asked = []

    def pieces() -> Iterator[bytes]:
        for number in range(1000):
            asked.append(number)
            yield b"?\n" * 1000

    with pytest.raises(ParseError, match="line 1: invalid metric name"):
        parse_pieces(pieces(), {b"job": b"j"})
    assert asked == [0]


def test_line_that_begins_wrongly_is_not_waited_for() -> None:
    asked = []

    def pieces() -> Iterator[bytes]:
        yield b"a 1\n"
        for number in range(1000):
            asked.append(number)
            yield b"?" * 1000

    with pytest.raises(ParseError, match="line 2: invalid metric name"):
        parse_pieces(pieces(), {b"job": b"j"})
    assert asked == [0]


def many(piece: bytes, size: int) -> Iterator[bytes]:
    for _ in range(size // len(piece)):
        yield piece


EMPTY = {
    "newlines": b"\n" * 5_000,
    "newlines between samples": b"a 1\n" + b"\n" * 5_000,
    "blanks": b" \t\n" * 2_000,
    "comments": b"# nothing to see\n" * 300,
    "comments after a sample": b"a 1\n" + b"#\n" * 3_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("flood", EMPTY)
def test_blank_lines_are_not_held(flood: str) -> None:
    assert peak_of(lambda: parse_pieces(many(EMPTY[flood], MEGABYTE // 2), {b"job": b"j"})) < 1_500_000


AGAIN = {
    "one series": b'a{x="y"} 1\n',
    "one series with blanks": b'a { x = "y" } 1\n',
    "one series with a timestamp": b"a 1 1\n",
    "two series of two families": b'a{x="y"} 1\nb{x="z"} 2\n',
}


@pytest.mark.slow
@pytest.mark.parametrize("job", [b"j", b"\xff"], ids=["fast", "strict"])
@pytest.mark.parametrize("again", AGAIN)
def test_series_that_come_again_and_again_are_not_held(again: str, job: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_THINNED", 5_000)
    piece = AGAIN[again] * 500
    parsed = parse_pieces(many(piece, 30 * len(piece)), {b"job": job})
    for family in parsed.families.values():
        assert len(family.series) + family.repeated == 15_000
        assert len(family.series) < 3_000


def test_series_that_come_again_are_counted() -> None:
    lines = b'a{x="y"} 1\na{x="z"} 2\n' * 2_000
    (family,) = parse_pieces(many(lines, 100 * len(lines)), {b"job": b"j"}).families.values()
    assert len(family.series) + family.repeated == 400_000
    assert len(family.series) < 3_000
    assert [prefix for prefix, _ in family.series[:2]] == [
        b'a{instance="",job="j",x="y"}',
        b'a{instance="",job="j",x="z"}',
    ]


@pytest.mark.parametrize("unit", ['a{x="%d"} 1\n', "a%d 1\n", "# TYPE h%d histogram\nh%d_count 1\n"])
def test_push_needing_too_much_memory_is_rejected(unit: str) -> None:
    def pieces() -> Iterator[bytes]:
        for number in range(1_000_000):
            yield unit.replace("%d", str(number)).encode()

    with pytest.raises(PushTooLarge, match=r"^the push would take more than 2000000 bytes of memory$"):
        parse_pieces(pieces(), {b"job": b"j"}, largest=2_000_000)


def test_many_labels_in_the_grouping_key_count() -> None:
    grouping = {b"job": b"j", **{b"label%d" % number: b"v" * 200 for number in range(500)}}
    lines = b"".join(b'a{x="%d"} 1\n' % number for number in range(1000))
    with pytest.raises(PushTooLarge):
        parse_pieces([lines], grouping, largest=50_000_000)
    assert parse_pieces([lines], {**grouping, b"job": b"j" * 1_000_000}, largest=200_000_000).families
