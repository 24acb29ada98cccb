"""Restarts from where nobody expects them, and restarts that fail half-way: port and file are never left taken."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from pytest_pushgateway import MakePushgateway, Pushgateway, Request
from pytest_pushgateway.gateway.http.connection import Connection
from pytest_pushgateway.gateway.http.server import Server
from pytest_pushgateway.gateway.http.workers import Workers
from pytest_pushgateway.gateway.persistence.database import Database
from pytest_pushgateway.gateway.persistence.persistence import Persistence
from pytest_pushgateway.gateway.store.store import Store
from tests import wire
from tests.harness.application import send

pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest_pushgateway.UnusedFaultWarning", "ignore::pytest_pushgateway.LostPushWarning"
)


def is_cut_off(gateway: Pushgateway) -> bool:
    try:
        send(gateway)
    except (ConnectionError, http.client.HTTPException):
        return True
    return False


@pytest.mark.parametrize("again", ["restart", "crash"])
def test_predicate_may_restart_gateway(make_pushgateway: MakePushgateway, again: str) -> None:
    gateway = make_pushgateway()
    port = gateway.port
    assert send(gateway, "before 1\n", "/metrics/job/before") == 200

    back = threading.Event()

    def dies(request: Request) -> bool:
        getattr(gateway, again)()
        back.set()
        return False

    with gateway.faults.error(503, when=dies):
        assert is_cut_off(gateway)
        assert back.wait(20)
    assert send(gateway) == 200
    assert gateway.port == port
    gateway.assert_exposed("before", 1)
    assert [push.job for push in gateway.pushes] == ["before", "backup"]


def test_predicates_that_restart_it_at_once_leave_it_running_once(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway()
    port = gateway.port
    for _ in range(3):
        met = threading.Barrier(4)

        def dies(request: Request, met: threading.Barrier = met) -> bool:
            met.wait(20)
            gateway.restart()
            return True

        with gateway.faults.error(503, when=dies):
            threads = [threading.Thread(target=is_cut_off, args=(gateway,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        # As the set-up of the next test.
        gateway.reset()
        assert send(gateway) == 200
    assert gateway.port == port
    gateway.stop()
    assert wire.is_refused(port)


def test_predicate_does_not_restart_stopped_gateway(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway()
    asked, stopped, over = threading.Event(), threading.Event(), threading.Event()

    def dies(request: Request) -> bool:
        asked.set()
        stopped.wait(20)
        gateway.restart()
        over.set()
        return True

    gateway.faults.error(503, when=dies)
    thread = threading.Thread(target=is_cut_off, args=(gateway,))
    thread.start()
    assert asked.wait(20)
    gateway.stop()
    stopped.set()
    assert over.wait(20)
    thread.join()
    assert not gateway.running
    assert wire.is_refused(gateway.port)
    assert send(gateway.start()) == 200


def failing_once(original: Callable[..., Any], problem: BaseException) -> Callable[..., Any]:
    left = [problem]

    def fail_once(*arguments: Any, **options: Any) -> Any:
        result = original(*arguments, **options)
        if left:
            raise left.pop()
        return result

    return fail_once


STOPPING = [(Workers, "join"), (Connection, "shut"), (Server, "stop"), (Persistence, "flush"), (Database, "close")]
STARTING = [(Persistence, "load"), (Store, "__init__"), (Server, "__init__"), (Workers, "start"), (Server, "start")]
PROBLEMS = [RuntimeError("a bug"), KeyboardInterrupt()]  # the latter as from a test's timeout


@pytest.mark.parametrize("problem", PROBLEMS, ids=repr)
@pytest.mark.parametrize(("of", "step"), STOPPING + STARTING, ids=lambda part: getattr(part, "__name__", part))
def test_failed_restart_releases_port_and_file(
    make_pushgateway: MakePushgateway,
    monkeypatch: pytest.MonkeyPatch,
    of: type,
    step: str,
    problem: BaseException,
) -> None:
    gateway = make_pushgateway()
    file, port = gateway.persistence_file, gateway.port
    with socket.create_connection((gateway.host, port)), monkeypatch.context() as patched:
        patched.setattr(of, step, failing_once(getattr(of, step), problem))
        with suppress(type(problem)):  # a flush or a close that fails is logged, and the gateway goes on
            gateway.restart()
    # As the set-up of the next test.
    gateway.start()
    gateway.reset()
    assert gateway.port == port
    assert send(gateway) == 200
    gateway.stop()
    assert wire.is_refused(port)
    with Pushgateway(persistence_file=file, port=gateway.port) as another:
        assert [group.grouping_key for group in another.groups] == [{"job": "backup"}]
