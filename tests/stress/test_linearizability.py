"""The judge of histories: what it finds an order for, and what it does not."""

from __future__ import annotations

import math

from tests.stress.linearizability import Operation, explain

NOTHING = (None, None)


def write(began: float, ended: float, value: int | None, group: int = 0, *, answered: bool = True) -> Operation:
    return Operation("write", group, value, None, began, ended, answered)


def read(began: float, ended: float, *seen: int | None) -> Operation:
    return Operation("read", -1, None, seen, began, ended)


def reset(began: float, ended: float) -> Operation:
    return Operation("reset", -1, None, None, began, ended)


def test_requests_one_after_the_other() -> None:
    assert explain([write(0, 1, 7), read(2, 3, 7, None), write(4, 5, None), read(6, 7, None, None)], NOTHING)
    assert explain([write(0, 1, 7), read(2, 3, None, None)], NOTHING) is None
    assert explain([write(0, 1, 7), write(2, 3, 8), read(4, 5, 7, None)], NOTHING) is None
    assert explain([], NOTHING) == []


def test_requests_at_once_have_either_order_but_one() -> None:
    both = [write(0, 9, 7), write(0, 9, 8)]
    assert explain([*both, read(1, 2, 7, None), read(3, 4, 8, None)], NOTHING)
    assert explain([*both, read(1, 2, 8, None), read(3, 4, 7, None)], NOTHING)
    assert explain([*both, read(1, 2, 7, None), read(3, 4, 8, None), read(5, 6, 7, None)], NOTHING) is None


def test_read_sees_all_groups_at_one_moment() -> None:
    history = [write(0, 9, 1), write(0, 9, 2, group=1), read(1, 2, 1, None)]
    assert explain([*history, read(1, 2, 1, 2)], NOTHING)
    assert explain([*history, read(1, 2, None, 2)], NOTHING) is None


def test_unanswered_request_may_take_effect_until_its_limit() -> None:
    lost = write(0, 5, 7, answered=False)
    assert explain([lost, read(6, 7, None, None)], NOTHING)
    assert explain([lost, read(6, 7, 7, None)], NOTHING)
    assert explain([lost, read(2, 3, None, None), read(6, 7, 7, None)], NOTHING)
    assert explain([lost, read(6, 7, None, None), read(8, 9, 7, None)], NOTHING) is None
    assert explain([write(0, math.inf, 7, answered=False), read(6, 7, None, None), read(8, 9, 7, None)], NOTHING)


def test_connection_reset() -> None:
    assert explain([write(0, 1, 7), reset(2, 3), read(4, 5, None, None)], NOTHING)
    assert explain([write(0, 1, 7), reset(2, 3), read(4, 5, 7, None)], NOTHING) is None
    assert explain([write(0, 3, 7, answered=False), reset(1, 3), read(4, 5, 7, None)], NOTHING)
    assert explain([write(0, 2.5, 7, answered=False), reset(2.6, 3), read(4, 5, 7, None)], NOTHING) is None
