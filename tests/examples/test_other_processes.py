"""The examples of the test API: a shell job with curl, and the Python harness, against a gateway in another process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ..testapi.served import Served

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples" / "test_api"


def run(command: Sequence[str | Path], served: Served, **environment: str) -> str:
    done = subprocess.run(
        command,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
            "GATEWAY": f"http://127.0.0.1:{served.port}",
            "TEST_API": served.control,
            **environment,
        },
        cwd=EXAMPLES,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_shell_with_curl() -> None:
    with Served() as served:
        assert run(["sh", "shell/test_backup.sh"], served).endswith("all passed\n")


def test_python_with_pytest() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "python"]
    with Served() as served:
        assert "3 passed" in run(command, served, PYTEST_PUSHGATEWAY_CONNECT=served.url)
