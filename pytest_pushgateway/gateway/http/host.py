"""What a connection needs of the server that accepted it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import ssl

    from pytest_pushgateway.gateway.hooks import Plan


class Host(Protocol):
    """What a connection needs of its server."""

    app: Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
    limits: Any
    tls: Callable[[], ssl.SSLContext] | None
    log: Callable[..., None]
    host: str
    port: int
    stopping: bool

    def wait(self, connection: Any, plan: Plan) -> None:
        """Wait as a plan says."""

    def failed(self, problem: BaseException) -> None:
        """Keep and log an exception."""

    def forget(self, connection: Any) -> None:
        """Strike a connection whose thread ends."""

    def date_line(self) -> str:
        """Return the Date header."""
