"""Handlers of signals that raise, as those of a test's timeout do, wherever the gateway is: nothing stays taken."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pytest_pushgateway import MakePushgateway, Pushgateway, threads
from pytest_pushgateway.gateway import gateway as gateways
from pytest_pushgateway.gateway.persistence import database
from pytest_pushgateway.genuine import genuine
from pytest_pushgateway.harness.behind import local
from tests import wire
from tests.harness.application import send

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="there is no signal that a test may have")


class Interrupted(BaseException):
    """The exception of the handler."""


@pytest.fixture
def interrupted_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[object, str], None]]:
    """Send the signal, once, when something is called next."""

    def raises(*_: object) -> None:
        raise Interrupted

    def interrupt(owner: object, name: str) -> None:
        original, left = getattr(owner, name), [True]

        def called(*arguments: Any, **options: Any) -> Any:
            if left:
                left.clear()
                os.kill(os.getpid(), signal.SIGUSR1)
            return original(*arguments, **options)

        monkeypatch.setattr(owner, name, called)

    before = signal.signal(signal.SIGUSR1, raises)
    yield interrupt
    signal.signal(signal.SIGUSR1, before)


PLACES = [
    (gateways, "ExitStack"),  # after the gateway is marked as stopped, before the first step of the stop
    (gateways, "Store"),  # with port and file taken
    (database, "Strings"),  # with the file locked, before anything refers to it
    (local, "Settings"),  # between the end and the start
]


@pytest.mark.parametrize(("owner", "name"), PLACES, ids=[name for _, name in PLACES])
@pytest.mark.parametrize("again", ["restart", "crash"])
def test_restart_is_done_as_a_whole(
    make_pushgateway: MakePushgateway,
    interrupted_in: Callable[[object, str], None],
    again: str,
    owner: object,
    name: str,
) -> None:
    gateway = make_pushgateway()
    file, port = gateway.persistence_file, gateway.port
    assert send(gateway) == 200
    interrupted_in(owner, name)

    with pytest.raises(Interrupted):
        getattr(gateway, again)()

    assert gateway.port == port
    gateway.assert_exposed("backup_bytes", 7)
    assert send(gateway) == 200
    gateway.stop()
    assert wire.is_refused(port)
    with Pushgateway(persistence_file=file, port=port) as another:
        another.assert_exposed("backup_bytes", 7)


def test_stop_is_done_as_a_whole(
    make_pushgateway: MakePushgateway, interrupted_in: Callable[[object, str], None]
) -> None:
    gateway = make_pushgateway()
    interrupted_in(gateways, "ExitStack")

    with pytest.raises(Interrupted):
        gateway.stop()

    assert not gateway.running
    assert wire.is_refused(gateway.port)


def test_with_statement_that_is_not_entered_leaves_no_gateway(
    interrupted_in: Callable[[object, str], None],
) -> None:
    gateway = Pushgateway()
    interrupted_in(gateways, "Store")

    with pytest.raises(Interrupted), gateway:
        pytest.fail("it was entered")

    assert not gateway.running
    assert wire.is_refused(gateway.port)


def test_errors_of_the_action_come_out(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway()
    gateway.stop()
    with socket.create_server((gateway.host, gateway.port)), pytest.raises(OSError, match="listen tcp"):
        gateway.start()


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="what is in C there is in Python elsewhere")
@pytest.mark.parametrize("kind", [threads.RLock, threads.Monitor])
def test_locks_are_taken_in_no_step_of_python(kind: type[threads.RLock]) -> None:
    """Between two steps the exception of a handler would leave the lock taken for good, and every push waiting."""
    lock, steps = kind(), list[str]()

    def note(frame: Any, event: str, argument: object) -> None:
        steps.append(f"{event} {frame.f_code.co_name}")

    before, profile = sys.getprofile(), sys.setprofile
    profile(note)
    try:
        with lock, lock:
            pass
    finally:
        profile(before)

    assert [step for step in steps if step.startswith("call ")] == []
    taken: list[bool] = []
    other = threading.Thread(target=lambda: taken.append(_can_be_taken(lock)))
    other.start()
    other.join()
    assert taken == [True]


def _can_be_taken(lock: threads.RLock) -> bool:
    with lock:
        return True


@pytest.mark.parametrize("runs", [True, False], ids=["once it runs", "before it runs"])
def test_interrupted_start_of_a_thread(monkeypatch: pytest.MonkeyPatch, runs: bool) -> None:
    """The handler's exception may come when the interpreter has made the thread: then it runs, or never will."""
    begun, may_end, left = threading.Event(), threading.Event(), list[Callable[..., object]]()
    start_thread = genuine.start_thread

    def interrupted(run: Callable[..., object], arguments: tuple[()]) -> int:
        if runs:
            start_thread(run, arguments)
            begun.wait(30)
        else:
            left.append(run)
        raise Interrupted

    def target() -> None:
        begun.set()
        may_end.wait(30)

    thread = threads.Thread(target, "interrupted")
    monkeypatch.setattr(genuine, "start_thread", interrupted)
    with pytest.raises(Interrupted):
        thread.start()

    assert thread.is_alive() is runs
    may_end.set()
    thread.join(30)
    assert not thread.is_alive()
    for run in left:
        run()
    assert begun.is_set() is runs
