"""Starts and ends the two programs, and fills them."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LISTENING = re.compile(rb'msg="Listening on"[^\n]*address=(\S+)')
FAMILIES = 10
SERIES_PER_FAMILY = 10
SERIES_PER_GROUP = FAMILIES * SERIES_PER_FAMILY


class Server:
    """One running gateway, as its own process."""

    def __init__(self, command: list[str], environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment)
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if found := LISTENING.search(line):
                self.address = found.group(1).decode()
                break
        else:
            raise RuntimeError(f"{command[0]} did not start")
        threading.Thread(target=self._drain, daemon=True).start()
        host, _, port = self.address.rpartition(":")
        self.port = int(port)
        self.connection = http.client.HTTPConnection(host, self.port, timeout=120)

    def _drain(self) -> None:
        assert self.process.stderr is not None
        for _ in self.process.stderr:
            pass

    def request(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
        """Send one request on the kept-alive connection and return the body of the answer."""
        self.connection.request(method, path, body, headers or {})
        response = self.connection.getresponse()
        answer = response.read()
        if response.status >= 400:
            raise RuntimeError(f"{method} {path}: {response.status} {answer[:300]!r}")
        return answer

    def resident(self) -> int:
        """Return the resident memory in bytes."""
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> None:
        self.connection.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        assert self.process.stderr is not None
        self.process.stderr.close()


def go_command(*flags: str) -> list[str]:
    return [os.environ["PUSHGATEWAY_BINARY"], "--web.listen-address=127.0.0.1:0", *flags]


def our_command(*flags: str) -> list[str]:
    return [sys.executable, "-m", "pytest_pushgateway", "serve", "--web.listen-address=127.0.0.1:0", *flags]


def group_body(group: int) -> bytes:
    """Return a push of 100 series: ten gauges of ten series each, the same names in every group."""
    lines = []
    for family in range(FAMILIES):
        lines.append(f"# HELP bench_metric_{family} A gauge.\n# TYPE bench_metric_{family} gauge\n")
        lines.extend(
            f'bench_metric_{family}{{disk="sd{series}",state="state-{family}"}} {group * 0.5 + series}\n'
            for series in range(SERIES_PER_FAMILY)
        )
    return "".join(lines).encode()


def fill(server: Server, series: int) -> None:
    for group in range(series // SERIES_PER_GROUP):
        server.request("PUT", f"/metrics/job/fill/instance/{group:05}", group_body(group))


@contextmanager
def ours_with(series: int, *flags: str) -> Iterator[Server]:
    """Run ours, holding ``series`` series."""
    ours = Server(our_command("--persistence.file=", *flags))
    try:
        fill(ours, series)
        yield ours
    finally:
        ours.stop()


@contextmanager
def pair(series: int = 0, *flags: str) -> Iterator[tuple[Server, Server]]:
    """Run ours and the original, each holding ``series`` series, checks on.

    The original checks its whole state on every push, so it is loaded with checks off and a persistence file and then
    started again with checks on.
    """
    with tempfile.TemporaryDirectory() as folder:
        state = f"--persistence.file={folder}/go.data"
        if series:
            loader = Server(go_command(state, "--push.disable-consistency-check"))
            fill(loader, series)
            loader.stop()
        go = Server(go_command(state if series else "--persistence.file=", "--persistence.interval=1h", *flags))
        try:
            with ours_with(series, *flags) as ours:
                yield ours, go
        finally:
            go.stop()
