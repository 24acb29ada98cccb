from __future__ import annotations

import math
import re
import struct

import pytest

from pytest_pushgateway.exposition.labels import sort_key
from pytest_pushgateway.exposition.model import (
    Histogram,
    MetricFamily,
    MetricType,
    Mixed,
    Native,
    Parsed,
    ParseError,
    RenderError,
    Summary,
)
from pytest_pushgateway.exposition.protobuf import reader as protobuf
from pytest_pushgateway.exposition.protobuf.text import metric_text, render_family_text
from pytest_pushgateway.exposition.protobuf.writer import render_family
from pytest_pushgateway.exposition.text import writer as text_writer
from tests.exposition.differential import GROUPING, INCONSISTENT, TIMESTAMPS
from tests.exposition.oracle import Oracle

CONTENT_TYPE = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
ACCEPT = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding="


def varint(number: int) -> bytes:
    return bytes([number & 127 | 128]) + varint(number >> 7) if number > 127 else bytes([number])


def sized(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def double(field: int, value: float) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<d", value)


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value % 2**64)


def label(name: bytes, value: bytes) -> bytes:
    return sized(1, sized(1, name) + sized(2, value))


def family(name: bytes | None, kind: int | None, *metrics: bytes, help_text: bytes | None = None) -> bytes:
    content = b"" if name is None else sized(1, name)
    content += b"" if help_text is None else sized(2, help_text)
    content += b"" if kind is None else number(3, kind)
    content += b"".join(sized(4, metric) for metric in metrics)
    return varint(len(content)) + content


def gauge(value: float) -> bytes:
    return sized(2, double(1, value))


def counter(value: float, *more: bytes) -> bytes:
    return sized(3, double(1, value) + b"".join(more))


def histogram(*fields: bytes) -> bytes:
    return sized(7, b"".join(fields))


TIMESTAMP = number(1, 1700000000) + number(2, 5)
EXEMPLAR = label(b"trace", b"abc") + double(2, 0.5) + sized(3, TIMESTAMP)
NATIVE = [
    *[number(1, 10), double(2, 12.5), sized(15, TIMESTAMP), number(5, 3 << 1), double(6, 0.001), number(7, 2)],
    *[sized(9, number(1, 0) + number(2, 2)), number(10, 2), number(10, 1)],
    *[sized(12, number(1, 3) + number(2, 1)), sized(12, number(1, 2) + number(2, 2))],
    *[number(13, 4), number(13, 3), number(13, 0), sized(16, EXEMPLAR)],
]
FLOAT_NATIVE = [
    *[double(2, 1.5), double(4, 7.5), number(5, 0), double(6, 0.5), double(8, 1.5)],
    *[sized(12, number(1, 0) + number(2, 2)), double(14, 2.5), double(14, 3.5)],
]
FLOAT_HISTOGRAM = histogram(double(4, 2.5), sized(3, double(4, 1.5) + double(2, math.inf)))
ODD_TEXT = b'\n"\\\x01\x7f\xc2\x80\xc3\xa9'

