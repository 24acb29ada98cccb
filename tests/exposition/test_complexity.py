"""Twice the input costs twice the work, in every parser and writer; and what is small costs little."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from pytest_pushgateway.exposition.content_coding import decode, decoded
from pytest_pushgateway.exposition.escaping import DOTS, UNDERSCORES, VALUES, escape_name, unescape_name
from pytest_pushgateway.exposition.labels import render_prefix, sort_key, split_prefix
from pytest_pushgateway.exposition.model import MetricFamily, MetricType, ParseError
from pytest_pushgateway.exposition.negotiation import accepts_gzip, negotiate
from pytest_pushgateway.exposition.promlint import lint
from pytest_pushgateway.exposition.protobuf import reader as protobuf
from pytest_pushgateway.exposition.protobuf.text import proto_quote, render_family_text
from pytest_pushgateway.exposition.protobuf.writer import render_family
from pytest_pushgateway.exposition.text import fast_parser
from pytest_pushgateway.exposition.text.again import parse_remembering
from pytest_pushgateway.exposition.text.reader import parse, parse_strictly
from pytest_pushgateway.exposition.text.writer import render_text
from pytest_pushgateway.golang.jsontext import string
from pytest_pushgateway.golang.strconv import quote
from tests.work import Metered, assert_linear, copies_of, work_of

pytestmark = [pytest.mark.slow, pytest.mark.once]

GROUPING = {b"job": b"j"}
MEGABYTE = 1 << 20

LINES: dict[str, Callable[[int], bytes]] = {
    "short lines": lambda size: b"".join(b'a{x="%d"} %d\n' % (number, number) for number in range(size)),
    "empty lines": lambda size: b"\n" * size,
    "comments": lambda size: b"# nothing\n" * size,
    "families with HELP and TYPE": lambda size: b"".join(
        b"# HELP a%d h\n# TYPE a%d counter\na%d 1\n" % (number, number, number) for number in range(size)
    ),
    "blanks everywhere": lambda size: b"".join(b'a { x = "%d" , }  1 \n' % number for number in range(size)),
    "one series again and again": lambda size: b"a 1\n" * size,
    "a summary's quantiles": lambda size: (
        b"# TYPE s summary\n" + b"".join(b's{quantile="0.%d"} 1\n' % number for number in range(size))
    ),
    "histograms of two buckets": lambda size: (
        b"# TYPE h histogram\n"
        + b"".join(
            b'h_bucket{x="%d",le="1"} 1\nh_bucket{x="%d",le="+Inf"} 1\n' % (number, number) for number in range(size)
        )
    ),
    "escapes in a value": lambda size: b'a{x="' + rb"\\\"\n" * size + b'"} 1\n',
    "escapes in a help text": lambda size: b"# HELP a " + rb"\\\n" * size + b"\na 1\n",
    "labels on one line": lambda size: b"a{" + b"".join(b'l%d="v",' % number for number in range(5 * size)) + b"} 1\n",
    "escaped labels on one line": lambda size: (
        b"a{" + b"".join(rb'l%d="\\",' % number for number in range(size)) + b"} 1\n"
    ),
    "braces that go on with the metric before": lambda size: b'a{x="y"} 1\n' + b'{z="y"} 1\n' * size,
    "shapes": lambda size: b"".join(b'a%d{l%d="v"} 1\n' % (number, number) for number in range(size)),
    "broken shapes": lambda size: b"".join(b'a{x="%d"y} 1\n' % number for number in range(size)),
    "numbers": lambda size: b"".join(b"a%d %d.25e-7\n" % (number, number) for number in range(size)),
}


@pytest.mark.parametrize("lines", LINES)
@pytest.mark.parametrize("read", [parse, parse_strictly])
def test_text(read: Callable[..., object], lines: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        body = LINES[lines](size)

        def action() -> None:
            fast_parser._usual.cache_clear()
            fast_parser._usual_template.cache_clear()
            with suppress(ParseError):
                read(body, GROUPING)

        return action

    assert_linear(prepare, 200)


def message(number: int, content: bytes) -> bytes:
    length, out = len(content), b""
    while length > 127:
        out, length = out + bytes([length & 127 | 128]), length >> 7
    return bytes([number << 3 | 2]) + out + bytes([length]) + content


def gauge(number: int, labels: int = 1) -> bytes:
    pairs = (message(1, b"l%d" % each) + message(2, b"%d" % number) for each in range(labels))
    return message(4, b"".join(message(1, pair) for pair in pairs) + b"\x12\x09\x09" + bytes(8))


MESSAGES: dict[str, Callable[[int], bytes]] = {
    "metrics": lambda size: message(1, message(1, b"a") + b"\x18\x01" + b"".join(map(gauge, range(size))))[1:],
    "families": lambda size: b"".join(
        message(1, message(1, b"a%d" % number) + b"\x18\x01" + gauge(number))[1:] for number in range(size)
    ),
    "labels": lambda size: message(1, message(1, b"a") + b"\x18\x01" + gauge(1, size))[1:],
    "empty messages": lambda size: b"\0" * size,
}


@pytest.mark.parametrize("messages", MESSAGES)
def test_protobuf(messages: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        body = MESSAGES[messages](size)
        return lambda: protobuf.parse(body, GROUPING)

    assert_linear(prepare, 200)


WRITERS: dict[str, Callable[[list[MetricFamily]], object]] = {
    "text": render_text,
    "protobuf": lambda families: [render_family(family) for family in families],
    "protobuf's text form": lambda families: [render_family_text(family) for family in families],
    "lint": lint,
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("labels", [1, 40])
def test_writers(writer: str, labels: int) -> None:
    def prepare(size: int) -> Callable[[], object]:
        pairs = [tuple(sorted((b"l%d" % each, b"%d" % number) for each in range(labels))) for number in range(size)]
        series = [(render_prefix(b"a", each), b"1") for each in pairs]
        return lambda: WRITERS[writer]([MetricFamily(b"a", MetricType.GAUGE, b"h", list(series))])

    assert_linear(prepare, 200 // labels + 5)


STRINGS: dict[str, Callable[[bytes], object]] = {
    "prefix": lambda text: split_prefix(render_prefix(b"a", ((text, text),))),
    "sort key": lambda text: sort_key(render_prefix(b"a", ((b"x", text),))),
    "JSON": string,
    "Go": quote,
    "protobuf's text form": proto_quote,
    **{
        f"escaped by {scheme}": lambda text, scheme=scheme: escape_name(text, scheme)  # type: ignore[misc]
        for scheme in (UNDERSCORES, DOTS, VALUES)
    },
    "unescaped": lambda text: unescape_name(b"U__" + text),
}


@pytest.mark.parametrize("unit", [b"x", b"\\", b'"', b"\n", b"\xff", "é".encode(), b"_", b".", b"_2e_"])
@pytest.mark.parametrize("what", STRINGS)
def test_strings(what: str, unit: bytes) -> None:
    assert_linear(lambda size: lambda: STRINGS[what](unit * size), 700)


def test_members_of_gzip() -> None:
    assert_linear(lambda size: lambda: decode(gzip.compress(b"a 1\n") * size, "gzip"), 200)


def snappy(chunks: int, size: int) -> bytes:
    cramjam = pytest.importorskip("cramjam")
    stream = bytes(cramjam.snappy.compress(b"a 1\n" * (size // 4)))
    return stream[:10] + stream[10:] * chunks


def test_chunks_of_snappy() -> None:
    assert_linear(lambda size: lambda: decode(snappy(size, 40), "snappy"), 200)


@pytest.mark.parametrize("coding", ["snappy", "gzip"])
def test_body_that_comes_byte_by_byte(coding: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        body = snappy(1, 8 * size) if coding == "snappy" else gzip.compress(random.Random(1).randbytes(size))
        return lambda: b"".join(decoded([Metered(body[at : at + 1]) for at in range(len(body))], coding))

    assert_linear(prepare, 2000)
    assert copies_of(prepare(4000)) <= 2.2 * copies_of(prepare(2000)) + 200


def test_body_that_is_like_the_one_before() -> None:
    def prepare(size: int) -> Callable[[], object]:
        lines = LINES["short lines"](50 * size)
        memo = None
        for _ in range(2):
            memo = parse_remembering((lines,), GROUPING, memo).memo
        return lambda: parse_remembering(cut(lines, 1000), GROUPING, memo)

    assert_linear(prepare, 200)


def cut(body: bytes, size: int) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def test_digits_and_blanks_of_any_length_in_a_remembered_body() -> None:
    for long in (b"1" * MEGABYTE, b"1 " * MEGABYTE, b"0." * MEGABYTE, b"# 1 " * MEGABYTE):
        body = b'# HELP a %b\na{x="%b"} 1\n' % (long, long) + b"a 2\n" * 20
        memo = None
        for _ in range(3):
            parsed = parse_remembering((body,), GROUPING, memo)
            memo = parsed.memo
        assert parsed.families[b"a"].help == long


# What takes hours where the time grows with the square, and a moment where it does not.


@pytest.mark.parametrize("token", ["1" * MEGABYTE + "x", "1" * MEGABYTE + ".", "." + "0" * MEGABYTE + "x"])
def test_number_of_any_length(token: str) -> None:
    with pytest.raises(ParseError, match="expected float as value, got "):
        parse(f"a {token[:-1]}x\n".encode(), GROUPING)
    assert negotiate(f"text/plain;q={token}").kind == "text"


def test_gap_of_any_length() -> None:
    gap = b" " * MEGABYTE
    (family,) = parse(b"a {" + gap + b'x = "y"' + gap + b"," + gap + b"}" + gap + b"1\n", GROUPING).families.values()
    assert family.series == [(b'a{instance="",job="j",x="y"}', b"1")]
    short = b" " * 3000
    with pytest.raises(ParseError):
        parse(b"".join(b'a%d{x=""%b!} 1\n' % (number, short) for number in range(300)), GROUPING)


def test_headers_of_as_many_elements_as_one_likes() -> None:
    many = MEGABYTE // 10
    assert negotiate(",".join(f"text/x;q=0.{number}" for number in range(many))).kind == "text"
    assert negotiate("text/x;q=0.1," * many + "application/vnd.google.protobuf;proto=other").kind == "text"
    assert not accepts_gzip("a, " * many)
    assert accepts_gzip("a;q=0.5 , " * many + "gzip")


def test_value_of_eight_megabytes_takes_little_more_memory() -> None:
    """It took 200 bytes for each of its lines: a group that repeats keeps a mark for each time that it did."""
    prefix = render_prefix(b"a", ((b"x", b"x" * 8 * MEGABYTE + b"\\"),))
    peak = work_of(lambda: (split_prefix(prefix), sort_key(prefix))).memory
    assert peak < 6 * len(prefix)
