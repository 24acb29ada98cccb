"""Tests that meddle with the interpreter: the gateway serves on, and takes nothing that is meant for the test."""

from __future__ import annotations

import gc
import io
import locale
import logging
import os
import random
import select
import signal
import socket
import sys
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest

from pytest_pushgateway import MakePushgateway, Pushgateway
from pytest_pushgateway.genuine import from_device
from tests.harness.application import send
from tests.systems import needs_signals

PUSH = b"PUT /metrics/job/backup HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\nbackup_bytes 7\n"
NOT_METRICS = b"PUT /metrics/job/backup HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\nnot metrics\n"
SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"

Talk = Callable[..., bytes]


@pytest.fixture
def talk(pushgateway: Pushgateway) -> Iterator[Talk]:
    """Send a request over a connection that was made before anything was meddled with; return the answer's start."""
    with socket.create_connection((pushgateway.host, pushgateway.port), timeout=10) as client:

        def talk(request: bytes = PUSH) -> bytes:
            client.sendall(request)
            received = client.recv(1 << 20)
            while request is SCRAPE and not received.endswith(b"\r\n0\r\n\r\n"):
                received += client.recv(1 << 20)
            return received[:12]

        yield talk


@pytest.fixture
def connect(pushgateway: Pushgateway) -> Iterator[Callable[[], bytes]]:
    """Push over one of some new connections, made of sockets that are there already, and keep it."""
    sockets = [socket.socket() for _ in range(4)]
    left = list(sockets)

    def connect() -> bytes:
        client = left.pop()
        client.settimeout(10)
        client.connect((pushgateway.host, pushgateway.port))
        client.sendall(PUSH)
        return client.recv(12)

    yield connect
    for one in sockets:
        one.close()


def test_files_are_mocked(pushgateway: Pushgateway, talk: Talk) -> None:
    with mock.patch("builtins.open", mock.mock_open(read_data="x")) as opened:
        assert talk() == b"HTTP/1.1 200"
        assert "backup_bytes" in pushgateway.scrape().text
        assert talk(SCRAPE) == b"HTTP/1.1 200"
    assert opened.mock_calls == []


def test_file_modules_are_mocked(pushgateway: Pushgateway) -> None:
    refused = OSError("no")
    with (
        mock.patch.object(io, "open", side_effect=refused),
        mock.patch.object(os, "open", side_effect=refused),
        mock.patch.object(os, "listdir", side_effect=refused),
        mock.patch.object(os.path, "exists") as exists,
    ):
        assert send(pushgateway) == 200
        assert "backup_bytes" in pushgateway.scrape().text
    assert exists.mock_calls == []


OF_FILES = [
    *("os.stat", "os.lstat", "os.open", "os.fstat", "os.lseek", "os.ftruncate", "os.rename", "os.replace", "os.unlink"),
    *("os.fsync", "os.path.exists", "os.path.abspath", "pathlib.Path.exists", "pathlib.Path.stat", "pathlib.Path.open"),
    *("io.open", "sqlite3.connect", "zlib.crc32"),
]


@pytest.mark.parametrize("mocked", OF_FILES)
def test_functions_for_files_are_mocked_while_one_is_in_use(pushgateway: Pushgateway, talk: Talk, mocked: str) -> None:
    file = pushgateway.persistence_file
    with mock.patch(mocked, side_effect=OSError("the test's own")) as function:
        assert talk() == b"HTTP/1.1 200"
        pushgateway.restart()
        pushgateway.assert_exposed("backup_bytes", 7)
        pushgateway.crash()
        pushgateway.assert_exposed("backup_bytes", 7)
    assert [call for call in function.mock_calls if file in str(call)] == []


@pytest.mark.parametrize("mocked", ["os.environ.get", "os.getenv", "time.gmtime"])
def test_other_functions_of_the_system_are_mocked(pushgateway: Pushgateway, talk: Talk, mocked: str) -> None:
    pushgateway.clock.freeze(1)  # not yet the date of any answer
    with mock.patch(mocked, side_effect=OSError("the test's own")):
        assert talk() == b"HTTP/1.1 200"
        assert "backup_bytes" in pushgateway.scrape().text
    pushgateway.assert_pushed("backup_bytes", 7)


