"""The types at the door of this room: a request and its connection to the application, an answer back.

`Application` is what a server serves; `Host` is what a connection needs of the server that accepted it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

from pytest_pushgateway.gateway.log import Log
from pytest_pushgateway.light import NamedTuple, Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Any

    from pytest_pushgateway.gateway.hooks import Plan
    from pytest_pushgateway.gateway.http.body import Body
    from pytest_pushgateway.gateway.http.head import Head, Refusal
    from pytest_pushgateway.settings import Settings


HeaderLines = list[tuple[str, str]]
"""Names and values, as they are written."""


class Abandoned(Exception):
    """No answer: the connection is over, by a stop, a reset or a plan."""


class Answer(NamedTuple):
    """An answer before it is written."""

    status: int
    headers: Sequence[tuple[str, str]] = ()
    blocks: Iterable[bytes] = ()
    """The body, in pieces that are sent one after the other; made while they are sent, unless it is a sequence."""
    error: str | None = None
    """The text of a 4xx or 5xx for the record; never sent."""
    streamed: bool = False
    """Whether it is sent in chunks even if it is short."""
    plan: Plan | None = None
    """A fault's effect on it on its way out."""


class Peer(Protocol):
    """The connection of a request, as far as the application may know and change it."""

    remote_address: str
    generation: int
    """The store's generation when the first byte of the request arrived."""
    closing: bool
    """Whether a stop ends it."""
    answering: bool
    """Whether the outcome of the request is known to others and only the sending of its answer is left."""

    def wait(self, plan: Plan) -> None:
        """Wait for the plan's time, or until it is released.

        Raises:
            Abandoned: the gateway was stopped or reset.

        """

    def request_bytes(self) -> bytes:
        """Return the bytes of the request as far as they have been read; none unless the server keeps them."""


class Incoming(NamedTuple):
    """A request: its head is there, its body is read when the application asks for it."""

    head: Head
    body: Body
    peer: Peer


Application = Callable[[Incoming], Answer]
"""Answers requests, from many threads at a time; may raise `Abandoned`."""


Refused = Callable[[str, "Refusal", Peer], None]
"""Hears of a request whose head is refused, before the answer leaves: its first line, and the answer."""


class Turn(Protocol):
    """The right and the duty to accept connections, which one of a server's threads has at a time."""

    def wait_with(self, sock: Any, seconds: float) -> bool | None:
        """Wait for bytes of a connection, and for other connections meanwhile.

        Args:
            sock: the socket of the connection that the calling thread serves.
            seconds: how long to wait at most.

        Returns:
            Whether there are some, or the end of the stream. None if the thread does not have the turn, or no more.

        """


class Host(Protocol):
    """The server, as a connection needs it."""

    app: Application
    refused: Refused
    limits: Settings
    tls: Callable[[], ssl.SSLContext] | None
    log: Log
    stopping: bool
    lax_content_length: bool
    keeps_requests: bool
    announces_waits: bool
    generation: int
    boundary: AbstractContextManager[object]

    def wait(self, connection: Any, plan: Plan) -> None:
        """Wait for a plan's time."""

    def failed(self, problem: BaseException) -> None:
        """Keep and log an exception."""

    def forget(self, connection: Any) -> None:
        """Strike a connection whose thread ends."""

    def date_line(self) -> str:
        """Return the Date header."""
