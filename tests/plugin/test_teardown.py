"""However a run ends, nothing of a gateway is left: no process that hangs, no thread, no socket, no file."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import wire
from tests.systems import needs_fork

pytestmark = pytest.mark.slow

BUSY = """
import socket
from application import send

KEPT = []

def busy(gateway):
    "Let clients be in every state: silent, in a head, in a body, in a hang."
    gateway.persistence_file
    gateway.faults.hang(paths="*/hanging")
    states = [b"", b"GET / HT", b"PUT /metrics/job/j HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 9\\r\\n\\r\\na"]
    states.append(b"PUT /metrics/job/hanging HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 4\\r\\n\\r\\na 1\\n")
    for state in states:
        KEPT.append(socket.create_connection((gateway.host, gateway.port)))
        KEPT[-1].sendall(state)
    gateway.wait_until(lambda: any("hanging" in push.path for push in gateway.pushes))
"""
END = """
import os

def pytest_unconfigure(config):
    from pytest_pushgateway import threads
    left = [thread.name for thread in threads.alive()]
    sockets = []
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if target.startswith("socket:"):
            sockets.append(int(name))
    import busy
    for sock in busy.KEPT:
        sockets.remove(sock.fileno())
        sock.close()
    print("\\nleft:", left, sockets)
"""


@pytest.fixture
def busy(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.Pytester:
    """A project with clients in every state that prints its leftovers; temporary files go to ``tmp_path``."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    project.makepyfile(busy=BUSY)
    if sys.platform != "linux":
        pytest.skip("finds the sockets that are left in /proc")
    project.makeconftest(END)
    return project


@pytest.mark.parametrize(
    "test",
    [
        "def test_it(pushgateway):\n    busy(pushgateway)\n    assert False",
        "def test_it(pushgateway):\n    busy(pushgateway)\n    raise SystemExit(3)",
        "def test_it(pushgateway):\n    busy(pushgateway)\n    raise KeyboardInterrupt",
        "def test_it(pushgateway):\n    busy(pushgateway)\n    import pytest\n    pytest.exit('enough')",
        "def test_it(make_pushgateway):\n    busy(make_pushgateway())\n    assert False",
        "import pytest\n@pytest.fixture\ndef broken(pushgateway):\n    busy(pushgateway)\n"
        "    raise OSError('broken')\ndef test_it(broken):\n    pass",
        "import pytest\n@pytest.fixture\ndef broken(pushgateway):\n    busy(pushgateway)\n"
        "    yield\n    raise OSError('broken')\ndef test_it(broken):\n    pass",
    ],
    ids=["failure", "SystemExit", "Ctrl-C", "pytest.exit", "made", "set-up", "tear-down"],
)
def test_after(busy: pytest.Pytester, test: str) -> None:
    busy.makepyfile(f"from busy import busy\n{test}\ndef test_never():\n    assert False\n")
    result = busy.runpytest_subprocess("-x", "--tb=no", "-W", "error")
    assert result.ret != 0
    assert "left: [] []" in result.outlines
    assert "Traceback" not in result.stderr.str()


def test_external_interrupt(busy: pytest.Pytester) -> None:
    """Ctrl-C while the code under test waits for an answer that never comes."""
    path = busy.makepyfile(
        """
        import signal
        from busy import busy, send

        # Processes that a shell started in the background inherit that it is ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)

        def test_it(pushgateway):
            busy(pushgateway)
            print("ready", pushgateway.port, flush=True)
            send(pushgateway, path="/metrics/job/hanging")
        """
    )
    # The interrupt's traceback holds the socket of the code under test to the end, as Python's development mode shows.
    command = [sys.executable, "-W", "ignore::ResourceWarning", "-m", "pytest", "-s", "-q", "--tb=no", str(path)]
    process = subprocess.Popen(command, cwd=busy.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "ready" in line:
            break
    port = int(line.split()[-1])
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == pytest.ExitCode.INTERRUPTED, output + errors
    assert re.search(r"^left: \[\] \[\d*\]$", output, re.MULTILINE)
    assert errors == ""
    assert wire.is_refused(port)


@needs_fork
def test_ending_forked_child_removes_nothing(busy: pytest.Pytester) -> None:
    """Neither os._exit nor an orderly exit of a child touches the parent's sockets, threads and file."""
    busy.makepyfile(
        """
        import os
        import sys
        import pytest
        from busy import busy, send

        @pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
        @pytest.mark.parametrize("orderly", [False, True])
        def test_it(pushgateway, orderly):
            busy(pushgateway)
            send(pushgateway)
            child = os.fork()
            if not child:
                if orderly:
                    sys.stdout = sys.stderr = open(os.devnull, "w")
                    import multiprocessing.util
                    multiprocessing.util._exit_function()
                os._exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
            send(pushgateway, "more 1\\n", method="POST")
            pushgateway.crash()
            pushgateway.assert_exposed("backup_bytes", 7)
            pushgateway.assert_exposed("more", 1)
        """
    )
    result = busy.runpytest_subprocess("-W", "error")
    result.assert_outcomes(passed=2)
    assert "left: [] []" in result.outlines


def test_temporary_files_are_removed_with_the_run(busy: pytest.Pytester, tmp_path: Path) -> None:
    busy.makepyfile(
        """
        from busy import busy
        from pytest_pushgateway import Pushgateway

        def test_own_gateway():
            gateway = Pushgateway().start()
            busy(gateway)
            assert False
        """
    )
    result = busy.runpytest_subprocess("--tb=no")
    assert result.ret == 1
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("pushgateway-")] == []


@needs_fork
def test_normally_ending_child_leaves_file_to_parent(tmp_path: Path) -> None:
    script = """
import os, signal, sys
from pytest_pushgateway import Pushgateway

gateway = Pushgateway(persistence_file=sys.argv[1]).start()
gateway.push("a 1\\n", job="a")
with Pushgateway() as other:
    temporary = other.persistence_file
    child = os.fork()
    if not child:
        sys.exit(0)
    os.waitpid(child, 0)
    assert os.path.exists(temporary)
gateway.push("b 1\\n", job="b")
os.kill(os.getpid(), signal.SIGKILL)
"""
    path = tmp_path / "metrics"
    # Python 3.12 and newer warn of a fork beside threads, which is what is tried here.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")

    from pytest_pushgateway import Pushgateway

    with Pushgateway(persistence_file=str(path)) as again:
        assert [group.grouping_key for group in again.groups] == [{"job": "a"}, {"job": "b"}]


FAILING = """
import pytest

@pytest.fixture
def one():
    yield
    raise ValueError("one fails")

@pytest.fixture
def two():
    yield
    raise ValueError("two fails")

def test_without_a_gateway(one, two): pass

def test_with_one(pushgateway, one, two):
    pushgateway.push("a", job="j", check=False)
"""


def test_several_fixtures_that_fail_at_the_end(pytester: pytest.Pytester) -> None:
    """Up to 9.0 pytest broke off with an internal error, also where no test uses a gateway."""
    pytester.makepyfile(FAILING)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(["*ValueError: one fails*", "*ValueError: two fails*"], consecutive=False)
    assert "INTERNALERROR" not in result.stdout.str()
