"""The persistence file as a file: what it is, whether it is still as it was left, and how it is moved aside."""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pytest_pushgateway.gateway.persistence.log_end import follows, has_log_begun, read_note, remove_note, run_of
from pytest_pushgateway.genuine import genuine

_HEADER = b"SQLite format 3\x00"
_LEFT_OPEN = 2
"""In the bytes of the header that give the versions needed to write and to read: there is a write-ahead log."""
_DAMAGE = re.compile("malformed|not a database")
"""In the message: SQLite's codes came with Python 3.11."""
_PIECE = 1 << 20
_UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.ENODEV, errno.EOPNOTSUPP)


class PersistenceError(Exception):
    """The file cannot be used and must not be touched; ``str()`` is one clear line."""


class Distrusted(Exception):
    """The file is not, or no longer, one that this gateway can read; ``str()`` describes it."""


def is_damage(error: BaseException) -> bool:
    """Return whether an error of SQLite's means that the file is damaged, or is something else.

    Nothing else does: a row that is too large, a full disk, or too little memory leave the file sound.
    """
    return _DAMAGE.search(str(error)) is not None


def identity(path: Path) -> tuple[int, int]:
    """Return what distinguishes a file from another that takes its name."""
    status = genuine.stat(path)
    return status.st_dev, status.st_ino


def is_link(path: Path) -> bool:
    """Return whether a path is a symbolic link."""
    try:
        return stat.S_ISLNK(genuine.lstat(path).st_mode)
    except OSError:
        return False


def may_be_opened(path: Path) -> bool:
    """Return whether there is nothing, a file or a directory.

    To open a pipe would wait for its other end, and a device must not be moved aside.
    """
    try:
        mode = genuine.stat(path).st_mode
    except OSError:
        return True
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


class Look(NamedTuple):
    """A file as it was at one moment; all zero if it was not there."""

    device: int = 0
    number: int = 0
    size: int = 0
    changed: int = 0
    """When its content changed last, nanoseconds."""

    @classmethod
    def at(cls, path: str) -> Look:
        """Look at a file now."""
        try:
            status = genuine.stat(path)
        except OSError:
            return cls()
        return tuple.__new__(cls, (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns))

    def is_same_file(self, other: Look) -> bool:
        """Return whether both are one file, whatever it holds."""
        return self[:2] == other[:2]


def reserve(descriptor: int, size: int) -> None:
    """Make sure that a file can be written up to a size even if the disk fills up meanwhile.

    Does nothing if the file system cannot do that. Neither macOS nor Windows can be asked for room: there it is taken.

    Raises:
        OSError: there is not enough room.
    """
    if genuine.allocate is None:
        _extend(descriptor, size)
        return
    try:
        # PyPy returns the number of the error instead of raising it.
        if number := genuine.allocate(descriptor, 0, size):
            raise OSError(number, os.strerror(number))
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise


def _extend(descriptor: int, size: int) -> None:
    before = genuine.lseek(descriptor, 0, os.SEEK_END)
    left = size - before
    try:
        while left > 0:
            left -= genuine.write(descriptor, bytes(min(left, _PIECE)))
    except OSError:
        genuine.ftruncate(descriptor, before)
        raise


def look_at_header(path: Path) -> None:
    """Refuse what SQLite should not even be asked to open.

    Raises:
        PersistenceError: it is a directory, or cannot be read.
        Distrusted: it is not a database.
    """
    try:
        start = genuine.read_file(path, 4096)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in (errno.EISDIR, errno.EACCES, errno.EPERM, errno.EIO):
            raise
        raise PersistenceError(f"{path} cannot be read: {error.strerror}") from error
    if start and not start.startswith(_HEADER):
        if b"MetricGroup" in start and b"GobbableMetricFamily" in start:
            raise Distrusted("a persistence file of the original Pushgateway (gob)")
        raise Distrusted("not a database")


