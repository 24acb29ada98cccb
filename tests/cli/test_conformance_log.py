"""What ``serve`` logs of its process, the original logs too: at the start, of each write to the file, at the end."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import peers, wire
from tests.cli.conftest import SERVE

pytestmark = pytest.mark.conformance

Act = Callable[[int, Callable[[str], None]], object]
"""What is done to a program: gets its port, and what waits for a line of its log."""
_ALONE = re.compile(r'"(?:starting pushgateway|Build context)"')


def _said(command: list[str], directory: Path, flags: list[str], act: Act) -> list[str] | None:
    """Run a program, act on it, end it, and return its log without times, places, ports and lines that only one has.

    None if the signal came before the program heeded it: the original answers requests earlier than that.
    """
    directory.mkdir()
    arguments = [*command, "--web.listen-address=127.0.0.1:0", *flags]
    process = subprocess.Popen(arguments, cwd=directory, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    lines: list[str] = []

    def until(part: str) -> None:
        assert process.stderr is not None
        while part not in (line := process.stderr.readline()):
            assert line, lines
            lines.append(line)
        lines.append(line)

    try:
        until("TLS is ")
        port = int(re.findall(r"127\.0\.0\.1:(\d+)", lines[-1])[-1])
        act(port, until)
        process.send_signal(signal.SIGTERM)
        lines += process.stderr.readlines()
        status = process.wait(30)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    if status == -signal.SIGTERM:
        return None
    assert status == 0
    shown = [re.sub(r"^ts=\S+ | caller=\S+", "", line.strip()) for line in lines if not _ALONE.search(line)]
    return [re.sub(r"127\.0\.0\.1:\d+", "<address>", line) for line in shown]


def _both(tmp_path: Path, flags: list[str], act: Act) -> list[str]:
    ours = _said(SERVE, tmp_path / "ours", flags, act)
    original = [str(peers.pushgateway_binary())]
    runs = (_said(original, tmp_path / f"theirs-{number}", flags, act) for number in range(10))
    assert ours is not None
    assert ours == next(run for run in runs if run is not None)
    return ours


def test_persistence_file_written_after_each_change(tmp_path: Path) -> None:
    def push_thrice(port: int, until: Callable[[str], None]) -> None:
        for _ in range(3):
            wire.request(port, "PUT", "/metrics/job/a", b"a 1\n")
            until("metrics persisted")

    said = _both(tmp_path, ["--persistence.file=metrics", "--persistence.interval=0s"], push_thrice)
    assert said.count('level=info msg="metrics persisted" file=metrics') == 3


def test_persistence_file_written_at_end(tmp_path: Path) -> None:
    def push(port: int, until: Callable[[str], None]) -> None:
        wire.request(port, "PUT", "/metrics/job/a", b"a 1\n")

    said = _both(tmp_path, ["--persistence.file=metrics", "--persistence.interval=24h"], push)
    assert not [line for line in said if "persisted" in line]


def test_persistence_file_written_in_intervals(tmp_path: Path) -> None:
    def push(port: int, until: Callable[[str], None]) -> None:
        wire.request(port, "PUT", "/metrics/job/a", b"a 1\n")
        until("metrics persisted")

    _both(tmp_path, ["--persistence.file=metrics", "--persistence.interval=20ms"], push)


@pytest.mark.parametrize("interval", ["1s", "1500ms", "1h", "90s", "100us", "1ns", "-1s"])
def test_rate_limiting(tmp_path: Path, interval: str) -> None:
    (tmp_path / "web.yml").write_text(f"rate_limit: {{burst: 3, interval: {interval}}}\n")
    flags = ["--persistence.file=", f"--web.config.file={tmp_path / 'web.yml'}"]
    said = _both(tmp_path, flags, lambda port, until: wire.request(port, "GET", "/-/healthy"))
    assert said[1].startswith('level=info msg="Rate Limiter is enabled." burst=3 interval=')
