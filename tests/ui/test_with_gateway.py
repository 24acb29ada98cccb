"""The page with the gateway behind it: what is pushed for real is seen, and what is clicked takes effect."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from pytest_pushgateway import Pushgateway
from tests.ui.browser import until

Open = Callable[..., Any]
Start = Callable[..., Pushgateway]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    gateways: list[Pushgateway] = []

    def start(**options: Any) -> Pushgateway:
        gateways.append(Pushgateway(**options).start())
        return gateways[-1]

    yield start
    for gateway in gateways:
        gateway.stop()


def see(page: Any, text: str) -> None:
    until(page, f"document.getElementById('view').innerText.includes({text!r})")


def test_push_appears_by_itself(start: Start, open_page: Open) -> None:
    gateway = start()
    page = open_page(f"{gateway.url}/")
    see(page, "Nothing has been pushed yet")
    gateway.push("# HELP b_bytes Size.\n# TYPE b_bytes gauge\nb_bytes 1024\n", job="backup", grouping_key={"i": "1"})
    see(page, "1 group")
    assert page.locator(".label").all_inner_texts() == ['job="backup"', 'i="1"']
    assert page.locator(".help").inner_text() == "Size."
    assert page.locator(".value span").inner_text() == "1024"
    gateway.push("b_bytes 4096\n", job="backup", grouping_key={"i": "1"})
    see(page, "4096")
    gateway.reset()
    see(page, "Nothing has been pushed yet")


def test_every_type_of_metric(start: Start, open_page: Open) -> None:
    gateway = start()
    gateway.push(
        '# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_sum 5\nh_count 3\n'
        '# TYPE s summary\ns{quantile="0.5"} 4\ns_sum 8\ns_count 2\n'
        "# TYPE c_total counter\nc_total 1e+06\n"
        "u NaN\n",
        job="all",
    )
    page = open_page(f"{gateway.url}/")
    assert page.locator(".type").all_inner_texts() == ["counter", "histogram", "summary", "untyped"]
    assert page.locator(".single .value span").all_inner_texts() == ["1000000", "NaN"]
    assert page.locator(".bars").get_attribute("aria-label") == "Histogram of h: ≤ 1: 2; > 1: 1"
    assert page.locator(".quantiles tbody").inner_text().split() == ["0.5", "4"]


def test_rejected_push_is_shown_with_its_reason(start: Start, open_page: Open) -> None:
    gateway = start()
    gateway.push("# TYPE rows counter\nrows 1\n", job="a")
    gateway.push("# TYPE rows gauge\nrows 2\n", job="b", check=False)
    page = open_page(f"{gateway.url}/")
    assert "is not a" in page.locator(".reason").inner_text()
    page.get_by_role("link", name="Requests").click()
    page.wait_for_selector(".requests")
    assert page.locator(".verdict").all_inner_texts() == ["400 rejected", "200 accepted"]
    assert "pushed metrics are invalid or inconsistent" in page.locator(".error").inner_text()
    gateway.push("# TYPE rows counter\nrows 2\n", job="b")
    page.get_by_role("link", name="Metrics").click()
    until(page, "document.querySelectorAll('article').length === 2 && !document.querySelector('.reason')")
    gateway.assert_rejected()


@pytest.mark.parametrize("value", ["", "a/b", "ü ?#%25;&+", ".", "..", "=", "x" * 2000])
def test_group_with_any_labels_is_deleted(start: Start, open_page: Open, value: str) -> None:
    gateway = start()
    gateway.push("a 1\n", job='it\'s "here"/x', grouping_key={"v": value})
    page = open_page(f"{gateway.url}/")
    page.locator(".bin").click()
    page.locator("#confirm-yes").click()
    see(page, "Nothing has been pushed yet")
    assert gateway.groups == []


def test_families_named_like_members_of_the_api(start: Start, open_page: Open) -> None:
    gateway = start()
    gateway.push("labels 1\nlast_push_successful 3\n__proto__ 2\n", job="a", grouping_key={"instance": ""})
    page = open_page(f"{gateway.url}/")
    see(page, "1 group")
    assert page.locator(".label").all_inner_texts() == ['job="a"', 'instance=""']
    assert page.locator(".family h3").all_inner_texts() == ["__proto__", "labels", "last_push_successful"]
    page.locator(".bin").click()
    page.locator("#confirm-yes").click()
    see(page, "Nothing has been pushed yet")
    assert gateway.groups == []


def test_deleting_all(start: Start, open_page: Open) -> None:
    gateway = start(enable_admin_api=True)
    for job in "abc":
        gateway.push("a 1\n", job=job)
    page = open_page(f"{gateway.url}/")
    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("button", name="Delete 3").click()
    see(page, "Nothing has been pushed yet")
    assert gateway.groups == []


def test_poisoned_gateway_is_cured_from_page(start: Start, open_page: Open) -> None:
    gateway = start()
    gateway.push("a 1\n", job="good")
    request = urllib.request.Request(f"{gateway.url}/metrics/job/bad/i/%FF", b"a 1\n", method="PUT")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request)
    page = open_page(f"{gateway.url}/")
    banner = page.locator(".banner.danger")
    assert "not utf8" in banner.inner_text()
    banner.get_by_role("button", name="Delete").click()
    page.locator("#confirm-yes").click()
    until(page, "!document.querySelector('.banner')")
    assert len(gateway.groups) == 1
    gateway.assert_rejected()


def test_old_pushes_are_not_shown_as_current_after_a_restart(start: Start, open_page: Open) -> None:
    gateway = start()
    gateway.clock.freeze(1_700_000_000.0)
    gateway.push("a 1\n", job="first")
    page = open_page(f"{gateway.url}/")
    gateway.stop()
    page.wait_for_selector(".banner.danger")
    gateway.start()
    gateway.push("a 1\n", job="second")
    see(page, "second")
    until(page, "!document.querySelector('.banner')")


def test_under_a_route_prefix(start: Start, open_page: Open) -> None:
    gateway = start(route_prefix="/some/prefix", enable_admin_api=True, telemetry_path="/m")
    gateway.push("a 1\n", job="x")
    for path in ("/", "/status"):
        page = open_page(f"{gateway.url}{path}#metrics")
        see(page, "1 group")
    assert page.evaluate(f"fetch('{gateway.url}/m').then((answer) => answer.status)") == 200
    assert page.get_by_role("link", name="Exposition").get_attribute("href") == "./m"
    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("button", name="Delete 1").click()
    see(page, "Nothing has been pushed yet")
    see(page, f"{gateway.url}/metrics/job/backup")


def test_under_an_external_url(start: Start, open_page: Open) -> None:
    gateway = start(external_url="https://example.test/gateway/")
    page = open_page(f"http://{gateway.host}:{gateway.port}/gateway/status")
    assert page.title() == "Status · Pushgateway"
    see(page, "https://example.test/gateway/")


@pytest.mark.parametrize("way", ["dialog", "address"])
def test_with_basic_auth(start: Start, open_page: Open, way: str) -> None:
    gateway = start(basic_auth=("ann", "s3cret/@:"), enable_admin_api=True)
    gateway.push("a 1\n", job="x")
    if way == "dialog":
        page = open_page(f"{gateway.url}/", http_credentials={"username": "ann", "password": "s3cret/@:"})
    else:  # an address with the password in it must work too: fetch refuses such addresses
        page = open_page(f"http://ann:s3cret%2F%40%3A@{gateway.host}:{gateway.port}/")
    see(page, "1 group")
    assert "s3cret" not in page.content()
    page.get_by_role("link", name="Status").click()
    see(page, 'basic_auth: {username: "ann", password: PASSWORD}')
    page.get_by_role("link", name="Metrics").click()
    page.locator(".bin").click()
    page.locator("#confirm-yes").click()
    see(page, "Nothing has been pushed yet")


def test_over_tls(start: Start, open_page: Open, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(tmp_path / "cert.pem", append=True)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    gateway = start(tls=tuple(str(tmp_path / name) for name in ("cert.pem", "key.pem", "ca.pem")))
    gateway.push("a 1\n", job="x")
    page = open_page(f"{gateway.url}/#status", ignore_https_errors=True)
    see(page, "scheme: https")
    page.get_by_role("link", name="Metrics").click()
    see(page, "1 group")


def test_failing_persistence_is_shown_and_cured(start: Start, open_page: Open, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    gateway = start(persistence_file=str(folder / "gateway.db"))
    page = open_page(f"{gateway.url}/status")
    see(page, "written before each answer")
    folder.rename(tmp_path / "gone")
    folder.write_text("in the way")
    gateway.push("a 1\n", job="x")
    page.wait_for_selector(".banner.warn")
    see(page, "Failing")
    see(page, f"what they bring is lost if the gateway stops before it can write {folder / 'gateway.db'}.")
    folder.unlink()
    (tmp_path / "gone").rename(folder)
    gateway.push("a 2\n", job="x")
    until(page, "!document.querySelector('.banner')")


def test_markup_that_is_pushed_stays_text(start: Start, open_page: Open) -> None:
    attempt = "<img src=x onerror=alert(1)>"
    gateway = start()
    gateway.push(f'# HELP a {attempt}\na{{l="{attempt}"}} 1\n', job=attempt, grouping_key={"g": attempt})
    gateway.push(f"{attempt}\n", job=attempt, check=False)
    page = open_page(f"{gateway.url}/")
    for view in ("Metrics", "Requests", "Status"):
        page.get_by_role("link", name=view).click()
        page.wait_for_selector(f"h1:text-is('{view}')", state="attached")
        assert page.locator("img").count() == 0
        if view != "Status":
            see(page, attempt)
    gateway.assert_rejected()


def test_20000_real_series(start: Start, open_page: Open) -> None:
    gateway = start()
    body = "".join(f'm{i % 10}{{n="{i}"}} {i}\n' for i in range(100))
    for i in range(200):
        gateway.push(body, job="load", grouping_key={"i": str(i)})
    page = open_page(f"{gateway.url}/")
    see(page, "200 groups · 2000 families · 20000 series")
    assert page.locator("article").count() == 200
