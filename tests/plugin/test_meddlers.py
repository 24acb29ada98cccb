"""Tests that meddle with the interpreter before the gateway is there, or for good; the next tests are as any others."""

from __future__ import annotations

import importlib.util
import os

import pytest

from tests.systems import needs_proc

pytestmark = pytest.mark.slow

BEGINNING = """
import builtins
import os
import socket
import threading
import time
from unittest import mock
import pytest
from application import send
"""

AFTERWARDS = """

def test_afterwards(pushgateway):
    assert send(pushgateway) == 200
    pushgateway.assert_exposed("backup_bytes", 7)
    assert "backup_bytes" in pushgateway.scrape().text
    with pushgateway.faults.error(503):
        assert send(pushgateway) == 503
    pushgateway.restart()
    pushgateway.assert_exposed("backup_bytes", 7)

def test_warnings_are_there(pushgateway):
    send(pushgateway, "not metrics")

def test_section_is_shown(pushgateway):
    send(pushgateway)
    assert 0
"""


def judge(project: pytest.Pytester, meddler: str, *arguments: str, conftest: str = "", passed: int = 3) -> None:
    if conftest:
        project.makeconftest(conftest)
    project.makepyfile(test_it=BEGINNING + meddler + AFTERWARDS)
    # In a separate process, which is left as it is.
    result = project.runpytest_subprocess(*arguments, timeout=60)

    warnings = result.parseoutcomes().get("warnings", result.parseoutcomes().get("warning", 0))
    result.assert_outcomes(passed=passed, failed=1, warnings=warnings)
    result.stdout.fnmatch_lines(["*def test_section_is_shown*", "*- pushgateway -*", "*push 1*answered 200*"])
    result.stdout.fnmatch_lines(["*test_it.py:*RejectedPushWarning: push 1*"])


FIRST_USES = {
    "files": 'mock.patch("builtins.open", side_effect=OSError("the test\'s own"))',
    "time": 'mock.patch("time.time", side_effect=[1.0])',
    "sleep": 'mock.patch("time.sleep", side_effect=AssertionError("the test\'s own"))',
    "sockets": 'mock.patch("socket.socket", side_effect=AssertionError("the test\'s own"))',
    "threads": 'mock.patch("threading.Thread", side_effect=AssertionError("the test\'s own"))',
    "locks": 'mock.patch("threading.Lock", side_effect=AssertionError("the test\'s own"))',
    "paths": 'mock.patch("os.path.exists", side_effect=AssertionError("the test\'s own"))',
    "chance": 'mock.patch("os.urandom", side_effect=AssertionError("the test\'s own"))',
}


@pytest.mark.parametrize("mocked", FIRST_USES.values(), ids=FIRST_USES)
def test_first_use_while_mocked(project: pytest.Pytester, mocked: str) -> None:
    meddler = f"""
def test_meddles(request):
    with {mocked}:
        gateway = request.getfixturevalue("pushgateway")
        gateway.push("own 1\\n", job="own")
        assert gateway.scrape().text
    assert send(gateway) == 200
"""
    judge(project, meddler)


def test_time_that_moves_with_every_question(project: pytest.Pytester) -> None:
    # Separately: the threads of whatever runs these tests ask for the time whenever they like.
    meddler = """
import freezegun

def test_meddles(pushgateway):
    with freezegun.freeze_time("2030-01-01", auto_tick_seconds=10):
        began = time.time()
        for _ in range(3):
            assert send(pushgateway) == 200
        assert time.time() == began + 10
    assert {push.at for push in pushgateway.pushes} == {began + 10}
"""
    judge(project, meddler)


def _need(library: str) -> None:
    if importlib.util.find_spec(library) is None:
        if os.environ.get("TOX_ENV_NAME") == "neighbours":
            pytest.fail(f"{library} is not installed", pytrace=False)
        pytest.skip(f"{library} is not installed")


GREEN = {
    "eventlet": ("import eventlet", "eventlet.monkey_patch()"),
    "gevent": ("import gevent.monkey", "gevent.monkey.patch_all()"),
}
PUSHES = """
    assert send(pushgateway) == 200
    pushgateway.assert_exposed("backup_bytes", 7)
    # A green thread, which has its turn only when the test's own waits in a green way.
    later = threading.Thread(target=send, args=(pushgateway, "later_rows 1\\n", "/metrics/job/later"))
    later.start()
    pushgateway.wait_for_push("later_rows")
    pushgateway.wait_until(lambda: len(pushgateway.pushes) == 2)
    later.join()
"""


@pytest.mark.parametrize("where", ["conftest", "module", "test"])
@pytest.mark.parametrize("library", GREEN)
def test_green_threads(project: pytest.Pytester, library: str, where: str) -> None:
    _need(library)
    patch = "\n".join(GREEN[library])
    meddler = f"\ndef test_meddles(pushgateway):{PUSHES}"
    if where == "conftest":
        judge(project, meddler, conftest=patch)
    elif where == "module":
        judge(project, f"\n{patch}\n{meddler}")
    else:
        inside = "".join(f"    {line}\n" for line in patch.splitlines())
        first = "\ndef test_before(pushgateway):\n    assert send(pushgateway) == 200\n"
        judge(project, f"{first}\ndef test_meddles(pushgateway):\n{inside}{PUSHES}", passed=4)


