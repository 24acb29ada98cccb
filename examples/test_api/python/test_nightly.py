"""Tests of nightly.py: it runs in its own process, and so does the gateway."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pytest_pushgateway import Pushgateway

PROGRAM = Path(__file__).with_name("nightly.py")


def nightly(rows: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, PROGRAM, str(rows)], capture_output=True, text=True, timeout=120)


def test_pushes_the_rows(pushgateway_env: Pushgateway) -> None:
    assert nightly(7).returncode == 0
    pushgateway_env.assert_exposed("nightly_rows", 7, job="nightly")


def test_survives_a_gateway_that_is_down(pushgateway_env: Pushgateway) -> None:
    with pushgateway_env.faults.error(503, times=1) as fault:
        done = nightly(7)
    assert done.returncode == 0
    assert "metrics not pushed" in done.stderr
    assert fault.hits == 1
    pushgateway_env.assert_not_exposed("nightly_rows")


def test_push_is_dated_by_the_gateways_clock(pushgateway_env: Pushgateway) -> None:
    with pushgateway_env.clock.freeze("2026-01-01T00:00:00Z"):
        nightly(7)
    assert pushgateway_env.group(job="nightly").push_time == 1767225600
