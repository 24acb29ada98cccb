"""What a push, a scrape and a reset cost does not grow with what is stored: counted, not timed."""

from __future__ import annotations

import pytest

from tests.gateway.held import Held, key

SIZES = (100, 60_000)


def filled(size: int) -> Held:
    gateway = Held()
    gateway.put("# TYPE bulk gauge\n" + "".join(f'bulk{{x="{number:05}"}} 1\n' for number in range(size)), job="big")
    return gateway


def ten(name: str, value: int) -> str:
    return f"# TYPE {name} gauge\n" + "".join(f'{name}{{y="{number}"}} {value}\n' for number in range(10))


@pytest.mark.parametrize("name", ["bulk", "other"])
def test_a_push_of_ten_visits_the_same_whatever_is_stored(name: str) -> None:
    visited = []
    for size in SIZES:
        gateway = filled(size)
        before = gateway.store.counters.series_visited
        assert gateway.put(ten(name, 1), job="small").accepted
        assert gateway.put(ten(name, 2), job="small").accepted
        assert gateway.post(ten(name, 3), job="small").accepted
        assert not gateway.post("# TYPE bulk counter\nbulk 1\n", job="small").accepted
        gateway.delete(job="small")
        visited.append(gateway.store.counters.series_visited - before)
    assert visited[0] == visited[1]
    assert visited[0] < 200


def test_a_push_costs_the_same_while_the_gateway_is_scraped() -> None:
    visited = []
    for size in SIZES:
        gateway = filled(size)
        gateway.scrape()
        before = gateway.store.counters.series_visited
        gateway.put(ten("bulk", 1), job="small")
        gateway.scrape()
        gateway.put(ten("bulk", 2), job="small")
        visited.append(gateway.store.counters.series_visited - before)
    assert visited[0] == visited[1]


def test_a_push_costs_the_same_while_the_gateway_is_poisoned() -> None:
    visited = []
    for size in SIZES:
        gateway = filled(size)
        gateway.put("", job=b"\xff")
        before = gateway.store.counters.series_visited
        assert not gateway.put(ten("other", 1), job="small").accepted
        visited.append(gateway.store.counters.series_visited - before)
    assert visited[0] == visited[1]


def test_an_unchanged_scrape_renders_own_metrics_only() -> None:
    gateway = filled(60_000)
    gateway.scrape()
    before = gateway.store.counters.lines_rendered
    gateway.scrape()
    assert gateway.store.counters.lines_rendered - before < 20


def test_a_scrape_after_a_push_into_the_midst_renders_the_blocks_it_touched() -> None:
    gateway = filled(60_000)
    gateway.put(ten("bulk", 1), job="small")
    gateway.scrape()
    gateway.put("# TYPE bulk gauge\n" + "".join(f'bulk{{x="{n * 6000:05}"}} 2\n' for n in range(10)), job="small")
    before = gateway.store.counters.lines_rendered
    gateway.scrape()
    assert gateway.store.counters.lines_rendered - before < 10 * 256 + 300


def test_an_assertion_on_a_name_visits_no_series() -> None:
    gateway = filled(1000)
    before = gateway.store.counters.series_visited
    gateway.store.families_named(b"bulk")
    gateway.store.group(key(job="big"))
    gateway.store.groups()
    assert b"bulk" in gateway.store.names()
    assert gateway.store.counters.series_visited == before
