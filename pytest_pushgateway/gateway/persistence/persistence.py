"""Keeps the groups across restarts: what has changed is noted, and written in one transaction.

With interval 0 a change is in the file before it is acknowledged; with a longer one, at most that much later. A flush
that fails, for whatever reason, loses nothing: what it should have written is written by a later one, and the file
stays as it was.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

from pytest_pushgateway import threads
from pytest_pushgateway.gateway.grouping_key import GroupingKey
from pytest_pushgateway.gateway.groups import StoredFamily, StoredGroup
from pytest_pushgateway.gateway.log import Log
from pytest_pushgateway.gateway.persistence.database import Changes, Database, LeftOut, read_copy
from pytest_pushgateway.gateway.persistence.files import (
    Distrusted,
    Look,
    PersistenceError,
    identity,
    is_damage,
    is_link,
    lost_log,
    may_be_opened,
    move_stray_log,
    set_aside,
)
from pytest_pushgateway.gateway.persistence.notes import Taken, Unwritten, explain, tell_family
from pytest_pushgateway.gateway.persistence.timer import Timer
from pytest_pushgateway.gateway.persistence.trouble import Trouble
from pytest_pushgateway.genuine import has_fake_files

__all__ = ["Persistence", "PersistenceError"]

_RETRY = 5.0
"""Seconds after which a flush that failed is tried again if nobody pushes meanwhile."""
_LOST = "what was pushed since it was last folded into the file may be lost"
_TRIES = 3
"""The number of times that a file is written again when something meddles with it meanwhile."""
_DOUBTS = 2
"""A file system that gives a file another time of change this often in a row, by itself, does so always."""

_abandoned: list[Database] = []
"""Kept from the collector, which would close descriptors that are somebody else's."""


