"""Hook, observer, reset, release: what the harness builds on."""

from __future__ import annotations

import math
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from pytest_pushgateway.gateway.gateway import Gateway
from pytest_pushgateway.gateway.hooks import Plan, RawRequest, Record
from pytest_pushgateway.gateway.store.store import StoredGroup
from tests import wire

Start = Callable[..., Gateway]

PUSH = b"PUT /metrics/job/a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\na 1\n"
KEY = ((b"job", b"a"),)


class Records(list[Record]):
    """An observer."""

    def __call__(self, record: Record) -> None:
        self.append(record)


class Asker:
    """Whoever asks for a plan."""


ME, SOMEBODY_ELSE = Asker(), Asker()


def stored(gateway: Gateway) -> StoredGroup | None:
    return next((group for group in gateway.store.groups() if group.key == KEY), None)


def test_record_holds_request_and_outcome(start: Start) -> None:
    records = Records()
    gateway = start(observer=records, clock=lambda: 1_700_000_000.0)
    body = b"a 1\n"
    wire.request(gateway.port, "PUT", "/metrics/job/a?x=%20", body, {"Content-Type": "text/plain", "X-Two": "2"})
    [record] = records
    request = record.request
    assert (request.method, request.target, request.body) == ("PUT", "/metrics/job/a?x=%20", body)
    assert (request.kind, request.handler, request.key) == ("push", "push", KEY)
    assert request.headers["x-two"] == "2"
    assert request.header("CONTENT-TYPE") == "text/plain"
    assert request.header("nothing") is None
    assert request.received_at == 1_700_000_000.0
    assert request.remote_address.startswith("127.0.0.1:")
    assert (record.status, record.error, record.plan) == (200, None, None)
    assert record.verdict is not None
    assert record.verdict.accepted
    assert record.parsed is not None
    assert list(record.parsed.families) == [b"a"]
    assert record.duration > 0


@pytest.mark.parametrize(
    ("method", "target", "kind", "handler", "status"),
    [
        ("PUT", "/metrics/job/a", "push", "push", 200),
        ("POST", "/metrics/job/a/b", "push", "push", 400),
        ("DELETE", "/metrics/job/a", "delete", "delete", 202),
        ("GET", "/metrics", "scrape", "metrics", 200),
        ("PUT", "/api/v1/admin/wipe", "wipe", "wipe", 202),
        ("GET", "/-/healthy", "other", "healthy", 200),
        ("PUT", "/metrics//job/a", "other", "", 307),
        ("GET", "/nothing", "other", "", 404),
        ("GET", "/", "other", "status", 200),
        ("GET", "/-/state", "other", "state", 200),
        ("GET", "/static/nothing", "other", "static", 404),
    ],
)
def test_kinds(start: Start, method: str, target: str, kind: str, handler: str, status: int) -> None:
    records = Records()
    gateway = start(observer=records, enable_admin_api=True)
    wire.request(gateway.port, method, target)
    assert [(r.request.kind, r.request.handler, r.status) for r in records] == [(kind, handler, status)]


def test_record_is_there_before_answer(start: Start) -> None:
    records = Records()
    gateway = start(observer=records)
    with socket.create_connection(("127.0.0.1", gateway.port)) as sock:
        for number in range(1, 300):
            sock.sendall(PUSH)
            assert sock.recv(1) == b"H"
            assert len(records) == number
            sock.recv(65536)


def test_errors_are_recorded_in_the_answers_words(start: Start) -> None:
    records = Records()
    gateway = start(observer=records)
    for body in (b"a b\n", b"a 1 1\n"):
        assert wire.request(gateway.port, "PUT", "/metrics/job/a", body).body.decode() == f"{records[-1].error}\n"
    assert [record.status for record in records] == [400, 400]
    assert [record.parsed is None for record in records] == [True, False]


def test_silent_rejection_is_recorded(start: Start) -> None:
    records = Records()
    gateway = start(observer=records, consistency_check=False)
    assert wire.request(gateway.port, "PUT", "/metrics/job/a", b"a 1 1\n").status == 202
    assert records[0].error is not None
    assert records[0].error.endswith("pushed metrics must not have timestamps")


def hooked(start: Start, plan: Plan, records: Records | None = None, **options: Any) -> Gateway:
    def hook(request: RawRequest) -> Plan | None:
        return plan if request.kind == "push" else None

    return start(hook=hook, observer=records, **options)


def test_planned_error_stores_nothing(start: Start) -> None:
    records = Records()
    plan = Plan("error", status=503, body=b"overloaded\n", headers=(("Retry-After", "1"),), store=False)
    gateway = hooked(start, plan, records)
    response = wire.request(gateway.port, "PUT", "/metrics/job/a", b"a 1\n")
    assert (response.status, response.body, response.headers["Retry-After"]) == (503, b"overloaded\n", "1")
    assert stored(gateway) is None
    assert [(r.status, r.error, r.plan, r.request.body) for r in records] == [(503, "overloaded", plan, b"a 1\n")]


