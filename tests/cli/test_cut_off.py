"""Output whose reader goes away, as ``| head`` does: no traceback."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pytest_pushgateway import cli
from pytest_pushgateway.cli import check_metrics


def test_reader_closes_pipe_early(tmp_path: Path) -> None:
    keys = "".join(f"key_{number}: 1\n" for number in range(20_000))
    (tmp_path / "many.yml").write_text(f"scrape_configs: []\n{keys}")
    command = [sys.executable, "-m", "pytest_pushgateway", "check-config", "many.yml"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"many.yml:2:1: error: field key_0 not found in type config.plain\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


@pytest.mark.parametrize("asked", ["--help", "--version", "--completion-script-bash", "serve --help"])
def test_reader_is_gone_before_anything_is_written(asked: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "pytest_pushgateway", *asked.split()]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_reader_of_the_problems_is_gone() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "pytest_pushgateway", "check-metrics"]
    done = subprocess.run(command, input=b"rows 1\n", stdout=subprocess.PIPE, stderr=writer, timeout=60, check=False)
    os.close(writer)
    assert (done.returncode, done.stdout) == (141, b"")


WITHOUT_STREAMS = """
import sys
from pytest_pushgateway.cli import main

status = []
for asked in sys.argv[1:]:
    sys.stdin = sys.stdout = sys.stderr = None
    sys.argv[1:] = asked.split()
    status.append(main())
sys.__stdout__.write(f"{status}")
"""


def test_closed_streams_are_empty() -> None:
    """As in programs of Go, which open the null device in their place; Windows has none under ``pythonw``."""
    asked = ["--help", "serve --version", "check-metrics", "check-config -", "explain nothing", "nonsense"]
    command = [sys.executable, "-c", WITHOUT_STREAMS, *asked]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("[0, 0, 0, 0, 1, 2]", "")


class _Closed(io.TextIOBase):
    """Standard output whose reader went away, as Windows reports it."""

    def __init__(self, flushed: OSError | None) -> None:
        self._flushed = flushed
        self._file = open(os.devnull, "wb")  # noqa: SIM115

    def flush(self) -> None:
        if self._flushed is not None:
            raise self._flushed

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()


@pytest.mark.parametrize("closed", [True, False])
def test_windows_reports_a_closed_pipe_as_an_invalid_argument(monkeypatch: pytest.MonkeyPatch, closed: bool) -> None:
    invalid = OSError(errno.EINVAL, "Invalid argument")

    def run(arguments: list[str]) -> int:
        raise invalid

    with closing(_Closed(invalid if closed else None)) as output:
        monkeypatch.setattr(sys, "platform", "win32")
        monkeypatch.setattr(sys, "stdout", output)
        monkeypatch.setattr(check_metrics, "main", run)
        if closed:
            assert cli.main(["check-metrics"]) == cli.CUT_OFF
        else:
            with pytest.raises(OSError, match="Invalid argument"):
                cli.main(["check-metrics"])
