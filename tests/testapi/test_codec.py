"""Groups and requests cross to another process exactly, whatever is in them."""

from __future__ import annotations

import json
import math

import pytest

from pytest_pushgateway.exposition.long_strings import Wide
from pytest_pushgateway.exposition.model import (
    Histogram,
    MetricFamily,
    MetricType,
    Mixed,
    Native,
    Parsed,
    Summary,
    Value,
)
from pytest_pushgateway.exposition.samples import lines
from pytest_pushgateway.exposition.text.reader import parse
from pytest_pushgateway.gateway.groups import Collision, Poison, StoredFamily, StoredGroup, Verdict
from pytest_pushgateway.gateway.hooks import Plan, RawRequest, Record
from pytest_pushgateway.harness.journal.requests import Push
from pytest_pushgateway.testapi.codec import poison_as_json, poison_in, record_as_json, record_in
from pytest_pushgateway.testapi.groups_codec import stored_as_json, stored_in

KEY = ((b"job", b"b\xffckup"), (b"zone", b""))
NATIVE = Native(3, 1e-128, 2.5, [(-1, 1)], [(0, 2), (7, 1.5)])
VALUES: dict[str, tuple[int, Value]] = {
    "gauge": (MetricType.GAUGE, b"1e+06"),
    "NaN": (MetricType.UNTYPED, b"NaN"),
    "negative zero": (MetricType.COUNTER, b"-0"),
    "summary": (MetricType.SUMMARY, Summary(3, math.inf, [(0.5, math.inf), (0.9, -1.0)], has_sum=False)),
    "histogram": (MetricType.HISTOGRAM, Histogram(3, 1.5, [(0.1, 1), (math.inf, 3)])),
    "float histogram": (MetricType.GAUGE_HISTOGRAM, Histogram(2.5, -math.inf, [(1.0, 2.5)], has_count=False)),
    "native histogram": (MetricType.HISTOGRAM, Histogram(3, 1.0, [], native=NATIVE, whole_count=3)),
    "mixed": (
        MetricType.GAUGE,
        Mixed(
            b"\x00\xff",
            {MetricType.GAUGE: b"7", MetricType.SUMMARY: Summary(1, 2.0), MetricType.HISTOGRAM: Histogram()},
        ),
    ),
    "unknown type": (77, b"7"),
}


def through_json(value: dict[str, object]) -> dict[str, object]:
    text = json.dumps(value, allow_nan=False)
    crossed: dict[str, object] = json.loads(text)
    return crossed


@pytest.mark.parametrize("name", VALUES)
def test_groups_of_each_kind_of_value(name: str) -> None:
    kind, value = VALUES[name]
    prefix = b'rows{job="b\xffckup",zone=""}'
    family = MetricFamily(b"rows", kind, None if name == "gauge" else b"a\nb", [(prefix, value)], [prefix])
    group = StoredGroup(KEY, {b"rows": StoredFamily(family, 1700000000.25)}, 1700000000.5, 0.0)

    assert stored_in(through_json(stored_as_json(group))) == group


def test_long_strings() -> None:
    parsed = parse(b'rows{text="%b"} 7\nrows{text="short"} 8\n' % (b"x" * 3000), dict(KEY[:1]))
    group = StoredGroup(KEY, {b"rows": StoredFamily(parsed.families[b"rows"], 1.0)}, 1.0, 0.0)
    copied = stored_in(through_json(stored_as_json(group))).families[b"rows"].family

    assert copied == group.families[b"rows"].family
    assert lines(copied) == lines(group.families[b"rows"].family)
    assert [isinstance(prefix, Wide) for prefix, _ in copied.series] == [True, False]


def test_rejected_push_with_its_collisions() -> None:
    body = b"# TYPE rows gauge\nrows 7\n"
    raw = RawRequest(
        "PUT", "/metrics/job/b", [("Host", "\xff"), ("A", "1"), ("A", "2")], body, "", 0, 1.5, "push", KEY, "push"
    )
    collision = Collision("type", b"rows", b'rows{a="\xff"}', "is not a GAUGE", (KEY,))
    verdict = Verdict(False, "refused", (collision,), (b"gone",), created=True, matched=False)
    plan = Plan("error(503)", status=503, store=False)
    parsed = parse(body, dict(KEY), utf8_names=True)
    push = Push(raw, Record(raw, 503, "later", verdict, parsed, 0.25, plan, "/there", "missed"))
    push._order, push.number = 7, 3
    record = record_in(through_json(record_as_json(push)), utf8_names=True)
    copied = Push(record.request, record)

    assert (copied.method, copied.path, copied.body, copied.at) == ("PUT", "/metrics/job/b", body, 1.5)
    assert copied.headers.getlist("A") == ["1", "2"]
    assert record.request.raw_headers == raw.raw_headers
    assert record.request.key == KEY
    assert (copied.status, copied.error, copied.location, copied.duration) == (503, "later; missed", "/there", 0.25)
    assert copied.fault == "error(503)"
    assert copied._answered_by_fault
    assert copied._collisions == (collision,)
    assert record.verdict is not None
    assert (record.verdict.removed, record.verdict.created, record.verdict.matched) == ((b"gone",), True, False)
    assert isinstance(record.parsed, Parsed)
    assert record.parsed == parsed


def test_poison() -> None:
    poison = Poison("fails", (Collision("own", b"up", b"", "is ours"),), (KEY, ()), (KEY,))

    assert poison_in(through_json(poison_as_json(poison))) == poison
