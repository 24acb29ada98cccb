"""Every public method of `Pushgateway`, once with a gateway in this process and once with one in another."""

from __future__ import annotations

import ast
import asyncio
import http.client
import math
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Histogram, Summary, push_to_gateway

from pytest_pushgateway import (
    NotExposed,
    Push,
    Pushgateway,
    PushgatewayError,
    PushgatewayWarning,
    PushRejected,
    RejectedPushWarning,
    UnusedFaultWarning,
    UselessDeleteWarning,
    connect,
)

from ..harness.application import InBackground, send
from .served import Served

SIZES = '# HELP backup_bytes Size.\n# TYPE backup_bytes gauge\nbackup_bytes{disk="sda"} 7\nbackup_bytes{disk="sdb"} 9\n'


@pytest.fixture(params=["in this process", "in another process"])
def gateway(request: pytest.FixtureRequest) -> Iterator[Pushgateway]:
    if request.param == "in this process":
        with Pushgateway() as gateway:
            yield gateway
    else:
        served: Served = request.getfixturevalue("served")
        with connect(served.url) as gateway:
            gateway.start()
            gateway.reset()
            yield gateway


def test_place(gateway: Pushgateway) -> None:
    assert gateway.url == f"http://127.0.0.1:{gateway.port}"
    assert gateway.address == f"127.0.0.1:{gateway.port}"
    assert gateway.host == "127.0.0.1"
    assert gateway.scheme == "http"
    assert gateway.ca_file is None
    assert gateway.running
    assert gateway.settings.telemetry_path == "/metrics"
    assert repr(gateway) == f"<Pushgateway {gateway.url}: no groups, no pushes>"


def test_groups(gateway: Pushgateway) -> None:
    send(gateway, SIZES, "/metrics/job/backup/instance/db1")
    send(gateway, "rows 7\n", "/metrics/job/nightly")

    assert [group.grouping_key for group in gateway.groups] == [
        {"job": "backup", "instance": "db1"},
        {"job": "nightly"},
    ]
    group = gateway.group(job="backup", instance="db1")
    assert group == {
        'backup_bytes{disk="sda",instance="db1",job="backup"}': 7,
        'backup_bytes{disk="sdb",instance="db1",job="backup"}': 9,
    }
    assert group.push_time == pytest.approx(gateway.clock(), abs=600)
    assert group.push_failure_time == 0
    with pytest.raises(NotExposed, match=r"nightly"):
        gateway.group(job="weekly")


def test_families_samples_and_values(gateway: Pushgateway) -> None:
    send(gateway, SIZES)

    assert [(family.name, family.type, family.help) for family in gateway.families] == [
        ("backup_bytes", "gauge", "Size.")
    ]
    assert gateway.family("backup_bytes") == gateway.families[0]
    assert [sample.value for sample in gateway.samples] == [7, 9]
    assert gateway.value("backup_bytes", disk="sda") == 7
    assert gateway.get_sample_value("backup_bytes", {"disk": "sdb", "job": "backup"}) == 9
    assert gateway.get_sample_value("backup_bytes", {"disk": "sdc", "job": "backup"}) is None
    with pytest.raises(NotExposed, match="backup_bytes"):
        gateway.family("backup_byte")


def test_all_types_of_metrics(gateway: Pushgateway) -> None:
    registry = CollectorRegistry()
    histogram = Histogram("copy_seconds", "Time.", buckets=(1, 5), registry=registry)
    histogram.observe(2)
    Summary("size_bytes", "Size.", registry=registry).observe(3)
    push_to_gateway(gateway.address, job="backup", registry=registry)
    send(gateway, "odd NaN\nlow -Inf\nhigh +Inf\nnone -0\n", "/metrics/job/odd")

    gateway.assert_exposed("copy_seconds_bucket", 1, le="5.0")
    gateway.assert_exposed("copy_seconds_bucket", 1, le="+Inf")
    gateway.assert_exposed("size_bytes_sum", 3)
    gateway.assert_exposed("odd", math.nan)
    gateway.assert_exposed("low", -math.inf)
    gateway.assert_exposed("high", math.inf)
    assert math.copysign(1, gateway.value("none")) == -1
    assert gateway.family("copy_seconds").type == "histogram"


def test_texts_of_any_kind_and_length(gateway: Pushgateway) -> None:
    long = "ü" * 3000
    gateway.push(f'rows{{text="a\\\\b\\"c\\nd",long="{long}"}} 7\n', job="ü / +")

    assert gateway.value("rows", job="ü / +", text='a\\b"c\nd', long=long) == 7
    assert gateway.group(job="ü / +").samples[0].labels["long"] == long


