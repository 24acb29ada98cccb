"""Faults, over the wire: what a client meets, what is stored, and how faults end."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from datetime import datetime, timezone
from typing import Any

import freezegun
import pytest
from prometheus_client import CollectorRegistry, Gauge, push_to_gateway

from pytest_pushgateway import MakePushgateway, Pushgateway, Request
from pytest_pushgateway.gateway.hooks import Plan, RawRequest
from pytest_pushgateway.harness.faults.faults import Faults

pytestmark = pytest.mark.filterwarnings("ignore::pytest_pushgateway.UnusedFaultWarning")


def put(gateway: Pushgateway, body: str = "backup_bytes 7\n", *, method: str = "PUT", timeout: float = 10) -> int:
    """Push as an application does and return the status of the answer."""
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=timeout)
    try:
        connection.request(method, "/metrics/job/backup", body if method != "DELETE" else None)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def test_error_is_answered_and_nothing_stored(pushgateway: Pushgateway) -> None:
    with pushgateway.faults.error(503) as fault:
        assert put(pushgateway) == 503

    assert put(pushgateway) == 200
    assert fault.hits == 1
    assert [push.fault for push in pushgateway.pushes] == ["error(503)", None]
    assert pushgateway.pushes[0].error == "Service Unavailable"


def test_error_has_given_body_and_headers(pushgateway: Pushgateway) -> None:
    pushgateway.faults.error(429, body="slow down", headers={"Retry-After": "7", "content-type": "text/x"})
    connection = http.client.HTTPConnection(pushgateway.host, pushgateway.port)
    connection.request("PUT", "/metrics/job/backup", "backup_bytes 7\n")
    response = connection.getresponse()

    assert (response.status, response.read()) == (429, b"slow down")
    assert (response.headers["Retry-After"], response.headers["Content-Type"]) == ("7", "text/x")
    connection.close()


def test_unknown_status_also_has_body(pushgateway: Pushgateway) -> None:
    pushgateway.faults.error(599)

    assert put(pushgateway) == 599
    assert pushgateway.pushes[0].error == "status 599"


def test_times_ends_a_fault(pushgateway: Pushgateway) -> None:
    fault = pushgateway.faults.error(503, times=2)
    assert repr(fault) == "<Fault error(503), active, 0 of 2 hits>"

    assert [put(pushgateway) for _ in range(3)] == [503, 503, 200]
    assert (fault.hits, fault.active) == (2, False)
    assert repr(fault) == "<Fault error(503), over, 2 of 2 hits>"


def test_error_after_push_took_effect(pushgateway: Pushgateway) -> None:
    with pushgateway.faults.error(503, after=True):
        assert put(pushgateway) == 503

    pushgateway.assert_exposed("backup_bytes", 7)
    pushgateway.assert_pushed("backup_bytes", 7)
    assert pushgateway.pushes[0].fault == "error(503, after=True)"


def test_delay_stores(pushgateway: Pushgateway) -> None:
    before = time.monotonic()
    with pushgateway.faults.delay(0.2):
        assert put(pushgateway) == 200

    assert time.monotonic() - before >= 0.2
    pushgateway.assert_exposed("backup_bytes", 7)
    assert pushgateway.pushes[0].fault == "delay(0.2)"


def test_delay_passes_while_time_is_frozen(pushgateway: Pushgateway) -> None:
    with freezegun.freeze_time("2001-02-03"), pushgateway.faults.delay(0.05):
        assert put(pushgateway) == 200
    assert pushgateway.pushes[0].at == datetime(2001, 2, 3, tzinfo=timezone.utc).timestamp()


def test_delay_exceeds_timeout_of_client(pushgateway: Pushgateway) -> None:
    registry = CollectorRegistry()
    Gauge("backup_bytes", "Size", registry=registry).set(7)

    with pushgateway.faults.delay(60), pytest.raises(TimeoutError):
        push_to_gateway(pushgateway.address, job="backup", registry=registry, timeout=0.1)


def test_hang_is_never_answered_and_stores_nothing(pushgateway: Pushgateway) -> None:
    with pushgateway.faults.hang() as fault:
        with pytest.raises(TimeoutError):
            put(pushgateway, timeout=0.1)
        pushgateway.wait_until(lambda: pushgateway.pushes)

    assert fault.hits == 1
    pushgateway.assert_not_exposed()
    assert [(push.fault, push.status) for push in pushgateway.pushes] == [("hang()", 0)]


def test_hang_after_push_took_effect(pushgateway: Pushgateway) -> None:
    with pushgateway.faults.hang(after=True):
        with pytest.raises(TimeoutError):
            put(pushgateway, timeout=0.1)
        pushgateway.wait_until(lambda: pushgateway.pushes)

    pushgateway.assert_exposed("backup_bytes", 7)


@pytest.mark.parametrize("release", ["remove", "clear", "reset", "stop"])
def test_hang_is_released(make_pushgateway: MakePushgateway, release: str) -> None:
    gateway = make_pushgateway()
    fault = gateway.faults.hang(times=1)
    ended = threading.Event()

    def push() -> None:
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            put(gateway)
        ended.set()

    thread = threading.Thread(target=push)
    thread.start()
    gateway.wait_until(lambda: fault.hits == 1)
    {"remove": fault.remove, "clear": gateway.faults.clear, "reset": gateway.reset, "stop": gateway.stop}[release]()

    assert ended.wait(5)
    thread.join()


@pytest.mark.parametrize("release", ["remove", "clear"])
def test_hang_removed_before_its_wait_begins(
    make_pushgateway: MakePushgateway, monkeypatch: pytest.MonkeyPatch, release: str
) -> None:
    """A test may see the hit, and remove the fault, before the request's thread waits."""
    gateway = make_pushgateway()
    fault = gateway.faults.hang(times=1)
    make_plan = Faults._plan

    def plan(faults: Faults, request: RawRequest) -> Plan | None:
        found = make_plan(faults, request)
        {"remove": fault.remove, "clear": faults.clear}[release]()
        return found

    monkeypatch.setattr(Faults, "_plan", plan)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        put(gateway)


