"""Everything pushed is untrusted: wherever it lands, it is text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_pushgateway.gateway.app.page.state import PersistenceStatus
from pytest_pushgateway.gateway.app.recent_requests import Failure, RecentRequest
from tests.ui.stage import NOW, Stage, family, group, metric

Open = Callable[..., Any]

ATTEMPTS = [
    "<script>parent.hit=1</script>",
    "<img src=x onerror=parent.hit=1>",
    '"><svg onload=parent.hit=1>',
    "'-parent.hit--'",
    "</title></style></textarea><script>parent.hit=1</script>",
    "javascript:parent.hit=1",
    "{{constructor.constructor('parent.hit=1')()}}",
    "\u202e</b><iframe srcdoc='<script>parent.hit=1</script>'>",
    '" style="position:fixed" onfocus="parent.hit=1" autofocus x="',
    "<base href=//evil.test><link rel=stylesheet href=//evil.test/x.css>",
]


@pytest.mark.parametrize("text", ATTEMPTS)
def test_markup_stays_text_everywhere(stage: Stage, open_page: Open, text: str) -> None:
    raw = text.encode()
    drawn = {"buckets": {"1": "1"}, "count": "1", "sum": "1", "labels": {text: text}}
    summed = {"quantiles": {text: text}, "count": text, "sum": text, "labels": {"l": text}}
    stage.flags[text] = text
    stage.play(
        group(
            {"job": text, text: text},
            failed=NOW,
            **{text: family("GAUGE", [metric({"a": text}, text), metric({text: "b"}, "2")], text)},
            h=family("HISTOGRAM", [drawn], text),
            s=family("SUMMARY", [summed], text),
            t=family(text, [metric({}, "1")]),
        ),
        failures={((b"job", raw), (raw, raw)): Failure(text, NOW)},
        requests=[
            RecentRequest(1, NOW, "push", text, text, 400, error=text, key=((raw, raw),), families=(raw,), fault=text),
            RecentRequest(2, NOW, "push", "PUT", text, 200, removed=(raw,), origin=text),
        ],
        conflict=text,
        conflicting=[(((b"job", raw),), "/metrics/job/x")],
        persistence=PersistenceStatus(text, 1.0, text, NOW),
        note=text,
    )
    page = open_page(stage.url)
    allowed = set(page.evaluate("[...document.querySelectorAll('*')].map((node) => node.tagName)"))
    page.locator(".group-head .bin").click()
    page.keyboard.press("Escape")
    for summary in page.locator("summary").all():
        summary.click()
    seen = page.inner_text("body")
    for view in ("Requests", "Status"):
        page.get_by_role("link", name=view).click()
        page.wait_for_selector(f"h1:text-is('{view}')", state="attached")
        seen += page.inner_text("body")
    assert page.evaluate("window.hit") is None
    tags = page.evaluate("[...document.querySelectorAll('*')].map((node) => node.tagName)")
    assert not {"IFRAME", "IMG", "BASE", "EMBED", "OBJECT"} & (set(tags) | allowed)
    assert (
        page.evaluate("document.querySelectorAll('body script, [onerror], [onload], [onfocus], [style*=fixed]').length")
        == 0
    )
    assert seen.count(text.lstrip("\u202e")[:20]) > 10
    assert page.title() == "(1 failed) Status · Pushgateway"
