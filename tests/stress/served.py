"""``serve`` in its own process, as the system sees it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

_LISTENING = re.compile(rb'msg="Listening on" address=[^ ]*:([0-9]+)')


class Served:
    """One process of ``serve``.

    ``command`` runs something else that logs alike, such as the original. ``files`` is the limit on open files.
    """

    def __init__(self, *flags: str, command: Sequence[str] = (), files: int = 0) -> None:
        program = command or [sys.executable, "-m", "pytest_pushgateway", "serve"]
        if files:
            program = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", *program]
        self.process = subprocess.Popen(
            [*program, "--web.listen-address=127.0.0.1:0", *flags],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.port = 0
        self.log: list[bytes] = []
        self._reader: threading.Thread | None = None

    def wait(self) -> Served:
        """Wait until it listens."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            if match := _LISTENING.search(line):
                self.port = int(match[1])
                self._reader = threading.Thread(target=self._read, daemon=True)
                self._reader.start()
                return self
        raise RuntimeError(f"it did not start: {b''.join(self.log)!r}")

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            # The interesting lines come early, or are marked.
            if len(self.log) > 10_000:
                del self.log[5_000]

    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """Kill it with SIGKILL, and wait."""
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        if self._reader is not None:
            self._reader.join()
        if self.process.stderr is not None:
            self.process.stderr.close()

    def stop(self) -> int:
        """End it with SIGTERM; returns its exit status."""
        self.process.terminate()
        status = self.process.wait(timeout=30)
        self.kill()
        return status

    def trouble(self) -> list[str]:
        """Return the lines of the log that no request should cause."""
        marks = (b"Traceback", b"request failed", b"Error: ", b'msg="cannot serve')
        return [line.decode("utf-8", "replace").rstrip() for line in self.log if any(mark in line for mark in marks)]

    # In the system's view

    def resident(self) -> int:
        """Resident memory, bytes."""
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def peak(self) -> int:
        """Resident memory at its peak, bytes."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))

    def threads(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))