def test_push_released_by_reset_is_neither_stored_nor_journalled(pushgateway: Pushgateway) -> None:
    fault = pushgateway.faults.delay(60)

    def push() -> None:
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            put(pushgateway)

    thread = threading.Thread(target=push)
    thread.start()
    pushgateway.wait_until(lambda: fault.hits == 1)
    pushgateway.reset()
    thread.join()

    assert (pushgateway.requests, pushgateway.groups) == ([], [])
    assert put(pushgateway) == 200


def test_disconnect_resets_connection(pushgateway: Pushgateway) -> None:
    with pushgateway.faults.disconnect(), pytest.raises(ConnectionResetError):
        put(pushgateway)

    pushgateway.assert_not_exposed()
    assert [(push.fault, push.status) for push in pushgateway.pushes] == [("disconnect()", 0)]


def test_disconnect_after_push_took_effect(pushgateway: Pushgateway) -> None:
    with pushgateway.faults.disconnect(after=True), pytest.raises(ConnectionResetError):
        put(pushgateway)

    pushgateway.assert_exposed("backup_bytes", 7)


@pytest.mark.parametrize(("size", "received"), [(0, b""), (9, b"HTTP/1.1 "), (17, b"HTTP/1.1 200 OK\r\n")])
def test_truncated_answer_counts_from_status_line(pushgateway: Pushgateway, size: int, received: bytes) -> None:
    pushgateway.faults.truncate(size)
    with socket.create_connection((pushgateway.host, pushgateway.port), timeout=10) as connection:
        connection.sendall(b"PUT /metrics/job/backup HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\nbackup_bytes 7\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))

    assert answer == received
    pushgateway.assert_exposed("backup_bytes", 7)


def test_refused_connections_and_the_port_kept(pushgateway: Pushgateway) -> None:
    port = pushgateway.port
    with pushgateway.faults.refuse():
        with pytest.raises(ConnectionRefusedError):
            put(pushgateway)
        with pytest.raises(ConnectionRefusedError):
            pushgateway.push("backup_bytes 7\n", job="backup")

    assert put(pushgateway) == 200
    assert pushgateway.port == port
    assert len(pushgateway.pushes) == 1


def test_refuse_ends_when_the_last_one_does(pushgateway: Pushgateway) -> None:
    first, second = pushgateway.faults.refuse(), pushgateway.faults.refuse()
    first.remove()
    with pytest.raises(ConnectionRefusedError):
        put(pushgateway)
    second.remove()
    second.remove()

    assert put(pushgateway) == 200


def test_reset_ends_refusal(pushgateway: Pushgateway) -> None:
    pushgateway.faults.refuse()
    pushgateway.reset()

    assert put(pushgateway) == 200


def test_faults_meet_pushes_and_deletions_only(pushgateway: Pushgateway) -> None:
    with pushgateway.faults.error(503) as fault:
        assert put(pushgateway, method="POST") == 503
        assert put(pushgateway, method="DELETE") == 503
        connection = http.client.HTTPConnection(pushgateway.host, pushgateway.port)
        connection.request("GET", "/metrics")
        assert connection.getresponse().status == 200
        connection.close()

    assert fault.hits == 2


def test_methods_paths_and_predicates_select_requests(pushgateway: Pushgateway) -> None:
    with pushgateway.faults.error(500, methods="delete") as by_method:
        assert (put(pushgateway), put(pushgateway, method="DELETE")) == (200, 500)
    with pushgateway.faults.error(500, methods=["PUT", "DELETE"], paths="/metrics/job/b*") as by_both:
        assert (put(pushgateway), put(pushgateway, method="POST")) == (500, 200)
    with pushgateway.faults.error(500, paths=["/other"]) as by_path:
        assert put(pushgateway) == 200

    def large(request: Request) -> bool:
        return request.job == "backup" and len(request.body) > 20

    with pushgateway.faults.error(500, when=large) as by_predicate:
        assert (put(pushgateway), put(pushgateway, "backup_bytes 7\nbackup_files 3\n")) == (200, 500)
    assert [fault.hits for fault in (by_method, by_both, by_path, by_predicate)] == [1, 1, 0, 1]


def test_fault_can_meet_scrapes(pushgateway: Pushgateway) -> None:
    pushgateway.faults.error(500, paths="/metrics")
    connection = http.client.HTTPConnection(pushgateway.host, pushgateway.port)
    connection.request("GET", "/metrics")

    assert connection.getresponse().status == 500
    connection.close()


def test_requests_of_the_test_meet_no_fault(pushgateway: Pushgateway) -> None:
    pushgateway.faults.error(503)
    pushgateway.faults.error(503, paths="*")

    assert pushgateway.push("backup_bytes 7\n", job="backup").status == 200
    assert pushgateway.scrape().status == 200


def test_faults_are_stacked_in_order(pushgateway: Pushgateway) -> None:
    pushgateway.faults.error(503, times=1)
    pushgateway.faults.delay(0.01)
    pushgateway.faults.truncate(9, times=1)
    pushgateway.faults.error(500, times=2)
    assert repr(pushgateway.faults) == "<Faults: error(503), delay(0.01), truncate(9), error(500)>"

    assert put(pushgateway) == 503
    with pytest.raises(http.client.HTTPException):
        put(pushgateway)
    assert put(pushgateway) == 500
    assert put(pushgateway) == 200
    assert [push.fault for push in pushgateway.pushes] == [
        "error(503)",
        "delay(0.01), truncate(9), error(500)",
        "delay(0.01), error(500)",
        "delay(0.01)",
    ]


def test_fault_under_tls(make_pushgateway: MakePushgateway, certificate: tuple[str, str]) -> None:
    ca = certificate[0].replace("cert.pem", "ca.pem")
    gateway = make_pushgateway(tls=(*certificate, ca))
    context = ssl.create_default_context(cafile=gateway.ca_file)
    gateway.faults.error(503)
    connection = http.client.HTTPSConnection(gateway.host, gateway.port, context=context)
    connection.request("PUT", "/metrics/job/backup", "backup_bytes 7\n")

    assert connection.getresponse().status == 503
    connection.close()


def test_arguments_that_make_no_sense(pushgateway: Pushgateway) -> None:
    faults = pushgateway.faults
    with pytest.raises(ValueError, match="times must be a whole number of at least 1, not 0"):
        faults.error(503, times=0)
    with pytest.raises(ValueError, match="a status has three digits and is at least 200, not 100"):
        faults.error(100)
    with pytest.raises(ValueError, match=r"a delay is a number of seconds, not inf; to wait forever, use hang\(\)"):
        faults.delay(float("inf"))
    mistyped: Any = "503"
    with pytest.raises(ValueError, match="a status has three digits and is at least 200, not '503'"):
        faults.error(mistyped)
    with pytest.raises(ValueError, match="a delay is a number of seconds, not '503'"):
        faults.delay(mistyped)
    with pytest.raises(TypeError, match="when must be a callable, not '503'"):
        faults.hang(when=mistyped)
    with pytest.raises(ValueError, match=r"truncate\(\) takes a number of bytes, not -1"):
        faults.truncate(-1)
    assert len(faults) == 0


def test_stopped_gateway_cannot_refuse(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway()
    gateway.stop()

    with pytest.raises(RuntimeError, match="a stopped gateway already refuses connections"):
        gateway.faults.refuse()
    assert len(gateway.faults) == 0


@pytest.mark.parametrize("again", ["restart", "crash"])
def test_refusal_outlasts_restart(pushgateway: Pushgateway, again: str) -> None:
    put(pushgateway)
    with pushgateway.faults.refuse():
        getattr(pushgateway, again)()
        with pytest.raises(ConnectionRefusedError):
            put(pushgateway)

    pushgateway.assert_exposed("backup_bytes", 7)
    assert put(pushgateway) == 200


def test_refusing_gateway_stops_and_starts_without_fault(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway()
    gateway.faults.refuse()
    gateway.restart()
    gateway.stop()

    assert put(gateway.start()) == 200


def test_other_faults_outlast_a_restart_too(pushgateway: Pushgateway) -> None:
    fault = pushgateway.faults.error(503, times=2)
    assert put(pushgateway) == 503
    pushgateway.restart()

    assert [put(pushgateway), put(pushgateway), fault.hits] == [503, 200, 2]
