"""`RemoteGateway`: the gateway behind a `Pushgateway` whose gateway is in another process."""

from __future__ import annotations

import _socket as socket  # a test replaces the other one
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_pushgateway import threads
from pytest_pushgateway._version import __version__
from pytest_pushgateway.golang.url import join_host_port
from pytest_pushgateway.harness.behind.base import BaseGateway, running_test
from pytest_pushgateway.harness.clock import Clock
from pytest_pushgateway.harness.sending import ClientAnswer
from pytest_pushgateway.later import later
from pytest_pushgateway.settings import OPTIONS, Settings
from pytest_pushgateway.testapi.codec import body_in, poison_in, record_in, shown_body
from pytest_pushgateway.testapi.groups_codec import stored_in
from pytest_pushgateway.testapi.remote.copies import CopiedJournal, CopiedStore
from pytest_pushgateway.testapi.remote.faults import RemoteFaults
from pytest_pushgateway.testapi.remote.link import ControlPortError, ForwardError, Link

if TYPE_CHECKING:
    from pytest_pushgateway.interception import interception
    from pytest_pushgateway.interception.addresses import Address
    from pytest_pushgateway.interception.interception import Interception
else:
    interception = later("pytest_pushgateway.interception.interception")

Json = dict[str, Any]


class RemoteClock(Clock):
    """The clock of a remote gateway; it is asked each time."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link
        self.touched: bool = False
        """Whether this process has set it since the last reset."""

    def __call__(self) -> float:
        """Return the time, in seconds since 1970."""
        return float(self._link.call("GET", "/v1/clock")["now"])

    def _read(self) -> float | None:
        shown = self._link.call("GET", "/v1/clock")
        self._frozen = float(shown["now"]) if shown["frozen"] else None
        return self._frozen

    def _write(self, at: float | None) -> None:
        self.touched, self._frozen = True, at
        self._link.call("PUT", "/v1/clock", {"frozen": False} if at is None else {"at": at})


class RemoteSender:
    """Sends the test's own requests, which the test API forwards: its port is sure to be within reach."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> ClientAnswer:
        """Send one request and return the answer.

        Raises:
            OSError: the gateway is stopped, refuses connections, or does not answer in time.

        """
        message = {"method": method, "path": path, "headers": list(headers.items())}
        try:
            shown = self._link.call("POST", "/v1/send", {**message, **(shown_body(body) if body is not None else {})})
        except ForwardError as problem:
            kind = {"ConnectionRefusedError": ConnectionRefusedError, "ConnectionResetError": ConnectionResetError}
            raise kind.get(problem.kind, ConnectionError)(str(problem)) from None
        lines = [f"HTTP/1.0 {shown['status']}", *(f"{name}: {value}" for name, value in shown["headers"]), "", ""]
        return ClientAnswer("\r\n".join(lines).encode("latin-1") + body_in(shown))


