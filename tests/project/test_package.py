"""What the wheel and the source distribution hold."""

from __future__ import annotations

import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.package


def test_the_wheel_holds_the_whole_package_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "pytest_pushgateway"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert set(tracked) <= names
    assert "pytest_pushgateway/py.typed" in names
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"pytest_pushgateway"}


def test_the_metadata_names_entry_points_licence_and_extras(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        texts = {
            name.rsplit("/", 1)[-1]: archive.read(name).decode() for name in archive.namelist() if "dist-info" in name
        }
    assert "[pytest11]\npushgateway = pytest_pushgateway.plugin" in texts["entry_points.txt"]
    assert "pytest-pushgateway = pytest_pushgateway.cli:main" in texts["entry_points.txt"]
    assert "License-Expression: MIT" in texts["METADATA"]
    for extra in ("re2", "snappy", "auth", "xdist", "all"):
        assert f"Provides-Extra: {extra}" in texts["METADATA"]
    assert "Classifier: Framework :: Pytest" in texts["METADATA"]


def test_the_source_distribution_can_be_tested(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"pyproject.toml", "tox.ini", "README.md", "CHANGELOG.md", "LICENSE"} <= names
    assert "tests/project/test_package.py" in names
    assert "docs/conf.py" in names
    assert any(name.startswith("examples/") for name in names)
