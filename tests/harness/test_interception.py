"""`Pushgateway.intercept`: connections of this process to fixed addresses reach the gateway while it is active."""

from __future__ import annotations

import _socket
import http.client
import os
import socket
import urllib.request
from collections.abc import Iterator

import pytest

from pytest_pushgateway import Interception, Pushgateway, SettingsError
from pytest_pushgateway.interception.table import TABLE

NAME = "pushgateway.nowhere.example:9091"


def has_ipv6() -> bool:
    """Return whether this machine has the loopback address of IPv6."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.fixture
def gateway() -> Iterator[Pushgateway]:
    with Pushgateway() as gateway:
        yield gateway
    assert socket.socket.connect is _socket.socket.connect
    assert "connect" not in vars(socket.socket)


def push(address: str, job: str = "nightly") -> int:
    request = urllib.request.Request(f"http://{address}/metrics/job/{job}", b"rows 7\n", method="PUT")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return int(answer.status)


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        (NAME, NAME),
        ("http://Pushgateway.Nowhere.Example.:9091/", NAME),
        (NAME, "PUSHGATEWAY.nowhere.example.:9091"),
        ("http://nowhere.example", "nowhere.example:80"),
        ("http://nowhere.example", "nowhere.example"),
        ("bücher.example:9091", "xn--bcher-kva.example:9091"),
        ("push_gateway:9091", "push_gateway:9091"),
        ("localhost:9091", "localhost:9091"),
        ("localhost:9091", "127.0.0.1:9091"),
        ("localhost:9091", "[::1]:9091"),
        ("127.0.0.1:9091", "localhost:9091"),
        ("10.1.2.3:9091", "10.1.2.3:9091"),
        ("[fd00::9]:9091", "[fd00:0:0::9]:9091"),
        ("http://[fd00::9]", "[fd00::9]:80"),
        ("[::ffff:10.1.2.3]:9091", "10.1.2.3:9091"),
    ],
)
def test_address_reaches_the_gateway(gateway: Pushgateway, asked: str, used: str) -> None:
    if used.startswith("[") and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with gateway.intercept(asked) as interception:
        assert push(used) == 200
    assert gateway.pushes[-1].job == "nightly"
    assert list(interception.connections.values()) == [1]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::"])
@pytest.mark.parametrize("address", [NAME, "10.1.2.3:9091", "[fd00::9]:9091"])
def test_gateway_that_listens_elsewhere(host: str, address: str) -> None:
    if (":" in host or address.startswith("[")) and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with Pushgateway(host=host) as gateway, gateway.intercept(address):
        if host == "::1" and address != "[fd00::9]:9091":
            with pytest.raises(
                OSError, match="the gateway listens on ::1, out of reach for IPv4; give it an IPv4 host"
            ):
                push(address)
        else:
            assert push(address) == 200


def test_active_from_the_call_until_removed(gateway: Pushgateway) -> None:
    interception = gateway.intercept(NAME, "localhost:9091")
    assert isinstance(interception, Interception)
    assert interception.active
    push(NAME)
    push(NAME)
    assert interception.connections == {NAME: 2, "localhost:9091": 0}
    assert repr(interception) == f"<Interception active, {NAME}: 2, localhost:9091: 0>"

    interception.remove()
    interception.remove()
    assert not interception.active
    assert repr(interception).startswith("<Interception over")
    assert "connect" not in vars(socket.socket)


def test_latest_interception_of_an_address_receives(gateway: Pushgateway) -> None:
    with Pushgateway() as other:
        outer = gateway.intercept(NAME)
        with other.intercept(NAME):
            push(NAME, "inner")
        push(NAME, "outer")
        outer.remove()
        assert [one.job for one in other.pushes] == ["inner"]
        assert [one.job for one in gateway.pushes] == ["outer"]


def test_another_port_of_the_same_host_is_not_touched(gateway: Pushgateway) -> None:
    with Pushgateway() as real, gateway.intercept(f"127.0.0.1:{real.port + 1 if real.port < 65535 else 1}"):
        push(real.address)
        assert real.pushes
        assert not gateway.pushes


def test_kept_connection_ends_with_the_interception(gateway: Pushgateway) -> None:
    host, port = NAME.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    with gateway.intercept(NAME):
        connection.request("PUT", "/metrics/job/kept", b"rows 7\n")
        assert connection.getresponse().read() == b""
        sock = connection.sock
    assert sock.recv(1) == b""
    connection.close()
    assert len(gateway.pushes) == 1


def test_kept_connection_ends_when_another_gateway_intercepts(gateway: Pushgateway) -> None:
    host, port = NAME.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)

    def push_again(job: str) -> None:
        for _ in range(3):  # http.client connects again once it has noticed
            try:
                connection.request("PUT", f"/metrics/job/{job}", b"rows 7\n")
                connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                connection.close()
            else:
                return
        pytest.fail("no push succeeded")

    with Pushgateway() as other, gateway.intercept(NAME):
        push_again("outer")
        with other.intercept(NAME):
            push_again("inner")
        push_again("outer-again")
        assert [one.job for one in other.pushes] == ["inner"]
        assert [one.job for one in gateway.pushes] == ["outer", "outer-again"]
    connection.close()


def test_patches_that_a_test_undoes_are_made_again(gateway: Pushgateway) -> None:
    with gateway.intercept(NAME, "10.1.2.3:9091"):
        del socket.socket.connect
        push(NAME)
        del socket.socket.connect
        push("10.1.2.3:9091")
    assert len(gateway.pushes) == 2


def test_other_connections_stay_open(gateway: Pushgateway) -> None:
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=10)
    connection.request("GET", "/-/ready")
    connection.getresponse().read()
    with gateway.intercept(NAME):
        push(NAME)
    connection.request("GET", "/-/ready")
    assert connection.getresponse().status == 200
    connection.close()


def test_lookup_gives_a_placeholder(gateway: Pushgateway) -> None:
    host, port = NAME.split(":")
    with gateway.intercept(NAME):
        ((family, kind, _, _, place),) = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        address = str(place[0])
        assert (family, kind, place[1]) == (socket.AF_INET, socket.SOCK_STREAM, 9091)
        assert address.startswith("233.252.0.")
        assert socket.gethostbyname(host) == address
        assert socket.gethostbyname_ex(host) == (host, [], [address])
        assert [one[4] for one in socket.getaddrinfo(host, None)] == [(address, 0)]
        assert socket.getaddrinfo(host, 9091, socket.AF_INET6)[0][4][0] == f"::ffff:{address}"
    with gateway.intercept(NAME):
        assert socket.gethostbyname(host) == address
    with gateway.intercept("another.nowhere.example:9091"):
        assert socket.gethostbyname("another.nowhere.example") != address
        kept = TABLE.way(address, 9091)
        assert kept is not None
        assert (kept.host, kept.port) == (host, 9091)


def test_connect_ex_and_datagrams(gateway: Pushgateway) -> None:
    with gateway.intercept("127.0.0.1:9091") as interception:
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", 9091)) == 0
            assert client.getpeername() == (gateway.host, gateway.port)
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", 9091))
            assert client.getpeername() == ("127.0.0.1", 9091)
        assert interception.connections == {"127.0.0.1:9091": 1}


def test_proxy_is_not_asked_meanwhile(gateway: Pushgateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "example.org, example.com")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with gateway.intercept(NAME), gateway.intercept("[fd00::9]:9091"):
        assert push(NAME) == 200
        assert push("[fd00::9]:9091") == 200
    assert os.environ["no_proxy"] == "example.org, example.com"
    assert "NO_PROXY" not in os.environ


def test_stopped_gateway_refuses(gateway: Pushgateway) -> None:
    with gateway.intercept(NAME):
        gateway.stop()
        with pytest.raises(OSError, match="refused"):
            push(NAME)
        gateway.start()
        assert push(NAME) == 200


def test_end_of_the_gateway_ends_it() -> None:
    with Pushgateway() as gateway:
        interception = gateway.intercept(NAME)
        gateway.reset()
        assert interception.active
    assert not interception.active
    assert "connect" not in vars(socket.socket)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("gateway", "; add a port, such as gateway:9091"),
        ("https://gateway:9091/metrics", "; leave out what follows host and port"),
        ("gateway:9091/metrics", "; leave out what follows host and port"),
        ("http://me:secret@gateway:9091", "; leave out user and password"),
        ("gateway:0", "; a port is a number from 1 to 65535"),
        ("gateway:65536", "; a port is a number from 1 to 65535"),
        ("gateway:http", "; a port is a number from 1 to 65535"),
        ("ftp://gateway:9091", ""),
        ("::1:9091", ""),
        ("*.monitoring:9091", ""),
        (":9091", ""),
        ("a b:9091", ""),
        ("", "; add a port, such as pushgateway:9091"),
        (9091, ""),
        (None, ""),
    ],
)
def test_what_is_not_an_address(gateway: Pushgateway, wrong: str, hint: str) -> None:
    with pytest.raises(SettingsError) as raised:
        gateway.intercept(wrong)
    shown = (
        f"intercept(): an address to intercept must be HOST:PORT or an http or https URL without a path, not {wrong!r}"
    )
    assert str(raised.value) == shown + hint


def test_no_address(gateway: Pushgateway) -> None:
    with pytest.raises(TypeError, match=r'intercept\(\) needs an address, such as "pushgateway.monitoring:9091"'):
        gateway.intercept()


def test_nothing_was_pushed_lists_the_addresses(gateway: Pushgateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUSHGATEWAY_URL", f"http://{NAME}")
    with gateway.intercept(NAME, "localhost:9091"):
        host, port = NAME.split(":")
        socket.create_connection((host, int(port)), timeout=10).close()
        with pytest.raises(AssertionError) as raised:
            gateway.assert_pushed("rows")
    lines = str(raised.value).splitlines()
    assert any(
        f"is at {gateway.address} and intercepts {NAME} (1 connection), localhost:9091 (0 connections)" in line
        for line in lines
    )
    assert not any("PUSHGATEWAY_URL" in line for line in lines)
