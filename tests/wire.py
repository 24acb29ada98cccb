"""Talking to a gateway in raw bytes, and the real Pushgateway beside it."""

from __future__ import annotations

import errno
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message

from pytest_pushgateway.gateway.builds import Build
from tests import peers


@dataclass
class Answer:
    """The answers in raw bytes, and the state of the connection at the end."""

    raw: bytes
    end: str
    """``open`` (nothing more came for a while), ``eof`` or ``reset``."""


def talk(port: int, *pieces: bytes, half_close: bool = False, patience: float = 0.4) -> Answer:
    """Send the pieces, a little apart, and read until the peer ends or falls silent for ``patience`` seconds."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        received = b""
        try:
            for number, piece in enumerate(pieces):
                if number:
                    sock.settimeout(patience / 4)
                    with suppress(TimeoutError):
                        received += sock.recv(65536)
                sock.settimeout(10)
                sock.sendall(piece)
            if half_close:
                sock.shutdown(socket.SHUT_WR)
            # The first bytes may take long on a busy machine; silence counts only after them.
            sock.settimeout(10)
            while data := sock.recv(65536):
                received += data
                sock.settimeout(patience)
        except TimeoutError:
            return Answer(received, "open")
        except (ConnectionResetError, BrokenPipeError):
            return Answer(received, "reset")
    return Answer(received, "eof")


_DATE = re.compile(rb"\r\nDate: [^\r]*GMT\r\n")


def shape(answer: Answer) -> tuple[bytes, str]:
    """Return what must be equal in both programs: everything but the date."""
    return _DATE.sub(b"\r\nDate: -\r\n", answer.raw), answer.end


@dataclass
class Response:
    """One parsed answer."""

    status: int
    headers: Message
    body: bytes
    header_names: list[str] = field(default_factory=list)


def request(port: int, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Response:
    """Send one request whose target goes out as it is, and parse the answer."""
    from http.client import HTTPResponse

    lines = [f"{method} {target} HTTP/1.1", "Host: gateway.test", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body or method in ("PUT", "POST"):
        lines.append(f"Content-Length: {len(body)}")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        parsed = HTTPResponse(sock, method=method)
        parsed.begin()
        content = parsed.read()
        parsed.close()
        return Response(parsed.status, parsed.headers, content, list(parsed.headers))


def free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


GO_1_25 = "httpmuxgo121=0,httplaxcontentlength=0"
"""What Debian's build needs in ``GODEBUG`` to route and to read lengths as Go 1.25 does."""


def build_of(port: int) -> Build:
    """Recognise by its answers which build of the original listens on a port."""
    if request(port, "GET", "/x%2F%2Fy").headers["Location"] == "/x/y":
        return Build.DEBIAN
    return Build.RELEASE if request(port, "GET", "//x").status == 307 else Build.GO_1_25


@contextmanager
def real_pushgateway(*flags: str, godebug: str = "") -> Iterator[int]:
    """Run the real Pushgateway and yield its port."""
    binary = peers.pushgateway_binary()
    command = [str(binary), "--persistence.file=", "--web.listen-address=127.0.0.1:0", *flags]
    environment = {**os.environ, **({"GODEBUG": godebug} if godebug else {})}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment)
    assert process.stderr is not None
    reader = threading.Thread(target=lambda: None)
    try:
        port = 0
        for line in process.stderr:
            if match := re.search(rb"msg=\"Listening on\" address=[^ ]*:([0-9]+)", line):
                port = int(match[1])
                break
        assert port, "the real Pushgateway did not start"
        reader = threading.Thread(target=process.stderr.read)
        reader.start()
        yield port
    finally:
        process.kill()
        process.wait()
        if reader.ident:
            reader.join()
        process.stderr.close()


def is_refused(port: int) -> bool:
    """Return whether nobody listens on a port."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


def wait_until(condition: Callable[[], object], timeout: float = 10.0) -> None:
    """Poll a condition until it is true; fails after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)
