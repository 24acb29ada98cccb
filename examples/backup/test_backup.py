"""The backup's metrics, tested against a real gateway: what arrives, what stays, and what a broken one does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import backup
import pytest

from pytest_pushgateway import Pushgateway


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "photos"
    (directory / "2024").mkdir(parents=True)
    (directory / "small.jpg").write_bytes(b"x" * 500)
    (directory / "2024" / "large.jpg").write_bytes(b"x" * 50_000)
    return directory


def run(source: Path) -> int:
    return backup.main([str(source), str(source.parent / "photos.tar.gz")])


def test_backup_reports_its_outcome(pushgateway_env: Pushgateway, source: Path) -> None:
    assert run(source) == 0

    size = (source.parent / "photos.tar.gz").stat().st_size
    pushgateway_env.assert_exposed("backup_archive_bytes", size, job="backup", dataset="photos")
    pushgateway_env.assert_exposed("backup_files_total", 2, kind="file")
    pushgateway_env.assert_exposed("backup_file_bytes_bucket", 1, le=1000)
    pushgateway_env.assert_exposed("backup_file_bytes_sum", 50_500)
    pushgateway_env.assert_no_rejections()


def test_backup_takes_little_time(pushgateway_env: Pushgateway, source: Path) -> None:
    run(source)

    assert pushgateway_env.value("backup_duration_seconds") == pytest.approx(0, abs=60)


def test_each_dataset_has_its_group(pushgateway_env: Pushgateway, source: Path) -> None:
    run(source)
    run(source.rename(source.with_name("films")))

    keys = [group.grouping_key for group in pushgateway_env.groups]
    assert keys == [{"job": "backup", "dataset": "photos"}, {"job": "backup", "dataset": "films"}]


def test_failed_backup_keeps_metrics_of_last_good_one(pushgateway_env: Pushgateway, source: Path) -> None:
    run(source)
    good = pushgateway_env.value("backup_last_success_timestamp_seconds", dataset="photos")

    source.rename(source.with_name("gone"))
    assert run(source) == 1

    pushgateway_env.assert_exposed("backup_last_success_timestamp_seconds", good, dataset="photos")
    pushgateway_env.assert_exposed("backup_last_failure_timestamp_seconds", dataset="photos")


def test_failing_first_backup_is_reported(pushgateway_env: Pushgateway, tmp_path: Path) -> None:
    assert run(tmp_path / "missing") == 1

    pushgateway_env.assert_pushed("backup_last_failure_timestamp_seconds", dataset="missing")
    pushgateway_env.assert_not_exposed("backup_last_success_timestamp_seconds")
    assert not (tmp_path / "photos.tar.gz").exists()


def test_gateway_down_for_a_moment(pushgateway_env: Pushgateway, source: Path) -> None:
    with pushgateway_env.faults.error(503, times=2) as fault:
        assert run(source) == 0

    assert fault.hits == 2
    pushgateway_env.assert_exposed("backup_archive_bytes", dataset="photos")


def test_backup_succeeds_without_gateway(
    pushgateway_env: Pushgateway, source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pushgateway_env.faults.refuse():
        assert run(source) == 0

    assert (source.parent / "photos.tar.gz").exists()
    assert len(caplog.records) == backup.ATTEMPTS


def test_hanging_gateway_does_not_delay_backup(
    pushgateway_env: Pushgateway, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "PUSH_TIMEOUT", 0.1)
    with pushgateway_env.faults.hang():
        assert run(source) == 0


def test_answer_lost_after_push_took_effect(pushgateway_env: Pushgateway, source: Path) -> None:
    with pushgateway_env.faults.error(502, times=1, after=True):
        run(source)

    assert len(pushgateway_env.pushes) == 2
    pushgateway_env.assert_exposed("backup_files_total", 2, kind="file")


def test_metrics_are_well_formed(pushgateway_env: Pushgateway, source: Path) -> None:
    run(source)

    assert pushgateway_env.lint() == []


def test_as_a_program(pushgateway_env: Pushgateway, source: Path) -> None:
    command = [sys.executable, backup.__file__, str(source), str(source.parent / "photos.tar.gz")]
    subprocess.run(command, check=True, env=os.environ, timeout=60)

    pushgateway_env.wait_for_push("backup_archive_bytes", dataset="photos")


def test_wrong_arguments(pushgateway_env: Pushgateway, capsys: pytest.CaptureFixture[str]) -> None:
    assert backup.main([]) == 2

    assert "python backup.py SOURCE ARCHIVE" in capsys.readouterr().err
    pushgateway_env.assert_not_pushed()
