"""The built wheel in projects of others: one with a tox matrix, and ones that keep snapshots."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from . import snippets
from .tools import need

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.package


def run(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "TOX_", "COV_"))}
    environment = {**inherited, "NO_COLOR": "1", **variables}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_project_with_its_own_matrix(built: Path, tmp_path: Path) -> None:
    need("tox")
    (wheel,) = built.glob("*.whl")
    project = tmp_path / "project"
    shutil.copytree(ROOT / "examples" / "own_matrix", project, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    version = "py{}{}".format(*sys.version_info)

    pins = str(ROOT / "constraints" / "promclient-min.txt")
    done = run(
        project, "tox", "run", "-e", f"{version}-prometheus020", PYTEST_PUSHGATEWAY=str(wheel), PIP_CONSTRAINT=pins
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout


RECIPES = {"syrupy": "--snapshot-update", "inline-snapshot": "--inline-snapshot=create"}


@pytest.mark.parametrize("tool", RECIPES)
def test_kept_snapshot_fits_next_run(tool: str, tmp_path: Path) -> None:
    need(tool.replace("-", "_"))
    found = snippets.blocks(ROOT / "docs" / "gateway.md")
    (recipe,) = [block for block in found if block.not_run == f"needs {tool}"]
    for block in (found[0], recipe):
        tmp_path.joinpath(block.file_name).write_text(block.text, encoding="utf-8")

    run(tmp_path, "pytest", RECIPES[tool])
    kept = "".join(path.read_text() for path in tmp_path.rglob("*") if path.suffix in (".ambr", ".py"))
    done = run(tmp_path, "pytest", "-p", "no:cacheprovider")

    assert 'nightly_rows{disk="sda",instance="",job="nightly"} 7' in kept
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
