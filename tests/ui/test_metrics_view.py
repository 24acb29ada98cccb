"""The metrics view: groups, families and values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.ui.browser import until
from tests.ui.stage import NOW, Stage, family, group, metric

Open = Callable[..., Any]


def heads(page: Any) -> list[str]:
    return [" ".join(text.split()) for text in page.locator(".group-head .toggle").all_inner_texts()]


def test_groups_are_sorted_by_key_with_job_first(stage: Stage, open_page: Open) -> None:
    stage.play(
        group({"job": "etl", "instance": "db10", "area": "eu"}),
        group({"job": "etl", "instance": "db9", "area": "eu"}),
        group({"job": "backup"}),
        group({"job": "backup", "instance": ""}),
    )
    page = open_page(stage.url)
    assert heads(page) == [
        'job="backup"',
        'job="backup" instance=""',
        'job="etl" area="eu" instance="db9"',
        'job="etl" area="eu" instance="db10"',
    ]


def test_family_shows_type_help_time_and_value(stage: Stage, open_page: Open) -> None:
    files = family("COUNTER", [metric({}, "1.84227e+06")], "Files copied.", at=NOW - 125)
    stage.play(group({"job": "backup"}, files_total=files))
    section = open_page(stage.url).locator(".family")
    assert section.locator("h3").inner_text() == "files_total"
    assert section.locator(".type").inner_text() == "counter"
    assert section.locator(".help").inner_text() == "Files copied."
    assert section.locator("time").inner_text() == "2 min ago"
    assert section.locator(".value span").inner_text() == "1842270"
    assert section.locator(".value small").inner_text() == "1.84 M"


@pytest.mark.parametrize(
    ("name", "value", "shown", "hint"),
    [
        ("size_bytes", "1.073741824e+10", "10737418240", "10 GiB"),
        ("end_time_seconds", "1.7000000005e+09", "1700000000.5", "2023-11-14 22:13:20 UTC, < 1 min ago"),
        ("took_seconds", "3725", "3725", "1 h 2 min"),
        ("hit_ratio", "0.382", "0.382", "38.2 %"),
        ("tiny", "2.5e-05", "0.000025", ""),
        ("huge", "1e+22", "1e+22", ""),
        ("odd", "NaN", "NaN", ""),
        ("endless", "-Inf", "-Inf", ""),
    ],
)
def test_values_are_written_out_and_explained(
    stage: Stage, open_page: Open, name: str, value: str, shown: str, hint: str
) -> None:
    stage.play(group({"job": "a"}, **{name: family("GAUGE", [metric({}, value)])}))
    cell = open_page(stage.url, timezone_id="UTC").locator(".family .value")
    assert cell.locator("span").inner_text() == shown
    assert cell.locator("small").text_content() == hint


def test_series_show_the_labels_that_the_group_has_not(stage: Stage, open_page: Open) -> None:
    rows = [metric({"disk": "sda"}, "2"), metric({"disk": "sdb", "instance": "own"}, "1"), metric({}, "7")]
    stage.play(group({"job": "backup", "host": "h"}, free=family("GAUGE", rows)))
    page = open_page(stage.url)
    assert page.locator("tbody tr").all_inner_texts() == [
        'disk="sda"\t2\t',
        'disk="sdb"instance="own"\t1\t',
        "no further labels\t7\t",
    ]


def test_histogram_has_chart_and_table(stage: Stage, open_page: Open) -> None:
    drawn = {"buckets": {"1": "2", "0.1": "2", "10": "8"}, "count": "10", "sum": "25", "labels": {}}
    stage.play(group({"job": "a"}, took_seconds=family("HISTOGRAM", [drawn])))
    page = open_page(stage.url)
    bars = page.locator(".bars i")
    assert [bar.evaluate("bar => bar.style.getPropertyValue('--h')") for bar in bars.all()] == [
        "0.3333333333333333",
        "0",
        "1",
        "0.3333333333333333",
    ]
    assert page.locator(".bars span").all_inner_texts() == ["0.1", "1", "10", "+Inf"]
    assert page.locator(".bars").get_attribute("aria-label") == (
        "Histogram of took_seconds: ≤ 0.1: 2; 1 – 10: 6; > 10: 2"
    )
    figures = dict(zip(page.locator("dt").all_inner_texts(), page.locator("dd").all_inner_texts(), strict=True))
    assert figures == {"count": "10", "sum": "25", "mean": "2.5", "p50": "≈ 5.5", "p90": "≈ 10", "p99": "≈ 10"}
    page.get_by_text("4 buckets").click()
    page.wait_for_selector(".plain tbody tr")
    assert page.locator(".plain tbody tr").all_inner_texts() == [
        "≤ 0.1\t2\t2",
        "0.1 – 1\t0\t2",
        "1 – 10\t6\t8",
        "> 10\t2\t10",
    ]


def test_numbers_of_buckets_are_exact(stage: Stage, open_page: Open) -> None:
    drawn = {"buckets": {"0.0625": "1.234567e+06", "1.048576e+06": "2.345679e+06"}, "count": "2345679", "sum": "99"}
    stage.play(group({"job": "a"}, size_bytes=family("HISTOGRAM", [{**drawn, "labels": {}}])))
    page = open_page(stage.url)
    assert page.locator(".bars span").all_inner_texts() == ["0.0625", "1.05M", "+Inf"]
    assert page.locator(".stats dd").all_inner_texts()[2] == "0.0000422"
    page.get_by_text("3 buckets").click()
    page.wait_for_selector(".plain tbody tr")
    assert page.locator(".plain tbody tr").all_inner_texts() == [
        "≤ 0.0625\t1234567\t1234567",
        "0.0625 – 1048576\t1111112\t2345679",
        "> 1048576\t0\t2345679",
    ]


def test_native_histogram_is_drawn(stage: Stage, open_page: Open) -> None:
    drawn = {
        "buckets": [[0, "1", "2", "3"], [3, "-0.5", "0.5", "1"], [1, "-2", "-1", "2"]],
        "count": "6",
        "sum": "3",
        "labels": {},
    }
    stage.play(group({"job": "a"}, n=family("HISTOGRAM", [drawn])))
    page = open_page(stage.url)
    page.get_by_text("3 buckets").click()
    page.wait_for_selector(".plain tbody tr")
    assert page.locator(".plain tbody tr").all_inner_texts() == ["-2 – -1\t2\t2", "-0.5 – 0.5\t1\t3", "1 – 2\t3\t6"]


def test_histogram_without_observations(stage: Stage, open_page: Open) -> None:
    drawn = {"buckets": {"1": "0"}, "count": "0", "sum": "0", "labels": {}}
    stage.play(group({"job": "a"}, h=family("HISTOGRAM", [drawn])))
    page = open_page(stage.url)
    assert page.locator(".bars").get_attribute("aria-label") == "Histogram of h: no observations"
    assert page.locator("dt").all_inner_texts() == ["count", "sum", "mean"]


def test_native_histogram_without_observations(stage: Stage, open_page: Open) -> None:
    """It has no bucket at all; what comes after it on the page, and later, is shown all the same."""
    drawn: dict[str, Any] = {"buckets": [], "count": "0", "sum": "0", "labels": {}}
    stage.play(group({"job": "a"}, n=family("HISTOGRAM", [drawn]), z=family("GAUGE", [metric({}, "1")])))
    page = open_page(stage.url)
    chart = page.locator(".chart")
    assert " ".join(chart.inner_text().split()) == "count 0 sum 0 mean – No bucket has an observation."
    assert page.locator(".single .value").inner_text() == "1"
    drawn = {"buckets": [[0, "1", "2", "3"]], "count": "3", "sum": "4", "labels": {}}
    stage.play(group({"job": "a"}, n=family("HISTOGRAM", [drawn])))
    until(page, "document.querySelector('.chart summary')?.textContent === '1 bucket'")


def test_native_histogram_of_unknown_schema(stage: Stage, open_page: Open) -> None:
    drawn = {"buckets": [], "count": "3", "sum": "6", "labels": {}}
    stage.play(group({"job": "a"}, n=family("HISTOGRAM", [drawn])))
    chart = open_page(stage.url).locator(".chart")
    assert " ".join(chart.inner_text().split()) == "count 3 sum 6 mean 2 The bounds of its buckets are not known."


@pytest.mark.parametrize("bounds", [{"+Inf": "3"}, {}])
def test_histogram_of_one_bucket_without_bounds_estimates_nothing(
    stage: Stage, open_page: Open, bounds: dict[str, str]
) -> None:
    drawn = {"buckets": bounds, "count": "3", "sum": "6", "labels": {}}
    stage.play(group({"job": "a"}, h=family("HISTOGRAM", [drawn])))
    page = open_page(stage.url)
    assert page.locator(".stats").inner_text().split() == ["count", "3", "sum", "6", "mean", "2"]
    assert page.locator(".bars span").all_inner_texts() == ["+Inf"]
    assert page.get_by_text("1 bucket", exact=True).count() == 1


def test_summary_is_drawn(stage: Stage, open_page: Open) -> None:
    drawn = {
        "quantiles": {"1": "NaN", "0.99": "+Inf", "0.9": "0.4", "0.5": "0.1"},
        "count": "4",
        "sum": "1",
        "labels": {},
    }
    bare = {"count": "0", "sum": "0", "labels": {"path": "/"}}
    stage.play(group({"job": "a"}, s=family("SUMMARY", [drawn, bare])))
    page = open_page(stage.url)
    assert [text.split() for text in page.locator(".quantiles tbody tr").all_inner_texts()] == [
        ["0.5", "0.1"],
        ["0.9", "0.4"],
        ["0.99", "+Inf"],
        ["1", "NaN"],
    ]
    widths = [bar.evaluate("bar => bar.style.getPropertyValue('--w')") for bar in page.locator(".track i").all()]
    assert widths == ["0.25", "1"]
    assert page.locator(".quantiles").count() == 1


def test_failed_last_push_is_red_with_its_reason(stage: Stage, open_page: Open) -> None:
    from pytest_pushgateway.gateway.app.recent_requests import Failure

    failure = Failure('collected metric "rows" is not a COUNTER', NOW - 5)
    stage.play(
        group({"job": "bad"}, pushed=NOW - 90, failed=NOW - 5),
        group({"job": "good"}),
        group({"job": "long ago"}, pushed=0.0, failed=NOW - 9000),
        failures={((b"job", b"bad"),): failure},
    )
    page = open_page(stage.url)
    cards = page.locator("article")
    assert cards.nth(0).locator(".reason").inner_text().split("\n") == [
        "Last push failed",
        "< 1 min ago",
        'collected metric "rows" is not a COUNTER',
    ]
    assert cards.nth(1).locator(".reason").count() == 0
    assert "the reason is no longer known" in cards.nth(2).locator(".reason").inner_text()
    assert cards.nth(2).locator(".group-head time").inner_text() == "never pushed"
    colour = page.locator(".reason").first.evaluate("node => getComputedStyle(node).color")
    assert colour == "rgb(179, 38, 30)"
    assert page.locator(".facts").inner_text().endswith("2 failed")


def test_empty_gateway_shows_how_to_push(stage: Stage, open_page: Open) -> None:
    page = open_page(stage.url)
    assert page.locator("h2:visible").all_inner_texts() == ["Nothing has been pushed yet"]
    assert f"{stage.url}metrics/job/backup" in page.locator("pre").first.inner_text()
    page.get_by_role("button", name="Copy Push with curl").click()
    until(page, "document.getElementById('announce').textContent.match(/Copied|Selected/)")


def test_group_with_push_times_only(stage: Stage, open_page: Open) -> None:
    stage.play(group({"job": "a"}))
    assert "only the times of its pushes" in open_page(stage.url).locator(".note").inner_text()


def test_names_of_javascript_itself_are_names_like_others(stage: Stage, open_page: Open) -> None:
    names = {"__proto__": "1", "constructor": "2", "toString": "3"}
    stage.play(group({"job": "a", "__proto__": "p"}, **{n: family("GAUGE", [metric({}, v)]) for n, v in names.items()}))
    page = open_page(stage.url)
    assert page.locator(".family h3").all_inner_texts() == sorted(names)
    assert heads(page) == ['job="a" __proto__="p"']


def test_huge_and_invisible_text_is_tamed(stage: Stage, open_page: Open) -> None:
    stage.play(group({"job": "x" * 1_000_000, "note": 'a\u202eb\n\\"\u0000'}))
    page = open_page(stage.url)
    labels = page.locator(".group-head .label")
    assert labels.nth(0).inner_text().endswith('… (1000000 characters)"')
    assert labels.nth(1).inner_text() == r'note="a\u{202e}b\n\\\"\u{0}"'


def test_open_details_survive_a_reload(stage: Stage, open_page: Open) -> None:
    stage.play(*(group({"job": f"j{i}"}, m=family("GAUGE", [metric({}, "1")])) for i in range(5)))
    page = open_page(stage.url)
    assert page.locator(".family").count() == 0
    page.locator(".group-head .toggle").nth(1).click()
    page.reload()
    page.wait_for_selector(".family")
    assert page.locator("[aria-expanded=true]").all_inner_texts() == ['job="j1"']
    page.get_by_role("button", name="Close all").click()
    assert page.locator(".family").count() == 0
