"""Mistakes that would leave the reader searching, and the gateway's messages."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from pytest_pushgateway import Pushgateway

from .application import send

UNSTARTED = "never started; call start\\(\\), or use it in a with statement"


@pytest.mark.parametrize(
    "use",
    [
        lambda gateway: gateway.url,
        lambda gateway: gateway.address,
        lambda gateway: gateway.groups,
        lambda gateway: gateway.assert_exposed("rows"),
        lambda gateway: gateway.assert_pushed("rows"),
        lambda gateway: gateway.assert_rejected(),
        lambda gateway: gateway.assert_deleted(job="nightly"),
    ],
)
def test_gateway_that_was_never_started(use: Callable[[Pushgateway], object]) -> None:
    with pytest.raises(RuntimeError, match=UNSTARTED.replace(";", "[;:]")):
        use(Pushgateway())


@pytest.mark.parametrize(
    "deny",
    [
        lambda gateway: gateway.assert_not_exposed("rows"),
        lambda gateway: gateway.assert_not_pushed("rows"),
        lambda gateway: gateway.assert_not_pushed(),
        lambda gateway: gateway.assert_no_rejections(),
    ],
)
def test_negative_assertions_need_a_started_gateway(deny: Callable[[Pushgateway], object]) -> None:
    with pytest.raises(RuntimeError, match="never started"):
        deny(Pushgateway())


def test_gateway_with_a_port_has_an_address_before_its_start() -> None:
    assert Pushgateway(port=9091).address == "127.0.0.1:9091"


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda g: g.faults.error(503, time=2), "faults.error() has no argument 'time'; did you mean 'times'?"),
        (lambda g: g.faults.delay(1, path="/x"), "faults.delay() has no argument 'path'; did you mean 'paths'?"),
        (lambda g: g.faults.hang(method="PUT"), "faults.hang() has no argument 'method'; did you mean 'methods'?"),
        (lambda g: g.faults.truncate(9, wenn=None), "faults.truncate() has no argument 'wenn'; did you mean 'when'?"),
        (
            lambda g: g.faults.disconnect(size=3),
            "faults.disconnect() has no argument 'size'; it takes times, methods, paths, when, after",
        ),
        (lambda g: g.faults.refuse(times=2), "faults.refuse() has no argument 'times'; it takes none by keyword"),
        (lambda g: g.push("rows 7\n", jobs="x"), "Pushgateway.push() has no argument 'jobs'; did you mean 'job'?"),
        (
            lambda g: g.wait_until(lambda: True, time=2),
            "Pushgateway.wait_until() has no argument 'time'; did you mean 'timeout'?",
        ),
        (lambda g: g.clock.freeze(to=3), "clock.freeze() has no argument 'to'; it takes at"),
    ],
)
def test_unknown_argument_names_the_nearest(call: Callable[[Pushgateway], object], told: str) -> None:
    with Pushgateway() as gateway, pytest.raises(TypeError) as caught:
        call(gateway)
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda g: g.assert_pushed(), "Pushgateway.assert_pushed() missing 1 required positional argument: 'name'"),
        (lambda g: g.assert_exposed("a", 1, 2), "Pushgateway.assert_exposed() takes from 2 to 3 positional arguments"),
        (lambda g: g.push("a 1\n"), "Pushgateway.push() missing 1 required positional argument: 'job'"),
        (lambda g: g.value(), "Pushgateway.value() missing 1 required positional argument: 'name'"),
        (lambda g: g.wait_for_push("a", 1, 2), "Pushgateway.wait_for_push() takes from 1 to 3 positional arguments"),
        (lambda g: g.scrape("text/plain", 5), "Pushgateway.scrape() takes from 1 to 2 positional arguments"),
        (lambda g: g.faults.error(), "faults.error() missing 1 required positional argument: 'status'"),
        (lambda g: g.clock.advance(), "clock.advance() missing 1 required positional argument: 'span'"),
    ],
)
def test_type_errors_name_the_called_method(call: Callable[[Any], object], told: str) -> None:
    with Pushgateway() as gateway, pytest.raises(TypeError) as caught:
        call(gateway)
    assert str(caught.value).startswith(told)


@pytest.fixture
def demanding(tmp_path: Path) -> ssl.SSLContext:
    """The context of a server that lets nobody in without a certificate."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.mark.parametrize("use", [lambda g: g.push("rows 7\n", job="nightly"), lambda g: g.scrape()])
def test_gateway_that_demands_a_client_certificate(
    demanding: ssl.SSLContext, use: Callable[[Pushgateway], object]
) -> None:
    with Pushgateway(tls=demanding) as gateway:
        with pytest.raises(ConnectionError) as caught:
            use(gateway)
        assert gateway.requests == []
    assert str(caught.value) == (
        "the gateway demands a client certificate, and what the test itself sends has none: use an HTTP client that "
        "presents one"
    )


def test_wait_after_a_push_names_it() -> None:
    with Pushgateway() as gateway:
        send(gateway, "rows 7\n")
        with pytest.raises(AssertionError) as caught:
            gateway.wait_for_push("rows", after=gateway.pushes[0], timeout=0)
    assert str(caught.value).splitlines()[0] == (
        "waited 0 s for an accepted push of rows after push 1: nothing was pushed"
    )
