"""Twice the groups, families or conflicts cost twice the work: verdicts, merges, sorts, answers and the file."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from pytest_pushgateway.exposition.model import Parsed
from pytest_pushgateway.exposition.negotiation import negotiate
from pytest_pushgateway.gateway.app.json_api import JsonApi
from pytest_pushgateway.gateway.app.page.state import PageState, state_json
from tests.gateway.held import Held, key
from tests.gateway.kept import Kept
from tests.work import assert_linear

pytestmark = [pytest.mark.slow, pytest.mark.once]

PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
JOB = key(job="j")


def series(size: int) -> str:
    return "".join(f'a{{x="{number}"}} {number}\n' for number in range(size))


def families(size: int, kind: str = "gauge") -> str:
    return "".join(f"# TYPE m{number} {kind}\nm{number} 1\n" for number in range(size))


def buckets(size: int) -> str:
    lines = "".join(f'h_bucket{{le="{number}"}} {number}\n' for number in range(size))
    return f"# TYPE h histogram\n{lines}h_sum 1\nh_count {size}\n"


def backwards(size: int) -> str:
    return "".join(reversed(series(size).splitlines(keepends=True)))


BODIES: dict[str, Callable[[int], str]] = {
    "series": series,
    "families": families,
    "buckets": buckets,
    "series in the other order": backwards,
}


def push(gateway: Held, parsed: Parsed) -> object:
    return gateway.store.push(JOB, parsed, replace=True, check=True)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("before", ["", "the same"])
def test_pushes(body: str, before: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        text = BODIES[body](size)
        gateway, parsed = Held(), Held.parse(text, JOB)
        if before:
            gateway.put(text, job="j")
        return lambda: push(gateway, parsed)

    assert_linear(prepare, 200)


def groups(size: int, body: str = "a 1\n") -> Held:
    gateway = Held()
    for number in range(size):
        gateway.put(body, job=f"j{number}", check=False)
    return gateway


@pytest.mark.parametrize("gone", ["one by one", "at once"])
def test_deletions(gone: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        gateway = groups(size)
        if gone == "at once":
            return gateway.store.wipe
        return lambda: [gateway.delete(job=f"j{number}") for number in range(size)]

    assert_linear(prepare, 100)


def of_types(size: int) -> Held:
    """Hold as many groups with a counter as with a gauge of one name."""
    gateway = groups(size)
    for number in range(size):
        gateway.put("# TYPE a counter\na 1\n", job=f"k{number}", check=False)
    return gateway


CONFLICTS: dict[str, Callable[[int], tuple[Held, str]]] = {
    "types of many families": lambda size: (holding(families(size)), families(size, "counter")),
    "types in many groups": lambda size: (groups(size), "# TYPE a counter\na 1\n"),
    "suffixes": lambda size: (
        holding("".join(f"a{number}_sum 1\n" for number in range(size))),
        "".join(f"# TYPE a{number} summary\na{number}_sum 1\n" for number in range(size)),
    ),
    "series that are there twice": lambda size: (Held(), series(size) * 2),
    "labels that cannot be": lambda size: (Held(), "".join(f'a{{__x="{number}"}} 1\n' for number in range(size))),
    "a poisoned gateway": lambda size: (of_types(size), "b 1\n"),
}


def holding(body: str) -> Held:
    gateway = Held()
    gateway.put(body, job="other")
    return gateway


@pytest.mark.parametrize("conflicts", CONFLICTS)
def test_rejections(conflicts: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        gateway, body = CONFLICTS[conflicts](size)
        parsed = Held.parse(body, JOB)
        return lambda: push(gateway, parsed)

    assert_linear(prepare, 100)


def test_cure_of_poison() -> None:
    assert_linear(lambda size: of_types(size).store.poisoned, 100)


SCRAPED: dict[str, Callable[[int], Held]] = {
    "a family of many groups": groups,
    "families": lambda size: holding(families(size)),
    "series": lambda size: holding(series(size)),
    "buckets": lambda size: holding(buckets(size)),
    "one series here, one there": lambda size: groups(size, 'a{x="1"} 1\na{x="2"} 1\n'),
}


@pytest.mark.parametrize("accept", ["", PROTOBUF])
@pytest.mark.parametrize("held", SCRAPED)
def test_scrapes(held: str, accept: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        gateway = SCRAPED[held](size)
        return lambda: sum(map(len, gateway.store.gather(negotiate(accept))))

    assert_linear(prepare, 100)


@pytest.mark.parametrize("held", SCRAPED)
def test_json(held: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        gateway = SCRAPED[held](size)
        api = JsonApi(gateway.store.groups, {}, {}, 0.0)
        return lambda: sum(map(len, api.respond("api/v1/metrics").blocks))

    assert_linear(prepare, 100)


def test_state_of_the_page() -> None:
    def prepare(size: int) -> Callable[[], object]:
        paths = tuple((key(job=f"j{number}"), f"/metrics/job/j{number}") for number in range(size))
        state = PageState(revision="1", now=1.0, start_time=0.0, admin_api=True, conflict="c", conflicting=paths)
        return lambda: state_json(state)

    assert_linear(prepare, 100)


@pytest.mark.parametrize("body", ["series", "families"])
def test_persistence_file(tmp_path: Path, body: str) -> None:
    names = count()

    def prepare(size: int) -> Callable[[], object]:
        parsed = Held.parse(BODIES[body](size), JOB)

        def action() -> None:
            path = tmp_path / str(next(names))
            with Kept(path) as gateway:
                push(gateway, parsed)
            with Kept(path) as again:
                assert len(again.store.groups()) == 1

        return action

    assert_linear(prepare, 100)
