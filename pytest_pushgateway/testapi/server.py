"""A gateway that runs by itself under the test API's control, and the server of that API on another port."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.gateway.gateway import Gateway, access_and_tls
from pytest_pushgateway.gateway.http.listeners import open_listeners, split_address
from pytest_pushgateway.gateway.http.server import Server
from pytest_pushgateway.golang.url import join_host_port
from pytest_pushgateway.harness.behind.local import LocalGateway
from pytest_pushgateway.settings import Settings, options_of
from pytest_pushgateway.testapi.application import ControlApi

if TYPE_CHECKING:
    from pytest_pushgateway.gateway.log import Log

_LIMITS = Settings(idle_timeout=3600.0)


class ControlledGateway:
    """A gateway that can be stopped, started and reset over HTTP, and the API for that.

    Args:
        settings: the gateway's options.
        make: makes the gateway of each start from what `Gateway` takes.
        listen: the gateway's addresses, as ``--web.listen-address`` takes them.
        control: the address of the test API.
        advertised: host and port at which clients reach the gateway, if they differ from those that it listens on.
        log: called as ``log(level, message, **fields)``.

    """

    def __init__(
        self,
        settings: Settings,
        make: Callable[..., Gateway],
        *,
        listen: Sequence[str],
        control: str,
        advertised: tuple[str, int] | None,
        log: Log,
    ) -> None:
        self._make = make
        self._listen = list(listen)
        self._control = control
        self._advertised = advertised
        self._log = log
        host, port = split_address(self._listen[0])
        options = {**options_of(settings), "host": host, "port": port}
        if settings.persistence_file is None:
            options["persistence_interval"] = 0.0  # the temporary file of restart() and crash() keeps all
        sources = {**settings.sources, "host": "--web.listen-address", "port": "--web.listen-address"}
        self._gateway = LocalGateway(Settings(sources=sources, **options), managed=True, make=self._made)
        self._server: Server | None = None

    def start(self) -> None:
        """Start the gateway, then the API: who reaches the API finds the gateway running.

        Raises:
            OSError: an address cannot be listened on; the message names it.
            ValueError: options contradict each other.

        """
        access, tls = access_and_tls(self._gateway.settings, self._log)
        listeners = open_listeners([split_address(self._control)])
        try:
            self._gateway.start()
        except BaseException:
            for one in listeners:
                one.close()
            raise
        api = ControlApi(self._gateway, access=access, advertised=self._advertised)
        self._server = Server(api, listeners, limits=_LIMITS, tls=tls, log=self._log)
        self._server.start()
        url = f"{'http' if tls is None else 'https'}://{join_host_port(self._server.host, self._server.port)}/v1"
        self._log("info", "Answering the test API", url=url)

    def stop(self, grace: float = 0.0) -> None:
        """Stop the API and the gateway; requests to the gateway get ``grace`` seconds to end."""
        if self._server is not None:
            self._server.stop()
        if self._gateway.inner is not None:
            self._gateway.inner.stop(grace)
        self._gateway.end()

    @property
    def persistence_trouble(self) -> str | None:
        """Why the persistence file is not up to date; None when it is, and without a file."""
        return None if self._gateway.inner is None else self._gateway.inner.persistence_trouble

    def _made(self, settings: Settings, **seams: Any) -> Gateway:
        to_harness, after = seams.pop("log"), seams.pop("on_listening")

        def log(level: str, message: str, **fields: object) -> None:
            self._log(level, message, **fields)
            to_harness(level, message, **fields)

        def on_listening(gateway: Gateway) -> None:
            self._listen = list(gateway.addresses)  # a free port is kept over a restart
            if after is not None:
                after(gateway)

        return self._make(settings, listen=self._listen, log=log, after_listening=on_listening, **seams)
