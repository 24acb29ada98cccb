"""For people who use a keyboard, a screen reader, a phone, or a dark room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_pushgateway.gateway.app.page.state import PersistenceStatus
from pytest_pushgateway.gateway.app.recent_requests import Failure, RecentRequest
from tests.ui.browser import until, violations
from tests.ui.stage import NOW, Stage, family, group, metric

Open = Callable[..., Any]


@pytest.fixture
def full(stage: Stage) -> Stage:
    """A stage with everything on it that the page can show."""
    buckets = {"buckets": {"0.1": "3", "1": "7"}, "count": "9", "sum": "4", "labels": {"step": "copy"}}
    quantiles = {"quantiles": {"0.5": "1", "0.9": "2"}, "count": "9", "sum": "4", "labels": {}}
    db1 = ((b"instance", b"db1"), (b"job", b"backup"))
    stage.play(
        group(
            {"job": "backup", "instance": "db1"},
            failed=NOW,
            free_bytes=family("GAUGE", [metric({"disk": d}, "4096") for d in ("sda", "sdb")], "Room left."),
            runs_total=family("COUNTER", [metric({}, "1")], "Runs."),
            took_seconds=family("HISTOGRAM", [buckets], "Time."),
            rpc_seconds=family("SUMMARY", [quantiles], "Calls."),
            odd=family("UNTYPED", [metric({}, "1")]),
        ),
        group({"job": "etl"}),
        admin_api=True,
        failures={db1: Failure("it was refused", NOW)},
        requests=[
            RecentRequest(1, NOW, "push", "PUT", "/x", 200, key=db1, families=(b"a",), series=1),
            RecentRequest(2, NOW, "push", "PUT", "/x", 400, error="bad", key=db1, fault="error(400)", origin="test"),
            RecentRequest(3, NOW, "delete", "DELETE", "/x", 202, key=db1, matched=False),
            RecentRequest(4, NOW, "scrape", "GET", "/metrics", 200),
        ],
        conflict="two groups clash",
        conflicting=[(db1, "/metrics/job/backup/instance/db1")],
        persistence=PersistenceStatus("/data/gateway.db", 0.0, "No space left on device", NOW - 60),
        note="Paused.",
    )
    return stage


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.parametrize("view", ["metrics", "requests", "status"])
def test_axe_finds_nothing(full: Stage, open_page: Open, axe: str, view: str, width: int, theme: str) -> None:
    page = open_page(
        f"{full.url}#{view}",
        color_scheme=theme,
        viewport={"width": width, "height": 800},
        reduced_motion="reduce",
    )
    for summary in page.locator("summary").all():
        summary.click()
        page.wait_for_selector("details .plain")
    assert violations(page, axe) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("scene", ["empty", "filtered", "dialog", "outage", "no requests", "persistence off"])
def test_axe_finds_nothing_in_rarer_scenes(stage: Stage, open_page: Open, axe: str, scene: str, theme: str) -> None:
    if scene != "empty":
        stage.play(group({"job": "a"}, m=family("GAUGE", [metric({}, "1")])))
    view = {"no requests": "requests", "persistence off": "status", "filtered": "metrics?q=nowhere"}.get(scene, "")
    page = open_page(f"{stage.url}#{view}", color_scheme=theme, reduced_motion="reduce")
    if scene == "dialog":
        page.locator(".bin").click()
    if scene == "outage":
        stage.silent = True
        page.wait_for_selector(".banner")
    assert violations(page, axe) == []


@pytest.mark.parametrize("view", ["metrics", "requests", "status"])
@pytest.mark.parametrize("width", [320, 390, 768])
def test_nothing_sticks_out_sideways(full: Stage, open_page: Open, view: str, width: int) -> None:
    long = "x" * 200
    full.play(
        *full.groups, group({"job": long, long: long}, **{long: family("GAUGE", [metric({long: long}, "1")], long)})
    )
    page = open_page(f"{full.url}#{view}", viewport={"width": width, "height": 800})
    for button in page.locator(".group-head [aria-expanded=false]").all():
        button.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_labels_and_methods_are_readable_on_a_phone(stage: Stage, open_page: Open) -> None:
    rows = [metric({"disk": "/dev/mapper/" + "volume-" * 3}, "1.2345678901234567e+17"), metric({"disk": "b"}, "3")]
    requests = [RecentRequest(1, NOW, "delete", "DELETE", "/metrics/job/a", 202, key=((b"job", b"a"),))]
    stage.play(group({"job": "a"}, rows=family("GAUGE", rows)), requests=requests)
    page = open_page(stage.url, viewport={"width": 360, "height": 740})
    label, value = (page.locator("tbody tr").first.locator(part).bounding_box() for part in (".label", "td.value"))
    assert label["width"] > 200
    assert value["y"] >= label["y"] + label["height"] - 2
    page.get_by_role("link", name="Requests").click()
    method = page.locator(".method").bounding_box()
    assert method["height"] < 25


def test_percentiles_stand_together(stage: Stage, open_page: Open) -> None:
    drawn = {
        "buckets": {"0.5": "1234567", "1048576": "2345678"},
        "count": "2345679",
        "sum": "12345678901.25",
        "labels": {},
    }
    stage.play(group({"job": "a"}, took=family("HISTOGRAM", [drawn])))
    for width in (360, 800, 1200):
        page = open_page(stage.url, viewport={"width": width, "height": 740})
        heights = page.locator("dt").evaluate_all("(all) => all.map((one) => [one.textContent, one.offsetTop])")
        assert len({top for name, top in heights if name.startswith("p")}) == 1, width


def test_skip_link_covers_nothing(full: Stage, open_page: Open) -> None:
    page = open_page(full.url)
    page.keyboard.press("Tab")
    skip, brand = page.locator(".skip").bounding_box(), page.locator(".brand").bounding_box()
    assert 0 <= skip["y"] < skip["y"] + skip["height"] <= brand["y"]


def test_live_region_does_not_announce_seconds(full: Stage, open_page: Open) -> None:
    """A screen reader reads a banner again whenever its text changes."""
    full.play(persistence=PersistenceStatus("/data/gateway.db", 0.0, "No space left on device", NOW - 10))
    page = open_page(full.url)
    banners = page.locator("[role=status]").inner_text()
    assert "No space left on device" in banners
    full.play(now=NOW + 35)
    until(page, "document.querySelector('.group-head time').textContent === '1 min ago'")
    assert page.locator("[role=status]").inner_text() == banners


def focused(page: Any) -> str:
    text: str = page.evaluate(
        "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent).trim()"
    )
    return text


def test_everything_works_by_keyboard(full: Stage, open_page: Open) -> None:
    full.play(conflict=None, conflicting=[], note=None, persistence=PersistenceStatus())
    full.answers["DELETE", "/metrics/job@base64/ZXRs"] = 202
    page = open_page(full.url)
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to content"
    assert page.locator(".skip").bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    order: list[str] = []
    while not order or order[-1] != "Delete group job etl":
        page.keyboard.press("Tab")
        order.append(focused(page))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert [name for name in order if not name.startswith("Copy ")] == [
        "Filter by job, label, name or help",
        "Type",
        "Sort by",
        "Failed only",
        "Close all",
        "Delete all",
        'job="backup"instance="db1"',
        "Delete group job backup, instance db1",
        "free_bytes",
        "rpc_seconds",
        "took_seconds",
        "3 buckets",
        'job="etl"',
        "Delete group job etl",
    ]
    page.keyboard.press("Enter")
    assert focused(page) == "Keep"
    page.keyboard.press("Tab")
    assert focused(page) == "Delete"
    page.keyboard.press("Enter")
    until(page, "document.getElementById('announce').textContent === 'Group deleted'")
    for _ in ("3 buckets", "Copy a series of took_seconds", "took_seconds"):
        page.keyboard.press("Shift+Tab")
    assert focused(page) == "took_seconds"
    page.keyboard.press("Space")
    assert page.locator(".bars").count() == 0
    page.keyboard.press("Space")
    assert page.locator(".bars").count() == 1


def test_views_are_reached_by_keyboard(full: Stage, open_page: Open) -> None:
    page = open_page(full.url)
    for _ in range(4):
        page.keyboard.press("Tab")
    assert focused(page).startswith("Requests")
    page.keyboard.press("Enter")
    page.wait_for_selector(".requests")
    assert page.locator("[aria-current]").inner_text().startswith("Requests")
    assert page.title() == "(1 failed) Requests · Pushgateway"


def test_theme_follows_system_until_one_is_chosen(stage: Stage, open_page: Open) -> None:
    page = open_page(stage.url, color_scheme="dark")

    def background() -> str:
        colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return colour

    dark, light = "rgb(15, 18, 22)", "rgb(245, 246, 248)"
    assert background() == dark
    page.emulate_media(color_scheme="light")
    assert background() == light
    page.get_by_role("button", name="Theme: as the system").click()
    page.get_by_role("button", name="Theme: light").click()
    assert background() == dark
    page.reload()
    assert background() == dark
    page.get_by_role("button", name="Theme: dark").click()
    assert background() == light


def test_motion_is_left_out_for_those_who_asked(full: Stage, open_page: Open) -> None:
    page = open_page(full.url, reduced_motion="reduce")
    assert page.evaluate("document.getAnimations().length") == 0
