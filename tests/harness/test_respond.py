"""faults.respond: the test's own answers, and mistakes in what faults are given."""

from __future__ import annotations

import http.client
import itertools
from typing import Any
from unittest import mock

import pytest
from werkzeug.wrappers import Response

from pytest_pushgateway import Pushgateway, Request, UnusedFaultWarning
from pytest_pushgateway.harness.pushgateway import supervisor

from .application import send


def ask(gateway: Pushgateway, body: str = "rows 7\n", job: str = "backup") -> tuple[int, bytes, dict[str, str]]:
    """Push, and return the whole answer."""
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=10)
    try:
        connection.request("PUT", f"/metrics/job/{job}", body)
        response = connection.getresponse()
        return response.status, response.read(), dict(response.headers)
    finally:
        connection.close()


def statuses(gateway: Pushgateway, count: int) -> list[int]:
    return [send(gateway) for _ in range(count)]


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (503, 503, b"Service Unavailable\n"),
        ((429, "slow down"), 429, b"slow down"),
        ((200, b"\x00\xff"), 200, b"\x00\xff"),
        ((429, "slow down", {"Retry-After": 7}), 429, b"slow down"),
        ((429, "slow down", [("Retry-After", "7"), ("X-A", "b")]), 429, b"slow down"),
        (Response("slow down", 429, {"Retry-After": "7"}), 429, b"slow down"),
        (http.HTTPStatus.TOO_MANY_REQUESTS, 429, b"Too Many Requests\n"),
    ],
)
def test_one_answer_to_all(pushgateway: Pushgateway, answer: Any, status: int, body: bytes) -> None:
    with pushgateway.faults.respond(answer) as fault:
        for _ in range(2):
            got = ask(pushgateway)
            assert got[:2] == (status, body)
            assert got[2].get("Retry-After", "7") == "7"

    assert fault.hits == 2
    pushgateway.assert_not_exposed()
    assert pushgateway.pushes[0].fault == fault.name
    assert pushgateway.pushes[0].status == status


def test_answers_are_given_in_turn_then_those_of_the_gateway(pushgateway: Pushgateway) -> None:
    fault = pushgateway.faults.respond([503, None, (429, "slow down")])

    assert statuses(pushgateway, 4) == [503, 200, 429, 200]
    assert (fault.hits, fault.times, fault.active) == (3, 3, False)
    assert [push.accepted for push in pushgateway.pushes] == [False, True, False, True]
    assert [push.fault for push in pushgateway.pushes][-2:] == [fault.name, None]
    assert repr(fault) == "<Fault respond([503, None, (429, 'slow down')]), over, 3 of 3 hits>"


def test_tuple_of_statuses_gives_several_answers(pushgateway: Pushgateway) -> None:
    pushgateway.faults.respond((503, 429, None))

    assert statuses(pushgateway, 4) == [503, 429, 200, 200]


def test_answers_may_never_end(pushgateway: Pushgateway) -> None:
    with pushgateway.faults.respond(itertools.cycle([503, None]), times=5) as fault:
        assert statuses(pushgateway, 6) == [503, 200, 503, 200, 503, 200]
    assert fault.hits == 5


def test_generator_ends_fault_with_its_last_answer(pushgateway: Pushgateway) -> None:
    fault = pushgateway.faults.respond(status for status in (503, 500))

    assert statuses(pushgateway, 3) == [503, 500, 200]
    assert (fault.hits, fault.active, fault.name) == (2, False, "respond(generator)")


def test_function_of_request(pushgateway: Pushgateway) -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Any:
        seen.append(request)
        return None if request.job == "good" else (503, f"no {request.job}")

    with pushgateway.faults.respond(answer) as fault:
        assert ask(pushgateway, job="bad")[:2] == (503, b"no bad")
        assert ask(pushgateway, job="good")[0] == 200
    assert fault.name == "respond(answer)"
    assert [request.method for request in seen] == ["PUT", "PUT"]
    assert isinstance(seen[0], Request)
    with pushgateway.faults.respond(mock.MagicMock(side_effect=[500, 502])):
        assert statuses(pushgateway, 2) == [500, 502]


def test_times_methods_paths_and_when(pushgateway: Pushgateway) -> None:
    with pushgateway.faults.respond(503, times=1):
        assert statuses(pushgateway, 2) == [503, 200]
    with pushgateway.faults.respond(503, methods="DELETE"):
        assert (send(pushgateway), send(pushgateway, method="DELETE")) == (200, 503)
    with pushgateway.faults.respond(503, paths="/metrics/job/b*"):
        assert (send(pushgateway), ask(pushgateway, job="a")[0]) == (503, 200)
    with pushgateway.faults.respond(503, when=lambda request: request.job == "a"):
        assert (send(pushgateway), ask(pushgateway, job="a")[0]) == (200, 503)


def test_late_answer_meets_next_fault(pushgateway: Pushgateway) -> None:
    pushgateway.faults.delay("1ms")
    pushgateway.faults.respond([None, 503])
    pushgateway.faults.error(500)

    assert statuses(pushgateway, 3) == [500, 503, 500]
    assert [push.fault for push in pushgateway.pushes] == [
        "delay(0.001), respond([None, 503]), error(500)",
        "delay(0.001), respond([None, 503])",
        "delay(0.001), error(500)",
    ]


