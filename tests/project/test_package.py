"""The contents of the wheel and of the source distribution."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.package


def test_wheel_holds_whole_package_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "pytest_pushgateway"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert set(tracked) <= names
    assert "pytest_pushgateway/py.typed" in names
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"pytest_pushgateway"}


def test_metadata_names_entry_points_licence_and_extras(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        texts = {
            name.rsplit("/", 1)[-1]: archive.read(name).decode() for name in archive.namelist() if "dist-info" in name
        }
    assert "[pytest11]\npushgateway = pytest_pushgateway.plugin" in texts["entry_points.txt"]
    assert "pytest-pushgateway = pytest_pushgateway.cli:main" in texts["entry_points.txt"]
    assert "License-Expression: MIT" in texts["METADATA"]
    for extra in ("re2", "promql", "snappy", "auth", "xdist", "all"):
        assert f"Provides-Extra: {extra}" in texts["METADATA"]
    assert "Classifier: Framework :: Pytest" in texts["METADATA"]
    addresses = re.findall(r"^Project-URL: (\w+), (\S+)$", texts["METADATA"], re.MULTILINE)
    assert [name for name, _ in addresses] == ["Documentation", "Source", "Issues", "Changelog"]
    assert all(address.startswith(dict(addresses)["Source"]) for _, address in addresses)


def test_readme_links_work_on_package_index(built: Path) -> None:
    """There no file lies beside it: each link names the file in the repository, as it is at the release's tag."""
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA")]
    assert "Description-Content-Type: text/markdown" in metadata
    (source,) = re.findall(r"^Project-URL: Source, (\S+)$", metadata, re.MULTILINE)
    tag = "v" + wheel.name.split("-")[1]
    files, images = f"{source}/blob/{tag}", f"{source.replace('github.com', 'raw.githubusercontent.com')}/{tag}"
    link = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)")
    written = link.findall((ROOT / "README.md").read_text())
    shown = [
        (image, target if re.match("https?:|#", target) else f"{images if image else files}/{target}")
        for image, target in written
    ]
    assert link.findall(metadata) == shown
    assert any(image for image, _ in written)
    assert len({target for _, target in shown}) > 10


def test_source_distribution_can_be_tested(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert set(tracked) - names == set()
    assert names - set(tracked) == {"PKG-INFO"}


def pinned_for(python: str) -> list[str]:
    """Return the versions that are installed with another Python: pip asks the markers of the one it runs with."""
    versions = {"python_version": python, "python_full_version": f"{python}.0"}
    lines = (ROOT / "constraints" / "default.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    return [f"{pin.name}{pin.specifier}" for pin in pins if pin.marker is None or pin.marker.evaluate(versions)]


@pytest.mark.parametrize(("python", "platforms"), [("3.14", ["1_2"]), ("3.10", ["1_2", "1_1"])])
def test_musl_linux_needs_no_compiler(built: Path, tmp_path: Path, python: str, platforms: list[str]) -> None:
    """The base package, auth and snappy come as wheels alone; musl 1.2 takes wheels for 1.1, too."""
    (wheel,) = built.glob("*.whl")
    machine = [*(f"--platform=musllinux_{one}_x86_64" for one in platforms), f"--python-version={python}"]
    command = [sys.executable, "-m", "pip", "download", "-q", "-d", str(tmp_path), "--only-binary=:all:", *machine]
    command.append(f"{wheel}[auth,snappy]")
    pins = tmp_path / "constraints.txt"
    pins.write_text("\n".join(pinned_for(python)), encoding="utf-8")
    environment = {**os.environ, "PIP_CONSTRAINT": str(pins)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    pins.unlink()
    assert done.returncode == 0, done.stderr
    loaded = {path.name.partition("-")[0].lower() for path in tmp_path.iterdir()}
    assert {path.suffix for path in tmp_path.iterdir()} == {".whl"}
    assert {"pytest", "werkzeug", "prometheus_client", "protobuf", "pyyaml", "bcrypt", "cramjam"} <= loaded
