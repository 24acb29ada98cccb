"""Web pages of other sites can do nothing to a gateway, and only browsers notice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_pushgateway.gateway.gateway import Gateway
from tests import wire

Start = Callable[..., Gateway]

CROSS_SITE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Origin": "https://evil.example"}
CHANGES = [
    ("PUT", "/metrics/job/j"),
    ("POST", "/metrics/job/j"),
    ("DELETE", "/metrics/job/j"),
    ("PUT", "/api/v1/admin/wipe"),
    ("POST", "/-/quit"),
    ("GET", "/-/state"),
    ("GET", "/-/state/changes"),
    ("GET", "/-/state/1"),
]
FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


@pytest.fixture
def enabled(start: Start) -> Gateway:
    gateway = start(enable_admin_api=True, enable_lifecycle=True)
    assert wire.request(gateway.port, "PUT", "/metrics/job/j", b"a 1\n").status == 200
    return gateway


@pytest.mark.parametrize(("method", "target"), CHANGES)
def test_pages_of_other_sites_change_and_read_nothing(enabled: Gateway, method: str, target: str) -> None:
    answer = wire.request(enabled.port, method, target, b"", CROSS_SITE)
    assert answer.status == 403
    assert answer.body == b"a web page of another site asked for this; use the gateway's own page, or a client\n"
    assert [next(iter(group.families)) for group in enabled.store.groups()] == [b"a"]
    assert not enabled.stopped


@pytest.mark.parametrize("target", ["/", "/metrics", "/-/healthy", "/status"])
def test_links_from_other_sites_lead_to_the_page(enabled: Gateway, target: str) -> None:
    headers = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert ask(enabled, f"127.0.0.1:{enabled.port}", target, **headers) == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("site", ["same-origin", "same-site", "none"])
def test_its_own_page_may_do_all(enabled: Gateway, site: str) -> None:
    host = f"127.0.0.1:{enabled.port}"
    headers = {"Sec_Fetch_Site": site, "Origin": f"http://{host}"}
    assert ask(enabled, host, **headers) == b"HTTP/1.1 200 OK"
    assert ask(enabled, host, "/metrics/job/j", "DELETE", **headers) == b"HTTP/1.1 202 Accepted"


def ask(gateway: Gateway, host: str, target: str = "/-/state", method: str = "GET", **headers: str) -> bytes:
    """Return the status line of the answer to a request under some name."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
    return wire.talk(gateway.port, "\r\n".join([*lines, "\r\n"]).encode()).raw.partition(b"\r\n")[0]


BROWSERS = [{"Sec_Fetch_Site": "same-origin"}, {"Origin": "http://evil.example"}, {"User_Agent": FIREFOX["User-Agent"]}]


@pytest.mark.parametrize("headers", BROWSERS)
@pytest.mark.parametrize("target", ["/-/state", "/-/state/changes", "/metrics", "/api/v1/metrics", "/"])
def test_rebound_name_shows_nothing(enabled: Gateway, headers: dict[str, str], target: str) -> None:
    assert ask(enabled, f"evil.example:{enabled.port}", target, **headers) == b"HTTP/1.1 403 Forbidden"
    assert ask(enabled, "127.0.0.1", f"http://evil.example{target}", **headers) == b"HTTP/1.1 403 Forbidden"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST.", "app.localhost", "[::1]", "[::1]:9091", ""])
@pytest.mark.parametrize("headers", BROWSERS)
def test_names_that_cannot_be_rebound(enabled: Gateway, host: str, headers: dict[str, str]) -> None:
    assert ask(enabled, host, **headers) == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("host", ["pushgateway:9091", "pushgateway.monitoring", "evil.example", "my-machine"])
@pytest.mark.parametrize("headers", [{}, {"User_Agent": "Go-http-client/1.1"}, {"User_Agent": "curl/8.5.0"}])
def test_other_clients_may_use_any_name(enabled: Gateway, host: str, headers: dict[str, str]) -> None:
    assert ask(enabled, host, **headers) == b"HTTP/1.1 200 OK"
    assert ask(enabled, "proxy", f"http://{host}/-/state", **headers) == b"HTTP/1.1 200 OK"


def test_names_in_its_options(start: Start) -> None:
    gateway = start(host="localhost", external_url="https://push.example:8443/")
    headers = {"Sec_Fetch_Site": "same-origin"}
    assert ask(gateway, "push.example", **headers) == b"HTTP/1.1 200 OK"
    assert ask(gateway, "other.example", **headers) == b"HTTP/1.1 403 Forbidden"


def test_gateway_for_other_machines_has_any_name(start: Start) -> None:
    gateway = start(listen=[":0"])
    assert ask(gateway, "push.example", Sec_Fetch_Site="same-origin") == b"HTTP/1.1 200 OK"
    answer = wire.request(gateway.port, "DELETE", "/metrics/job/j", b"", CROSS_SITE)
    assert answer.status == 403
