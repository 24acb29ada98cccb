"""``serve`` ends in an orderly way where signals cannot be blocked, as on Windows."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_pushgateway.cli import serve, signals
from pytest_pushgateway.gateway.gateway import Gateway
from tests import wire
from tests.systems import needs_signals

pytestmark = needs_signals
LISTENING = "Listening on"


@pytest.fixture(autouse=True)
def handling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "ending", signals.handled)


class Log:
    """The log of a ``serve`` in this process, whose port is known once it listens."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.listening = threading.Event()
        self.port = 0

    def __call__(self, level: str, message: str, **fields: object) -> None:
        self.messages.append(message)
        if message == LISTENING:
            self.port = int(str(fields["address"]).rpartition(":")[2])
            self.listening.set()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    log = Log()
    monkeypatch.setattr(serve, "make_log", lambda *_: log)
    return log


@pytest.fixture
def once_listening(log: Log) -> Iterator[Callable[[Callable[[], object]], None]]:
    """Do something in another thread, once the gateway listens."""
    started: list[threading.Thread] = []

    def start(action: Callable[[], object]) -> None:
        def run() -> None:
            assert log.listening.wait(30)
            action()

        started.append(threading.Thread(target=run))
        started[-1].start()

    yield start
    for thread in started:
        thread.join(30)


Once = Callable[[Callable[[], object]], None]


def run(*flags: str) -> int:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    status = serve.main(["--web.listen-address=127.0.0.1:0", *flags])
    assert {number: signal.getsignal(number) for number in before} == before
    assert signal.set_wakeup_fd(-1) == -1
    return status


def push_and(log: Log, action: Callable[[], object]) -> Callable[[], object]:
    def push() -> None:
        assert wire.request(log.port, "PUT", "/metrics/job/kept", b"kept 1\n").status == 200
        action()

    return push


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_serve_with_everything_persisted(
    log: Log, once_listening: Once, tmp_path: Path, number: signal.Signals
) -> None:
    flags = [f"--persistence.file={tmp_path / 'file'}", "--persistence.interval=1h"]
    once_listening(push_and(log, lambda: os.kill(os.getpid(), number)))
    assert run(*flags) == 0
    assert log.messages[-2:] == ["received SIGINT/SIGTERM; exiting gracefully...", "HTTP server stopped"]
    kept: list[bytes] = []

    def look() -> None:
        kept.append(wire.request(log.port, "GET", "/metrics").body)
        os.kill(os.getpid(), number)

    log.listening.clear()
    once_listening(look)
    assert run(*flags) == 0
    assert b'kept{instance="",job="kept"} 1\n' in kept[0]


def test_request_to_quit_ends_it(log: Log, once_listening: Once) -> None:
    once_listening(lambda: wire.request(log.port, "PUT", "/-/quit"))
    assert run("--web.enable-lifecycle") == 0
    assert log.messages[-2:] == [
        "received termination request via web service, exiting gracefully...",
        "HTTP server stopped",
    ]


def test_second_interrupt_asks_for_no_more_than_the_first(
    log: Log, once_listening: Once, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(Gateway):
        def stop(self, grace: float = 0.0) -> None:
            signal.raise_signal(signal.SIGINT)
            super().stop(grace=grace)

    monkeypatch.setattr(serve, "Gateway", Interrupted)
    once_listening(lambda: os.kill(os.getpid(), signal.SIGINT))
    assert run() == 0
    assert log.messages[-1] == "HTTP server stopped"


def test_other_signal_does_not_end_it(log: Log, once_listening: Once) -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGCHLD, lambda number, frame: seen.append(number))

    def send_both() -> None:
        os.kill(os.getpid(), signal.SIGCHLD)
        assert wire.request(log.port, "GET", "/-/healthy").status == 200
        os.kill(os.getpid(), signal.SIGTERM)

    once_listening(send_both)
    assert run() == 0
    assert seen == [signal.SIGCHLD]
    signal.signal(signal.SIGCHLD, before)
