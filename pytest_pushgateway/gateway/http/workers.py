"""The threads of a server. They take turns to wait for a connection, and the one that gets it serves it.

So nothing is handed from thread to thread before the first byte is read, and a client that reconnects for each push,
as most do, waits for no thread to be made: the next one waits already.

It waits for the turn, which the serving thread keeps as long as it does nothing that may take long. To wake another
thread costs as much as a small push: the two would then take the interpreter from each other. While it waits for its
client's next bytes, the thread watches the listeners too. It passes the turn on when another connection comes, and
before anything that `threads.about_to_wait()` announces.
"""

from __future__ import annotations

import _socket as socket  # what nobody replaces
import errno
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress

from pytest_pushgateway import threads
from pytest_pushgateway.gateway.http.readiness import Watch, accept, identity, pair
from pytest_pushgateway.gateway.log import Log
from pytest_pushgateway.genuine import genuine
from pytest_pushgateway.monotonic import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytest_pushgateway.gateway.http.connection import Connection

SPARE = 16
"""Threads that are kept without a connection."""
_PATIENCE = 5.0
"""Seconds that a new connection waits at most for closed ones to leave."""
_FEW = 64
"""Threads that are remembered before those that have ended are looked for."""


class Workers:
    """Serves what connects to listening sockets, from :meth:`start` to :meth:`end`, which closes them.

    Args:
        listeners: the sockets.
        take: makes a connection of an accepted socket and its address; None if it is not to be served.
        drop: called with a connection that will not be served, and with the reason unless it is the end.
        relieve: called if there is no file left for a connection.
        crowded: returns whether connections that were closed for others have yet to leave.
        log: gets what goes wrong.
        boundary: held while a connection is taken from a listener, and by whoever calls :meth:`accept_all`.
    """

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        *,
        take: Callable[[socket.socket, Any], Connection | None],
        drop: Callable[[Connection, Exception | None], None],
        relieve: Callable[[], None],
        crowded: Callable[[], bool],
        log: Log,
        boundary: AbstractContextManager[object],
    ) -> None:
        self._take = take
        self._drop = drop
        self._relieve = relieve
        self._crowded = crowded
        self._log = log
        self._boundary = boundary
        self._turn = threads.RLock()
        """Held by the thread that accepts connections, perhaps while it serves one. Of the kind that knows its owner: a
        thread in which a test raises something can find out whether it was taken already, and give it back."""
        self._accepting = threads.Lock()
        """Held, by the thread that has the turn, while it works with the listeners and the sockets that wake it."""
        self._lock = threads.Lock()
        self._idle = 0
        self._threads: set[threads.Thread] = set()
        self._many = _FEW
        self._ended = False
        self._trouble = ""
        """Why the last connection could not be accepted."""
        self._accepted_early: deque[Connection] = deque()
        """Connections that :meth:`accept_all` took, each announced by a byte to the thread that has the turn."""
        self._wake_receiver, self._wake_sender = pair()
        self._listeners = {listener.fileno(): listener for listener in listeners}
        for listener in listeners:
            listener.setblocking(False)
        self._watch = Watch([self._wake_receiver.fileno(), *self._listeners])
        self._accepted = 0
        sockets = (*listeners, self._wake_receiver, self._wake_sender)
        self._identities = [(one, identity(one)) for one in sockets]
        """The identities of the sockets when they were made."""

    def start(self) -> None:
        """Begin to accept connections.

        Raises:
            RuntimeError: no thread can be started.

        """
        self._add_thread()

    @property
    def serving(self) -> bool:
        """Whether a thread waits for a connection, and the sockets are open."""
        return self._idle > 0 and self._intact()

    def _intact(self) -> bool:
        return all(identity(one) == before for one, before in self._identities)

    def _has_ended(self) -> bool:
        """Return whether there is nothing to wait for: it was ended, or somebody has closed a socket's descriptor."""
        if not self._intact():
            self._ended = True
        return self._ended

    def end(self) -> None:
        """Accept no more and close the listeners. The threads end with the connections that they serve."""
        self._ended = True
        self._pass_on()
        if not self.serving:
            self._end_without_turn()
            return
        self._wake_sender.send(b"x")  # and never received: the thread that has the turn next finds it there, too
        with self._accepting, self._boundary:
            self.close()
            while self._accepted_early:
                self._drop(self._accepted_early.popleft(), None)

    def _end_without_turn(self) -> None:
        """End where descriptors were closed, which may be somebody else's by now, or where no thread waits."""
        for one, before in self._identities:
            if identity(one) != before:
                one.detach()
        with suppress(OSError):  # that it is closed wakes the thread that has the turn, too
            self._wake_sender.send(b"x")
        # Not under the lock, which a thread may hold that waits for somebody else's descriptor.
        self.close()
        while self._accepted_early:
            self._drop(self._accepted_early.popleft(), None)

    def accept_all(self) -> None:
        """Accept every connection that waits for it; the boundary is held. The threads serve them as any other."""
        if self._ended:
            return
        for listener in self._listeners.values():
            # Until there are no more. Whatever else goes wrong, a thread meets it, too, and reports it.
            with suppress(Exception):
                while True:
                    connection = self._take(*accept(listener))
                    if connection is not None:
                        self._accepted_early.append(connection)
                        self._wake_sender.send(b"x")

    def close(self) -> None:
        """Close only the sockets; for the child of a fork, which has no threads."""
        for one in (*self._listeners.values(), self._wake_receiver, self._wake_sender):
            one.close()

    def join(self, deadline: float) -> None:
        """Wait until all threads but the calling one have ended, or until a moment of the monotonic clock."""
        with self._lock:
            others = [thread for thread in self._threads if thread is not threads.current()]
        for thread in others:
            thread.join(deadline - monotonic())

    def _add_thread(self) -> None:
        thread = threads.Thread(self._run, "pushgateway")
        thread.before_wait = self._pass_on
        with self._lock:
            thread.start()
            self._idle += 1
            if len(self._threads) >= self._many:
                self._threads = {each for each in self._threads if each.is_alive()}
                self._many = 2 * len(self._threads) + _FEW
            self._threads.add(thread)

    # The threads

    def _run(self) -> None:
        try:
            while (connection := self._wait_for_connection()) is not None:
                connection.run()
                del connection
                with self._lock:
                    if self._idle >= SPARE:
                        return
                    self._idle += 1
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        """Let another thread accept connections, if it is the calling one's turn."""
        if self._turn.is_owned():
            self._turn.release()

    def wait_with(self, sock: socket.socket, seconds: float) -> bool | None:
        """Wait for bytes of the calling thread's connection, and pass the turn on when another connection comes.

        Args:
            sock: the connection's socket.
            seconds: how long to wait at most.

        Returns:
            Whether there are some, or the end of the stream. None if the thread does not have the turn, or no more.
        """
        if not self._turn.is_owned():
            return None
        own = sock.fileno()
        ready: list[int] | None = None
        try:
            with self._accepting:
                if not self._ended:
                    ready = self._watch.wait_also(own, seconds)
        except (OSError, ValueError):
            pass  # descriptors were closed
        if ready == [own]:
            return True
        if ready == []:
            return False
        # Even if both have something: a client that sends without a pause must not keep others out.
        self._pass_on()
        return True if ready and own in ready else None

    def _wait_for_connection(self) -> Connection | None:
        try:
            return self._next()
        except BaseException:
            # A test may raise something in a thread that is not its own.
            with self._lock:
                self._idle -= 1
            raise

    def _next(self) -> Connection | None:
        """Wait for the turn and for a connection; see to it that another thread waits for the turn."""
        if not self._turn.is_owned():
            self._turn.acquire()
        while (connection := self._accept()) is not None:
            with self._lock:
                self._idle -= 1
                alone = not self._idle
            if alone:
                try:
                    self._add_thread()
                except RuntimeError as problem:
                    with self._lock:
                        self._idle += 1
                    self._drop(connection, problem)
                    continue
            connection.turn = self
            return connection
        return None

    def _wait_for_room(self) -> None:
        """Wait, outside of the boundary, for connections on their way out: a busy machine takes its time over them."""
        deadline = monotonic() + _PATIENCE
        while self._crowded() and not self._ended and monotonic() < deadline:
            genuine.sleep(0.005)

    def _accept(self) -> Connection | None:
        with self._accepting:
            return self._accept_next()

    def _accept_next(self) -> Connection | None:
        while not self._ended:
            try:
                ready = [self._listeners[number] for number in self._watch.wait() if number in self._listeners]
            except OSError:
                if not self._has_ended():
                    raise
                return None
            if self._ended:
                return None
            if self._accepted_early:
                self._wake_receiver.recv(1)
                return self._accepted_early.popleft()
            if not ready:
                if self._has_ended():
                    return None
                continue
            self._accepted += 1
            self._wait_for_room()
            try:
                with self._boundary:
                    connection = self._take(*accept(ready[self._accepted % len(ready)]))
            except BlockingIOError:
                continue
            except Exception as problem:
                if self._has_ended():
                    return None
                # Out of descriptors, a client that went, or pytest-socket, which keeps even this from making a socket:
                # the listener stays, spinning helps nobody, and one message is enough.
                if str(problem) != self._trouble:
                    self._log("error", "http: Accept error", err=str(problem))
                self._trouble = str(problem)
                if isinstance(problem, OSError) and problem.errno in (errno.EMFILE, errno.ENFILE):
                    self._relieve()
                genuine.sleep(0.01)
            else:
                self._trouble = ""
                if connection is not None:
                    return connection
        return None
