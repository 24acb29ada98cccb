"""The systemd unit that the documentation shows."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_pushgateway.cli.serve import COMMAND

UNIT = Path(__file__).parents[2] / "examples" / "systemd" / "pushgateway.service"


def exec_start() -> list[str]:
    joined = UNIT.read_text().replace("\\\n", "")
    return [value for line in joined.splitlines() if line.startswith("ExecStart=") for value in line[10:].split()]


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    analyse = shutil.which("systemd-analyze")
    if analyse is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/pushgateway/bin/python", sys.executable))
    verified = subprocess.run(
        [analyse, "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    said = [line for line in verified.stderr.splitlines() if UNIT.name in line]
    assert (verified.returncode, said) == (0, []), verified.stderr


def test_page_shows_the_unit() -> None:
    page = UNIT.parents[2] / "docs" / "systemd.md"
    assert f"```ini\n{UNIT.read_text(encoding='utf-8')}```\n" in page.read_text(encoding="utf-8")


def test_serve_understands_its_command() -> None:
    interpreter, *command = exec_start()
    assert interpreter == "/opt/pushgateway/bin/python"
    assert command[:3] == ["-m", "pytest_pushgateway", "serve"]
    options = COMMAND.parse(command[3:])
    assert options["web.listen-address"] == [":9091"]
    assert options["persistence.file"].startswith("/var/lib/")


def test_unit_has_user_and_state_directory_only() -> None:
    unit = UNIT.read_text()
    assert re.search(r"^User=pushgateway$", unit, re.MULTILINE)
    assert re.search(r"^StateDirectory=pushgateway$", unit, re.MULTILINE)
    assert re.search(r"^ProtectSystem=strict$", unit, re.MULTILINE)
