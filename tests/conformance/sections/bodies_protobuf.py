"""Bodies in the protobuf format: what it can carry that text cannot, and what is broken about some."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tests.conformance.protowire import (
    COUNTER,
    GAUGE,
    GAUGE_HISTOGRAM,
    HISTOGRAM,
    SUMMARY,
    UNTYPED,
    blob,
    bucket,
    counter,
    delimited,
    double,
    exemplar,
    family,
    gauge,
    histogram,
    metric,
    number,
    summary,
    timestamp,
    untyped,
    varint,
    zigzag,
)
from tests.conformance.records import PROTOBUF, Record, Request, api, post, put, record, scrape

TYPE = {"Content-Type": PROTOBUF}
ALL_FORMATS = (
    scrape(),
    *(scrape(PROTOBUF.replace("delimited", kind)) for kind in ("delimited", "text", "compact-text")),
    api(),
)


def push(*families: bytes, path: str = "/metrics/job/proto") -> Request:
    return put(path, delimited(*families), TYPE)


NATIVE = (
    zigzag(5, 3),
    double(6, 0.001),
    number(7, 2),
    blob(12, zigzag(1, 0) + number(2, 2)),
    blob(13, b"".join(varint(value) for value in (2, 1))),
)
NATIVE_NEGATIVE = (blob(9, zigzag(1, -1) + number(2, 1)), blob(10, varint(4)))
NATIVE_FLOATS = (
    double(4, 6.5),
    zigzag(5, 0),
    double(6, 0.5),
    double(8, 1.5),
    blob(12, zigzag(1, 0) + number(2, 2)),
    blob(14, b"".join(double(14, value)[1:] for value in (2.5, 2.5))),
)


def _native(schema: int, offset: int, *deltas: int, span: int | None = None) -> bytes:
    """Build a family of one native histogram with one span of positive buckets."""
    parts = (
        zigzag(5, schema),
        double(6, 0.1),
        number(7, 2),
        blob(12, zigzag(1, offset) + number(2, len(deltas) if span is None else span)),
        blob(13, b"".join(varint(delta) for delta in deltas)),
    )
    return family("n", HISTOGRAM, metric({}, histogram(5, 9.5, *parts)))


GOOD: Mapping[str, tuple[bytes, ...]] = {
    "counter": (family("c", COUNTER, metric({"l": "v"}, counter(3)), help="help"),),
    "gauge": (family("g", GAUGE, metric({"l": "v"}, gauge(-2.5))),),
    "untyped": (family("u", UNTYPED, metric({"l": "v"}, untyped(math.nan))),),
    "summary": (family("s", SUMMARY, metric({}, summary(4, 2.5, {0.5: 1, 0.9: math.nan}))),),
    "histogram": (family("h", HISTOGRAM, metric({}, histogram(4, 2.5, bucket(1, 1), bucket(3, 2.5)))),),
    "histogram with +Inf": (family("h", HISTOGRAM, metric({}, histogram(4, 2.5, bucket(1, 1), bucket(4, math.inf)))),),
    "histogram of floats": (
        family("h", HISTOGRAM, metric({}, histogram(0, 2.5, double(4, 4.5), blob(3, double(4, 1.5) + double(2, 1))))),
    ),
    "gauge histogram": (family("g", GAUGE_HISTOGRAM, metric({}, histogram(4, 2.5, bucket(1, 1)))),),
    "native histogram": (family("n", HISTOGRAM, metric({}, histogram(5, 9.5, *NATIVE))),),
    "native histogram with negative buckets": (
        family("n", HISTOGRAM, metric({}, histogram(7, 9.5, *NATIVE, *NATIVE_NEGATIVE))),
    ),
    "native histogram of floats": (family("n", HISTOGRAM, metric({}, histogram(0, 9.5, *NATIVE_FLOATS))),),
    "native and classic histogram": (family("n", HISTOGRAM, metric({}, histogram(5, 9.5, bucket(2, 1), *NATIVE))),),
    "native gauge histogram": (family("n", GAUGE_HISTOGRAM, metric({}, histogram(5, 9.5, *NATIVE))),),
    "native histogram without observations": (
        family("n", HISTOGRAM, metric({}, histogram(0, 0, zigzag(5, 3), double(6, 0), blob(12, b"")))),
    ),
    "counter with an exemplar": (
        family("c", COUNTER, metric({}, counter(3, exemplar(2, {"trace": "x"}, 1, timestamp(3, 1700000000, 5))))),
    ),
    "counter with created timestamp": (family("c", COUNTER, metric({}, counter(3, timestamp(3, 1700000000, 500)))),),
    "summary with created timestamp": (family("s", SUMMARY, metric({}, summary(1, 1, {}, timestamp(4, 1700000000)))),),
    "histogram with created timestamp": (
        family("h", HISTOGRAM, metric({}, histogram(1, 1, timestamp(15, 1700000000)))),
    ),
    "histogram with exemplars": (
        family("h", HISTOGRAM, metric({}, histogram(1, 1, bucket(1, 1, exemplar(3, {"a": "b"}, 0.5))))),
    ),
    "native histogram with exemplars": (
        family("n", HISTOGRAM, metric({}, histogram(5, 9.5, *NATIVE, exemplar(16, {"a": "b"}, 0.5)))),
    ),
    "unit": (family("c", COUNTER, metric({}, counter(3)), unit="seconds"),),
    "help with specials": (family("c", COUNTER, metric({}, counter(3)), help='a\\b\nc"d\u00e9'),),
    "empty help": (family("c", COUNTER, metric({}, counter(3)), help=""),),
    "labels out of order": (family("g", GAUGE, metric([("z", "1"), ("a", "2")], gauge(1))),),
    "empty label value": (family("g", GAUGE, metric({"l": ""}, gauge(1))),),
    "own job and instance": (family("g", GAUGE, metric({"job": "mine", "instance": "own"}, gauge(1))),),
    "no metrics": (family("empty", GAUGE),),
    "no metrics and help": (family("empty", GAUGE, help="nothing"),),
    "two families": (family("a", GAUGE, metric({}, gauge(1))), family("b", GAUGE, metric({}, gauge(2)))),
    "duplicate families": (family("a", GAUGE, metric({}, gauge(1))), family("a", GAUGE, metric({"l": "v"}, gauge(2)))),
    "duplicate families of other types": (
        family("a", GAUGE, metric({}, gauge(1))),
        family("a", COUNTER, metric({}, counter(2))),
    ),
    "no value at all": (family("g", GAUGE, metric({"l": "v"})),),
    "empty value": (family("g", GAUGE, metric({"l": "v"}, blob(2, b""))),),
    "empty summary": (family("s", SUMMARY, metric({}, blob(4, b""))),),
    "empty histogram": (family("h", HISTOGRAM, metric({}, blob(7, b""))),),
    "empty histogram bucket": (family("h", HISTOGRAM, metric({}, histogram(1, 1, blob(3, b"")))),),
    "unknown fields": (family("g", GAUGE, metric({}, gauge(1), number(99, 5), blob(98, "x"))) + number(77, 1),),
    "two values in one metric": (family("g", GAUGE, metric({}, gauge(1), counter(2))),),
    "value given twice": (family("g", GAUGE, metric({}, gauge(1), gauge(2))),),
    "name given twice": (family("g", GAUGE, metric({}, gauge(1))) + blob(1, "other"),),
    "type given twice": (family("g", COUNTER, metric({}, gauge(1))) + number(3, GAUGE),),
    "buckets out of order": (
        family("h", HISTOGRAM, metric({}, histogram(4, 1, bucket(4, math.inf), bucket(1, 2), bucket(1, 1)))),
    ),
    "bucket of NaN": (family("h", HISTOGRAM, metric({}, histogram(4, 1, bucket(4, math.nan)))),),
    "huge counts": (family("h", HISTOGRAM, metric({}, histogram(2**64 - 1, 1, bucket(2**63, 1)))),),
    "floats to print": tuple(
        family(f"f{n}", GAUGE, metric({}, gauge(value)))
        for n, value in enumerate((1e6, 1e-5, -0.0, math.inf, 5e-324, 123456.5))
    ),
    "le label on a gauge": (family("g", GAUGE, metric({"le": "1"}, gauge(1))),),
    "nul in a label value": (family("g", GAUGE, metric({"l": "\0"}, gauge(1))),),
    "folds nothing": (family("s", SUMMARY, metric({}, summary(1, 1))), family("t_sum", GAUGE, metric({}, gauge(1)))),
}

ODD: Mapping[str, tuple[bytes, ...]] = {
    "dotted name": (family("a.b", GAUGE, metric({}, gauge(1))),),
    "utf-8 name": (family("caf\u00e9", GAUGE, metric({}, gauge(1))),),
    "name of a space": (family("a b", GAUGE, metric({}, gauge(1))),),
    "name starting with a digit": (family("1a", GAUGE, metric({}, gauge(1))),),
    "dotted label": (family("g", GAUGE, metric({"a.b": "1"}, gauge(1))),),
    "dotted and underscored name": (
        family("a.b", GAUGE, metric({}, gauge(1))),
        family("a_b", GAUGE, metric({}, gauge(2))),
    ),
    "dotted and underscored label": (family("g", GAUGE, metric({"a.b": "1", "a_b": "2"}, gauge(1))),),
    "counter is a gauge": (family("c", COUNTER, metric({}, gauge(3))),),
    "gauge is a counter": (family("g", GAUGE, metric({}, counter(3))),),
    "summary is a gauge": (family("s", SUMMARY, metric({}, gauge(3))),),
    "untyped is a gauge": (family("u", UNTYPED, metric({}, gauge(3))),),
    "histogram is a gauge": (family("h", HISTOGRAM, metric({"l": "v"}, gauge(3))),),
    "gauge histogram is a summary": (family("h", GAUGE_HISTOGRAM, metric({}, summary(1, 2, {0.5: 1}))),),
    "one of two is of another kind": (
        family("c", COUNTER, metric({"l": "1"}, counter(3)), metric({"l": "2"}, gauge(3))),
    ),
    "duplicate metrics": (family("g", GAUGE, metric({"l": "v"}, gauge(1)), metric({"l": "v"}, gauge(2))),),
    "duplicate label names": (family("g", GAUGE, metric([("l", "1"), ("l", "2")], gauge(1))),),
    "duplicate job labels": (family("g", GAUGE, metric([("job", "1"), ("job", "2")], gauge(1))),),
    "reserved label": (family("g", GAUGE, metric({"__x": "1"}, gauge(1))),),
    "__name__ label": (family("g", GAUGE, metric({"__name__": "1"}, gauge(1))),),
    "label without a name": (family("g", GAUGE, metric({"": "1"}, gauge(1))),),
    "invalid utf-8 in a label value": (family("g", GAUGE, metric({"l": b"\xff"}, gauge(1))),),
    "invalid utf-8 in a label name": (family("g", GAUGE, metric([(b"\xff", "1")], gauge(1))),),
    "invalid utf-8 in a name": (family(b"g\xff", GAUGE, metric({}, gauge(1))),),
    "invalid utf-8 in help": (family("g", GAUGE, metric({}, gauge(1)), help=b"\xff"),),
    "quantile label on a summary": (family("s", SUMMARY, metric({"quantile": "1"}, summary(1, 2))),),
    "le label on a histogram": (family("h", HISTOGRAM, metric({"le": "1"}, histogram(1, 2))),),
    "quantile label on a gauge histogram": (family("h", GAUGE_HISTOGRAM, metric({"quantile": "1"}, histogram(1, 2))),),
    "timestamp": (family("g", GAUGE, metric({}, gauge(1), number(6, 1000))),),
    "timestamp of zero": (family("g", GAUGE, metric({}, gauge(1), number(6, 0))),),
    "negative timestamp": (family("g", GAUGE, metric({}, gauge(1), number(6, -1))),),
    "timestamp in the second family": (
        family("a", GAUGE, metric({}, gauge(1))),
        family("b", GAUGE, metric({}, gauge(1), number(6, 1))),
    ),
    "push_time_seconds": (family("push_time_seconds", GAUGE, metric({}, gauge(1))),),
    "push_failure_time_seconds": (family("push_failure_time_seconds", COUNTER, metric({}, counter(1))),),
    "own metric's name": (family("go_goroutines", COUNTER, metric({}, counter(1))),),
}

BROKEN: Mapping[str, bytes] = {
    "nothing": b"",
    "a length alone": b"\x05",
    "an open varint": b"\x80",
    "an endless varint": b"\xff" * 12,
    "a length of zero": b"\x00",
    "zeros": b"\x00\x00\x00",
    "text": b"a 1\n",
    "long text": b"some_metric 1\n" * 20,
    "message cut short": delimited(GOOD["counter"][0])[:-4],
    "second message cut short": delimited(GOOD["counter"][0], GOOD["gauge"][0])[:-4],
    "not delimited": GOOD["counter"][0],
    "wire type 7": delimited(b"\x0f\x01"),
    "wire type 6": delimited(b"\x0e\x01"),
    "an open group": delimited(b"\x0b"),
    "a group": delimited(family("g", GAUGE, metric({}, gauge(1))) + b"\x9b\x06\x9c\x06"),
    "end of a group": delimited(b"\x0c"),
    "field zero": delimited(b"\x00\x01"),
    "field too large": delimited(b"\xf8\xff\xff\xff\xff\x01\x01"),
    "inner length too large": delimited(b"\x0a\x7f\x61"),
    "name as a number": delimited(number(1, 5) + family("g", GAUGE, metric({}, gauge(1)))),
    "type as a string": delimited(blob(3, "x") + family("g", GAUGE, metric({}, gauge(1)))),
    "broken metric inside": delimited(blob(1, "g") + blob(4, b"\xff\xff")),
    "value of a wrong wire type": delimited(family("g", GAUGE, metric({}, blob(2, number(1, 1))))),
}


STRANGE: Mapping[str, tuple[bytes, ...]] = {
    "type 9": (family("t", 9, metric({}, gauge(1))),),
    "type 9 among others": (
        family("a", GAUGE, metric({}, gauge(1))),
        family("t", 9, metric({}, gauge(1))),
        family("z", GAUGE, metric({}, gauge(1))),
    ),
    "negative type": (family("t", -1, metric({}, gauge(1))),),
    "empty name": (family("", GAUGE, metric({}, gauge(1))),),
    "lowest schema": (_native(-4, 60, 2, 2, 2, 2, 2, 2, 2, 2),),
    "more counts than the span": (_native(1, 0, 2, 1, 4, span=1),),
}
"""What no client sends, and what is accepted all the same: some of it ends the body of a scrape early."""

UNSET: Mapping[str, bytes] = {
    "no name": family(None, GAUGE, metric({}, gauge(1))),
    "no type": family("c", None, metric({}, counter(3))),
    "no type and a gauge": family("c", None, metric({}, gauge(3))),
    "label without value": family("g", GAUGE, metric({}, blob(1, blob(1, "l")), gauge(1))),
}
"""Whether a name, a type or a label's value is its default or not set at all is not kept; protobuf alone shows it."""


