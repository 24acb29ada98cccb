"""Manners that all commands share: help at 80 columns, errors in one line, one program under two names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_pushgateway import cli
from pytest_pushgateway._version import __version__

SCRIPT = Path(sys.executable).with_name("pytest-pushgateway")


@pytest.mark.parametrize("command", ["", *cli.COMMANDS])
def test_help_fits_a_terminal(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")  # here is no terminal, and so there are no colours
    assert cli.main([*command.split(), "--help"]) == 0
    printed, errors = capsys.readouterr()
    assert printed.startswith(f"usage: {' '.join(['pytest-pushgateway', *command.split()])} ")
    assert printed.endswith("\n")
    assert max(map(len, printed.splitlines())) <= 80
    assert errors == ""


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ("", 2, ": error: no command given, try --help"),
        ("serv", 2, ": error: unknown command 'serv' (did you mean serve?), try --help"),
        ("serve --nonsense", 1, " serve: error: unknown long flag '--nonsense', try --help"),
        ("check-config --nonsense", 2, " check-config: error: unknown flag --nonsense, try --help"),
        (
            "check-config --lint=some x.yml",
            2,
            " check-config: error: --lint must be one of none, default, strict, not ",
        ),
        ("check-metrics --nonsense", 2, " check-metrics: error: unknown flag --nonsense, try --help"),
        ("check-metrics absent.txt", 1, " check-metrics: error: cannot read absent.txt: No such file or directory"),
        (
            "serve --web.listen-adress=:0",
            1,
            " serve: error: unknown long flag '--web.listen-adress'; did you mean '--web.listen-address'?",
        ),
        (
            "check-config --ignor=PG001 x.yml",
            2,
            " check-config: error: unknown flag --ignor; did you mean '--ignore'?",
        ),
        ("check-config --no-file x.yml", 2, " check-config: error: unknown flag --no-file; did you mean '--no-files'?"),
        ("check-config --lint=none --lint=strict x.yml", 2, " check-config: error: --lint cannot be repeated, try"),
        ("check-metrics --hlep", 2, " check-metrics: error: unknown flag --hlep; did you mean '--help'?"),
        ("explain --target", 2, " explain: error: --target needs a value, try --help"),
        ("explain --metric=x x.yml", 2, " explain: error: unknown flag --metric; did you mean '--metrics'?"),
        ("explain a.yml b.yml", 2, " explain: error: expected one file, try --help"),
        ("explain @absent", 2, ' explain: error: failed to open arguments file "absent": '),
        ("explain", 2, " explain: error: no file given, try --help"),
    ],
)
def test_error_is_one_line(
    arguments: str,
    status: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments.split()) == status
    printed, errors = capsys.readouterr()
    assert errors.startswith(f"pytest-pushgateway{said}")
    assert errors.count("\n") == 1
    assert printed == ""


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--nonsense"], ["check-metrics", "absent.txt"]])
def test_script_runs_the_module(arguments: list[str], tmp_path: Path) -> None:
    by_both = [
        subprocess.run([*command, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        for command in ([SCRIPT], [sys.executable, "-m", "pytest_pushgateway"])
    ]
    script, module = [(done.returncode, done.stdout, done.stderr) for done in by_both]
    assert script == module
    assert script[1] or script[2]


@pytest.mark.parametrize("command", ["check-config", "check-metrics", "explain"])
def test_commands_read_their_line_alike(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "arguments").write_text("# a comment\n--version\n")
    assert cli.main([command, "@arguments"]) == 0
    assert capsys.readouterr() == (f"pytest-pushgateway {__version__}\n", "")
    assert cli.main([command, "--nonsense", "--help"]) == 2
    assert cli.main([command, "-x"]) == 2
    assert "unknown flag -x, try --help" in capsys.readouterr().err
    cli.main([command, "--", "--odd-name"])
    assert "--odd-name" in "".join(capsys.readouterr())


def test_commands_run_without_thresholds_of_collection(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """PyPy has none."""
    monkeypatch.setattr(cli, "gc", SimpleNamespace(isenabled=lambda: False, disable=lambda: None))
    assert cli.main(["serve", "--version"]) == 0
    assert "platform:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "hönor_日"),
        ({"PYTHONIOENCODING": "cp1252"}, "hönor_\\u65e5"),
    ],
)
def test_no_locale_stops_a_message(tmp_path: Path, variables: dict[str, str], shown: str) -> None:
    (tmp_path / "p.yml").write_text("hönor_日: true\n", encoding="utf-8")
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONIOENCODING", "LC_ALL")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest_pushgateway", "check-config", "p.yml"],
        cwd=tmp_path,
        env={**inherited, **variables},
        capture_output=True,
        timeout=60,
    )
    said = done.stdout.decode(variables.get("PYTHONIOENCODING", "utf-8"))
    assert (done.returncode, done.stderr) == (1, b"")
    assert said.startswith(f"p.yml:1:1: error: field {shown} not found in type config.plain")
