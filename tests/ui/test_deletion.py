"""Deleting a group, deleting all, and what stands in the way."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from tests.ui.browser import until
from tests.ui.stage import Stage, group

Open = Callable[..., Any]


def three() -> list[dict[str, Any]]:
    return [group({"job": name}) for name in "abc"]


def deletions(stage: Stage) -> list[str]:
    return [path for method, path in stage.seen if method == "DELETE"]


def accept(stage: Stage, path: str, *rest: dict[str, Any], method: str = "DELETE") -> None:
    """Let the stage answer 202 and show what is left afterwards."""
    stage.answers[method, path] = 202
    answer = stage.answer

    def answer_and_play(asked: str, target: str, headers: Any) -> Any:
        if (asked, target) == (method, path):
            stage.play(revision=f"after {target}")
            stage.groups = list(rest)
        return answer(asked, target, headers)

    stage.answer = answer_and_play  # type: ignore[method-assign, assignment]


def test_group_is_deleted_after_confirmation(stage: Stage, open_page: Open) -> None:
    groups = three()
    stage.play(*groups)
    accept(stage, "/metrics/job@base64/Yg", groups[0], groups[2])
    page = open_page(stage.url)
    page.get_by_role("button", name="Delete group job b").click()
    dialog = page.get_by_role("dialog", name="Delete this group?")
    assert 'job="b"' in dialog.inner_text()
    dialog.get_by_role("button", name="Delete").click()
    until(page, "document.querySelectorAll('article').length === 2")
    until(page, "document.getElementById('announce').textContent === 'Group deleted'")
    until(page, "document.activeElement.textContent === 'job=\"c\"'")


def test_keeping_keeps(stage: Stage, open_page: Open) -> None:
    stage.play(*three())
    page = open_page(stage.url)
    for way in ("click", "Escape"):
        page.get_by_role("button", name="Delete group job b").click()
        if way == "click":
            page.get_by_role("button", name="Keep").click()
        else:
            page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Delete group job b"
    assert deletions(stage) == []


@pytest.mark.parametrize(
    ("labels", "path"),
    [
        ({"job": "a/b ü", "instance": ""}, "/metrics/job@base64/YS9iIMO8/instance@base64/="),
        ({"job": "?>?>~~"}, "/metrics/job@base64/" + base64.urlsafe_b64encode(b"?>?>~~").decode().rstrip("=")),
        ({"job": "x", "a.b/c_9": "."}, "/metrics/job@base64/eA/U__a_2e_b_2f_c__9@base64/Lg"),
    ],
)
def test_every_label_finds_its_way_into_the_path(
    stage: Stage, open_page: Open, labels: dict[str, str], path: str
) -> None:
    stage.play(group(labels))
    accept(stage, path)
    page = open_page(stage.url)
    page.locator(".bin").click()
    page.locator("#confirm-yes").click()
    until(page, "document.querySelectorAll('article').length === 0")
    assert deletions(stage) == [path]
    until(page, "document.activeElement.id === 'main'")


def test_each_deletion_is_announced_even_in_equal_words(stage: Stage, open_page: Open) -> None:
    """A screen reader reads what is new in the document: the same text, left as it is, would be silence."""
    groups = three()
    stage.play(*groups)
    accept(stage, "/metrics/job@base64/YQ", *groups[1:])
    accept(stage, "/metrics/job@base64/Yg", groups[2])
    page = open_page(stage.url)
    page.evaluate(
        """() => {
            window.said = [];
            const announce = document.getElementById("announce");
            const note = (changes) => changes.forEach(({addedNodes: [node]}) => node && said.push(node.textContent));
            new MutationObserver(note).observe(announce, {childList: true});
        }"""
    )
    for left in (2, 1):
        page.locator(".bin").first.click()
        page.locator("#confirm-yes").click()
        until(page, f"document.querySelectorAll('article').length === {left} && said.length === {3 - left}")
    assert page.evaluate("said") == ["Group deleted"] * 2


def test_rejection_is_shown(stage: Stage, open_page: Open) -> None:
    stage.play(*three())
    page = open_page(stage.url)
    page.get_by_role("button", name="Delete group job b").click()
    page.locator("#confirm-yes").click()
    page.wait_for_selector(".banner")
    assert page.locator(".banner span").first.inner_text() == "The gateway did not do it: 404 Not Found"
    assert page.locator("article").count() == 3
    page.get_by_role("button", name="Close", exact=True).click()
    assert page.locator(".banner").count() == 0


def test_error_goes_away_when_the_group_does(stage: Stage, open_page: Open) -> None:
    stage.play(*three())
    page = open_page(stage.url)
    page.get_by_role("button", name="Delete group job b").click()
    page.locator("#confirm-yes").click()
    page.wait_for_selector(".banner")
    stage.play(group({"job": "a"}))
    until(page, "document.querySelectorAll('article').length === 1 && !document.querySelector('.banner')")


def test_status_tells_as_the_banner_what_to_delete(stage: Stage, open_page: Open) -> None:
    """Messages of several errors have their lines, and their own escapes are not escaped again."""
    stage.play(
        *three(),
        conflict='2 error(s) occurred:\n* value "a\\nb" is odd\n* so is another',
        conflicting=[(((b"job", name.encode()),), f"/metrics/job/{name}") for name in "ab"],
    )
    page = open_page(f"{stage.url}#status")
    said = page.locator(".card.bad .muted")
    assert said.inner_text().split("\n") == [
        "Scrapes answer 500: 2 error(s) occurred:",
        '* value "a\\nb" is odd',
        "* so is another",
        "Delete all 2 groups that the banner names.",
    ]
    assert "delete all 2 groups named below" in page.locator(".banner").inner_text()


def test_deleting_all_takes_the_admin_api(stage: Stage, open_page: Open) -> None:
    stage.play(*three())
    page = open_page(stage.url)
    assert page.get_by_role("button", name="Delete all").count() == 0
    accept(stage, "/api/v1/admin/wipe", method="PUT")
    stage.play(admin_api=True)
    page.get_by_role("button", name="Delete all").click()
    assert "3 groups with everything" in page.get_by_role("dialog").inner_text()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("button", name="Delete 3").click()
    until(page, "document.querySelectorAll('article').length === 0")
    until(page, "document.getElementById('announce').textContent === '3 groups deleted'")
    until(page, "document.activeElement.id === 'main'")


def test_poisoned_store_names_deletion_that_cures_it(stage: Stage, open_page: Open) -> None:
    stage.play(
        group({"job": "f", "i": "\ufffd"}),
        conflict='collected metric "x" has a label named "i" whose value is not utf8: "\\xff"',
        conflicting=[(((b"i", b"\xff"), (b"job", b"f")), "/metrics/job@base64/Zg/i@base64/_w")],
    )
    accept(stage, "/metrics/job@base64/Zg/i@base64/_w")
    page = open_page(stage.url)
    assert (
        "pushes are refused unless they end the conflict: delete the group named below"
        in page.locator(".banner").inner_text()
    )
    assert page.locator("#troubles").inner_text() == "1"
    page.locator(".bin").click()  # the group's own button knows the bytes too, which its labels no longer do
    page.locator("#confirm-no").click()
    page.locator(".banner").get_by_role("button", name="Delete").click()
    page.locator("#confirm-yes").click()
    until(page, "document.querySelectorAll('article').length === 0")
    page.get_by_role("link", name="Status").click()
    assert "Delete the group that the banner names." in page.locator(".card.bad").inner_text()


def test_delete_button_uses_bytes_named_by_gateway(stage: Stage, open_page: Open) -> None:
    path = "/metrics/job@base64/Zg/i@base64/_w"
    stage.play(
        group({"job": "f", "i": "\ufffd"}), conflict="x", conflicting=[(((b"i", b"\xff"), (b"job", b"f")), path)]
    )
    accept(stage, path)
    page = open_page(stage.url)
    page.locator(".bin").click()
    page.locator("#confirm-yes").click()
    until(page, "document.querySelectorAll('article').length === 0")
    assert deletions(stage) == [path]