def test_time_is_a_mock_with_few_answers(pushgateway: Pushgateway) -> None:
    with mock.patch("time.time", side_effect=[1.0, 2.0, 3.0]):
        for _ in range(5):
            assert send(pushgateway) == 200
        assert pushgateway.scrape().samples
        assert [time.time(), time.time(), time.time()] == [1.0, 2.0, 3.0]
    assert pushgateway.pushes[-1].at > 1e9


def test_time_is_a_function_with_few_answers(pushgateway: Pushgateway, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([1.0, 2.0, 3.0])
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: next(answers))
        for _ in range(5):
            assert send(pushgateway) == 200
        assert [time.time(), time.time(), time.time()] == [1.0, 2.0, 3.0]


def test_other_clocks_are_mocked(pushgateway: Pushgateway, talk: Talk) -> None:
    with (
        mock.patch("time.monotonic", side_effect=[1.0]),
        mock.patch("time.perf_counter", side_effect=[1.0]),
        mock.patch("time.clock_gettime", side_effect=[1.0]),
        mock.patch("time.gmtime", side_effect=time.gmtime),
    ):
        assert talk() == b"HTTP/1.1 200"
        pushgateway.wait_for_push("backup_bytes")
        assert (time.monotonic(), time.perf_counter()) == (1.0, 1.0)


def test_sleep_is_mocked(pushgateway: Pushgateway) -> None:
    with mock.patch("time.sleep") as slept:
        for number in range(300):
            send(pushgateway, f"backup_bytes {number}\n")
        pushgateway.reset()  # many requests are freed by a thread that pauses
        assert send(pushgateway) == 200
    assert slept.mock_calls == []


