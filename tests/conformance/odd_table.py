"""``python -m tests.conformance.odd_table``: writes what becomes of forty odd pushes into ``docs/odd-names.md``.

The column of a client that is not installed stays as it is.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.conformance import odd_clients, odd_pushes
from tests.conformance.clienttools import NotHere


def main() -> None:
    """Push with every client that is there, and write the table."""
    page = odd_pushes.PAGE.read_text(encoding="utf-8")
    columns = odd_pushes.read(page)
    fresh: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory(prefix="odd-pushes-") as directory:
        for name, make in odd_clients.KNOWN.items():
            try:
                with make(Path(directory)) as client:
                    fresh[name] = odd_pushes.outcomes(client)
            except NotHere as problem:
                fresh[name] = columns[name]
                print(f"{name}: column not renewed, {problem}")
    odd_pushes.PAGE.write_text(odd_pushes.write(page, fresh), encoding="utf-8")


if __name__ == "__main__":
    main()
