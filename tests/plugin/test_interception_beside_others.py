"""Interception with libraries that replace sockets or answer requests: it works, or a line names the reason.

A test whose library is missing is skipped; the tox environment ``neighbours`` has them all.
"""

from __future__ import annotations

import pytest

from .test_interceptors import demand

pytestmark = pytest.mark.slow

ADDRESS = "pushgateway.nowhere.example:9091"

FIXED = f"""
import urllib.request

ADDRESS = {ADDRESS!r}
URL = "http://" + ADDRESS + "/metrics/job/"

def push(job):
    request = urllib.request.Request(URL + job, b"rows 7\\n", method="PUT")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.status
"""


@pytest.fixture
def fixed(project: pytest.Pytester) -> pytest.Pytester:
    project.makepyfile(fixed=FIXED)
    project.makeini(f"[pytest]\npushgateway_intercept = {ADDRESS}\n")
    return project


TWO_TESTS_AND_A_FINALIZER = """
import _socket
import socket
import pytest
from fixed import push

@pytest.fixture
def application(pushgateway):
    yield
    push("finalizer")
    assert [one.job for one in pushgateway.pushes][-1] == "finalizer"

def test_first(application, pushgateway):
    push("first")
    assert [one.job for one in pushgateway.pushes] == ["first"]

def test_second(application, pushgateway):
    push("second")
    assert [one.job for one in pushgateway.pushes] == ["second"]
"""


@pytest.mark.parametrize(
    "arguments",
    [[], ["--allow-hosts=127.0.0.1"], ["--disable-socket", "--allow-hosts=127.0.0.1"]],
    ids=["installed", "allow-hosts", "disable-socket and allow-hosts"],
)
def test_pytest_socket(fixed: pytest.Pytester, arguments: list[str]) -> None:
    demand("pytest_socket")
    fixed.makepyfile(TWO_TESTS_AND_A_FINALIZER)
    fixed.runpytest_subprocess("-p", "pytest_socket", "-W", "error", *arguments).assert_outcomes(passed=2)


def test_pytest_socket_keeps_the_guard(fixed: pytest.Pytester) -> None:
    demand("pytest_socket")
    fixed.makepyfile(
        """
        import contextlib
        from fixed import push

        def test_one():
            with contextlib.suppress(OSError):
                push("first")

        def test_two():
            with contextlib.suppress(OSError):
                push("second")
        """
    )
    fixed.runpytest_subprocess("-p", "pytest_socket").assert_outcomes(passed=2, errors=2)


@pytest.mark.parametrize("call", ["enable_socket()", "socket_allow_hosts(['localhost'])"])
def test_pytest_socket_is_called_within_a_test(fixed: pytest.Pytester, call: str) -> None:
    """It replaces connect() again then."""
    demand("pytest_socket")
    fixed.makepyfile(
        f"""
        import pytest_socket
        from fixed import push

        def test_one(pushgateway):
            pytest_socket.{call}
            push("nightly")
            pushgateway.assert_pushed("rows", job="nightly")
        """
    )
    fixed.runpytest_subprocess("-p", "pytest_socket").assert_outcomes(passed=1)


def test_pytest_socket_forbids_all(fixed: pytest.Pytester) -> None:
    demand("pytest_socket")
    fixed.makepyfile(TWO_TESTS_AND_A_FINALIZER)
    result = fixed.runpytest_subprocess("-p", "pytest_socket", "--disable-socket", "-W", "ignore")
    result.assert_outcomes(errors=2, warnings=result.parseoutcomes().get("warnings", 0))
    result.stdout.fnmatch_lines(["*pytest-socket forbids sockets; --allow-hosts=127.0.0.1 allows the gateway's *"])


REQUESTS = """
import requests
from fixed import URL

def push(job):
    requests.put(URL + job, data="rows 7\\n", timeout=10).raise_for_status()
"""

