"""A database when it is opened: its tables, made if there are none, and its rows, each looked at."""

from __future__ import annotations

import sqlite3
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from pytest_pushgateway.exposition.long_strings import Long
from pytest_pushgateway.gateway.grouping_key import GroupingKey
from pytest_pushgateway.gateway.groups import StoredFamily
from pytest_pushgateway.gateway.persistence.files import Distrusted, PersistenceError, is_damage
from pytest_pushgateway.gateway.persistence.rows import Keys, Row, decode_row, long_strings, verify_row

APPLICATION_ID = 0x50505457
"""``PPTW`` in the file's header: shown by ``file`` and SQLite's shell, and what distinguishes a foreign database."""

SCHEMA_VERSION = 4

COLUMNS = '"group", name, pushed_at, type, help, series, suspects'
"""The columns of a row, in the order of `Row`."""

_SCHEMA = (
    "CREATE TABLE state (generation INTEGER NOT NULL, checksum INTEGER)",
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
        checksum INTEGER,
        UNIQUE (generation, "group", name)
    )""",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
_STRINGS = """CREATE TABLE IF NOT EXISTS strings (
        generation INTEGER NOT NULL,
        token BLOB NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (generation, token)
    )"""
"""Long names and label values, for which tokens are in the rows; the first versions had none."""
_SELECT = f"SELECT id, generation, {COLUMNS}, checksum FROM families WHERE id > ? ORDER BY id"
_DAMAGED = f"CREATE TABLE IF NOT EXISTS damaged (found_at, reason, id, generation, {COLUMNS}, checksum)"
_SET_ASIDE = f"INSERT INTO damaged SELECT ?, ?, id, generation, {COLUMNS}, checksum FROM families WHERE id = ?"


_UNREADABLE = (sqlite3.DataError, MemoryError, OverflowError)
"""Errors that concern one row, which is too large, and not the file."""


class Opened(NamedTuple):
    """The contents of a database, and the damage found."""

    generation: int
    rows: list[tuple[GroupingKey, StoredFamily]]
    """In the order in which they came in."""
    damaged: list[str]
    """The damage, a line for each row."""
    stale: bool
    """Whether there are rows of past generations."""
    tokens: dict[tuple[GroupingKey, bytes], list[bytes]]
    """The long strings of the rows that have some, by their tokens."""
    outdated: bool
    """Whether a row is not as this version writes it, so that writing its family would make a second one."""
    log_pages: int | None
    """The pages that SQLite found in the write-ahead log; None if it was not possible to ask."""


class _Text(bytes):
    """A value of SQLite's type text, which no sound row has; it need not be UTF-8."""


def state_checksum(generation: int) -> int:
    """Return the checksum beside the number of the generation."""
    return crc32(struct.pack("<q", generation))


def open_tables(connection: sqlite3.Connection, path: Path, *pragmas: str) -> Opened:
    """Make the tables if need be, and read them. Nothing is written if all is sound, so the disk may be full.

    Raises:
        PersistenceError: a newer version wrote the file.
        Distrusted: it is another application's.
        sqlite3.Error: it cannot be read, or another gateway has it.
    """
    connection.text_factory = _Text
    execute = connection.execute
    execute("PRAGMA locking_mode = EXCLUSIVE")
    tables = execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    application = execute("PRAGMA application_id").fetchone()[0]
    version = execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID and (tables or application):
        raise Distrusted("a database of another application")
    if version > SCHEMA_VERSION:
        raise PersistenceError(f"{path} was written by a newer version of pytest-pushgateway")
    if not tables:
        execute("PRAGMA auto_vacuum = INCREMENTAL")
    for pragma in pragmas:
        execute(f"PRAGMA {pragma}").fetchall()
    if version != SCHEMA_VERSION:
        execute("PRAGMA journal_mode = WAL").fetchall()
    log = fold_log(execute)
    execute("BEGIN EXCLUSIVE")
    if not tables:
        for statement in _SCHEMA:
            execute(statement)
        execute("INSERT INTO state VALUES (?, ?)", (0, state_checksum(0)))
    for table in ("state", "families"):
        # The first version had none.
        if b"checksum" not in {column[1] for column in execute(f"PRAGMA table_info({table})")}:
            execute(f"ALTER TABLE {table} ADD COLUMN checksum INTEGER")
    execute(_STRINGS)
    if version != SCHEMA_VERSION:
        execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    found, rows = _read(execute, log and log[0])
    execute("COMMIT")
    if execute("PRAGMA journal_mode").fetchone()[0] != b"wal":
        # The header shows from now on that there is a log. It is changed in place, so that a full disk has room for it.
        for mode in ("MEMORY", "WAL"):
            execute(f"PRAGMA journal_mode = {mode}").fetchall()
        execute("SELECT generation FROM state").fetchall()  # which makes the log
    if (found.damaged or found.stale) and _tidy(connection, found, rows):
        return found._replace(stale=False)
    return found


