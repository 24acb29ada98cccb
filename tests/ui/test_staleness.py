"""Old pushes are seen: order, ages, groups that were left behind; and what can be copied, pasted and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.ui.browser import until
from tests.ui.stage import NOW, Stage, family, group, metric

Open = Callable[..., Any]


def jobs(page: Any) -> list[str]:
    texts: list[str] = page.locator("article h2 .toggle").all_inner_texts()
    return texts


@pytest.fixture
def three(stage: Stage) -> Stage:
    stage.play(
        group({"job": "a"}, pushed=NOW - 10, x=family("GAUGE", [metric({"n": str(n)}, "1") for n in range(2)])),
        group({"job": "b"}, pushed=NOW - 3600, failed=NOW - 5, x=family("GAUGE", [metric({}, "1")])),
        group({"job": "c"}, pushed=NOW - 60, x=family("GAUGE", [metric({"n": str(n)}, "1") for n in range(5)])),
        group({"job": "d"}, pushed=NOW - 90, y=family("GAUGE", [metric({}, "1")])),
    )
    return stage


@pytest.mark.parametrize(
    ("order", "expected"),
    [("", "abcd"), ("newest", "acdb"), ("oldest", "bdca"), ("size", "cabd"), ("failed", "bacd")],
)
def test_groups_are_sorted(three: Stage, open_page: Open, order: str, expected: str) -> None:
    page = open_page(f"{three.url}#metrics?sort={order}")
    assert jobs(page) == [f'job="{letter}"' for letter in expected]
    assert page.get_by_label("Sort by").input_value() == order


def test_group_left_behind_is_marked(stage: Stage, open_page: Open) -> None:
    fresh = [group({"job": "etl", "instance": str(n)}, pushed=NOW - 30 - n) for n in range(3)]
    stage.play(
        *fresh, group({"job": "etl", "instance": "old"}, pushed=NOW - 7200), group({"job": "lone"}, pushed=NOW - 90_000)
    )
    page = open_page(stage.url)
    marked = page.locator("article", has=page.locator(".pill.odd:visible"))
    assert marked.locator("h2").all_inner_texts() == ['job="etl"\ninstance="old"']
    assert page.locator(".facts").inner_text().endswith("1 stale")


def test_moment_has_its_age_and_no_bars(stage: Stage, open_page: Open) -> None:
    rows = [metric({"n": "1"}, repr(NOW - 36_000)), metric({"n": "2"}, repr(NOW - 60))]
    stage.play(group({"job": "a"}, last_success_timestamp_seconds=family("GAUGE", rows)))
    page = open_page(stage.url, timezone_id="Etc/UTC")
    assert page.locator("td.value small").all_inner_texts() == [
        "2023-11-14 12:13:20 UTC, 10 h ago",
        "2023-11-14 22:12:20 UTC, 1 min ago",
    ]
    shares = [row.evaluate("row => row.style.getPropertyValue('--share')") for row in page.locator("tbody tr").all()]
    assert shares == ["0", "0"]


def test_dates_in_local_time_and_utc(stage: Stage, open_page: Open) -> None:
    stage.play(group({"job": "a"}, end_time_seconds=family("GAUGE", [metric({}, repr(NOW))])))
    page = open_page(stage.url, timezone_id="Asia/Kolkata")
    assert page.locator(".value small").inner_text().startswith("2023-11-15 03:43:20 +05:30")
    page.get_by_role("button", name="Local").click()
    assert page.locator(".value small").inner_text().startswith("2023-11-14 22:13:20 UTC")
    page.reload()
    page.wait_for_selector(".value small")
    assert page.locator(".value small").inner_text().startswith("2023-11-14 22:13:20 UTC")


def test_created_is_folded_into_its_counter(stage: Stage, open_page: Open) -> None:
    stage.play(
        group(
            {"job": "a"},
            rows_total=family("COUNTER", [metric({"t": "u"}, "7")]),
            rows_created=family("GAUGE", [metric({"t": "u"}, repr(NOW - 120))]),
            lone_created=family("GAUGE", [metric({}, repr(NOW - 120))]),
        )
    )
    page = open_page(stage.url)
    assert page.locator(".family h3").all_inner_texts() == ["lone_created", "rows_total"]
    assert page.locator(".age").last.inner_text() == "created 2 min ago"


def test_created_is_folded_into_histogram_and_summary(stage: Stage, open_page: Open) -> None:
    stage.play(
        group(
            {"job": "a"},
            h=family("HISTOGRAM", [{"buckets": {"1": "2"}, "count": "2", "sum": "1", "labels": {}}]),
            h_created=family("GAUGE", [metric({}, repr(NOW - 120))]),
            s=family("SUMMARY", [{"quantiles": {"0.5": "2"}, "count": "2", "sum": "1", "labels": {"t": "u"}}]),
            s_created=family("GAUGE", [metric({"t": "u"}, repr(NOW - 7200))]),
        )
    )
    page = open_page(stage.url)
    assert page.locator(".family h3").all_inner_texts() == ["h", "s"]
    assert page.locator(".drawing .age").all_inner_texts() == ["created 2 min ago", "created 2 h ago"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('backup_bytes{disk="sda"}', ['disk="sda"']),
        ("backup_bytes{disk='sda'}", ['disk="sda"']),
        ("{__name__=~`backup_.+`, disk!=`sda`}", ['disk="sdb"']),
        ('backup_bytes{job="backup",disk="sda"} 1', ['disk="sda"']),
        ('backup_bytes{disk="sda"}[5m] offset 1h', ['disk="sda"']),
        ('job="backup", disk=~"(?i)SD[B]"', ['disk="sdb"']),
        ('{job="backup", __name__!="backup_bytes"}', []),
        ('disk=~"sd\\\\-?a"', ['disk="sda"']),
        ('job=~"b.*"', ['disk="sda"', 'disk="sdb"']),
        ('{job="backup",disk!="sda"}', ['disk="sdb"']),
        ('backup_bytes{disk=~"sd(a|z)", job="backup"}', ['disk="sda"']),
        ('backup_bytes{job="nightly"}', []),
        ('backup_bytes{disk=~"("}', []),
    ],
)
def test_selector_filters(stage: Stage, open_page: Open, query: str, expected: list[str]) -> None:
    rows = [metric({"disk": "sda"}, "1"), metric({"disk": "sdb"}, "2")]
    stage.play(group({"job": "backup"}, backup_bytes=family("GAUGE", rows)), group({"job": "nightly"}))
    page = open_page(stage.url)
    page.get_by_role("searchbox").fill(query)
    until(page, "document.querySelector('.facts').textContent.includes('of 2 groups')")
    assert page.locator("tbody th, .single .labels").all_inner_texts() == expected


def test_series_are_copied(stage: Stage, open_page: Open) -> None:
    rows = [metric({"disk": 'a"b'}, "1.5e+06"), metric({"disk": "c"}, "2")]
    stage.play(group({"job": "backup"}, backup_bytes=family("GAUGE", rows)))
    page = open_page(stage.url)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copied = []
    for name in ("Copy selector", "Copy series", "Copy value"):
        page.get_by_role("button", name="Copy a series of backup_bytes").first.click()
        page.get_by_role("button", name=name).click()
        until(page, "!document.querySelector('.choices:not([hidden])')")
        copied.append(page.evaluate("navigator.clipboard.readText()"))
    series = 'backup_bytes{job="backup",disk="a\\"b"}'
    assert copied == [series, f"{series} 1500000", "1500000"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('took_bucket{le="0.5"}', ["took"]),
        ('took_bucket{le="+Inf"}', ["took"]),
        ('took_bucket{le="7"}', []),
        ('{quantile=~"0.9.*"}', ["size"]),
        ('{__name__="size_sum"}', ["size"]),
    ],
)
def test_bounds_and_quantiles_are_labels(stage: Stage, open_page: Open, query: str, expected: list[str]) -> None:
    took = {"buckets": {"0.5": "2"}, "count": "2", "sum": "1", "labels": {}}
    size = {"quantiles": {"0.99": "2"}, "count": "2", "sum": "1", "labels": {}}
    stage.play(
        group({"job": "a"}, took=family("HISTOGRAM", [took]), size=family("SUMMARY", [size])), group({"job": "b"})
    )
    page = open_page(stage.url)
    page.get_by_role("searchbox").fill(query)
    until(page, "document.querySelector('.facts').textContent.includes('of 2 groups')")
    assert page.locator(".family h3").all_inner_texts() == expected


def test_histogram_is_copied_as_it_is_exposed(stage: Stage, open_page: Open) -> None:
    drawn = {"buckets": {"10": "3", "0.5": "2", "+Inf": "4"}, "count": "4", "sum": "1.5e+06", "labels": {"d": "x"}}
    stage.play(group({"job": "a"}, took=family("HISTOGRAM", [drawn])), group({"job": "b"}))
    page = open_page(stage.url)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copied = []
    for name in ("Copy selector", "Copy series", "Copy count", "Copy sum"):
        page.get_by_role("button", name="Copy a series of took").click()
        page.get_by_role("button", name=name).click()
        until(page, "!document.querySelector('.choices:not([hidden])')")
        copied.append(page.evaluate("navigator.clipboard.readText()"))
    labels = 'job="a",d="x"'
    series = [
        f'took_bucket{{{labels},le="0.5"}} 2',
        f'took_bucket{{{labels},le="10"}} 3',
        f'took_bucket{{{labels},le="+Inf"}} 4',
        f"took_sum{{{labels}}} 1500000",
        f"took_count{{{labels}}} 4",
    ]
    assert copied == [f"took_bucket{{{labels}}}", "\n".join(series), "4", "1500000"]


def test_menu_is_above_the_next_group(stage: Stage, open_page: Open) -> None:
    stage.play(*(group({"job": name}, x=family("GAUGE", [metric({}, "1")])) for name in "ab"))
    page = open_page(stage.url)
    page.get_by_role("button", name="Copy the series of x").first.click()
    page.get_by_role("button", name="Copy value").click()
    until(page, "!document.querySelector('code, .choices:not([hidden])')")


def test_offline_is_seen(three: Stage, open_page: Open) -> None:
    page = open_page(three.url)
    assert page.locator(".bin").first.is_enabled()
    three.silent = True
    page.wait_for_selector("body.stale")
    assert not page.locator(".bin").first.is_enabled()
    three.silent = False
    page.wait_for_selector("body:not(.stale)")
    assert page.locator(".bin").first.is_enabled()


def test_all_are_shown_at_once(stage: Stage, open_page: Open) -> None:
    stage.play(*[group({"job": f"j{n:03}"}) for n in range(450)])
    page = open_page(stage.url)
    page.get_by_role("button", name="Show all 450").click()
    until(page, "document.querySelectorAll('article').length === 450")
    assert not page.locator(".pair").is_visible()


def test_failures_are_in_the_title(three: Stage, open_page: Open) -> None:
    assert open_page(three.url).title() == "(1 failed) Metrics · Pushgateway"


def test_closing_all_does_not_keep_hits_closed(three: Stage, open_page: Open) -> None:
    page = open_page(three.url)
    page.get_by_role("searchbox").fill('x{n="1"}')
    page.wait_for_selector(".group-body")
    page.get_by_role("button", name="Close all").click()
    until(page, "!document.querySelector('.group-body')")
    page.get_by_role("searchbox").fill('x{n="0"}')
    page.wait_for_selector(".group-body")
    assert page.locator(".group-body").count() == 2


def test_closing_all_does_not_keep_groups_of_another_type_closed(stage: Stage, open_page: Open) -> None:
    kinds = ("GAUGE", "COUNTER")
    stage.play(*(group({"job": kind}, **{kind: family(kind, [metric({}, "1")])}) for kind in kinds))
    page = open_page(stage.url)
    page.get_by_role("button", name="Close all").click()
    assert page.locator(".group-body").count() == 0
    page.get_by_label("Type").select_option("counter")
    assert page.locator(".group-body").count() == 1


def test_native_histogram_is_interpolated_as_prometheus_does(stage: Stage, open_page: Open) -> None:
    """From histogram_quantile() of Prometheus 3.5: exponential inside a bucket, linear around zero."""
    drawn = {"buckets": [[0, "1", "2", "4"]], "count": "4", "sum": "6", "labels": {}}
    stage.play(group({"job": "a"}, h=family("HISTOGRAM", [drawn])))
    page = open_page(stage.url)
    figures = dict(
        zip(page.locator(".stats dt").all_inner_texts(), page.locator(".stats dd").all_inner_texts(), strict=True)
    )
    assert (figures["p50"], figures["p90"]) == ("≈ 1.41", "≈ 1.87")
