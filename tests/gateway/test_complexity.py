"""The cost of a push, a scrape and a reset does not grow with the stored metrics: counted, not timed."""

from __future__ import annotations

import gzip

import pytest

from pytest_pushgateway.exposition.content_coding import decode
from pytest_pushgateway.exposition.model import ParseError
from pytest_pushgateway.gateway.groups import Verdict
from tests.gateway.held import Held
from tests.work import peak_of

pytestmark = [pytest.mark.slow, pytest.mark.once]

SIZES = (100, 60_000)


def filled(size: int) -> Held:
    gateway = Held()
    gateway.put("# TYPE bulk gauge\n" + "".join(f'bulk{{x="{number:05}"}} 1\n' for number in range(size)), job="big")
    return gateway


def ten(name: str, value: int) -> str:
    return f"# TYPE {name} gauge\n" + "".join(f'{name}{{y="{number}"}} {value}\n' for number in range(10))


@pytest.mark.parametrize("name", ["bulk", "other"])
def test_push_visits_the_same_number_whatever_is_stored(name: str) -> None:
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


def test_push_costs_the_same_while_gateway_is_scraped() -> None:
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


def test_push_costs_the_same_while_gateway_is_poisoned() -> None:
    visited = []
    for size in SIZES:
        gateway = filled(size)
        gateway.put("", job=b"\xff")
        before = gateway.store.counters.series_visited
        assert not gateway.put(ten("other", 1), job="small").accepted
        visited.append(gateway.store.counters.series_visited - before)
    assert visited[0] == visited[1]


def test_unchanged_scrape_renders_own_metrics_only() -> None:
    gateway = filled(60_000)
    gateway.scrape()
    before = gateway.store.counters.lines_rendered
    gateway.scrape()
    assert gateway.store.counters.lines_rendered - before < 20


def test_scrape_after_push_renders_only_touched_blocks() -> None:
    gateway = filled(60_000)
    gateway.put(ten("bulk", 1), job="small")
    gateway.scrape()
    gateway.put("# TYPE bulk gauge\n" + "".join(f'bulk{{x="{n * 6000:05}"}} 2\n' for n in range(10)), job="small")
    before = gateway.store.counters.lines_rendered
    gateway.scrape()
    assert gateway.store.counters.lines_rendered - before < 10 * 256 + 300


def test_assertion_on_name_visits_no_series() -> None:
    gateway = filled(1000)
    before = gateway.store.counters.series_visited
    gateway.store.families_named(b"bulk")
    gateway.store.groups()
    assert b"bulk" in gateway.store.names()
    assert gateway.store.counters.series_visited == before


# What takes minutes where the time grows with the square, and a moment where it does not.

MANY = 100_000


def test_many_labels() -> None:
    gateway = Held()
    labels = ",".join(f'label{number}="x"' for number in range(MANY))
    assert gateway.put(f"many{{{labels}}} 1\n", job="j").accepted
    verdict = gateway.put(f"# TYPE many summary\nmany_sum{{{labels}}} 1\nmany_sum 2\nmany 3\n", job="j")
    assert verdict.accepted


def test_many_escapes_in_a_name() -> None:
    gateway = Held()
    with pytest.raises(ParseError, match=r"^text format parsing error in line 1: invalid metric name "):
        gateway.put('{"' + r"\n" * 10 * MANY + '"} 1\n', job="j")


def test_one_series_many_times() -> None:
    verdict = Held().put("twice 1\n" * MANY, job="j")
    assert not verdict.accepted
    assert (verdict.error or "").startswith(f"{MANY - 1} error(s) occurred:\n* collected metric")


def test_many_families_in_conflict() -> None:
    gateway = Held()
    number = MANY // 10
    body = "".join(f'twice{each} 1\ntwice{each} 1\nbad{each}{{__x="y"}} 1\n' for each in range(number))
    verdict = gateway.put(body, job="j")
    assert (verdict.error or "").startswith(f"{2 * number} error(s) occurred:\n")


def test_body_of_many_gzip_members() -> None:
    body = gzip.compress(b"") * MANY + gzip.compress(b"a 1\n") * MANY
    assert decode(body, "gzip") == b"a 1\n" * MANY


def test_text_on_many_collisions_is_bounded_while_built() -> None:
    gateway = Held()
    job = "j" * 10_000
    verdicts: list[Verdict] = []
    assert peak_of(lambda: verdicts.append(gateway.put("twice 1\n" * 10_000, job=job))) < 20_000_000
    (verdict,) = verdicts
    error = verdict.error or ""
    assert error.startswith("9999 error(s) occurred:\n* collected metric")
    told = error.count("\n* collected metric")
    assert error.endswith(f"\n* and {9999 - told} more")
    assert 1 << 20 <= len(error) < 2 << 20
    assert len(verdict.collisions) == told


def test_text_on_many_bad_labels_is_bounded_while_built() -> None:
    gateway = Held()
    verdict = gateway.put("".join(f'a{{x="{number}"}} 1\n' for number in range(2000)), job=b"\xff" * 10_000)
    error = verdict.error or ""
    assert error.partition(" ")[0].isdigit()
    assert len(error) < 2 << 20
    assert error.rpartition("\n")[2].startswith("* and ")
