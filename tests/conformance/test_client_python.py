"""prometheus_client's push functions meet both programs: every way of calling them, every way in which they fail."""

from __future__ import annotations

import inspect
import urllib.error
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary, exposition
from prometheus_client.exposition import (
    basic_auth_handler,
    default_handler,
    delete_from_gateway,
    instance_ip_grouping_key,
    passthrough_redirect_handler,
    push_to_gateway,
    pushadd_to_gateway,
    tls_auth_handler,
)

from tests.conformance.clienttools import both
from tests.conformance.programs import Pairs, Program
from tests.conformance.webconfigs import PASSWORD, USER

pytestmark = pytest.mark.conformance

Call = Callable[[str, CollectorRegistry], None]


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("g", 'help with \\ and "quotes"\nand a newline', ["l"], registry=registry).labels('v"\\\n').set(1e6)
    Counter("c", "A counter", registry=registry).inc(3)
    Summary("s", "A summary", registry=registry).observe(2.5)
    histogram = Histogram("h", "A histogram", registry=registry)
    histogram.observe(0.3)
    histogram.observe(3, exemplar={"trace": "x"})
    Info("i", "An info", registry=registry).info({"version": "1"})
    Enum("e", "An enum", states=["on", "off"], registry=registry).state("off")
    return registry


def _said(call: Call, address: str, registry: CollectorRegistry) -> str:
    try:
        call(address, registry)
    except urllib.error.HTTPError as error:
        with error:
            return f"HTTPError {error.code} {error.reason}: {error.read().decode()}"
    except OSError as error:
        return f"{type(error).__name__}"
    return "fine"


def _both(
    pairs: Pairs, registry: CollectorRegistry, *calls: Call, flags: str = "default", scheme: str = ""
) -> list[str]:
    said: list[str] = []

    def client(program: Program) -> list[str]:
        said[:] = [_said(call, f"{scheme}127.0.0.1:{program.port}", registry) for call in calls]
        return said

    both(pairs, client, flags)
    return said


GROUPINGS: dict[str, tuple[str, dict[str, Any] | None]] = {
    "a job": ("my_job", None),
    "a grouping key": ("my_job", {"a": 9}),
    "a grouping key of several labels": ("my_job", {"b": "2", "a": 9, "instance": "host:80"}),
    "an empty label": ("my_job", {"a": ""}),
    "an empty instance": ("my_job", {"instance": ""}),
    "an empty job": ("", None),
    "a slash in the job": ("my/job", None),
    "a slash in a label": ("my_job", {"a": "9/z"}),
    "a space": ("my job", {"a": "9 z"}),
    "a plus": ("my+job", {"a": "9+z"}),
    "letters": ("caf\u00e9", {"a": "\u20ac"}),
    "specials": ("a?b#c%d&e", {"a": "'\"<>\\"}),
    "dots": ("..", {"a": "."}),
    "a bad label name": ("my_job", {"a-b": "9"}),
    "a reserved label name": ("my_job", {"__a": "9"}),
    "the host's address": ("my_job", instance_ip_grouping_key()),
}


@pytest.mark.parametrize(("job", "grouping"), GROUPINGS.values(), ids=GROUPINGS)
def test_grouping_keys(pairs: Pairs, registry: CollectorRegistry, job: str, grouping: dict[str, Any] | None) -> None:
    _both(
        pairs,
        registry,
        lambda gateway, registry: push_to_gateway(gateway, job, registry, grouping),
        lambda gateway, registry: pushadd_to_gateway(gateway, job, registry, grouping),
        lambda gateway, registry: push_to_gateway(gateway, "another", registry, grouping),
        lambda gateway, registry: delete_from_gateway(gateway, "another", grouping),
    )


def test_methods(pairs: Pairs, registry: CollectorRegistry) -> None:
    small = CollectorRegistry()
    Gauge("other", "Another", registry=small).set(5)
    said = _both(
        pairs,
        registry,
        lambda gateway, registry: push_to_gateway(gateway, "a", registry),
        lambda gateway, registry: pushadd_to_gateway(gateway, "a", small),
        lambda gateway, registry: push_to_gateway(gateway, "b", registry),
        lambda gateway, registry: push_to_gateway(gateway, "b", small),
        lambda gateway, registry: push_to_gateway(gateway, "c", registry),
        lambda gateway, registry: delete_from_gateway(gateway, "c"),
        lambda gateway, registry: delete_from_gateway(gateway, "never"),
        lambda gateway, registry: pushadd_to_gateway(gateway, "empty", CollectorRegistry()),
        lambda gateway, registry: push_to_gateway(gateway, "d", registry, timeout=None),
        lambda gateway, registry: push_to_gateway(gateway, "e", registry, timeout=5.5),
    )
    assert said == ["fine"] * 10