# Library: what makes it active and lets the intercepted address through, and what makes it active and does not.
LIBRARIES = {
    "responses": ("responses.mock", "responses.add_passthru('http://' + ADDRESS)", "responses.mock"),
    "vcr": (
        "vcr.VCR(ignore_hosts=['pushgateway.nowhere.example']).use_cassette('none.yaml', record_mode='none')",
        "pass",
        "vcr.use_cassette('none.yaml', record_mode='none')",
    ),
    "httpretty": ("httpretty.enabled(allow_net_connect=True)", "pass", "httpretty.enabled(allow_net_connect=False)"),
    "requests_mock": ("requests_mock.Mocker(real_http=True)", "pass", "requests_mock.Mocker()"),
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_library_that_answers_requests(fixed: pytest.Pytester, library: str) -> None:
    demand(library, "requests")
    passing, then, active = LIBRARIES[library]
    fixed.makepyfile(application=REQUESTS)
    fixed.makepyfile(
        f"""
        import contextlib
        import pytest
        import {library}
        from application import push
        from fixed import ADDRESS

        def test_let_through(pushgateway):
            with {passing}:
                {then}
                with contextlib.suppress(Exception):  # httpretty loses the answer
                    push("first")
                pushgateway.wait_for_push("rows", job="first")

        def test_not_let_through(pushgateway):
            with {active}:
                with contextlib.suppress(Exception):
                    push("second")
                pushgateway.assert_pushed("rows")
        """
    )
    result = fixed.runpytest_subprocess("-W", "ignore")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*nothing was pushed*",
            f"E*{library} intercepts *, so requests may not reach the gateway: *",
            f"E*This gateway is at 127.0.0.1:* and intercepts {ADDRESS} (0 connections)*",
        ]
    )


def test_library_that_still_answers_for_other_addresses(fixed: pytest.Pytester) -> None:
    demand("responses", "requests")
    fixed.makepyfile(application=REQUESTS)
    fixed.makepyfile(
        """
        import requests
        import responses
        from application import push
        from fixed import URL

        @responses.activate
        def test_both(pushgateway):
            responses.add_passthru(URL)
            responses.get("http://api.example/orders", json=[7])
            assert requests.get("http://api.example/orders").json() == [7]
            push("nightly")
            pushgateway.assert_pushed("rows", 7, job="nightly")
        """
    )
    fixed.runpytest_subprocess("-W", "ignore").assert_outcomes(passed=1)


def test_mocket(fixed: pytest.Pytester) -> None:
    """It waits until a server closes the connection, which a gateway that keeps it open does not."""
    demand("mocket", "requests")
    fixed.makepyfile(application=REQUESTS)
    fixed.makepyfile(
        """
        import contextlib
        from mocket import Mocketizer
        from application import push

        def test_outside_of_it(pushgateway):
            with Mocketizer(strict_mode=True):
                pass
            push("first")
            pushgateway.assert_pushed("rows", job="first")

        def test_inside(pushgateway):
            with Mocketizer(strict_mode=True):
                with contextlib.suppress(Exception):
                    push("second")
                pushgateway.assert_pushed("rows")
        """
    )
    result = fixed.runpytest_subprocess("-W", "ignore")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["E*mocket intercepts socket.*: leave it while the code pushes, as it waits for *"])


@pytest.mark.parametrize("library", ["gevent", "eventlet"])
@pytest.mark.parametrize("where", ["conftest", "test module"])
def test_green_threads(fixed: pytest.Pytester, library: str, where: str) -> None:
    demand(library, "requests")
    patch = {
        "gevent": "import gevent.monkey; gevent.monkey.patch_all()",
        "eventlet": "import eventlet; eventlet.monkey_patch()",
    }
    fixed.makepyfile(application=REQUESTS)
    if where == "conftest":
        fixed.makeconftest(patch[library])
    fixed.makepyfile(
        (patch[library] if where == "test module" else "")
        + """
from application import push

def test_first(pushgateway):
    push("first")
    assert [one.job for one in pushgateway.pushes] == ["first"]

def test_second(pushgateway):
    push("second")
    assert [one.job for one in pushgateway.pushes] == ["second"]
"""
    )
    fixed.runpytest_subprocess("-W", "ignore").assert_outcomes(passed=2)