def test_unused_answers_emit_a_warning() -> None:
    gateway = Pushgateway().start()
    with gateway.faults.respond([503, 429]):
        assert send(gateway) == 503
    with pytest.warns(UnusedFaultWarning, match=r"respond\(\[503, 429\]\)"):
        gateway.stop()


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (lambda request: "503", "an answer is a status"),
        (lambda request: True, "a status has three digits"),
        (lambda request: 99, "a status has three digits"),
        (lambda request: [503], "an answer is a status"),
        (lambda request: 1 / 0, "division by zero"),
    ],
)
def test_errors_in_a_function_are_raised_at_the_end(function: Any, hint: str) -> None:
    gateway = Pushgateway().start()
    with gateway.faults.respond(function):
        assert send(gateway) == 200
    assert supervisor(gateway).take_findings() == []  # and the fault is not called unused
    with pytest.raises((TypeError, ValueError, ZeroDivisionError), match=hint):
        gateway.stop()


async def answers_later(request: Request) -> int:
    return 503


@pytest.mark.parametrize(
    ("answers", "error", "hint"),
    [
        ("503", TypeError, "takes an answer, an iterable of answers or a function"),
        (b"503", TypeError, "takes an answer, an iterable of answers or a function"),
        ({503: "no"}, TypeError, "takes an answer, an iterable of answers or a function"),
        ({503, 429}, TypeError, "takes an answer, an iterable of answers or a function"),
        (5.03, TypeError, "takes an answer, an iterable of answers or a function"),
        (Response, TypeError, "takes an answer, an iterable of answers or a function"),
        (answers_later, TypeError, "takes a plain function"),
        ([], ValueError, "it was given none"),
        ([503, "no"], TypeError, "an answer is a status"),
        ([[503]], TypeError, "an answer is a status"),
        ((503, {"error": "no"}), TypeError, "an answer is a status"),
        ((503, "no", "Retry-After: 7"), TypeError, "headers are a mapping"),
        ((503, "no", {"Retry-After": None}), TypeError, "headers are a mapping"),
        ((503, "no", {"X": "a\r\nb"}), ValueError, "must not hold a line's end"),
        (True, ValueError, "a status has three digits"),
        (100, ValueError, "a status has three digits"),
        (1000, ValueError, "a status has three digits"),
    ],
)
def test_invalid_answers(pushgateway: Pushgateway, answers: Any, error: type[Exception], hint: str) -> None:
    with pytest.raises(error, match=hint):
        pushgateway.faults.respond(answers)
    assert len(pushgateway.faults) == 0


def always() -> Any:
    async def when(request: Request) -> bool:
        return False

    return when


@pytest.mark.parametrize(
    ("given", "error", "hint"),
    [
        ({"times": True}, ValueError, "times must be a whole number"),
        ({"times": "2"}, ValueError, "times must be a whole number"),
        ({"methods": ""}, ValueError, "methods must not be empty"),
        ({"methods": []}, ValueError, "methods must not be empty"),
        ({"methods": [503]}, TypeError, "methods must be a string or several"),
        ({"methods": 503}, TypeError, "methods must be a string or several"),
        ({"methods": "PUSH"}, ValueError, "methods has 'PUSH', which no request has; a push is a PUT or POST"),
        ({"paths": "metrics/job/backup"}, ValueError, "a path begins with '/'"),
        ({"paths": "http://127.0.0.1/metrics"}, ValueError, "a path begins with '/'"),
        ({"paths": b"/metrics"}, TypeError, "paths must be a string or several"),
        ({"when": True}, TypeError, "when must be a callable"),
        ({"when": always()}, TypeError, "when must be a callable"),
    ],
)
def test_filters_matching_no_request(pushgateway: Pushgateway, given: Any, error: type[Exception], hint: str) -> None:
    faults = pushgateway.faults
    for make in (faults.hang, faults.disconnect, lambda **given: faults.respond(503, **given)):
        with pytest.raises(error, match=hint):
            make(**given)
    assert len(faults) == 0


def test_more_times_than_answers(pushgateway: Pushgateway) -> None:
    with pytest.raises(ValueError, match="times is 3, but there are 2 answers"):
        pushgateway.faults.respond([503, 429], times=3)


@pytest.mark.parametrize("result", [always(), iter([False])])
def test_predicate_always_true(result: Any) -> None:
    gateway = Pushgateway().start()
    with gateway.faults.error(503, when=lambda request: result):
        assert send(gateway) == 200
    with pytest.raises(TypeError, match=r"the function given as when= returned .* which is always true"):
        gateway.stop()


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"status": True}, ValueError),
        ({"status": 503, "body": {"error": "no"}}, TypeError),
        ({"status": 503, "headers": "Retry-After: 7"}, TypeError),
        ({"status": 503, "headers": {"Retry-After": None}}, TypeError),
        ({"status": 503, "headers": {"X": "a\nb"}}, ValueError),
    ],
)
def test_invalid_error_statuses(pushgateway: Pushgateway, given: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        pushgateway.faults.error(**given)


@pytest.mark.parametrize("given", ["1", "soon", None, True, -1, [1]])
def test_invalid_delays(pushgateway: Pushgateway, given: Any) -> None:
    with pytest.raises(ValueError, match="a delay is a number of seconds, not "):
        pushgateway.faults.delay(given)
