"""``serve`` goes on, and ends in good order, where its log cannot be written."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from pytest_pushgateway.cli.log import make_log
from tests import wire
from tests.cli.conftest import SERVE
from tests.systems import needs_signals


def push_and_end(process: subprocess.Popen[bytes], port: int, file: Path) -> None:
    with process:
        wire.wait_until(lambda: not wire.is_refused(port))
        if process.stderr is not None:
            process.stderr.close()
        assert wire.request(port, "PUT", "/metrics/job/j", b"a b\n").status == 400
        assert wire.request(port, "PUT", "/metrics/job/j", b"a 1\n").status == 200
        process.terminate()
        assert process.wait(30) == 0
    with closing(sqlite3.connect(file)) as database:
        assert (b"a",) in database.execute("SELECT name FROM families").fetchall()


@needs_signals
@pytest.mark.parametrize(
    "redirection",
    [
        pytest.param(
            "2>/dev/full", marks=pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a full device")
        ),
        "2>&-",
        "0<&- 1>&- 2>&-",
    ],
)
def test_log_lost_to_full_disk_or_closed_descriptors(tmp_path: Path, redirection: str) -> None:
    port = wire.free_port()
    flags = [f"--web.listen-address=127.0.0.1:{port}", f"--persistence.file={tmp_path / 'file'}", "--log.level=debug"]
    shell = ["sh", "-c", f'exec "$@" {redirection}', "-"]
    push_and_end(subprocess.Popen([*shell, *SERVE, *flags]), port, tmp_path / "file")


@needs_signals
def test_log_reader_gone_after_interrupt(tmp_path: Path) -> None:
    port = wire.free_port()
    flags = [f"--web.listen-address=127.0.0.1:{port}", f"--persistence.file={tmp_path / 'file'}", "--log.level=debug"]
    push_and_end(subprocess.Popen([*SERVE, *flags], stderr=subprocess.PIPE), port, tmp_path / "file")


def test_line_names_the_file_of_its_caller_without_the_directories_of_windows(
    capfd: pytest.CaptureFixture[str],
) -> None:
    exec(compile("log('info', 'pushed')", r"C:\Lib\site-packages\handling.py", "exec"), {"log": make_log()})
    assert "Z level=info caller=handling.py:1 msg=pushed\n" in capfd.readouterr().err
