"""Writes the names of other manuals that the pages refer to into ``inventories/``: a build then needs no network.

Run ``python docs/inventories.py PYTHON PYTEST WERKZEUG`` with the paths of the manuals' ``objects.inv``. They are in
Debian's python3-doc, python-pytest-doc and python-werkzeug-doc. If a page refers to a name that is not here, the build
fails: add it below. The files have version 1 of the format, which is text.
"""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

FOLDER = Path(__file__).with_name("inventories")
NAMES = {
    "python": """
        AssertionError ConnectionError ConnectionRefusedError Exception LookupError OSError RuntimeError RuntimeWarning
        TypeError UserWarning ValueError Warning bool bytes dict float int list object str tuple type
        None True False Ellipsis
        collections.abc.Callable collections.abc.Iterable collections.abc.Mapping collections.abc.Sequence
        contextlib.AbstractContextManager datetime.datetime datetime.timedelta os.PathLike ssl.SSLContext typing.Any
        typing.Literal typing.NamedTuple
    """,
    "pytest": "pytest.approx",
    "werkzeug": "werkzeug.datastructures.Headers werkzeug.wrappers.Response",
}


def lines(inventory: Path, names: list[str]) -> list[str]:
    """Return the lines of version 1 for the names, from an inventory of version 2.

    Raises:
        LookupError: a name is not in the inventory.

    """
    packed = inventory.read_bytes().split(b"\n", 4)[4]
    found = {}
    for line in zlib.decompress(packed).decode().splitlines():
        name, kind, _, location, _ = line.split(" ", 4)
        domain, _, role = kind.partition(":")
        if domain == "py":
            found[name] = f"{name} {role} {location.partition('#')[0]}"
    missing = [name for name in names if name not in found]
    if missing:
        raise LookupError(f"{inventory} does not have {', '.join(missing)}")
    return [found[name] for name in sorted(names)]


def main() -> None:
    """Write the three files."""
    for project, path in zip(NAMES, sys.argv[1:], strict=True):
        head = ["# Sphinx inventory version 1", f"# Project: {project}", "# Version: stable"]
        text = "\n".join([*head, *lines(Path(path), NAMES[project].split())])
        FOLDER.joinpath(f"{project}.inv").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
