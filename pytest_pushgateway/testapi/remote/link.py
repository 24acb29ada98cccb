"""HTTP to the test API: connections that are kept, over the interpreter's own sockets, which no test replaces."""

from __future__ import annotations

import _socket as socket  # a test replaces the other one
import json
import os
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_pushgateway import threads
from pytest_pushgateway.durations import seconds
from pytest_pushgateway.golang.url import join_host_port
from pytest_pushgateway.harness.errors import PushgatewayError
from pytest_pushgateway.monotonic import monotonic
from pytest_pushgateway.testapi.sessions import HEADER

if TYPE_CHECKING:
    import ssl

Json = dict[str, Any]

TIMEOUT = 1.0
"""Seconds within which it is known that the test API is gone or hangs, unless its URL has another time."""
_PATIENCE = 60.0
"""Seconds that one answer may take while the API still answers others."""
_RECEIVE = 1 << 16
_EXAMPLE = "http://gateway:9092"
_SERVE = "pytest-pushgateway serve --test.listen-address"


class ControlPortError(ConnectionError):
    """The test API of a gateway cannot be reached, does not answer in time, or refuses this client."""


class Place(NamedTuple):
    """The parts of a test API's URL."""

    secure: bool
    host: str
    port: int
    credentials: str
    """User and password with a colon between them; empty without."""
    timeout: float
    """Seconds."""

    def __str__(self) -> str:
        return f"{'https' if self.secure else 'http'}://{join_host_port(self.host, self.port)}"


