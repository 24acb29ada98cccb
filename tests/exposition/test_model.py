from __future__ import annotations

import pytest

from pytest_pushgateway.exposition.labels import Labels, render_prefix, sort_key, split_prefix
from pytest_pushgateway.exposition.model import Histogram, MetricFamily, MetricType, Mixed, Summary, kinds, part
from pytest_pushgateway.exposition.protobuf.text import metric_text
from pytest_pushgateway.harness.metrics.family import to_family

PREFIXES: list[tuple[bytes, Labels, bytes]] = [
    (b"a", (), b"a"),
    (b"a", ((b"b", b"c"),), b'a{b="c"}'),
    (b"a:b", ((b"b", b"c"), (b"d", b"")), b'a:b{b="c",d=""}'),
    (b"a", ((b"b", b'\\ " \n {x="y",} \xff\x00'),), b'a{b="\\\\ \\" \\n {x=\\"y\\",} \xff\x00"}'),
    (b"a.b", (), b'{"a.b"}'),
    (b"a.b", ((b"c", b"d"),), b'{"a.b",c="d"}'),
    (b"a.b", ((b"c.d", b"e"), (b"f", b",")), b'{"a.b","c.d"="e",f=","}'),
    (b"a", ((b"c.d", b"{"), (b'"\\\n', b"x")), b'a{"c.d"="{","\\"\\\\\\n"="x"}'),
    (b"", ((b"b", b"c"),), b'{b="c"}'),
    (b"", ((b"b.c", b"c"),), b'{"b.c"="c"}'),
    (b"a", ((b"", b"v"),), b'a{""="v"}'),
    (b"\xff", ((b"\xfe", b"v"),), b'{"\xff","\xfe"="v"}'),
    (b"a", ((b"b", b"1"), (b"b", b"2")), b'a{b="1",b="2"}'),
]


@pytest.mark.parametrize(("name", "labels", "prefix"), PREFIXES)
def test_prefix_is_rendered_and_taken_apart(name: bytes, labels: Labels, prefix: bytes) -> None:
    assert render_prefix(name, labels) == prefix
    assert split_prefix(prefix) == (name, labels)
    assert sort_key(prefix) == (len(labels), tuple(value for _, value in labels))


def test_series_sort_by_number_of_labels_then_by_values() -> None:
    prefixes = [b'a{l="b"}', b'a{z="a"}', b'a{l="a",m=""}', b"a", b'a{l="\\""}', b'a{"l.m"="0"}']
    assert sorted(prefixes, key=sort_key) == [
        b"a",
        b'a{l="\\""}',
        b'a{"l.m"="0"}',
        b'a{z="a"}',
        b'a{l="b"}',
        b'a{l="a",m=""}',
    ]


def test_kinds_and_parts_of_values() -> None:
    mixed = Mixed(b"", {MetricType.GAUGE: b"1", MetricType.HISTOGRAM: Histogram()})
    assert kinds(MetricType.COUNTER, b"1") == {MetricType.COUNTER}
    assert kinds(MetricType.SUMMARY, Summary()) == {MetricType.SUMMARY}
    assert kinds(MetricType.GAUGE_HISTOGRAM, Histogram()) == {MetricType.HISTOGRAM}
    assert kinds(9, mixed) == {MetricType.GAUGE, MetricType.HISTOGRAM}
    assert part(MetricType.COUNTER, b"1") == b"1"
    assert part(MetricType.SUMMARY, b"1") is None
    assert part(MetricType.GAUGE, mixed) == b"1"
    assert part(MetricType.GAUGE_HISTOGRAM, mixed) == Histogram()
    assert part(MetricType.COUNTER, mixed) is None
    assert part(9, mixed) is None
    assert part(MetricType.GAUGE_HISTOGRAM, Histogram()) == Histogram()
    assert part(MetricType.HISTOGRAM, Summary()) is None


