"""Each stress run with small counts; the large ones, and what they found, are in docs/reliability.md."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stress.__main__ import NAMES

BOUNDS = {
    "kills": (6, 30),
    "http_fuzz": (1000, 20),
    "raw_requests": (300, 40),
    "parser_fuzz": (3000, 20),
    "slow_senders": (50, 3),
    "mixed_load": (3, 4),
    "cycles": (12, 20),
    "attacks": (1, 60),
    "resets": (1000, 30),
    "histories": (40, 20),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_run(name: str) -> None:
    count, seconds = BOUNDS[name]
    command = [sys.executable, "-m", "tests.stress", name, f"--count={count}", f"--seconds={seconds}", "--seed=7"]
    finished = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    (line,) = finished.stdout.splitlines()
    assert json.loads(line)["broken"] == []
    assert finished.stderr == ""


@pytest.mark.parametrize("name", NAMES)
def test_long_runs_are_bounded(name: str) -> None:
    script = importlib.import_module(f"tests.stress.{name}")
    assert script.COUNT > 0
    assert 0 < script.SECONDS <= 7200
