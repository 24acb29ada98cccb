"""`Pushgateway`: a gateway with a journal, a clock, faults and assertions."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from pytest_pushgateway.calls import name_calls, name_options
from pytest_pushgateway.harness.assertions import Asserting
from pytest_pushgateway.harness.behind.local import LocalGateway
from pytest_pushgateway.harness.journal.journal import Journal, Notes
from pytest_pushgateway.harness.reading import Reading
from pytest_pushgateway.harness.sending import Sender, Sending
from pytest_pushgateway.harness.supervisor import Supervisor
from pytest_pushgateway.harness.waiting import Waiting
from pytest_pushgateway.later import later
from pytest_pushgateway.recording import tell
from pytest_pushgateway.settings import Settings, nearest, resolve

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from pytest_pushgateway.exposition.model import ScrapeText
    from pytest_pushgateway.harness.behind.gateway_behind import GatewayBehind
    from pytest_pushgateway.harness.clock import Clock
    from pytest_pushgateway.harness.faults.faults import Faults
    from pytest_pushgateway.harness.journal import lint as linter
    from pytest_pushgateway.harness.journal import timeline as history
    from pytest_pushgateway.harness.journal.lint import LintProblem
    from pytest_pushgateway.harness.journal.requests import Push, Request
    from pytest_pushgateway.harness.messages import became, listing, silence
    from pytest_pushgateway.harness.metrics.holdings import Holdings
    from pytest_pushgateway.interception import addresses as address_reader
    from pytest_pushgateway.interception.interception import Interception
else:
    linter = later("pytest_pushgateway.harness.journal.lint")
    history = later("pytest_pushgateway.harness.journal.timeline")
    listing = later("pytest_pushgateway.harness.messages.listing")
    became = later("pytest_pushgateway.harness.messages.became")
    silence = later("pytest_pushgateway.harness.messages.silence")
    address_reader = later("pytest_pushgateway.interception.addresses")


def make(settings: Settings, directory: Callable[[], Path]) -> Pushgateway:
    """Return a gateway that fixtures look after, with settings resolved elsewhere.

    ``directory`` makes the directory of its temporary file.
    """
    return Pushgateway._of(LocalGateway(settings, directory, managed=True))


def face_of(gateway: GatewayBehind) -> Pushgateway:
    """Return what a test sees of a gateway, in this process or elsewhere."""
    return Pushgateway._of(gateway)


def supervisor(gateway: Pushgateway) -> Supervisor:
    """Return what fixtures and warnings do with a gateway."""
    return Supervisor(gateway._gateway)


class MakePushgateway(Protocol):
    """The type of the fixture ``make_pushgateway``."""

    def __call__(self, **options: Any) -> Pushgateway:
        """Return a started gateway, stopped when the test ends.

        Args:
            options: those of `Settings`.

        Returns:
            The gateway.

        """


class Pushgateway(Asserting, Waiting, Sending):
    """A Pushgateway in this process, with everything a test wants to know of it.

    Also usable without pytest, as a context manager that starts and stops it::

        with Pushgateway() as gateway:
            push_to_gateway(gateway.address, job="backup", registry=registry)
            gateway.assert_exposed("backup_bytes", 1024)

    Args:
        options: those of `Settings`.

    Raises:
        SettingsError: an option is unknown or has a value it cannot have.

    """

    _gateway: GatewayBehind

    def __init__(self, **options: Any) -> None:
        self._gateway = LocalGateway(resolve([("Pushgateway()", options)]))

    @classmethod
    def _of(cls, gateway: GatewayBehind) -> Pushgateway:
        face = cls.__new__(cls)
        face._gateway = gateway
        return face

    def __repr__(self) -> str:
        gateway = self._gateway  # a debugger that shows the gateway does not look at it
        try:
            gateway.journal.catch_up()
        except OSError:
            return f"<Pushgateway {gateway.url}: out of reach>"
        if not gateway.running:
            return "<Pushgateway stopped>"
        held = listing.count(len(gateway.store.groups()), "group"), listing.count(len(gateway.journal.pushes()), "push")
        return f"<Pushgateway {gateway.url}: {', '.join(held)}>"

    def __reduce__(self) -> NoReturn:
        # As an argument of a process is, on macOS, on Windows and from Python 3.14 on.
        raise TypeError("a Pushgateway cannot be pickled or copied; give another process its url or its address")

    @property
    def settings(self) -> Settings:
        """The options that it was made with, defaults included."""
        return self._gateway.settings

    @property
    def clock(self) -> Clock:
        """The clock of the gateway's dates; it can be frozen."""
        return self._gateway.clock

    # Where it is

    @property
    def url(self) -> str:
        """The URL with scheme and route prefix, such as ``http://127.0.0.1:43121``.

        Raises:
            RuntimeError: the gateway was never started, and has no port yet.

        """
        self._check_place()
        return self._gateway.url

    @property
    def address(self) -> str:
        """The argument for ``push_to_gateway()``, host, port and route prefix; under TLS the whole URL.

        Raises:
            RuntimeError: the gateway was never started, and has no port yet.

        """
        self._check_place()
        return self.url if self.scheme == "https" else f"{self._gateway.netloc}{self._prefix}"

    @property
    def scheme(self) -> str:
        """``http``, or ``https`` with TLS."""
        return self._gateway.scheme

    @property
    def host(self) -> str:
        """The address to connect to; never a name, and never one that means all addresses."""
        return self._gateway.host

    @property
    def port(self) -> int:
        """The port that it listens on, or listened on last; 0 before the first start with a free one."""
        return self._gateway.port

    @property
    def persistence_file(self) -> str:
        """The path of the file that keeps the metrics; a temporary one is made if no option names one."""
        return self._gateway.persistence_file()

    @property
    def ca_file(self) -> str | None:
        """The path of what a client must trust under TLS, the CA or else the certificate; None if it is unknown."""
        tls = self.settings.tls
        return tls[-1] if isinstance(tls, tuple) and len(tls) == 3 else tls[0] if isinstance(tls, tuple) else None

    @property
    def running(self) -> bool:
        """Whether the gateway is running; false after ``/-/quit``."""
        self._journal.catch_up()
        return self._gateway.running

    def intercept(self, *addresses: str) -> Interception:
        """Make connections of this process to fixed addresses reach this gateway; the code under test stays as it is.

        Active from this call until the end of ``with``, `Interception.remove` or the test's end. Then the connections
        that came this way are closed.

        Args:
            addresses: ``HOST:PORT``, or http or https URLs without a path; ``localhost`` means both 127.0.0.1 and ::1.

        Returns:
            The interception, which is also a context manager.

        Raises:
            SettingsError: one is not an address.
            TypeError: none is given.

        """
        __tracebackhide__ = True
        if not addresses:
            raise TypeError('intercept() needs an address, such as "pushgateway.monitoring:9091"')
        return self._gateway.intercept(address_reader.read_addresses(addresses, "intercept()"))

    # What happened

    @property
    def faults(self) -> Faults:
        """The faults of this gateway, which make it slow, broken or unreachable for its clients."""
        return self._gateway.faults

    @property
    def pushes(self) -> list[Push]:
        """All pushes of this test, rejected ones and those that met a fault too."""
        self._journal.catch_up()
        return self._journal.pushes()

    @property
    def requests(self) -> list[Request]:
        """All requests of this test, scrapes and deletions too."""
        self._journal.catch_up()
        return self._journal.of_test()

    @property
    def journal(self) -> list[Request]:
        """All requests since the last reset, each with its ``test``; with ``pushgateway_session`` those of several."""
        self._journal.catch_up()
        return self._journal.requests()

    def timeline(self) -> list[ScrapeText]:
        """Return each text that a scrape would have shown, with the time from which it would have.

        It begins with the first push since the last reset, or when the clock was frozen or the gateway stopped before;
        the last entry is the present. After a start it goes on with the groups that the gateway was started with.

        Returns:
            Pairs of Unix time by the gateway's clock, in seconds, and text; None while the gateway was stopped, refused
            connections (`Faults.refuse`) or was poisoned.

        """
        requests = self.journal
        self._journal.look()
        journal, check = self._journal, self.settings.consistency_check
        return history.timeline(requests, self._gateway.moves, journal.changes, self.clock(), check=check)

    def lint(self) -> list[LintProblem]:
        """Check what the application pushed in this test, and return each problem once.

        It applies promlint's rules, as ``promtool check metrics`` has them, and others about pushes: an instance in the
        grouping key, decreasing counters, names that Prometheus uses itself, labels that the grouping key overwrites,
        and label values that grow with every push.

        Returns:
            The problems in the order of the pushes.

        """
        return linter.lint(self.requests)

    # Its life

    def start(self) -> Pushgateway:
        """Start the gateway on its previous port, unless it is already running.

        Returns:
            The gateway itself.

        Raises:
            OSError: the port is taken.

        """
        running = self._gateway.running
        self._gateway.start()
        if not running:
            tell(self._gateway, "life", "started")
        return self

    def stop(self) -> None:
        """Stop the gateway: close its port and its connections; its metrics are lost unless a file keeps them.

        The metrics that it held last can still be read. If it is already stopped this does nothing.

        Raises:
            Exception: what a thread of the gateway, or a fault's predicate, had raised.

        """
        running = self._gateway.running
        self._gateway.stop()
        if running:
            tell(self._gateway, "life", "stopped")
        supervisor(self).issue_warnings()

    def restart(self) -> None:
        """Stop the gateway in an orderly way and start it on the same port; the metrics come back from the file."""
        self._gateway.restart()
        tell(self._gateway, "life", "restarted")

    def crash(self) -> None:
        """Stop the gateway like a kill, without a last write, and start it on the same port."""
        self._gateway.crash()
        tell(self._gateway, "life", "crashed")

    def reset(self) -> None:
        """Empty gateway and journal and lift all faults, without touching a client's connection.

        A request that was sent before, even if it is in progress or unread, is answered as by an empty gateway and is
        not recorded anywhere; the connection of one that waits for a fault is closed.
        """
        supervisor(self).reset()
        tell(self._gateway, "life", "reset")

    def __enter__(self) -> Pushgateway:
        try:
            return self.start()
        except BaseException:  # of a signal's handler, when it was started already
            self._gateway.leave()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._gateway.leave()
            supervisor(self).issue_warnings()
        finally:
            self._gateway.end()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Name the nearest attribute; pytest leaves out what Python would suggest."""
            if hasattr(type(self), name):  # a property raised the error
                return object.__getattribute__(self, name)
            raise AttributeError(f"'Pushgateway' object has no attribute {name!r}{nearest(name, dir(type(self)))}")

    # For its parts

    def _check_place(self) -> None:
        __tracebackhide__ = True
        if not self.port:
            raise RuntimeError(f"the gateway has no address yet: {self._closed()}")

    @property
    def _journal(self) -> Journal:
        return self._gateway.journal

    @property
    def _store(self) -> Holdings:
        self._journal.catch_up()
        store = self._gateway.store
        self._journal.look()
        return store

    @property
    def _seen(self) -> Holdings:
        return self._gateway.store

    @property
    def _utf8_names(self) -> bool:
        return self.settings.utf8_names

    @property
    def _prefix(self) -> str:
        return self._gateway.prefix

    @property
    def _demands_certificate(self) -> bool:
        return self._gateway.demands_certificate

    @property
    def _client(self) -> Sender:
        return self._gateway.client

    def _notes(self, *, waited: bool = False) -> Notes:
        closed = self._closed()
        if closed is not None:
            return Notes([f"No client reaches the gateway: {closed}."], [])
        if any(entry.origin == "application" and entry.kind != "scrape" for entry in self._journal.of_test()):
            return Notes([], [])
        gateway = self._gateway
        intercepted = [count for one in gateway.interceptions or () for count in one.connections.items()]
        lines = silence.explain(
            self.url, self.address, self.host, gateway.threads, gateway.began, intercepted, waited=waited
        )
        return Notes([], lines)

    def _became(self, names: Collection[str], interval: float, start: float | None = None) -> list[str]:
        """Return what became of pushed metrics that a Prometheus with this scrape interval does not have."""
        return became.became(names, self._journal.of_test(), interval, start, self._notes())

    def _closed(self) -> str | None:
        return self._gateway.closed()

    @property
    def _left_running(self) -> list[str] | None:
        return self._gateway.left_running


name_calls("Pushgateway", Pushgateway, Asserting, Reading, Waiting, Sending)
name_options(Pushgateway)
