"""Twice the samples or the requests cost twice the work, in what tests read and in the texts of their failures."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pytest_pushgateway import Pushgateway
from pytest_pushgateway.harness.messages.comparison import compare
from tests.work import assert_linear, work_of

from .application import send

pytestmark = [pytest.mark.slow, pytest.mark.once]


@pytest.fixture(scope="module")
def gateways() -> Iterator[Callable[[], Pushgateway]]:
    started: list[Pushgateway] = []

    def make() -> Pushgateway:
        started.append(Pushgateway())
        started[-1].start()
        return started[-1]

    yield make
    for gateway in started:
        gateway.stop()


def series(size: int, name: str = "a") -> str:
    return "".join(f'{name}{{x="{number:04}"}} {number}\n' for number in range(size))


def families(size: int) -> str:
    return "".join(f"# TYPE m{number} gauge\nm{number} 1\n" for number in range(size))


def failing(check: Callable[[], object]) -> None:
    with pytest.raises(AssertionError):
        check()


READS: dict[str, Callable[[Pushgateway], object]] = {
    "all": lambda gateway: (gateway.groups, gateway.families, gateway.samples),
    "a snapshot": lambda gateway: gateway.snapshot(),
    "a value": lambda gateway: failing(lambda: gateway.value("a")),
    "what is exposed": lambda gateway: failing(lambda: gateway.assert_exposed("a", -1)),
    "another name": lambda gateway: failing(lambda: gateway.assert_exposed("b", -1)),
    "what is not": lambda gateway: failing(lambda: gateway.assert_not_exposed("a")),
    "what was pushed": lambda gateway: failing(lambda: gateway.assert_pushed("a", -1)),
    "text": lambda gateway: failing(lambda: gateway.assert_exposed_text(series(len(gateway.samples) // 2), "a")),
    "problems": lambda gateway: gateway.lint(),
}


@pytest.mark.parametrize("read", READS)
def test_samples(gateways: Callable[[], Pushgateway], read: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        gateway = gateways()
        gateway.push(series(size) + families(size), job="j")
        return lambda: READS[read](gateway)

    assert_linear(prepare, 100)


HISTORIES: dict[str, Callable[[Pushgateway], object]] = {
    "values": lambda gateway: gateway.pushed_values("a"),
    "a push that never came": lambda gateway: failing(lambda: gateway.assert_pushed("b")),
    "a push of another value": lambda gateway: failing(lambda: gateway.assert_pushed("a", -1)),
    "a family that is gone": lambda gateway: failing(lambda: gateway.assert_exposed("m1", 7)),
    "no rejection": lambda gateway: failing(gateway.assert_rejected),
    "problems": lambda gateway: gateway.lint(),
    "a timeline": lambda gateway: gateway.timeline(),
}


@pytest.mark.parametrize("read", HISTORIES)
def test_requests(gateways: Callable[[], Pushgateway], read: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        gateway = gateways()
        for number in range(size):
            gateway.push(f"a {number}\nm{number} 1\n", job=f"j{number % 7}")
        return lambda: HISTORIES[read](gateway)

    assert_linear(prepare, 30)


@pytest.mark.parametrize("what", ["snapshots", "groups", "lists of groups"])
def test_comparisons(gateways: Callable[[], Pushgateway], what: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        left, right = gateways(), gateways()
        left.push(series(size), job="j")
        right.push(series(size).replace("} 1", "} 2"), job="j")
        pairs = {
            "snapshots": (left.snapshot(), right.snapshot()),
            "groups": (left.groups[0], right.groups[0]),
            "lists of groups": (left.groups, right.groups),
        }
        return lambda: compare(*pairs[what])

    assert_linear(prepare, 100)


def test_reset_looks_at_no_push_that_made_its_group(gateways: Callable[[], Pushgateway]) -> None:
    def lines_of_reset(pushes: int) -> int:
        gateway = gateways()
        for number in range(pushes):
            send(gateway, "a 1\n", f"/metrics/job/j{number}")
        return work_of(gateway.reset).lines

    lines_of_reset(1)  # imports what a reset needs
    assert lines_of_reset(80) < lines_of_reset(40) + 40
