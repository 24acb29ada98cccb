"""The flags of ``serve`` in kingpin's grammar, errors in its words as the original's."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_pushgateway import Settings, cli
from pytest_pushgateway._version import __version__
from pytest_pushgateway.cli.serve import COMMAND, FLAGS, main, settings_of
from pytest_pushgateway.settings import OPTIONS
from tests import peers

WRONG: dict[str, list[str]] = {
    "long flag": ["--nope"],
    "long flag with a value": ["--nope=1"],
    "negated flag": ["--no-nope"],
    "negated flag with a value": ["--no-web.config.file"],
    "short flag": ["-x"],
    "short flag after a good one": ["-hx"],
    "short flag with a value": ["-h=1"],
    "argument": ["foo"],
    "empty argument": [""],
    "argument after the flags": ["--", "foo"],
    "no value": ["--web.config.file"],
    "flag for a value": ["--web.config.file", "--web.enable-lifecycle"],
    "value twice": ["--web.config.file=a", "--web.config.file=b"],
    "boolean twice": ["--web.enable-lifecycle", "--no-web.enable-lifecycle"],
    "value of a boolean": ["--web.enable-lifecycle=true"],
    "duration": ["--persistence.interval=x"],
    "duration without a unit": ["--persistence.interval", "5"],
    "level": ["--log.level=foo"],
    "empty level": ["--log.level="],
    "format": ["--log.format", "foo"],
    "URL": ["--web.external-url=:9091"],
    "URL with a broken escape": ["--web.external-url=http://e/%zz"],
    "arguments from no file": ["@/nonexistent"],
}


@pytest.mark.conformance
@pytest.mark.parametrize("name", WRONG)
def test_errors_are_kingpins(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    binary = peers.pushgateway_binary()
    theirs = subprocess.run([binary, *WRONG[name]], capture_output=True, text=True, timeout=30, check=False)
    assert main(WRONG[name]) == theirs.returncode == 1
    ours = capsys.readouterr()
    assert ours.out == theirs.stdout == ""
    assert ours.err.removeprefix("pytest-pushgateway serve") == theirs.stderr.removeprefix(binary.name)


def test_invalid_address_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--web.listen-address=foo"]) == 1
    line = "pytest-pushgateway serve: error: listen tcp: address foo: missing port in address, try --help\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize("flag", ["--web.max-headers=0", "--web.max-body-size=x", "--web.max-connections=-1"])
def test_limits_are_positive_numbers(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([flag]) == 1
    assert "expected a positive number but got" in capsys.readouterr().err


def test_defaults_are_the_settings_of_the_original() -> None:
    options = COMMAND.parse([])
    assert options["web.listen-address"] == [":9091"]
    assert (options["log.level"], options["log.format"]) == ("info", "logfmt")
    settings = settings_of(options)
    assert settings.persistence_interval == 300
    for name in OPTIONS:
        if name not in ("persistence_interval", "sources"):
            assert getattr(settings, name) == getattr(Settings(), name), name


@pytest.mark.parametrize(
    ("arguments", "changed"),
    [
        (["--web.telemetry-path", "/m"], {"telemetry_path": "/m"}),
        (["--web.route-prefix=/p"], {"route_prefix": "/p"}),
        (["--web.external-url=http://x/y"], {"external_url": "http://x/y"}),
        (["--persistence.file=f", "--persistence.interval=0s"], {"persistence_file": "f", "persistence_interval": 0.0}),
        (["--persistence.interval=1h2m3.5s"], {"persistence_interval": 3723.5}),
        (["--persistence.interval=-1s"], {"persistence_interval": 0.0}),
        (["--push.disable-consistency-check"], {"consistency_check": False}),
        (["--push.enable-utf8-names"], {"utf8_names": True}),
        (["--web.enable-admin-api", "--web.enable-lifecycle"], {"enable_admin_api": True, "enable_lifecycle": True}),
        (["--no-web.enable-admin-api"], {"enable_admin_api": False}),
        (["--web.config.file=w.yml"], {"web_config_file": "w.yml"}),
        (["--web.max-body-size=1", "--web.max-headers", "2"], {"max_body_size": 1, "max_headers": 2}),
        (["--web.request-timeout=1m30s", "--web.idle-timeout=1s"], {"request_timeout": 90.0, "idle_timeout": 1.0}),
    ],
)
def test_every_flag_means_a_setting(arguments: list[str], changed: dict[str, Any]) -> None:
    settings = settings_of(COMMAND.parse(arguments))
    assert {name: getattr(settings, name) for name in changed} == changed


def test_addresses_add_up_and_levels_have_no_case() -> None:
    options = COMMAND.parse(["--web.listen-address=:1", "--web.listen-address", "[::1]:2", "--log.level", "DEBUG"])
    assert options["web.listen-address"] == [":1", "[::1]:2"]
    assert options["log.level"] == "debug"
    assert COMMAND.parse(["--web.listen-address="])["web.listen-address"] == [":0"]


RECORDED: list[dict[str, Any]] = json.loads(Path(__file__).with_name("kingpin-2.4.json").read_text(encoding="utf-8"))
"""Command lines as kingpin 2.4 reads them, with the original's flags; Debian's build has an older one."""

FILES = {
    "args": b"--web.enable-lifecycle\n--log.format=json\n",
    "comments": b"# a\n--web.enable-lifecycle\n#--nope\n  # b\n",
    "blank": b"\n--web.enable-lifecycle\n \t\n\n",
    "crlf": b"--web.enable-lifecycle\r\n\r\n--log.format\r\njson\r\n",
    "nested": b"@args\n--persistence.interval=1d\n",
    "nestedmissing": b"@args\n@missing\n",
    "quoted": b'--web.config.file="a b"\n',
    "spaces": b" --web.enable-lifecycle\n",
    "empty": b"",
    "one": b"one.yml\n",
}


@pytest.fixture
def argument_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("argument_files")
@pytest.mark.parametrize("recorded", RECORDED, ids=[one["arguments"] for one in RECORDED])
def test_arguments_are_parsed_like_kingpin(recorded: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    words = recorded["arguments"].split(" ")
    if "values" in recorded:
        given = COMMAND.parse(words)
        assert {name: given[name] for name in recorded["values"]} == recorded["values"]
        default = COMMAND.parse([])
        assert {name for name in given if given[name] != default[name]} == set(recorded["values"])
        return
    assert main(words) == recorded["status"]
    out, err = capsys.readouterr()
    err = re.sub(r"; did you mean '[^']*'\?", ", try --help", err)  # ours alone
    assert err.removeprefix("pytest-pushgateway serve: ").strip() == recorded.get("error", "")
    assert bool(out) == ("prints" in recorded)
    if recorded.get("prints") in ("usage:", ".TH", "pushgateway,"):
        assert out.startswith(recorded["prints"])


def test_arguments_file_contains_itself(argument_files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The original reads it until its memory ends."""
    (argument_files / "self").write_text("--web.enable-lifecycle\n@self\n")
    assert main(["@self"]) == 1
    assert capsys.readouterr().err == (
        'pytest-pushgateway serve: error: arguments file "self" contains itself, try --help\n'
    )


