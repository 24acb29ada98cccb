"""Clients that people use push to both programs and leave both in the same state."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aioprometheus.collectors import Counter, Gauge, Histogram, Registry, Summary
from aioprometheus.pusher import Pusher

from tests import peers
from tests.conformance.clienttools import CLIENTS, NotHere, both, install_prom_client, need_program, output
from tests.conformance.programs import Pairs, Program

pytestmark = pytest.mark.conformance


def test_prom_client_of_node(pairs: Pairs, client_cache: Path) -> None:
    try:
        modules = install_prom_client(client_cache)
    except NotHere as problem:
        peers.missing(str(problem))

    def push(program: Program) -> str:
        url = f"http://127.0.0.1:{program.port}"
        return output("node", CLIENTS / "push.js", url, NODE_PATH=str(modules))

    said = both(pairs, push)
    assert "push: 200" in said
    assert "pushAdd: 200" in said
    assert 'push with a slash: push failed with status 400, odd number of components in label string "/j"' in said


@pytest.fixture(scope="session")
def cpp_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client written with prometheus-cpp, compiled."""
    compiler = need_program("g++")
    if not Path("/usr/include/prometheus/gateway.h").is_file():
        peers.missing("prometheus-cpp is not installed (prometheus-cpp-dev)")
    program = tmp_path_factory.mktemp("cpp") / "push"
    libraries = ("-lprometheus-cpp-push", "-lprometheus-cpp-core", "-lcurl", "-lz", "-lpthread")
    said = output(compiler, "-std=c++17", CLIENTS / "push.cpp", "-o", program, *libraries)
    assert program.is_file(), said
    return program


def test_prometheus_cpp(pairs: Pairs, cpp_client: Path) -> None:
    said = both(pairs, lambda program: output(cpp_client, "127.0.0.1", str(program.port)))
    assert "push: 200" in said
    assert "delete: 202" in said
    assert "clash: pushed metrics are invalid" in said


CURL = {
    "--data-binary": ("--data-binary", "@-"),
    "-d strips newlines": ("-d", "@-"),
    "-X PUT": ("-X", "PUT", "--data-binary", "@-"),
    "-T": ("-T", "-"),
    "chunked": ("-H", "Transfer-Encoding: chunked", "--data-binary", "@-"),
    "Expect": ("-H", "Expect: 100-continue", "--data-binary", "@-"),
    "-F": ("-F", "file=@-"),
    "-X DELETE": ("-X", "DELETE"),
    "-I": ("-I",),
    "--http1.0": ("--http1.0", "--data-binary", "@-"),
    "--http2": ("--http2", "--data-binary", "@-"),
    "-G": ("-G", "-d", "a=b"),
    "-f": ("-f", "-d", "garbage"),
    "-L after a redirect": ("-L", "-X", "PUT", "--data-binary", "@-", "--path-as-is"),
}
BODY = "# TYPE curl_metric counter\ncurl_metric 3\nother 4\n"


@pytest.mark.parametrize("arguments", CURL.values(), ids=CURL)
def test_curl(pairs: Pairs, arguments: tuple[str, ...], tmp_path: Path) -> None:
    curl = need_program("curl")
    (tmp_path / "body").write_text(BODY)
    arguments = tuple(argument.replace("@-", f"@{tmp_path / 'body'}") for argument in arguments)
    arguments = tuple(str(tmp_path / "body") if argument == "-" else argument for argument in arguments)
    path = "/metrics/job//curl/instance/i" if "-L" in arguments else "/metrics/job/curl/instance/i"

    def push(program: Program) -> str:
        url = f"http://127.0.0.1:{program.port}{path}"
        return output(curl, "-sS", "-w", "%{http_code} %{num_redirects}\n", *arguments, url)

    both(pairs, push)


def test_aioprometheus(pairs: Pairs) -> None:
    async def conversation(program: Program) -> list[int]:
        registry = Registry()
        counter = Counter("aio_counter", "A counter", registry=registry)
        counter.add({"l": "v"}, 3)
        Gauge("aio_gauge", "A gauge", registry=registry).set({}, 1e6)
        summary = Summary("aio_summary", "A summary", registry=registry)
        summary.observe({"l": "v"}, 2.5)
        histogram = Histogram("aio_histogram", "A histogram", buckets=[1.0, 5.0], registry=registry)
        histogram.add({"l": "v"}, 3)
        address = f"http://127.0.0.1:{program.port}"
        answers = []
        for job, grouping in (
            ("aio", None),
            ("my job", {"instance": "i 1"}),
            ("a/b", {"path": "/x", "zone": "ü"}),
            ("aio", {"bad-name": "v"}),
            ("gone", None),
        ):
            pusher = Pusher(job, address, grouping_key=grouping)
            answers += [await pusher.add(registry), await pusher.replace(registry)]
        answers.append(await Pusher("gone", address).delete(registry))
        return [answer.status for answer in answers]

    said = both(pairs, lambda program: asyncio.run(conversation(program)))
    assert said.split("\n") == ["200"] * 6 + ["400"] * 2 + ["200"] * 2 + ["202"]
