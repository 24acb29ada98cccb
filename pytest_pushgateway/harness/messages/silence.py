"""Why a gateway may have heard nothing of the application: it pushes elsewhere, not yet, or something intercepts it."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from glob import glob
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.harness.wording import brief
from pytest_pushgateway.monotonic import monotonic

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

SHOWN = 3

_POINTS = (
    "requests.sessions:Session.request",
    "requests.sessions:Session.send",
    "requests.adapters:HTTPAdapter.send",
    "requests:post",
    "requests:put",
    "requests:request",
    "httpx:HTTPTransport.handle_request",
    "httpx:AsyncHTTPTransport.handle_async_request",
    "httpx:Client.request",
    "httpx:AsyncClient.request",
    "httpx:post",
    "httpx:put",
    "httpcore:ConnectionPool.handle_request",
    "httpcore:AsyncConnectionPool.handle_async_request",
    "aiohttp.client:ClientSession._request",
    "urllib3.connectionpool:HTTPConnectionPool.urlopen",
    "urllib.request:urlopen",
    "urllib.request:build_opener",
    "http.client:HTTPConnection.request",
    "http.client:HTTPConnection.connect",
    "http.client:HTTPConnection",
    "socket:create_connection",
    "socket:socket",
    "socket:socket.connect",
)
"""Places at which an HTTP client's requests can be intercepted, the outermost first: a module and a name in it."""

_INTERCEPTORS = {
    "aioresponses": "aioresponses(passthrough=[{url!r}]) lets them through",
    "httmock": "return None for {address} to let them through",
    "httpretty": "httpretty.enable(allow_net_connect=True) and no URI registered for {address} lets them through",
    "mocket": "leave it while the code pushes, as it waits for servers to close the connection",
    "pook": "pook.enable_network({host!r}) lets them through",
    "pytest_recording": "the marker block_network(allowed_hosts=[r'127\\.0\\.0\\.1']) lets them through",
    "pytest_socket": "--allow-hosts=127.0.0.1 lets them through",
    "pytest_httpx": "the marker httpx_mock(should_mock=lambda request: request.url.host != {host!r}) lets them through",
    "requests_mock": "Mocker(real_http=True), or register_uri(ANY, {url!r}, real_http=True), lets them through",
    "responses": "responses.add_passthru({url!r}) lets them through",
    "respx": "respx.route(host={host!r}).pass_through() lets them through",
    "vcr": "VCR(ignore_hosts=[{host!r}]) lets them through",
}
"""Packages that intercept requests, with the way to let those for the gateway through."""

_PUSHES = ("push_to_gateway", "pushadd_to_gateway", "delete_from_gateway", "instance_ip_grouping_key")
_NOT_THE_TESTS = ("pushgateway", "prometheus-log", "persistence", "pytest_timeout", "asyncio-waitpid")
_TICK = 0.01
"""Seconds by which the system's time of a process's start may be early."""
_HELPERS = ("resource_tracker", "forkserver", "prometheus", "promtool")


def explain(
    url: str,
    address: str,
    host: str,
    threads: Collection[threading.Thread],
    since: float,
    intercepted: Sequence[tuple[str, int]] = (),
    *,
    waited: bool,
) -> list[str]:
    """Return what may keep the application's pushes from a gateway that got no request from it.

    Args:
        url: the gateway's.
        address: the gateway's, as client_python takes it.
        host: the gateway's.
        threads: those that ran before the test.
        since: when the test began, as `monotonic` gives it.
        intercepted: the addresses that are intercepted for the gateway, and how many connections each got.
        waited: whether the test has waited for the push already.

    """
    if intercepted:  # what the application calls it, and what the libraries below see
        meant = intercepted[0][0]
        passing = {"url": f"{url.partition(':')[0]}://{meant}", "address": meant, "host": meant.rpartition(":")[0]}
    else:
        passing = {"url": url, "address": address, "host": host}
    interceptors = [
        f"{package} intercepts {point}, so requests may not reach the gateway: "
        + _INTERCEPTORS[package].format(**passing)
        for package, point in _active()
    ]
    mocks = [f"{name} is a mock, so nothing is sent: test without it, as this gateway is there." for name in _mocked()]
    late = [] if waited else [*_threads(threads), *_processes(since), *_tasks()]
    return [
        *interceptors[:SHOWN],
        *mocks[:SHOWN],
        *late[:SHOWN],
        _where(address, intercepted),
        *_environment([address, *(one for one, _ in intercepted)])[:SHOWN],
    ]


