"""``--pushgateway-pause-on-failure``: a failing test stands still, and its gateway can be looked at."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

pytestmark = pytest.mark.slow
pty = pytest.importorskip("pty", reason="types at a terminal of POSIX")

OPTION = "--pushgateway-pause-on-failure"
FAILING = """
    import sys

    def test_a(pushgateway, monkeypatch, capsys):
        monkeypatch.setattr("builtins.input", None)
        monkeypatch.setattr(sys, "stdin", None)
        pushgateway.push("a 1\\n", job="left")
        assert False

    def test_b(pushgateway):
        assert pushgateway.groups == []
        assert pushgateway._gateway.page_note is None
"""


class Terminal:
    """A pytest run on its own terminal."""

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int) -> None:
        self.process = process
        self.descriptor = descriptor
        self.output = ""

    def read_until(self, text: str) -> str:
        """Read until ``text`` has come, or until the end; return all output so far."""
        while text not in self.output:
            ready, _, _ = select.select([self.descriptor], [], [], 300)
            assert ready, f"{text!r} does not come: {self.output}"
            try:
                chunk = os.read(self.descriptor, 65536)
            except OSError:  # the other end is closed
                chunk = b""
            if not chunk:
                break
            self.output += chunk.decode()
        return self.output

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode())


@contextmanager
def terminal(pytester: pytest.Pytester, *arguments: str) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", OPTION, *arguments]
    with subprocess.Popen(command, cwd=pytester.path, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        run = Terminal(process, ours)
        try:
            yield run
            run.read_until("\0")  # what is never printed: up to the end
            assert process.wait(60) == pytest.ExitCode.TESTS_FAILED
        finally:
            process.kill()
            os.close(ours)


def read(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30) as answer:
        body: bytes = answer.read()
    return body


def test_failed_test_waits_with_its_gateway_running(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=FAILING)
    with terminal(pytester) as run:
        shown = run.read_until("Press Enter to go on.")
        assert "test_it.py::test_a failed; its Pushgateway still runs:" in shown
        page = re.search(r"http://127\.0\.0\.1:\d+/", shown)
        assert page is not None
        assert b"<!doctype html>" in read(page[0])
        assert b"left" in read(f"{page[0]}api/v1/metrics")
        note = json.loads(read(f"{page[0]}-/state"))["note"]
        assert note == "Paused: test_it.py::test_a failed. Press Enter in its terminal to go on."
        run.type("\n")
        assert "1 failed, 1 passed" in run.read_until("passed in")
        assert run.output.count("Press Enter") == 1


@pytest.mark.parametrize("arguments", [("-s",), ("-p", "no:capture"), ("--capture=sys",)])
def test_failing_set_up_also_waits_and_end_of_input_continues(
    pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def prepared(pushgateway):
            pushgateway.push("a 1\\n", job="x")
            raise RuntimeError

        def test_a(prepared): pass
        """
    )
    with terminal(pytester, *arguments) as run:
        run.read_until("Press Enter to go on.")
        run.type("\x04")
        assert "1 error" in run.read_until("error in")


def test_failed_test_is_named_on_its_own_line_with_q(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=FAILING)
    with terminal(pytester, "-q", "--color=no") as run:
        shown = run.read_until("Press Enter to go on.")
        assert shown.splitlines()[:2] == ["F", "test_it.py::test_a failed; its Pushgateway still runs:"]
        run.type("\n")


def test_without_terminal_plugin_nothing_pauses(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=FAILING)
    with terminal(pytester, "-p", "no:terminal") as run:
        assert run.read_until("\0") == ""


def test_gateways_that_no_fixture_made_count(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from pytest_pushgateway import Pushgateway

        def test_own():
            with Pushgateway(route_prefix="/own"):
                Pushgateway(route_prefix="/kept").start()
            assert False

        def test_session(pushgateway_session): assert False
        """
    )
    with terminal(pytester) as run:
        assert "/kept/" in run.read_until("Press Enter to go on.")
        assert "/own/" not in run.output
        run.output = ""
        run.type("\n")
        run.read_until("Press Enter to go on.")
        run.type("\n")
        assert "2 failed" in run.read_until("failed in")


def test_tests_without_a_gateway_do_not_wait(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        def test_used(pushgateway): pushgateway.push("a 1\\n", job="x")

        def test_plain(): assert False

        @pytest.mark.xfail
        def test_expected(pushgateway):
            pushgateway.push("a 1\\n", job="x")
            assert False

        @pytest.fixture
        def broken(pushgateway):
            pushgateway.push("a 1\\n", job="x")
            yield
            raise RuntimeError

        def test_tear_down(broken): pass

        def test_of_the_session(pushgateway_session): pass

        def test_stopped(pushgateway):
            pushgateway.push("a 1\\n", job="x")
            pushgateway.stop()
            assert False
        """
    )
    with terminal(pytester) as run:
        shown = run.read_until("1 error in")
    assert "2 failed, 3 passed, 1 xfailed, 1 error" in shown
    assert "Press Enter" not in shown


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "standard input is not a terminal"),
        (("--pdb",), "--pdb stops at the failure already, while the gateway still runs"),
        pytest.param(
            ("-n", "1"),
            "xdist runs the tests in processes without a terminal; run without -n",
            marks=pytest.mark.workers,
        ),
    ],
)
def test_reason_for_not_pausing_is_shown(pytester: pytest.Pytester, arguments: tuple[str, ...], reason: str) -> None:
    pytester.makepyfile("def test_a(pushgateway): assert False")
    result = pytester.run(sys.executable, "-m", "pytest", OPTION, *arguments, stdin=b"c\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [f"pushgateway: {OPTION} will not pause: {reason}", f"pushgateway: {OPTION} did not pause: {reason}"]
    )


def test_nothing_is_printed_if_nothing_failed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_a(): pass")
    result = pytester.run(sys.executable, "-m", "pytest", OPTION, stdin=b"")
    result.stdout.no_fnmatch_line("*did not pause*")


def test_redirected_output_is_not_a_terminal(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_a(pushgateway): assert False")
    ours, theirs = pty.openpty()
    with open(theirs, "rb") as keyboard:
        result = subprocess.run(
            [sys.executable, "-m", "pytest", OPTION],
            cwd=pytester.path,
            stdin=keyboard,
            capture_output=True,
            timeout=300,
        )
    os.close(ours)
    assert b"did not pause: standard output is not a terminal" in result.stdout
