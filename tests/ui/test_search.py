"""The filter of the metrics view."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.ui.browser import until
from tests.ui.stage import NOW, Stage, family, group, metric

Open = Callable[..., Any]


@pytest.fixture
def page(stage: Stage, open_page: Open) -> Any:
    disks = [metric({"disk": "sda"}, "1"), metric({"disk": "sdb"}, "2")]
    stage.play(
        group(
            {"job": "backup", "instance": "db1"},
            free_bytes=family("GAUGE", disks, "Room left."),
            runs_total=family("COUNTER", [metric({}, "3")]),
        ),
        group({"job": "backup", "instance": "db2"}, runs_total=family("COUNTER", [metric({}, "4")])),
        group({"job": "my report"}, pushed=NOW - 9, failed=NOW, rows=family("UNTYPED", [metric({}, "5")])),
        group({"job": "etl"}, took=family("SUMMARY", [{"count": "1", "sum": "1", "labels": {}}])),
        group({"job": "idle"}),
    )
    return open_page(stage.url)


def found(page: Any) -> list[str]:
    return [" ".join(text.split()) for text in page.locator(".group-head .toggle").all_inner_texts()]


def type_in(page: Any, query: str) -> str:
    page.get_by_role("searchbox").fill(query)
    until(page, f"new URLSearchParams(location.hash.split('?')[1]).get('q') === {json.dumps(query)}")
    said: str = page.locator("#announce").inner_text()
    return said


@pytest.mark.parametrize(
    ("query", "groups"),
    [
        ("BACKUP", ['job="backup" instance="db1"', 'job="backup" instance="db2"']),
        ("backup db2", ['job="backup" instance="db2"']),
        ("instance=db", ['job="backup" instance="db1"', 'job="backup" instance="db2"']),
        ('job="my report"', ['job="my report"']),
        ('"my report"', ['job="my report"']),
        ("room", ['job="backup" instance="db1"']),
        ("runs_ db1", ['job="backup" instance="db1"']),
        ("summary", ['job="etl"']),
        ("instance", ['job="backup" instance="db1"', 'job="backup" instance="db2"']),
        ("instance=etl", []),
        ("job=E", ['job="etl"', 'job="idle"', 'job="my report"']),
    ],
)
def test_every_term_must_be_found(page: Any, query: str, groups: list[str]) -> None:
    said = type_in(page, query)
    assert found(page) == groups
    assert said == f"{len(groups)} of 5 groups"


def test_term_inside_group_opens_it_and_narrows_it_to_series(page: Any) -> None:
    type_in(page, "backup disk=sdb")
    assert page.locator(".family h3").all_inner_texts() == ["free_bytes"]
    assert "1 of 2 families" in page.locator(".group-head").inner_text()
    assert page.locator(".facts").inner_text() == "1 of 5 groups · 1 family · 1 series"


def test_term_matching_group_labels_leaves_group_closed(page: Any) -> None:
    type_in(page, "db1")
    assert page.locator(".family").count() == 0


def test_type_can_be_chosen(page: Any) -> None:
    page.get_by_label("Type").select_option("counter")
    assert found(page) == ['job="backup" instance="db1"', 'job="backup" instance="db2"']
    assert page.locator(".family h3").all_inner_texts() == ["runs_total", "runs_total"]


def test_only_failed_groups(page: Any) -> None:
    page.get_by_role("button", name="Failed only").click()
    assert found(page) == ['job="my report"']


def test_missing_matches_are_reported_and_escape_clears(page: Any) -> None:
    type_in(page, "nowhere")
    assert page.locator("h2:visible").all_inner_texts() == ["No group matches"]
    page.keyboard.press("Escape")
    page.wait_for_selector("article")
    assert len(found(page)) == 5


def test_slash_key_leads_to_filter_from_every_view(page: Any) -> None:
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("a/b")
    assert page.get_by_role("searchbox").input_value() == "a/b"
    page.get_by_role("link", name="Status").click()
    page.keyboard.press("/")
    page.keyboard.press("Control+A")
    page.keyboard.type("etl")
    until(page, "document.querySelectorAll('article').length === 1")


def test_address_can_hold_filter(page: Any, open_page: Open, stage: Stage) -> None:
    type_in(page, "db1 runs")
    other = open_page(page.url)
    assert found(other) == ['job="backup" instance="db1"']
    assert other.get_by_role("searchbox").input_value() == "db1 runs"
