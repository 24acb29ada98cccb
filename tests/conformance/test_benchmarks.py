"""The benchmarks run: one quick case, beside the real program."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import peers

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.conformance


def test_case_runs_and_shows_its_row() -> None:
    peers.pushgateway_binary()
    command = [sys.executable, "-m", "benchmarks", "push_to_gateway"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    *head, row = result.stdout.splitlines()
    assert head == [
        "| what | ours | Go | ratio | goal | met | note |",
        "|---|---|---|---|---|---|---|",
    ]
    name, ours, go, ratio = [cell.strip() for cell in row.strip("|").split("|")][:4]
    assert name == "push_to_gateway round trip, empty gateway, in process"
    assert re.fullmatch(r"\d+\.\d{3} ms", ours)
    assert float(ratio) == pytest.approx(float(ours.split()[0]) / float(go), rel=0.02)


def test_unknown_case_is_named_with_known_ones() -> None:
    command = [sys.executable, "-m", "benchmarks", "nonsense"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert "push_by_store_size" in result.stderr
