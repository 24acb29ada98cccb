"""The rules of macOS or Windows, on Linux, for the modules of this project.

Python imports this file at its start if ``PYTHONPATH`` has its folder; ``EMULATED_SYSTEM=macos`` or ``windows``
turns it on, in child processes too. Modules of the project then import views of the standard library, which lack what
is missing on that system or behave as there: sockets, signals, locks, clocks, ``/proc``, ``sys.platform``. Python
itself and all other packages stay on Linux. It follows the systems' documentation, and proves nothing about them.
"""

from __future__ import annotations

import builtins
import errno
import importlib
import os
import struct
import sys
import types
import weakref
from collections.abc import Callable, Mapping
from typing import Any

OURS = ("pytest_pushgateway", "tests", "examples")
REAL = "pytest_pushgateway.interception"  # replaces methods of the classes themselves


class View(types.ModuleType):
    """A module as another system has it.

    Args:
        real: the module.
        hidden: names that it lacks there.
        replaced: names that mean something else there.
    """

    def __init__(self, real: types.ModuleType, hidden: str = "", replaced: Mapping[str, Any] | None = None) -> None:
        super().__init__(real.__name__)
        own = dict(replaced or {})
        self.__dict__.update(_real=real, _hidden=set(hidden.split()), _own=own, _replaced=dict(own), _before={})

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__["_replaced"]:
            return self.__dict__["_replaced"][name]
        if name in self.__dict__["_hidden"]:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(self.__dict__["_real"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        # Patches of tests reach every module, except of names that differ from Linux's.
        if name in self.__dict__["_replaced"] or name in self.__dict__["_hidden"]:
            self.__dict__["_replaced"][name] = value
            return
        real = self.__dict__["_real"]
        if hasattr(real, name):
            self.__dict__["_before"].setdefault(name, []).append(getattr(real, name))
        setattr(real, name, value)

    def __delattr__(self, name: str) -> None:
        # What a test has replaced is then as it was, as for an attribute of an object that hides its class's.
        own, replaced, before = (self.__dict__[kind] for kind in ("_own", "_replaced", "_before"))
        if name in own:
            replaced[name] = own[name]
        elif before.get(name):
            setattr(self.__dict__["_real"], name, before[name].pop())
        elif replaced.pop(name, None) is None:
            delattr(self.__dict__["_real"], name)


class Clocks(View):
    """The module ``time`` with the clocks of Windows before Python 3.13, which advance every 15.6 milliseconds."""

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        # By what it is, not by its name: a test may have replaced it.
        return self.__dict__["_coarse"].get(found, found) if callable(found) else found


def _coarse(clock: Callable[[], float]) -> Callable[[], float]:
    return lambda: clock() // (1 / 64) / 64


def _is_ours(names: Mapping[str, Any]) -> bool:
    """Return whether the global names are those of a module of the project."""
    name = str(names.get("__name__", ""))
    return name.partition(".")[0] in OURS and not name.startswith(REAL)


def _install(views: Mapping[str, types.ModuleType], missing: str) -> None:
    """Give the project's modules the views, and none of the missing modules."""
    real_import, real_import_module, real_open = builtins.__import__, importlib.import_module, builtins.open

    def refuse(name: str, names: Mapping[str, Any]) -> None:
        # pytest.importorskip() asks on behalf of a test.
        if name in missing.split() and (_is_ours(names) or names.get("__name__") == "_pytest.outcomes"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    def import_(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        if level == 0 and globals is not None:
            refuse(name, globals)
            if name in views and _is_ours(globals):
                return views[name]
        return real_import(name, globals, locals, fromlist, level)

    def import_module(name: str, package: str | None = None) -> types.ModuleType:
        names = sys._getframe(1).f_globals
        refuse(name, names)
        if name in views and _is_ours(names):
            return views[name]
        return real_import_module(name, package)

    def open_(file: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(file, str) and file.startswith("/proc/") and _is_ours(sys._getframe(1).f_globals):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), file)
        return real_open(file, *arguments, **options)

    builtins.__import__, importlib.import_module, builtins.open = import_, import_module, open_


def _listdir(path: Any = ".") -> list[str]:
    if str(path).startswith("/proc/"):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return os.listdir(path)


def _socket_views(change: Callable[[Any], dict[str, Any]], hidden: str, names: Mapping[str, Any]) -> dict[str, View]:
    """Return views of both modules of sockets. The server takes its sockets from ``_socket``: these are changed."""
    import _socket
    import socket

    class Changed(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, _socket.socket)

    changed = Changed("socket", (_socket.socket,), change(_socket.socket))
    return {"_socket": View(_socket, hidden, {"socket": changed, **names}), "socket": View(socket, hidden, names)}


def _macos() -> None:
    import fcntl
    import select
    import signal
    from socket import AF_INET, AF_INET6, IPPROTO_TCP, MSG_NOSIGNAL, SO_ACCEPTCONN, SOCK_STREAM, SOL_SOCKET, TCP_INFO

    bound: weakref.WeakSet[Any] = weakref.WeakSet()
    quiet: weakref.WeakSet[Any] = weakref.WeakSet()
    no_sigpipe = 0x1022  # SO_NOSIGPIPE
    reset = 7  # TCP_CLOSE in struct tcp_info

    def change(real: Any) -> dict[str, Any]:
        def bind(self: Any, address: Any) -> None:
            if self.family == AF_INET and address[0].startswith("127.") and address[0] != "127.0.0.1":
                raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
            for other in list(bound):
                try:
                    taken = other.fileno() >= 0 and other.family == self.family and other.getsockname() == address
                except OSError:
                    continue
                if taken and self.family in (AF_INET, AF_INET6):
                    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
            real.bind(self, address)
            bound.add(self)

        def shutdown(self: Any, how: int) -> None:
            if real.getsockopt(self, SOL_SOCKET, SO_ACCEPTCONN):
                raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
            real.shutdown(self, how)

        def setsockopt(self: Any, level: int, option: int, *value: Any) -> None:
            if self.family in (AF_INET, AF_INET6) and self.type == SOCK_STREAM:
                # One that was never connected is in the same state; it has no port yet.
                used = level == IPPROTO_TCP or real.getsockname(self)[1] != 0
                if used and real.getsockopt(self, IPPROTO_TCP, TCP_INFO, 1)[0] == reset:
                    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            if (level, option) == (SOL_SOCKET, no_sigpipe):
                quiet.add(self)
                return
            real.setsockopt(self, level, option, *value)

        def send(self: Any, data: Any, flags: int = 0) -> int:
            sent: int = real.send(self, data, flags | MSG_NOSIGNAL * (self in quiet))
            return sent

        def sendall(self: Any, data: Any, flags: int = 0) -> None:
            real.sendall(self, data, flags | MSG_NOSIGNAL * (self in quiet))

        def sendmsg(self: Any, buffers: Any, ancillary: Any = (), flags: int = 0) -> int:
            sent: int = real.sendmsg(self, buffers, ancillary, flags | MSG_NOSIGNAL * (self in quiet))
            return sent

        def accept(self: Any) -> tuple[int, Any]:
            descriptor, address = real._accept(self)
            if self.gettimeout() == 0:
                os.set_blocking(descriptor, False)  # which BSD's sockets inherit
            return descriptor, address

        sending = {"send": send, "sendall": sendall, "sendmsg": sendmsg}
        return {"bind": bind, "shutdown": shutdown, "setsockopt": setsockopt, "_accept": accept, **sending}

    def control(descriptor: int, command: int, argument: Any = 0) -> Any:
        if command in own_locks.values():
            # Its structure has the kind of the lock at another place than Linux's.
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return fcntl.fcntl(descriptor, command, argument)

    own_locks = {"F_OFD_SETLK": 90, "F_OFD_SETLKW": 91, "F_OFD_GETLK": 92}
    views = {
        **_socket_views(change, "MSG_NOSIGNAL SOCK_NONBLOCK SOCK_CLOEXEC", {}),
        "fcntl": View(fcntl, "", {**own_locks, "fcntl": control}),
        "os": View(os, "posix_fallocate accept4 sched_getaffinity getrandom", {"listdir": _listdir}),
        "select": View(select, "epoll"),
        "signal": View(signal, "sigtimedwait sigwaitinfo SIGRTMIN SIGRTMAX SIGPWR"),
        "sys": View(sys, "", {"platform": "darwin"}),
    }
    _install(views, "")


def _windows() -> None:
    import fcntl
    import select
    import signal
    import socket
    import time

    exclusive = -5  # SO_EXCLUSIVEADDRUSE

    def change(real: Any) -> dict[str, Any]:
        def shutdown(self: Any, how: int) -> None:
            # The other side notices; a thread that receives does not.
            real.shutdown(self, socket.SHUT_WR if how == socket.SHUT_RDWR else how)

        def setsockopt(self: Any, level: int, option: int, *value: Any) -> None:
            real.setsockopt(self, level, socket.SO_REUSEADDR if option == exclusive else option, *value)

        def sendmsg(self: Any) -> None:
            raise AttributeError("sendmsg")

        return {"shutdown": shutdown, "setsockopt": setsockopt, "sendmsg": property(sendmsg)}

    def locking(descriptor: int, mode: int, count: int) -> None:
        # Of the descriptor, as there, not of the process. struct flock: kind, whence, start, length, process
        wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_CUR, 0, count, 0)
        try:
            fcntl.fcntl(descriptor, 37, wanted)  # F_OFD_SETLK, which Python 3.10 does not know
        except OSError as problem:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES)) from problem

    def select_(reading: Any, writing: Any, failing: Any, timeout: float | None = None) -> tuple[list[Any], ...]:
        # By poll(): Linux's select() takes no descriptor from 1,024 on, Windows' up to 512 sockets with any number.
        if max(len(reading), len(writing)) > 512:
            raise ValueError("too many file descriptors in select()")
        poll = select.poll()
        for each in {*reading, *writing}:
            poll.register(each, select.POLLIN * (each in reading) | select.POLLOUT * (each in writing))
        found = dict(poll.poll(None if timeout is None else timeout * 1000))
        events = {each: found.get(each if isinstance(each, int) else each.fileno(), 0) for each in {*reading, *writing}}
        readable = [each for each in reading if events[each] & ~select.POLLOUT]
        return readable, [each for each in writing if events[each] & ~select.POLLIN], []

    msvcrt: Any = types.ModuleType("msvcrt")
    msvcrt.locking, msvcrt.LK_NBLCK = locking, 2
    sockets = _socket_views(change, "AF_UNIX SO_REUSEPORT MSG_DONTWAIT", {"SO_EXCLUSIVEADDRUSE": exclusive})
    sockets["_socket"].__dict__["_hidden"].add("socketpair")  # which Python makes itself there
    signals = "pthread_sigmask pthread_kill sigwait sigpending sigtimedwait sigwaitinfo SIG_BLOCK SIG_UNBLOCK alarm "
    signals += "setitimer "
    signals += "SIGHUP SIGQUIT SIGKILL SIGUSR1 SIGUSR2 SIGALRM SIGVTALRM SIGPROF SIGIO SIGPWR SIGXCPU SIGXFSZ "
    signals += "SIGPIPE SIGWINCH SIGURG SIGCHLD SIGRTMIN SIGRTMAX"
    files = "fork forkpty register_at_fork O_CLOEXEC sysconf uname posix_fallocate getpgid killpg chown mkfifo geteuid"
    clocks = Clocks(time, "clock_gettime CLOCK_MONOTONIC tzset")
    clocks.__dict__["_coarse"] = {clock: _coarse(clock) for clock in (time.time, time.monotonic)}
    views = {
        **sockets,
        "msvcrt": msvcrt,
        "os": View(os, files, {"listdir": _listdir}),
        "select": View(select, "poll epoll", {"select": select_}),
        # Ctrl-Break is the only one that a process can send to another.
        "signal": View(signal, signals, {"CTRL_BREAK_EVENT": signal.SIGINT, "SIGBREAK": signal.SIGINT}),
        "sys": View(sys, "abiflags", {"platform": "win32"}),
        "time": clocks,
    }
    _install(views, "fcntl resource pwd grp termios pty tty syslog")


_SYSTEMS = {"macos": _macos, "windows": _windows}
if system := os.environ.get("EMULATED_SYSTEM"):
    _SYSTEMS[system]()
