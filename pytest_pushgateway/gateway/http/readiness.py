"""Sockets as the interpreter has them: accepting, and looking whether something has come.

The rooms of the server take their sockets from ``_socket``: a test may replace ``socket.socket``, and eventlet, gevent
and pytest-socket do.
"""

from __future__ import annotations

import _socket as socket
import errno
import math
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial

from pytest_pushgateway.genuine import genuine, unpatched
from pytest_pushgateway.monotonic import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    _Result = TypeVar("_Result")

AT_ONCE: int = getattr(socket, "MSG_DONTWAIT", 0)
"""The flag of a call that does not wait. Windows has none, and there a socket that is ready does not wait either."""
QUIETLY: int = getattr(socket, "MSG_NOSIGNAL", 0x4000 if sys.platform == "linux" else 0)
"""The flag of a call that does not end the process if the client is gone: code under test may have given SIGPIPE its
default action, as many programs do that print. PyPy does not name it; macOS has an option of the socket instead."""
_IN, _OUT, _INVALID = 1, 4, 32
"""POLLIN, POLLOUT and POLLNVAL, the same on every system that has poll()."""
SHUTDOWN_WAKES: bool = sys.platform != "win32"
"""Whether a shutdown by another thread ends a wait for a socket. If not, threads wait in slices of time, and check
after each if the connection is over."""
_INHERITS: bool = sys.platform != "linux"
"""Whether an accepted socket waits no more than its listener does, as on BSD and Windows."""
RECEIVED_AT_ONCE = 65536
"""Bytes that are read or written by one call."""
_VECTORS = 512
_LONGEST = 1_000_000.0
"""Seconds; poll() can be told some more, but nobody waits that long."""
_SLICE = 0.05
"""Seconds; a twentieth of those after which nothing is left of a server that was stopped."""


class _System:
    """The system's way to wait, hidden from eventlet, which takes poll() away."""

    poll: Any = staticmethod(unpatched("select", "poll")) if unpatched("select", "poll") else None
    """Windows does not have it."""
    select: Any = staticmethod(unpatched("select", "select"))


class Watch:
    """Waits until one of some sockets can be read from.

    Args:
        descriptors: the sockets' descriptors.
    """

    def __init__(self, descriptors: Collection[int]) -> None:
        self._descriptors = descriptors
        self._poll = _System.poll() if _System.poll is not None else None
        if self._poll is not None:
            for descriptor in descriptors:
                self._poll.register(descriptor, _IN)

    def wait(self) -> list[int]:
        """Return the descriptors that can be read from, once there are any.

        Raises:
            OSError: a descriptor was closed behind our back.
        """
        if self._poll is None:
            return list(_System.select(self._descriptors, (), ())[0])
        return self._found(self._poll.poll())

    def wait_also(self, other: int, seconds: float) -> list[int] | None:
        """Wait for these sockets and for one more, this many seconds at most.

        Returns:
            The descriptors that can be read from; None where one wait is not enough for that.

        Raises:
            OSError: a descriptor was closed behind our back.
        """
        if self._poll is None or not SHUTDOWN_WAKES:
            return None
        self._poll.register(other, _IN)
        try:
            return self._found(self._poll.poll(min(seconds, _LONGEST) * 1000))
        finally:
            self._poll.unregister(other)

    @staticmethod
    def _found(found: list[tuple[int, int]]) -> list[int]:
        ready = []
        for descriptor, events in found:
            if events & _INVALID:
                raise OSError(9, os.strerror(9))
            ready.append(descriptor)
        return ready


