"""The SQLite file behind the persistence: opened for only one gateway, written in transactions.

The database is kept so that a full disk takes nothing from it: the pages of a transaction have their place in the file
before it is committed, so that the write-ahead log can always be folded into it, and the log keeps some room for
deletions.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from sqlite3 import dbapi2
from typing import NamedTuple

from pytest_pushgateway.gateway.grouping_key import GroupingKey
from pytest_pushgateway.gateway.groups import StoredFamily
from pytest_pushgateway.gateway.persistence.filelock import FileLock, InUse
from pytest_pushgateway.gateway.persistence.files import (
    Distrusted,
    Look,
    PersistenceError,
    is_damage,
    look_at_header,
    make_sure_of_log,
    may_be_opened,
    reserve,
)
from pytest_pushgateway.gateway.persistence.log_end import LogEnd, needed_pages, remove_note
from pytest_pushgateway.gateway.persistence.notes import Changes, LeftOut, Place
from pytest_pushgateway.gateway.persistence.opening import COLUMNS, Opened, fold_log, open_tables, state_checksum
from pytest_pushgateway.gateway.persistence.rows import Keys, SmallRows, write_row
from pytest_pushgateway.gateway.persistence.strings import Strings
from pytest_pushgateway.genuine import genuine

__all__ = ["Changes", "Database", "Distrusted", "LeftOut", "Meddling", "PersistenceError", "read_copy"]

_AT_ONCE = 4
"""Rows that one statement writes at most, without a transaction around it."""
_SPARE = 512 << 10
"""Room that such a statement needs in the file, bytes: rows, and pages of the tables' trees that are split. They are
a few dozen at most."""
_ROW = "(?, ?, ?, ?, ?, ?, ?, ?, ?)"
_UPSERTS = [
    f"""INSERT INTO families (generation, {COLUMNS}, checksum) VALUES {", ".join([_ROW] * rows)}
    ON CONFLICT (generation, "group", name) DO UPDATE SET
    pushed_at = excluded.pushed_at, type = excluded.type, help = excluded.help, series = excluded.series,
    suspects = excluded.suspects, checksum = excluded.checksum"""
    for rows in range(_AT_ONCE + 1)
]
"""By the number of rows."""
_UPSERT = _UPSERTS[1]
_DELETE = 'DELETE FROM families WHERE generation = ? AND "group" = ? AND name = ?'
_PURGE = "DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE generation < ? LIMIT ?)"
_PURGED_AT_ONCE = 16
"""Rows of past generations that one flush removes."""
_LOG_KEPT = 8 << 20
"""Size to which the write-ahead log shrinks after a large transaction, bytes."""
_LOG_RESERVE = 1 << 20
"""Space that the write-ahead log can take on a full disk, bytes."""
_VACUUMED_AT_ONCE = 64
"""Pages that one transaction gives back to a full disk; it fits into the log's reserve."""
_VACUUMS = 64
"""Such transactions that one flush makes at most."""
_STATEMENTS = 0 if "free-threading" in sys.version else 128
"""Statements that are kept for the next time. Without the GIL a statement is freed by the thread that prepared it,
which may be waiting for the one that closes the file; and until then SQLite keeps the file locked."""


class Meddling(NamedTuple):
    """Damage that something else has done to the open file."""

    text: str
    discard: bool
    """Whether the write-ahead log is to be thrown away: it is not ours, or does not belong to what the file is now."""
    replaced: bool
    """Whether the file, not only its log, is another now."""
    only_times: bool
    """Whether nothing but the time of the last change shows it: some network file systems set it late."""


_MOVED = Meddling("it was moved or removed", False, True, False)
_WRITTEN = Meddling("another program wrote to it", True, True, False)
_LOG_MOVED = Meddling("its write-ahead log was moved or removed", False, False, False)
_LOG_WRITTEN = Meddling("another program wrote to its write-ahead log", True, False, False)
_READ_AND_WRITE = os.O_RDWR | getattr(os, "O_BINARY", 0)


