"""The SQLite file behind the persistence: opened for one gateway alone, or set aside when it cannot be trusted."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pytest_pushgateway.gateway.grouping_key import GroupingKey
from pytest_pushgateway.gateway.groups import StoredFamily
from pytest_pushgateway.gateway.persistence.filelock import FileLock, InUse
from pytest_pushgateway.gateway.persistence.rows import Row, decode_row

APPLICATION_ID = 0x50505457
"""``PPTW`` in the file's header: what ``file`` and SQLite's shell show, and what tells a foreign database."""

SCHEMA_VERSION = 1

_HEADER = b"SQLite format 3\x00"
_SCHEMA = (
    "CREATE TABLE state (generation INTEGER NOT NULL)",
    "INSERT INTO state VALUES (0)",
    """CREATE TABLE families (
        id INTEGER PRIMARY KEY,
        generation INTEGER NOT NULL,
        "group" BLOB NOT NULL,
        name BLOB NOT NULL,
        pushed_at REAL NOT NULL,
        type INTEGER NOT NULL,
        help BLOB,
        series BLOB NOT NULL,
        suspects BLOB NOT NULL,
        UNIQUE (generation, "group", name)
    )""",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
_COLUMNS = '"group", name, pushed_at, type, help, series, suspects'
_UPSERT = f"""INSERT INTO families (generation, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (generation, "group", name) DO UPDATE SET
    pushed_at = excluded.pushed_at, type = excluded.type, help = excluded.help, series = excluded.series,
    suspects = excluded.suspects"""
_PURGED_AT_ONCE = 16
"""Rows of generations that are over which one flush removes."""


class PersistenceError(Exception):
    """The file cannot be used and must not be touched; ``str()`` is one clear line."""


class Distrusted(Exception):
    """The file is not, or no longer, one that this gateway can read; ``str()`` says what it is."""


class Database:
    """One open file. Used by one thread at a time.

    Raises:
        PersistenceError: another gateway has it, or a newer version wrote it.
        Distrusted: it is damaged, or something else.
        sqlite3.OperationalError, OSError: it cannot be opened or created.
    """

    def __init__(self, path: Path, synchronous: str) -> None:
        self.path = path
        self.rows: list[tuple[GroupingKey, StoredFamily]] = []
        """What it held when it was opened, in the order in which it came in."""
        if path.exists() and not path.is_file() and not path.is_dir():
            # To open a pipe would wait for its other end, and a device must not be moved aside.
            raise PersistenceError(f"{path} is not a regular file")
        try:
            self._lock = FileLock(path)
        except InUse as error:
            raise PersistenceError(f"{path} is in use by another gateway") from error
        except OSError:
            _look_at_header(path)
            raise
        try:
            _look_at_header(path)
            # In full, so that no name is taken for one of SQLite's own, as ":memory:" is.
            name = os.path.abspath(path)
            self._connection = sqlite3.connect(name, timeout=0, isolation_level=None, check_same_thread=False)
            self._open_or_close(synchronous)
        except BaseException:
            self._lock.release()
            raise
        self._identity = identity(path)
        self._log = Path(f"{path}-wal")
        self._log_identity = identity(self._log)

    def _open_or_close(self, synchronous: str) -> None:
        path = self.path
        try:
            self._open(synchronous)
        except sqlite3.OperationalError as error:
            self._connection.close()
            if "locked" in str(error):
                raise PersistenceError(f"{path} is in use by another gateway") from error
            if str(error).startswith("no such"):
                raise Distrusted(f"damaged: {error}") from error
            raise
        except (sqlite3.DatabaseError, ValueError, TypeError, LookupError, AttributeError, AssertionError) as error:
            self._connection.close()
            raise Distrusted(f"damaged: {error}") from error
        except BaseException:
            self._connection.close()
            raise

    def _open(self, synchronous: str) -> None:
        execute = self._connection.execute
        execute("PRAGMA locking_mode = EXCLUSIVE")
        tables = execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        application = execute("PRAGMA application_id").fetchone()[0]
        version = execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION_ID and (tables or application):
            raise Distrusted("a database of another application")
        if version > SCHEMA_VERSION:
            raise PersistenceError(f"{self.path} was written by a newer version of pytest-pushgateway")
        execute("PRAGMA journal_mode = WAL")
        execute(f"PRAGMA synchronous = {synchronous}")
        execute("BEGIN EXCLUSIVE")
        if not tables:
            for statement in _SCHEMA:
                execute(statement)
        self.generation: int = execute("SELECT generation FROM state").fetchone()[0]
        execute("DELETE FROM families WHERE generation <> ?", (self.generation,))
        rows: Iterable[Row] = execute(f"SELECT {_COLUMNS} FROM families ORDER BY id")
        self.rows = [decode_row(row) for row in rows]
        execute("COMMIT")
        self._stale = False

    def is_in_place(self) -> bool:
        """Tell whether the path still names the file that is open."""
        try:
            return identity(self.path) == self._identity
        except OSError:
            return False

    def write(self, generation: int, rows: Iterable[Row], gone: Iterable[tuple[bytes, bytes]]) -> None:
        """Write rows and remove others, in one transaction.

        Args:
            generation: the rows of all others are out of date; they are removed little by little.
            rows: families as they stand now.
            gone: groups and names of families that do not stand any more.

        Raises:
            sqlite3.Error: nothing was written.
        """
        connection = self._connection
        stale = self._stale or generation != self.generation
        connection.execute("BEGIN")
        try:
            if generation != self.generation:
                connection.execute("UPDATE state SET generation = ?", (generation,))
            connection.executemany(_UPSERT, ((generation, *row) for row in rows))
            connection.executemany(
                'DELETE FROM families WHERE generation = ? AND "group" = ? AND name = ?',
                ((generation, *each) for each in gone),
            )
            if stale:
                purged = connection.execute(
                    "DELETE FROM families WHERE id IN (SELECT id FROM families WHERE generation <> ? LIMIT ?)",
                    (generation, _PURGED_AT_ONCE),
                )
                stale = purged.rowcount == _PURGED_AT_ONCE
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            raise
        self.generation = generation
        self._stale = stale

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it, or stays with it where the disk is full."""
        self._connection.close()
        self._lock.release()
        # SQLite leaves the log of a file that has been moved or deleted: it must not be taken for that of another.
        with suppress(OSError):
            if not self.is_in_place() and identity(self._log) == self._log_identity:
                self._log.unlink()


def read_copy(path: Path) -> tuple[int, list[tuple[GroupingKey, StoredFamily]]]:
    """Read a file that cannot be opened for writing; returns its generation and rows.

    SQLite reads a write-ahead log only where it may write beside it: so this opens a temporary copy of both.

    Raises:
        Distrusted, sqlite3.OperationalError, OSError: it cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="pushgateway-") as directory:
        copy = Path(directory, "copy")
        shutil.copyfile(path, copy)
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{path}-wal", f"{copy}-wal")
        database = Database(copy, "OFF")
        database.close()
        return database.generation, database.rows


def identity(path: Path) -> tuple[int, int]:
    """Return what tells a file from another that takes its name."""
    status = path.stat()
    return status.st_dev, status.st_ino


def _look_at_header(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError) as error:
        raise PersistenceError(f"{path} cannot be read: {error.strerror}") from error
    if start and not start.startswith(_HEADER):
        if b"MetricGroup" in start and b"GobbableMetricFamily" in start:
            raise Distrusted("a persistence file of the original Pushgateway (gob)")
        raise Distrusted("not a database")


def set_aside(path: Path) -> Path:
    """Move a file with its logs out of the way, to ``<name>.corrupt-<time>``; return where it is now.

    Raises:
        PersistenceError: it cannot be moved.
    """
    stem = f"{path.name}.corrupt-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    aside = path.with_name(stem)
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{stem}-{number}")
    try:
        for suffix in ("-wal", "-shm", "-journal", ""):
            with suppress(FileNotFoundError):
                os.rename(f"{path}{suffix}", f"{aside}{suffix}")
    except OSError as error:
        raise PersistenceError(f"{path} cannot be read, nor moved aside: {error.strerror}") from error
    return aside