CONSISTENT: dict[str, bytes] = {
    "nothing": b"",
    "gauge": family(b"a", 1, label(b"l", b"v") + gauge(1.5), help_text=b"A \\ help\n"),
    "counter": family(b"a_total", 0, counter(1e6)),
    "untyped": family(b"a", 3, sized(5, double(1, math.nan))),
    "no type is a counter": family(b"a", None, counter(1)),
    "no value is zero": family(b"a", 1, sized(2, b"")),
    "negative zero": family(b"a", 1, gauge(-0.0)),
    "two families": family(b"b", 1, gauge(1)) + family(b"a", 1, gauge(2)),
    "the last of a name wins": family(b"a", 1, gauge(1))
    + family(b"b", 1, gauge(3))
    + family(b"a", 3, sized(5, double(1, 2))),
    "family without metrics": family(b"a", 1) + family(b"b", 1, gauge(1)),
    "summary": family(b"s", 2, sized(4, number(1, 3) + double(2, 1.5) + sized(3, double(1, 0.5) + double(2, 1)))),
    "empty summary": family(b"s", 2, sized(4, b"")),
    "summary with created timestamp": family(b"s", 2, sized(4, number(1, 3) + sized(4, TIMESTAMP))),
    "histogram": family(b"h", 4, histogram(number(1, 3), double(2, 1.5), sized(3, number(1, 2) + double(2, 0.1)))),
    "empty histogram": family(b"h", 4, histogram()),
    "float histogram": family(b"h", 4, histogram(double(4, 2.5), sized(3, double(4, 1.5) + double(2, 0.1)))),
    "histogram of both kinds": family(b"h", 4, histogram(number(1, 9), double(4, 2.5), double(2, 1))),
    "gauge histogram": family(b"h", 5, histogram(number(1, 3))),
    "gauge histogram without one": family(b"g", 1, gauge(1)) + family(b"h", 5),
    "bucket with exemplar": family(b"h", 4, histogram(sized(3, number(1, 2) + double(2, 0.1) + sized(3, EXEMPLAR)))),
    "native histogram": family(b"h", 4, histogram(*NATIVE)),
    "float native histogram": family(b"h", 4, histogram(*FLOAT_NATIVE)),
    "exemplar": family(b"a_total", 0, counter(1, sized(2, EXEMPLAR))),
    "created timestamp": family(b"a_total", 0, counter(1, sized(3, TIMESTAMP))),
    "several values": family(b"a", 1, gauge(1) + counter(2) + sized(5, double(1, 3))),
    "unknown fields": family(b"a", 1, gauge(1) + number(15, 7) + sized(16, b"x\xff") + double(17, 1) + b"\x95\x01abcd"),
    "unknown group": family(b"a", 1, gauge(1) + b"\x9b\x01" + number(1, 5) + b"\x9c\x01"),
    "wrong wire type": family(b"a", 1, gauge(1) + number(3, 5)),
    "fields out of order": family(b"a", 1, gauge(1) + label(b"l", b"v")),
    "value twice": family(b"a", 1, gauge(1) + gauge(2)),
    "name with a dot": family(b"a.b", 1, label(b"c.d", b"e") + label(b"_x", b"y") + gauge(1)),
    "name with underscores and a dot": family("a_b.c:1é".encode(), 1, label(b"1", b"e") + gauge(1)),
    "name that is no utf-8": family(b"a\xffb", 1, gauge(1)),
    "summary named with a dot": family(b"s.x", 2, sized(4, number(1, 3) + sized(3, double(1, 0.5) + double(2, 1)))),
    "histogram named with a dot": family(b"h.x", 4, label(b"l.m", b"v") + histogram(number(1, 3))),
    "help that is no utf-8": family(b"a", 1, gauge(1), help_text=b"\xff"),
    "grouping labels win": family(b"a", 1, label(b"job", b"x") + label(b"instance", b"i") + gauge(1)),
}

INCONSISTENT_BODIES: dict[str, bytes] = {
    "wrong value": family(b"a", 0, gauge(1)),
    "wrong value with unknown fields": family(
        b"a", 0, label(b"x", b'\n"\\\x01\x7f\xc2\x80\xc3\xa9') + gauge(1) + number(15, 7)
    ),
    "no value": family(b"a", 2, label(b"x", b"y")),
    "summary in a histogram": family(b"a", 4, sized(4, number(1, 3) + sized(4, TIMESTAMP))),
    "native histogram in a gauge": family(b"a", 1, histogram(*NATIVE)),
    "float histogram in a gauge": family(
        b"a", 1, histogram(double(4, 2.5), sized(3, double(4, 1.5) + double(2, math.inf)))
    ),
    "label that is no utf-8": family(b"a", 1, label(b"x", b"\xff") + gauge(1)),
    "reserved label": family(b"a", 1, label(b"__x", b"y") + gauge(1)),
    "empty label name": family(b"a", 1, label(b"", b"y") + gauge(1)),
    "label name that is no utf-8": family(b"a", 1, label(b"\xff", b"y") + gauge(1)),
    "label twice": family(b"a", 1, label(b"x", b"1") + label(b"x", b"2") + gauge(1)),
    "grouping label twice": family(b"a", 1, label(b"job", b"1") + label(b"job", b"2") + gauge(1)),
    "quantile label": family(b"a", 2, label(b"quantile", b"1") + sized(4, b"")),
    "quantile label beside another value": family(b"a", 1, label(b"quantile", b"1") + sized(4, b"") + gauge(1)),
    "duplicate": family(b"a", 1, gauge(1), gauge(2)),
}