class Database:
    """One open file. Used by one thread at a time.

    Args:
        path: the file itself, not a link to it.
        synchronous: SQLite's pragma.
        named: the path that must go on to lead to it.

    Raises:
        PersistenceError: another gateway has it, or a newer version wrote it.
        Distrusted: it is damaged, or something else.
        sqlite3.OperationalError, OSError: it cannot be opened or created.
    """

    def __init__(self, path: Path, synchronous: str, named: Path) -> None:
        self.path = path
        self.uncertain: bool = False
        """Whether the last transaction failed so late that it may be in the file nevertheless."""
        self.spoilt: Meddling | None = None
        """Changes that something else made to the file while it was written."""
        # In full, so that no name is taken for one of SQLite's own, as ":memory:" is.
        self._name: str = genuine.abspath(path)
        self._named: str = genuine.abspath(named)
        self._log: str = f"{self._name}-wal"
        if not may_be_opened(path):
            raise PersistenceError(f"{path} is not a regular file")
        try:
            self._lock = FileLock(path)
        except InUse as error:
            raise PersistenceError(f"{path} is in use by another gateway") from error
        except OSError:
            look_at_header(path)
            raise
        self._files: list[int] = []
        self._seen: tuple[Look, Look] | None = None
        """File and log as they were left; None while that is not known."""
        try:
            look_at_header(path)
            # Of dbapi2, for tests mock the one of sqlite3.
            self._connection = dbapi2.connect(
                self._name, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=_STATEMENTS
            )
            try:
                needed = needed_pages(path)
                make_sure_of_log(self._name)
                opened = self._open_tables(synchronous)
                self._open_files(synchronous, opened.log_pages)
            except BaseException:
                self._connection.close()
                raise
        except BaseException:
            self._close_files()
            self._lock.release()
            raise
        self.rows: list[tuple[GroupingKey, StoredFamily]] = opened.rows
        """Its rows when it was opened, in the order in which it came in."""
        self.damaged: list[str] = opened.damaged
        """Its damaged rows, a line for each."""
        self.generation: int = opened.generation
        self.outdated: bool = opened.outdated
        """Whether it has rows that only writing everything brings up to date."""
        self.lacks_pages: bool = opened.log_pages is not None and needed > opened.log_pages
        """Whether its log had more sound pages once."""
        self._stale = opened.stale
        self._strings = Strings(opened.tokens)
        self._small_rows = SmallRows()

    def _open_tables(self, synchronous: str) -> Opened:
        try:
            return open_tables(
                self._connection, self.path, f"synchronous = {synchronous}", f"journal_size_limit = {_LOG_KEPT}"
            )
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise PersistenceError(f"{self.path} is in use by another gateway") from error
            if str(error).startswith("no such"):
                raise Distrusted(f"damaged: {error}") from error
            raise
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                raise Distrusted(f"damaged: {error}") from error
            raise

    def _open_files(self, synchronous: str, log_pages: int | None) -> None:
        self._page_size: int = self._ask("PRAGMA page_size")
        # Descriptors beside SQLite's, closed after it: to close one takes SQLite's locks on the file away.
        self._files = [genuine.open_descriptor(self._name, _READ_AND_WRITE)]
        self._files.append(genuine.open_descriptor(self._log, _READ_AND_WRITE))
        self._end = LogEnd(self._name, self._files[0], self._files[1], self._page_size)
        self._log_reserve = 0 if synchronous == "OFF" else _LOG_RESERVE
        self._reserve_log()
        log = (0, 0) if log_pages == 0 else fold_log(self._connection.execute)
        if log is None:
            self._end.lose()
        else:
            self._end.begin(*log)
        self._seen = self._look()

    def _close_files(self) -> None:
        if len(self._files) == 2:
            self._end.close()
        while self._files:
            genuine.close(self._files.pop())

    def _ask(self, query: str) -> int:
        (number,) = self._connection.execute(query).fetchone()
        return int(number)

    # Damage by others

    def _look(self) -> tuple[Look, Look]:
        return Look.at(self._named), Look.at(self._log)

    def meddling(self, *, times: bool = True) -> Meddling | None:
        """Return what something else has done to the file since it was opened; None if it is as it was left.

        Args:
            times: whether the times of the last change count.
        """
        now, seen = self._look(), self._seen
        if self.spoilt is not None or seen is None or now == seen:
            return self.spoilt
        (file, log), (file_left, log_left) = now, seen
        if not file.is_same_file(file_left):
            return _MOVED
        if file.size != file_left.size or (times and file.changed != file_left.changed):
            return _WRITTEN._replace(only_times=file.size == file_left.size)
        if not log.is_same_file(log_left):
            return _LOG_MOVED
        if log.size != log_left.size or (times and log.changed != log_left.changed):
            return _LOG_WRITTEN._replace(only_times=log.size == log_left.size)
        return None

    def _meddling_meanwhile(
        self, before: tuple[Look, Look], now: tuple[Look, Look], size: int | None, *, committed: bool
    ) -> Meddling | None:
        """Return what something else has done while a transaction was written, and note the end of the log.

        Args:
            before: file and log before it.
            now: file and log afterwards.
            size: what the file may have been cut to when the log was folded into it, bytes; None if the log shows it.
            committed: whether the transaction was written.
        """
        if now[0] == before[0] and now[1][:3] == before[1][:3]:  # as usual: the log has room for it
            return None if self._end.advance(committed=committed) else _LOG_WRITTEN
        begun = self._end.advance(committed=committed)
        if size is None:
            size = self._end.database_pages * self._page_size
        (file, log), (file_left, log_left) = now, before
        if not file.is_same_file(file_left):
            return _MOVED
        if file.size not in (file_left.size, size):
            return _WRITTEN
        if not log.is_same_file(log_left):
            return _LOG_MOVED
        if log.size < min(log_left.size, _LOG_KEPT):
            return _LOG_WRITTEN
        # Emptied and written on, it lacks its beginning.
        return None if begun else _LOG_WRITTEN

    # Writing

    def write(self, generation: int, changes: Changes, *, whole: bool, partly: bool) -> LeftOut:
        """Write changes in one transaction; on a disk that is full, after making room.

        Args:
            generation: the rows of earlier ones are out of date; they are removed little by little.
            changes: families as they are now.
            whole: whether they are all that there is, so that everything else is removed.
            partly: whether a row that cannot be written is left out, its old one removed, and the others written.

        Returns:
            The families that were left out, with the reasons.

        Raises:
            Exception: nothing was written; or, if ``uncertain`` is true now, everything may have been.
        """
        unkept: dict[Place, Exception] = {}
        try:
            if partly and not whole and generation == self.generation and self._write_at_once(generation, changes):
                return unkept
        except Exception as error:
            if is_damage(error):
                raise
            # A transaction writes the same rows, whatever there is of them by now.
        try:
            self._transact(generation, changes, whole, None)
        except Exception as error:
            if is_damage(error):
                raise
            if isinstance(error, (sqlite3.OperationalError, OSError)):
                self._make_room()
            self._transact(generation, changes, whole, unkept if partly else None)
        return unkept

    def _write_at_once(self, generation: int, changes: Changes) -> bool:
        """Write a few small rows in one statement, as most pushes need; return False if they need more than that."""
        seen = self._seen
        if seen is None or self._stale or not 0 < len(changes) <= _AT_ONCE or self._connection.in_transaction:
            return False
        if not self._end.database_pages or self._end.database_pages * self._page_size + _SPARE > seen[0].size:
            return False  # the disk may have no room for what is in the log
        values = self._small_rows.encode(generation, changes, self._strings.has_some)
        if values is None:
            return False
        self._seen = None
        self.uncertain = True
        try:
            self._connection.execute(_UPSERTS[len(changes)], values)
            self.uncertain = False
        finally:
            now = self._look()
            self.spoilt = self.spoilt or self._meddling_meanwhile(seen, now, None, committed=not self.uncertain)
            self._seen = now
        return True

    def _transact(self, generation: int, changes: Changes, whole: bool, unkept: dict[Place, Exception] | None) -> None:
        connection = self._connection
        if connection.in_transaction:
            connection.execute("ROLLBACK")  # which failed after the last failure
        self.uncertain = committing = committed = False
        before = self._seen or self._look()
        size = before[0].size
        self._seen = None
        try:
            connection.execute("BEGIN")
            if whole:
                connection.execute("DELETE FROM families")
                connection.execute("DELETE FROM strings")
            if whole or generation != self.generation:
                connection.execute("DELETE FROM state")
                connection.execute("INSERT INTO state VALUES (?, ?)", (generation, state_checksum(generation)))
            strings = Strings() if whole or generation != self.generation else self._strings.draft()
            if unkept is None:
                self._write_rows(generation, changes, strings)
            else:
                self._write_one_by_one(generation, changes, strings, unkept)
            strings.sweep(connection, generation)
            stale = not whole and (self._stale or generation != self.generation)
            if stale:
                purged = [self._purge(table, generation) for table in ("families", "strings")]
                stale = _PURGED_AT_ONCE in purged
            size = self._ask("PRAGMA page_count") * self._page_size
            before = self._reserve_file(size, before)
            committing = True
            connection.execute("COMMIT")
            committed = True
        except BaseException:
            self.uncertain = committing and not connection.in_transaction
            if self.uncertain:
                self._end.lose()
            if connection.in_transaction:
                with suppress(sqlite3.Error, MemoryError):
                    connection.execute("ROLLBACK")
            raise
        finally:
            now = self._look()
            self.spoilt = self.spoilt or self._meddling_meanwhile(before, now, size, committed=committed)
            self._seen = now
        self.generation = generation
        self._stale = stale
        self._strings = strings

    def _purge(self, table: str, generation: int) -> int:
        return self._connection.execute(_PURGE.format(table=table), (generation, _PURGED_AT_ONCE)).rowcount

    def _write_rows(self, generation: int, changes: Changes, strings: Strings) -> None:
        connection, keys = self._connection, Keys()
        for place, stored in changes.items():
            strings.write(connection, generation, place, stored, keys)
            key, name = place
            if stored is None:
                connection.execute(_DELETE, (generation, bytes(keys[key]), name))
            else:
                write_row(connection, _UPSERT, generation, keys[key], stored)

    def _write_one_by_one(
        self, generation: int, changes: Changes, strings: Strings, unkept: dict[Place, Exception]
    ) -> None:
        connection, keys = self._connection, Keys()
        for place, stored in changes.items():
            key, name = place
            if stored is not None:
                try:
                    strings.write(connection, generation, place, stored, keys)
                    write_row(connection, _UPSERT, generation, keys[key], stored)
                    continue
                except (sqlite3.OperationalError, OSError):
                    raise
                except Exception as error:
                    if is_damage(error) or not connection.in_transaction:
                        raise
                    unkept[place] = error
            strings.write(connection, generation, place, None, keys)
            connection.execute(_DELETE, (generation, bytes(keys[key]), name))

    # Room

    def _reserve_file(self, size: int, before: tuple[Look, Look]) -> tuple[Look, Look]:
        """Make sure of the room for a file of this size; return how file and log are to be found afterwards."""
        file, log = before
        if size + _SPARE <= file.size:
            return before
        if genuine.fstat(self._files[0]).st_size != file.size:
            self.spoilt = _WRITTEN
        try:
            reserve(self._files[0], size + 2 * _SPARE)
        except OSError:
            if size > file.size:
                reserve(self._files[0], size)
        return file._replace(size=genuine.fstat(self._files[0]).st_size), log

    def _reserve_log(self) -> None:
        if self._log_reserve > genuine.fstat(self._files[1]).st_size:
            with suppress(OSError):
                reserve(self._files[1], self._log_reserve)

    def _make_room(self) -> None:
        """Give back to the disk what can be spared: the log, once it is folded into the file, and free pages."""
        with suppress(sqlite3.Error, OSError):
            self._fold()
            for _ in range(_VACUUMS):
                if not self._ask("PRAGMA freelist_count"):
                    break
                self._connection.executescript(f"PRAGMA incremental_vacuum({_VACUUMED_AT_ONCE})")
                self._fold()
        self._seen = self._look()

    def _fold(self) -> None:
        self._end.forget()
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        # What a transaction that failed had reserved is not needed either.
        size = self._ask("PRAGMA page_count") * self._page_size
        if size < genuine.fstat(self._files[0]).st_size:
            genuine.ftruncate(self._files[0], size)
        self._reserve_log()

    @property
    def intact(self) -> bool:
        """Whether its descriptors are its own; where somebody has closed them, SQLite would write to another file."""
        return self._lock.intact

    def close(self, *, discard: bool = False) -> None:
        """Close the file; the write-ahead log is folded into it, or stays with it where the disk is full.

        Args:
            discard: throw the log away instead.
        """
        seen, self._seen = self._seen, None
        try:
            if discard:
                with suppress(OSError):
                    genuine.ftruncate(self._files[1], 0)
            if sys.platform == "win32":
                # SQLite could not delete its log there; anywhere else it would lose its locks.
                self._close_files()
            if not discard and seen is not None and seen == self._look():
                self._fold_for_good()
        finally:
            self._close(seen)

    def _fold_for_good(self) -> None:
        """Fold the log into the file, whose header shows from then on that it has none."""
        self._end.forget()
        with suppress(sqlite3.Error, MemoryError):  # as on a full disk, where the log stays
            self._connection.execute("PRAGMA journal_mode = MEMORY").fetchall()

    def _close(self, seen: tuple[Look, Look] | None) -> None:
        try:
            self._connection.close()
        finally:
            self._close_files()
            self._lock.release()
        # SQLite leaves the log of a file that has been moved or deleted: it must not be taken for that of another.
        now = self._look()
        moved = seen is not None and not now[0].is_same_file(seen[0])
        if moved and seen is not None and now[1].is_same_file(seen[1]):
            with suppress(OSError):
                genuine.unlink(self._log)
        if moved or now[1] == Look():
            remove_note(self._name)


def read_copy(path: Path) -> Database:
    """Read a file that cannot be opened for writing; returns a database that is closed again.

    SQLite reads a write-ahead log only where it may write beside it: so this opens a temporary copy of both.

    Raises:
        Distrusted, sqlite3.OperationalError, OSError: it cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="pushgateway-") as directory:
        copy = Path(directory, "copy")
        shutil.copyfile(path, copy)
        for suffix in ("-wal", "-journal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
        database = Database(copy, "OFF", copy)
        database.close()
        return database
