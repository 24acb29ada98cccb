"""Small pushes that could cost a server: what each takes of time and memory, here and in the original.

Each attack meets a fresh process. Time is that of the whole, peak memory what the system noted of the process.
"""

from __future__ import annotations

import gzip
import http.client
import os
import socket
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

from tests.stress.bounds import Bounds, Figures
from tests.stress.served import Served

COUNT = 100
SECONDS = 900.0
MB = 1 << 20
_LONGEST = 60.0
"""Seconds that one request may take."""
_PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
_SCRAPED_AS: tuple[Mapping[str, str], ...] = ({}, {"Accept-Encoding": "gzip"}, {"Accept": _PROTOBUF})


class Client:
    """Speaks with one gateway, keeping nothing of what it is sent."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.statuses: list[int] = []

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> int:
        """Send a request; return the status, 0 where no answer came."""
        named = {"Host": "gateway.test", "Content-Length": str(len(body)), "Connection": "close", **headers}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {text}" for name, text in named.items())]
        status = 0
        with socket.create_connection(("127.0.0.1", self.port), timeout=_LONGEST) as sock:
            with suppress(ConnectionError):
                # Refused before all of it was sent, perhaps: the answer is there all the same.
                sock.sendall("\r\n".join([*lines, "\r\n"]).encode())
                sock.sendall(body)
            with suppress(OSError, http.client.HTTPException):
                answer = http.client.HTTPResponse(sock, method=method)
                answer.begin()
                while answer.read(MB):
                    pass
                status = answer.status
        self.statuses.append(status)
        return status

    def push(self, body: bytes, path: str = "/metrics/job/attack", **headers: str) -> int:
        return self.ask("PUT", path, body, **headers)

    def read_all(self) -> None:
        """Read what is held in every way that there is."""
        for headers in _SCRAPED_AS:
            self.ask("GET", "/metrics", b"", **headers)
        self.ask("GET", "/api/v1/metrics")


class Attack(NamedTuple):
    """The bytes that are sent, and the memory that they may take here: bytes above the idle process, at the peak."""

    what: str
    send: Callable[[Client], object]
    memory: int
    flags: tuple[str, ...] = ()


def delimited(message: bytes) -> bytes:
    """Put the length before a message of protobuf."""
    length, out = len(message), b""
    while length > 127:
        out += bytes([length & 127 | 128])
        length >>= 7
    return out + bytes([length]) + message


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + delimited(content)


def native(schema: int) -> bytes:
    """Return a push of a native histogram with one bucket: some 42 bytes."""
    histogram = b"\x08\x01" + b"\x28" + bytes([schema * 2 if schema >= 0 else -schema * 2 - 1])
    histogram += _field(12, b"\x08\x00\x10\x01") + _field(13, b"\x02")
    return delimited(_field(1, b"native") + b"\x18\x04" + _field(4, _field(7, histogram)))


def gzipped(piece: bytes, times: int, last: bytes = b"") -> bytes:
    """Compress a piece many times over, and what comes last."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([*(packer.compress(piece) for _ in range(times)), packer.compress(last), packer.flush()])


def short_lines(count: int) -> bytes:
    return b"".join(b'a{x="%d"} 1\n' % number for number in range(count))


def _schema_24(client: Client) -> None:
    client.push(native(24), Content_Type=_PROTOBUF)
    client.ask("GET", "/api/v1/metrics")
    client.ask("GET", "/")


def _long_job(size: int, lines: int = 10_000) -> Callable[[Client], None]:
    def send(client: Client) -> None:
        client.push(short_lines(lines), f"/metrics/job/{'j' * size}")

    return send


def _long_job_read(client: Client) -> None:
    _long_job(100_000, 1_000)(client)
    client.read_all()


def _many_families(client: Client) -> None:
    client.push(b"".join(b"a%d 1\n" % number for number in range(10_000)), f"/metrics/job/{'j' * 100_000}")


def _backslash(client: Client) -> None:
    client.push(b'a{x="%b\\\\"} 1\n' % (b"x" * 8_000_000))
    client.read_all()


def _decoded(piece: bytes, times: int, last: bytes = b"") -> Callable[[Client], None]:
    def send(client: Client) -> None:
        client.push(gzipped(piece, times, last), Content_Encoding="gzip")

    return send


def _plain(piece: bytes, times: int) -> Callable[[Client], int]:
    return lambda client: client.push(piece * times)


def _collisions(client: Client) -> None:
    client.push(b"a 1\n" * 10_000, f"/metrics/job/{'j' * 10_000}")


def _silent(client: Client) -> None:
    """Open silent connections until no more can be, then push."""
    silent: list[socket.socket] = []
    with suppress(OSError):
        for _ in range(1_100):
            silent.append(socket.create_connection(("127.0.0.1", client.port), timeout=5))
    client.push(b"late 1\n")
    for one in silent:
        one.close()


