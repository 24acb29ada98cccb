"""Resolve the newest versions of everything that the environments of tox install, and write them down.

Run by ``tox run -e constraints``. ``default.txt`` is for every environment; the others differ from it in what they are
named for. The versions hold for each Python that is supported and for each system, told apart by markers.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MINIMUM = PROJECT["project"]["requires-python"].removeprefix(">=")
GROUPS = list(PROJECT["dependency-groups"])
REAL_PROJECTS = ROOT / "examples" / "real_projects" / "requirements.txt"
OLDEST = [requirement.replace(">=", "==") for requirement in PROJECT["project"]["dependencies"]]


class File(NamedTuple):
    """What the environments of one name install, beside the package with its extras."""

    groups: list[str]
    requirements: list[str]
    python: str = MINIMUM


# By name, which is a file here and a factor in tox.ini.
FILES = {
    "default": File(GROUPS, []),
    "pytest82": File(["test"], ["pytest==8.2.*"]),
    "pytest84": File(["test"], ["pytest==8.4.*"]),
    "werkzeug-min": File(["test"], ["werkzeug==3.0.*"]),
    "promclient-min": File(["test"], ["prometheus-client==0.20.*"]),
    "oldest": File(["test"], OLDEST),
    "real-projects": File([], REAL_PROJECTS.read_text(encoding="utf-8").splitlines(), "3.11"),
}


def resolve(name: str, file: File) -> None:
    """Write the file of that name. Raises ``CalledProcessError`` where nothing fits all that is asked for."""
    options = ["--quiet", "--upgrade", "--universal", f"--python-version={file.python}", "--all-extras"]
    options += ["--no-annotate", "--no-emit-index-url", *(f"--group={one}" for one in file.groups)]
    options += ["--custom-compile-command=tox run -e constraints", f"--output-file={HERE / name}.txt"]
    command = ["uv", "pip", "compile", *options, "pyproject.toml", "-"]
    subprocess.run(command, cwd=ROOT, input="\n".join(file.requirements), text=True, check=True)


def repeat() -> None:
    """Write the versions of ``default.txt`` into the hooks of pre-commit, which install what they run by themselves."""
    pins = dict(re.findall(r"^([\w-]+)==(\S+)$", (HERE / "default.txt").read_text(encoding="utf-8"), re.MULTILINE))
    hooks = ROOT / ".pre-commit-config.yaml"
    text = hooks.read_text(encoding="utf-8")
    hooks.write_text(re.sub(r"([\w-]+)==[^\],\s]+", lambda pin: f"{pin[1]}=={pins[pin[1]]}", text), encoding="utf-8")


def main() -> None:
    """Refresh the files that are named, or all of them."""
    for name in sys.argv[1:] or FILES:
        resolve(name, FILES[name])
    repeat()


if __name__ == "__main__":
    main()