def lost_log(path: Path) -> str | None:
    """Return which part of a file that a killed gateway left is missing; None if it is complete, or not there.

    A gateway that ends leaves a file without a log, and its header shows that. To be asked before SQLite opens the
    file: it takes one without its log as it is, and deletes the log of one that is empty.

    Raises:
        Distrusted: the file is missing or empty, and its log is not.
        OSError: it cannot be read.
    """
    note = read_note(path)  # before the log, which a gateway that still runs may begin again meanwhile
    start = _beginning(path, 100)
    log = _beginning(f"{path}-wal", 32)
    begun = log is not None and len(log) == 32 and has_log_begun(log)
    if not start and begun:
        raise Distrusted("missing, its write-ahead log is there" if start is None else "empty, with a write-ahead log")
    if start is None:
        return None
    if len(start) < 100 or not start.startswith(_HEADER) or start[18] != _LEFT_OPEN:
        return None
    if note is not None:
        # What is in the log only is known: nothing if the run ended before its first answer.
        if note.pages == 0:
            return None
        if log is None or not begun:
            return f"its write-ahead log is {'missing' if log is None else 'empty'}"
        if run_of(log) != note.run:
            return None if follows(run_of(log), note.run) else "its write-ahead log is another one"
        return "its write-ahead log was cut" if genuine.stat(f"{path}-wal").st_size < note.size else None
    if begun:
        return None
    if log is None:
        return None if _is_older(start) else "its write-ahead log is missing"
    # Pages are reserved for the transactions of the log; they are part of the file once those are folded into it.
    pages, size = int.from_bytes(start[28:32], "big"), int.from_bytes(start[16:18], "big")
    return "its write-ahead log is empty" if genuine.stat(path).st_size > pages * size else None


def move_stray_log(path: Path) -> Path | None:
    """Move away a log that is not that of the file; return where it is now, or None without such a log.

    As after a backup was copied over the file of a killed gateway: SQLite would read the log as part of the backup. The
    header of a file that was ended well shows that it has none.

    Raises:
        PersistenceError: it cannot be moved.
        OSError: it cannot be read.
    """
    log = _beginning(f"{path}-wal", 32)
    start = _beginning(path, 100) if log is not None and len(log) == 32 and has_log_begun(log) else None
    if not start or len(start) < 100 or not start.startswith(_HEADER) or start[18] == _LEFT_OPEN:
        return None
    return set_aside(path, suffixes=("-shm", "-wal"))


def _beginning(path: str | Path, size: int) -> bytes | None:
    try:
        return genuine.read_file(path, size)
    except FileNotFoundError:
        return None


def make_sure_of_log(path: str) -> None:
    """Make sure that there can be a write-ahead log, before the header of the file mentions one.

    Raises:
        OSError: the directory cannot be written.
    """
    log = f"{path}-wal"
    with suppress(FileExistsError):
        genuine.close(genuine.open_descriptor(log, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        genuine.unlink(log)


def _is_older(header: bytes) -> bool:
    """Return whether a version wrote the file that left the same header at its end as at a kill."""
    return 0 < int.from_bytes(header[60:64], "big") < 4


def set_aside(path: Path, *, suffixes: Sequence[str] = ("-wal", "-shm", "-journal", "")) -> Path:
    """Move a file with its logs out of the way, to ``<name>.corrupt-<time>``; return where it is now.

    Args:
        path: the file.
        suffixes: of the names that are moved; the one that is returned ends in the last.

    Raises:
        PersistenceError: it cannot be moved.
    """
    stem = f"{path.name}.corrupt-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    aside = path.with_name(stem)
    number = 1
    while any(Look.at(f"{aside}{suffix}") != Look() for suffix in suffixes):
        number += 1
        aside = path.with_name(f"{stem}-{number}")
    try:
        for suffix in suffixes:
            with suppress(FileNotFoundError):
                genuine.rename(f"{path}{suffix}", f"{aside}{suffix}")
        remove_note(path)
    except OSError as error:
        raise PersistenceError(f"{path} cannot be read, nor moved aside: {error.strerror}") from error
    if Look.at(f"{path}{suffixes[-1]}") != Look():
        # The kernel's own, as those of /proc: they cannot be moved, for they have no directory to be removed from.
        raise PersistenceError(f"{path} cannot be read, nor moved aside: it is not a file on a disk")
    return aside.with_name(f"{aside.name}{suffixes[-1]}")
