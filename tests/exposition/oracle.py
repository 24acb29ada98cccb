"""A conversation with the real Pushgateway 1.11."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests import peers


@dataclass(frozen=True)
class Answer:
    """The gateway's answer; status 0 if it closed the connection without a word."""

    status: int
    body: bytes
    headers: dict[str, str]


class Oracle:
    """A running Pushgateway; every request on a kept-alive connection."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection: http.client.HTTPConnection | None = None

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            self._connection.request(method, path, body, headers or {})
            response = self._connection.getresponse()
            answer = Answer(response.status, response.read(), {k.lower(): v for k, v in response.getheaders()})
        except (http.client.HTTPException, ConnectionError):
            self._connection.close()
            self._connection = None
            return Answer(0, b"", {})
        if response.will_close:
            self._connection.close()
            self._connection = None
        return answer

    def push(
        self, body: bytes, path: str = "/metrics/job/j", *, method: str = "PUT", headers: dict[str, str] | None = None
    ) -> Answer:
        return self.request(method, path, body, headers)

    def scrape(self, accept: str = "") -> bytes:
        return self.request("GET", "/metrics", headers={"Accept": accept}).body

    def pushed(self, accept: str = "") -> bytes:
        """Scrape, and leave out the gateway's own families and ``push_time_seconds`` and the like."""
        blocks = re.split(rb"(?m)^(?=# HELP |# TYPE )", self.scrape(accept))
        kept, own = [], False
        for block in blocks:
            word, _, rest = block[2:].partition(b" ")
            name = rest.split(b" ", 1)[0]
            if word == b"HELP":
                own = re.match(rb"(go|process|pushgateway)_|push_(time|failure_time)_seconds$", name) is not None
                own_name = name
            elif not (own and name == own_name):
                own = False
            if not own:
                kept.append(block)
        return b"".join(kept)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


@contextmanager
def running_pushgateway(*flags: str) -> Iterator[Oracle]:
    """Start the real program on a free port of 127.0.0.1, and stop it at the end; it keeps nothing unless asked to."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            peers.pushgateway_binary(),
            *([] if any(flag.startswith("--persistence.file=") for flag in flags) else ["--persistence.file="]),
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
            *flags,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    oracle = Oracle(port)
    try:
        deadline = time.monotonic() + 10
        while oracle.request("GET", "/-/ready").status != 200:
            assert process.poll() is None, "the real Pushgateway ended at its start"
            assert time.monotonic() < deadline, "the real Pushgateway does not answer"
        yield oracle
    finally:
        oracle.close()
        process.terminate()
        process.wait(timeout=10)
