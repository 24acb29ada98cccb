"""Functions of the standard library as they were when pytest started: what a test replaces, the gateway still has.

Tests mock ``open``, ``time.sleep`` or ``os.urandom``, count the calls and script the answers; pyfakefs, eventlet and
gevent replace them all. The gateway serves beside such a test, in other threads: it must neither be given what is meant
for the test, nor take it away. So what serves asks here, and the plugin imports this module before any conftest is run.
It imports nothing that pytest has not.
"""

from __future__ import annotations

import builtins
import os
import sys
import time
from collections.abc import Callable, MutableMapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def unpatched(module: str, name: str) -> Any:
    """Return a member of a module without the patches of eventlet or gevent; None if there is none.

    Either may have been at work since before pytest started, and hides members as well as replacing them. To be asked
    for ``_thread``, ``select`` and ``time``.
    """
    gevent, eventlet = sys.modules.get("gevent.monkey"), sys.modules.get("eventlet.patcher")
    if gevent is not None and gevent.is_module_patched(module):
        return gevent.get_original(module, name)
    if eventlet is not None and eventlet.already_patched:
        return getattr(eventlet.original(module), name, None)
    from importlib import import_module

    return getattr(import_module(module), name, None)


def from_device(size: int) -> bytes:
    """Return random bytes, as ``os.urandom``: PyPy's opens the device with the ``open`` of a test's mock."""
    device = genuine.open_descriptor("/dev/urandom", os.O_RDONLY)
    try:
        return genuine.read(device, size)
    finally:
        genuine.close(device)


class genuine:
    """The functions. Members of a class: pyfakefs and freezegun look through the globals of modules, not in here."""

    environ: MutableMapping[str, str] = os.environ
    stat: Callable[[str | os.PathLike[str]], os.stat_result] = staticmethod(os.stat)
    lstat: Callable[[str | os.PathLike[str]], os.stat_result] = staticmethod(os.lstat)
    abspath: Any = staticmethod(os.path.abspath)
    rename: Callable[[str, str], None] = staticmethod(os.rename)
    unlink: Callable[[str], None] = staticmethod(os.unlink)
    listdir: Callable[[str], list[str]] = staticmethod(os.listdir)
    open_descriptor: Callable[..., int] = staticmethod(os.open)
    fstat: Callable[[int], os.stat_result] = staticmethod(os.fstat)
    lseek: Callable[[int, int, int], int] = staticmethod(os.lseek)
    read: Callable[[int, int], bytes] = staticmethod(os.read)
    write: Callable[[int, bytes], int] = staticmethod(os.write)
    read_at: Callable[[int, int, int], bytes] | None = getattr(os, "pread", None)
    write_at: Callable[[int, bytes, int], int] | None = getattr(os, "pwrite", None)
    ftruncate: Callable[[int, int], None] = staticmethod(os.ftruncate)
    allocate: Callable[[int, int, int], int | None] | None = getattr(os, "posix_fallocate", None)
    close: Callable[[int], None] = staticmethod(os.close)
    urandom: Callable[[int], bytes] = staticmethod(
        from_device if sys.implementation.name == "pypy" and os.name == "posix" else os.urandom
    )
    gmtime: Callable[[float], tuple[int, ...]] = staticmethod(time.gmtime)
    time: Callable[[], float] = staticmethod(time.time)
    sleep: Callable[[float], None] = staticmethod(unpatched("time", "sleep"))
    start_thread: Callable[..., int] = staticmethod(unpatched("_thread", "start_new_thread"))
    make_lock: Callable[[], Any] = staticmethod(unpatched("_thread", "allocate_lock"))
    make_reentrant_lock: Callable[[], Any] = staticmethod(unpatched("_thread", "RLock"))
    thread_number: Callable[[], int] = staticmethod(unpatched("_thread", "get_ident"))
    _open: Any = staticmethod(builtins.open)

    @staticmethod
    def read_file(path: str | os.PathLike[str], size: int = -1) -> bytes:
        """Return the content of a file, or its first ``size`` bytes.

        Raises:
            OSError: the file cannot be read.

        """
        with genuine._open(path, "rb") as file:
            content: bytes = file.read(size)
            return content


def has_fake_files() -> bool:
    """Return whether pyfakefs is at work, which replaces the modules that others have imported."""
    return type(os).__module__.partition(".")[0] == "pyfakefs"


def refuse_fake_files() -> None:
    """Refuse to go on while pyfakefs is at work: SQLite does not see the files that Python makes then.

    To be asked before anything is imported that works on files: it would keep pyfakefs' modules for good.

    Raises:
        RuntimeError: it is at work.
    """
    if has_fake_files():
        raise RuntimeError(
            "the persistence file cannot be used under pyfakefs: call fs.pause() before restart(), crash() and "
            "whatever else needs the file, and fs.resume() after it"
        )


def green_sleep() -> Any:
    """Return what lets green threads run for some seconds, where eventlet or gevent has made the test's thread one."""
    gevent, eventlet = sys.modules.get("gevent.monkey"), sys.modules.get("eventlet.patcher")
    if gevent is not None and gevent.is_module_patched("time"):
        return sys.modules["gevent"].sleep
    if eventlet is not None and eventlet.is_monkey_patched("time"):
        return sys.modules["eventlet"].sleep
    return None