def test_pushes_requests_and_journal(gateway: Pushgateway) -> None:
    send(gateway, SIZES)
    send(gateway, method="DELETE")
    pushed = gateway.push("rows 7\n", job="mine")

    first, second = gateway.pushes
    assert (first.number, first.method, first.path, first.status) == (1, "PUT", "/metrics/job/backup", 200)
    assert first.accepted
    assert not first.rejected
    assert first.value("backup_bytes", disk="sdb") == 9
    assert first.body == SIZES.encode()
    assert first.headers["Host"] == gateway.address
    assert (first.origin, second.origin) == ("application", "test")
    assert second is pushed
    assert [request.kind for request in gateway.requests] == ["push", "delete", "push"]
    assert gateway.journal == gateway.requests
    assert all("test_pushes_requests_and_journal" in request.test for request in gateway.journal)


def test_values_that_were_pushed(gateway: Pushgateway) -> None:
    for rows in (1, 2, 3):
        send(gateway, f"rows {rows}\n")

    assert gateway.pushed_values("rows") == [1, 2, 3]


def test_snapshot_and_text(gateway: Pushgateway) -> None:
    send(gateway, SIZES)

    assert str(gateway.snapshot("backup_*", disk="sda")).splitlines() == [
        "# HELP backup_bytes Size.",
        "# TYPE backup_bytes gauge",
        'backup_bytes{disk="sda",instance="",job="backup"} 7',
    ]
    gateway.assert_exposed_text(
        """
        backup_bytes{disk="sda",job="backup"} 7
        backup_bytes{disk="sdb",job="backup"} 9
        """
    )
    with pytest.raises(AssertionError, match=r"\+backup_bytes.* 9"):
        gateway.assert_exposed_text('backup_bytes{disk="sda",job="backup"} 7\n')


def test_exposed_and_not_exposed(gateway: Pushgateway) -> None:
    send(gateway, SIZES)

    assert gateway.assert_exposed("backup_bytes", pytest.approx(7), disk=re.compile("sd.")).value == 7
    gateway.assert_not_exposed("backup_errors_total")
    gateway.assert_not_exposed("backup_bytes", 8)
    with pytest.raises(AssertionError, match=r"value is 7, expected 8") as caught:
        gateway.assert_exposed("backup_bytes", 8, disk="sda")
    assert str(caught.value).startswith('expected backup_bytes{disk="sda"} 8 to be exposed, but its value is 7\n')
    with pytest.raises(AssertionError, match="push 1"):
        gateway.assert_not_exposed("backup_bytes")


def test_pushed_and_not_pushed(gateway: Pushgateway) -> None:
    send(gateway, SIZES)

    assert gateway.assert_pushed("backup_bytes", 7, disk="sda").number == 1
    gateway.assert_not_pushed("backup_errors_total")
    with pytest.raises(AssertionError, match="expected rows to have been pushed"):
        gateway.assert_pushed("rows")
    with pytest.raises(AssertionError, match="backup_bytes"):
        gateway.assert_not_pushed("backup_bytes")


def test_deleted(gateway: Pushgateway) -> None:
    send(gateway, SIZES)
    send(gateway, method="DELETE")

    assert gateway.assert_deleted(job="backup").matched
    with pytest.raises(AssertionError, match="weekly"):
        gateway.assert_deleted(job="weekly")


def test_rejected_and_no_rejections(gateway: Pushgateway) -> None:
    gateway.assert_no_rejections()
    send(gateway, "# TYPE rows counter\nrows 7\n")
    assert send(gateway, "# TYPE rows gauge\nrows 7\n", "/metrics/job/other") == 400

    push = gateway.assert_rejected("rows.* is not a COUNTER", status=400, job="other")
    assert push.rejected
    assert push.error is not None
    with pytest.raises(AssertionError, match="rows") as caught:
        gateway.assert_no_rejections()
    assert "push 1" in str(caught.value)  # the one that it collided with
    with pytest.raises(PushRejected, match="push 1"):
        gateway.push("# TYPE rows gauge\nrows 7\n", job="mine")
    assert gateway.push("# TYPE rows gauge\nrows 7\n", job="mine", check=False).status == 400


def test_waiting_for_a_push(gateway: Pushgateway) -> None:
    first = gateway.push  # the test's own do not count
    first("rows 1\n", job="mine")
    with InBackground(lambda: send(gateway, "rows 7\n")):
        push = gateway.wait_for_push("rows", 7, timeout=60)
    with InBackground(lambda: send(gateway, "rows 8\n")):
        assert gateway.wait_for_push("rows", after=push, timeout=60).value("rows") == 8
    assert gateway.wait_for_push(count=2, timeout=0).number == 3
    with pytest.raises(AssertionError, match="which 2 came"):
        gateway.wait_for_push(count=3, timeout=0.01)


