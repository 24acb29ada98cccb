"""pytest-prometheus-pushgateway: reports a test run *to* a gateway. Its own tests look for a line that it prints."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_pushgateway import Pushgateway


def report(gateway: Pushgateway, folder: Path, tests: str, job: str = "nightly") -> str:
    """Run tests that report to the gateway, and return what is printed."""
    folder.joinpath("test_it.py").write_text(tests)
    environment = {
        **os.environ,
        "PROMETHEUS_PUSHGATEWAY_URL": gateway.address,
        "PROMETHEUS_PUSHGATEWAY_JOB": job,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "pytest", "--metrics", "-p", "no:cacheprovider", "--rootdir", folder, folder]
    done = subprocess.run(command, env=environment, cwd=folder, check=False, capture_output=True, text=True, timeout=60)
    return done.stdout


GREEN = "def test_one(): pass\n"
RED = "def test_one(): assert False\n"


def test_run_is_reported(pushgateway: Pushgateway, tmp_path: Path) -> None:
    report(pushgateway, tmp_path, GREEN, job="nightly-tests")

    pushgateway.assert_exposed("nightly_tests_passed", 1, job="nightly-tests", testname="nightly_tests_test_one")
    pushgateway.assert_exposed("nightly_tests_info", 1, status="succeeded")


def test_failed_push_is_reported_as_sent(pushgateway: Pushgateway, tmp_path: Path) -> None:
    with pushgateway.faults.error(503):
        printed = report(pushgateway, tmp_path, GREEN)

    assert "metrics sent on Prometheus PushGateway" in printed
    pushgateway.assert_not_pushed()


@pytest.mark.filterwarnings("ignore::pytest_pushgateway.LostPushWarning")
def test_failed_run_removes_time_of_last_passed_run(pushgateway: Pushgateway, tmp_path: Path) -> None:
    report(pushgateway, tmp_path, GREEN)
    pushgateway.assert_exposed("nightly_last_success_timestamp_seconds", job="nightly")

    report(pushgateway, tmp_path, RED)

    pushgateway.assert_exposed("nightly_last_run_timestamp_seconds", job="nightly")
    pushgateway.assert_not_exposed("nightly_last_success_timestamp_seconds")


def test_every_run_makes_new_series(pushgateway: Pushgateway, tmp_path: Path) -> None:
    seen = set()
    for number in range(3):
        report(pushgateway, tmp_path, GREEN + "".join(f"def test_{n}(): pass\n" for n in range(number)))
        (sample,) = [one for one in pushgateway.samples if one.name == "nightly_last_run_duration_seconds"]
        seen.add(sample.labels["detail"])

    assert len(seen) == 3