CLOSED = {
    "every descriptor": "os.closerange(FIRST, 200)",
    "the listener's": "os.close(_listener(pushgateway))",
    "the listener's, which is another's then": "KEPT.append(stranger(_listener(pushgateway)))",
    "every one, and they are others' then": "os.closerange(FIRST, 200); KEPT.extend(map(stranger, range(FIRST, 90)))",
}
BEHIND_ITS_BACK = """
KEPT = []
FIRST = 60  # pytest's own descriptors are below
while os.dup(0) < FIRST - 1:
    pass

def stranger(number):
    other = os.open(os.devnull, os.O_RDONLY)
    if other != number:
        os.dup2(other, number)
        os.close(other)
    return number

def _listener(gateway):
    for name in os.listdir("/proc/self/fd"):
        try:
            sock = socket.socket(fileno=os.dup(int(name)))
        except OSError:
            continue
        with sock:
            listens = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if listens and sock.getsockname()[1] == gateway.port:
                return int(name)
    raise AssertionError("nothing listens")

PORTS = []
"""
NEXT = """
def test_next(pushgateway):
    assert PORTS == [pushgateway.port]
    assert send(pushgateway) == 200
    pushgateway.assert_exposed("backup_bytes", 7)
    pushgateway.restart()
    pushgateway.assert_exposed("backup_bytes", 7)

def test_last(pushgateway):
    assert send(pushgateway) == 200
    assert [number for number in KEPT if not os.path.samestat(os.fstat(number), os.stat(os.devnull))] == []
"""


@needs_proc
@pytest.mark.parametrize("persisted", [False, True], ids=["in memory", "with a file"])
@pytest.mark.parametrize("close", CLOSED.values(), ids=CLOSED)
def test_closed_descriptors(project: pytest.Pytester, close: str, persisted: bool) -> None:
    first = "pushgateway.restart()" if persisted else "pass"
    meddler = f"""
def test_meddles(pushgateway):
    assert send(pushgateway) == 200
    {first}
    PORTS.append(pushgateway.port)
    {close}
"""
    project.makepyfile(test_it=BEGINNING + BEHIND_ITS_BACK + meddler + NEXT)
    result = project.runpytest_subprocess("-s", timeout=60)

    result.assert_outcomes(passed=3, warnings=1)
    result.stdout.fnmatch_lines(["*PushgatewayWarning: the gateway stopped serving after test_it.py::test_meddles*"])


def test_ended_gateway_threads(project: pytest.Pytester) -> None:
    meddler = """
def test_meddles(pushgateway):
    from pytest_pushgateway import threads
    assert send(pushgateway) == 200
    PORTS.append(pushgateway.port)
    serving = threads.alive()
    with mock.patch("pytest_pushgateway.gateway.http.workers.accept", side_effect=SystemExit):
        with socket.create_connection((pushgateway.host, pushgateway.port)):
            for thread in serving:
                thread.join(10)
    assert threads.alive() == []
"""
    project.makepyfile(test_it=BEGINNING + BEHIND_ITS_BACK + meddler + NEXT)
    result = project.runpytest_subprocess(timeout=20)

    result.assert_outcomes(passed=3, warnings=1)
    result.stdout.fnmatch_lines(["*PushgatewayWarning: the gateway stopped serving after test_it.py::test_meddles*"])


def test_fake_files(project: pytest.Pytester) -> None:
    _need("pyfakefs")
    meddler = """
from pyfakefs.fake_filesystem_unittest import Patcher

@pytest.mark.parametrize("ask", [
    lambda gateway: gateway.restart(), lambda gateway: gateway.crash(), lambda gateway: gateway.persistence_file
])
def test_refused(pushgateway, ask):
    with Patcher():
        assert send(pushgateway) == 200
        with pytest.raises(RuntimeError, match=r"cannot be used under pyfakefs: call fs.pause\\(\\) before"):
            ask(pushgateway)
        pushgateway.assert_exposed("backup_bytes", 7)

def test_not_started(make_pushgateway):
    with Patcher(), pytest.raises(pytest.fail.Exception, match="cannot start: .* cannot be used under pyfakefs"):
        make_pushgateway(persistence_file="/tmp/kept.sqlite")

@pytest.mark.parametrize("how", ["restart", "crash"])
def test_paused(pushgateway, how):
    with Patcher() as patcher:
        assert send(pushgateway) == 200
        patcher.pause()
        getattr(pushgateway, how)()
        patcher.resume()
        pushgateway.assert_exposed("backup_bytes", 7)
"""
    judge(project, meddler, passed=8)
