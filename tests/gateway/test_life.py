"""Starting, stopping, persisting, and the limits on bodies."""

from __future__ import annotations

import errno
import gzip
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_pushgateway import Settings, threads
from pytest_pushgateway.gateway.app import push_body
from pytest_pushgateway.gateway.app.push_body import parse_push
from pytest_pushgateway.gateway.gateway import Gateway
from pytest_pushgateway.gateway.hooks import Record
from pytest_pushgateway.gateway.http.listeners import AddressError, split_address
from tests import wire
from tests.systems import open_descriptors

Start = Callable[..., Gateway]


def test_addresses(start: Start) -> None:
    gateway = start(listen=["127.0.0.1:0", "localhost:0"])
    assert (gateway.host, gateway.scheme) == ("127.0.0.1", "http")
    assert len(gateway.addresses) == 2
    for address in gateway.addresses:
        assert wire.request(int(address.rpartition(":")[2]), "GET", "/-/healthy").body == b"OK"


@pytest.mark.skipif(not socket.has_ipv6, reason="there is no IPv6")
def test_ipv6(start: Start) -> None:
    gateway = start(host="::1")
    assert gateway.addresses == [f"[::1]:{gateway.port}"]
    with socket.create_connection(("::1", gateway.port)) as sock:
        sock.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: [::1]\r\n\r\n")
        assert sock.recv(12) == b"HTTP/1.1 200"


def test_every_address(start: Start) -> None:
    gateway = start(listen=[":0"])
    assert wire.request(gateway.port, "GET", "/-/healthy").body == b"OK"


def test_taken_port_is_named_in_error(gateway: Gateway) -> None:
    with pytest.raises(OSError, match=f"listen tcp 127.0.0.1:{gateway.port}: bind: address already in use") as caught:
        Gateway(Settings(port=gateway.port)).start()
    assert caught.value.errno == errno.EADDRINUSE


def test_failed_start_leaves_nothing(gateway: Gateway, tmp_path: Path) -> None:
    before = len(threads.alive()), open_descriptors()
    with pytest.raises(OSError, match="already in use"):
        Gateway(Settings(), listen=["127.0.0.1:0", f"127.0.0.1:{gateway.port}"]).start()
    (tmp_path / "directory").mkdir()
    with pytest.raises(Exception, match="directory"):
        Gateway(Settings(persistence_file=str(tmp_path / "directory"))).start()
    assert (len(threads.alive()), open_descriptors()) == before


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("foo", "listen tcp: address foo: missing port in address"),
        ("[::1]", "listen tcp: address [::1]: missing port in address"),
        ("[::1", "listen tcp: address [::1: missing ']' in address"),
        ("::1:80", "listen tcp: address ::1:80: too many colons in address"),
        ("127.0.0.1:99999", "listen tcp: address 99999: invalid port"),
        ("127.0.0.1:nosuchport", "listen tcp: lookup tcp/nosuchport: unknown port"),
        ("vsock://:1", "listen vsock://:1: vsock addresses are not supported"),
    ],
)
def test_invalid_addresses(address: str, problem: str) -> None:
    with pytest.raises(AddressError) as caught:
        split_address(address)
    assert str(caught.value) == problem


def test_named_ports() -> None:
    assert split_address("localhost:http") == ("localhost", 80)
    assert split_address("[::1]:9091") == ("::1", 9091)


def test_unknown_host_name() -> None:
    with pytest.raises(OSError, match=r"listen tcp: lookup nosuchname\.invalid: no such host"):
        Gateway(Settings(host="nosuchname.invalid")).start()


@pytest.mark.parametrize("end", ["stop", "crash"])
def test_acknowledged_pushes_survive_a_restart(start: Start, tmp_path: Path, end: str) -> None:
    options: dict[str, Any] = {"persistence_file": str(tmp_path / "file")}
    gateway = start(**options)
    wire.request(gateway.port, "PUT", "/metrics/job/a", b"a 1\n")
    getattr(gateway, end)()
    again = start(port=gateway.port, **options)
    assert b'a{instance="",job="a"} 1\n' in wire.request(again.port, "GET", "/metrics").body


def test_crash_loses_unwritten_changes(start: Start, tmp_path: Path) -> None:
    options: dict[str, Any] = {"persistence_file": str(tmp_path / "file"), "persistence_interval": 3600.0}
    gateway = start(**options)
    wire.request(gateway.port, "PUT", "/metrics/job/a", b"a 1\n")
    gateway.crash()
    gateway = start(**options)
    assert gateway.store.groups() == []
    wire.request(gateway.port, "PUT", "/metrics/job/a", b"a 1\n")
    gateway.stop()
    assert len(start(**options).store.groups()) == 1


def test_persistence_file_may_be_set_later(start: Start, tmp_path: Path) -> None:
    gateway = start()
    wire.request(gateway.port, "PUT", "/metrics/job/a", b"a 1\n")
    gateway.persist(str(tmp_path / "file"))
    wire.request(gateway.port, "PUT", "/metrics/job/b", b"a 1\n")
    gateway.crash()
    assert len(start(persistence_file=str(tmp_path / "file")).store.groups()) == 2


def test_body_size(start: Start) -> None:
    gateway = start(max_body_size=100)
    target = "/metrics/job/a"
    assert wire.request(gateway.port, "PUT", target, b"a 1\n" * 25).status == 400
    response = wire.request(gateway.port, "PUT", target, b"#" * 100 + b"\n")
    assert (response.status, response.body) == (413, b"request body too large: the limit is 100 bytes\n")
    chunk = b"%x\r\n%b\r\n" % (60, b"#" * 60)
    head = b"PUT /metrics/job/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = wire.talk(gateway.port, head + chunk + chunk)
    assert answer.raw.startswith(b"HTTP/1.1 413 Request Entity Too Large\r\n")
    assert answer.end == "eof"


def test_decoded_body_size(start: Start) -> None:
    gateway = start(max_decoded_body_size=1000)
    bomb = gzip.compress(b"#" * 10_000_000)
    response = wire.request(gateway.port, "PUT", "/metrics/job/a", bomb, {"Content-Encoding": "gzip"})
    assert (response.status, response.body) == (413, b"the decoded body is longer than 1000 bytes\n")
    assert wire.request(gateway.port, "GET", "/-/healthy", bomb, {"Content-Encoding": "gzip"}).status == 200


def test_options_that_cannot_be_served() -> None:
    with pytest.raises(ValueError, match="telemetry path"):
        Gateway(Settings(telemetry_path="/status"))
    with pytest.raises(ValueError, match="missing protocol scheme"):
        Gateway(Settings(external_url=":80"))


def test_push_still_parsed_at_stop_has_no_effect(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    parsing, stopped = threading.Event(), threading.Event()
    records: list[Record] = []

    def parse_for_long(*arguments: Any, **options: Any) -> Any:
        parsing.set()
        assert stopped.wait(30)
        return parse_push(*arguments, **options)

    monkeypatch.setattr(push_body, "parse_push", parse_for_long)
    gateway = start(observer=records.append)
    with socket.create_connection((gateway.host, gateway.port)) as sock:
        sock.sendall(b"PUT /metrics/job/j HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\na 1\n")
        assert parsing.wait(30)
        (connection,) = gateway._server.connections()
        gateway.stop()
        stopped.set()
        assert connection.thread is not None
        connection.thread.join(30)
        assert sock.recv(100) == b""
    assert (records, gateway.store.groups()) == ([], [])
