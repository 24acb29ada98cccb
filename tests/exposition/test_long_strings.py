"""Long names and values are held once, and nothing that anybody reads shows it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_pushgateway.exposition.escaping import ALLOW_UTF8, DOTS, UNDERSCORES, VALUES, escape_name
from pytest_pushgateway.exposition.labels import (
    Labels,
    full_prefix,
    render_prefix,
    series_prefix,
    sort_key,
    split_prefix,
)
from pytest_pushgateway.exposition.long_strings import LONGEST, Longs, Wide
from pytest_pushgateway.exposition.model import Histogram, MetricFamily, MetricType, Summary, Value
from pytest_pushgateway.exposition.protobuf import reader as protobuf
from pytest_pushgateway.exposition.protobuf import schema
from pytest_pushgateway.exposition.protobuf.text import metric_text, render_family_text
from pytest_pushgateway.exposition.protobuf.writer import render_family
from pytest_pushgateway.exposition.samples import lines
from pytest_pushgateway.exposition.text.reader import parse, parse_strictly
from pytest_pushgateway.exposition.text.writer import render_text

pytestmark = pytest.mark.slow

LONG = b"x" * LONGEST + b"x"
TOKEN = next(iter(series_prefix(b"a", ((b"x", LONG),)).longs))  # type: ignore[attr-defined]
TEXTS = [b"", b"v", b'"\\\n', TOKEN, b"\\" + TOKEN, b'="' + TOKEN, LONG, LONG + b'"\\\n', LONG + TOKEN, b"\xff" + LONG]
NAMES = [b"a", b"a.b", b"a=", b'"', TOKEN, LONG, LONG + b".", b"=" + LONG, b'"' + TOKEN + LONG]
SCHEMES = [ALLOW_UTF8, UNDERSCORES, DOTS, VALUES]

labels = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(TEXTS), max_size=4).map(
    lambda members: tuple(sorted(members.items()))
)


@given(st.sampled_from([b"m", b"m.n", *NAMES]), labels)
@settings(deadline=None, max_examples=300)
def test_prefix_is_the_same_with_tokens_and_without(name: bytes, pairs: Labels) -> None:
    prefix = series_prefix(name, pairs)
    assert full_prefix(prefix) == render_prefix(name, pairs)
    assert split_prefix(prefix) == (name, pairs)
    assert sort_key(prefix) == sort_key(render_prefix(name, pairs))
    assert isinstance(prefix, Wide) == any(len(text) > LONGEST for text in (name, *sum(pairs, ())))
    # Whoever pushes it: the prefix is what makes a series the same.
    assert series_prefix(name, pairs, Longs()) == prefix
    assert len(prefix) < 5 * LONGEST + 500


VALUES_OF_SERIES: list[tuple[MetricType, Value]] = [
    (MetricType.GAUGE, b"1"),
    (MetricType.SUMMARY, Summary(2, 1.5, [(0.5, 1.0)])),
    (MetricType.HISTOGRAM, Histogram(2, 1.5, [(0.5, 1)])),
]


def written_out(family: MetricFamily) -> MetricFamily:
    """Return a family with prefixes as they were before there were tokens."""
    series = [(full_prefix(prefix), value) for prefix, value in family.series]
    return MetricFamily(family.name, family.type, family.help, series)


@given(st.sampled_from(NAMES), st.lists(labels, min_size=1, max_size=3), st.sampled_from(VALUES_OF_SERIES))
@settings(deadline=None, max_examples=300)
def test_every_format_is_written_the_same(name: bytes, series: list[Labels], typed: tuple[MetricType, Value]) -> None:
    kind, value = typed
    longs = Longs()
    family = MetricFamily(name, kind, b"help", [(series_prefix(name, pairs, longs), value) for pairs in series])
    plain = written_out(family)
    for scheme in SCHEMES:
        assert render_text([family], scheme) == render_text([plain], scheme)
        assert render_family(family, scheme) == render_family(plain, scheme)
        for compact in (False, True):
            text = render_family_text(family, scheme, compact=compact)
            assert text == render_family_text(plain, scheme, compact=compact)
    assert lines(family) == lines(plain)
    prefix = family.series[0][0]
    assert metric_text(prefix, kind, value) == metric_text(full_prefix(prefix), kind, value)


def test_long_name_is_escaped_by_each_scheme() -> None:
    family = MetricFamily(LONG + b".", 1, None, [(series_prefix(LONG + b".", ((LONG + b"-", LONG),)), b"1")])
    for scheme in (UNDERSCORES, DOTS, VALUES):
        name, label = (escape_name(LONG + end, scheme) for end in (b".", b"-"))
        assert render_text([family], scheme) == b'# TYPE %b gauge\n%b{%b="%b"} 1\n' % (name, name, label, LONG)
    quoted = b'# TYPE "%b." gauge\n{"%b.","%b-"="%b"} 1\n' % (LONG, LONG, LONG, LONG)
    assert render_text([family], ALLOW_UTF8) == quoted


BODIES = [
    b'a{x="%b"} 1\na{x="%b"} 2\na{x="y"} 3\n' % (LONG, LONG + b"1"),
    b'a{x="%b",y="%b"} 1\n' % (LONG, LONG),
    b'a{x="%b\\n"} 1\n' % LONG,
    b'a {x="%b"} 1\n' % LONG,
    b'# TYPE s summary\ns{x="%b",quantile="0.5"} 1\ns_sum{x="%b"} 2\ns_count{x="y"} 2\n' % (LONG, LONG),
    b'# TYPE h histogram\nh_bucket{x="%b",le="1"} 1\nh_count{x="%b"} 2\n' % (LONG, LONG),
    b'%b{%b="%b"} 1\n%b 2\n' % (LONG, LONG, LONG, LONG),
    b'a{job="%b"} 1\na{job="z",x="%b"} 1\n' % (LONG, LONG),
    b'a{x="%%",y="%b"} 1\n' % LONG,
    b'a{x="1"} 1\n' + b" " * 300 + b'a{x="2"} 2\n',
]


@pytest.mark.parametrize("job", [b"j", LONG, LONG + b'%s"\\\n', b"\xff" + LONG, TOKEN])
@pytest.mark.parametrize("body", BODIES)
def test_both_parsers_make_the_same_prefixes(body: bytes, job: bytes) -> None:
    grouping = {b"job": job, b"other": b"o"}
    fast, strict = parse(body, grouping), parse_strictly(body, grouping)
    assert fast == strict
    for family in fast.families.values():
        for (prefix, _), (other, _) in zip(family.series, strict.families[family.name].series, strict=True):
            assert split_prefix(prefix) == split_prefix(other)
            assert full_prefix(prefix) == full_prefix(other)
            assert type(prefix) is type(other)


def test_repeated_strings_of_a_push_are_stored_once() -> None:
    body = b"".join(b'a{x="%d",y="%b"} 1\n' % (number, LONG) for number in range(100))
    (family,) = parse(body, {b"job": LONG, b"k": LONG + b"k"}).families.values()
    held = {id(long) for prefix, _ in family.series for long in prefix.longs.values()}  # type: ignore[attr-defined]
    assert len(held) == 2
    assert max(len(prefix) for prefix, _ in family.series) < 150


def test_protobuf_name_is_stored_once() -> None:
    message = schema.MetricFamily(name=LONG, type=1)
    for number in range(100):
        message.metric.add(label=[{"name": b"x", "value": b"%d" % number}], gauge={"value": 1.0})
    content = message.SerializeToString()
    body = bytes([len(content) & 127 | 128, len(content) >> 7]) + content
    (family,) = protobuf.parse(body, {b"job": b"j"}).families.values()
    assert max(len(prefix) for prefix, _ in family.series) < 100
    assert len({id(long) for prefix, _ in family.series for long in prefix.longs.values()}) == 1  # type: ignore[attr-defined]
