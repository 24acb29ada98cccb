from __future__ import annotations

import pytest

from pytest_pushgateway.exposition.model import Histogram, MetricType, Mixed, RenderError, Summary
from pytest_pushgateway.exposition.text.writer import render_block, render_header, render_series

SUMMARY = Summary(3, 1.5, [(0.5, float("nan"))])
HISTOGRAM = Histogram(3, -0.0, [(1e6, 2), (float("inf"), 3)])


def test_header_has_help_only_if_given() -> None:
    assert render_header(b"a", MetricType.GAUGE, b'\\ "quoted" \n') == (b'# HELP a \\\\ "quoted" \\n\n# TYPE a gauge\n')
    assert render_header(b"a", MetricType.COUNTER, b"") == b"# HELP a \n# TYPE a counter\n"
    assert render_header(b"a", MetricType.GAUGE_HISTOGRAM, None) == b"# TYPE a histogram\n"


def test_names_outside_the_legacy_character_set_are_quoted_or_escaped() -> None:
    assert render_header(b"a.b", MetricType.GAUGE, b"h", "allow-utf-8") == b'# HELP "a.b" h\n# TYPE "a.b" gauge\n'
    assert render_header(b"a.b", MetricType.GAUGE, b"h", "dots") == b"# HELP a_dot_b h\n# TYPE a_dot_b gauge\n"
    assert render_series(b"a.b", MetricType.GAUGE, b'{"a.b","c.d"="e"}', b"1", "values") == (
        b'U__a_2e_b{U__c_2e_d="e"} 1\n'
    )


def test_negative_zero_is_zero() -> None:
    assert render_series(b"a", MetricType.GAUGE, b"a", b"-0") == b"a 0\n"
    assert render_block(b"a", MetricType.GAUGE, [(b"a", b"-0"), (b'a{b="c"}', b"NaN")]) == b'a 0\na{b="c"} NaN\n'


@pytest.mark.parametrize(
    ("prefix", "lines"),
    [
        (b"s", b's{quantile="0.5"} NaN\ns_sum 1.5\ns_count 3\n'),
        (b's{a="b"}', b's{a="b",quantile="0.5"} NaN\ns_sum{a="b"} 1.5\ns_count{a="b"} 3\n'),
    ],
)
def test_summaries(prefix: bytes, lines: bytes) -> None:
    assert render_series(b"s", MetricType.SUMMARY, prefix, SUMMARY) == lines


def test_histograms() -> None:
    assert render_series(b"h", MetricType.HISTOGRAM, b'h{a="b"}', HISTOGRAM) == (
        b'h_bucket{a="b",le="1e+06"} 2\nh_bucket{a="b",le="+Inf"} 3\nh_sum{a="b"} 0\nh_count{a="b"} 3\n'
    )
    assert render_series(b"h", MetricType.GAUGE_HISTOGRAM, b"h", Histogram(2.5)) == (
        b'h_bucket{le="+Inf"} 2.5\nh_sum 0\nh_count 2.5\n'
    )


@pytest.mark.parametrize(
    ("prefix", "lines"),
    [
        (b'{"s.x"}', b'{"s.x",quantile="0.5"} NaN\n{"s.x_sum"} 1.5\n{"s.x_count"} 3\n'),
        (b'{"s.x",a="b"}', b'{"s.x",a="b",quantile="0.5"} NaN\n{"s.x_sum",a="b"} 1.5\n{"s.x_count",a="b"} 3\n'),
    ],
)
def test_suffixes_are_inside_quotes(prefix: bytes, lines: bytes) -> None:
    assert render_series(b"s.x", MetricType.SUMMARY, prefix, SUMMARY, "allow-utf-8") == lines


def test_unwritable_families_report_reason_and_progress() -> None:
    gauge = Mixed(b"\x12\x00", {MetricType.GAUGE: b"0"})
    with pytest.raises(RenderError, match=r"expected counter in metric a gauge:\{\}") as caught:
        render_block(b"a", MetricType.COUNTER, [(b'a{b="c"}', b"1"), (b"a", gauge)])
    assert caught.value.partial == b'a{b="c"} 1\n'
    with pytest.raises(RenderError, match="unknown metric type 9") as caught:
        render_header(b"a", 9, b"h")
    assert caught.value.partial == b"# HELP a h\n# TYPE a"
    with pytest.raises(RenderError, match="MetricFamily has no name"):
        render_header(b"", MetricType.GAUGE, b"")
