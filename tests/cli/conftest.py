from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

SERVE = [sys.executable, "-m", "pytest_pushgateway", "serve"]


class Served:
    """A ``serve`` process, its log so far and its first port."""

    def __init__(self, *flags: str, **options: object) -> None:
        command = [*SERVE, "--web.listen-address=127.0.0.1:0", *flags]
        self.process = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self.log: list[str] = []
        self.port = 0
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        assert self._ready.wait(30), self.log

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))
            if match := re.search(r'"Listening on"[ ,]"?address"?[=:]"?[^ ]*:([0-9]+)', line):
                self.port = self.port or int(match[1])
            if '"TLS is ' in line:
                self._ready.set()
        self._ready.set()

    def end(self, number: int | None = signal.SIGTERM) -> int:
        """Send a signal, or none, and return the exit status; on Windows it is Ctrl-Break."""
        if sys.platform == "win32" and number is not None:
            number = signal.CTRL_BREAK_EVENT
        if number is not None:
            self.process.send_signal(number)
        status = self.process.wait(30)
        self._reader.join()
        return status

    def messages(self) -> list[tuple[str, str]]:
        """Level and message of each line of the log."""
        found = []
        for line in self.log:
            if match := re.search(r'level=(\w+) caller=\S+:\d+ msg=(?:"((?:[^"\\]|\\.)*)"|(\S+))', line):
                found.append((match[1], match[2] or match[3]))
        return found


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    started: list[Served] = []

    def serve(*flags: str) -> Served:
        started.append(Served(*flags))
        return started[-1]

    yield serve
    for served in started:
        served.process.kill()
        served.end(None)
        assert served.process.stdout is not None
        assert served.process.stderr is not None
        assert served.process.stdout.read() == ""
        served.process.stdout.close()
        served.process.stderr.close()
