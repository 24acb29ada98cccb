"""`AppParts`: what an application works with, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Collection

from pytest_pushgateway.gateway.store.self_metrics import SelfMetrics
from pytest_pushgateway.gateway.store.store import Store
from pytest_pushgateway.light import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.gateway.app.routes import Router
    from pytest_pushgateway.gateway.hooks import Hook, Observer, RawRequest
    from pytest_pushgateway.gateway.http.head import Head
    from pytest_pushgateway.gateway.http.host import Answer
    from pytest_pushgateway.gateway.log import Log


_LOGGED = 2000
"""Characters of a path in the log: a client may send a megabyte, again and again."""


class Access(Protocol):
    """Who may ask, and the headers that every answer carries."""

    rate: tuple[float, int] | None
    """Seconds from one request to the next, and how many may come at once; None where all may."""

    def admit(self, head: Head) -> tuple[Answer | None, list[tuple[str, str]]]:
        """Return the answer to a request that is not admitted, or None, and headers for whatever answer it gets."""

    def users(self) -> list[str]:
        """Return who may ask with a password; nobody where none is asked for."""


class AppParts:
    """The parts of a gateway's application.

    Args:
        store: what is held.
        self_metrics: the gateway's own metrics.
        router: finds the handler of a request.
        api: answers a request for one of the JSON API's handlers.
        page: answers a GET of the web page: its path without prefix.
        quit: ends the gateway, where the lifecycle API is enabled.
        log: takes what is worth a line.
        clock: Unix seconds.
        access: who may ask; None for everybody.
        hook: called with each request before it takes effect.
        observer: called with the record of each request before its answer leaves.
        consistency_check: refuse pushes that contradict stored metrics.
        utf8_names: allow UTF-8 label names in grouping keys and metric names.
        max_body_size: bytes, as sent.
        max_decoded_body_size: bytes, decompressed.
        own_hosts: the names of a gateway on the loopback interface, see `browsers`; None for any other.
        keep_bodies: read the body of a push whole, for the hook and the observer, instead of while it arrives.
    """

    __slots__ = (
        "access",
        "api",
        "clock",
        "consistency_check",
        "hook",
        "keep_bodies",
        "log",
        "max_body_size",
        "max_decoded_body_size",
        "observer",
        "own_hosts",
        "page",
        "quit",
        "router",
        "self_metrics",
        "store",
        "utf8_names",
    )

    def __init__(
        self,
        store: Store,
        self_metrics: SelfMetrics,
        router: Router,
        api: Callable[[str], Answer],
        page: Callable[[str, Head], Answer | None],
        quit: Callable[[], None] | None,
        log: Log,
        clock: Callable[[], float],
        access: Access | None = None,
        hook: Hook | None = None,
        observer: Observer | None = None,
        consistency_check: bool = True,
        utf8_names: bool = False,
        max_body_size: int = 256 << 20,
        max_decoded_body_size: int = 64 << 20,
        keep_bodies: bool = True,
        own_hosts: Collection[str] | None = None,
    ) -> None:
        self.store: Store = store
        self.self_metrics: SelfMetrics = self_metrics
        self.router: Router = router
        self.api: Callable[[str], Answer] = api
        self.page: Callable[[str, Head], Answer | None] = page
        self.quit: Callable[[], None] | None = quit
        self.log: Log = log
        self.clock: Callable[[], float] = clock
        self.access: Access | None = access
        self.hook: Hook | None = hook
        self.observer: Observer | None = observer
        self.consistency_check: bool = consistency_check
        self.utf8_names: bool = utf8_names
        self.max_body_size: int = max_body_size
        self.max_decoded_body_size: int = max_decoded_body_size
        self.keep_bodies: bool = keep_bodies
        self.own_hosts: Collection[str] | None = own_hosts

    def of_an_empty_gateway(self) -> AppParts:
        """Return the parts of another gateway, which is empty, seen by nobody, and otherwise the same."""
        self_metrics = SelfMetrics(self.clock)
        return AppParts(
            store=Store(self_metrics=self_metrics, clock=self.clock),
            self_metrics=self_metrics,
            router=self.router,
            api=self.api,
            page=self.page,
            quit=None if self.quit is None else _do_nothing,
            log=_do_nothing,
            clock=self.clock,
            access=self.access,
            consistency_check=self.consistency_check,
            utf8_names=self.utf8_names,
            max_body_size=self.max_body_size,
            max_decoded_body_size=self.max_decoded_body_size,
            keep_bodies=self.keep_bodies,
            own_hosts=self.own_hosts,
        )

    def log_missed(self, request: RawRequest, status: int, location: str, hint: str) -> None:
        """Log that a push or a deletion reached no group; of a very long path the beginning."""
        self.log(
            "warn",
            "a deletion reached no group" if request.method == "DELETE" else "a push reached no group",
            method=request.method,
            path=request.target[:_LOGGED],
            status=status,
            location=location[:_LOGGED],
            logged_source=request.remote_address,
            hint=hint,
        )


def _do_nothing(*_arguments: object, **_fields: object) -> None:
    """Stand in for what only the gateway that is seen may do: log and quit."""
