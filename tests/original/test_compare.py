"""`--pushgateway-compare`: the original gets every request too, and each difference fails the test."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pytest_pushgateway import Pushgateway
from pytest_pushgateway.exposition import negotiation
from pytest_pushgateway.gateway.app import handling, json_api
from pytest_pushgateway.gateway.app.application import App
from pytest_pushgateway.gateway.groups import Verdict
from pytest_pushgateway.gateway.http.host import Answer, Incoming
from pytest_pushgateway.gateway.store.store import Store
from pytest_pushgateway.harness.behind import local
from pytest_pushgateway.original import comparison
from pytest_pushgateway.original.comparison import Companion, Difference, Tally
from pytest_pushgateway.original.process import Originals
from tests import peers

pytestmark = pytest.mark.conformance


@pytest.fixture(scope="module")
def originals() -> Iterator[Originals]:
    originals = Originals(str(peers.pushgateway_binary()))
    yield originals
    originals.stop()


@pytest.fixture
def tally(originals: Originals, monkeypatch: pytest.MonkeyPatch) -> Tally:
    tally = Tally()
    monkeypatch.setattr(local, "companion", Companion(originals, tally))
    return tally


def send(gateway: Pushgateway, method: str, path: str, body: bytes | None = None, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(gateway.url + path, body, named, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


TYPED = b'# HELP rows Rows that were copied.\n# TYPE rows gauge\nrows{table="a"} 7\n'

REQUESTS: list[tuple[str, str, bytes | None]] = [
    ("PUT", "/metrics/job/nightly", TYPED),
    ("POST", "/metrics/job/nightly/instance/a", b"other 1\n"),
    ("PUT", "/metrics/job@base64/bmlnaHRseQ==/path@base64/L3Zhcg==", b"third 1.5e3\n"),
    ("POST", "/metrics/job/second", b"# TYPE rows counter\nrows 1\n"),
    ("POST", "/metrics/job/second", b"rows{"),
    ("POST", "/metrics/job/second", b"rows 1 1700000000000\n"),
    (
        "PUT",
        "/metrics/job/nightly",
        b'# TYPE seconds histogram\nseconds_bucket{le="+Inf"} 2\nseconds_sum 3\nseconds_count 2\n',
    ),
    ("GET", "/metrics", None),
    ("GET", "/api/v1/metrics", None),
    ("GET", "/api/v1/status", None),
    ("GET", "/metrics/", None),
    ("GET", "/-/ready", None),
    ("HEAD", "/metrics", None),
    ("OPTIONS", "/metrics/job/nightly", None),
    ("PATCH", "/metrics/job/nightly", b"rows 1\n"),
    ("PUT", "/-/quit", b""),
    ("GET", "/nowhere", None),
    ("DELETE", "/metrics/job/nightly/instance/a", None),
    ("DELETE", "/metrics/job/never", None),
]


def play(gateway: Pushgateway) -> None:
    for method, path, body in REQUESTS:
        send(gateway, method, path, body)


@pytest.mark.filterwarnings("ignore::pytest_pushgateway.warnings.PushgatewayWarning")
@pytest.mark.parametrize(
    "options",
    [{}, {"consistency_check": False}, {"utf8_names": True}, {"route_prefix": "/pfx"}, {"telemetry_path": "/tele"}],
    ids=str,
)
def test_same_answers_do_not_differ(tally: Tally, options: dict[str, Any]) -> None:
    with Pushgateway(**options) as gateway:
        play(gateway)
        gateway.reset()
        play(gateway)
        gateway.restart()
        assert send(gateway, "POST", "/metrics/job/after", b"after 1\n") in (200, 202)
        gateway.crash()
        assert send(gateway, "POST", "/metrics/job/after", b"after 2\n") in (200, 202)
        gateway.stop()
        gateway.start()
        assert send(gateway, "POST", "/metrics/job/after", b"after 3\n") in (200, 202)
    assert (tally.left_out, tally.differences) == (0, 0)
    assert tally.compared >= 2 * len(REQUESTS) + 3


def test_two_gateways_have_an_original_each(tally: Tally) -> None:
    with Pushgateway() as first, Pushgateway() as second:
        send(first, "PUT", "/metrics/job/a", b"rows 1\n")
        send(second, "PUT", "/metrics/job/b", b"# TYPE rows counter\nrows 1\n")
        send(first, "PUT", "/metrics/job/c", b"rows 1\n")
    assert (tally.compared, tally.differences) == (3, 0)


def test_requests_under_a_fault_are_not_compared(tally: Tally) -> None:
    with Pushgateway() as gateway:
        with gateway.faults.error(503):
            assert send(gateway, "PUT", "/metrics/job/never", b"rows 1\n") == 503
        with gateway.faults.error(503, after=True):
            assert send(gateway, "PUT", "/metrics/job/stored", b"rows 1\n") == 503
        with gateway.faults.delay(0.001):
            assert send(gateway, "PUT", "/metrics/job/late", b"rows 1\n") == 200
        assert send(gateway, "PUT", "/metrics/job/compared", b"rows 1\n") == 200
    assert vars(tally) == {"compared": 1, "left_out": 3, "differences": 0}


def test_chunked_and_compressed_requests_arrive_as_they_were(tally: Tally) -> None:
    import gzip
    import socket

    with Pushgateway() as gateway:
        send(gateway, "PUT", "/metrics/job/packed", gzip.compress(b"rows 7\n"), Content_Encoding="gzip")
        with socket.create_connection((gateway.host, gateway.port), timeout=30) as client:
            client.sendall(
                b"PUT /metrics/job/chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"4\r\nrows\r\n3\r\n 7\n\r\n0\r\n\r\n"
                b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            )
            while client.recv(65536):
                pass
        gateway.assert_exposed("rows", 7, job="chunked")
    assert vars(tally) == {"compared": 3, "left_out": 0, "differences": 0}


# Ten faults of ours, planted: each changes what one of the requests above gets.


def changed_answer(where: Callable[[Incoming, Answer], bool], **changes: Any) -> Callable[[pytest.MonkeyPatch], None]:
    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        before = App.__call__

        def call(self: App, incoming: Incoming) -> Answer:
            answer = before(self, incoming)
            return answer._replace(**changes) if where(incoming, answer) else answer

        monkeypatch.setattr(App, "__call__", call)

    return plant


def wrong_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handling, "_INCONSISTENT", "pushed metrics are inconsistent")


def lost_deletion(monkeypatch: pytest.MonkeyPatch) -> None:
    def delete(self: Store, key: Any, *, generation: int | None = None) -> Any:
        return Verdict(True, matched=True)

    monkeypatch.setattr(Store, "delete", delete)


def put_that_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Store.push

    def push(self: Store, *args: Any, replace: bool, **options: Any) -> Any:
        return before(self, *args, replace=False, **options)

    monkeypatch.setattr(Store, "push", push)


def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Store.push

    def push(self: Store, *args: Any, check: bool, **options: Any) -> Any:
        return before(self, *args, check=False, **options)

    monkeypatch.setattr(Store, "push", push)


def wrong_value(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Store.gather

    def gather(self: Store, form: negotiation.Format) -> list[bytes]:
        return [piece.replace(b"1500", b"1.5e+03") for piece in before(self, form)]

    monkeypatch.setattr(Store, "gather", gather)


def wrong_document(monkeypatch: pytest.MonkeyPatch) -> None:
    before = json_api.JsonApi.respond

    def respond(self: json_api.JsonApi, handler: str) -> Answer:
        answer = before(self, handler)
        return answer._replace(blocks=[piece.replace(b"GAUGE", b"UNTYPED") for piece in answer.blocks])

    monkeypatch.setattr(json_api.JsonApi, "respond", respond)


PLANTED = {
    "status": changed_answer(lambda incoming, answer: answer.status == 202, status=200),
    "words of a rejection": wrong_words,
    "body of a success": changed_answer(lambda incoming, answer: incoming.head.target == "/-/ready", blocks=[b"ok"]),
    "deletion": lost_deletion,
    "PUT": put_that_keeps,
    "consistency check": unchecked,
    "format of a value": wrong_value,
    "JSON document": wrong_document,
    "redirect": changed_answer(lambda incoming, answer: 300 < answer.status < 400, status=302),
    "content type": changed_answer(
        lambda incoming, answer: incoming.head.target.startswith("/api"), headers=[("Content-Type", "text/plain")]
    ),
}


@pytest.mark.filterwarnings("ignore::pytest_pushgateway.warnings.PushgatewayWarning")
@pytest.mark.parametrize("planted", PLANTED)
def test_planted_fault_is_found(tally: Tally, monkeypatch: pytest.MonkeyPatch, planted: str) -> None:
    PLANTED[planted](monkeypatch)
    monkeypatch.setattr(comparison, "_SETTLE", 0.5)  # seconds that each difference of the scrapes costs here
    gateway = Pushgateway().start()
    play(gateway)
    with pytest.raises(Difference) as raised:
        gateway.stop()

    lines = str(raised.value).splitlines()
    assert lines[0].startswith("the gateway and Pushgateway 1.11.")
    assert any(line.strip().startswith("request:  ") and " curl -sS" in line for line in lines)
    assert tally.differences > 0


def test_difference_shows_both_answers_and_the_request(tally: Tally, monkeypatch: pytest.MonkeyPatch) -> None:
    PLANTED["status"](monkeypatch)
    gateway = Pushgateway().start()
    send(gateway, "DELETE", "/metrics/job/nightly")
    with pytest.raises(Difference) as raised:
        gateway.stop()
    first, *lines = str(raised.value).splitlines()
    assert first.endswith("differ in the status: DELETE /metrics/job/nightly HTTP/1.1")
    assert lines == [
        "  ours:     200 OK",
        "  original: 202 Accepted",
        "  request:  curl -sS --path-as-is -X DELETE -H 'Accept-Encoding: identity' "
        "'http://127.0.0.1:9091/metrics/job/nightly'",
        "Unless the page 'Deviations from the original' lists it, report it with these lines.",
    ]
