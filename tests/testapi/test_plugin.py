"""``--pushgateway-connect``: the fixtures give a gateway in another process."""

from __future__ import annotations

import os
import socket

import pytest

# Runs in this process forget what they import, and some modules cannot be imported twice.
import pytest_pushgateway.exposition.protobuf.reader
import pytest_pushgateway.testapi.remote.client  # noqa: F401
from tests.systems import needs_signals

from ..plugin.conftest import APPLICATION, PLUGIN
from .served import Served


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, served: Served) -> pytest.Pytester:
    """A project whose tests find `send()` in a module ``application`` and are connected to the gateway."""
    for name in [name for name in os.environ if name.startswith("PYTEST_PUSHGATEWAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", PLUGIN)
    monkeypatch.setenv("PYTEST_PUSHGATEWAY_CONNECT", served.url)
    pytester.makepyfile(application=APPLICATION)
    pytester.syspathinsert()
    return pytester


def test_fixtures_give_the_gateway_over_there(project: pytest.Pytester, served: Served) -> None:
    project.makepyfile(
        f"""
        import os
        from application import send

        def test_pushes(pushgateway):
            assert pushgateway.port == {served.port}
            assert send(pushgateway) == 200
            pushgateway.assert_exposed("backup_bytes", 7, job="backup")
            pushgateway.faults.error(503, times=1)
            pushgateway.clock.freeze(1000.0)
            assert send(pushgateway) == 503

        def test_begins_empty_with_the_real_clock(pushgateway):
            assert pushgateway.groups == []
            assert pushgateway.pushes == []
            assert pushgateway.clock() > 1000000000
            assert send(pushgateway) == 200

        def test_environment(pushgateway_env):
            assert os.environ["PUSHGATEWAY_URL"] == "http://127.0.0.1:{served.port}"

        def test_session(pushgateway_session, pushgateway):
            assert pushgateway_session is pushgateway

        def test_others_are_made_in_this_process(pushgateway, make_pushgateway):
            other = make_pushgateway(route_prefix="/x")
            assert other.port != pushgateway.port
            assert send(other, path="/x/metrics/job/backup") == 200
            assert other.assert_pushed("backup_bytes", 7)
            assert pushgateway.groups == []

        def test_stopped_ones_are_started(pushgateway):
            pushgateway.stop()

        def test_started(pushgateway):
            assert send(pushgateway) == 200
        """
    )
    project.runpytest("-q", "-W", "error").assert_outcomes(passed=7)


def test_warnings_and_section(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from application import send

        def test_rejected(pushgateway):
            send(pushgateway, "rows x\\n")

        def test_quiet(pushgateway):
            pass

        def test_fails(pushgateway):
            send(pushgateway)
            pushgateway.assert_exposed("backup_byte")
        """
    )
    result = project.runpytest("-p", "no:cacheprovider", "-W", "default")
    result.assert_outcomes(passed=2, failed=1, warnings=1)
    result.stdout.fnmatch_lines(
        [
            "*expected backup_byte to be exposed*",
            "*- pushgateway -*",
            "http://127.0.0.1:* (running): one push and no other requests in this test",
            '  push 1 (PUT job="backup"), answered 200: backup_bytes',
            "*test_warnings_and_section.py:3: RejectedPushWarning: push 1 *",
        ]
    )


def test_other_options_fail_the_set_up(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.pushgateway(route_prefix="/x", telemetry_path="/metrics")
        def test_marked(pushgateway):
            pass

        @pytest.mark.pushgateway(utf8_names=True)
        def test_session(pushgateway_session):
            pass

        def test_equal(pushgateway):
            pass
        """
    )
    result = project.runpytest()
    result.assert_outcomes(errors=2, passed=1)
    result.stdout.fnmatch_lines(
        [
            "*has other options than this test asks for: route_prefix is '' there, and must be '/x' (marker). Start*",
            "*utf8_names is False there, and must be True (marker)*",
        ]
    )


def test_url_that_is_not_one(project: pytest.Pytester) -> None:
    result = project.runpytest("--pushgateway-connect=gateway:9092")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--pushgateway-connect: the URL of a test API has a scheme, a host and a port*"])


def test_command_line_goes_before_environment_and_ini(project: pytest.Pytester, served: Served) -> None:
    project.makeini("[pytest]\npushgateway_connect = http://127.0.0.1:1\n")
    project.makepyfile("def test_it(pushgateway):\n    pass\n")
    project.runpytest().assert_outcomes(passed=1)
    project.runpytest(f"--pushgateway-connect={served.url}").assert_outcomes(passed=1)


def test_gateway_that_is_not_there_is_named(project: pytest.Pytester) -> None:
    project.makepyfile("def test_it(pushgateway):\n    pass\ndef test_other():\n    pass\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        result = project.runpytest(f"--pushgateway-connect={url}")
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines([f"*the test API at {url} is gone*"])


@needs_signals
def test_gateway_that_ends_between_tests_is_named(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import os, signal

        def test_ends(pushgateway):
            os.kill(int(os.environ["SERVE"]), signal.SIGKILL)
            os.waitpid(int(os.environ["SERVE"]), 0)

        def test_needs_none():
            pass

        def test_next(pushgateway):
            pass
        """
    )
    with Served() as other:
        os.environ["SERVE"] = str(other.process.pid)
        try:
            result = project.runpytest(f"--pushgateway-connect={other.url}")
        finally:
            del os.environ["SERVE"]
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(["*the test API at http://127.0.0.1:* is gone*"])


def test_test_takes_three_calls(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from application import send

        calls = []

        def test_first(pushgateway):
            calls.append(pushgateway._gateway.link.calls)
            send(pushgateway)
            pushgateway.assert_exposed("backup_bytes", 7)

        def test_second(pushgateway):
            send(pushgateway)
            pushgateway.assert_pushed("backup_bytes", 7)

        def test_calls(pushgateway):
            calls.append(pushgateway._gateway.link.calls)
            assert calls[1] - calls[0] == 6
        """
    )
    project.runpytest().assert_outcomes(passed=3)


@pytest.mark.workers
def test_workers_of_xdist_need_a_gateway_each(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", f"{PLUGIN} -p xdist")
    project.makepyfile("def test_one(pushgateway):\n    pass\ndef test_two(pushgateway):\n    pass\n")
    result = project.runpytest("-n2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*is one gateway, and xdist has 2 workers, which would empty it under each other*"])
    project.runpytest("-n1").assert_outcomes(passed=2)


@pytest.mark.slow
@pytest.mark.workers
def test_workers_names_in_the_url(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", f"{PLUGIN} -p xdist")
    monkeypatch.delenv("PYTEST_PUSHGATEWAY_CONNECT")
    project.makepyfile("def test_one(pushgateway):\n    pass\n")
    result = project.runpytest("-n2", "--pushgateway-connect=http://{worker}.invalid:9092")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*the test API at http://gw[01].invalid:9092 is gone*"])
    result = project.runpytest("--pushgateway-connect=http://{worker}.invalid:9092")
    result.stdout.fnmatch_lines(["*the test API at http://master.invalid:9092 is gone*"])


def test_second_run_is_locked_out(project: pytest.Pytester, served: Served) -> None:
    project.makepyfile(
        f"""
        import pytest
        from pytest_pushgateway import PushgatewayError, connect

        def test_it(pushgateway):
            with pytest.raises(PushgatewayError, match="has this gateway"):
                connect("{served.url}").reset()
        """
    )
    project.runpytest().assert_outcomes(passed=1)
    project.runpytest().assert_outcomes(passed=1)  # the first run has given it up
