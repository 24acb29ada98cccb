"""The requests view with a gateway: what a request carried, what it collided with, filters that the address keeps."""

from __future__ import annotations

import base64
import gzip
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from pytest_pushgateway import Pushgateway
from pytest_pushgateway.gateway.app.recent_requests import RecentRequest
from tests.ui.browser import until
from tests.ui.stage import Stage

Open = Callable[..., Any]


@pytest.fixture
def gateway() -> Iterator[Pushgateway]:
    with Pushgateway() as gateway:
        yield gateway
        with suppress(AssertionError):
            gateway.assert_rejected()


def send(gateway: Pushgateway, path: str, body: bytes, method: str = "PUT", **headers: str) -> None:
    request = urllib.request.Request(f"{gateway.url}{path}", body, headers, method=method)
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()
    except urllib.error.HTTPError as rejected:
        rejected.close()


def opened(gateway: Pushgateway, number: object) -> Any:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{gateway.url}/-/state/{number}") as answer:
        return json.load(answer)


def test_opened_request_has_body_headers_and_client(gateway: Pushgateway) -> None:
    send(gateway, "/metrics/job/backup", b"backup_bytes 7\n", **{"X-Trace": "1", "Authorization": "Basic c2VjcmV0"})
    carried = opened(gateway, 1)
    assert (carried["body"], carried["size"], carried["cut"]) == ("backup_bytes 7\n", 15, False)
    assert carried["client"].startswith("127.0.0.1:")
    assert ["X-Trace", "1"] in carried["headers"]
    assert ["Authorization", "(hidden)"] in carried["headers"]


def test_opened_request_decodes_gzip(gateway: Pushgateway) -> None:
    body = gzip.compress(b"backup_bytes 7\n")
    send(gateway, "/metrics/job/backup", body, **{"Content-Encoding": "gzip"})
    carried = opened(gateway, 1)
    assert (carried["body"], carried["size"]) == ("backup_bytes 7\n", len(body))


def test_opened_request_is_cut(gateway: Pushgateway) -> None:
    send(gateway, "/metrics/job/backup", b"".join(b"m%d 1\n" % i for i in range(10_000)))
    carried = opened(gateway, 1)
    assert carried["cut"]
    assert len(carried["body"]) < carried["size"]


def test_binary_body_is_left_out(gateway: Pushgateway) -> None:
    send(gateway, "/metrics/job/backup", b"\xff\xfe\x00")
    carried = opened(gateway, 1)
    assert (carried["body"], carried["size"]) == (None, 3)


def test_collision_names_the_earlier_push(gateway: Pushgateway) -> None:
    send(gateway, "/metrics/job/one", b"# TYPE rows gauge\nrows 1\n")
    send(gateway, "/metrics/job/two", b"# TYPE rows counter\nrows 2\n")
    assert opened(gateway, 2)["collides_with"] == [{"labels": [["job", "one"]], "number": 1}]


def test_collision_names_the_push_of_the_same_family(gateway: Pushgateway) -> None:
    send(gateway, "/metrics/job/one", b"# TYPE rows gauge\nrows 1\n", "POST")
    send(gateway, "/metrics/job/one", b"others 1\n", "POST")
    send(gateway, "/metrics/job/two", b"# TYPE rows counter\nrows 2\n")
    assert opened(gateway, 3)["collides_with"] == [{"labels": [["job", "one"]], "number": 1}]


def test_unknown_request_is_not_found(gateway: Pushgateway) -> None:
    for number in ("7", "x", ""):
        with pytest.raises(urllib.error.HTTPError, match="404") as caught:
            opened(gateway, number)
        caught.value.close()


def test_row_opens(gateway: Pushgateway, open_page: Open) -> None:
    send(gateway, "/metrics/job/one", b"# TYPE rows gauge\nrows 1\n")
    send(gateway, "/metrics/job/two", b"# TYPE rows counter\nrows 2\n", **{"User-Agent": "nightly/1"})
    page = open_page(f"{gateway.url}/#requests")
    page.locator(".request .toggle").first.click()
    page.wait_for_selector(".side.other pre")
    bodies = page.locator(".side pre").all_inner_texts()
    assert bodies == ["# TYPE rows counter\nrows 2\n", "# TYPE rows gauge\nrows 1\n"]
    assert "with nightly/1" in page.locator(".opened").inner_text()
    page.locator(".request .toggle").first.click()
    assert page.locator(".opened").count() == 0


