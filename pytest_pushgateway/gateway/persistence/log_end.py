"""Where the write-ahead log ends: noted beside the file, so that a log that is cut between two runs is noticed.

SQLite takes a log up to its last sound transaction, and cannot know that there were others. So the number of pages in
it is kept beside the file, in ``NAME-end``, from the first write to a clean end. It costs a push two short reads and
a short write, which nothing waits for: the note survives a kill as the log does, and the crash of a machine leaves
either of them behind.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from pytest_pushgateway.genuine import genuine

_LOG_MAGIC = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
_HEADER = 32
"""Bytes of the log before its first page."""
_PAGE_HEADER = 24
_NOT_LAST = bytes(4)
"""In place of the size of the database, in a page that does not end a transaction."""
_BINARY = getattr(os, "O_BINARY", 0)
_NOTE = struct.Struct("<QQ8sQI")
"""Device and number of the file, the run of its log, pages, size of a page."""


class Note(NamedTuple):
    """What was noted of a log."""

    file: tuple[int, int]
    """Device and number of the file that it belongs to."""
    run: bytes
    """What distinguishes the log from what it was before it was last begun."""
    pages: int
    """The pages in it that are not known to be in the file; 0 if all are."""
    page_size: int

    @property
    def size(self) -> int:
        """The bytes of the log that are needed."""
        return _HEADER + self.pages * (_PAGE_HEADER + self.page_size)


def note_path(path: str | Path) -> str:
    """Return where the note of a file is."""
    return f"{path}-end"


def has_log_begun(start: bytes) -> bool:
    """Return whether a write-ahead log that starts so has transactions."""
    return start[:4] in _LOG_MAGIC


def run_of(start: bytes) -> bytes:
    """Return what distinguishes a log that starts so."""
    return start[16:24]


def follows(run: bytes, earlier: bytes) -> bool:
    """Return whether a log is the next after another, which SQLite begins once all of the other is in the file."""
    return int.from_bytes(run[:4], "big") == (int.from_bytes(earlier[:4], "big") + 1) % (1 << 32)


def read_note(path: Path) -> Note | None:
    """Return what was noted of a file's log; None if nothing was, or about another file."""
    try:
        content = genuine.read_file(note_path(path), _NOTE.size + 4)
        status = genuine.stat(path)
    except OSError:
        return None
    if len(content) != _NOTE.size + 4 or crc32(content[:-4]) != int.from_bytes(content[-4:], "little"):
        return None
    device, number, run, pages, page_size = _NOTE.unpack(content[:-4])
    note = Note((device, number), run, pages, page_size)
    return note if note.file == _identity(status) else None


def needed_pages(path: Path) -> int:
    """Return how many pages the log of a file must have; 0 if that is not known, or there is nothing in it."""
    note = read_note(path)
    if note is None or not note.pages:
        return 0
    try:
        return note.pages if run_of(genuine.read_file(f"{path}-wal", _HEADER)) == note.run else 0
    except OSError:
        return 0


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev & _64, status.st_ino & _64


_64 = (1 << 64) - 1
"""Windows has longer numbers of files."""


class LogEnd:
    """The end of an open file's log. Used by one thread at a time.

    Args:
        name: the file.
        file: a descriptor of it.
        log: a descriptor of its log.
        page_size: bytes.
    """

    def __init__(self, name: str, file: int, log: int, page_size: int) -> None:
        self._file = _identity(genuine.fstat(file))
        self._log = log
        self._page_size = page_size
        self._note: int | None = None
        self._run: bytes | None = None
        """None while the log has not begun."""
        self._pages = 0
        self.database_pages: int = 0
        """The pages of the database after the last transaction; 0 if that is not known."""
        self._known = False
        """Whether ``_pages`` is true of ``_run``."""
        with suppress(OSError):  # then nothing is noted
            self._note = genuine.open_descriptor(note_path(name), os.O_CREAT | os.O_RDWR | _BINARY, 0o600)

    def begin(self, pages: int, folded: int) -> None:
        """Say how many pages SQLite has found in the log, and how many of them it has folded into the file."""
        start = read_at(self._log, _HEADER, 0)
        self._run = run_of(start) if has_log_begun(start) else None
        self._pages, self._known = pages, True
        if pages == 0:  # whatever is there by now was written since
            while self._run is not None and self._pass_transaction(self._run):
                pass
        self._write(0 if pages == folded else pages)

    def lose(self) -> None:
        """Say that the number of pages is not known; nothing is noted until the log is begun again."""
        self._known = False
        self.database_pages = 0
        self._write(0)

    def forget(self) -> None:
        """Say that the log is about to be emptied, once all of it is in the file."""
        self._run = None
        self.database_pages = 0
        self._write(0)

    def advance(self, *, committed: bool) -> bool:
        """Look at the log after a transaction, and note its end; return False if its beginning has gone.

        Args:
            committed: whether the transaction was written.
        """
        start = read_at(self._log, _HEADER, 0)
        if start[:4] not in _LOG_MAGIC:
            gone = self._run is not None
            self._run = None
            return not gone
        run = start[16:24]
        if run != self._run:
            self._run, self._pages, self._known = run, 0, True
        if committed and self._known and self._pass_transaction(run):
            self._write(self._pages)
        return True

    def _pass_transaction(self, run: bytes) -> bool:
        """Count the pages of the next transaction; return False if nothing follows."""
        pages = self._pages
        while True:
            head = read_at(self._log, _PAGE_HEADER, _HEADER + pages * (_PAGE_HEADER + self._page_size))
            if head[8:16] != run:
                return False
            pages += 1
            if head[4:8] != _NOT_LAST:
                self._pages = pages
                self.database_pages = int.from_bytes(head[4:8], "big")
                return True

    def _write(self, pages: int) -> None:
        if self._note is None:
            return
        content = _NOTE.pack(*self._file, self._run or bytes(8), pages, self._page_size)
        try:  # with each push: contextlib's suppress() takes longer than the write
            write_at(self._note, content + crc32(content).to_bytes(4, "little"), 0)
        except OSError:
            return

    def close(self) -> None:
        """Leave the note as it is."""
        if self._note is not None:
            genuine.close(self._note)
            self._note = None


def remove_note(path: str | Path) -> None:
    """Remove the note of a file that needs no log any more, or is not where it was."""
    with suppress(OSError):
        genuine.unlink(note_path(path))


def read_at(descriptor: int, size: int, offset: int) -> bytes:
    """Read from a place in a file."""
    if genuine.read_at is not None:
        return genuine.read_at(descriptor, size, offset)
    genuine.lseek(descriptor, offset, os.SEEK_SET)
    return genuine.read(descriptor, size)


def write_at(descriptor: int, content: bytes, offset: int) -> None:
    """Write to a place in a file."""
    if genuine.write_at is not None:
        genuine.write_at(descriptor, content, offset)
        return
    genuine.lseek(descriptor, offset, os.SEEK_SET)
    genuine.write(descriptor, content)
