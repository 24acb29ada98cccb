"""A reset: everything is gone at once, and requests from before it do nothing any more."""

from __future__ import annotations

import gc
import http.client
import threading
import weakref

from pytest_pushgateway.gateway.gateway import Gateway
from pytest_pushgateway.gateway.store.store import Store
from pytest_pushgateway.settings import Settings
from tests.gateway.held import Held, key


def test_a_reset_empties_the_store_and_the_counts() -> None:
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


def test_what_was_held_is_freed_by_a_thread_that_ends() -> None:
    gateway = Held()
    for number in range(3):
        gateway.put("".join(f'a{{x="{each}"}} 1\n' for each in range(3000)), job=f"j{number}")
        gateway.put("".join(f"b{each} 1\n" for each in range(300)), job=f"k{number}")
        gateway.scrape()
        index = weakref.ref(gateway.store._state.index)
        gateway.store.reset()
    gateway.store.close()
    assert index() is None
    Store(self_metrics=gateway.own).close()


def test_a_small_store_needs_no_thread_and_leaves_no_cycle() -> None:
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


def test_a_scrape_that_is_under_way_while_the_store_is_reset() -> None:
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


def test_a_reset_by_whoever_saw_a_push_leaves_its_pusher_the_answer() -> None:
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
