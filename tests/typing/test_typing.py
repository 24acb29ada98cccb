"""The types that users see, as mypy --strict sees them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")


def test_mypy_agrees_with_every_public_name(tmp_path: Path) -> None:
    usage = Path(__file__).with_name("usage.py")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), "--config-file", "", str(usage)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=Path(__file__).parents[2],
    )

    assert done.stdout.strip() == "Success: no issues found in 1 source file", done.stdout + done.stderr
