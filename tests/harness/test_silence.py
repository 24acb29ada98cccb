"""Messages where nothing was pushed: elsewhere, not yet, or into a mock."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from unittest import mock

import pytest

from pytest_pushgateway import Pushgateway
from pytest_pushgateway.harness.messages import silence

from .application import send
from .messages import failure

NOT_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="children are listed in /proc")


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pushgateway]:
    """A gateway in an environment that names no other."""
    for name in ("PUSHGATEWAY_BINARY", "PUSHGATEWAY_URL"):
        monkeypatch.delenv(name, raising=False)
    with Pushgateway() as one:
        yield one


def here(gateway: Pushgateway) -> str:
    return (
        f"This gateway is at {gateway.address}: hand the code gateway.address or gateway.url, or use the fixture "
        "pushgateway_env if it reads the environment."
    )


@pytest.mark.parametrize(
    ("use", "first"),
    [
        (lambda g: g.assert_pushed("rows", 7), "expected rows 7 to have been pushed, but nothing was pushed"),
        (lambda g: g.assert_exposed("rows"), "expected rows to be exposed, but the gateway exposes nothing"),
        (lambda g: g.value("rows"), "expected rows to be exposed, but the gateway exposes nothing"),
        (lambda g: g.assert_rejected(), "expected a rejected push, but nothing was pushed"),
        (lambda g: g.wait_for_push("rows", timeout=0), "waited 0 s for an accepted push of rows: nothing was pushed"),
        (
            lambda g: g.assert_deleted(job="nightly"),
            'expected the group job="nightly" to be deleted, but there was no DELETE',
        ),
    ],
)
def test_address_is_named(gateway: Pushgateway, use: Callable[[Pushgateway], object], first: str) -> None:
    lines = failure(use, gateway)
    assert (lines[0], lines[-1]) == (first, here(gateway))


def test_address_is_right_where_something_came(gateway: Pushgateway) -> None:
    send(gateway, "", "/-/ready", "GET")
    assert failure(gateway.assert_pushed, "rows") == ["expected rows to have been pushed, but nothing was pushed"]


def test_requests_of_the_test_do_not_count_as_application(gateway: Pushgateway) -> None:
    gateway.push("rows 7\n", job="nightly")
    assert failure(gateway.assert_pushed, "rows")[-1] == here(gateway)


def test_environment_that_names_another_gateway(gateway: Pushgateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_PUSHGATEWAY_URL", "https://backup:secret@gateway.example:9091")
    monkeypatch.setenv("PUSH_GATEWAY", gateway.url)
    monkeypatch.setenv("PYTEST_PUSHGATEWAY_HOST", "127.0.0.1")
    monkeypatch.setenv("PUSHGATEWAY_BINARY", "/usr/bin/prometheus-pushgateway")
    assert failure(gateway.assert_pushed, "rows")[1:] == [
        here(gateway),
        "The environment says otherwise: APP_PUSHGATEWAY_URL=https://...@gateway.example:9091",
    ]


def test_thread_that_runs_on(gateway: Pushgateway) -> None:
    release = threading.Event()
    thread = threading.Thread(target=release.wait, args=(10,), name="reporter")
    thread.start()
    try:
        lines = failure(gateway.assert_pushed, "rows")
        waited = failure(lambda: gateway.wait_for_push(timeout=0))
    finally:
        release.set()
        thread.join()
    assert lines[1:] == [
        "The thread 'reporter' is still running; its push may be still to come: gateway.wait_for_push(...)",
        here(gateway),
    ]
    assert waited[1:] == [here(gateway)]
    assert failure(gateway.assert_pushed, "rows")[1:] == [here(gateway)]


def test_thread_that_ran_before_is_not_the_tests() -> None:
    release = threading.Event()
    thread = threading.Thread(target=release.wait, args=(10,))
    thread.start()
    try:
        with Pushgateway() as gateway:
            assert failure(gateway.assert_pushed, "rows")[1] == here(gateway)
    finally:
        release.set()
        thread.join()


@NOT_LINUX
def test_process_that_runs_on(gateway: Pushgateway) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        lines = failure(gateway.assert_pushed, "rows")
        assert process.stdin is not None
        process.stdin.write(b"\n")
    assert lines[1].startswith(f"The process {process.pid} (")
    assert lines[1].endswith("is still running; its push may be still to come: gateway.wait_for_push(...)")
    assert failure(gateway.assert_pushed, "rows")[1] == here(gateway)


@NOT_LINUX
def test_process_is_found_if_reading_about_it_takes_long(gateway: Pushgateway, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, read, paused = time.clock_gettime, silence._read, 0.0

    def read_slowly(path: str) -> str:
        nonlocal paused
        paused += 10
        return read(path)

    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        monkeypatch.setattr(silence, "_read", read_slowly)
        monkeypatch.setattr(time, "clock_gettime", lambda clock_id: clock(clock_id) + paused)
        lines = failure(gateway.assert_pushed, "rows")
        assert process.stdin is not None
        process.stdin.write(b"\n")
    assert lines[1].startswith(f"The process {process.pid} (")


@NOT_LINUX
def test_process_that_ran_before_is_not_the_tests() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        with Pushgateway() as gateway:
            gateway._gateway.began += 0.1  # the system tells a process's beginning by hundredths of a second
            assert failure(gateway.assert_pushed, "rows")[1] == here(gateway)
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.close()


def test_task_that_runs_on(gateway: Pushgateway) -> None:
    async def scenario() -> list[str]:
        task = asyncio.create_task(asyncio.sleep(10), name="reporter")
        await asyncio.sleep(0)
        lines = failure(gateway.assert_pushed, "rows")
        task.cancel()
        return lines

    assert asyncio.run(scenario())[1] == (
        "The task 'reporter' is still running; its push may be still to come: await gateway.async_wait_for_push(...)"
    )


@pytest.mark.parametrize(
    ("target", "autospec"),
    [("urllib.request.urlopen", False), ("urllib.request.urlopen", True), ("http.client.HTTPConnection.request", True)],
)
def test_client_that_is_a_mock(gateway: Pushgateway, target: str, autospec: bool) -> None:
    with mock.patch(target, autospec=autospec):
        lines = failure(gateway.assert_pushed, "rows")
    assert lines[1:] == [
        f"{target} is a mock, so nothing is sent: test without it, as this gateway is there.",
        here(gateway),
    ]


def test_push_function_that_is_a_mock_wherever_it_was_imported(
    gateway: Pushgateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "push_to_gateway", mock.Mock(), raising=False)
    assert failure(gateway.assert_pushed, "rows")[1] == (
        f"{__name__}.push_to_gateway is a mock, so nothing is sent: test without it, as this gateway is there."
    )


def test_mock_that_does_something_may_push(gateway: Pushgateway) -> None:
    with mock.patch("urllib.request.urlopen", side_effect=OSError):
        assert failure(gateway.assert_pushed, "rows")[1] == here(gateway)


def test_stopped_gateway_reports_nothing_else(gateway: Pushgateway) -> None:
    gateway.stop()
    assert failure(gateway.assert_pushed, "rows")[1:] == [
        "No client reaches the gateway: it is stopped; call start() to have it back."
    ]
