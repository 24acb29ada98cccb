"""The server: listening sockets, and a thread for each connection.

Written on the standard library's sockets: docs/design.md has the reason why it is not werkzeug's.
Stopping wakes the thread that waits for a connection through a second socket and every other one by shutting its
connection down, so nothing polls and nothing is left.
"""

from __future__ import annotations

import _socket as socket  # what nobody replaces
import math
import sys
import time
import weakref
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, suppress

from pytest_pushgateway import threads
from pytest_pushgateway.forks import call_in_child
from pytest_pushgateway.gateway.http.connection import Connection
from pytest_pushgateway.gateway.http.head import http_date
from pytest_pushgateway.gateway.http.host import Abandoned, Application, Refused
from pytest_pushgateway.gateway.http.open_files import connections_possible
from pytest_pushgateway.gateway.http.workers import Workers
from pytest_pushgateway.gateway.log import Log, silent
from pytest_pushgateway.monotonic import monotonic
from pytest_pushgateway.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from types import TracebackType
    from typing import Any

    from pytest_pushgateway.gateway.hooks import Plan

_JOIN = 0.8
"""Seconds that a stop waits for threads whose connections are shut, such as one that parses a long body: it then goes
on alone to no effect."""
_ANSWER = 0.02
"""Seconds that an answer has to leave when others know already what it is; a socket's buffer takes it at once."""


_FEW = 64
"""With fewer connections, the limit on open files is not looked up."""
_NO_SIGPIPE = 0x1022
"""SO_NOSIGPIPE of macOS; Python does not name it."""
_CLOSED_AT_ONCE = 16
_LEAVING = 32
"""Connections that may be on their way out at a time; they still have their files."""

_KEPT_ERRORS = 20
"""Unexpected exceptions that are kept: who serves for months must not keep what each request left behind."""


