"""A gateway in another process, with the test API."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from types import TracebackType


class Served:
    """``serve --test.listen-address`` on free ports, while a ``with`` statement lasts."""

    def __init__(self, *flags: str) -> None:
        self.log: list[str] = []
        self.port = 0
        self.control = ""
        command = [sys.executable, "-m", "pytest_pushgateway", "serve"]
        command += ["--web.listen-address=127.0.0.1:0", "--test.listen-address=127.0.0.1:0", *flags]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        if not self._ready.wait(60) or not self.control:
            self.end()
            raise AssertionError(f"serve did not start: {self.log}")

    @property
    def url(self) -> str:
        """The URL of the test API for `connect`; on a busy machine a second may be too little for an answer."""
        return f"{self.control}?timeout=60s"

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))
            if found := re.search(r'"Listening on" address=127.0.0.1:(\d+)', line):
                self.port = int(found[1])
            if found := re.search(r'"Answering the test API" url=(\S+)/v1', line):
                self.control = found[1]
                self._ready.set()
        self._ready.set()

    def end(self) -> int:
        """End the process and return its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(60)
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return status

    def __enter__(self) -> Served:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