def test_socket_selectors_are_removed(pushgateway: Pushgateway, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        for name in ("poll", "epoll", "select"):
            patched.delattr(select, name, raising=False)
        pushgateway.reset()
        pushgateway.restart()
        client = socket.socket()
        client.connect((pushgateway.host, pushgateway.port))
        client.sendall(PUSH)
        assert client.recv(12) == b"HTTP/1.1 200"
        client.close()


def test_sockets_are_mocked(pushgateway: Pushgateway, connect: Callable[[], bytes]) -> None:
    with (
        mock.patch("socket.socket") as made,
        mock.patch("socket.socketpair") as pairs,
        mock.patch("socket.getaddrinfo") as asked,
    ):
        pushgateway.restart()
        assert [connect(), connect()] == [b"HTTP/1.1 200"] * 2
        pushgateway.push("own 1\n", job="own")
        pushgateway.reset()
    assert (made.mock_calls, pairs.mock_calls, asked.mock_calls) == ([], [], [])


@pytest.mark.parametrize("name", ["Thread", "Thread.start", "Lock", "RLock", "Condition", "Event", "current_thread"])
def test_threads_are_mocked(
    pushgateway: Pushgateway, make_pushgateway: MakePushgateway, connect: Callable[[], bytes], name: str
) -> None:
    with mock.patch(f"threading.{name}") as mocked:
        assert [connect(), connect(), connect()] == [b"HTTP/1.1 200"] * 3
        pushgateway.restart()
        assert connect() == b"HTTP/1.1 200"
        pushgateway.wait_for_push("backup_bytes")
        assert make_pushgateway().push("own 1\n", job="own").accepted
    assert mocked.mock_calls == []


def test_chance_is_mocked(pushgateway: Pushgateway, make_pushgateway: MakePushgateway) -> None:
    never = AssertionError("the test's own")
    with (
        mock.patch.object(random, "random", side_effect=never),
        mock.patch.object(uuid, "uuid4", side_effect=never),
        mock.patch.object(os, "urandom", side_effect=never),
    ):
        assert pushgateway.push("own 1\n", job="own").accepted
        assert make_pushgateway().push("own 1\n", job="own").accepted


@pytest.mark.skipif(not os.path.exists("/dev/urandom"), reason="Windows has no device of random bytes")
def test_random_bytes_on_pypy_do_not_need_a_mocked_open() -> None:
    with mock.patch("builtins.open", side_effect=AssertionError("the test's own")):
        first, second = from_device(8), from_device(8)
    assert len(first) == len(second) == 8
    assert first != second


@pytest.mark.parametrize("seconds", [0, 0.001])
def test_sockets_have_a_default_timeout(pushgateway: Pushgateway, connect: Callable[[], bytes], seconds: float) -> None:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        pushgateway.restart()
        for _ in range(3):
            threading.Event().wait(0.01)  # longer than the timeout
            assert connect() == b"HTTP/1.1 200"
        pushgateway.push("own 1\n", job="own")
    finally:
        socket.setdefaulttimeout(before)


def test_environment_is_empty(pushgateway: Pushgateway, request: pytest.FixtureRequest) -> None:
    with mock.patch.dict(os.environ, clear=True):
        assert send(pushgateway) == 200
        pushgateway.restart()
        assert pushgateway.groups
    assert [push.test for push in pushgateway.pushes] == [request.node.nodeid]


def test_working_directory_is_gone(pushgateway: Pushgateway, tmp_path: Path) -> None:
    before = Path.cwd()
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    try:
        assert send(pushgateway) == 200
        pushgateway.restart()
        pushgateway.assert_exposed("backup_bytes", 7)
        assert send(pushgateway, "not metrics") == 400
        pushgateway.assert_rejected()
    finally:
        os.chdir(before)


def test_nothing_prints_logs_or_warns(pushgateway: Pushgateway, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        for name in ("stdout", "stderr", "__stdout__", "__stderr__"):
            patched.setattr(sys, name, None)
        patched.setattr(warnings, "warn", mock.Mock(side_effect=AssertionError))
        logging.disable(logging.CRITICAL)
        try:
            assert send(pushgateway) == 200
            assert send(pushgateway, "not metrics") == 400
            pushgateway.assert_rejected()
            pushgateway.restart()
        finally:
            logging.disable(logging.NOTSET)


def test_garbage_collection_is_disabled(pushgateway: Pushgateway) -> None:
    gc.disable()
    try:
        assert {send(pushgateway, f"backup_bytes {number}\n") for number in range(100)} == {200}
    finally:
        gc.enable()


def test_numbers_are_written_as_elsewhere(pushgateway: Pushgateway) -> None:
    before = locale.setlocale(locale.LC_ALL)
    try:
        for name in ("de_DE.UTF-8", "tr_TR.UTF-8", "C"):
            try:
                locale.setlocale(locale.LC_ALL, name)
            except locale.Error:  # not on this machine
                continue
            assert send(pushgateway, "backup_bytes 1.5\n") == 200
            pushgateway.assert_exposed("backup_bytes", 1.5)
            assert pushgateway.snapshot().endswith(" 1.5\n")
    finally:
        locale.setlocale(locale.LC_ALL, before)


@needs_signals
def test_signals_come_all_the_time(pushgateway: Pushgateway) -> None:
    before = signal.signal(signal.SIGALRM, lambda number, frame: None)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        assert {send(pushgateway) for _ in range(50)} == {200}
        pushgateway.restart()
        pushgateway.reset()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_threads_change_all_the_time(pushgateway: Pushgateway) -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        assert {send(pushgateway) for _ in range(50)} == {200}
        pushgateway.restart()
        pushgateway.reset()
    finally:
        sys.setswitchinterval(before)


def test_recursion_limit_is_low(pushgateway: Pushgateway, talk: Talk) -> None:
    before = sys.getrecursionlimit()
    depth = 0
    frame = sys._getframe()
    while frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    sys.setrecursionlimit(depth + 30)
    try:
        assert talk() == b"HTTP/1.1 200"
        assert talk(NOT_METRICS) == b"HTTP/1.1 400"
    finally:
        sys.setrecursionlimit(before)
    pushgateway.assert_rejected()
    pushgateway.assert_exposed("backup_bytes", 7)
