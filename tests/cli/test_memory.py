"""``serve`` takes its memory from one heap, whose holes serve every thread, and gives large pieces back."""

from __future__ import annotations

import ctypes  # noqa: F401, so that it is loaded here as there
import re
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from threading import Barrier

import pytest

from tests import wire
from tests.cli.conftest import Served

Serve = Callable[..., Served]

HEAP = 64 << 20
"""glibc aligns the heaps of threads to multiples of it, in bytes."""
BODY = b"".join(b'memory_series{number="%d"} 1\n' % number for number in range(2000))


def _loaded(pid: int | str) -> str:
    return Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")


pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads the mappings of another process"),
    pytest.mark.skipif(
        sys.platform == "linux" and not ("/libc.so.6" in _loaded("self") and "/_ctypes." in _loaded("self")),
        reason="the C library is not glibc, or the interpreter has ctypes built in, which no mapping shows",
    ),
]


def _heaps(pid: int) -> int:
    """Count the heaps of threads: each is the beginning of a reserved range."""
    ranges = []
    for start, end, access in re.findall("(?m)^([0-9a-f]+)-([0-9a-f]+) ([rwxps-]+) ", _loaded(pid)):
        ranges.append((int(start, 16), int(end, 16), access))
    return sum(
        start % HEAP == 0 and access == "rw-p" and reserved == (end, start + HEAP, "---p")
        for (start, end, access), reserved in pairwise(ranges)
    )


def _ready(served: Served) -> int:
    """Wait until it has set up its memory, right after its start; return its number."""
    deadline = time.monotonic() + 30
    while "/_ctypes." not in _loaded(served.process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return served.process.pid


def test_eight_threads_share_one_heap(serve: Serve) -> None:
    served = serve()
    pid = _ready(served)
    together = Barrier(8)

    def push(number: int) -> int:
        together.wait(30)
        return wire.request(served.port, "PUT", f"/metrics/job/{number}", BODY).status

    with ThreadPoolExecutor(8) as clients:
        assert [*clients.map(push, range(8))] == [200] * 8
    # The thread that accepted first may have had a heap before: without the limit there are nine.
    assert _heaps(pid) <= 2


def test_large_bodies_leave_no_holes_in_the_heap(serve: Serve) -> None:
    served = serve()
    pid = _ready(served)
    for _ in range(4):
        assert wire.request(served.port, "PUT", "/metrics/job/j", b'a{b="%b"} 1\n' % (b"x" * 4_000_000)).status == 200
    (start, end), *_ = re.findall(r"(?m)^([0-9a-f]+)-([0-9a-f]+) .*\[heap\]$", _loaded(pid))
    # The value that is kept also has pages to itself. Otherwise the heap takes 12 to 20 MB.
    assert int(end, 16) - int(start, 16) < 8_000_000