def _where(address: str, intercepted: Sequence[tuple[str, int]]) -> str:
    if not intercepted:
        return (
            f"This gateway is at {address}: hand the code gateway.address or gateway.url, or use the fixture "
            "pushgateway_env if it reads the environment."
        )
    counts = ", ".join(f"{one} ({count} connection{'s' * (count != 1)})" for one, count in intercepted)
    return (
        f"This gateway is at {address} and intercepts {counts}. Other processes, and connections made before, are not "
        "intercepted."
    )


def _active() -> list[tuple[str, str]]:
    """Return the packages that intercept requests now, each with the outermost point at which it does."""
    found: dict[str, str] = {}
    for module, path, there in _at_points():
        for one in (there, _side_effect(there)):
            package = _package(one)
            if package in _INTERCEPTORS:
                found.setdefault(package, f"{module}.{path}")
    return list(found.items())


def _mocked() -> list[str]:
    """Return where requests or pushes are a mock's that does nothing: in an HTTP client, or in any module."""
    found = [f"{module}.{path}" for module, path, there in _at_points() if _is_mock(there)]
    for name, module in list(sys.modules.items()):
        members = getattr(module, "__dict__", {})
        found += [f"{name}.{function}" for function in _PUSHES if _is_mock(members.get(function))]
    return found


def _at_points() -> Iterator[tuple[str, str, Any]]:
    for point in _POINTS:
        module, _, path = point.partition(":")
        there: Any = sys.modules.get(module)
        for name in path.split("."):
            there = getattr(there, name, None)
        yield module, path, there


def _is_mock(there: Any) -> bool:
    """Return whether this is a mock without its own effect."""
    mock = _mock(there)
    return mock is not None and mock.side_effect is None


def _side_effect(there: Any) -> Any:
    mock = _mock(there)
    return None if mock is None else mock.side_effect


def _mock(there: Any) -> Any:
    """Return a mock, or the one behind a function that create_autospec() made; None for anything else."""
    module = sys.modules.get("unittest.mock")
    if module is None:
        return None
    candidates = (there, getattr(there, "mock", None))
    return next((one for one in candidates if isinstance(one, module.NonCallableMock)), None)


def _package(found: Any) -> str:
    """Return the package that a function or a class comes from."""
    return str(getattr(found, "__module__", None) or "").partition(".")[0]


_WAIT = "its push may be still to come: gateway.wait_for_push(...)"


def _threads(before: Collection[threading.Thread]) -> list[str]:
    """Return the threads of this test that run on."""
    return [
        f"The thread {thread.name!r} is still running; {_WAIT}"
        for thread in threading.enumerate()
        if thread not in before
        and thread is not threading.current_thread()
        and not thread.name.startswith(_NOT_THE_TESTS)
    ]


def _tasks() -> list[str]:
    """Return the tasks of asyncio that run on in this thread."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return []
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return []
    names = [task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()}]
    return [
        f"The task {name!r} is still running; its push may be still to come: await gateway.async_wait_for_push(...)"
        for name in sorted(names)
    ]


def _processes(since: float) -> list[str]:
    """Return the processes of this test that run on; none where the system does not list them."""
    if sys.platform != "linux":
        return []
    found = []
    pairs = []
    for _ in range(
        5
    ):  # a pause between two readings would make the test look older or younger: the closest pair counts
        before = time.clock_gettime(time.CLOCK_BOOTTIME)
        now = monotonic()
        pairs.append((time.clock_gettime(time.CLOCK_BOOTTIME) - before, before - now))
    earliest = since + min(pairs)[1] - _TICK
    for path in glob("/proc/self/task/*/children"):
        with suppress(Exception):  # gone meanwhile, or a test has replaced open()
            for pid in _read(path).split():
                state, *fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
                command = brief(_read(f"/proc/{pid}/cmdline").replace("\0", " ").strip(), 60)
                started = int(fields[18]) / os.sysconf("SC_CLK_TCK")
                if state != "Z" and started >= earliest and not any(name in command for name in _HELPERS):
                    found.append(f"The process {pid} ({command}) is still running; {_WAIT}")
    return found


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def _environment(addresses: Collection[str]) -> list[str]:
    """Return the variables that name another gateway, without user and password; a path to a program names none."""
    lines = []
    for name, value in sorted(os.environ.items()):
        names_one = re.search("PUSH_?GATEWAY", name.upper()) and not name.startswith("PYTEST_")
        if names_one and not any(address in value for address in addresses) and not value.startswith("/"):
            shown = re.sub("//[^/@]*@", "//...@", value)
            lines.append(f"The environment says otherwise: {name}={brief(shown, 80)}")
    return lines
