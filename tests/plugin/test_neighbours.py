"""Beside other plugins, each alone with ours: both work, or one line of ours has the next step.

Where a plugin is not installed its test is skipped; the tox environment ``neighbours`` has them all.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.slow

Beside = Callable[..., pytest.RunResult]

PUSH = """
def test_push(pushgateway):
    pushgateway.push("a 1\\n", job="j")
    pushgateway.assert_exposed("a", 1)
"""


@pytest.fixture
def beside(project: pytest.Pytester) -> Beside:
    """Run a test with our plugin and another's module, and no more."""

    def run(module: str, test: str, *arguments: str, strict: bool = True) -> pytest.RunResult:
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            if os.environ.get("TOX_ENV_NAME") == "neighbours":
                pytest.fail(f"{module} is not installed", pytrace=False)
            pytest.skip(f"{module} is not installed")
        project.makepyfile(test)
        return project.runpytest_subprocess("-p", module, *["-W", "error"] * strict, *arguments)

    return run


def test_pytest_httpserver(beside: Beside) -> None:
    test = """
    import urllib.request

    def test_both(httpserver, pushgateway):
        httpserver.expect_request("/x").respond_with_data("hello")
        with urllib.request.urlopen(httpserver.url_for("/x")) as answer:
            assert answer.read() == b"hello"
        pushgateway.push("a 1\\n", job="j")
        pushgateway.assert_exposed("a", 1)
    """
    beside("pytest_httpserver.pytest_plugin", test).assert_outcomes(passed=1)


def test_pytest_localserver(beside: Beside) -> None:
    test = """
    import urllib.request

    def test_both(httpserver, pushgateway):
        httpserver.serve_content("hello")
        with urllib.request.urlopen(httpserver.url) as answer:
            assert answer.read() == b"hello"
        pushgateway.push("a 1\\n", job="j")
        pushgateway.assert_exposed("a", 1)
    """
    beside("pytest_localserver.plugin", test).assert_outcomes(passed=1)


WAITING = """
import asyncio
import pytest
from application import send

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.{mark}
async def test_waiting(pushgateway):
    with pushgateway.faults.delay(0.05):
        sending = asyncio.get_running_loop().run_in_executor(None, send, pushgateway)
        push = await pushgateway.async_wait_for_push("backup_bytes")
        assert await sending == 200
    assert push.job == "backup"
    await pushgateway.async_wait_until(lambda: pushgateway.value("backup_bytes") == 7)
"""


def test_pytest_asyncio(beside: Beside) -> None:
    arguments = ("-o", "asyncio_default_fixture_loop_scope=function")
    beside("pytest_asyncio.plugin", WAITING.format(mark="asyncio"), *arguments).assert_outcomes(passed=1)


def test_anyio(beside: Beside) -> None:
    beside("anyio.pytest_plugin", WAITING.format(mark="anyio")).assert_outcomes(passed=1)


@pytest.mark.parametrize("arguments", [["--allow-hosts=127.0.0.1"], ["--disable-socket", "--allow-hosts=127.0.0.1"]])
def test_pytest_socket(beside: Beside, arguments: list[str]) -> None:
    beside("pytest_socket", PUSH, *arguments).assert_outcomes(passed=1)


@pytest.mark.parametrize("strict", [True, False])
def test_pytest_socket_forbids_all(beside: Beside, strict: bool) -> None:
    result = beside("pytest_socket", PUSH, "--disable-socket", strict=strict)
    result.assert_outcomes(errors=1)
    assert (
        "the gateway cannot start: pytest-socket forbids sockets; --allow-hosts=127.0.0.1 allows the gateway's and "
        "no others" in result.outlines
    )


