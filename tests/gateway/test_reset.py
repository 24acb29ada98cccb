"""A reset: everything is gone at once, and requests from before it do nothing any more."""

from __future__ import annotations

import gc
import http.client
import socket
import threading
import weakref
from collections import deque

import pytest

from pytest_pushgateway import Settings
from pytest_pushgateway.gateway.gateway import Gateway
from pytest_pushgateway.gateway.hooks import RawRequest, Record
from pytest_pushgateway.gateway.store.store import Store
from tests import wire
from tests.gateway.held import Held, key
from tests.systems import needs_counted_references


def test_reset_empties_store_and_counts() -> None:
    gateway = Held()
    gateway.put("a 1\n", job="j")
    gateway.put("", job=b"\xff")
    gateway.own.observe_request("push", 200, "PUT")
    assert gateway.store.poisoned() is not None
    gateway.store.reset()
    assert gateway.store.poisoned() is None
    assert gateway.store.groups() == []
    assert list(gateway.store.names()) == []
    assert "pushgateway_http_requests_total" not in gateway.scrape()
    assert gateway.put("# TYPE a gauge\na 1\n", job="j").accepted
    assert gateway.exposed() == '# TYPE a gauge\na{instance="",job="j"} 1\n'


def test_requests_of_an_old_generation_do_nothing() -> None:
    gateway = Held()
    store, group = gateway.store, key(job="j")
    old = store.generation
    assert store.push(group, gateway.parse("a 1\n", group), replace=True, generation=old).accepted
    store.reset()
    assert store.generation == old + 1
    gateway.put("b 1\n", job="j")
    for verdict in (
        store.push(group, gateway.parse("c 1\n", group), replace=True, generation=old),
        store.push(group, gateway.parse("c 1 2\n", group), replace=True, generation=old),
        store.delete(group, generation=old),
        store.wipe(generation=old),
    ):
        assert verdict.stale
        assert not verdict.accepted
    assert gateway.exposed() == '# TYPE b untyped\nb{instance="",job="j"} 1\n'
    assert store.delete(group, generation=store.generation).matched
    assert not store.wipe(generation=store.generation).stale


@needs_counted_references
def test_old_store_is_freed_by_a_short_lived_thread() -> None:
    gateway = Held()
    for number in range(3):
        gateway.put("".join(f'a{{x="{each}"}} 1\n' for each in range(3000)), job=f"j{number}")
        gateway.put("".join(f"b{each} 1\n" for each in range(600)), job=f"k{number}")
        gateway.scrape()
        index = weakref.ref(gateway.store._state.index)
        gateway.store.reset()
    gateway.store.close()
    assert index() is None
    Store(self_metrics=gateway.own).close()


@needs_counted_references
def test_thread_that_frees_a_store_frees_other_objects_too() -> None:
    gateway = Held()
    gateway.put("a 1\n", job="j")
    entries = deque({number} for number in range(2000))
    last = weakref.ref(entries[-1])

    gateway.store.reset(entries)
    gateway.store.close()

    assert (len(entries), last()) == (0, None)


@needs_counted_references
def test_small_store_needs_no_thread_and_leaves_no_cycle() -> None:
    gateway = Held()
    gateway.put("a 1\nb 2\n", job="j")
    gateway.scrape()
    index = weakref.ref(gateway.store._state.index)
    gc.collect()
    gc.disable()
    try:
        gateway.store.reset()
        assert index() is None
    finally:
        gc.enable()


def test_scrape_under_way_during_reset() -> None:
    gateway = Held()
    gateway.put("".join(f"a{number} 1\n" for number in range(2000)), job="j")
    state = gateway.store._state
    bodies = list[str]()
    scraping = threading.Thread(target=lambda: bodies.append(gateway.scrape()))
    with state.scrape_lock:
        scraping.start()
        gateway.store.reset()
    scraping.join()
    assert "a0" not in bodies[0]
    gateway.store.close()


BEFORE = [
    (b"PUT /metrics/job/j", b"late 1\n", b"HTTP/1.1 200 OK"),
    (b"POST /metrics/job/j", b"not metrics\n", b"HTTP/1.1 400 Bad Request"),
    (b"PUT /metrics/job/j", b"late 1\nlate 1\n", b"HTTP/1.1 400 Bad Request"),
    (b"DELETE /metrics/job/j", b"", b"HTTP/1.1 202 Accepted"),
    (b"PUT /api/v1/admin/wipe", b"", b"HTTP/1.1 202 Accepted"),
    (b"PUT /-/quit", b"", b"HTTP/1.1 200 OK"),
    (b"GET /metrics", b"", b"HTTP/1.1 200 OK"),
    (b"GET /nothing", b"", b"HTTP/1.1 404 Not Found"),
]


@pytest.mark.parametrize(("line", "body", "answer"), BEFORE, ids=lambda part: part.decode() if b"/" in part else "")
def test_old_request_is_answered_as_by_an_empty_gateway(line: bytes, body: bytes, answer: bytes) -> None:
    log: list[str] = []
    records: list[Record] = []
    gateway = Gateway(
        Settings(enable_admin_api=True, enable_lifecycle=True),
        observer=records.append,
        hook=lambda request: hooked.append(request),
        clock=lambda: 1.0,
        log=lambda level, message, **fields: log.append(message),
        on_quit=lambda: log.append("quit"),
    )
    hooked: list[RawRequest] = []
    gateway.start()
    try:
        raw = line + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        with socket.create_connection((gateway.host, gateway.port), timeout=10) as client:
            client.sendall(raw[:-3])
            gateway.reset()
            # The new generation has something that the request from before must neither see nor change.
            assert wire.request(gateway.port, "PUT", "/metrics/job/j", b"# TYPE late gauge\nlate 7\n").status == 200
            state, seen = (gateway.store.groups(), gateway._state()), (list(records), list(hooked), list(log))
            client.sendall(raw[-3:])
            received = b"".join(iter(lambda: client.recv(65536), b""))
        assert received.startswith(answer)
        assert b"late 7" not in received
        assert b"late{" not in received
        assert ([*records], [*hooked], [*log]) == seen
        assert gateway.store.groups() == state[0]
        assert gateway._state() == state[1]
        scraped = wire.request(gateway.port, "GET", "/metrics").body
        assert b'pushgateway_http_requests_total{code="200",handler="push",method="put"} 1\n' in scraped
        assert scraped.count(b"pushgateway_http_requests_total{") == 1
        assert b'pushgateway_http_push_duration_seconds_count{method="put"} 1\n' in scraped
    finally:
        gateway.stop()


def test_two_resets_at_once_leave_store_and_server_in_step() -> None:
    gateway = Gateway(Settings())
    gateway.start()

    def reset_often() -> None:
        for _ in range(50):
            gateway.reset()

    try:
        threads = [threading.Thread(target=reset_often) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wire.request(gateway.port, "PUT", "/metrics/job/j", b"a 1\n").status == 200
        assert len(gateway.store.groups()) == 1
    finally:
        gateway.stop()


def test_reset_by_observer_leaves_pusher_its_answer() -> None:
    """A test that waits for a push may end before the application has read its answer."""
    seen: list[Gateway] = []
    gateway = Gateway(Settings(), observer=lambda record: seen[0].reset())
    seen.append(gateway)
    gateway.start()
    try:
        client = http.client.HTTPConnection(gateway.host, gateway.port, timeout=10)
        client.request("PUT", "/metrics/job/j", b"a 1\n")
        assert client.getresponse().status == 200
        client.close()
    finally:
        gateway.stop()
    assert gateway.store.groups() == []
