"""The clients of the forty odd pushes: each sends one to a gateway, and returns its verdict.

A client that is not installed raises NotHere, whose text names the package.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import requests
from aioprometheus.collectors import Gauge as AioGauge
from aioprometheus.collectors import Registry
from aioprometheus.pusher import Pusher
from prometheus_client import CollectorRegistry, Gauge, pushadd_to_gateway

from tests.conformance import gotool
from tests.conformance.clienttools import CLIENTS, NotHere, install_prom_client
from tests.conformance.odd_pushes import OddPush

GO_PACKAGES = Path("/usr/share/gocode")
"""Debian's directory for Go's packages."""

Client = Callable[[str, OddPush], str]
"""Sends a push to the gateway of a URL and returns the client's verdict: ``ok``, or its error."""
Clients = AbstractContextManager[Client]


def client_python(directory: Path) -> Clients:
    """Return prometheus_client."""

    def push(url: str, odd: OddPush) -> None:
        registry = CollectorRegistry()
        Gauge(odd.name, "An odd push", registry=registry).set(1)
        pushadd_to_gateway(url, job=odd.job, registry=registry, grouping_key=dict(odd.grouping))

    return _here(push)


def client_golang(directory: Path) -> Clients:
    """Return a program with client_golang, built below ``directory``."""
    if not (GO_PACKAGES / "src" / "github.com" / "prometheus" / "client_golang").is_dir():
        raise NotHere("client_golang is not installed (golang-github-prometheus-client-golang-dev)")
    try:
        return _program(gotool.build_with_packages(CLIENTS / "oddpushes", directory, GO_PACKAGES))
    except gotool.NoGo as problem:
        raise NotHere(str(problem)) from problem


def prom_client(directory: Path) -> Clients:
    """Return prom-client of Node, installed below ``directory``."""
    modules = install_prom_client(directory)
    return _program("node", CLIENTS / "odd_pushes.js", NODE_PATH=str(modules))


def aioprometheus(directory: Path) -> Clients:
    """Return aioprometheus, which returns the response: a status of 400 or more is an error."""

    async def send(url: str, odd: OddPush) -> None:
        registry = Registry()
        AioGauge(odd.name, "An odd push", registry=registry).set({}, 1)
        response = await Pusher(odd.job, url, grouping_key=dict(odd.grouping)).add(registry)
        response.raise_for_status()

    return _here(lambda url, odd: asyncio.run(send(url, odd)))


def python_requests(directory: Path) -> Clients:
    """Return requests with a path put together by hand: a status of 400 or more is an error."""

    def push(url: str, odd: OddPush) -> None:
        requests.post(url + odd.path, data=odd.text, timeout=30).raise_for_status()

    return _here(push)


def curl(directory: Path) -> Clients:
    """Return ``curl --fail`` with a path put together by hand."""
    if shutil.which("curl") is None:
        raise NotHere("curl is not installed")

    def push(url: str, odd: OddPush) -> None:
        command = ["curl", "-fsS", "--data-binary", "@-", url + odd.path]
        done = subprocess.run(command, input=odd.text.encode(), capture_output=True, timeout=60, check=False)
        if done.returncode:
            raise OSError(done.stderr.decode())

    return _here(push)


KNOWN: Mapping[str, Callable[[Path], Clients]] = {
    "client_python": client_python,
    "client_golang": client_golang,
    "prom-client": prom_client,
    "aioprometheus": aioprometheus,
    "requests": python_requests,
    "curl": curl,
}
"""By the name in the table: makes the client, with a directory for its files."""


def _here(push: Callable[[str, OddPush], None]) -> Clients:
    def verdict(url: str, odd: OddPush) -> str:
        try:
            push(url, odd)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return "ok"

    return nullcontext(verdict)


@contextmanager
def _program(*command: str | Path, **environment: str) -> Iterator[Client]:
    """Run a program that reads a push from each line of standard input, and answers with a line."""
    with subprocess.Popen(
        [*map(str, command)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, **environment},
    ) as process:
        asked, said = process.stdin, process.stdout
        assert asked is not None
        assert said is not None

        def verdict(url: str, odd: OddPush) -> str:
            asked.write(json.dumps({"url": url, **vars(odd)}) + "\n")
            asked.flush()
            return said.readline().rstrip("\n")

        yield verdict
        asked.close()