def test_pytest_socket_and_a_push_from_outside(beside: Beside) -> None:
    """The gateway runs when a test forbids sockets: what connects from another process does not end it."""
    test = """
    import subprocess
    import sys
    from application import send

    PUSH = "import application, sys; application.send(type('G', (), {'host': sys.argv[1], 'port': int(sys.argv[2])}))"

    def test_before(pushgateway_session):
        pass

    def test_forbidden(pushgateway_session, socket_disabled):
        command = [sys.executable, "-c", PUSH, pushgateway_session.host, str(pushgateway_session.port)]
        pushing = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            pushing.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            pushing.kill()
            pushing.wait()

    def test_after(pushgateway):
        assert send(pushgateway) == 200
    """
    result = beside("pytest_socket", test, strict=False)
    result.assert_outcomes(passed=3, warnings=result.parseoutcomes().get("warnings", 0))


@pytest.mark.parametrize(
    "decorator",
    ['freezegun.freeze_time("2030-01-01")', 'time_machine.travel("2030-01-01T00:00:00Z", tick=False)'],
    ids=["freezegun", "time-machine"],
)
def test_frozen_time(beside: Beside, decorator: str) -> None:
    module = decorator.partition(".")[0]
    test = f"""
    import pytest
    import {module}
    from application import send

    @{decorator}
    def test_frozen(pushgateway):
        assert send(pushgateway) == 200
        assert pushgateway.group(job="backup").push_time == 1893456000
        with pytest.raises(AssertionError):
            pushgateway.wait_for_push("absent", timeout=0.05)
        with pushgateway.faults.delay(0.01):
            assert send(pushgateway) == 200
        pushgateway.restart()
    """
    beside(module, test, "-p", "no:" + module).assert_outcomes(passed=1)


@pytest.mark.parametrize("seed", [1, 2])
def test_pytest_randomly(beside: Beside, seed: int) -> None:
    test = "".join(PUSH.replace("test_push", f"test_push_{number}") for number in range(10))
    beside("pytest_randomly", test, f"--randomly-seed={seed}").assert_outcomes(passed=10)


def test_hypothesis(beside: Beside) -> None:
    test = """
    from hypothesis import HealthCheck, given, settings, strategies

    @given(strategies.integers(0, 100))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
    def test_one_gateway_for_all_examples(pushgateway, number):
        pushgateway.reset()
        pushgateway.push(f"a {number}\\n", job="j")
        pushgateway.assert_exposed("a", number)

    @given(strategies.integers(0, 100))
    @settings(deadline=None, max_examples=20)
    def test_session_gateway(pushgateway_session, number):
        pushgateway_session.push(f"a {number}\\n", job="j")
        pushgateway_session.assert_exposed("a", number)
    """
    beside("_hypothesis_pytestplugin", test).assert_outcomes(passed=2)


def test_pytest_timeout(beside: Beside) -> None:
    test = """
    from application import send

    def test_hanging(pushgateway):
        pushgateway.faults.hang()
        send(pushgateway)

    def test_after(pushgateway):
        assert send(pushgateway) == 200
    """
    beside("pytest_timeout", test, "--timeout=1", strict=False).assert_outcomes(failed=1, passed=1)


def test_pytest_run_parallel(beside: Beside) -> None:
    test = """
    import threading
    from application import send

    def test_one_gateway_for_all_threads(pushgateway):
        name = f"a{threading.get_ident()}"
        pushgateway.push(f"{name} 1\\n", job="j", grouping_key={"thread": name})
        pushgateway.assert_exposed(name, 1)
        with pushgateway.faults.error(503, paths=f"/metrics/job/faulty-{name}"):
            assert send(pushgateway, f"faulty_{name} 1\\n", f"/metrics/job/faulty-{name}") == 503
        assert send(pushgateway, f"other_{name} 1\\n", f"/metrics/job/{name}") == 200
        assert pushgateway.wait_for_push(f"other_{name}").job == name
        pushgateway.assert_not_exposed(f"faulty_{name}")

    def test_one_gateway_for_each_thread(make_pushgateway):
        gateway = make_pushgateway()
        assert send(gateway) == 200
        gateway.assert_exposed("backup_bytes", 7, job="backup")
        assert len(gateway.pushes) == 1
    """
    beside("pytest_run_parallel.plugin", test, "--parallel-threads=8").assert_outcomes(passed=2)
