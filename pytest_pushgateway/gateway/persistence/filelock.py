"""Keeps a file to one gateway, also among gateways of one process."""

from __future__ import annotations

import errno
import os
import struct
import sys
import weakref
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_BYTE = 1 << 62
"""What is locked: a byte that no file has, far from those that SQLite locks."""

_held: weakref.WeakSet[FileLock] = weakref.WeakSet()


class InUse(Exception):
    """Somebody else holds the file."""


class FileLock:
    """Holds a file, which is created if need be, readable for its owner alone.

    SQLite's own locks belong to the process: it loses them when anything in it closes any other descriptor of the file,
    be it a test that reads the file or a second gateway that was refused it. This one belongs to its descriptor. Where
    the file system knows no such locks, SQLite's have to do.

    Raises:
        InUse: another one holds it, here or in another process.
        OSError: it cannot be opened for writing.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            self._lock()
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                os.close(self._descriptor)
                raise InUse from error
        _held.add(self)

    def _lock(self) -> None:
        if sys.platform != "win32" and hasattr(fcntl, "F_OFD_SETLK"):
            # struct flock: kind, whence, start, length, process
            wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, _BYTE, 1, 0)
            fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, wanted)

    def release(self) -> None:
        """Let go of the file; to be called once SQLite has closed it, and harmless a second time."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
        _held.discard(self)


def _after_fork_in_child() -> None:
    # The lock stands while anybody has the descriptor: a child that lives on must not keep it.
    for lock in list(_held):
        lock.release()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_after_fork_in_child)