class Server:
    """Serves an application on listening sockets, which it owns from then on.

    ``limits`` are the options that bound what a client may ask of it. ``tls`` returns the context for a new
    connection. ``announces_waits``: the application calls `threads.about_to_wait()` before it does anything that may
    take long, so that the thread that accepts connections can ask it. ``generation`` is the number of the first one.
    ``log`` gets what goes wrong; exceptions of the application are also kept in ``errors``. ``refused`` hears of
    requests that the application does not. ``held`` are bound and do not listen yet: without listeners they name the
    address.
    """

    def __init__(
        self,
        app: Application,
        listeners: Sequence[socket.socket],
        *,
        limits: Settings | None = None,
        tls: Callable[[], ssl.SSLContext] | None = None,
        generation: int = 0,
        clock: Callable[[], float] = time.time,
        log: Log = silent,
        errors: list[BaseException] | None = None,
        held: Sequence[socket.socket] = (),
        lax_content_length: bool = False,
        keeps_requests: bool = False,
        announces_waits: bool = False,
        refused: Refused = lambda line, refusal, peer: None,
    ) -> None:
        self.app = app
        self.refused: Refused = refused
        self.limits: Settings = limits or Settings()
        self.lax_content_length: bool = lax_content_length
        """Whether ``Content-Length:`` without a value is taken for 0."""
        self.keeps_requests: bool = keeps_requests
        """Whether connections keep the bytes of the request that they serve."""
        self.announces_waits: bool = announces_waits
        self.tls = tls
        self.log = log
        self.errors: list[BaseException] = [] if errors is None else errors
        self.host: str
        self.port: int
        self.host, self.port = _name([*listeners, *held][0])
        self._clock = clock
        self.generation: int = generation
        """The generation to which a request belongs that begins to arrive now."""
        self.boundary: AbstractContextManager[object] = threads.Lock()
        """Held while the first bytes of a request are taken from a socket, or a connection from a listener, and their
        generation is noted; and while a new generation begins."""
        self._listeners = list(listeners)
        self._lock = threads.Lock()
        self._connections: set[Connection] = set()
        self._leaving: set[Connection] = set()
        """Those of them that were closed for others, until their threads notice."""
        self._room: int | None = None
        """The number of connections that there may be; looked up when there are many."""
        self._released = threads.Monitor()
        self._waits: dict[Connection, Plan] = {}
        self._over: weakref.WeakSet[Any] = weakref.WeakSet()
        """The owners of plans that nobody is to wait for any more."""
        self.stopping: bool = False
        self._refusing_more = False
        self._date = (0, "")
        self._workers: Workers | None = None
        self._former: list[Workers] = []
        """Those of before a pause: their threads may still be at their last connections."""
        _servers.add(self)

    def start(self) -> None:
        """Begin to accept connections."""
        self._workers = Workers(
            self._listeners,
            take=self._take,
            drop=self._drop,
            relieve=self._relieve,
            crowded=lambda: len(self._leaving) >= _LEAVING,
            log=self.log,
            boundary=self.boundary,
        )
        self._workers.start()

    @property
    def serving(self) -> bool:
        """Whether connections are accepted: not while paused, nor where somebody closed its sockets' descriptors."""
        return self._workers is not None and self._workers.serving

    def stop(self, grace: float = 0.0) -> None:
        """Close every socket and end every thread; idempotent.

        Requests under way get ``grace`` seconds to end, as in Go's graceful shutdown; idle connections none.
        """
        with self._lock:
            if self.stopping:
                return
            self.stopping = True
        try:
            self._end_accepting()
            self._let_answers_leave(grace)
        finally:
            self.close_connections()
        deadline = monotonic() + _JOIN
        for workers in self._former:
            workers.join(deadline)
        _servers.discard(self)

    def _let_answers_leave(self, grace: float) -> None:
        deadline = monotonic() + (grace or _ANSWER)
        for connection in self.connections():
            if not grace:
                connection.shut_after_answer()
            elif not connection.busy:
                connection.shut()
        for connection in self.connections():
            thread = connection.thread
            if (connection.busy if grace else connection.answering) and thread not in (None, threads.current()):
                thread.join(deadline - monotonic())

    def connections(self) -> list[Connection]:
        """Return the open connections."""
        with self._lock:
            return list(self._connections)

    def begin_generation(self, begin: Callable[[], int]) -> None:
        """Begin a new generation: what clients have sent by now, read or not, stays in the one before.

        Connections stay open. Requests of older generations that wait for a plan are abandoned.

        Args:
            begin: makes the application begin it and returns its number. Nobody begins to read a request meanwhile, so
                that no request is of the old generation that was sent after another had met the new one.
        """
        with self.boundary:
            if self._workers is not None:
                # In the listener's backlog are connections whose requests have arrived as well as those that were read.
                self._workers.accept_all()
            for connection in self.connections():
                connection.end_generation()
            self.generation = begin()
        with self._released:
            self._released.notify_all()

    def close_connections(self) -> None:
        """Shut all connections, and end their waits."""
        for connection in self.connections():
            connection.shut()
        with self._released:
            self._released.notify_all()

    def close_connections_from(self, ports: Collection[int]) -> None:
        """Shut the connections that clients opened from these ports, those in the listener's backlog included."""
        with self.boundary:
            if self._workers is not None:
                self._workers.accept_all()
        for connection in self.connections():
            if int(connection.remote_address.rpartition(":")[2] or 0) in ports:
                connection.shut()
        with self._released:
            self._released.notify_all()

    def pause(self) -> None:
        """Stop listening, so that clients are refused, and close every connection."""
        self._end_accepting()
        self.close_connections()

    def resume(self, listeners: Sequence[socket.socket]) -> None:
        """Listen again, after :meth:`pause`."""
        self._listeners = list(listeners)
        self.start()

    # Waits of plans

    def wait(self, connection: Connection, plan: Plan) -> None:
        """Wait for ``plan.wait`` seconds or a release.

        Raises:
            Abandoned: the connection is shut, or the request's generation ends, meanwhile.

        """
        deadline = monotonic() + plan.wait
        with self._released:
            self._waits[connection] = plan
            try:
                # A fault may have been removed since the request met it.
                while self._waits_on(connection, plan) and not self._is_over(connection):
                    left = deadline - monotonic()
                    if left <= 0:
                        break
                    self._released.wait(left if left < math.inf else None)
            finally:
                self._waits.pop(connection, None)
        if self._is_over(connection):
            raise Abandoned

    def _waits_on(self, connection: Connection, plan: Plan) -> bool:
        return self._waits.get(connection) is plan and plan.owner not in self._over

    def _is_over(self, connection: Connection) -> bool:
        return connection.closing or connection.generation != self.generation

    def release(self, owner: object = None) -> None:
        """End the waits of the plans of ``owner``, those that begin later too; of all plans if it is None."""
        with self._released:
            if owner is not None:
                self._over.add(owner)
            for connection in [one for one, plan in self._waits.items() if owner is None or plan.owner is owner]:
                del self._waits[connection]
            self._released.notify_all()

    # For connections

    def forget(self, connection: Connection) -> None:
        """Strike a connection whose thread ends."""
        with self._lock:
            self._connections.discard(connection)
            self._leaving.discard(connection)
            self._refusing_more = False

    def failed(self, problem: BaseException) -> None:
        """Log an exception that no request should have caused, and keep the first ones without their variables."""
        if len(self.errors) < _KEPT_ERRORS:
            _clear_frames(problem.__traceback__)
            self.errors.append(problem)
        self.log("error", "request failed", err=f"{type(problem).__name__}: {problem}")

    def date_line(self) -> str:
        """Return the Date header, by the server's clock."""
        now = int(self._clock())
        second, line = self._date
        if second != now:
            line = f"Date: {http_date(now)}"
            self._date = (now, line)
        return line

    # Accepting

    def _end_accepting(self) -> None:
        workers, self._workers = self._workers, None
        if workers is not None:
            workers.end()
            self._former.append(workers)
        for listener in self._listeners:
            listener.close()
        self._listeners = []

    def _take(self, sock: socket.socket, address: Any) -> Connection | None:
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            # macOS answers EINVAL if the client has already reset the connection; reading from it fails as well.
            with suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if sys.platform == "darwin":
                    sock.setsockopt(socket.SOL_SOCKET, _NO_SIGPIPE, 1)
        connection = Connection(self, sock, address)
        with self._lock:
            limit = self._limit()
            full = len(self._connections) - len(self._leaving) >= limit
            if full:
                full = not self._close_idle()
            if not full:
                self._connections.add(connection)
            first, self._refusing_more = full and not self._refusing_more, full
        if not full:
            return connection
        if first:
            self.log("warn", "too many connections, refusing more", limit=limit)
        connection.refuse()
        return None

    def _limit(self) -> int:
        if self._room is None:
            if len(self._connections) < min(_FEW, self.limits.max_connections):
                return self.limits.max_connections
            possible = connections_possible()
            self._room = self.limits.max_connections if possible is None else min(self.limits.max_connections, possible)
        return self._room

    def _close_idle(self) -> int:
        """Close the connections that have been idle longest, a few at once; return how many. The lock is held."""
        if len(self._leaving) >= _LEAVING:
            return 0
        waiting = [each for each in self._connections - self._leaving if each.is_idle()]
        # Not by heapq: where files have run out, no module can be imported.
        closed = sorted(waiting, key=lambda each: each.idle_since)[:_CLOSED_AT_ONCE]
        for connection in closed:
            connection.shut()
        self._leaving.update(closed)
        return len(closed)

    def _relieve(self) -> None:
        """Close idle connections: files have run out all the same."""
        with self._lock:
            self._close_idle()

    def _drop(self, connection: Connection, problem: Exception | None) -> None:
        self.forget(connection)
        if problem is not None:
            self.log("error", "cannot serve a connection", err=str(problem))
        connection.sock.close()

    def abandon(self) -> None:
        """Close this process's copies of all sockets: the server goes on in the parent of a fork."""
        self.stopping = True
        workers, self._workers = self._workers, None
        if workers is not None:
            workers.close()
        # Whoever held the locks does not exist here.
        self._lock = threads.Lock()
        self._released = threads.Monitor()
        self.boundary = threads.Lock()
        for one in [*self._listeners, *(connection.sock for connection in list(self._connections))]:
            one.close()
        self._connections = set()
        self._leaving = set()
        self._listeners = []


def _name(listener: socket.socket) -> tuple[str, int]:
    name = listener.getsockname()
    return (name[0], name[1]) if isinstance(name, tuple) else (str(name), 0)


_servers: weakref.WeakSet[Server] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for server in list(_servers):
        server.abandon()


call_in_child(_after_fork_in_child)


def _clear_frames(trace: TracebackType | None) -> None:
    """Forget the variables of frames, without importing ``traceback``: files may have run out."""
    while trace is not None:
        with suppress(RuntimeError):  # of a frame that still runs
            trace.tb_frame.clear()
        trace = trace.tb_next
