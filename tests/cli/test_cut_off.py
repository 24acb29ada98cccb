"""Output whose reader goes away, as ``| head`` does: no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_reader_closes_pipe_early(tmp_path: Path) -> None:
    (tmp_path / "many.yml").write_text("".join(f"key_{number}: 1\n" for number in range(20_000)))
    command = [sys.executable, "-m", "pytest_pushgateway", "check-config", "many.yml"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"many.yml:1:1: error: field key_0 not found in type config.plain\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141