@pytest.mark.parametrize("flag", ["-h", "--help", "--help-long"])
def test_help_names_every_flag(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([flag]) == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: pytest-pushgateway serve [<flags>]\n")
    for one in FLAGS:
        assert one.name in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.conformance
def test_help_has_every_flag_of_the_original() -> None:
    text = subprocess.run([peers.pushgateway_binary(), "--help"], capture_output=True, text=True, check=True).stdout
    theirs = set(re.findall(r"^ {6}(--[a-z0-9.-]+)", text, re.MULTILINE)) - {"--version"}
    # Debian's own: where it keeps the files of the web page.
    assert theirs - {"--web.local-assets"} <= {f"--{flag.name}" for flag in FLAGS}


@pytest.mark.parametrize("command", ["serve", "check-config", "check-metrics", "explain"])
def test_help_man_prints_manual_page(command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main([command, "--help-man"]) == 0
    page = capsys.readouterr().out
    assert page.startswith(f".TH pytest-pushgateway-{command} 1 ")
    assert cli.main([command, "--help"]) == 0
    listed = re.findall(r"(?m)^ {2,6}(?:-[hV], )?--(?:\[no-\])?([\w.-]+)", capsys.readouterr().out)
    options = [line for line in page.replace("\\-", "-").splitlines() if line.startswith("\\fB-")]
    assert [re.sub(r"^.*?--(?:\[no-\])?([\w.-]+).*", r"\1", option) for option in options] == listed
    if groff := shutil.which("groff"):
        asked = [groff, "-man", "-Tutf8", "-ww"]
        formatted = subprocess.run(asked, input=page, capture_output=True, encoding="utf-8", check=True)
        assert formatted.stderr == ""


def completed(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert cli.main(["--completion-bash", *words]) == 0
    return capsys.readouterr().out.splitlines()


def test_completion(capsys: pytest.CaptureFixture[str]) -> None:
    assert completed(capsys, "") == [*cli.COMMANDS, "--help", "--version"]
    assert completed(capsys, "nope", "") == []
    flags = completed(capsys, "serve", "--web.")
    assert flags == ["--help", *(f"--{flag.name}" for flag in FLAGS), "--version"]
    assert completed(capsys, "serve", "--log.format", "") == ["logfmt", "json"]
    assert completed(capsys, "serve", "--web.config.file", "w") == []
    assert completed(capsys, "serve", "--web.enable-lifecycle", "--") == flags
    assert completed(capsys, "check-config", "--format", "j") == ["text", "json", "github", "sarif", "junit"]
    assert completed(capsys, "check-config", "prom") == []


@pytest.mark.parametrize("arguments", [["--completion-script-bash"], ["serve", "--completion-script-bash"]])
def test_bash_completes(arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(arguments) == 0
    program = tmp_path / "pytest-pushgateway"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m pytest_pushgateway "$@"\n')
    program.chmod(0o755)
    ask = 'COMP_WORDS=("$0" serve --log.le); COMP_CWORD=2; _pytest_pushgateway; printf "%s\\n" "${COMPREPLY[@]}"'
    script = capsys.readouterr().out + ask
    done = subprocess.run(["bash", "-c", script, program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("--log.level\n", "")


def test_zsh_gets_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--completion-script-zsh"]) == 0
    script = capsys.readouterr().out
    assert script.startswith("#compdef pytest-pushgateway\n")
    if zsh := shutil.which("zsh"):
        subprocess.run([zsh, "-n", "-c", script], check=True, timeout=60)


@pytest.mark.parametrize(("columns", "widest"), [("60", 70), ("80", 80), ("300", 110)])
def test_help_follows_the_terminal(
    columns: str, widest: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert main(["--help"]) == 0
    assert widest - 12 < max(map(len, capsys.readouterr().out.splitlines())) <= widest


def test_fish_gets_a_script(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["--completion-script-fish"]) == 0
    script = capsys.readouterr().out
    assert script.startswith("function __pytest_pushgateway\n")
    if fish := shutil.which("fish"):
        program = tmp_path / "pytest-pushgateway"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m pytest_pushgateway "$@"\n')
        program.chmod(0o755)
        environment = {**os.environ, "HOME": str(tmp_path), "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
        ask = f"{script}complete -C 'pytest-pushgateway serve --log.le'"
        done = subprocess.run(
            [fish, "-c", ask], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.stdout, done.stderr) == ("--log.level\n", "")


@pytest.mark.parametrize("flag", ["-V", "--version"])
@pytest.mark.parametrize("command", [[], ["serve"], ["check-config"], ["check-metrics"], ["explain"]])
def test_version_of_each_command(command: list[str], flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*command, flag]) == 0
    assert __version__ in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"pushgateway, version {__version__} (branch: ")
    assert "revision: pushgateway-1.11.3)" in out
    assert out.endswith("follows:          Pushgateway 1.11.3\n")
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"pytest-pushgateway {__version__}\n"


def test_commands_are_listed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli.main(["--help"]) == 0
    listed = capsys.readouterr().out
    assert all(f"  {name} " in listed for name in cli.COMMANDS)
    for command in cli.COMMANDS:
        assert cli.main([command, "--help"]) == 0
        listed += capsys.readouterr().out
    assert max(map(len, listed.splitlines())) <= 80
    assert cli.main(["nope"]) == 2
    assert capsys.readouterr().err == "pytest-pushgateway: error: unknown command 'nope', try --help\n"
    assert cli.main(["check-confg"]) == 2
    assert capsys.readouterr().err.startswith("pytest-pushgateway: error: unknown command 'check-confg' (did you mean")
    monkeypatch.setattr(sys, "argv", ["pytest-pushgateway"])
    assert cli.main() == 2
    assert capsys.readouterr().err == "pytest-pushgateway: error: no command given, try --help\n"
    assert cli.main(["serve", "--nope"]) == 1


def test_each_flag_in_option_table_is_a_serve_flag() -> None:
    flags = {flag.name: flag for flag in FLAGS}
    rows = [option for option in OPTIONS.values() if option.flag]

    assert [option.flag for option in rows if option.flag not in flags] == []
    assert [option.flag for option in rows if flags[option.flag].is_boolean != (option.kind == "bool")] == []
    limits = [name for name in OPTIONS if name.startswith("max_") or name.endswith("_timeout")]
    assert [OPTIONS[name].flag for name in limits] == [f"web.{name.replace('_', '-')}" for name in limits]