def test_waiting_for_a_predicate(gateway: Pushgateway) -> None:
    with InBackground(lambda: send(gateway, "rows 7\n")):
        assert gateway.wait_until(lambda: gateway.assert_exposed("rows", 7), timeout=60).value == 7
    with pytest.raises(AssertionError, match="its value is 7"):
        gateway.wait_until(lambda: gateway.assert_exposed("rows", 8), timeout=0.01)


def test_waiting_in_an_event_loop(gateway: Pushgateway) -> None:
    async def wait() -> Push:
        return await gateway.async_wait_for_push("rows", timeout=60)

    async def wait_until() -> list[Push]:
        return await gateway.async_wait_until(lambda: gateway.pushes, timeout=60)

    with InBackground(lambda: send(gateway, "rows 7\n")):
        assert asyncio.run(wait()).value("rows") == 7
    assert [push.number for push in asyncio.run(wait_until())] == [1]


FAULTS: dict[str, Callable[[Pushgateway], object]] = {
    "error": lambda gateway: gateway.faults.error(503, body="later", headers={"Retry-After": "1"}),
    "respond": lambda gateway: gateway.faults.respond([(503, "later", {"Retry-After": "1"})]),
    "respond always": lambda gateway: gateway.faults.respond((503, b"later", {"Retry-After": "1"})),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_faults_that_answer(gateway: Pushgateway, fault: Callable[[Pushgateway], object]) -> None:
    fault(gateway)
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=60)
    connection.request("PUT", "/metrics/job/backup", "rows 7\n")
    response = connection.getresponse()

    assert (response.status, response.read(), response.headers["Retry-After"]) == (503, b"later", "1")
    connection.close()
    assert gateway.pushes[0].fault is not None
    gateway.assert_not_exposed("rows")


def test_life_of_a_fault(gateway: Pushgateway) -> None:
    with gateway.faults.error(500, times=2, methods="PUT", paths="/metrics/job/b*", after=True) as fault:
        assert fault.active
        assert send(gateway, "rows 7\n") == 500
        assert send(gateway, "rows 7\n", "/metrics/job/other") == 200
        assert fault.hits == 1
        assert fault in gateway.faults
        assert len(gateway.faults) == 1
    assert not fault.active
    assert send(gateway, "rows 8\n") == 200
    gateway.assert_pushed("rows", 7, job="backup")  # it was stored, though the client had an error
    with pytest.warns(UnusedFaultWarning, match=r"error\(500, after=True\)"):
        gateway.reset()


def test_faults_without_an_answer(gateway: Pushgateway) -> None:
    gateway.faults.disconnect(times=1)
    with pytest.raises(OSError, match=r"reset|closed|aborted"):
        send(gateway)
    gateway.faults.truncate(5, times=1)
    with pytest.raises(http.client.HTTPException):
        send(gateway)
    gateway.faults.delay("10ms", times=1)
    assert send(gateway) == 200
    with gateway.faults.refuse(), pytest.raises(ConnectionRefusedError):
        send(gateway)
    with gateway.faults.refuse(), pytest.raises(ConnectionRefusedError, match=r"refuse\(\)"):
        gateway.push("rows 7\n", job="mine")
    assert send(gateway) == 200


def test_hanging_request_is_released(gateway: Pushgateway) -> None:
    gateway.faults.hang()
    caught: list[BaseException] = []

    def push() -> None:
        try:
            send(gateway)
        except (OSError, http.client.HTTPException) as error:
            caught.append(error)

    with InBackground(push):
        gateway.wait_until(lambda: gateway.pushes, timeout=60)
        gateway.faults.clear()
    assert caught


def test_clock(gateway: Pushgateway) -> None:
    with gateway.clock.freeze("2026-01-01T00:00:00Z"):
        assert gateway.clock.frozen
        gateway.clock.advance("1h")
        send(gateway)
        assert gateway.clock() == 1767229200.0
        assert gateway.group(job="backup").push_time == 1767229200.0
    assert not gateway.clock.frozen
    with pytest.raises(RuntimeError, match="frozen"):
        gateway.clock.advance(1)
    gateway.clock.freeze(1.0)
    gateway.clock.resume()
    assert gateway.clock() > 1767229200.0