def test_addresses(pairs: Pairs, registry: CollectorRegistry) -> None:
    said = _both(
        pairs,
        registry,
        lambda gateway, registry: push_to_gateway(f"http://{gateway}", "scheme", registry),
        lambda gateway, registry: push_to_gateway(f"http://{gateway}/", "slash", registry),
        lambda gateway, registry: push_to_gateway(f"{gateway}/", "slash_without_scheme", registry),
        lambda gateway, registry: push_to_gateway(f"http://{gateway}/elsewhere", "path", registry),
        lambda gateway, registry: push_to_gateway(f"https://{gateway}", "tls", registry),
    )
    assert said[0] == "fine"
    assert said[3].startswith("HTTPError 404")
    assert said[4] == "URLError"


def test_refused_pushes(pairs: Pairs, registry: CollectorRegistry) -> None:
    clash = CollectorRegistry()
    Gauge("c_total", "Not a counter", registry=clash).set(1)
    own = CollectorRegistry()
    Counter("go_goroutines", "Not ours", registry=own)
    said = _both(
        pairs,
        registry,
        lambda gateway, registry: push_to_gateway(gateway, "a", registry),
        lambda gateway, registry: push_to_gateway(gateway, "b", clash),
        lambda gateway, registry: pushadd_to_gateway(gateway, "b", own),
        lambda gateway, registry: push_to_gateway(gateway, "a", registry, {"instance": ""}),
    )
    assert said[1].startswith("HTTPError 400")
    assert "was collected before" in said[3]


def test_redirects(pairs: Pairs, registry: CollectorRegistry) -> None:
    follow = passthrough_redirect_handler
    said = _both(
        pairs,
        registry,
        lambda gateway, registry: push_to_gateway(f"{gateway}//", "a", registry),
        lambda gateway, registry: push_to_gateway(f"{gateway}//", "b", registry, handler=follow),
        lambda gateway, registry: pushadd_to_gateway(f"{gateway}//", "c", registry, handler=follow),
        lambda gateway, registry: delete_from_gateway(f"{gateway}//", "b", handler=follow),
        lambda gateway, registry: push_to_gateway(f"{gateway}//", "d", registry, handler=default_handler),
    )
    assert said[1:4] == ["fine", "fine", "fine"]


def _auth(user: str, password: str) -> Callable[..., Callable[[], None]]:
    def handler(url: str, method: str, timeout: float | None, headers: list[tuple[str, str]], data: bytes) -> Any:
        return basic_auth_handler(url, method, timeout, headers, data, user, password)

    return handler


def test_basic_auth(pairs: Pairs, registry: CollectorRegistry) -> None:
    good, bad = _auth(USER, PASSWORD), _auth(USER, "wrong")
    said = _both(
        pairs,
        registry,
        lambda gateway, registry: push_to_gateway(gateway, "a", registry),
        lambda gateway, registry: push_to_gateway(gateway, "b", registry, handler=good),
        lambda gateway, registry: pushadd_to_gateway(gateway, "b", registry, handler=good),
        lambda gateway, registry: push_to_gateway(gateway, "c", registry, handler=bad),
        lambda gateway, registry: delete_from_gateway(gateway, "b", handler=bad),
        lambda gateway, registry: delete_from_gateway(gateway, "b", handler=good),
        flags="auth",
    )
    assert [answer.split(":")[0] for answer in said] == [
        "HTTPError 401 Unauthorized",
        "fine",
        "fine",
        "HTTPError 401 Unauthorized",
        "HTTPError 401 Unauthorized",
        "fine",
    ]


def test_tls(pairs: Pairs, registry: CollectorRegistry) -> None:
    directory = pairs.standing("mutual").ours.directory

    def handler(client: str) -> Callable[..., Callable[[], None]]:
        def handle(url: str, method: str, timeout: float | None, headers: list[tuple[str, str]], data: bytes) -> Any:
            certificate, key = str(directory / f"{client}.pem"), str(directory / f"{client}.key")
            authority = str(directory / "ca.pem")
            return tls_auth_handler(url, method, timeout, headers, data, certificate, key, authority)

        return handle

    said = _both(
        pairs,
        registry,
        lambda gateway, registry: push_to_gateway(gateway, "a", registry, handler=handler("client")),
        lambda gateway, registry: pushadd_to_gateway(gateway, "b", registry, handler=handler("client")),
        lambda gateway, registry: delete_from_gateway(gateway, "b", handler=handler("client")),
        lambda gateway, registry: push_to_gateway(gateway, "c", registry),
        flags="mutual",
        scheme="https://",
    )
    assert said == ["fine", "fine", "fine", "URLError"]


COMPRESSES = "compression" in inspect.signature(push_to_gateway).parameters


@pytest.mark.skipif(not COMPRESSES, reason="this prometheus_client does not compress")
@pytest.mark.parametrize("compression", ["gzip", "snappy", "GZIP"])
def test_compression(pairs: Pairs, registry: CollectorRegistry, compression: Any) -> None:
    if compression == "snappy" and not exposition.SNAPPY_AVAILABLE:
        pytest.skip("python-snappy is not installed")
    said = _both(
        pairs,
        registry,
        lambda gateway, registry: push_to_gateway(gateway, "a", registry, compression=compression),
        lambda gateway, registry: pushadd_to_gateway(gateway, "a", registry, {"l": "v"}, compression=compression),
    )
    assert said == ["fine", "fine"]
