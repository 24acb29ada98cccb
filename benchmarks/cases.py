"""The cases: each yields rows of the table."""

from __future__ import annotations

import itertools
import multiprocessing
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from http.client import HTTPConnection

from benchmarks.configurations import configurations
from benchmarks.floor import bare_sockets, empty_application
from benchmarks.measure import Result, against, below, in_turns, times
from benchmarks.plot import push_cost
from benchmarks.servers import Server, fill, group_body, our_command, ours_with, pair
from benchmarks.startup import first_use_of_the_fixture, import_of_the_unused_plugin, start_of_serve

PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
counter = itertools.count(1)


def push_of_ten(server: Server) -> None:
    number = next(counter)
    body = "".join(f'bench_metric_5{{disk="sd{n}",state="pushed"}} {number}\n' for n in range(10))
    server.request("PUT", "/metrics/job/pusher/instance/00300x", f"# TYPE bench_metric_5 gauge\n{body}".encode())


def start_and_stop() -> Iterator[Result]:
    from pytest_pushgateway import Pushgateway

    def once() -> None:
        gateway = Pushgateway()
        gateway.start()
        gateway.stop()

    yield below("warm start and stop", statistics.median(times(once)), 3)


def reset() -> Iterator[Result]:
    from pytest_pushgateway import Pushgateway

    with Pushgateway() as gateway:
        for held in (10, 60_000):
            found = []
            for _ in range(30):
                for group in range(max(1, held // 100)):
                    body = group_body(group).decode() if held > 10 else "a 1\n"
                    gateway.push(body, job="fill", grouping_key={"instance": str(group)})
                start = time.perf_counter()
                gateway.reset()
                found.append((time.perf_counter() - start) * 1000)
            yield below(f"reset with {held:,} series held", statistics.median(found), 0.2)


def push_to_gateway_round_trip() -> Iterator[Result]:
    from prometheus_client import CollectorRegistry, Gauge, push_to_gateway

    from pytest_pushgateway import Pushgateway

    registry = CollectorRegistry()
    Gauge("bench_seconds", "A gauge.", registry=registry).set(1.5)
    with pair() as (_, go), Pushgateway() as gateway:
        ours, theirs = in_turns(
            lambda: push_to_gateway(gateway.address, "bench", registry),
            lambda: push_to_gateway(go.address, "bench", registry),
            100,
        )
    yield against("push_to_gateway round trip, empty gateway, in process", ours, theirs, 0.8)


def push_by_store_size() -> Iterator[Result]:
    costs = {}
    for series, limit in ((0, 0.7), (100, None), (1_000, 0.5), (10_000, 0.05), (60_000, 0.01), (200_000, 0.005)):
        with pair(series) as (ours, go):
            medians = in_turns(lambda: push_of_ten(ours), lambda: push_of_ten(go), 200 if series <= 1000 else 30)
        costs[series] = medians
        if limit is not None:
            yield against(f"push of 10 series, keep-alive, {series:,} stored", *medians, limit)
    with ours_with(100) as small, ours_with(200_000) as large:
        medians = in_turns(lambda: push_of_ten(large), lambda: push_of_ten(small), 500, 50)
    ratio = medians[0] / medians[1]
    yield Result("round trip at 200,000 stored over that at 100", ratio, None, "≤ 1.3", ratio <= 1.3, "×")
    push_cost(costs)


def large_body(offset: int) -> bytes:
    lines = (f'large{{disk="sd{n % 997}",path="/var/lib/{n}"}} {n * 0.25 + offset}\n' for n in range(100_000))
    return "".join(lines).encode()


def one_large_push() -> Iterator[Result]:
    bodies = [large_body(offset) for offset in range(4)]
    with pair() as servers:
        found: tuple[list[float], list[float]] = ([], [])
        for turn in range(16):
            for server, kept in zip(servers, found, strict=True):
                server.request("DELETE", "/metrics/job/large")
                start = time.perf_counter()
                server.request("PUT", "/metrics/job/large", bodies[0])
                if turn:
                    kept.append((time.perf_counter() - start) * 1000)
        yield against("first push of 100,000 series", statistics.median(found[0]), statistics.median(found[1]), 0.8)

        def again(server: Server) -> Callable[[], bytes]:
            following = itertools.cycle(bodies)
            return lambda: server.request("PUT", "/metrics/job/large", next(following))

        medians = in_turns(again(servers[0]), again(servers[1]), 30)
        yield against("100,000 series pushed again, new values", *medians, 0.25)


def first_answers(path: str, count: int = 5) -> float:
    """Return the median of the first answers of that many of our gateways, each with 60,000 series, in milliseconds."""
    found = []
    for _ in range(count):
        server = Server(our_command("--persistence.file="))
        try:
            fill(server, 60_000)
            start = time.perf_counter()
            server.request("GET", path)
            found.append((time.perf_counter() - start) * 1000)
        finally:
            server.stop()
    return statistics.median(found)


def scrapes() -> Iterator[Result]:
    def get(server: Server, **headers: str) -> Callable[[], bytes]:
        return lambda: server.request("GET", "/metrics", headers=headers)

    first = first_answers("/metrics")
    with pair(60_000) as (ours, go):
        unchanged, theirs = in_turns(get(ours), get(go), 30)
        yield against("scrape of 60,000 series, the first", first, theirs, 1.0)
        yield against("scrape of 60,000 series, unchanged", unchanged, theirs, 0.03)
        found: tuple[list[float], list[float]] = ([], [])
        for _ in range(30):
            for server, kept in zip((ours, go), found, strict=True):
                push_of_ten(server)
                kept.extend(times(get(server), 1, 0))
        touched, theirs = statistics.median(found[0]), statistics.median(found[1])
        yield against("scrape of 60,000 series after a push of 10", touched, theirs, 0.1)
        for name, headers, limit in (
            ("gzip", {"Accept-Encoding": "gzip"}, 0.25),
            ("protobuf", {"Accept": PROTOBUF}, 0.5),
        ):
            medians = in_turns(get(ours, **headers), get(go, **headers), 30)
            yield against(f"scrape of 60,000 series, {name}, unchanged", *medians, limit)


def json_api() -> Iterator[Result]:
    def get(server: Server) -> Callable[[], bytes]:
        return lambda: server.request("GET", "/api/v1/metrics")

    first = first_answers("/api/v1/metrics")
    with pair(60_000) as (ours, go):
        unchanged, theirs = in_turns(get(ours), get(go), 30)
    yield against("/api/v1/metrics at 60,000 series, the first", first, theirs, 1.0)
    yield against("/api/v1/metrics at 60,000 series, unchanged", unchanged, theirs, 0.2)


def pusher(port: int, number: int, seconds: float, queue: multiprocessing.Queue[list[float]]) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    body = b"".join(b'load{n="%d",p="%d"} 1\n' % (n, number) for n in range(10))
    latencies = []
    end = time.perf_counter() + seconds
    turn = 0
    while (start := time.perf_counter()) < end:
        connection.request("PUT", f"/metrics/job/load/instance/{number}-{turn % 125}", body)
        connection.getresponse().read()
        latencies.append((time.perf_counter() - start) * 1000)
        turn += 1
    queue.put(latencies)


def eight_processes() -> Iterator[Result]:
    found = {}
    for which in (0, 1):
        with pair() as servers:
            server = servers[which]
            for number in range(8):
                for group in range(125):
                    body = b"".join(b'load{n="%d",p="%d"} 1\n' % (n, number) for n in range(10))
                    server.request("PUT", f"/metrics/job/load/instance/{number}-{group}", body)
            context = multiprocessing.get_context("fork")
            queue: multiprocessing.Queue[list[float]] = context.Queue()
            processes = [context.Process(target=pusher, args=(server.port, n, 10.0, queue)) for n in range(8)]
            for process in processes:
                process.start()
            latencies = sorted(itertools.chain.from_iterable(queue.get() for _ in processes))
            for process in processes:
                process.join()
        found[which] = (len(latencies) / 10, latencies[int(len(latencies) * 0.99)])
    ours, go = found[0], found[1]
    yield Result("8 processes pushing at 1,000 groups", ours[0], go[0], "≥ 10 × Go", ours[0] >= 10 * go[0], "pushes/s")
    yield against("8 processes, p99", ours[1], go[1], 1.0)


def memory() -> Iterator[Result]:
    with pair(60_000) as (ours, go):
        for server in (ours, go):
            server.request("GET", "/metrics")
            server.request("GET", "/metrics")
        yield against(
            "resident memory at 60,000 series, scraped", ours.resident() / 2**20, go.resident() / 2**20, 0.7, unit="MiB"
        )


def persistence() -> Iterator[Result]:
    for series in (100, 60_000):
        with tempfile.TemporaryDirectory() as folder:
            plain = Server(our_command("--persistence.file="))
            kept = Server(our_command(f"--persistence.file={folder}/state.db", "--persistence.interval=0s"))
            try:
                fill(plain, series)
                fill(kept, series)
                with_file: list[float] = []
                without: list[float] = []
                for turn in range(520):
                    for server, found in ((kept, with_file), (plain, without)):
                        start = time.perf_counter()
                        push_of_ten(server)
                        if turn >= 20:
                            found.append((time.perf_counter() - start) * 1000)
            finally:
                plain.stop()
                kept.stop()
        added = statistics.median(with_file) - statistics.median(without)
        p99 = sorted(with_file)[int(len(with_file) * 0.99)]
        yield below(
            f"persistence, interval 0, {series:,} stored: added", added, 0.2, note=f"p99 of a push {p99:.2f} ms"
        )


def journal() -> Iterator[Result]:
    from pytest_pushgateway import Pushgateway

    body = "".join(f'load{{n="{n}"}} 1\n' for n in range(10)).encode()

    def pushes(gateway: Pushgateway, count: int) -> list[float]:
        connection = HTTPConnection(gateway.host, gateway.port)
        found = []
        for _ in range(count):
            start = time.perf_counter()
            connection.request("PUT", "/metrics/job/load", body)
            connection.getresponse().read()
            found.append((time.perf_counter() - start) * 1000)
        connection.close()
        return found

    medians = {}
    for limit in (0, 10_000):
        with Pushgateway(journal_limit=limit) as gateway:
            medians[limit] = statistics.median(pushes(gateway, 2000))
    yield Result("journal: added to a push of 10", medians[10_000] - medians[0], None, "measured", True)
    with Pushgateway() as gateway:
        pushes(gateway, 10)
        tracemalloc.start()
        pushes(gateway, 10_000)
        size = tracemalloc.get_traced_memory()[0] / 2**20
        tracemalloc.stop()
    yield Result("journal: memory of 10,000 pushes of 10", size, None, "measured", True, "MiB")


def floors() -> Iterator[Result]:
    """The same push of 10 series, and of one on a new connection, to servers in this process that do nothing."""
    from prometheus_client import CollectorRegistry, Gauge, push_to_gateway

    from pytest_pushgateway import Pushgateway

    body = "".join(f'load{{n="{n}"}} 1\n' for n in range(10)).encode()
    registry = CollectorRegistry()
    Gauge("bench_seconds", "A gauge.", registry=registry).set(1.5)
    kept: dict[str, list[float]] = {}
    fresh: dict[str, list[float]] = {}
    with bare_sockets() as bare, empty_application() as empty, Pushgateway() as gateway:
        ports = {"a bare socket": bare, "an empty application": empty, "the gateway": gateway.port}
        for turn in range(220):
            for name, port in ports.items():
                start = time.perf_counter()
                push_to_gateway(f"127.0.0.1:{port}", "bench", registry)
                if turn >= 20:
                    fresh.setdefault(name, []).append((time.perf_counter() - start) * 1000)
        for name, port in ports.items():
            connection = HTTPConnection("127.0.0.1", port)
            for _ in range(520):
                start = time.perf_counter()
                connection.request("PUT", "/metrics/job/load", body)
                connection.getresponse().read()
                kept.setdefault(name, []).append((time.perf_counter() - start) * 1000)
            connection.close()
    bare_round_trip, ours = (statistics.median(kept[name]) for name in ("a bare socket", "the gateway"))
    ratio = ours / bare_round_trip
    yield Result("keep-alive push of 10 over a bare socket's", ratio, None, "≤ 2", ratio <= 2, "×")
    for name in ports:
        yield Result(f"floor: push_to_gateway to {name}", statistics.median(fresh[name]), None, "measured", True)
    for name in ports:
        yield Result(f"floor: keep-alive push to {name}", statistics.median(kept[name][20:]), None, "measured", True)


CASES: list[Callable[[], Iterator[Result]]] = [
    import_of_the_unused_plugin,
    first_use_of_the_fixture,
    start_of_serve,
    start_and_stop,
    reset,
    push_to_gateway_round_trip,
    push_by_store_size,
    one_large_push,
    scrapes,
    json_api,
    eight_processes,
    memory,
    persistence,
    journal,
    configurations,
    floors,
]
