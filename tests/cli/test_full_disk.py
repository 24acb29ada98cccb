"""``serve`` on a disk that fills up, here a limit on the size of its files: it goes on, and no state is lost for it."""

from __future__ import annotations

import json
import resource
import signal
from collections.abc import Callable
from pathlib import Path

from tests import wire
from tests.cli.conftest import Served

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


def test_the_last_good_state_comes_back(serve: Serve, tmp_path: Path) -> None:
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
