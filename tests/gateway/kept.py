"""A persistence file to talk to in a test."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from pytest_pushgateway.gateway.log import PERSISTED
from pytest_pushgateway.gateway.persistence.persistence import Persistence
from tests.gateway.held import Held


def files_in(folder: Path) -> list[str]:
    """Return the names of its files, without those that macOS locks.

    They stay: if one were deleted, two gateways could lock a file each.
    """
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith("-lock"))


class Log:
    """Remembers what was logged; that something was written, apart from the rest."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []
        self.persisted: list[tuple[str, str, dict[str, Any]]] = []

    def __call__(self, level: str, message: str, **fields: Any) -> None:
        (self.persisted if message == PERSISTED else self.lines).append((level, message, fields))

    @property
    def messages(self) -> list[tuple[str, str]]:
        """Level and message of each line, in order."""
        return [(level, message) for level, message, _ in self.lines]


class Kept(Held):
    """A store that keeps its groups in a file."""

    def __init__(self, path: Path, *, interval: float = 0, synchronous: str = "OFF", required: bool = False) -> None:
        self.log = Log()
        self.persistence = Persistence.open(path, interval, synchronous=synchronous, log=self.log, required=required)
        super().__init__(persistence=self.persistence)

    def stop(self) -> None:
        """End in good order."""
        self.persistence.close()

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def ask(path: Path, query: str) -> list[tuple[Any, ...]]:
    """Ask the database something, as another program."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()
