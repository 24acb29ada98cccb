"""Where the time of a push goes: ``python -m benchmarks.where``.

Serves client_python's push on its own connection again and again, in one thread through a pair of sockets, and
prints what each part takes of the processor, in microseconds: measured without a profiler for the whole, and shared
out as cProfile sees it.
"""

from __future__ import annotations

import cProfile
import pstats
import socket
import statistics
import time

from pytest_pushgateway import Pushgateway
from pytest_pushgateway.gateway.http.connection import Connection
from pytest_pushgateway.harness.behind.local import LocalGateway

BODY = b"# HELP bench_seconds A gauge.\n# TYPE bench_seconds gauge\nbench_seconds 1.5\n"
REQUEST = (
    b"PUT /metrics/job/bench HTTP/1.1\r\nAccept-Encoding: identity\r\nContent-Length: %d\r\nHost: 127.0.0.1:9091\r\n"
    b"User-Agent: Python-urllib/3.11\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
    b"Connection: close\r\n\r\n%b"
) % (len(BODY), BODY)
PARTS = {
    "the whole": ("connection.py", "run"),
    "read and parse the head": ("connection.py", "_read_head"),
    "parse the body": ("push_body.py", "parse_push"),
    "verdict and store": ("store.py", "push"),
    "count for the own metrics": ("handling.py", "_size"),
    "tell journal and page": ("gateway.py", "_observe"),
    "write the answer": ("connection.py", "_write"),
}


def main() -> None:
    with Pushgateway() as gateway:
        local = gateway._gateway
        assert isinstance(local, LocalGateway)
        inner = local.inner
        assert inner is not None
        server = inner._server

        def once() -> float:
            client, ours = socket.socketpair()
            client.sendall(REQUEST)
            connection = Connection(server, ours, ("127.0.0.1", 1))
            start = time.thread_time()
            connection.run()
            taken = time.thread_time() - start
            client.close()
            return taken * 1e6

        whole = statistics.median([once() for _ in range(3000)][1000:])
        profiler = cProfile.Profile()
        profiler.enable()
        for _ in range(1000):
            once()
        profiler.disable()
    seen = {
        (file.rpartition("/")[2], name): cumulative
        for (file, _, name), (_, _, _, cumulative, _) in pstats.Stats(profiler).stats.items()  # type: ignore[attr-defined]
        if "pytest_pushgateway" in file
    }
    total = seen[PARTS["the whole"]]
    for part, where in PARTS.items():
        print(f"{part:28} {whole * seen[where] / total:6.0f} µs {seen[where] / total:5.0%}")


if __name__ == "__main__":
    main()