def read_url(url: Any) -> Place:
    """Return the parts of a URL such as ``http://user:password@gateway:9092?timeout=5s``.

    Raises:
        TypeError: it is not text.
        ValueError: it is not such a URL.

    """
    from urllib.parse import parse_qsl, unquote, urlsplit

    if not isinstance(url, str):
        raise TypeError(f"the URL of a test API is text such as {_EXAMPLE!r}, not {url!r}")
    try:
        parts = urlsplit(url)
        port, query = parts.port, dict(parse_qsl(parts.query, strict_parsing=True) if parts.query else ())
    except ValueError as problem:
        raise ValueError(f"{url!r} is not a URL such as {_EXAMPLE!r}: {problem}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port is None or parts.path not in ("", "/"):
        raise ValueError(f"the URL of a test API has a scheme, a host and a port, as {_EXAMPLE!r} has, not {url!r}")
    timeout = seconds(query.pop("timeout", TIMEOUT), "timeout")
    if query:
        raise ValueError(f"the URL of a test API takes timeout, and no {', '.join(query)}")
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username is not None else ""
    return Place(parts.scheme == "https", parts.hostname, port, user, timeout)


class Link:
    """Calls one test API, from many threads at a time.

    Args:
        place: its URL.
        session: names this client in every request.

    """

    def __init__(self, place: Place, session: str) -> None:
        self.place = place
        self.session: str = session
        self._lock = threads.Lock()
        self._idle: list[_Connection] = []
        weakref.finalize(self, _close_all, self._idle)
        self._era = 0
        """A number that grows with each `close`: a connection of an earlier one is not kept."""
        self._process = os.getpid()
        self._tls: ssl.SSLContext | None = None
        self.calls: int = 0
        """The requests that were sent."""

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, wait: float = 0.0) -> Any:
        """Send a request and return the JSON of its answer; None without a body.

        Args:
            method: GET, POST, PUT or DELETE.
            path: the route.
            body: the members of a JSON object.
            wait: seconds that the request asks the API to wait.

        Raises:
            ControlPortError: no answer comes in time, or not as a test API gives it.
            PushgatewayError: the gateway has been given to another session.
            RuntimeError: the gateway is not in a state for that.
            ValueError: the API understands the request otherwise.
            ForwardError: the gateway did not answer what the API sent to it.

        """
        status, content = self._exchange(method, path, body, wait)
        try:
            answer = json.loads(content) if content else None
        except ValueError:
            answer = None
        if status < 300:
            return answer
        if not isinstance(answer, dict) or "detail" not in answer:
            raise ControlPortError(
                f"{self.place} answers {status} to {method} {path}, and not as a test API; "
                f"{'give user and password in the URL' if status == 401 else f'is it the port of {_SERVE}?'}"
            )
        raise _failure(status, answer)

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            _close_all(self._idle)
            self._era += 1

    def _exchange(self, method: str, path: str, body: Mapping[str, Any] | None, wait: float) -> tuple[int, bytes]:
        self.calls += 1
        message = self._message(method, path, body)
        while True:
            era = self._era
            connection, fresh = self._connection()
            try:
                answer = connection.exchange(message, self.place.timeout / 2, wait, self._is_alive)
            except _StaleError:
                connection.close()
                if not fresh:  # the API closed it while it was idle
                    continue
                raise ControlPortError(f"{self._gone()}: it closed the connection without an answer") from None
            except TimeoutError:
                connection.close()
                raise ControlPortError(
                    f"the test API at {self.place} does not answer within {self.place.timeout:g} s; it hangs or is "
                    f"overloaded: give it more time, as in {self.place}?timeout=10s"
                ) from None
            except OSError as problem:
                connection.close()
                raise ControlPortError(f"{self._gone()}: {problem}") from None
            except BaseException:
                connection.close()  # its answer is still to come
                raise
            with self._lock:
                keep = era == self._era
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()
            return answer

    def _message(self, method: str, path: str, body: Mapping[str, Any] | None) -> bytes:
        content = b"" if body is None else json.dumps(body).encode()
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {join_host_port(self.place.host, self.place.port)}",
            f"{HEADER}: {self.session}",
            f"Content-Length: {len(content)}",
        ]
        if self.place.credentials:
            import base64

            lines.append(f"Authorization: Basic {base64.b64encode(self.place.credentials.encode()).decode()}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + content

    def _gone(self) -> str:
        return f"the test API at {self.place} is gone (does {_SERVE} still run there?)"

    def _connection(self) -> tuple[_Connection, bool]:
        """Return a connection, and whether it is a new one."""
        with self._lock:
            if self._process != os.getpid():  # a fork shares its parent's connections, and must not use them
                _close_all(self._idle)
                self._process = os.getpid()
            if self._idle:
                return self._idle.pop(), False
        try:
            return _Connection(self._connected(self.place.timeout)), True
        except TimeoutError:
            raise ControlPortError(f"{self._gone()}: it takes no connection within {self.place.timeout:g} s") from None
        except OSError as problem:
            raise ControlPortError(f"{self._gone()}: {problem.strerror or problem}") from None

    def _is_alive(self) -> bool:
        """Return whether the API answers another request: one that takes long may do something long."""
        limit = self.place.timeout / 2
        try:
            connection = _Connection(self._connected(limit))
        except OSError:
            return False
        try:
            connection.exchange(self._message("GET", "/v1", None), limit, 0.0, lambda: False)
        except (OSError, _StaleError):
            return False
        finally:
            connection.close()
        return True

    def _connected(self, timeout: float) -> Any:
        place = self.place
        deadline = monotonic() + timeout
        problem: OSError = OSError("its name has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(place.host, place.port, 0, socket.SOCK_STREAM):
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(max(deadline - monotonic(), 0.001))
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return self._context().wrap_socket(sock, server_hostname=place.host) if place.secure else sock  # type: ignore[arg-type]
            except OSError as error:
                sock.close()
                problem = error
        raise problem

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            import ssl

            self._tls = ssl.create_default_context()
        return self._tls


def _close_all(connections: list[_Connection]) -> None:
    while connections:
        connections.pop().close()


class ForwardError(Exception):
    """A request that the test API forwarded to the gateway got no answer; ``kind`` names the exception over there."""

    def __init__(self, text: str, kind: str) -> None:
        super().__init__(text)
        self.kind = kind


def _failure(status: int, problem: Json) -> Exception:
    detail = str(problem["detail"])
    if status == 423:
        return PushgatewayError(detail)
    if status == 502:
        return ForwardError(detail, str(problem.get("title")))
    kinds: dict[int, type[Exception]] = {400: ValueError, 409: RuntimeError}
    return kinds.get(status, ControlPortError)(detail)


class _StaleError(Exception):
    """The other side had closed a connection before it sent a byte of an answer."""


class _Connection:
    """One connection, for one exchange at a time."""

    def __init__(self, sock: Any) -> None:
        self._socket = sock

    def exchange(self, message: bytes, timeout: float, wait: float, is_alive: Callable[[], bool]) -> tuple[int, bytes]:
        """Send a request; return the status and the body of its answer.

        Args:
            message: the request.
            timeout: seconds that the answer may take to begin, or stop, before ``is_alive`` is asked.
            wait: seconds more that the request asks the other side to wait.
            is_alive: returns whether to go on waiting.

        Raises:
            _StaleError: the connection was closed already.
            TimeoutError: the answer takes too long.
            OSError: the connection breaks.

        """
        received = b""
        try:
            self._socket.settimeout(timeout)
            self._socket.sendall(message)
            received = self._first(timeout, wait, is_alive)
        except (BrokenPipeError, ConnectionResetError, ConnectionAbortedError):
            pass
        self._socket.settimeout(max(timeout, 1.0))
        if not received:
            raise _StaleError
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        length = 0
        for line in lines[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                length = int(value)
        pieces, missing = [body], length - len(body)
        while missing > 0:
            pieces.append(self._more())
            missing -= len(pieces[-1])
        return int(lines[0].split(" ")[1]), b"".join(pieces)

    def _first(self, timeout: float, wait: float, is_alive: Callable[[], bool]) -> bytes:
        deadline = monotonic() + wait + _PATIENCE
        self._socket.settimeout(wait + timeout)
        while True:
            try:
                piece: bytes = self._socket.recv(_RECEIVE)
                return piece
            except TimeoutError:
                if monotonic() > deadline or not is_alive():
                    raise
                self._socket.settimeout(timeout)

    def _more(self) -> bytes:
        piece: bytes = self._socket.recv(_RECEIVE)
        if not piece:
            raise ConnectionResetError("it closed the connection in the middle of an answer")
        return piece

    def close(self) -> None:
        """Close it."""
        self._socket.close()
