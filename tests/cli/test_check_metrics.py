"""check-metrics: promtool check metrics, on a file, on standard input or on what a URL serves."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pytest_pushgateway import Pushgateway
from pytest_pushgateway.cli import main, sources
from tests import peers

BAD = "# TYPE backup counter\nbackup 7\n"
PROBLEMS = 'backup counter metrics should have "_total" suffix\nbackup no help text\n'


def test_file_argument(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "metrics.prom"
    path.write_text(BAD)

    assert main(["check-metrics", str(path)]) == 3
    assert capsys.readouterr() == ("", PROBLEMS)


@pytest.mark.parametrize("arguments", [["-"], []])
def test_standard_input(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))

    assert main(["check-metrics", *arguments]) == 3
    assert capsys.readouterr() == ("", PROBLEMS)


def test_url_argument(pushgateway: Pushgateway, capsys: pytest.CaptureFixture[str]) -> None:
    pushgateway.push(BAD, job="backup")

    assert main(["check-metrics", f"{pushgateway.url}/metrics"]) == 3
    assert PROBLEMS in capsys.readouterr().err


def test_clean_metrics(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "metrics.prom"
    path.write_text("# HELP backup_bytes Size.\n# TYPE backup_bytes gauge\nbackup_bytes 7\n")

    assert main(["check-metrics", str(path)]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "status", "error"),
    [
        (["a", "b"], 2, "pytest-pushgateway check-metrics: error: expected one file or URL, try --help\n"),
        (["--extended"], 2, "pytest-pushgateway check-metrics: error: unknown flag --extended, try --help\n"),
        (
            ["/nowhere"],
            1,
            "pytest-pushgateway check-metrics: error: cannot read /nowhere: No such file or directory\n",
        ),
        (
            ["http://127.0.0.1:1/metrics"],
            1,
            "pytest-pushgateway check-metrics: error: cannot read http://127.0.0.1:1/metrics: Connection refused\n",
        ),
        (
            ["http://[/metrics"],
            1,
            "pytest-pushgateway check-metrics: error: cannot read http://[/metrics: Invalid IPv6 URL\n",
        ),
    ],
)
def test_impossible_arguments(
    arguments: list[str],
    status: int,
    error: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert main(["check-metrics", *arguments]) == status
    assert capsys.readouterr() == ("", error)


def test_metrics_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "metrics.prom"
    path.write_text("backup x\n")

    assert main(["check-metrics", str(path)]) == 1
    assert capsys.readouterr().err == (
        'error while linting: text format parsing error in line 1: expected float as value, got "x"\n'
    )


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no device without an end")
def test_metrics_without_an_end_are_given_up(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_SIZE", 3 << 20)

    assert main(["check-metrics", "/dev/zero"]) == 1
    assert "cannot read /dev/zero: more than 3 MiB; name a file of metrics\n" in capsys.readouterr().err
    with open("/dev/zero", encoding="latin-1") as endless:
        monkeypatch.setattr(sys, "stdin", endless)
        assert main(["check-metrics"]) == 1
    assert "cannot read -: more than 3 MiB; name a file of metrics\n" in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-metrics", "--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: pytest-pushgateway check-metrics [<file>|<url>|-]\n")


def test_server_does_not_speak_http(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    def answer() -> None:
        with listener.accept()[0] as connection:
            connection.recv(65536)
            connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        answering = threading.Thread(target=answer)
        answering.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        assert main(["check-metrics", url]) == 1
        answering.join()
    assert "not an HTTP response: BadStatusLine(" in capsys.readouterr().err


@pytest.mark.conformance
@pytest.mark.parametrize(
    "metrics",
    [
        BAD,
        "",
        "backup x\n",
        "# HELP backup_bytes Size.\n# TYPE backup_bytes gauge\nbackup_bytes 7\n",
        "# HELP backup_milliseconds T.\n# TYPE backup_milliseconds gauge\n" + "backup_milliseconds 7\n" * 2,
    ],
)
def test_status_and_words_are_promtools(metrics: str) -> None:
    promtool = peers.promtool_binary()
    theirs = subprocess.run(
        [promtool, "check", "metrics"], input=metrics, capture_output=True, text=True, timeout=60, check=False
    )
    ours = subprocess.run(
        [sys.executable, "-m", "pytest_pushgateway", "check-metrics", "-"],
        input=metrics,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout)
    assert sorted(ours.stderr.splitlines()) == sorted(theirs.stderr.splitlines())