class RemoteGateway(BaseGateway):
    """A gateway in another process, which answers the test API; as `LocalGateway`, with the same attributes.

    Args:
        link: leads to the test API.
        managed: whether fixtures look after it.
        lint: whether to warn about problems in pushed metrics.

    Raises:
        ControlPortError: it cannot be reached, or is not a test API of this version.

    """

    def __init__(self, link: Link, *, managed: bool = False, lint: bool = False) -> None:
        super().__init__(managed=managed)
        self.mark_beginning()
        self.link = link
        place = link.call("GET", "/v1")
        _check_version(link, place)
        self._place: Json = place
        known = {name: value for name, value in place["settings"].items() if name in OPTIONS}
        over_there = dict.fromkeys(known, f"the gateway at {link.place}")
        self.settings: Settings = Settings(sources={**over_there, "lint": "lint"}, **{**known, "lint": lint})
        self.journal: CopiedJournal = CopiedJournal(self.settings.journal_limit, place["origin"], self._update)
        self.clock: RemoteClock = RemoteClock(link)
        self.store: CopiedStore = CopiedStore()
        self.faults: RemoteFaults = RemoteFaults(link, self.journal.catch_up, self._lift)
        self.client: RemoteSender = RemoteSender(link)
        self._errors: list[BaseException] = []
        self._running = bool(place["running"])
        self._refusing = False
        self._lock = threads.RLock()
        self._epoch = 0
        self._epoch_after = 0
        self._read = 0
        self._revision = ""
        self._fresh = False
        self._resetting = False
        """Whether the copies are those of before a reset, for a report."""
        self.journal.catch_up()
        self.heard: int = self.journal.sequence  # warnings about earlier requests are for those who were here then

    # Its place

    @property
    def scheme(self) -> str:
        """``http``, or ``https`` where TLS is asked for."""
        return str(self._place["scheme"])

    @property
    def host(self) -> str:
        """The host at which applications reach it."""
        return str(self._place["host"])

    @property
    def port(self) -> int:
        """The port at which applications reach it."""
        return int(self._place["port"])

    @property
    def netloc(self) -> str:
        """Host and port as a URL has them."""
        return join_host_port(self.host, self.port)

    @property
    def prefix(self) -> str:
        """The route prefix: empty, or with a slash before it and none after it."""
        return str(self._place["prefix"])

    @property
    def url(self) -> str:
        """The URL with scheme and route prefix."""
        return str(self._place["url"])

    @property
    def demands_certificate(self) -> bool:
        """Whether a client needs a certificate to connect."""
        return bool(self._place["demands_certificate"])

    def intercept(self, addresses: tuple[Address, ...]) -> Interception:
        """Have connections of this process to these addresses reach this gateway.

        Raises:
            ConnectionError: its host has no address in this process.

        """
        if self.interceptions is None:
            place = self._numeric_place()
            receiver = interception.Receiver(lambda: place, self._close_from)
            self.interceptions: interception.Interceptions | None = interception.Interceptions(receiver)
        return self.interceptions.add(addresses)

    def _numeric_place(self) -> tuple[str, int]:
        try:
            found = socket.getaddrinfo(self.host, self.port, 0, socket.SOCK_STREAM)
        except OSError as problem:
            raise ConnectionError(
                f"{self.host!r}, where applications reach the gateway, has no address in this process, so that no "
                f"connection can be led there: {problem}; give serve another --test.advertise-address"
            ) from None
        return str(found[0][4][0]), self.port

    def _close_from(self, ports: Collection[int]) -> None:
        if ports:
            self._sync({"close_from": sorted(ports)})

    # Its contents

    has_store: bool = True

    @property
    def asked_faults(self) -> RemoteFaults:
        """Its faults."""
        return self.faults

    @property
    def errors(self) -> list[list[BaseException]]:
        """The errors that threads of the gateway raised."""
        return [self._errors]

    @property
    def running(self) -> bool:
        """Whether it was started when the journal caught up last."""
        return self._running

    def persistence_file(self) -> str:
        """Return the path, over there, of the file that keeps the metrics."""
        return str(self._sync({"persistence_file": True})["persistence_file"])

    def closed(self) -> str | None:
        """Return why no connection reaches it now, and what to do; None where one would."""
        if self._running and not (self._refusing or self.faults.refusing):
            return None
        self.journal.catch_up()  # another program may have started it
        if not self._running:
            return "it is stopped; call start() to have it back"
        if self._refusing or self.faults.refusing:
            return "the fault refuse() is active; remove() it, or end its with statement"
        return None

    # Its life

    def start(self) -> None:
        """Start it unless it is running."""
        self._do("start")

    def stop(self) -> None:
        """Stop it, and lift its faults, unless it is stopped."""
        self._do("stop")

    def restart(self) -> None:
        """Stop it in an orderly way and start it on the same port; the metrics come back from the file."""
        self._do("restart")

    def crash(self) -> None:
        """End it as a kill does, without a last write, and start it on the same port."""
        self._do("crash")

    def _do(self, what: str) -> None:
        self.link.call("POST", f"/v1/{what}", {})
        self.journal.catch_up()

    def make_ready(self) -> None:
        """Have the reset that follows start it unless it is running, with the real clock."""
        self._fresh = True

    def before_reset(self) -> None:
        """Learn all requests up to now, and reset the gateway over there; the copies of that time stay for a report."""
        fresh, self._fresh = self._fresh, False
        state = self._sync({"reset": {"fresh": fresh}})
        self.faults.forget()
        self.clock.touched = self.clock.touched and not fresh
        self._epoch_after = state["epoch_after"]
        self._running = self._running or fresh
        self._resetting = True

    def reset(self) -> None:
        """Empty the copies: over there `before_reset` has emptied the gateway."""
        with self._lock:
            self._resetting = False
            self._begin_epoch(self._epoch_after)

    def revive(self) -> bool:
        """Return that it has not failed: another process looks after that."""
        return False

    def end_test(self) -> None:
        """End the faults that a test has asked for, and let the clock run."""
        if self.faults.any_asked or self.clock.touched:
            self._sync({"lift": True, "resume": True})
            self.faults.forget()
            self.clock.touched = False

    def leave(self) -> None:
        """End the faults that were asked for and let the clock run; the gateway runs on."""
        self.end_test()
        self.journal.catch_up()

    def end(self) -> None:
        """Give the gateway up for others, and close all connections to its test API."""
        if self.interceptions is not None:
            self.interceptions.end()
        with suppress(ControlPortError):
            self.link.call("POST", "/v1/reset", {"session": self.link.session, "end": True})
        self.link.close()

    def _lift(self) -> None:
        self._sync({"lift": True})

    # Copying

    def _update(self, wait: float) -> None:
        if not self._resetting:
            self._sync({"wait": wait} if wait else {})

    def _sync(self, asked: Json) -> Json:
        with self._lock:
            known = {"epoch": self._epoch, "since": self.journal.sequence, "revision": self._revision}
        state: Json = self.link.call("POST", "/v1/sync", {**known, **asked}, wait=asked.get("wait", 0.0))
        with self._lock:
            if state["read"] > self._read:
                self._read = state["read"]
                self._take(state)
        return state

    def _take(self, state: Json) -> None:
        if state["epoch"] != self._epoch:
            self._begin_epoch(state["epoch"])
        self._place = state["place"]
        self._running, self._refusing = state["running"], state["refusing"]
        self.moves = [(order, at) for order, at in state["moves"]]
        self.faults.update(state["faults"])
        self._errors += [RuntimeError(f"in the gateway over there: {text}") for text in state["errors"]]
        self.log.extend((level, message, fields) for level, message, fields in state["log"])
        if state["groups"] is not None:
            poison = None if state["poison"] is None else poison_in(state["poison"])
            self.store = CopiedStore([stored_in(group) for group in state["groups"]], poison)
            self._revision = state["revision"]
        test = running_test() or self.test
        self.journal.add_unheard((order, number) for order, number in state["unheard"])
        for shown in state["requests"]:
            record = record_in(shown, utf8_names=self.settings.utf8_names)
            self.journal.copy(shown["sequence"], shown["number"], record, test)
        self.journal.count_dropped(state["dropped"], state["dropped_accepted"], state["dropped_rejected"])

    def _begin_epoch(self, epoch: int) -> None:
        """Empty the copies, as a reset has emptied the gateway."""
        self._epoch = epoch
        self._revision = ""
        self.store = CopiedStore()
        self.moves: list[tuple[int, float]] = []
        self.log.clear()
        self.journal.clear()


def _check_version(link: Link, place: Any) -> None:
    if not isinstance(place, dict) or "version" not in place or "origin" not in place:
        raise ControlPortError(f"{link.place} does not answer as a test API; is it the gateway's own port?")
    if place["version"] != __version__:
        raise ControlPortError(
            f"the gateway at {link.place} is of version {place['version']}, and this is {__version__}; install the "
            "same version of pytest-pushgateway on both sides"
        )