class _Damaged(NamedTuple):
    row: int
    """Its number."""
    reason: str


def fold_log(execute: Callable[..., sqlite3.Cursor]) -> tuple[int, int] | None:
    """Fold the write-ahead log into the file; return its pages, and how many were folded; None if it failed."""
    try:
        _, pages, folded = execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    except sqlite3.OperationalError:
        return None
    return max(pages, 0), max(folded, 0)


def _read(execute: Callable[..., sqlite3.Cursor], log_pages: int | None) -> tuple[Opened, list[_Damaged]]:
    sound: list[tuple[int, int, Row]] = []
    damaged: list[_Damaged] = []
    lines: list[str] = []

    def set_aside(number: int, row: Row, reason: object) -> None:
        damaged.append(_Damaged(number, str(reason)))
        lines.append(f"{_shown(row[1])} of {_shown(row[0])}: {reason}")

    for number, found in _rows(execute):
        if isinstance(found, Exception):
            lines.append(f"row {number}: {str(found) or type(found).__name__}")
            continue
        generation, *columns, said = found
        row: Any = tuple(columns)
        try:
            verify_row(generation, row, said)
        except ValueError as reason:
            set_aside(number, row, reason)
        else:
            sound.append((number, generation, row))
    current = _generation(execute, lines)
    if current is None:
        current = max((generation for _, generation, _ in sound), default=0)
    stale = outdated = False
    keys = Keys()
    longs = _long_strings(execute, current)
    tokens: dict[tuple[GroupingKey, bytes], list[bytes]] = {}
    rows: list[tuple[GroupingKey, StoredFamily]] = []
    sound.reverse()
    while sound:  # of large rows the text is freed one by one
        number, generation, row = sound.pop()
        if generation < current:
            stale = True
            continue
        try:
            if generation > current:
                raise ValueError(f"generation is ahead: {generation}")
            key, stored = decode_row(row, longs)
        except Exception as reason:
            set_aside(number, row, reason)
            continue
        rows.append((key, stored))
        outdated = outdated or keys[key] != row[0]
        if found_tokens := list(long_strings(keys, (key, stored.family.name), stored)):
            tokens[key, stored.family.name] = found_tokens
    return Opened(current, rows, lines, stale, tokens, outdated, log_pages), damaged


def _long_strings(execute: Callable[..., sqlite3.Cursor], generation: int) -> dict[bytes, Long]:
    """Return the long strings by their tokens, which are their checksums as well: damaged ones are nobody's."""
    found = execute("SELECT value FROM strings WHERE generation = ?", (generation,))
    longs = [Long(value) for (value,) in found if isinstance(value, bytes)]
    return {long.token: long for long in longs}


def _rows(execute: Callable[..., sqlite3.Cursor]) -> Iterator[tuple[int, tuple[Any, ...] | Exception]]:
    """Give the number of each row with its columns, or with why it cannot be read while the file is sound."""
    last = -(1 << 63)
    while True:
        try:
            for number, *columns in execute(_SELECT, (last,)):
                yield number, tuple(columns)
                last = number
            return
        except _UNREADABLE:
            # Python reads ahead: this row or the next.
            (last,) = execute("SELECT min(id) FROM families WHERE id > ?", (last,)).fetchone()
            try:
                _, *columns = execute(f"{_SELECT} LIMIT 1", (last - 1,)).fetchone()
            except _UNREADABLE as error:
                yield last, error
            else:
                yield last, tuple(columns)


def _generation(execute: Callable[..., sqlite3.Cursor], lines: list[str]) -> int | None:
    state = execute("SELECT generation, checksum FROM state").fetchall()
    if len(state) == 1:
        generation, said = state[0]
        if type(generation) is int and (said is None or said == state_checksum(generation)):
            return generation
    lines.append(f"the number of the generation: {state!r}"[:200])
    return None


def _tidy(connection: sqlite3.Connection, found: Opened, damaged: list[_Damaged]) -> bool:
    """Remove stale rows, and move damaged ones to a table beside; return False if they stay, as on a full disk."""
    execute = connection.execute
    try:
        execute("BEGIN")
        if found.damaged:
            execute(_DAMAGED)
            for number, reason in damaged:
                execute(_SET_ASIDE, (time.time(), reason, number))
                execute("DELETE FROM families WHERE id = ?", (number,))
            execute("DELETE FROM state")
            execute("INSERT INTO state VALUES (?, ?)", (found.generation, state_checksum(found.generation)))
        for table in ("families", "strings"):
            execute(f"DELETE FROM {table} WHERE generation < ?", (found.generation,))
        execute("COMMIT")
    except (sqlite3.Error, MemoryError) as error:
        if connection.in_transaction:
            execute("ROLLBACK")
        if is_damage(error):
            raise
        return False
    return True


def _shown(value: object) -> str:
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
