"""The page follows the gateway, and the reader does not notice but for what changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from pytest_pushgateway.gateway.app.page.state import PersistenceStatus
from pytest_pushgateway.gateway.app.recent_requests import RecentRequest
from tests.ui.browser import until
from tests.ui.stage import NOW, Stage, family, group, metric

Open = Callable[..., Any]


def jobs(*names: str, value: str = "1") -> list[dict[str, Any]]:
    disks = [metric({"disk": f"d{i:02}"}, value) for i in range(30)]
    return [
        group(
            {"job": name}, free=family("GAUGE", [dict(d) for d in disks]), runs=family("COUNTER", [metric({}, value)])
        )
        for name in names
    ]


def test_new_values_and_groups_appear_while_open_focus_and_scroll_stay(stage: Stage, open_page: Open) -> None:
    stage.play(*jobs("b", "c", "d", "e"))
    page = open_page(stage.url)
    page.get_by_role("button", name='job="c"').click()
    page.get_by_role("button", name="free").click()
    page.evaluate("document.querySelector('tbody').marked = true; scrollTo(0, 300)")
    assert page.evaluate("scrollY") == 300
    stage.play(*jobs("b", "c", "d", "e", "f", value="2"))
    until(page, "document.querySelectorAll('article').length === 5")
    assert page.locator("tbody td.value span").all_inner_texts() == ["2"] * 30
    assert page.evaluate("document.querySelector('tbody').marked")
    assert page.evaluate("document.activeElement.textContent") == "free"
    assert page.evaluate("scrollY") == 300
    assert page.locator(".changed").count() == 31


def test_groups_grow_older(stage: Stage, open_page: Open) -> None:
    stage.play(*jobs("a"))
    page = open_page(stage.url)
    assert page.locator(".group-head time").inner_text() == "< 1 min ago"
    stage.play(now=NOW + 60)
    until(page, "document.querySelector('.group-head time').textContent === '1 min ago'")
    stage.play(now=NOW + 90)
    until(page, "document.querySelector('.group-head time').textContent === '2 min ago'")


def observe(page: Any) -> None:
    """Count what changes in the document from now on."""
    page.evaluate(
        """() => {
            window.mutations = [];
            const all = {subtree: true, childList: true, attributes: true, characterData: true};
            const name = ({target, type, attributeName}) => `${type} ${attributeName} of ${target.nodeName}`;
            new MutationObserver((list) => window.mutations.push(...list.map(name))).observe(document, all);
        }"""
    )


def mutations(page: Any) -> list[str]:
    found: list[str] = page.evaluate("window.mutations")
    return found


def polls(stage: Stage, page: Any, count: int) -> None:
    """Wait until the page has asked again this many times, and used the answers."""
    wanted = stage.count("/-/state/changes") + count + 1  # the last has been sent, those before it have been looked at
    deadline = time.monotonic() + 60
    while stage.count("/-/state/changes") < wanted and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert stage.count("/-/state/changes") >= wanted


@pytest.mark.slow  # an idle page asks once a second
@pytest.mark.parametrize("view", ["metrics", "metrics?q=d01", "requests", "status"])
def test_idle_page_changes_nothing_in_the_document(stage: Stage, open_page: Open, view: str) -> None:
    drawn = {"buckets": {"1": "2"}, "count": "2", "sum": "1", "labels": {}}
    stage.play(
        *jobs("a", "b", "c", "d"),
        group(
            {"job": "e"}, failed=NOW, h=family("HISTOGRAM", [drawn]), at_seconds=family("GAUGE", [metric({}, "17e8")])
        ),
        requests=[push(1), push(2, status=400, error="no")],
        persistence=PersistenceStatus("/data/gateway.db", 0.0, "No space left on device", NOW - 60),
        note="Paused.",
        admin_api=True,
    )
    page = open_page(f"{stage.url}#{view}")
    page.evaluate("for (const one of document.querySelectorAll('.toggle[aria-expanded=false]')) one.click()")
    polls(stage, page, 1)
    observe(page)
    stage.play(now=NOW + 6)  # ages are looked at again, and are what they were
    polls(stage, page, 3)
    assert mutations(page) == []
    assert page.evaluate("document.getAnimations().length") == 0
    stage.play(*jobs("a"))
    until(page, "window.mutations.length > 0")


def test_push_repaints_only_its_group(stage: Stage, open_page: Open) -> None:
    first, *rest = jobs("a", "b", "c")
    stage.play(first, *rest)
    page = open_page(stage.url)
    page.get_by_role("button", name="free").first.click()
    page.evaluate("for (const card of document.querySelectorAll('article')) card.append(new Comment('kept'))")
    observe(page)
    [changed] = jobs("a", value="2")
    stage.play(changed, *rest)
    until(page, "document.querySelectorAll('.changed').length === 31")
    outside = "!node.closest('article') || node.closest('article').dataset.id !== JSON.stringify([['job','a']])"
    assert not page.evaluate(f"[...document.querySelectorAll('.changed')].some((node) => {outside})")
    assert len(mutations(page)) < 150  # three for each value


def test_page_of_another_version_says_so(stage: Stage, open_page: Open) -> None:
    page = open_page(stage.url)
    assert page.locator(".banner").count() == 0
    page.evaluate("early.digest = 'of an older gateway'")
    stage.restart()
    page.wait_for_selector(".banner.info")
    assert "Reload" in page.locator(".banner").inner_text()


def test_beginning_is_shown_while_the_rest_is_on_its_way(stage: Stage, open_page: Open) -> None:
    stage.play(*jobs("a", "b"), group({"job": "c"}, failed=NOW))
    stage.hold_series = True
    page = open_page(stage.url)
    page.wait_for_selector("article")
    assert page.locator("article").count() == 3
    assert page.locator(".note").first.inner_text() == "Loading…"
    assert page.locator(".facts").inner_text() == "3 groups · loading… · 1 failed"
    stage.release()
    until(page, "document.querySelector('.facts').textContent.startsWith('3 groups · 4 families · 62 series')")
    assert page.locator(".note:visible").all_inner_texts() == ["This group has only the times of its pushes."]


def test_answer_that_breaks_off_is_asked_for_again(stage: Stage, open_page: Open) -> None:
    stage.play(*jobs("a", "b"))
    stage.cut = True
    page = open_page(stage.url)
    page.wait_for_selector(".banner.danger")
    stage.cut = False
    until(page, "document.querySelectorAll('.banner').length === 0")
    assert page.locator(".facts").inner_text() == "2 groups · 4 families · 62 series"


def test_chart_is_redrawn_with_its_table_left_open(stage: Stage, open_page: Open) -> None:
    def drawn(count: str) -> dict[str, Any]:
        return {"buckets": {"1": count}, "count": count, "sum": "1", "labels": {}}

    stage.play(group({"job": "a"}, h=family("HISTOGRAM", [drawn("1")])))
    page = open_page(stage.url)
    page.get_by_text("2 buckets").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".plain tbody tr")
    stage.play(group({"job": "a"}, h=family("HISTOGRAM", [drawn("5")])))
    until(page, "document.querySelector('.plain td:nth-child(2)')?.textContent === '5'")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_family_may_change_its_type_and_number_of_series(stage: Stage, open_page: Open) -> None:
    stage.play(group({"job": "a"}, m=family("GAUGE", [metric({}, "1")])))
    page = open_page(stage.url)
    assert page.locator(".single .value").inner_text() == "1"
    stage.play(group({"job": "a"}, m=family("GAUGE", [metric({"x": "1"}, "1"), metric({"x": "2"}, "2")])))
    page.wait_for_selector("tbody tr")
    assert page.locator(".single").count() == 0
    summary = {"count": "7", "sum": "1", "labels": {"x": "1"}}
    stage.play(group({"job": "a"}, m=family("SUMMARY", [summary])))
    page.wait_for_selector(".stats")
    assert page.locator("tbody").count() == 0
    stage.play(group({"job": "a"}, m=family("GAUGE", [metric({"x": "3"}, "8")])))
    page.wait_for_selector(".single")
    assert page.locator(".series").count() == 0
    assert page.locator(".single").inner_text().split() == ['x="3"', "8"]
    stage.play(group({"job": "a"}, m=family("GAUGE", [metric({"x": "4"}, "9")])))
    until(page, "document.querySelector('.single .label').textContent === 'x=\"4\"'")


def test_cured_failure_turns_quiet(stage: Stage, open_page: Open) -> None:
    stage.play(group({"job": "a"}, failed=NOW))
    page = open_page(stage.url)
    assert page.locator(".failed").count() == 1
    stage.play(group({"job": "a"}))
    until(page, "document.querySelectorAll('.failed, .reason').length === 0")


def test_pausing_holds_the_page_still(stage: Stage, open_page: Open) -> None:
    stage.play(*jobs("a"))
    page = open_page(stage.url)
    page.get_by_role("button", name="Live").click()
    assert page.locator("#live").inner_text() == "Paused"
    page.wait_for_load_state("networkidle")
    asked = stage.count("/-/state/changes")
    stage.play(*jobs("a", "b"))
    page.get_by_role("link", name="Status").click()
    page.get_by_role("link", name="Metrics").click()
    page.wait_for_selector("article")
    assert (stage.count("/-/state/changes"), page.locator("article").count()) == (asked, 1)
    page.get_by_role("button", name="Paused").click()
    until(page, "document.querySelectorAll('article').length === 2")


def test_outage_is_shown_and_last_state_stays(stage: Stage, open_page: Open) -> None:
    stage.play(*jobs("a"))
    page = open_page(stage.url)
    stage.silent = True
    page.wait_for_selector(".banner.danger")
    assert "503" in page.locator(".banner").inner_text()
    assert page.locator("#live").inner_text() == "Offline"
    assert page.locator("article").count() == 1
    stage.silent = False
    until(page, "document.querySelectorAll('.banner').length === 0")
    until(page, "document.getElementById('announce').textContent === 'The gateway answers again'")


def test_restart_with_other_flags_is_noticed(stage: Stage, open_page: Open) -> None:
    page = open_page(f"{stage.url}status")
    assert "/other" not in page.locator("#view").inner_text()
    stage.flags["web.telemetry-path"] = "/other"
    stage.play(start_time=NOW)
    stage.restart()
    until(page, "document.getElementById('view').textContent.includes('/other')")
    assert 'metrics_path: "/other"' in page.locator("pre").inner_text()
    assert page.get_by_role("link", name="Exposition").get_attribute("href") == "./other"


def push(number: int, **parts: Any) -> RecentRequest:
    key = ((b"instance", b"db1"), (b"job", b"backup"))
    defaults: dict[str, Any] = {"status": 200, "duration": 0.002, "key": key, "families": (b"a",), "series": 1}
    return RecentRequest(number, NOW - 10 + number, "push", "PUT", "/metrics/job/backup", **{**defaults, **parts})


def test_requests_appear_with_their_verdicts(stage: Stage, open_page: Open) -> None:
    stage.play(requests=[push(1)])
    page = open_page(f"{stage.url}#requests")
    assert page.locator("li").inner_text().split("\n") == [
        "PUT",
        'job="backup"',
        'instance="db1"',
        "200 accepted",
        "2 ms",
        "< 1 min ago",
        "a · 1 series",
    ]
    old = ((b"job", b"old"),)
    stage.play(
        requests=[
            push(1),
            push(2, removed=(b"b", b"c", b"d", b"e"), families=(b"a", b"b", b"c", b"d"), series=9),
            push(3, status=400, error="text format parsing error in line 1: x", key=None, families=(), series=0),
            RecentRequest(4, NOW, "delete", "DELETE", "/metrics/job/old", 202, key=old, matched=False),
            RecentRequest(5, NOW, "delete", "DELETE", "/metrics/job/old", 202, key=old, matched=True),
            RecentRequest(6, NOW, "scrape", "GET", "/metrics", 200),
            RecentRequest(7, NOW, "scrape", "GET", "/metrics", 500, error="clash"),
            RecentRequest(8, NOW, "wipe", "PUT", "/api/v1/admin/wipe", 202),
            push(9, status=0, fault="disconnect()", origin="test"),
        ]
    )
    until(page, "document.querySelectorAll('li').length === 9")
    assert page.locator(".verdict").all_inner_texts() == [
        "— no answer",
        "202 wiped",
        "500 refused",
        "200 served",
        "202 deleted",
        "202 no such group",
        "400 rejected",
        "200 accepted",
        "200 accepted",
    ]
    assert page.locator(".pill").all_inner_texts() == ["fault: disconnect()", "by the test"]
    assert page.locator(".error").all_inner_texts() == ["clash", "text format parsing error in line 1: x"]
    assert "a, b, c … · 9 series · took away b, c, d and 1 more" in page.locator("#view").inner_text()
    assert page.locator("#rejected").inner_text() == "2"
    for name, count in [("Pushes", 4), ("Deletions", 2), ("Scrapes", 2), ("Rejected", 3), ("All", 9)]:
        page.get_by_role("button", name=name).click()
        assert page.locator("li").count() == count


def test_no_requests_yet(stage: Stage, open_page: Open) -> None:
    page = open_page(f"{stage.url}#requests")
    assert page.locator("h2:visible").inner_text() == "No requests"
