"""``serve`` on a disk that fills up, here a limit on the size of its files: it goes on, and no state is lost for it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import wire
from tests.cli.conftest import Served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="sets the limits of another process"),
]
resource = pytest.importorskip("resource", reason="limits the size of files, as POSIX does")

Serve = Callable[..., Served]

ENOUGH = 400_000
LARGE = "".join(f'large{{series="{number:0100}"}} 1\n' for number in range(500)).encode()


def flags(path: Path) -> tuple[str, str]:
    return f"--persistence.file={path}", "--persistence.interval=0s"


def limit(served: Served, size: int) -> None:
    hard = resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (size, hard))


def fill(served: Served) -> int:
    """Push until the file cannot take it; returns the number of pushes that it has."""
    limit(served, ENOUGH)
    for number in range(100):
        assert wire.request(served.port, "PUT", f"/metrics/job/{number}", LARGE).status == 200
        if trouble(served.port):
            return number
    raise AssertionError("the limit does nothing")


def trouble(port: int) -> str:
    """Return what keeps the file from being written, as the page shows it; the log is read later."""
    error: str = json.loads(wire.request(port, "GET", "/-/state").body)["persistence"]["error"]
    return error


def groups(port: int) -> int:
    """Return how many groups of :func:`fill` are there."""
    return wire.request(port, "GET", "/metrics").body.count(b'series="%0100d"' % 0)


def test_last_good_state_comes_back(serve: Serve, tmp_path: Path) -> None:
    served = serve(*flags(tmp_path / "metrics"))
    kept = fill(served)
    assert kept > 1
    # It goes on, and complains once.
    assert wire.request(served.port, "PUT", "/metrics/job/more", LARGE).status == 200
    assert groups(served.port) == kept + 2
    assert wire.request(served.port, "GET", "/-/healthy").status == 200
    assert trouble(served.port)
    # Not even what is in the write-ahead log can be moved to its place.
    limit(served, 20_000)
    assert served.end() == 1
    errors = [message for level, message in served.messages() if level == "error"]
    assert errors == [
        "error persisting metrics",
        "metrics not persisted are lost",
        "problem shutting down metric storage",
    ]

    again = serve(*flags(tmp_path / "metrics"))
    assert groups(again.port) == kept
    assert [message for level, message in again.messages() if level == "error"] == []
    assert again.end() == 0


def test_all_is_written_when_there_is_room_again(serve: Serve, tmp_path: Path) -> None:
    served = serve(*flags(tmp_path / "metrics"))
    kept = fill(served)
    limit(served, resource.RLIM_INFINITY)
    wire.request(served.port, "DELETE", "/metrics/job/0")
    served.end(signal.SIGKILL)
    assert served.messages()[-1] == ("info", "persisting metrics works again")

    assert groups(serve(*flags(tmp_path / "metrics")).port) == kept


def required(path: Path) -> tuple[str, ...]:
    return (*flags(path), "--persistence.required", "--web.enable-admin-api")


def refused_when_full(served: Served) -> int:
    """Push until a push is refused; returns the number of pushes that were not."""
    limit(served, ENOUGH)
    for number in range(100):
        answer = wire.request(served.port, "PUT", f"/metrics/job/{number}", LARGE)
        if answer.status != 200:
            assert answer.status == 503
            assert answer.body.startswith(b"the persistence file cannot keep this change, so it was not made: ")
            return number
    raise AssertionError("the limit does nothing")


def test_persistence_required_rejects_unkept_pushes(serve: Serve, tmp_path: Path) -> None:
    served = serve(*required(tmp_path / "metrics"))
    kept = refused_when_full(served)
    assert kept > 1
    assert groups(served.port) == kept
    assert wire.request(served.port, "GET", "/-/healthy").status == 200
    assert trouble(served.port)
    served.end(signal.SIGKILL)
    again = serve(*required(tmp_path / "metrics"))
    assert groups(again.port) == kept
    assert again.end() == 0


def test_end_on_full_disk_succeeds_if_nothing_is_lost(serve: Serve, tmp_path: Path) -> None:
    served = serve(*required(tmp_path / "metrics"))
    kept = refused_when_full(served)
    assert served.end() == 0
    assert groups(serve(*required(tmp_path / "metrics")).port) == kept


@pytest.mark.parametrize("way", [required, flags])
def test_deleting_frees_space(serve: Serve, tmp_path: Path, way: Callable[[Path], tuple[str, ...]]) -> None:
    served = serve(*way(tmp_path / "metrics"))
    kept = refused_when_full(served) if way is required else fill(served)
    # As long as it has to be: the file stays as full as it can be.
    for turn in range(20):
        assert wire.request(served.port, "DELETE", f"/metrics/job/{turn % kept}").status == 202
        if way is flags:
            assert wire.request(served.port, "DELETE", f"/metrics/job/{kept}").status == 202
        assert wire.request(served.port, "PUT", f"/metrics/job/{turn % kept}", LARGE).status == 200
        assert not trouble(served.port)
    served.end(signal.SIGKILL)
    assert groups(serve(*way(tmp_path / "metrics")).port) == kept


def test_wipe_frees_all_of_it(serve: Serve, tmp_path: Path) -> None:
    served = serve(*required(tmp_path / "metrics"))
    kept = refused_when_full(served)
    assert wire.request(served.port, "PUT", "/api/v1/admin/wipe").status == 202
    assert refused_when_full(served) >= kept - 1
    served.end(signal.SIGKILL)


def test_required_without_a_file_is_an_error() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "pytest_pushgateway", "serve", "--persistence.required"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert finished.returncode == 1
    last = finished.stderr.splitlines()[-1]
    assert last == (
        "pytest-pushgateway serve: error: --persistence.required needs a file to write to; add --persistence.file"
    )
