"""Tests that meddle with the interpreter before the gateway is there, or for good; the next tests are as any others."""

from __future__ import annotations

import importlib.util
import os

import pytest

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

def test_the_section_is_there(pushgateway):
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
    result.stdout.fnmatch_lines(["*def test_the_section_is_there*", "*- pushgateway -*", "*push 1*answered 200*"])
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
def test_a_first_use_while_something_is_mocked(project: pytest.Pytester, mocked: str) -> None:
    meddler = f"""
def test_meddles(request):
    with {mocked}:
        gateway = request.getfixturevalue("pushgateway")
        gateway.push("own 1\\n", job="own")
        assert gateway.scrape().text
    assert send(gateway) == 200
"""
    judge(project, meddler)


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
    if importlib.util.find_spec(library) is None:
        if os.environ.get("TOX_ENV_NAME") == "neighbours":
            pytest.fail(f"{library} is not installed", pytrace=False)
        pytest.skip(f"{library} is not installed")
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
