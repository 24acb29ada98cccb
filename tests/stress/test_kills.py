"""The judge of the kills: which states can be there after a restart, and which are a loss."""

from __future__ import annotations

import math
from collections.abc import Callable

from tests.stress.kills import Aim, State, Step, leads_to


def put(value: float, began: float, ended: float) -> Step:
    return Step(lambda state: {"a": value}, True, began, ended)


def post(value: float, began: float, ended: float) -> Step:
    return Step(lambda state: {**(state or {}), "b": value}, False, began, ended)


def delete(began: float, ended: float) -> Step:
    return Step(lambda state: None, True, began, ended)


def possible(*steps: Step, before: State = None) -> Callable[[State], bool]:
    return lambda after: leads_to(steps, before, after)


def test_answered_request_is_there() -> None:
    check = possible(put(1, 0, 1), before={"a": 0.0})
    assert check({"a": 1.0})
    assert not check({"a": 0.0})
    assert not check(None)


def test_unanswered_request_may_be_there() -> None:
    check = possible(put(1, 0, 1), put(2, 2, math.inf))
    assert check({"a": 1.0})
    assert check({"a": 2.0})
    assert not check(None)


def test_requests_at_once_have_either_order_but_no_other() -> None:
    check = possible(put(1, 0, 3), delete(1, 2), post(3, 4, 5))
    assert check({"a": 1.0, "b": 3.0})
    assert check({"b": 3.0})
    assert not check({"a": 1.0})


def test_later_request_does_not_come_first() -> None:
    check = possible(post(1, 0, 1), put(2, 2, 3), before={"b": 0.0})
    assert check({"a": 2.0})
    assert not check({"a": 2.0, "b": 1.0})


def test_deletion_answered_while_another_is_not_is_there() -> None:
    """What a gateway does that answers the second at once, as there is nothing left to delete."""
    check = possible(put(1, 0, 1), delete(2, math.inf), delete(3, 4))
    assert check(None)
    assert not check({"a": 1.0})


def test_aimed_kill_waits_for_two_deletions_of_one_group() -> None:
    aim, kills = Aim(), []
    aim.reset(lambda: kills.append(1))
    for group in ("a", "b", ""):
        aim.sent(group)
    aim.sent("")
    aim.answered("")
    aim.answered("a")
    assert kills == []
    aim.sent("b")
    aim.answered("b")
    aim.answered("b")
    assert kills == [1]
