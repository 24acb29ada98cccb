"""A persistence file whose calls of SQLite a test can watch, hold up or spoil, and a look at it as after a kill."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.kept import Kept

_CONNECT = sqlite3.connect

Tap = Callable[[str, str], None]
"""Called with ``before`` or ``after`` and the statement, at each call; what it raises, SQLite seems to raise."""


class Tapped:
    """A connection with somebody listening in."""

    def __init__(self, connection: sqlite3.Connection, tap: Tap) -> None:
        self.__dict__.update(_connection=connection, _tap=tap)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._connection, name, value)

    def execute(self, statement: str, *arguments: Any) -> Any:
        return self._tapped(statement, self._connection.execute, statement, *arguments)

    def executemany(self, statement: str, *arguments: Any) -> Any:
        return self._tapped(statement, self._connection.executemany, statement, *arguments)

    def executescript(self, script: str) -> Any:
        return self._tapped(script, self._connection.executescript, script)

    def close(self) -> None:
        try:
            self._tap("before", "CLOSE")
        finally:
            # Whatever the tap raised: a connection that stays open keeps its file from the next one.
            self._connection.close()
        self._tap("after", "CLOSE")

    def _tapped(self, statement: str, call: Callable[..., Any], *arguments: Any) -> Any:
        self._tap("before", statement)
        result = call(*arguments)
        self._tap("after", statement)
        return result


@contextmanager
def tapped(tap: Tap) -> Iterator[None]:
    """Let a function listen to all connections that are opened meanwhile, as long as they are open."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3.dbapi2, "connect", lambda *given, **named: Tapped(_CONNECT(*given, **named), tap))
        yield


@contextmanager
def after_a_kill(path: Path) -> Iterator[Kept]:
    """Start another gateway on what a kill at this moment would leave of the file."""
    left = path.with_name("left-by-a-kill")
    for suffix in ("", "-wal"):
        with suppress(FileNotFoundError):
            left.with_name(left.name + suffix).unlink()
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{path}{suffix}", f"{left}{suffix}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3.dbapi2, "connect", _CONNECT)
        with Kept(left) as again:
            yield again
