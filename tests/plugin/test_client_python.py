"""The checks of prometheus_client's own tests of its push functions, made at the end that gets the requests."""

from __future__ import annotations

import gzip
import inspect
import socket
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge
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

from pytest_pushgateway import MakePushgateway, Pushgateway

BODY = b"# HELP rows Rows.\n# TYPE rows gauge\nrows 7.0\n"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
COMPRESSES = "compression" in inspect.signature(push_to_gateway).parameters

Headers = list[tuple[str, str]]


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("rows", "Rows.", registry=registry).set(7)
    return registry


@pytest.mark.parametrize(("call", "method"), [(push_to_gateway, "PUT"), (pushadd_to_gateway, "POST")])
@pytest.mark.parametrize("key", [None, {"shard": 9}], ids=["job", "grouping key"])
def test_push_arrives_whole(
    pushgateway: Pushgateway, registry: CollectorRegistry, call: Any, method: str, key: dict[str, Any] | None
) -> None:
    call(pushgateway.address, "nightly", registry, key)

    (push,) = pushgateway.pushes
    assert (push.method, push.path) == (method, "/metrics/job/nightly" + ("/shard/9" if key else ""))
    assert (push.content_type, push.body, push.status) == (TEXT, BODY, 200)
    pushgateway.assert_pushed("rows", 7, labels={"job": "nightly", **(key or {})})


@pytest.mark.parametrize("key", [None, {"shard": 9}], ids=["job", "grouping key"])
def test_deletion_has_content_type_without_body(pushgateway: Pushgateway, key: dict[str, Any] | None) -> None:
    pushgateway.push("rows 7\n", job="nightly", grouping_key={"shard": "9"} if key else None)

    delete_from_gateway(pushgateway.address, "nightly", key)

    deletion = pushgateway.assert_deleted(job="nightly", **(key or {}))
    assert (deletion.path, deletion.body) == ("/metrics/job/nightly" + ("/shard/9" if key else ""), b"")
    assert deletion.content_type == TEXT


@pytest.mark.parametrize("form", ["{address}", "http://{address}", "{address}/", "http://{address}/"])
def test_forms_of_the_address(pushgateway: Pushgateway, registry: CollectorRegistry, form: str) -> None:
    push_to_gateway(form.format(address=pushgateway.address), "nightly", registry)

    assert pushgateway.assert_pushed("rows", 7).path == "/metrics/job/nightly"


def test_path_before_metrics(make_pushgateway: MakePushgateway, registry: CollectorRegistry) -> None:
    gateway = make_pushgateway(route_prefix="/behind/a/proxy")
    push_to_gateway(f"{gateway.url}/", "nightly", registry)

    assert gateway.assert_pushed("rows", 7).path == "/behind/a/proxy/metrics/job/nightly"
    with pytest.raises(urllib.error.HTTPError, match="404") as caught:
        push_to_gateway(f"{gateway.host}:{gateway.port}", "nightly", registry)
    caught.value.close()
    gateway.assert_rejected("the path of a push is /behind/a/proxy/metrics/job/JOB", status=404)


def test_address_of_ipv6(make_pushgateway: MakePushgateway, registry: CollectorRegistry) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    gateway = make_pushgateway(host="::1")
    for address in (gateway.address, gateway.url):
        push_to_gateway(address, "nightly", registry)

    assert gateway.address == f"[::1]:{gateway.port}"
    assert [push.status for push in gateway.pushes] == [200, 200]


@pytest.mark.parametrize(
    ("job", "key", "path"),
    [
        ("nightly", {"shard": ""}, "/metrics/job/nightly/shard@base64/="),
        ("nightly", {"shard": "a/b"}, "/metrics/job/nightly/shard@base64/YS9i"),
        ("nightly", {"b": "x/ y", "a": 9}, "/metrics/job/nightly/a/9/b@base64/eC8geQ=="),
        ("by/night", {}, "/metrics/job@base64/YnkvbmlnaHQ="),
        ("nightly", {"shard": "\u00e9?#%"}, "/metrics/job/nightly/shard/%C3%A9%3F%23%25"),
    ],
)
def test_values_impossible_in_paths_arrive(
    pushgateway: Pushgateway, registry: CollectorRegistry, job: str, key: dict[str, Any], path: str
) -> None:
    push_to_gateway(pushgateway.address, job, registry, key)
    (push,) = pushgateway.pushes
    assert push.path == path
    assert push.grouping_key == {"job": job, **{name: str(value) for name, value in key.items()}}

    delete_from_gateway(pushgateway.address, job, key)
    pushgateway.assert_deleted(job=job, **key)


