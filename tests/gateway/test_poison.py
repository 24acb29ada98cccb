"""A poisoned gateway: refused pushes that break it, and the deletion that cures it."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest

from pytest_pushgateway.exposition.model import ParseError
from pytest_pushgateway.exposition.negotiation import Format
from pytest_pushgateway.gateway.grouping_key import group_path
from pytest_pushgateway.gateway.store.store import GatherError
from tests.gateway.held import Held, key
from tests.gateway.rivals import KEYS, NAMES, some_text


def test_rejected_push_differs_only_by_empty_instance() -> None:
    gateway = Held()
    gateway.put("a 1\n", job="f")
    assert not gateway.put("b 1\n", job="f", instance="").accepted
    assert not gateway.put("c 1\n", job="elsewhere").accepted
    with pytest.raises(GatherError) as trouble:
        gateway.store.gather(Format())
    assert str(trouble.value).startswith('2 error(s) occurred:\n* collected metric "push_')

    poison = gateway.store.poisoned()
    assert poison is not None
    assert poison.error == str(trouble.value)
    assert poison.groups == (key(job="f"), key(job="f", instance=""))
    assert poison.cure == (key(job="f", instance=""),)
    assert poison.paths == ("/metrics/job/f/instance@base64/=",)
    gateway.delete(job="f", instance="")
    assert gateway.store.poisoned() is None
    assert gateway.put("c 1\n", job="elsewhere").accepted


def test_rejected_push_with_non_utf8_grouping_value() -> None:
    gateway = Held()
    assert not gateway.put("a 1\n", job="j", x=b"\xff").accepted
    poison = gateway.store.poisoned()
    assert poison is not None
    assert poison.groups == poison.cure == (key(job="j", x=b"\xff"),)
    assert poison.paths == ("/metrics/job/j/x@base64/_w",)
    assert [collision.keys for collision in poison.collisions] == [(key(job="j", x=b"\xff"),)] * 2


def test_never_accepted_group_is_removed() -> None:
    gateway = Held()
    gateway.put("a 1\na 1\n", job="f", instance="")  # refused, and older
    gateway.put("a 1\n", check=False, job="f")
    poison = gateway.store.poisoned()
    assert poison is not None
    assert poison.cure == (key(job="f", instance=""),)


def test_types_that_disagree_cost_the_fewest_groups() -> None:
    gateway = Held()
    gateway.put("# TYPE a counter\na 1\n", job="j")
    gateway.put("# TYPE a gauge\na 1\n", check=False, job="k")
    gateway.put("# TYPE a gauge\na 1\n", check=False, job="l")
    poison = gateway.store.poisoned()
    assert poison is not None
    assert poison.cure == (key(job="j"),)
    assert poison.groups == (key(job="j"), key(job="k"), key(job="l"))


def test_suffix_clash_removes_side_with_fewer_groups() -> None:
    gateway = Held()
    gateway.put("# TYPE s summary\ns_sum 1\n", job="j")
    gateway.put("# TYPE s summary\ns_sum 1\n", job="k")
    gateway.put("s_sum 1\n", check=False, job="l")
    poison = gateway.store.poisoned()
    assert poison is not None
    assert poison.cure == (key(job="l"),)


def test_own_metrics_are_never_removed() -> None:
    gateway = Held()
    gateway.put("go_goroutines 1\ngo_gc_duration_seconds_sum 1\n", check=False, job="j")
    poison = gateway.store.poisoned()
    assert poison is not None
    assert poison.cure == (key(job="j"),)


def test_duplicate_series_removes_its_group() -> None:
    gateway = Held()
    gateway.put("a 1\na 2\n", check=False, job="j")
    poison = gateway.store.poisoned()
    assert poison is not None
    assert poison.cure == (key(job="j"),)


@pytest.mark.parametrize("seed", range(60))
def test_whatever_was_pushed_unchecked_the_cure_helps(seed: int) -> None:
    dice = random.Random(seed)
    gateway = Held()
    names = dice.sample(NAMES, 5)
    for _ in range(10):
        body = some_text(dice, names, calm=False).replace(b" 1234", b"")
        group = dice.choice(KEYS)
        with suppress(ParseError):
            gateway.store.push(group, gateway.parse(body, group), replace=dice.random() < 0.5, check=False)
    gateway.own.observe_request("push", 200, "put")
    gateway.own.observe_push("put", 1, 1)
    poison = gateway.store.poisoned()
    if poison is None:
        assert gateway.scrape()
        return
    with pytest.raises(GatherError):
        gateway.scrape()
    for group in poison.cure:
        assert gateway.store.delete(group).matched
    assert gateway.store.poisoned() is None
    assert gateway.scrape()


@pytest.mark.parametrize(
    ("labels", "path"),
    [
        ({"job": "a b", "x": "1+1"}, "/metrics/job/a%20b/x/1%2B1"),
        ({"job": "a/b"}, "/metrics/job@base64/YS9i"),
        ({"job": "é"}, "/metrics/job/%C3%A9"),
        ({"job": "j", "a.b": "."}, "/metrics/job/j/a.b@base64/Lg"),
    ],
)
def test_path_leads_to_group(labels: dict[str, str], path: str) -> None:
    assert group_path(key(**labels)) == path