@pytest.mark.parametrize(
    ("status", "line"), [(418, b"I'm a teapot"), (502, b"Bad Gateway"), (599, b"status code 599"), (204, b"No Content")]
)
def test_any_status_can_be_planned(start: Start, status: int, line: bytes) -> None:
    gateway = hooked(start, Plan("error", status=status, store=False))
    assert wire.talk(gateway.port, PUSH).raw.startswith(b"HTTP/1.1 %d %s\r\n" % (status, line))


def test_planned_error_may_come_after_storing(start: Start) -> None:
    records = Records()
    gateway = hooked(start, Plan("error", status=500, after=True), records)
    assert wire.request(gateway.port, "PUT", "/metrics/job/a", b"a 1\n").status == 500
    assert stored(gateway) is not None
    verdict = records[0].verdict
    assert verdict is not None
    assert verdict.accepted


def test_delay_stores_afterwards(start: Start) -> None:
    gateway = hooked(start, Plan("delay", wait=math.inf, owner=ME))
    answers: list[int] = []

    def push() -> None:
        answers.append(wire.request(gateway.port, "PUT", "/metrics/job/a", b"a 1\n").status)

    thread = threading.Thread(target=push)
    thread.start()
    wire.wait_until(lambda: gateway._server._waits)
    assert stored(gateway) is None
    gateway.release(SOMEBODY_ELSE)
    assert not answers
    gateway.release(ME)
    thread.join()
    assert answers == [200]
    assert stored(gateway) is not None


@pytest.mark.parametrize("after", [False, True])
def test_hang_is_recorded_while_it_hangs(start: Start, after: bool) -> None:
    records = Records()
    gateway = hooked(start, Plan("hang", wait=math.inf, store=after, after=after), records)
    with socket.create_connection(("127.0.0.1", gateway.port)) as sock:
        sock.sendall(PUSH)
        wire.wait_until(lambda: records)
        assert [(record.status, record.request.body) for record in records] == [(0, b"a 1\n")]
        assert (stored(gateway) is not None) is after
        gateway.release()
        # Without its own answer there is none.
        assert sock.recv(12) == (b"HTTP/1.1 200" if after else b"")
    assert len(records) == 1


def test_disconnect_and_cut_are_recorded(start: Start) -> None:
    records = Records()
    gateway = hooked(start, Plan("disconnect", disconnect=True, store=False), records)
    assert wire.talk(gateway.port, PUSH) == wire.Answer(b"", "reset")
    gateway = hooked(start, Plan("truncate", cut_after=9), records)
    assert wire.talk(gateway.port, PUSH) == wire.Answer(b"HTTP/1.1 ", "eof")
    assert [record.status for record in records] == [0, 200]
    assert stored(gateway) is not None


def test_request_half_sent_at_reset_is_answered_and_not_recorded(start: Start) -> None:
    records = Records()
    gateway = start(observer=records)
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as old:
        old.sendall(PUSH[:-2])
        wire.wait_until(lambda: any(one.busy for one in gateway._server.connections()))
        gateway.reset()
        old.sendall(PUSH[-2:])
        assert old.recv(12) == b"HTTP/1.1 200"
    assert wire.request(gateway.port, "PUT", "/metrics/job/new", b"a 1\n").status == 200
    assert [record.request.key for record in records] == [((b"job", b"new"),)]
    assert [group.key for group in gateway.store.groups()] == [((b"job", b"new"),)]


def test_request_in_progress_at_reset_is_answered_and_not_recorded(start: Start) -> None:
    records = Records()
    inside, go = threading.Event(), threading.Event()

    def hook(request: RawRequest) -> None:
        inside.set()
        go.wait(10)

    gateway = start(observer=records, hook=hook)
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as old:
        old.sendall(PUSH)
        inside.wait(10)
        gateway.reset()
        go.set()
        assert old.recv(12) == b"HTTP/1.1 200"
    assert records == []
    assert gateway.store.groups() == []


def test_refuse_and_unrefuse(start: Start) -> None:
    gateway = start()
    wire.request(gateway.port, "PUT", "/metrics/job/a", b"a 1\n")
    gateway.refuse()
    assert wire.is_refused(gateway.port)
    gateway.unrefuse()
    assert b'a{instance="",job="a"} 1\n' in wire.request(gateway.port, "GET", "/metrics").body
    gateway.refuse()
    gateway.stop()


def test_failing_observer_is_an_error_of_the_gateway(start: Start) -> None:
    def observer(record: Record) -> None:
        raise LookupError("a bug")

    gateway = start(observer=observer)
    assert wire.request(gateway.port, "PUT", "/metrics/job/a", b"a 1\n").status == 500
    assert [str(error) for error in gateway.errors] == ["a bug"]
    gateway.errors.clear()


def test_quit_stops_the_gateway_after_its_answer(start: Start) -> None:
    gateway = start(enable_lifecycle=True)
    response = wire.request(gateway.port, "PUT", "/-/quit")
    assert (response.status, response.body) == (200, b"Requesting termination... Goodbye!")
    wire.wait_until(lambda: wire.is_refused(gateway.port))
