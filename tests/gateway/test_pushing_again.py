"""Pushes that change only values: the store ends as it would if it had never seen the body before."""

from __future__ import annotations

import random

import pytest

from pytest_pushgateway.exposition.text.again import parse_remembering
from pytest_pushgateway.gateway.store.store import GatherError
from tests.gateway.held import Held, key


def body(name: str, series: int, offset: int = 0, *, first: int = 0) -> str:
    lines = [f'{name}{{path="/var/lib/{n:05}"}} {n * 0.5 + offset}\n' for n in range(first, first + series)]
    return "".join([f"# TYPE {name} gauge\n", *lines])


def push(gateway: Held, text: str, *, replace: bool = True, check: bool = True, **labels: str) -> bool:
    """Push as the application does, with the store's memory of the group."""
    group = key(**labels)
    parsed = parse_remembering((text.encode(),), dict(group), gateway.store.remembered(group))
    return gateway.store.push(group, parsed, replace=replace, check=check).accepted


def test_only_the_pushed_series_are_visited() -> None:
    gateway = Held()
    for offset in (0, 1, 2):
        push(gateway, body("a", 5000, offset), job="j")
    before = gateway.store.counters.series_visited
    assert push(gateway, body("a", 5000, 3), job="j")
    assert gateway.store.counters.series_visited - before < 5010
    assert 'a{instance="",job="j",path="/var/lib/04999"} 2502.5\n' in gateway.scrape()


def test_scrape_renders_only_values_that_changed() -> None:
    gateway = Held()
    for offset in (0, 1, 2):
        push(gateway, body("a", 5000, offset), job="j")
        gateway.scrape()
    before = gateway.store.counters.lines_rendered
    push(gateway, body("a", 5000, 2).replace(" 1002.0\n", " 7\n"), job="j")
    assert 'path="/var/lib/02000"} 7\n' in gateway.scrape()
    assert gateway.store.counters.lines_rendered - before < 1000


@pytest.mark.slow
def test_histories_end_as_they_do_without_memory() -> None:
    randomness = random.Random(5)
    accepted = refused = 0
    for _ in range(40):
        one, other = Held(), Held()
        for _ in range(25):
            labels = {"job": randomness.choice("jk")}
            name = randomness.choice("ab")
            text = body(name, randomness.choice([150, 150, 150, 151]), randomness.randrange(3))
            text += randomness.choice(["", "", "", body("c", 3), text.splitlines(keepends=True)[1]])
            if randomness.random() < 0.1:
                text = text.replace("gauge", "counter")
            deed = randomness.random()
            if deed < 0.1:
                for gateway in (one, other):
                    gateway.delete(**labels)
            elif deed < 0.3:
                assert exposed(one) == exposed(other)
            else:
                replace, check = randomness.random() < 0.7, randomness.random() < 0.95
                verdict = push(one, text, replace=replace, check=check, **labels)
                put = other.put if replace else other.post
                assert put(text, check=check, **labels).accepted is verdict
                accepted, refused = accepted + verdict, refused + (not verdict)
        assert exposed(one) == exposed(other)
    assert accepted > 200
    assert refused > 50


def exposed(gateway: Held) -> str:
    """Return the exposition, or the reason for its failure."""
    try:
        return gateway.exposed()
    except GatherError as problem:
        return str(problem)