BROKEN: dict[bytes, str] = {
    b"\x05abc": "unexpected EOF",
    b"\x80": "unexpected EOF",
    b"a 1\n": "unexpected EOF",
    b"\x03\xff\xff\xff": "proto:\xa0cannot parse invalid wire-format data",
    b"\x01\x00": "proto:\xa0cannot parse invalid wire-format data",
    b"\x02\x0a\x05": "proto:\xa0cannot parse invalid wire-format data",
    b"\x01\x0c": "proto:\xa0cannot parse invalid wire-format data",
    b"\xff" * 12: "proto:\xa0variable length integer overflow",
    b"\x80" * 9 + b"\x02": "proto:\xa0variable length integer overflow",
    family(b"a", 1, gauge(1)) + b"\x02\x0a": "unexpected EOF",
}


def in_order(parsed: Parsed) -> list[MetricFamily]:
    """Put families and series in Go's order; families without series do not show."""
    families = [parsed.families[name] for name in sorted(parsed.families) if parsed.families[name].series]
    for one in families:
        one.series = sorted(one.series, key=lambda series: sort_key(series[0]))
    return families


def messages(stream: bytes) -> dict[bytes, bytes]:
    """Split a delimited exposition into names and messages, their lengths included."""
    found, start = {}, 0
    while start < len(stream):
        sized = protobuf._size(stream, start)
        assert sized is not None
        size, position = sized
        name = stream[position + 2 : position + 2 + stream[position + 1]]
        found[name] = stream[start : position + size]
        start = position + size
    return found


def own(name: bytes) -> bool:
    return re.match(rb"(go|process|pushgateway)_|push_(time|failure_time)_seconds$", name) is not None


@pytest.mark.conformance
@pytest.mark.parametrize("name", CONSISTENT)
@pytest.mark.parametrize("escaping", ["underscores", "dots", "values", "allow-utf-8"])
def test_original_exposes_same_text(oracle: Oracle, name: str, escaping: str) -> None:
    body = CONSISTENT[name]
    answer = oracle.push(body, headers={"Content-Type": CONTENT_TYPE})
    assert (answer.status, answer.body) == (200, b"")
    families = in_order(protobuf.parse(body, GROUPING))
    assert text_writer.render_text(families, escaping) == oracle.pushed(f"text/plain;escaping={escaping}")


@pytest.mark.conformance
@pytest.mark.parametrize("name", CONSISTENT)
def test_original_exposes_same_protobuf(oracle: Oracle, name: str) -> None:
    body = CONSISTENT[name]
    oracle.push(body, headers={"Content-Type": CONTENT_TYPE})
    families = in_order(protobuf.parse(body, GROUPING))
    exposed = messages(oracle.scrape(ACCEPT + "delimited"))
    assert {one.name: render_family(one, "allow-utf-8") for one in families}.keys() == {one.name for one in families}
    theirs = {name: message for name, message in exposed.items() if not own(name)}
    ours = messages(b"".join(render_family(one) for one in families))
    if name == "no type is a counter":
        # The original keeps that there was no type.
        theirs = {name: message.replace(b"\x0a\x01a", b"\x0a\x01a\x18\x00") for name, message in theirs.items()}
        ours = {name: bytes([message[0] - 2]) + message[1:] for name, message in ours.items()}
    assert ours == theirs