def test_copies_as_curl(gateway: Pushgateway, open_page: Open) -> None:
    send(gateway, "/metrics/job/it's", b'rows{a="\'"} 1\n', **{"Content-Type": "text/plain"})
    page = open_page(f"{gateway.url}/#requests")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".request .toggle").first.click()
    page.get_by_role("button", name="Copy as curl").click()
    until(page, "document.getElementById('announce').textContent === 'Copied'")
    command = page.evaluate("navigator.clipboard.readText()")
    assert command == (
        "curl -X PUT \\\n  -H 'Content-Type: text/plain' \\\n  --data-binary 'rows{a=\"'\\''\"} 1\n' \\\n"
        f"  '{gateway.url}/metrics/job/it'\\''s'"
    )


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("//metrics/job/a", b"rows 1\n", "curl -X PUT|--data-binary 'rows 1\n'|'{url}//metrics/job/a'"),
        ("/metrics/job/a", b"@rows 1\n", "curl -X PUT|--data-raw '@rows 1\n'|'{url}/metrics/job/a'"),
        ("/metrics/job/a[0]", b"\xff", "curl -X PUT --globoff|{file}|'{url}/metrics/job/a[0]'"),
        ("/metrics/../job/a", b"r 1\n" * 5000, "curl -X PUT --path-as-is|{file}|'{url}/metrics/../job/a'"),
    ],
)
def test_curl_sends_the_same(gateway: Pushgateway, open_page: Open, path: str, body: bytes, expected: str) -> None:
    send(gateway, path, body, **{"Content-Type": ""})
    page = open_page(f"{gateway.url}/#requests")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".request .toggle").first.click()
    page.get_by_role("button", name="Copy as curl").click()
    until(page, "document.getElementById('announce').textContent === 'Copied'")
    command = page.evaluate("navigator.clipboard.readText()").replace(" \\\n  -H 'Content-Type: '", "")
    assert command == expected.format(url=gateway.url, file="--upload-file body-of-request-1").replace("|", " \\\n  ")


@pytest.mark.parametrize(
    "query", ["job=nightly", '{job="nightly"}', '{__name__="files"}', "nightly 200", 'job="night"']
)
def test_pairs_and_selectors_filter(gateway: Pushgateway, open_page: Open, query: str) -> None:
    send(gateway, "/metrics/job/backup", b"rows 1\n")
    send(gateway, "/metrics/job/nightly", b"files 1\n")
    page = open_page(f"{gateway.url}/#requests")
    page.get_by_role("searchbox").fill(query)
    until(page, "document.querySelectorAll('.request').length === 1")
    assert page.locator(".request .what").all_inner_texts() == ['job="nightly"']


def test_open_request_stays_open_behind_a_filter(gateway: Pushgateway, open_page: Open) -> None:
    send(gateway, "/metrics/job/backup", b"rows 1\n")
    page = open_page(f"{gateway.url}/#requests")
    page.locator(".request .toggle").click()
    page.wait_for_selector(".opened")
    for query in ("nothing", ""):
        page.get_by_role("searchbox").fill(query)
    page.wait_for_selector(".opened")
    page.get_by_role("button", name="Local").click()  # makes the view again
    page.wait_for_selector(".opened")
    assert page.locator(".request .toggle").get_attribute("aria-expanded") == "true"


def test_request_that_cannot_be_fetched_is_not_called_forgotten(stage: Stage, open_page: Open) -> None:
    stage.play(requests=[RecentRequest(1, 1.7e9, "push", "PUT", "/metrics/job/a", 200)])
    page = open_page(f"{stage.url}#requests")
    stage.silent = True
    page.locator(".request .toggle").click()
    until(page, "document.querySelector('.place .muted')?.textContent.includes('does not answer: 503')")


def test_goes_to_group(gateway: Pushgateway, open_page: Open) -> None:
    send(gateway, "/metrics/job/one", b"rows 1\n")
    send(gateway, "/metrics/job/two", b"rows 1\n")
    page = open_page(f"{gateway.url}/#requests")
    page.locator(".request .toggle").first.click()
    page.get_by_role("link", name="Go to group").click()
    page.wait_for_selector("article")
    assert page.locator("article h2").all_inner_texts() == ['job="two"']


def test_filters_are_in_the_address(gateway: Pushgateway, open_page: Open) -> None:
    send(gateway, "/metrics/job/backup", b"rows 1\n")
    send(gateway, "/metrics/job/nightly", b"rows 1 1\n")
    send(gateway, "/metrics/job/nightly", b"rows 1\n")
    page = open_page(f"{gateway.url}/#requests?q=nightly&status=4")
    assert page.locator(".request").count() == 1
    assert page.locator(".facts").inner_text() == "1 of 3 requests, newest first"
    page.get_by_label("Status").select_option("")
    until(page, "document.querySelectorAll('.request').length === 2")
    assert page.evaluate("location.hash") == "#requests?q=nightly"
    page.get_by_role("button", name="Rejected").click()
    assert page.evaluate("location.hash") == "#requests?q=nightly&kind=rejected"
    page.reload()
    page.wait_for_selector(".request")
    assert page.locator(".request").count() == 1


def test_misplaced_push_is_listed(gateway: Pushgateway, open_page: Open) -> None:
    send(gateway, "/metric/job/backup", b"rows 1\n")
    page = open_page(f"{gateway.url}/#requests")
    assert "404" in page.locator(".request .verdict").inner_text()


def test_odd_key_goes_to_group(gateway: Pushgateway, open_page: Open) -> None:
    job = base64.urlsafe_b64encode(b'a"\\/b').decode().rstrip("=")
    send(gateway, f"/metrics/job@base64/{job}", b"rows 1\n")
    page = open_page(f"{gateway.url}/#requests")
    page.locator(".request .toggle").first.click()
    page.get_by_role("link", name="Go to group").click()
    page.wait_for_selector("article")
    assert page.locator("article").count() == 1
