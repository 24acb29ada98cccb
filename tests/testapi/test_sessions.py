"""Sessions that fall silent lose the gateway, and hear of that."""

from __future__ import annotations

import pytest

from pytest_pushgateway.testapi import sessions
from pytest_pushgateway.testapi.problems import ApiProblem
from pytest_pushgateway.testapi.sessions import LEASE, Sessions


class Seconds:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    clock = Seconds()
    monkeypatch.setattr(sessions, "monotonic", clock)
    return clock


def test_silent_session_loses_the_gateway(seconds: Seconds) -> None:
    known = Sessions()
    known.begin("first")
    seconds.now += LEASE - 1
    with pytest.raises(ApiProblem, match="the session 'first' has this gateway, and sent a request 59 s ago"):
        known.begin("second")
    seconds.now += 1
    known.begin("second")

    with pytest.raises(ApiProblem, match="has lost this gateway to the session 'second'"):
        known.check("first", changes=False)
    known.end("second")
    known.begin("first")
    known.check("first", changes=True)


def test_each_request_is_a_sign_of_life(seconds: Seconds) -> None:
    known = Sessions()
    known.begin("first")
    for _ in range(3):
        seconds.now += LEASE - 1
        known.check("first", changes=False)
    with pytest.raises(ApiProblem, match="first"):
        known.begin("second")


def test_free_gateway_is_open_to_all(seconds: Seconds) -> None:
    known = Sessions()
    known.begin("")
    known.check("any", changes=True)
    known.begin("first")
    known.end("another")
    with pytest.raises(ApiProblem, match="first"):
        known.begin("")