def test_space_arrives_if_client_encodes_it(pushgateway: Pushgateway, registry: CollectorRegistry) -> None:
    """Older clients write it as a plus, which in a path is one: a mock of the function would never show it."""
    push_to_gateway(pushgateway.address, "nightly", registry, {"shard": "a b"})

    (push,) = pushgateway.pushes
    encoded = "@base64" in push.path
    assert push.grouping_key["shard"] == ("a b" if encoded else "a+b")


def test_handler_receives_request_and_may_change_it(pushgateway: Pushgateway, registry: CollectorRegistry) -> None:
    seen: list[tuple[str, str, float | None]] = []

    def handler(url: str, method: str, timeout: float | None, headers: Headers, data: bytes) -> Callable[[], None]:
        seen.append((url, method, timeout))
        return default_handler(url, method, timeout, [*headers, ("X-Run", "42")], data)

    push_to_gateway(pushgateway.address, "nightly", registry, handler=handler)
    pushadd_to_gateway(pushgateway.address, "nightly", registry, timeout=7, handler=handler)
    delete_from_gateway(pushgateway.address, "nightly", timeout=None, handler=handler)

    url = f"{pushgateway.url}/metrics/job/nightly"
    assert seen == [(url, "PUT", 30), (url, "POST", 7), (url, "DELETE", None)]
    assert [request.headers["X-Run"] for request in pushgateway.requests] == ["42"] * 3
    assert [push.body for push in pushgateway.pushes] == [BODY, BODY]


def test_timeout_is_respected(pushgateway: Pushgateway, registry: CollectorRegistry) -> None:
    with pushgateway.faults.hang() as fault, pytest.raises(OSError, match="timed out"):
        push_to_gateway(pushgateway.address, "nightly", registry, timeout=0.1)

    assert fault.hits == 1
    pushgateway.assert_not_pushed()


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_error_is_raised(pushgateway: Pushgateway, registry: CollectorRegistry, status: int) -> None:
    pushgateway.faults.error(status)
    for call in (push_to_gateway, pushadd_to_gateway, delete_from_gateway):
        arguments = () if call is delete_from_gateway else (registry,)
        with pytest.raises(urllib.error.HTTPError, match=str(status)) as caught:
            call(pushgateway.address, "nightly", *arguments)
        caught.value.close()

    pushgateway.assert_not_exposed()


def test_basic_auth(make_pushgateway: MakePushgateway, registry: CollectorRegistry) -> None:
    gateway = make_pushgateway(basic_auth=("foo", "b\u00e4r:"))

    def handler(password: str) -> Callable[..., Callable[[], None]]:
        def handle(url: str, method: str, timeout: float | None, headers: Headers, data: bytes) -> Callable[[], None]:
            return basic_auth_handler(url, method, timeout, headers, data, "foo", password)

        return handle

    with pytest.raises(urllib.error.HTTPError, match="401") as caught:
        push_to_gateway(gateway.address, "nightly", registry, handler=handler("wrong"))
    caught.value.close()
    assert gateway.assert_rejected(status=401).headers["Authorization"] == "Basic Zm9vOndyb25n"
    push_to_gateway(gateway.address, "nightly", registry, handler=handler("b\u00e4r:"))
    push = gateway.assert_pushed("rows", 7)
    assert (push.content_type, push.body) == (TEXT, BODY)
    delete_from_gateway(gateway.address, "nightly", handler=handler("b\u00e4r:"))
    gateway.assert_deleted(job="nightly")


