"""Slow senders and idle connections beside normal pushes: what a push costs then, and what it costs alone."""

from __future__ import annotations

import gc
import http.client
import random
import selectors
import socket
import statistics
import threading
import time

from tests.stress.bounds import Bounds, Figures, percentile
from tests.stress.served import Served

COUNT = 500
SECONDS = 60.0
PACE = 0.25
"""Seconds from one byte of a slow sender to its next."""

BODY = "".join(f'job_duration_seconds{{step="{number}"}} {number}.5\n' for number in range(10))
_HEAD = b"PUT /metrics/job/slow/number/%d HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 100000\r\n\r\n"


class SlowSenders:
    """Connections that send a request byte by byte, in head and body, until :meth:`end`."""

    def __init__(self, port: int, count: int) -> None:
        self._socks = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(count)]
        # Half of them linger in the head, the others in the body.
        self._pending = [bytearray((_HEAD % number) + b"#" * 9999) for number in range(count)]
        for number, sock in enumerate(self._socks):
            if number % 2:
                sock.sendall(_HEAD % number)
                self._pending[number] = bytearray(b"#" * 9999)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._drip)
        self.sent = 0
        self._thread.start()

    def _drip(self) -> None:
        pause = PACE / len(self._socks)
        while not self._ended.is_set():
            for sock, pending in zip(self._socks, self._pending, strict=True):
                if pending and not self._ended.wait(pause):
                    self.sent += sock.send(bytes([pending.pop(0)]))

    def end(self) -> int:
        """Close them; returns how many the gateway had closed before."""
        self._ended.set()
        self._thread.join()
        closed = 0
        with selectors.DefaultSelector() as selector:
            for sock in self._socks:
                selector.register(sock, selectors.EVENT_READ)
            closed = len(selector.select(0))
        for sock in self._socks:
            sock.close()
        return closed


def pushes(port: int, seconds: float, randomness: random.Random) -> list[float]:
    """Push for some seconds on new and on kept connections in turn; returns each push's time, seconds."""
    took = []
    end = time.monotonic() + seconds
    kept = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    while time.monotonic() < end:
        fresh = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for connection in (kept, fresh):
            began = time.perf_counter()
            connection.request("PUT", f"/metrics/job/normal/number/{randomness.randrange(20)}", BODY)
            answer = connection.getresponse()
            answer.read()
            took.append(time.perf_counter() - began)
            assert answer.status == 200
        fresh.close()
    kept.close()
    return took


def run(bounds: Bounds) -> Figures:
    served = Served().wait()
    part = bounds.seconds / 4
    try:
        pushes(served.port, min(1.0, part), bounds.random)
        alone = pushes(served.port, part, bounds.random)
        idle = [socket.create_connection(("127.0.0.1", served.port), timeout=30) for _ in range(bounds.count)]
        slow = SlowSenders(served.port, bounds.count)
        gc.collect()
        beside = pushes(served.port, 2 * part, bounds.random)
        threads = served.threads()
        cut = slow.end()
        for sock in idle:
            sock.close()
        trouble = served.trouble()
    finally:
        served.kill()
    ratio = statistics.median(beside) / statistics.median(alone)
    broken = trouble + [f"{cut} slow senders were cut off"] * bool(cut)
    # With few pushes on a busy machine a ratio means nothing.
    broken += [f"the median grew {ratio:.1f} times"] * (ratio > 3 and len(beside) > 1000)
    return {
        "slow_senders": bounds.count,
        "idle": bounds.count,
        "threads": threads,
        "slow_bytes": slow.sent,
        "pushes": len(beside),
        "median_alone_ms": round(statistics.median(alone) * 1000, 2),
        "median_ms": round(statistics.median(beside) * 1000, 2),
        "ratio": round(ratio, 2),
        "p99_alone_ms": round(percentile(alone, 0.99) * 1000, 2),
        "p99_ms": round(percentile(beside, 0.99) * 1000, 2),
        "broken": broken,
    }
