"""Signals do to ``serve`` what they do to the original: a program of Go ignores those that it does not wait for."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import peers, wire
from tests.cli.conftest import SERVE, Served
from tests.systems import needs_signals

Serve = Callable[..., Served]

IGNORED = ["SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR", "SIGXCPU", "SIGXFSZ", "SIGPIPE"]
IGNORED += ["SIGWINCH", "SIGURG", "SIGCHLD"]
NUMBERS = sorted({getattr(signal, name) for name in [*IGNORED, "SIGRTMAX"] if hasattr(signal, name)})
pytestmark = needs_signals


def test_signals_ignored_by_go_lose_nothing(serve: Serve, tmp_path: Path) -> None:
    flags = [f"--persistence.file={tmp_path / 'file'}", "--persistence.interval=1h"]
    served = serve(*flags)
    wire.request(served.port, "PUT", "/metrics/job/kept", b"kept 1\n")
    for number in NUMBERS:
        served.process.send_signal(number)
        assert wire.request(served.port, "GET", "/-/healthy").status == 200, signal.Signals(number).name
    assert served.end() == 0
    assert b'kept{instance="",job="kept"} 1\n' in wire.request(serve(*flags).port, "GET", "/metrics").body


def test_sigquit_shows_stack_of_every_thread(serve: Serve) -> None:
    served = serve()
    wire.request(served.port, "GET", "/-/healthy")
    assert served.end(signal.SIGQUIT) == 2
    said = "\n".join(served.log)
    assert "SIGQUIT: quit\n" in said
    assert "in _serve" in said
    assert said.count("hread 0x") >= 2


ENDS = {"SIGHUP": -1, "SIGINT": 0, "SIGTERM": 0, "SIGQUIT": 2}
"""The exit status of both programs."""


@pytest.mark.conformance
@pytest.mark.parametrize("program", ["ours", "the original"])
def test_signals_do_the_same_to_the_original(program: str) -> None:
    command = SERVE if program == "ours" else [str(peers.pushgateway_binary())]
    with _running(command) as (process, port):
        for number in NUMBERS:
            process.send_signal(number)
            assert wire.request(port, "GET", "/-/healthy").status == 200, signal.Signals(number).name
    for ending, status in ENDS.items():
        with _running(command) as (process, port):
            process.send_signal(getattr(signal, ending))
            assert process.wait(30) == status, ending


def _heed_signals() -> None:
    # Whoever runs the tests, as nohup, may ignore these, and children inherit that.
    for name in ENDS:
        signal.signal(getattr(signal, name), signal.SIG_DFL)


@contextmanager
def _running(command: list[str]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a program until it is up, and kill it if it has not ended by then; yield it with its port."""
    arguments = [*command, "--persistence.file=", "--web.listen-address=127.0.0.1:0"]
    process = subprocess.Popen(
        arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=_heed_signals
    )
    assert process.stderr is not None
    reader = threading.Thread(target=process.stderr.read)
    try:
        port = next(int(line.strip().rpartition(":")[2]) for line in process.stderr if "Listening on" in line)
        reader.start()
        assert wire.request(port, "GET", "/-/healthy").status == 200
        yield process, port
    finally:
        process.kill()
        process.wait()
        if reader.ident:
            reader.join()
        process.stderr.close()
