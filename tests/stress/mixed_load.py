"""All kinds of requests, good and bad, for a while: memory flat, descriptors back where they were.

Of threads no more than the server keeps for connections to come.
"""

from __future__ import annotations

import gzip
import http.client
import random
import socket
import statistics
import struct
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pytest_pushgateway.gateway.http.workers import SPARE
from tests.stress.bounds import Bounds, Figures
from tests.stress.requests_to_mutate import mutated
from tests.stress.served import Served

COUNT = 6
SECONDS = 1800.0
GROUPS = 200
LARGEST = 300
"""Series of a push, at most."""

_RESET = struct.pack("ii", 1, 0)


class Client:
    """Sends requests of every kind until it is ended."""

    def __init__(self, port: int, seed: int, ended: threading.Event) -> None:
        self.port = port
        self.random = random.Random(seed)
        self.ended = ended
        self.done: Counter[str] = Counter()
        self.bad: Counter[int] = Counter()
        self._connection = self._connect()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def run(self) -> None:
        ways: list[Callable[[], None]] = [self._push] * 8 + [self._delete] * 2 + [self._scrape] * 2
        ways += [self._garbage] * 2 + [self._abort, self._spoilt, self._read, self._forget]
        while not self.ended.is_set():
            way = self.random.choice(ways)
            try:
                way()
            except (OSError, http.client.HTTPException):
                self.done["broken off"] += 1
                self._forget()
            self.done[way.__name__.strip("_")] += 1
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> int:
        self._connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
        answer = self._connection.getresponse()
        answer.read()
        if answer.status >= 500:
            self.bad[answer.status] += 1
        return answer.status

    def _path(self) -> str:
        return f"/metrics/job/mixed/number/{self.random.randrange(GROUPS)}"

    def _push(self) -> None:
        size, kind = self.random.randrange(1, LARGEST), self.random.randrange(5)
        lines = [f'mixed_{kind}{{series="{number}"}} {self.random.random()}\n' for number in range(size)]
        body = f"# TYPE mixed_{kind} gauge\n{''.join(lines)}".encode()
        method = self.random.choice(["PUT", "POST"])
        if self.random.random() < 0.3:
            self._ask(method, self._path(), gzip.compress(body, 1), Content_Encoding="gzip")
        else:
            self._ask(method, self._path(), body)

    def _delete(self) -> None:
        self._ask("DELETE", self._path())

    def _scrape(self) -> None:
        self._ask("GET", "/metrics", Accept_Encoding=self.random.choice(["gzip", "identity"]))

    def _read(self) -> None:
        self._ask("GET", self.random.choice(["/", "/api/v1/metrics", "/api/v1/status", "/-/healthy", "/nothing"]))

    def _garbage(self) -> None:
        self._ask("PUT", self._path(), self.random.randbytes(self.random.randrange(2000)))

    def _abort(self) -> None:
        """Reset the connection in the midst of a body."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as sock:
            sock.sendall(f"PUT {self._path()} HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\nmixed_1 ".encode())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    def _spoilt(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as sock:
            raw = mutated(self.random)
            # Neither emptied nor filled with names of ever new groups: memory is what is measured.
            if len(raw) < 50_000 and b"/metrics/job" not in raw and b"wipe" not in raw:
                sock.sendall(raw)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(1 << 16):
                    pass

    def _forget(self) -> None:
        self._connection.close()
        self._connection = self._connect()


def run(bounds: Bounds) -> Figures:
    with tempfile.TemporaryDirectory(prefix="stress-") as directory:
        served = Served(f"--persistence.file={Path(directory, 'metrics')}", "--persistence.interval=0s").wait()
        try:
            return _measured(served, bounds)
        finally:
            served.kill()


def _measured(served: Served, bounds: Bounds) -> Figures:
    # The database opens its log with the first write.
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    connection.request("PUT", "/metrics/job/first", b"first 1\n")
    connection.getresponse().read()
    connection.close()
    threads, descriptors = served.threads(), served.descriptors()
    ended = threading.Event()
    clients = [Client(served.port, bounds.seed * 100 + number, ended) for number in range(bounds.count)]
    running = [threading.Thread(target=client.run) for client in clients]
    for thread in running:
        thread.start()
    resident: list[int] = []
    end = time.monotonic() + bounds.seconds * 0.98
    while time.monotonic() < end and served.alive():
        time.sleep(max(0.02, bounds.seconds / 400))
        resident.append(served.resident())
    ended.set()
    for thread in running:
        thread.join()
    done: Counter[str] = Counter()
    bad: Counter[int] = Counter()
    for client in clients:
        done += client.done
        bad += client.bad
    with suppress(AssertionError):
        _settle(lambda: served.threads() <= threads + SPARE and served.descriptors() <= descriptors)
    after = served.threads(), served.descriptors()
    # The first fifth fills the groups; then a tenth at the beginning is compared with the last tenth.
    part = max(1, len(resident) // 10)
    early, late = statistics.median(resident[2 * part : 3 * part]), statistics.median(resident[-part:])
    growth = late / early - 1
    broken = served.trouble() + [f"{number} answers {status}" for status, number in bad.items()]
    broken += [] if served.alive() else ["crashed"]
    if after[0] > threads + SPARE or after[1] > descriptors:
        broken.append(f"threads and descriptors were {threads}, {descriptors} and are {after[0]}, {after[1]}")
    if growth > 0.05 and bounds.seconds >= 300:
        broken.append(f"memory grew by {growth:.1%}")
    return {
        "clients": bounds.count,
        "requests": sum(done.values()),
        **{f"requests_{name.replace(' ', '_')}": number for name, number in sorted(done.items())},
        "resident_early_mb": round(early / 1e6, 1),
        "resident_late_mb": round(late / 1e6, 1),
        "resident_peak_mb": round(max(resident) / 1e6, 1),
        "growth": round(growth, 4),
        "threads_before_after": [threads, after[0]],
        "descriptors_before_after": [descriptors, after[1]],
        "broken": broken,
    }


def _settle(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