def test_public_family_has_samples_of_prometheus_client() -> None:
    family = to_family(MetricFamily(b"a_total", MetricType.COUNTER, b"help", [(b'a_total{l="\xff"}', b"1e+06")]))
    assert (family.name, family.type, family.help) == ("a_total", "counter", "help")
    (sample,) = family.samples
    assert (sample.name, sample.labels, sample.value) == ("a_total", {"l": "\udcff"}, 1e6)
    metric = family.to_metric()
    assert (metric.name, metric.type, metric.samples) == ("a", "counter", [sample])


def test_untyped_is_unknown_to_prometheus_client() -> None:
    family = to_family(MetricFamily(b"a", MetricType.UNTYPED, None, [(b"a", b"NaN")]))
    assert family.type == "untyped"
    assert family.to_metric().type == "unknown"


def test_summaries_and_histograms_are_flattened_as_exposed() -> None:
    summary = Summary(3, 1.5, [(0.5, 1.0)])
    family = to_family(MetricFamily(b"s", MetricType.SUMMARY, b"", [(b's{a="b"}', summary)]))
    assert [(s.name, s.labels, s.value) for s in family.samples] == [
        ("s", {"a": "b", "quantile": "0.5"}, 1.0),
        ("s_sum", {"a": "b"}, 1.5),
        ("s_count", {"a": "b"}, 3.0),
    ]
    histogram = Histogram(3, 1.5, [(1e6, 2)])
    whole = Histogram(3, 1.5, [(1.0, 2), (float("inf"), 3)])
    family = to_family(MetricFamily(b"h", MetricType.HISTOGRAM, b"", [(b"h", whole)]))
    assert [s.labels.get("le") for s in family.samples] == ["1", "+Inf", None, None]
    family = to_family(MetricFamily(b"h", MetricType.GAUGE_HISTOGRAM, b"", [(b"h", histogram)]))
    assert family.type == "histogram"
    assert [(s.name, s.labels, s.value) for s in family.samples] == [
        ("h_bucket", {"le": "1e+06"}, 2.0),
        ("h_bucket", {"le": "+Inf"}, 3.0),
        ("h_sum", {}, 1.5),
        ("h_count", {}, 3.0),
    ]


def test_family_of_unknown_type_has_no_samples() -> None:
    family = to_family(MetricFamily(b"a", 9, b"", [(b"a", Mixed(b"", {MetricType.GAUGE: b"1"}))]))
    assert (family.type, family.samples) == ("untyped", ())


def test_metrics_in_error_texts() -> None:
    prefix = b'a{b="c\\n\\"\\\\\x01\xff\xc2\x80\xc3\xa9"}'
    assert metric_text(prefix, MetricType.GAUGE, b"+Inf") == (
        'label:{name:"b"  value:"c\\n\\"\\\\\\x01\\xff\\u0080é"}  gauge:{value:inf}'
    )
    assert metric_text(b"s", MetricType.SUMMARY, Summary(1, 1.5, [(0.5, float("nan"))])) == (
        "summary:{sample_count:1  sample_sum:1.5  quantile:{quantile:0.5  value:nan}}"
    )
    assert metric_text(b"s", MetricType.SUMMARY, Summary(has_count=False, has_sum=False)) == "summary:{}"
    assert metric_text(b"h", MetricType.HISTOGRAM, Histogram(1, -0.0, [(1.0, 1), (float("inf"), 1)])) == (
        "histogram:{sample_count:1  sample_sum:-0  bucket:{cumulative_count:1  upper_bound:1}"
        "  bucket:{cumulative_count:1  upper_bound:inf}}"
    )
    assert metric_text(b"h", MetricType.HISTOGRAM, Histogram(1.5, 0.0, [(1.0, 1.5)], has_sum=False)) == (
        "histogram:{sample_count_float:1.5  bucket:{cumulative_count_float:1.5  upper_bound:1}}"
    )