def test_timeline(gateway: Pushgateway) -> None:
    gateway.clock.freeze(1000.0)
    send(gateway, "rows 7\n")
    gateway.clock.advance(60)
    send(gateway, "rows 8\n")
    timeline = gateway.timeline()

    assert [entry.time for entry in timeline][:2] == [1000.0, 1000.0]
    assert timeline[-1].time == 1060.0
    texts = [entry.text for entry in timeline if entry.text is not None]
    assert any(b"\nrows" in text and b"} 7\n" in text for text in texts)
    assert b'rows{instance="",job="backup"} 8\n' in texts[-1]


def test_lint(gateway: Pushgateway) -> None:
    send(gateway, "# HELP rows Rows.\n# TYPE rows counter\nrows 7\n")

    assert [str(problem) for problem in gateway.lint()] == [
        'rows: counter metrics should have "_total" suffix (push 1 (PUT job="backup"))'
    ]


def test_scrape(gateway: Pushgateway) -> None:
    send(gateway)
    scrape = gateway.scrape("text/plain;version=1.0.0;escaping=allow-utf-8")

    assert scrape.status == 200
    assert 'backup_bytes{instance="",job="backup"} 7\n' in scrape.text
    assert "escaping=allow-utf-8" in scrape.content_type
    assert gateway.requests[-1].kind == "scrape"
    assert gateway.requests[-1].origin == "test"


def test_stop_and_start(gateway: Pushgateway) -> None:
    send(gateway)
    gateway.stop()

    assert not gateway.running
    assert gateway.value("backup_bytes") == 7
    with pytest.raises(ConnectionRefusedError, match=r"call start\(\)"):
        gateway.push("rows 7\n", job="mine")
    with pytest.raises(ConnectionRefusedError):
        send(gateway)
    port = gateway.port
    assert gateway.start() is gateway
    assert gateway.running
    assert gateway.port == port


def test_restart_and_crash(gateway: Pushgateway) -> None:
    send(gateway)
    gateway.restart()
    assert gateway.value("backup_bytes") == 7
    send(gateway, "rows 7\n", "/metrics/job/nightly")
    gateway.crash()
    assert gateway.value("rows") == 7
    assert gateway.persistence_file.endswith(".sqlite")
    assert [push.number for push in gateway.pushes] == [1, 2]


def test_reset(gateway: Pushgateway) -> None:
    send(gateway)
    gateway.reset()

    assert gateway.groups == []
    assert gateway.journal == []
    send(gateway, "rows 7\n")
    assert [push.number for push in gateway.pushes] == [1]
    gateway.assert_not_exposed("backup_bytes")


def test_warnings(gateway: Pushgateway) -> None:
    send(gateway, "rows x\n")
    send(gateway, method="DELETE")
    with pytest.warns(PushgatewayWarning) as caught:
        gateway.reset()
    assert {warning.category for warning in caught} == {RejectedPushWarning, UselessDeleteWarning}
    send(gateway, "rows x\n")
    gateway.assert_rejected(status=400)


def test_mistakes(gateway: Pushgateway) -> None:
    with pytest.raises(TypeError, match=r"faults.error\(\) has no argument 'time'; did you mean 'times'"):
        gateway.faults.error(500, time=1)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="selector"):
        gateway.assert_exposed('rows{job="backup"}')
    with pytest.raises(AttributeError, match="did you mean 'pushes'"):
        _ = gateway.pushs  # type: ignore[attr-defined]
    with pytest.raises(PushgatewayError):
        gateway.push("rows 7\n", job="")


def exchange(connection: http.client.HTTPConnection, body: str) -> None:
    connection.request("PUT", "/metrics/job/backup", body)
    connection.getresponse().read()


def test_interception(gateway: Pushgateway) -> None:
    with gateway.intercept("pushgateway.monitoring:9091") as interception:
        connection = http.client.HTTPConnection("pushgateway.monitoring", 9091, timeout=60)
        exchange(connection, "rows 7\n")
    assert interception.connections == {"pushgateway.monitoring:9091": 1}
    assert gateway.assert_pushed("rows", 7).headers["Host"] == "pushgateway.monitoring:9091"
    with pytest.raises(OSError, match=r"closed|reset|aborted|pipe"):  # the end of the interception closed it
        exchange(connection, "rows 8\n")
    connection.close()


def test_of_many_threads(gateway: Pushgateway) -> None:
    def push(worker: int) -> None:
        for number in range(5):
            send(gateway, f"rows {number}\n", f"/metrics/job/backup/worker/{worker}")
            gateway.assert_exposed("rows", number, worker=str(worker))

    workers = [threading.Thread(target=push, args=(worker,)) for worker in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()

    assert len(gateway.pushes) == 20
    assert len(gateway.groups) == 4


def test_every_public_name_is_in_these_tests() -> None:
    tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}

    assert {name for name in dir(Pushgateway) if not name.startswith("_")} - used == set()