def test_client_certificate(
    make_pushgateway: MakePushgateway, registry: CollectorRegistry, certificate: tuple[str, str], tmp_path: Path
) -> None:
    chain, key = certificate
    authority = str(Path(chain).with_name("ca.pem"))
    config = tmp_path / "web.yml"
    config.write_text(
        f"tls_server_config:\n  cert_file: {chain}\n  key_file: {key}\n  client_ca_file: {authority}\n"
        "  client_auth_type: RequireAndVerifyClientCert\n"
    )
    gateway = make_pushgateway(web_config_file=str(config))

    def handler(url: str, method: str, timeout: float | None, headers: Headers, data: bytes) -> Callable[[], None]:
        return tls_auth_handler(url, method, timeout, headers, data, chain, key, authority)

    with pytest.raises(urllib.error.URLError):
        push_to_gateway(gateway.address, "nightly", registry)
    assert gateway.pushes == []
    push_to_gateway(gateway.address, "nightly", registry, handler=handler)
    assert gateway.assert_pushed("rows", 7).body == BODY


def test_redirects_are_followed_with_method_headers_and_body(
    pushgateway: Pushgateway, make_pushgateway: MakePushgateway, registry: CollectorRegistry
) -> None:
    target = make_pushgateway()
    moved = {"Location": f"{target.url}/metrics/job/arrived"}
    pushgateway.faults.error(301, headers=moved)

    push_to_gateway(pushgateway.address, "left", registry, handler=passthrough_redirect_handler)

    (left,), (arrived,) = pushgateway.pushes, target.pushes
    assert arrived.job == "arrived"
    assert (left.method, left.content_type, left.body) == (arrived.method, arrived.content_type, arrived.body)
    target.assert_exposed("rows", 7, job="arrived")
    pushgateway.assert_not_exposed()


def test_redirects_are_not_followed_without_that_handler(
    pushgateway: Pushgateway, make_pushgateway: MakePushgateway, registry: CollectorRegistry
) -> None:
    target = make_pushgateway()
    pushgateway.faults.error(307, headers={"Location": f"{target.url}/metrics/job/arrived"})

    with pytest.raises(urllib.error.HTTPError, match="307") as caught:
        push_to_gateway(pushgateway.address, "left", registry)
    caught.value.close()
    assert target.requests == []


@pytest.mark.skipif(not COMPRESSES, reason="this prometheus_client does not compress")
def test_gzip(pushgateway: Pushgateway, registry: CollectorRegistry) -> None:
    options: dict[str, Any] = {"compression": "gzip"}
    push_to_gateway(pushgateway.address, "nightly", registry, **options)

    push = pushgateway.assert_pushed("rows", 7)
    assert push.headers["Content-Encoding"] == "gzip"
    assert (gzip.decompress(push.body), push.content_type) == (BODY, TEXT)


@pytest.mark.skipif(not COMPRESSES, reason="this prometheus_client does not compress")
def test_snappy(pushgateway: Pushgateway, registry: CollectorRegistry) -> None:
    pytest.importorskip("snappy")
    pytest.importorskip("cramjam")
    options: dict[str, Any] = {"compression": "snappy"}
    push_to_gateway(pushgateway.address, "nightly", registry, **options)

    push = pushgateway.assert_pushed("rows", 7)
    assert push.headers["Content-Encoding"] == "snappy"
    assert push.body != BODY


@pytest.mark.skipif(not COMPRESSES, reason="this prometheus_client does not compress")
def test_unknown_compression_sends_nothing(pushgateway: Pushgateway, registry: CollectorRegistry) -> None:
    options: dict[str, Any] = {"compression": "brotli"}
    with pytest.raises(ValueError, match="brotli"):
        push_to_gateway(pushgateway.address, "nightly", registry, **options)

    assert pushgateway.requests == []


def test_address_of_this_host_as_instance(pushgateway: Pushgateway, registry: CollectorRegistry) -> None:
    key = instance_ip_grouping_key()
    push_to_gateway(pushgateway.address, "nightly", registry, key)

    socket.inet_aton(key["instance"])
    pushgateway.assert_exposed("rows", 7, instance=key["instance"])
