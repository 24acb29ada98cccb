"""Keeps a file to one gateway, also among gateways of one process."""

from __future__ import annotations

import errno
import os
import struct
import sys
import weakref
from importlib import import_module
from pathlib import Path
from typing import Any

from pytest_pushgateway import threads
from pytest_pushgateway.forks import call_in_child
from pytest_pushgateway.genuine import genuine

_BYTE = 1 << 62
"""The locked byte, which no file has, far from those that SQLite locks."""
_FAR = (1 << 43) + (1 << 31) - (1 << 16)
"""The same on Windows, where file systems end earlier. A library that takes only the lower half of it locks a byte that
is far from SQLite's still."""
_TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)

_held: weakref.WeakSet[FileLock] = weakref.WeakSet()
_files: set[tuple[int, int]] = set()
"""Device and number of the files that this process holds, where a lock does not keep it out itself."""
_files_lock = threads.Lock()


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None


_fcntl, _msvcrt = _module("fcntl"), _module("msvcrt")
"""Unix has the first, Windows the second."""
_OFD_SETLK: int | None = getattr(_fcntl, "F_OFD_SETLK", 37) if sys.platform == "linux" else None
"""Linux's locks of open file descriptions, whose number PyPy has no name for. macOS has names for its own since Python
3.11, but their structure is another one, and its documentation does not mention them."""


class InUse(Exception):
    """Somebody else holds the file."""


class FileLock:
    """Holds a file, which is created if need be, readable for its owner alone.

    SQLite's own locks belong to the process: it loses them when anything in it closes any other descriptor of the file,
    be it a test that reads the file or a second gateway that was refused it. This one belongs to its descriptor: a lock
    of the open file description on Linux. Nothing elsewhere leaves SQLite's bytes alone, so that macOS locks
    a file beside it, ``NAME-lock``, and Windows a byte far behind its end. Where the file system knows no locks,
    SQLite's have to do.

    Raises:
        InUse: another one holds it, here or in another process.
        OSError: it cannot be opened for writing.
    """

    def __init__(self, path: Path) -> None:
        self._file: tuple[int, int] | None = None
        self._descriptors = [genuine.open_descriptor(str(path), os.O_CREAT | os.O_RDWR, 0o600)]
        self._opened = self._identity()
        try:
            self._lock(path)
        except OSError as error:
            if error.errno in _TAKEN:
                self.release()
                raise InUse from error
        except InUse:
            self.release()
            raise
        _held.add(self)

    def _identity(self) -> tuple[int, int] | None:
        try:
            status = genuine.fstat(self._descriptors[0])
        except OSError:
            return None
        return status.st_dev, status.st_ino

    @property
    def intact(self) -> bool:
        """Whether its descriptor is still that of the file: a test may have closed every descriptor that there is."""
        return not self._descriptors or self._identity() == self._opened

    def _enter(self, descriptor: int) -> None:
        status = genuine.fstat(descriptor)
        file = (status.st_dev, status.st_ino)
        with _files_lock:
            if file in _files:
                raise InUse
            _files.add(file)
        self._file = file

    def _lock(self, path: Path) -> None:
        descriptor = self._descriptors[0]
        if _OFD_SETLK is not None:
            # struct flock: kind, whence, start, length, process
            wanted = struct.pack("hhqqi4x", _fcntl.F_WRLCK, os.SEEK_SET, _BYTE, 1, 0)
            _fcntl.fcntl(descriptor, _OFD_SETLK, wanted)
            return
        self._enter(descriptor)
        if _fcntl is not None:
            self._descriptors.append(genuine.open_descriptor(f"{path}-lock", os.O_CREAT | os.O_RDWR, 0o600))
            _fcntl.flock(self._descriptors[-1], _fcntl.LOCK_EX | _fcntl.LOCK_NB)
        elif _msvcrt is not None:
            genuine.lseek(descriptor, _FAR, os.SEEK_SET)
            _msvcrt.locking(descriptor, _msvcrt.LK_NBLCK, 1)

    def release(self) -> None:
        """Let others have the file; to be called once SQLite has closed it, and harmless a second time."""
        while self._descriptors:
            genuine.close(self._descriptors.pop())
        if self._file is not None:
            with _files_lock:
                _files.discard(self._file)
            self._file = None
        _held.discard(self)


def _after_fork_in_child() -> None:
    # The lock lasts as long as the descriptor is open: a child that survives its parent must not keep it.
    for lock in list(_held):
        lock.release()


call_in_child(_after_fork_in_child)