def _families(size: int, lines_in_all: int = 500_000) -> bytes:
    """Return lines of some 50 bytes in families of this many series."""
    lines = (b'fam_%d{disk="sd%d",path="/lib/%06d"} %d\n' % (n // size, n % 997, n, n) for n in range(lines_in_all))
    return b"".join(lines)


def _histograms() -> bytes:
    """Return 24 MB of histograms with 10 buckets, 10 in a family."""
    text = []
    for number in range(65_000):
        name, path = b"h%d" % (number // 10), b'path="/p%06d"' % number
        text += [b"# TYPE %b histogram\n" % name] if number % 10 == 0 else []
        text += [b'%b_bucket{%b,le="%d"} %d\n' % (name, path, bound, bound) for bound in range(10)]
        text.append(b"%b_sum{%b} 9\n%b_count{%b} 9\n" % (name, path, name, path))
    return b"".join(text)


_LINE = b'large{disk="sd%d",path="/var/lib/%d"} %d\n'
_STORED = b"".join(_LINE % (number % 997, number, number) for number in range(500_000))

ATTACKS = (
    Attack("a native histogram of schema 24, read as JSON", _schema_24, 32 * MB),
    Attack("10,000 lines under a job of 100 kB", _long_job(100_000), 64 * MB),
    Attack("10,000 lines under a job of 900 kB", _long_job(900_000), 64 * MB),
    Attack("10,000 lines under a job of 100 kB, kept in a file", _long_job(100_000), 64 * MB, ("file",)),
    Attack("10,000 families under a job of 100 kB, kept in a file", _many_families, 128 * MB, ("file",)),
    Attack("1,000 lines under a job of 100 kB, read in every format", _long_job_read, 64 * MB),
    Attack("a label value of 8 MB with one backslash, read in every format", _backslash, 160 * MB),
    Attack("gzip of 200 MB of newlines", _decoded(b"\n" * MB, 200), 64 * MB),
    Attack("gzip of 200 MB, malformed in the first line", _decoded(b"?" * MB, 200), 64 * MB),
    Attack("gzip of 20 MB, malformed in the last line", _decoded(b"a 1\n" * (MB // 4), 20, b"?\n"), 64 * MB),
    Attack("200 MB of newlines", _plain(b"\n" * MB, 200), 64 * MB),
    Attack("gzip of 10 MB, one series again and again", _decoded(b"a 1\n" * (MB // 4), 10), 64 * MB),
    Attack("gzip of 2 GB, one line without an end", _decoded(b"a" * MB, 2048), 200 * MB),
    Attack(
        f"gzip of {len(_STORED) / MB:.0f} MB, 500,000 series",
        lambda client: client.push(gzip.compress(_STORED, 1), Content_Encoding="gzip"),
        3 * len(_STORED),
    ),
    Attack("500,000 lines in families of 100", lambda client: client.push(_families(100)), 80 * MB),
    Attack("500,000 lines in families of 10", lambda client: client.push(_families(10)), 125 * MB),
    Attack("100,000 lines, each a family", lambda client: client.push(_families(1, 100_000)), 110 * MB),
    Attack("65,000 histograms of 10 buckets in families of 10", lambda client: client.push(_histograms()), 110 * MB),
    Attack("one line of 8 MB", lambda client: client.push(b'a{x="%b"} 1\n' % (b"x" * 8_000_000)), 24 * MB),
    Attack("10,000 collisions of a job of 10 kB", _collisions, 64 * MB),
    Attack("1,100 silent connections under ulimit -n 1024", _silent, 64 * MB, ("files",)),
)


class Suffered(NamedTuple):
    """The effect of an attack on a program."""

    seconds: float
    peak: float
    """Megabytes."""
    idle: float
    statuses: str
    trouble: str

    def figures(self) -> list[object]:
        return [self.seconds, self.peak, self.statuses]


def run(bounds: Bounds) -> Figures:
    """Run the attacks one after the other; in a row: seconds, peak megabytes and statuses, here and in the original."""
    original = os.environ.get("PUSHGATEWAY_BINARY")
    rows: dict[str, dict[str, list[object]]] = {}
    broken: list[str] = []
    for _, attack in zip(bounds.rounds(), ATTACKS, strict=False):
        here = suffer(attack)
        rows[attack.what] = {"here": here.figures()}
        if here.peak - here.idle > attack.memory / MB:
            broken.append(f"{attack.what}: {here.peak} MB at the peak, {here.idle} MB idle")
        if here.trouble:
            broken.append(f"{attack.what}: {here.trouble}")
        if original:
            rows[attack.what]["original"] = suffer(attack, original).figures()
    return {"attacks": len(rows), "rows": rows, "broken": broken}


def suffer(attack: Attack, original: str | None = None) -> Suffered:
    """Attack a fresh gateway; the original if its program is given."""
    with tempfile.TemporaryDirectory(prefix="stress-") as directory:
        flags = [f"--persistence.file={directory}/metrics"] if "file" in attack.flags else []
        if flags and original is None:
            flags.append("--persistence.interval=0s")
        command = [] if original is None else [original]
        served = Served(*flags, command=command, files=1024 if "files" in attack.flags else 0).wait()
        try:
            client = Client(served.port)
            client.push(b"first 1\n")
            client.ask("GET", "/metrics")
            client.statuses.clear()
            idle = served.peak()
            began = time.perf_counter()
            attack.send(client)
            seconds = time.perf_counter() - began
            statuses = ", ".join(map(str, client.statuses))
            trouble = served.trouble()
            if client.ask("GET", "/-/healthy") != 200:
                trouble.append("does not answer any more")
            peak = served.peak()
        finally:
            served.kill()
    return Suffered(round(seconds, 2), round(peak / MB, 1), round(idle / MB, 1), statuses, "; ".join(trouble)[:300])
