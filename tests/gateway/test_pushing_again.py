"""Pushes that change only values: the store ends as it would if it had never seen the body before."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pytest_pushgateway.exposition.text.again import parse_remembering
from pytest_pushgateway.gateway.app.push_body import parse_push
from pytest_pushgateway.gateway.groups import Verdict
from pytest_pushgateway.gateway.store import store
from pytest_pushgateway.gateway.store.conflicts import After, Conflicts, conflicts_after
from pytest_pushgateway.gateway.store.group_state import Renewal
from pytest_pushgateway.gateway.store.index import Index
from pytest_pushgateway.gateway.store.store import GatherError
from tests.gateway.held import NOW, Held, key
from tests.gateway.kept import Kept


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


def test_new_numbers_cannot_collide_so_no_conflict_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[After] = []

    def looking(after: After) -> Conflicts:
        looks.append(after)
        return conflicts_after(after)

    monkeypatch.setattr(store, "conflicts_after", looking)
    gateway = Held()
    for number in range(4):
        assert push_short(gateway, f"a {number}\n", replace=number % 2 == 0, job="j").accepted
    assert len(looks) == 2  # for the first push, and for the second one, from which the lines are remembered
    assert push_short(gateway, "a 4\nb 1\n", job="j").accepted
    assert len(looks) == 3
    assert not push_short(gateway, "process_open_fds 1\na 5\n", job="j").accepted
    assert len(looks) == 4


def test_rejection_between_two_pushes_keeps_its_time() -> None:
    gateway = Held()
    for number in range(4):
        push_short(gateway, f"a {number}\n", job="j")
    gateway.clock.now += 1
    assert not push_short(gateway, "process_open_fds 1\n", job="j").accepted
    gateway.clock.now += 1
    assert push_short(gateway, "a 5\n", job="j").accepted
    group = gateway.group(job="j")
    assert group is not None
    assert (group.push_time, group.push_failure_time) == (NOW + 2, NOW + 1)


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


SHAPES = (
    '# TYPE a gauge\n# HELP a Rows.\na 1\na{x="y"} 1\n',
    "# TYPE a gauge\na 1\nb 1\n",
    "# TYPE a counter\na 1\n",
    'a{instance="i"} 1\nb 1\n',
    'b{instance="i"} 1\nb{instance="i",x="y"} 1\n',
    "# TYPE s summary\ns 1\n",
    "s_count 1\nb 1\n",
    "b 1\nb 1\n",
    "# nothing\n",
    "# TYPE push_failure_time_seconds gauge\npush_failure_time_seconds 1\nb 1\n",
    "# TYPE push_time_seconds gauge\npush_time_seconds 1\nb 1\n",
    "push_time_seconds 1\n",
)
"""Short bodies, which clash with each other or with the gateway's own families, or go together."""
GROUPS: tuple[dict[str, str | bytes], ...] = (
    {"job": "j"},
    {"job": "j", "instance": "i"},
    {"job": "k"},
    {"job": b"\xff"},
)
"""The first two share series if a body has them; the last one cannot be exposed."""


@pytest.mark.slow
def test_histories_of_short_bodies_end_as_they_do_without_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    renewals = 0
    renew = Index.renew

    def counting(index: Index, renewal: Renewal) -> None:
        nonlocal renewals
        renewals += 1
        renew(index, renewal)

    monkeypatch.setattr(Index, "renew", counting)
    randomness = random.Random(7)
    refused = 0
    for _ in range(60):
        one, other = Held(), Held()
        last = SHAPES[0]
        labels = GROUPS[0]
        for _ in range(40):
            for gateway in (one, other):
                gateway.clock.now += 1
            if randomness.random() < 0.25:
                last, labels = randomness.choice(SHAPES), randomness.choices(GROUPS, [8, 4, 4, 1])[0]
            deed = randomness.random()
            if deed < 0.1:
                assert one.delete(**labels).matched is other.delete(**labels).matched
            elif deed < 0.2:
                assert seen(one) == seen(other)
            else:
                text = last.replace(" 1\n", f" {randomness.randrange(3)}\n")
                replace, check = randomness.random() < 0.7, randomness.random() < 0.9
                verdict = push_short(one, text, replace=replace, check=check, **labels)
                put = other.put if replace else other.post
                assert fields_of(verdict) == fields_of(put(text, check=check, **labels))
                refused += not verdict.accepted
        assert seen(one) == seen(other)
    assert renewals > 500
    assert refused > 200


def seen(gateway: Held) -> object:
    """Return all that can be read of a store."""
    index = gateway.store._state.index
    declared = {name: (dict(index.declared(name) or {}), index.missing_types(name)) for name in index.names}
    try:
        return gateway.store.groups(), declared, gateway.exposed(), gateway.push_times()
    except GatherError as problem:
        return gateway.store.groups(), declared, str(problem)


def fields_of(verdict: Verdict) -> tuple[object, ...]:
    """Return everything in a verdict."""
    return tuple(getattr(verdict, name) for name in Verdict.__slots__)


@pytest.mark.parametrize("required", [False, True])
def test_values_that_come_again_are_in_the_file(tmp_path: Path, *, required: bool) -> None:
    with Kept(tmp_path / "metrics", required=required) as gateway:
        for number in range(5):
            gateway.clock.now += 1
            assert push_short(gateway, f"a {number}\n", job="j").accepted
        before = gateway.store.groups()
    with Kept(tmp_path / "metrics") as gateway:
        assert gateway.store.groups() == before
    assert before[0].families[b"a"].family.series[0][1] == b"4"
    assert before[0].push_time == NOW + 5


def push_short(gateway: Held, text: str, *, replace: bool = True, check: bool = True, **labels: str | bytes) -> Verdict:
    """Push a short body as the application does, with the store's memory of the group."""
    group = key(**labels)
    parsed = parse_push((text.encode(),), "", dict(group), gateway.store.remembered(group), utf8_names=False)
    return gateway.store.push(group, parsed, replace=replace, check=check)


def exposed(gateway: Held) -> str:
    """Return the exposition, or the reason for its failure."""
    try:
        return gateway.exposed()
    except GatherError as problem:
        return str(problem)
