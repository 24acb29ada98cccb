"""Keeps the groups over a restart: what has changed is noted, and written in one transaction.

With interval 0 a change is in the file before it is acknowledged; with another interval, at most so long after. A flush
that fails loses nothing: what it should have written stays noted, and the file stays as it was.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from pytest_pushgateway.gateway.grouping_key import GroupingKey
from pytest_pushgateway.gateway.groups import StoredFamily, StoredGroup
from pytest_pushgateway.gateway.log import Log
from pytest_pushgateway.gateway.persistence.database import (
    Database,
    Distrusted,
    PersistenceError,
    identity,
    read_copy,
    set_aside,
)
from pytest_pushgateway.gateway.persistence.rows import encode_key, encode_row
from pytest_pushgateway.monotonic import monotonic

__all__ = ["Persistence", "PersistenceError"]

Noted = dict[tuple[GroupingKey, bytes], StoredFamily | None]


class Persistence:
    """The persistence file of one gateway. Safe to use from many threads; made by :meth:`open`."""

    def __init__(self, path: Path, interval: float, synchronous: str, log: Log, clock: Callable[[], float]) -> None:
        self.path = path
        self.interval = interval
        self.failing: str | None = None
        """Why the last flush failed; None when all is well."""
        self.failing_since: float | None = None
        """When the flushes began to fail, Unix seconds; it says nothing while ``failing`` is None."""
        self._synchronous = synchronous
        self._log = log
        self._clock = clock
        self._database: Database | None = None
        self._read: list[tuple[GroupingKey, StoredFamily]] = []
        self._read_from: tuple[int, int] | None = None
        """Which file was read that could not be written."""
        self._everything: Callable[[], list[StoredGroup]] = list
        self._lock = threading.Lock()
        self._noted: Noted = {}
        self._generation = 0
        self._flushing = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._closing = False
        self._closed = False
        self._thread: threading.Thread | None = None
        self._last_flush = monotonic()

    @classmethod
    def open(
        cls,
        path: str | Path,
        interval: float,
        *,
        synchronous: str = "NORMAL",
        log: Log,
        clock: Callable[[], float] = time.time,
    ) -> Persistence:
        """Open the file, creating it if need be, and read it.

        A file that is damaged, or that is no database of ours, is moved to ``<name>.corrupt-<time>``, and the gateway
        starts with nothing. Where no file can be created, or one can only be read, it goes on without, as the
        original, and tries again.

        Args:
            path: the file.
            interval: seconds from a change to its flush, at most; 0 flushes before the change is acknowledged.
            synchronous: SQLite's pragma: ``NORMAL`` survives the machine's crash up to the last checkpoint, ``OFF`` is
                for files that do not outlive a test run. Both survive the process being killed.
            log: called with a level, a message and fields.
            clock: Unix seconds; dates when flushes began to fail.

        Raises:
            PersistenceError: another gateway uses the file, it is no regular one, or can neither be read nor moved.
        """
        path = Path(path)
        if path.is_symlink():
            # SQLite keeps its log beside the file that a link leads to.
            path = Path(os.path.realpath(path))
        persistence = cls(path, interval, synchronous, log, clock)
        try:
            persistence._open_database()
        except (OSError, sqlite3.OperationalError) as error:
            if persistence.path.exists() and persistence.path.stat().st_size:
                persistence._read_only(error)
            persistence._failed(error)
        if persistence._database is not None:
            persistence._generation = persistence._database.generation
        if interval > 0:
            persistence._thread = threading.Thread(target=persistence._run, name="persistence", daemon=True)
            persistence._thread.start()
        return persistence

    def _open_database(self) -> None:
        try:
            self._database = Database(self.path, self._synchronous)
        except Distrusted as reason:
            aside = set_aside(self.path)
            self._log(
                "error", "could not load persisted metrics", err=str(reason), file=str(self.path), moved_to=str(aside)
            )
            self._database = Database(self.path, self._synchronous)

    def _read_only(self, error: Exception) -> None:
        try:
            self._read_from = identity(self.path)
            generation, self._read = read_copy(self.path)
        except (OSError, sqlite3.Error, Distrusted) as problem:
            raise PersistenceError(f"{self.path} cannot be opened: {error}; nor read: {problem}") from error
        # When it can be written, all that stands is, and nothing that was there before is taken for it.
        self._generation = generation + 1

    def load(self, everything: Callable[[], list[StoredGroup]] = list) -> list[tuple[GroupingKey, StoredFamily]]:
        """Hand over what was read, in the order in which it was first stored. To be called once.

        Args:
            everything: returns all groups as they stand; asked when the file has to be written anew.
        """
        self._everything = everything
        if self._database is None:
            rows, self._read = self._read, []
            return rows
        rows, self._database.rows = self._database.rows, []
        return rows

    def mark(self, key: GroupingKey, changed: Mapping[bytes, StoredFamily | None]) -> None:
        """Note families of a group that have changed; None for one that is gone. In the order of the changes."""
        with self._lock:
            self._noted.update(((key, name), stored) for name, stored in changed.items())

    def forget_all(self) -> None:
        """Note that all groups are gone. Costs the same whatever there was: the old rows are removed later."""
        with self._lock:
            self._noted = {}
            self._generation += 1

    def written(self) -> None:
        """Come back when what was noted is in the file, or to be written by the next flush if there is an interval.

        Never raises: a flush that fails is logged, and tried again with the next one.
        """
        if self.interval <= 0:
            self.flush()
        else:
            with self._work:
                self._work.notify_all()

    def flush(self) -> bool:
        """Write what is noted; return whether all is in the file now."""
        with self._flushing:
            with self._lock:
                noted, self._noted = self._noted, {}
                generation = self._generation
            if self._closed:
                return False
            try:
                return self._write(noted, generation)
            except (sqlite3.Error, OSError, PersistenceError) as error:
                with self._lock:
                    if generation == self._generation:
                        self._noted = {**noted, **self._noted}
                self._failed(error)
                return False

    def _write(self, noted: Noted, generation: int) -> bool:
        database = self._database
        if database is not None and database.generation == generation and not noted:
            return self.failing is None
        if database is None:
            database = self._start_anew(generation)
        elif not database.is_in_place():
            database.close()
            database = self._start_anew(generation)
        else:
            try:
                self._transact(database, noted, generation)
            except sqlite3.OperationalError:
                raise  # the disk is full, or the like: the file is as it was
            except sqlite3.DatabaseError as error:
                database.close()
                aside = set_aside(self.path)
                self._log("error", "error persisting metrics", err=f"damaged: {error}", moved_to=str(aside))
                self._start_anew(generation)
        if self.failing is not None:
            self.failing = None
            self._log("info", "persisting metrics works again", file=str(self.path))
        if self.interval > 0:
            self._log("info", "metrics persisted", file=str(self.path))
        return True

    @staticmethod
    def _transact(database: Database, noted: Noted, generation: int) -> None:
        rows = [encode_row(key, stored) for (key, _), stored in noted.items() if stored is not None]
        gone = [(encode_key(key), name) for (key, name), stored in noted.items() if stored is None]
        database.write(generation, rows, gone)

    def _start_anew(self, generation: int) -> Database:
        """Write all that stands into a file that was not there at the start; what is there by now is moved aside."""
        self._database = None
        self._open_database()
        database: Database | None = self._database
        assert database is not None
        if database.rows and identity(self.path) != self._read_from:
            database.close()
            self._database = None
            aside = set_aside(self.path)
            self._log("error", "another persistence file appeared", file=str(self.path), moved_to=str(aside))
            self._database = database = Database(self.path, self._synchronous)
        groups = self._everything()
        everything: Noted = {(group.key, name): one for group in groups for name, one in group.families.items()}
        try:
            self._transact(database, everything, generation)
        except BaseException:
            # What stands is not in it: the next flush starts anew too.
            database.close()
            self._database = None
            raise
        database.rows = []
        return database

    def _failed(self, error: Exception) -> None:
        if self.failing is None:
            self.failing_since = self._clock()
            self._log("error", "error persisting metrics", err=str(error), file=str(self.path))
        self.failing = str(error)

    def _run(self) -> None:
        while True:
            with self._work:
                while not self._closing and not self._is_due():
                    left = self._last_flush + self.interval - monotonic() if self._noted else None
                    self._work.wait(left)
                if self._closing:
                    return
                self._last_flush = monotonic()
            self.flush()

    def _is_due(self) -> bool:
        changed = bool(self._noted) or (self._database is not None and self._database.generation != self._generation)
        return changed and monotonic() >= self._last_flush + self.interval

    def _stop(self) -> None:
        with self._work:
            self._closing = True
            self._work.notify_all()
        if self._thread is not None:
            self._thread.join()

    def close(self) -> None:
        """Write what is noted and close the file. What cannot be written is lost, and the log says so."""
        self._stop()
        if not self.flush() and self._noted:
            self._log("error", "metrics not persisted are lost", err=self.failing, file=str(self.path))
        self._release()

    def crash(self) -> None:
        """Close the file without writing what is noted, as if the process had been killed."""
        self._stop()
        self._release()

    def _release(self) -> None:
        with self._flushing:
            self._closed = True
            if self._database is not None:
                self._database.close()
                self._database = None
            self._noted = {}