class Lookout:
    """Waits until a connection can be read from, again and again. What poll() needs is made once for all waits.

    Args:
        sock: the connection's socket; its own timeout does not matter.
        is_over: whether another thread has ended the connection.
    """

    __slots__ = ("_is_over", "_poll", "_sock")

    def __init__(self, sock: socket.socket, is_over: Callable[[], bool]) -> None:
        self._sock = sock
        self._is_over = is_over
        self._poll: Any = None

    def wait(self, seconds: float) -> bool:
        """Wait this many seconds at most; return whether something has come, or the end of the stream.

        Raises:
            ConnectionAbortedError: the connection is over.
        """
        if _System.poll is None or not SHUTDOWN_WAKES:
            return wait(self._sock, seconds, self._is_over)
        if self._poll is None:
            if self._sock.fileno() < 0:
                raise OSError(9, os.strerror(9))
            self._poll = _System.poll()
            self._poll.register(self._sock.fileno(), _IN)
        return bool(self._poll.poll(min(seconds, _LONGEST) * 1000))


def identity(sock: socket.socket) -> tuple[int, int] | None:
    """Return device and number of what a socket's descriptor stands for; None if it is closed.

    They change when somebody closes the descriptor behind the socket's back, as ``os.closerange`` does, and something
    else gets its number. Windows' sockets are not descriptors: there it is always None.
    """
    if sys.platform == "win32":
        return None
    try:
        status = genuine.fstat(sock.fileno())
    except OSError:
        return None
    return status.st_dev, status.st_ino


def wait_until_ready(sock: socket.socket, seconds: float, *, to_write: bool = False) -> bool:
    """Wait until a socket can be read from, or written to.

    Args:
        sock: the socket; its own timeout does not matter.
        seconds: how long to wait at most.
        to_write: wait until bytes can be sent, not until some have come.

    Returns:
        Whether it is ready; the end of its stream counts, too.
    """
    descriptor = sock.fileno()
    if descriptor < 0:
        raise OSError(9, os.strerror(9))
    if _System.poll is not None:
        poll = _System.poll()
        poll.register(descriptor, _OUT if to_write else _IN)
        return bool(poll.poll(seconds * 1000))
    reading, writing = ((), (descriptor,)) if to_write else ((descriptor,), ())
    return any(_System.select(reading, writing, (), seconds))


def has_unread(sock: socket.socket) -> bool:
    """Return whether bytes wait in a socket; the end of its stream does not count, and a closed socket has none."""
    try:
        # Asked first, because a socket with a timeout waits for it in recv(), whatever its flags are.
        if not wait_until_ready(sock, 0):
            return False
        # Not SSLSocket.recv, which takes bytes away to decrypt them.
        return bool(socket.socket.recv(sock, 1, socket.MSG_PEEK | AT_ONCE))
    except (OSError, ValueError):
        return False


def accept(listener: socket.socket) -> tuple[socket.socket, Any]:
    """Accept a connection, as ``socket.socket.accept`` does; return its socket and the address of the client."""
    descriptor, address = listener._accept()  # type: ignore[attr-defined]
    accepted = socket.socket(listener.family, listener.type, listener.proto, descriptor)
    if _INHERITS:
        accepted.setblocking(True)
    return accepted, address


def pair() -> tuple[socket.socket, socket.socket]:
    """Return two sockets that are connected, each of which waits as long as it takes."""
    # Windows has none among the interpreter's own, and a test may have replaced the one of the standard library.
    one, other = getattr(socket, "socketpair", _loopback_pair)()
    for each in (one, other):
        each.settimeout(None)  # whatever a test has made the default
    return one, other


def _loopback_pair() -> tuple[socket.socket, socket.socket]:
    listener, one = (socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(2))
    try:
        listener.settimeout(None)
        one.settimeout(None)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        one.connect(listener.getsockname())
        while True:
            other, address = accept(listener)
            if address == one.getsockname():
                return one, other
            other.close()  # another program was quicker
    except BaseException:
        one.close()
        raise
    finally:
        listener.close()