def _more() -> list[Record]:
    return [
        record(
            "protobuf and text in one group",
            push(GOOD["counter"][0], path="/metrics/job/a"),
            post("/metrics/job/a", "# TYPE d counter\nd 1\n"),
            post("/metrics/job/a", "# TYPE c counter\nc 9\n"),
        ),
        record(
            "POST in protobuf replaces by name",
            push(GOOD["counter"][0], GOOD["gauge"][0], path="/metrics/job/a"),
            post("/metrics/job/a", delimited(family("g", GAUGE, metric({"other": "1"}, gauge(8)))), TYPE),
        ),
        record(
            "an empty family clears its name",
            push(GOOD["gauge"][0]),
            post("/metrics/job/proto", delimited(family("g", GAUGE)), TYPE),
        ),
        record(
            "an empty family beside one of another group",
            push(GOOD["gauge"][0], path="/metrics/job/a"),
            push(family("g", GAUGE), path="/metrics/job/b"),
        ),
        record("type 9 without metrics", push(family("t", 9))),
        record(
            "a broken message changes nothing",
            push(GOOD["gauge"][0]),
            put("/metrics/job/proto", BROKEN["wire type 7"], TYPE),
        ),
        record(
            "a counter of one group meets a gauge of another",
            push(family("m", COUNTER, metric({}, counter(1))), path="/metrics/job/a"),
            push(family("m", COUNTER, metric({}, gauge(1))), path="/metrics/job/b"),
            put("/metrics/job/c", "# TYPE m counter\nm 1\n"),
        ),
        record(
            "a gauge histogram and a histogram share a name",
            push(family("m", HISTOGRAM, metric({}, histogram(1, 1))), path="/metrics/job/a"),
            push(family("m", GAUGE_HISTOGRAM, metric({}, histogram(2, 2))), path="/metrics/job/b"),
        ),
    ]


RECORDS = [
    *(record(f"good: {name}", push(*families), *ALL_FORMATS) for name, families in GOOD.items()),
    *(record(f"odd: {name}", push(*families), *ALL_FORMATS) for name, families in ODD.items()),
    *(record(f"unset: {name}", push(content), scrape(), api()) for name, content in UNSET.items()),
    *(record(f"strange: {name}", push(*families), *ALL_FORMATS) for name, families in STRANGE.items()),
    *(record(f"broken: {name}", put("/metrics/job/proto", body, TYPE)) for name, body in BROKEN.items()),
    *_more(),
]
