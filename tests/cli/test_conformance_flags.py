"""``serve`` has the original's flags and reads arguments as it does: same errors, same words, same exit status."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import peers

pytestmark = pytest.mark.conformance

OURS = [sys.executable, "-m", "pytest_pushgateway", "serve"]


@pytest.fixture(scope="module")
def original() -> Path:
    return peers.pushgateway_binary()


def run(command: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60, check=False)


def said(command: list[str], directory: Path) -> tuple[int, str, str]:
    """Return exit status, the first word of what went to standard output, and standard error without the name."""
    done = run(command, directory)
    errors = re.sub(r"^[\w -]+: error: ", "error: ", done.stderr)
    errors = re.sub(r"; did you mean '[^']*'\?", ", try --help", errors)  # ours alone
    return done.returncode, done.stdout.partition(" ")[0], errors


FLAG = re.compile(r"^ {2,6}(?:-\w, )?--(?:\[no-\])?([\w.-]+)(?:=(\S+))?", re.MULTILINE)

OURS_ALONE = re.compile(r"web\.(max-|request-timeout|idle-timeout)|persistence\.required|test\.")
"""The limits of our server, the extras of its persistence, and the test API."""
DEBIANS_ALONE = ("web.local-assets",)


def flags_in(text: str) -> dict[str, str]:
    """Return the flags that a help text lists, with their defaults."""
    return {name: default for name, default in FLAG.findall(text) if not name.startswith("help-")}


def test_every_flag_is_there_with_its_default(original: Path, tmp_path: Path) -> None:
    theirs = flags_in(run([str(original), "--help"], tmp_path).stdout)
    ours = flags_in(run([*OURS, "--help"], tmp_path).stdout)
    # Debian's build persists by default, the original does not.
    expected = {**theirs, "persistence.file": '""', "web.external-url": '""'}
    assert {name: default for name, default in expected.items() if name not in DEBIANS_ALONE} == {
        name: default for name, default in ours.items() if not OURS_ALONE.match(name)
    }


def test_version_has_the_line_that_scripts_look_for(original: Path, tmp_path: Path) -> None:
    shape = re.compile(r"pushgateway, version \S+ \(branch: \S+, revision: \S+\)\n")
    for command in ([str(original)], OURS):
        done = run([*command, "--version"], tmp_path)
        assert done.returncode == 0
        assert shape.match(done.stdout), done.stdout


ARGUMENTS = [
    "--nope",
    "--no-nope",
    "--nope=x",
    "-x",
    "extra",
    "-- extra",
    "-- --log.level=info",
    "--Web.Enable-Lifecycle",
    "--web.enable-lifecycl",
    "--web.listen-address",
    "--web.route-prefix",
    "--web.route-prefix --web.enable-lifecycle",
    "--web.enable-lifecycle=true",
    "--no-web.enable-lifecycle=x",
    "--web.enable-admin-api false",
    "--no-log.level",
    "--log.level=trace",
    "--log.level=",
    "--log.format=xml",
    "--log.format JSON",
    "--persistence.interval=5",
    "--persistence.interval=x",
    "--persistence.interval=",
    "--persistence.interval=5m3",
    "--persistence.interval=5 m",
    "--persistence.interval=1.5.5s",
    "--persistence.interval=999999999h",
    "--web.external-url=%zz",
    "--web.external-url=:foo",
    "--log.level=info --log.level=debug",
    "--web.enable-lifecycle --web.enable-lifecycle",
    "--web.enable-lifecycle --no-web.enable-lifecycle",
    "@missing",
    "@arguments",
    "@empty --nope",
    "@bytes",
    "--help",
    "-h",
    "-hx",
    "--help-long",
    "--no-help",
    "--help=x",
    "--help extra",
    "extra --help",
    "--help --nope",
    "--nope --help",
    "--help --log.level=x",
    "--help --version",
    "--version --help",
    "--version extra",
    "--version --nope",
    "--nope --version",
    "--version --log.level=x",
    "--version=1",
    "--no-version",
]


@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_arguments(original: Path, tmp_path: Path, arguments: str) -> None:
    (tmp_path / "arguments").write_text("--web.enable-lifecycle\n# a comment\n--log.level=nope\n")
    (tmp_path / "empty").write_text("")
    (tmp_path / "bytes").write_bytes(b"--persistence.file=caf\xe9\n--nope\n")
    words = arguments.split(" ")
    assert said([*OURS, *words], tmp_path) == said([str(original), *words], tmp_path)


STOPS = [
    "--web.listen-address=127.0.0.1",
    "--web.listen-address=127.0.0.1:x",
    "--web.listen-address=127.0.0.1:99999",
    "--web.listen-address=256.0.0.1:1",
    "--web.config.file=missing.yml",
    "--web.config.file=unknown.yml",
    "--web.config.file=plain_password.yml",
    "--web.config.file=header.yml",
    "--web.config.file=half_tls.yml",
    "--web.config.file=no_key_file.yml",
    "--web.telemetry-path=tele",
]


@pytest.mark.parametrize("argument", STOPS)
def test_errors_that_stop_the_original_stop_ours(original: Path, tmp_path: Path, argument: str) -> None:
    """The original ends with status 0, or panics; ours prints one line that names the culprit, and fails."""
    (tmp_path / "unknown.yml").write_text("nonsense: 1\n")
    (tmp_path / "plain_password.yml").write_text("basic_auth_users: {anne: secret}\n")
    (tmp_path / "header.yml").write_text("http_server_config: {headers: {X-Foo: bar}}\n")
    (tmp_path / "half_tls.yml").write_text("tls_server_config: {cert_file: a.pem}\n")
    (tmp_path / "no_key_file.yml").write_text("tls_server_config: {cert_file: a.pem, key_file: a.key}\n")
    arguments = ["--persistence.file=", argument]
    if "listen-address" not in argument:
        arguments.append("--web.listen-address=127.0.0.1:0")
    theirs = run([str(original), *arguments], tmp_path)
    assert theirs.returncode in (0, 2)
    ours = run([*OURS, *arguments], tmp_path)
    assert ours.returncode == 1
    assert "Traceback" not in ours.stderr
    (line,) = [line for line in ours.stderr.splitlines() if not line.startswith("ts=")]
    assert line.startswith("pytest-pushgateway serve: error: ")
