"""Closed groups hold no series: the page stays small however much is pushed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.ui.browser import until
from tests.ui.stage import Stage, family, group, metric

Open = Callable[..., Any]

ELEMENTS = "document.querySelectorAll('*').length"
LIMIT = 4_000
"""Elements of the whole document with 200 closed groups, whatever they hold."""
PAGE = Path(__file__).parents[2] / "docs" / "web-page.md"


def big(groups: int, families: int, series: int) -> list[dict[str, Any]]:
    return [
        group(
            {"job": "load", "instance": f"host-{i}"},
            **{f"m{j}": family("GAUGE", [metric({"n": str(k)}, "1") for k in range(series)]) for j in range(families)},
        )
        for i in range(groups)
    ]


def test_200_groups_and_20000_series(stage: Stage, open_page: Open) -> None:
    stage.play(*big(200, 10, 10))
    page = open_page(stage.url)
    assert page.locator(".facts").inner_text() == "200 groups · 2000 families · 20000 series"
    assert page.evaluate(ELEMENTS) < LIMIT
    closed = page.evaluate(ELEMENTS)
    page.get_by_role("button", name='instance="host-7"', exact=False).first.click()
    assert page.locator(".series").count() == 10
    page.get_by_role("button", name="Close all").click()
    assert page.evaluate(ELEMENTS) == closed


def test_documentation_states_page_size() -> None:
    told = f"200 groups and 20,000 series the page has fewer than {LIMIT:,} elements"
    assert told in PAGE.read_text(encoding="utf-8")


def test_more_groups_come_by_the_hundred(stage: Stage, open_page: Open) -> None:
    stage.play(*big(450, 1, 1))
    page = open_page(stage.url)
    assert page.locator("article").count() == 200
    assert page.evaluate(ELEMENTS) < LIMIT
    page.get_by_role("button", name="Show 200 more of 250 groups").click()
    page.get_by_role("button", name="Show 50 more of 50 groups").click()
    assert page.locator("article").count() == 450


def test_long_families_and_long_groups_come_in_pages(stage: Stage, open_page: Open) -> None:
    drawn = [{"count": "1", "sum": "1", "labels": {"n": str(i)}} for i in range(25)]
    stage.play(
        *big(1, 150, 1),
        group({"job": "long"}, m=family("GAUGE", [metric({"n": str(i)}, "1") for i in range(250)])),
        group({"job": "drawn"}, s=family("SUMMARY", drawn)),
    )
    page = open_page(stage.url)
    load = page.locator("article", has_text="host-0")
    assert load.locator(".family").count() == 100
    assert load.get_by_role("button", name="Show 50 more of 50 families").is_visible()
    load.get_by_role("button", name="Show all 150").click()
    assert load.locator(".family").count() == 150

    long = page.locator("article", has_text='job="long"')
    assert long.locator("tbody").count() == 0  # more than 20 series: the family waits to be opened
    long.get_by_role("button", name="m", exact=True).click()
    assert long.locator("tbody tr").count() == 100
    long.get_by_role("button", name="Show 100 more of 150").click()
    long.get_by_role("button", name="Show 50 more of 50").click()
    assert long.locator("tbody tr").count() == 250

    page.get_by_role("button", name="s", exact=True).click()
    assert page.locator(".drawing").count() == 20
    page.get_by_role("button", name="Show 5 more of 5").click()
    assert page.locator(".drawing").count() == 25


def test_search_opens_few_groups(stage: Stage, open_page: Open) -> None:
    stage.play(*big(200, 10, 10))
    page = open_page(stage.url)
    page.get_by_role("searchbox").fill("m3 n=4")
    until(page, "document.querySelector('.facts').textContent.startsWith('200 groups · 200 families · 200 series')")
    assert page.locator(".family").count() == 3
    assert page.evaluate(ELEMENTS) < LIMIT