@pytest.mark.conformance
@pytest.mark.parametrize("name", sorted(CONSISTENT.keys() - {"no type is a counter"}))
def test_original_prints_same_protobuf(oracle: Oracle, name: str) -> None:
    body = CONSISTENT[name]
    oracle.push(body, headers={"Content-Type": CONTENT_TYPE})
    families = in_order(protobuf.parse(body, GROUPING))
    blocks = re.split(rb"(?m)^(?=name:)", oracle.scrape(ACCEPT + "text"))
    theirs = b"".join(block for block in blocks if block and not own(block.split(b'"', 2)[1]))
    assert b"".join(render_family_text(one) for one in families) == theirs
    lines = oracle.scrape(ACCEPT + "compact-text").splitlines(keepends=True)
    theirs = b"".join(line for line in lines if not own(line.split(b'"', 2)[1]))
    assert b"".join(render_family_text(one, compact=True) for one in families) == theirs


@pytest.mark.conformance
@pytest.mark.parametrize("name", INCONSISTENT_BODIES)
def test_original_names_same_metrics(oracle: Oracle, name: str) -> None:
    body = INCONSISTENT_BODIES[name]
    answer = oracle.push(body, headers={"Content-Type": CONTENT_TYPE})
    assert answer.status == 400
    assert answer.body.startswith(INCONSISTENT)
    parsed = protobuf.parse(body, GROUPING)
    (one,) = parsed.families.values()
    texts = [metric_text(prefix, one.type, value) for prefix, value in one.series]
    assert any(words.encode() in answer.body for words in texts), (answer.body, texts)
    if b" has " in answer.body or b" must not " in answer.body:
        assert one.suspects
    else:
        assert not one.suspects


def test_timestamps_are_noticed() -> None:
    stamped = family(b"a", 1, gauge(1) + number(6, 5))
    assert protobuf.parse(stamped, GROUPING).has_timestamps
    assert not protobuf.parse(stamped + family(b"a", 1, gauge(1)), GROUPING).has_timestamps


@pytest.mark.conformance
def test_original_notices_timestamps(oracle: Oracle) -> None:
    stamped = family(b"a", 1, gauge(1) + number(6, 5))
    assert oracle.push(stamped, headers={"Content-Type": CONTENT_TYPE}).body == TIMESTAMPS
    assert oracle.push(stamped + family(b"a", 1, gauge(1)), headers={"Content-Type": CONTENT_TYPE}).status == 200