class Persistence:
    """The persistence file of one gateway. Safe to use from many threads; made by :meth:`open`."""

    def __init__(
        self,
        path: Path,
        interval: float,
        synchronous: str,
        log: Log,
        clock: Callable[[], float],
        required: bool,
    ) -> None:
        self.path: Path = path
        """The file, and not a link that leads to it."""
        self._given = path
        self.interval: float = 0.0 if required else interval
        self.required = required
        """Whether a change that cannot be kept is refused: the store asks :meth:`keep` before it changes anything."""
        self._synchronous = synchronous
        self._trouble = Trouble(path, log, clock)
        self._database: Database | None = None
        """None while there is no file that could be written."""
        self._read: list[tuple[GroupingKey, StoredFamily]] = []
        self._read_from: tuple[int, int] | None = None
        """Which file was read that could not be written."""
        self._everything: Callable[[], list[StoredGroup]] = list
        self._outer: AbstractContextManager[object] = nullcontext()
        """Taken before ``_flushing``."""
        self._flushing = threads.Lock()
        self._notes = Unwritten()
        self._doubts = 0
        """The number of times in a row that the file had another time of change, and nothing else."""
        self._following = False
        """Whether there is a store to ask for everything."""
        self._closed = False
        self._put_off = False
        """Whether a write waits for the end of a fake file system."""
        self._ending = False
        """Whether the next write is the last, which is not logged."""
        self._timer = Timer(self.interval or _RETRY, self._is_due, self._flush_unasked)

    @classmethod
    def open(
        cls,
        path: str | Path,
        interval: float,
        *,
        synchronous: str = "NORMAL",
        log: Log,
        clock: Callable[[], float] = time.time,
        required: bool = False,
    ) -> Persistence:
        """Open the file, creating it if need be, and read it.

        A file that is damaged, or that is not a database of ours, is moved to ``<name>.corrupt-<time>``, and the
        gateway starts with nothing. Where no file can be created, or one can only be read, it goes on without, as the
        original, and tries again.

        Args:
            path: the file.
            interval: seconds from a change to its flush, at most; 0 flushes before the change is acknowledged.
            synchronous: SQLite's pragma: ``NORMAL`` survives the machine's crash up to the last checkpoint, ``OFF`` is
                for files that do not outlive a test run. Both survive the process being killed.
            log: called with a level, a message and fields.
            clock: Unix seconds; dates when flushes began to fail.
            required: refuse changes that cannot be kept; the interval is 0 then.

        Raises:
            PersistenceError: another gateway uses the file, it is not a regular one, or can be neither read nor moved.
        """
        persistence = cls(Path(path), interval, synchronous, log, clock, required)
        persistence._resolve()
        told = persistence._look_for_log()
        try:
            persistence._database = database = persistence._open_database()
        except (OSError, sqlite3.OperationalError) as error:
            if Look.at(str(persistence.path)).size:
                database = persistence._read_only(error)
                persistence._read = database.rows
            persistence._failed(error)
        else:
            if database.lacks_pages and not told:
                persistence._tell_of_loss("its write-ahead log was cut or damaged")
            persistence._read, database.rows = database.rows, []
            persistence._notes.generation = database.generation
            persistence._notes.whole = database.outdated
        if persistence.interval > 0:
            persistence._timer.start()
        return persistence

    def _resolve(self) -> None:
        if is_link(self._given):
            # SQLite keeps its log beside the file that a link leads to.
            self.path = Path(os.path.realpath(self._given))

    def _look_for_log(self) -> bool:
        """Log the loss of a log that a killed gateway had left; return whether there was one."""
        try:
            if not may_be_opened(self.path):
                return False
            missing = lost_log(self.path)
            stray = move_stray_log(self.path)
        except Distrusted as reason:
            aside = set_aside(self.path)
            self._trouble.log("error", "could not load persisted metrics", str(reason), moved_to=str(aside))
        except OSError:
            return False  # which opening it describes
        else:
            if stray is not None:
                found = "the file is another than the one it was written for"
                self._trouble.log("error", "persistence file has a foreign write-ahead log", found, moved_to=str(stray))
            if missing is not None:
                self._tell_of_loss(missing)
                return True
        return False

    def _tell_of_loss(self, missing: str) -> None:
        self._trouble.log("error", "could not load the latest persisted metrics", f"{missing}; {_LOST}")

    def _open_database(self) -> Database:
        self._resolve()
        try:
            database = Database(self.path, self._synchronous, self._given)
        except Distrusted as reason:
            aside = set_aside(self.path)
            self._trouble.log("error", "could not load persisted metrics", str(reason), moved_to=str(aside))
            database = Database(self.path, self._synchronous, self._given)
        self._trouble.each("could not load a persisted family", database.damaged, "more")
        return database

    def _read_only(self, error: Exception) -> Database:
        try:
            self._read_from = identity(self.path)
            database = read_copy(self.path)
        except (OSError, sqlite3.Error, Distrusted) as problem:
            raise PersistenceError(f"{self.path} cannot be opened: {error}; nor read: {problem}") from error
        self._trouble.each("could not load a persisted family", database.damaged, "more")
        return database

    def load(self) -> list[tuple[GroupingKey, StoredFamily]]:
        """Hand over what was read, in the order in which it was first stored. To be called once."""
        rows, self._read = self._read, []
        return rows

    def follow(self, everything: Callable[[], list[StoredGroup]], lock: AbstractContextManager[object]) -> None:
        """Keep a store from now on.

        Args:
            everything: returns all groups; asked when the whole file has to be written.
            lock: held by the store while it asks :meth:`keep`; it can be taken again by the thread that has it.
        """
        self._everything = everything
        if self.required:
            self._outer = lock
        self._following = True
        if self.failing is not None:
            self._timer.start()

    @property
    def failing(self) -> str | None:
        """Why the file does not have all that it should have; None when it has."""
        return self._trouble.failing or self._notes.unkept_text()

    @property
    def failing_since(self) -> float | None:
        """When that began, Unix seconds; it means nothing while ``failing`` is None."""
        return self._trouble.since

    # For the store

    def mark(self, key: GroupingKey, changed: Mapping[bytes, StoredFamily | None]) -> None:
        """Note families of a group that have changed; None for one that is gone. In the order of the changes."""
        self._notes.add(key, changed)

    def forget_all(self) -> None:
        """Note that all groups are gone. Costs the same whatever there was: the old rows are removed later."""
        self._notes.forget_all()

    def distrust(self) -> None:
        """Note that what was noted may not be all: the next flush writes everything."""
        self._notes.whole = True

    def written(self) -> None:
        """Come back when what was noted is in the file, or to be written by the next flush if there is an interval.

        Raises nothing but what ends the program: a flush that fails is logged, and tried again.
        """
        if self.interval <= 0:
            threads.about_to_wait()
            self.flush()
        else:
            self._timer.wake()

    def keep(self, key: GroupingKey, changed: Mapping[bytes, StoredFamily | None]) -> str | None:
        """Write changes before they are made, where that is required.

        The store holds the lock that it gave to :meth:`follow`.

        Returns:
            None when the file has them; else the reason, and then the file has nothing of them.
        """
        return self._keep({(key, name): stored for name, stored in changed.items()}, 0)

    def keep_wiped(self) -> str | None:
        """Write that all groups are gone, as :meth:`keep`."""
        return self._keep({}, 1)

    def _keep(self, changes: Changes, generations: int) -> str | None:
        threads.about_to_wait()
        with self._flushing:
            if self._closed:
                return "the gateway ends"
            try:
                self._write()  # what a change is made to must be in the file
                database = self._database
                assert database is not None
                database.write(self._notes.generation + generations, changes, whole=False, partly=False)
                if database.spoilt is not None:
                    raise PersistenceError(f"{self.path}: {database.spoilt.text}")
            except BaseException as error:
                self._undo(error)
                self._failed(error)
                if not isinstance(error, Exception):
                    raise
                return explain(error)
            if generations:
                self._notes.forget_all()
            self._trouble.over(self._notes.unkept_text())
            return None

    def _undo(self, error: BaseException) -> None:
        """Make sure that the file has nothing of a change that failed."""
        database = self._database
        if database is None:
            return
        if is_damage(error):
            self._drop_damaged(database, error)
        elif not database.uncertain and database.spoilt is None and isinstance(error, Exception):
            return
        self._notes.whole = True
        with suppress(Exception):
            self._write()

    # Flushing

    def flush(self, *, again: bool = False) -> bool:
        """Write what is noted; return whether all is in the file now.

        Args:
            again: try once more what could not be kept, where that may help.
        """
        with self._outer, self._flushing:
            if self._closed:
                return False
            if has_fake_files():  # the file would seem to be gone
                self._put_off = True
                return False
            self._put_off = False
            try:
                self._write(again=again)
            except BaseException as error:
                if self._database is not None and self._database.uncertain:
                    self._notes.whole = True
                self._failed(error)
                if not isinstance(error, Exception):
                    raise
                return False
            unkept = self._notes.unkept_text()
            self._trouble.over(unkept)
            return unkept is None

    def _flush_unasked(self) -> None:
        with suppress(BaseException):  # it is logged, and this thread is not to end
            self.flush(again=True)

    def _write(self, *, again: bool = False, tries: int = _TRIES) -> None:
        self._check_file()
        taken = self._notes.take(again=again)
        written = None if taken.whole else self._write_pending(taken)
        changes, left_out = written or self._write_everything(taken.generation)
        self._notes.done(changes, taken.generation, left_out, whole=written is None)
        if self._database is not None and self._database.spoilt is not None and tries:
            self._write(again=again, tries=tries - 1)
        if left_out:
            self._trouble.unkept(
                [f"{tell_family(*place)} cannot be kept: {explain(left_out[place])}" for place in left_out]
            )
        if (changes or written is None) and not self._ending:
            self._trouble.written()

    def _write_pending(self, taken: Taken) -> tuple[Changes, LeftOut] | None:
        """Write what was taken, if anything; return None if there is no file to write it to."""
        database = self._database
        if database is None:
            return None
        if not taken.pending and taken.generation == database.generation:
            return {}, {}
        try:
            return taken.pending, database.write(taken.generation, taken.pending, whole=False, partly=True)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self._drop_damaged(database, error)
            return None

    def _write_everything(self, generation: int) -> tuple[Changes, LeftOut]:
        # Before the store is asked: if its notes are found incomplete from now on, that is noted again.
        self._notes.whole = False
        try:
            if self._database is None:
                self._database = self._reopen()
            groups = self._everything()
            everything = {(group.key, name): one for group in groups for name, one in group.families.items()}
            left_out = self._database.write(generation, everything, whole=True, partly=True)
        except BaseException as error:
            self._notes.whole = True
            if is_damage(error) and self._database is not None:
                self._drop_damaged(self._database, error)
            raise
        return everything, left_out

    def _reopen(self) -> Database:
        """Open the file again, or for the first time if that has failed so far; what is there by now is moved aside."""
        database = self._open_database()
        try:
            if database.rows and identity(self.path) != self._read_from:
                database.close()
                aside = set_aside(self.path)
                found = "it is not what was written"
                self._trouble.log("error", "another persistence file appeared", found, moved_to=str(aside))
                return self._open_database()
        except BaseException:
            database.close()
            raise
        database.rows = []
        return database

    def _check_file(self) -> None:
        """Look whether the file is as it was left; if it is not, give it up: all is written again."""
        database = self._database
        meddling = database.meddling(times=self._doubts < _DOUBTS) if database is not None else None
        if database is None or meddling is None:
            if self._doubts < _DOUBTS:
                self._doubts = 0
            return
        self._trouble.log("warn", "persistence file changed, writing it again", meddling.text)
        self._doubts = self._doubts + 1 if meddling.only_times else 0
        self._notes.whole = True
        self._database = None
        if not meddling.replaced:
            # It is still the file that this gateway wrote: it may be written over.
            with suppress(OSError):
                self._read_from = identity(self.path)
        database.close(discard=meddling.discard)

    def _drop_damaged(self, database: Database, error: BaseException) -> None:
        self._database = None
        with suppress(sqlite3.Error):
            database.close()
        aside = set_aside(self.path)
        self._trouble.log("error", "error persisting metrics", f"damaged: {error}", moved_to=str(aside))

    def _failed(self, error: BaseException) -> None:
        self._trouble.failed(explain(error))
        self._timer.wake(put_off=True)
        if self._following:
            self._timer.start()

    # The end

    def _is_due(self) -> bool:
        return self._owes() and (self.interval > 0 or self.failing is not None)

    def _owes(self) -> bool:
        database = self._database
        if not self._following:
            return bool(self._notes)
        if database is None or self._notes or database.generation != self._notes.generation:
            return True
        return any(one.temporary for one in self._notes.unkept.values())

    @property
    def intact(self) -> bool:
        """Whether the file's descriptors are its own, or there are none."""
        database = self._database
        return database is None or database.intact

    def abandon(self) -> None:
        """Neither write nor close anything from now on: the descriptors that SQLite has are somebody else's.

        SQLite in this process keeps what it knows of the file: it is moved aside before another of its name is opened.
        """
        try:
            self._timer.stop()
        finally:
            with self._flushing:
                self._closed = True
                if self._database is not None:
                    _abandoned.append(self._database)
                    self._database = None

    def close(self) -> None:
        """Write what is noted and close the file. Changes that cannot be written are lost, and logged."""
        self._ending = True
        try:
            self._timer.stop()
            if not self.flush(again=True) and (self._owes() or self._notes.unkept):
                self._trouble.log("error", "metrics not persisted are lost", self.failing or "")
        finally:
            self._release()

    def crash(self) -> None:
        """Close the file without writing what is noted, as if the process had been killed."""
        if self._put_off:
            self.flush()
        try:
            self._timer.stop()
        finally:
            self._release()

    def _release(self) -> None:
        with self._flushing:
            self._closed = True
            database, self._database = self._database, None
            if database is not None:
                try:
                    database.close()
                except Exception as error:
                    self._trouble.log("error", "error closing the persistence file", explain(error))
