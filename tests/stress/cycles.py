"""Starts and stops with connections in every state: nothing is left, and no stop waits for anybody."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import statistics
import tempfile
import time
from pathlib import Path

import trustme

from pytest_pushgateway import Pushgateway, threads
from tests.stress.bounds import Bounds, Figures, percentile

COUNT = 500
SECONDS = 1800.0

_PUSH = b"PUT /metrics/job/j HTTP/1.1\r\nHost: gateway.test\r\n"
STATES = {
    "idle": b"",
    "half a head": b"GET /metrics HTTP/1.1\r\nHost: gate",
    "half a body": _PUSH + b"Content-Length: 100\r\n\r\na 1\n",
    "half a chunk": _PUSH + b"Transfer-Encoding: chunked\r\n\r\n40\r\na 1\n",
    "waiting to continue": _PUSH + b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n",
    "kept alive": b"GET /-/healthy HTTP/1.1\r\nHost: gateway.test\r\n\r\n",
    "in a hang": b"DELETE /metrics/job/hanging HTTP/1.1\r\nHost: gateway.test\r\n\r\n",
    "in a delay": b"DELETE /metrics/job/delayed HTTP/1.1\r\nHost: gateway.test\r\n\r\n",
    "reading slowly": b"GET /metrics HTTP/1.1\r\nHost: gateway.test\r\n\r\n" * 20,
}
_LARGE = "".join(f'large{{series="{number:0100}"}} {number}\n' for number in range(5000))


class Leftovers:
    """The possessions of a process: threads, descriptors, files in the directory for temporary ones."""

    def __init__(self, directory: Path) -> None:
        self.threads = set(threads.alive())
        self.descriptors = {name: _target(name) for name in os.listdir("/proc/self/fd")}
        self.files = set(directory.rglob("*"))

    def beside(self, before: Leftovers) -> list[str]:
        """Say what was not there before."""
        found = [f"thread {thread.name}" for thread in self.threads - before.threads]
        new = set(self.descriptors.items()) - set(before.descriptors.items())
        found += [f"descriptor {target}" for _, target in new if "/fd" not in target]
        return found + [f"file {path.name}" for path in self.files - before.files]


def _target(descriptor: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return "/fd"


def connect(gateway: Pushgateway, state: bytes, trusted: ssl.SSLContext | None) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(10)
    sock.connect((gateway.host, gateway.port))
    if trusted is not None:
        sock = trusted.wrap_socket(sock, server_hostname=gateway.host)
    sock.sendall(state)
    return sock


def hello() -> bytes:
    """Return a client's first message of a TLS handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="gateway.test")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def cycle(number: int, files: tuple[str, str], trusted: ssl.SSLContext, each: int) -> tuple[float, int]:
    """Start, connect, stop; returns the stop's seconds and the number of connections. Every second one is TLS."""
    tls = number % 2 == 1
    gateway = Pushgateway(**({"tls": files} if tls else {}))
    gateway.start()
    if number % 3 == 0:
        gateway.push("kept 1\n", job="kept")
        assert gateway.persistence_file
    gateway.push(_LARGE, job="large")
    gateway.faults.hang(paths="*/hanging")
    gateway.faults.delay(3600, paths="*/delayed")
    socks = []
    for state in STATES.values():
        socks += [connect(gateway, state, trusted if tls else None) for _ in range(each)]
    if tls:
        # In the midst of the handshake, and before it.
        socks += [connect(gateway, data, None) for data in (b"", b"\x16", hello()[:60], hello()) for _ in range(each)]
    for sock in socks[:: number % 5 + 2]:
        # Some clients are gone by then.
        sock.close()
    time.sleep(0.01 * (number % 3))
    began = time.perf_counter()
    gateway._gateway.end()
    took = time.perf_counter() - began
    for sock in socks:
        sock.close()
    return took, len(socks)


def run(bounds: Bounds) -> Figures:
    with tempfile.TemporaryDirectory(prefix="stress-") as name:
        directory = Path(name)
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1")
        chain, key = directory / "cert.pem", directory / "key.pem"
        issued.private_key_and_cert_chain_pem.write_to_path(str(chain))
        issued.private_key_pem.write_to_path(str(key))
        trusted = ssl.create_default_context()
        authority.configure_trust(trusted)
        temporary, tempfile.tempdir = tempfile.tempdir, name
        try:
            return _cycles(bounds, directory, (str(chain), str(key)), trusted)
        finally:
            tempfile.tempdir = temporary


def _cycles(bounds: Bounds, directory: Path, files: tuple[str, str], trusted: ssl.SSLContext) -> Figures:
    stops: list[float] = []
    leaked: list[str] = []
    connections = 0
    for number in (-6, -5):
        # What is imported and opened once for a process is no leak.
        cycle(number, files, trusted, 1)
    before = Leftovers(directory)
    for number in bounds.rounds():
        took, opened = cycle(number, files, trusted, 2)
        stops.append(took)
        connections += opened
        leaked += [f"cycle {number}: {one}" for one in Leftovers(directory).beside(before)]
    broken = leaked[:20] + [f"a stop took {max(stops):.2f} seconds"] * (max(stops) > 1)
    return {
        "cycles": len(stops),
        "connections": connections,
        "leaked": len(leaked),
        "median_stop_ms": round(statistics.median(stops) * 1000, 1),
        "p99_stop_ms": round(percentile(stops, 0.99) * 1000, 1),
        "slowest_stop_ms": round(max(stops) * 1000, 1),
        "broken": broken,
    }