@pytest.mark.parametrize("body", BROKEN)
def test_broken_messages_are_rejected_in_words_of_go(body: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        protobuf.parse(body, GROUPING)
    assert str(caught.value) == BROKEN[body]
    assert caught.value.line is None


@pytest.mark.conformance
@pytest.mark.parametrize("body", BROKEN)
def test_original_rejects_broken_messages(oracle: Oracle, body: bytes) -> None:
    answer = oracle.push(body, headers={"Content-Type": CONTENT_TYPE})
    # Go's protobuf puts a blank or a no-break space behind "proto:", which of them is the build's choice.
    assert (answer.status, answer.body.decode().replace("proto: ", "proto:\xa0")) == (400, BROKEN[body] + "\n")


def test_plain_values_stand_alone_and_others_are_mixed() -> None:
    def value(name: str) -> object:
        (one,) = protobuf.parse(CONSISTENT[name], GROUPING).families.values()
        return one.series[0][1]

    assert value("gauge") == b"1.5"
    assert value("counter") == b"1e+06"
    assert value("summary") == Summary(3, 1.5, [(0.5, 1.0)])
    assert value("histogram") == Histogram(3, 1.5, [(0.1, 2)])
    assert value("float histogram") == Histogram(2.5, 0.0, [(0.1, 1.5)], has_sum=False)
    exemplar = value("exemplar")
    assert isinstance(exemplar, Mixed)
    assert exemplar.parts == {MetricType.COUNTER: b"1"}
    several = value("several values")
    assert isinstance(several, Mixed)
    assert several.parts == {MetricType.GAUGE: b"1", MetricType.COUNTER: b"2", MetricType.UNTYPED: b"3"}


def test_native_histograms_are_resolved() -> None:
    (one,) = protobuf.parse(CONSISTENT["native histogram"], GROUPING).families.values()
    value = one.series[0][1]
    assert isinstance(value, Mixed)
    whole = value.parts[MetricType.HISTOGRAM]
    assert isinstance(whole, Histogram)
    assert whole.native == Native(3, 0.001, 2, [(0, 1), (1, 0)], [(-2, 2), (0, 0), (1, 0)])
    (one,) = protobuf.parse(CONSISTENT["float native histogram"], GROUPING).families.values()
    value = one.series[0][1]
    assert isinstance(value, Mixed)
    fractions = value.parts[MetricType.HISTOGRAM]
    assert isinstance(fractions, Histogram)
    assert (fractions.count, fractions.native) == (7.5, Native(0, 0.5, 1.5, [], [(0, 2.5), (1, 3.5)]))


def test_span_may_claim_more_buckets_than_there_are() -> None:
    spans = histogram(sized(12, number(1, 0) + number(2, 2**32 - 1)), number(13, 2))
    (one,) = protobuf.parse(family(b"h", 4, spans), GROUPING).families.values()
    value = one.series[0][1]
    assert isinstance(value, Mixed)
    whole = value.parts[MetricType.HISTOGRAM]
    assert isinstance(whole, Histogram)
    assert whole.native is not None
    assert whole.native.positive == [(0, 1)]


def test_there_may_be_more_buckets_than_spans_claim() -> None:
    spans = histogram(sized(12, number(1, 0) + number(2, 1)), number(13, 2), number(13, 2))
    (one,) = protobuf.parse(family(b"h", 4, spans), GROUPING).families.values()
    value = one.series[0][1]
    assert isinstance(value, Mixed)
    whole = value.parts[MetricType.HISTOGRAM]
    assert isinstance(whole, Histogram)
    assert whole.native is not None
    assert whole.native.positive == [(0, 1)]


@pytest.mark.parametrize(
    ("body", "partial"),
    [
        (family(b"a", 9, gauge(1), help_text=b"h"), b"# HELP a h\n# TYPE a"),
        (family(b"", 1, gauge(1)), b""),
        (
            family(b"a", 5, label(b"x", b"1") + histogram(), label(b"x", b"2") + gauge(1)),
            b"# TYPE a histogram\n"
            b'a_bucket{instance="",job="j",x="1",le="+Inf"} 0\n'
            b'a_sum{instance="",job="j",x="1"} 0\na_count{instance="",job="j",x="1"} 0\n',
        ),
    ],
)
def test_families_inexpressible_in_text_end_the_exposition(body: bytes, partial: bytes) -> None:
    with pytest.raises(RenderError) as caught:
        text_writer.render_text(in_order(protobuf.parse(body, GROUPING)))
    assert caught.value.partial == partial
    assert all(render_family(one) for one in in_order(protobuf.parse(body, GROUPING)))


@pytest.mark.conformance
@pytest.mark.parametrize(
    "body",
    [
        family(b"zzz", 9, gauge(1), help_text=b"h"),
        family(b"zzz", 5, label(b"x", b"1") + histogram(), label(b"x", b"2") + gauge(1)),
    ],
)
def test_exposition_of_original_ends_there(oracle: Oracle, body: bytes) -> None:
    assert oracle.push(body, headers={"Content-Type": CONTENT_TYPE}).status == 200
    exposition = oracle.scrape()
    with pytest.raises(RenderError) as caught:
        text_writer.render_text(in_order(protobuf.parse(body, GROUPING)))
    assert exposition.endswith(caught.value.partial)
    assert b"zzz" in caught.value.partial