def wait(sock: socket.socket, seconds: float, is_over: Callable[[], bool], *, to_write: bool = False) -> bool:
    """Wait until a socket can be read from, or written to.

    Args:
        sock: the socket; its timeout does not matter.
        seconds: how long to wait at most.
        is_over: whether another thread has ended the connection.
        to_write: wait until bytes can be sent.

    Returns:
        Whether it is ready.

    Raises:
        ConnectionAbortedError: the connection is over.
    """
    if SHUTDOWN_WAKES:
        return wait_until_ready(sock, seconds, to_write=to_write)
    deadline = monotonic() + seconds
    while not is_over():
        left = max(0.0, deadline - monotonic())
        if wait_until_ready(sock, min(left, _SLICE), to_write=to_write):
            return True
        if not left:
            return False
    raise ConnectionAbortedError(errno.ECONNABORTED, os.strerror(errno.ECONNABORTED))


def receive(sock: socket.socket, size: int, is_over: Callable[[], bool], flags: int = 0) -> bytes:
    """Receive as ``sock.recv(size, flags)`` does, within the socket's timeout.

    Raises:
        ConnectionAbortedError: ``is_over()``, on a system without such a wake-up.
        OSError: as ``recv`` does; among them TimeoutError.
    """
    if SHUTDOWN_WAKES:
        # SSLSocket.recv takes no flags: a look is for bytes that have come, before they are decrypted.
        return socket.socket.recv(sock, size, flags) if flags else sock.recv(size)
    return _when_ready(sock, lambda: socket.socket.recv(sock, size, flags) if flags else sock.recv(size), is_over)


def send(sock: socket.socket, data: bytes, is_over: Callable[[], bool], flags: int = 0) -> None:
    """Send as ``sock.sendall(data, flags)`` does, within the socket's timeout; under TLS there are no flags.

    Raises:
        ConnectionAbortedError: ``is_over()``, on a system without such a wake-up.
        OSError: as ``sendall`` does; among them TimeoutError.
    """
    if SHUTDOWN_WAKES:
        sock.sendall(data, flags)
        return
    left = memoryview(data)
    while left:
        left = left[_when_ready(sock, partial(sock.send, left), is_over, to_write=True) :]


def send_gathered(sock: socket.socket, pieces: list[bytes], is_over: Callable[[], bool]) -> None:
    """Send pieces as ``send`` does, without a copy if the system can: a scrape has many megabytes."""
    if sys.platform == "win32":
        for some in together(pieces):
            send(sock, some, is_over)
        return
    index = 0
    while index < len(pieces):
        sent = sock.sendmsg(pieces[index : index + _VECTORS], (), QUIETLY)
        while index < len(pieces) and sent >= len(pieces[index]):
            sent -= len(pieces[index])
            index += 1
        if sent:
            sock.sendall(memoryview(pieces[index])[sent:], QUIETLY)
            index += 1


def together(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Join pieces as long as they are short; an answer of many megabytes is never joined as a whole."""
    some: list[bytes] = []
    length = 0
    for piece in pieces:
        some.append(piece)
        length += len(piece)
        if length >= RECEIVED_AT_ONCE:
            yield b"".join(some)
            some, length = [], 0
    if some:
        yield b"".join(some)


def _when_ready(
    sock: socket.socket, act: Callable[[], _Result], is_over: Callable[[], bool], *, to_write: bool = False
) -> _Result:
    """Return what ``act`` does to the socket once it can be done without a wait."""
    timeout = sock.gettimeout()
    deadline = math.inf if timeout is None else monotonic() + timeout
    while True:
        sock.settimeout(0)
        try:
            return act()
        except OSError as problem:
            # By name: ssl is imported only where TLS is spoken, and either may happen in both directions.
            waits_for = {"SSLWantReadError": False, "SSLWantWriteError": True, "BlockingIOError": to_write}
            name = type(problem).__name__
            if name not in waits_for:
                raise
            to_write_now = waits_for[name]
        finally:
            sock.settimeout(timeout)
        if not wait(sock, deadline - monotonic(), is_over, to_write=to_write_now):
            raise TimeoutError("timed out")
