"""``serve`` under a limit on open files: silent connections lock no other client out."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import wire
from tests.cli.conftest import SERVE, Served

Serve = Callable[..., Served]

resource = pytest.importorskip("resource", reason="reads and sets limits, as POSIX has them")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads and sets the limits of another process")


def test_silent_connections_make_room_for_a_push(serve: Serve) -> None:
    served = serve()
    resource.prlimit(served.process.pid, resource.RLIMIT_NOFILE, (128, 128))
    with ExitStack() as open_sockets:
        for _ in range(200):
            open_sockets.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=10))
        assert wire.request(served.port, "PUT", "/metrics/job/j", b"a 1\n").status == 200
        assert len(os.listdir(f"/proc/{served.process.pid}/fd")) <= 128
    assert [message for level, message in served.messages() if level != "info"] == []


def test_serve_raises_its_soft_limit() -> None:
    shell = ["sh", "-c", 'ulimit -S -n 64; exec "$@"', "sh"]
    command = [*shell, *SERVE, "--web.listen-address=127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "Listening on" not in process.stderr.readline():
            assert process.poll() is None
        limits = Path(f"/proc/{process.pid}/limits").read_text(encoding="utf-8")
        process.kill()
    (line,) = [line for line in limits.splitlines() if line.startswith("Max open files")]
    soft, hard = line.split()[3:5]
    assert soft == hard
