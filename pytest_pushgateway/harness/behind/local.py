"""The gateway behind a `Pushgateway` in this process, from its start to its end.

`Pushgateway` is the face that a test sees, and a `Supervisor` what fixtures see. Behind both is a `LocalGateway`: the
inner gateway that serves, and what surrounds it for longer than one start: journal, clock, faults, port and file.
"""

from __future__ import annotations

import atexit
import itertools
import weakref
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_pushgateway import threads
from pytest_pushgateway.forks import call_in_child
from pytest_pushgateway.gateway.gateway import Gateway
from pytest_pushgateway.genuine import genuine, refuse_fake_files
from pytest_pushgateway.golang.url import join_host_port
from pytest_pushgateway.harness.behind.observed import ObservedGateway
from pytest_pushgateway.harness.behind.persistence_file import PersistenceFile
from pytest_pushgateway.harness.journal.journal import Journal
from pytest_pushgateway.harness.sending import Client
from pytest_pushgateway.later import later
from pytest_pushgateway.settings import Settings, options_of

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_pushgateway.gateway.store.store import Store
    from pytest_pushgateway.interception import interception
    from pytest_pushgateway.interception.addresses import Address
    from pytest_pushgateway.interception.interception import Interception
    from pytest_pushgateway.original import comparison as comparisons
    from pytest_pushgateway.original.comparison import Companion
else:
    comparisons = later("pytest_pushgateway.original.comparison")
    interception = later("pytest_pushgateway.interception.interception")

companion: Companion | None = None
"""The original to compare the gateways of this process with, if a run asks for that."""
_serials = itertools.count(1)
_started: weakref.WeakSet[LocalGateway] = weakref.WeakSet()


class LocalGateway(ObservedGateway):
    """A gateway in this process that can be started more than once.

    Args:
        settings: its options.
        directory: makes the directory of its temporary persistence file.
        managed: whether fixtures look after it: its warnings then wait until they have ended.
        make: makes the inner gateway of each start, given what `Gateway` takes.

    Attributes:
        inherited: in a forked child, the parent's inner gateway.
        port: the port that it listens on, or listened on last; 0 before the first start with a free one.

    """

    def __init__(
        self,
        settings: Settings,
        directory: Callable[[], Path] | None = None,
        *,
        managed: bool = False,
        make: Callable[..., Gateway] = Gateway,
    ) -> None:
        comparison = comparisons.Comparison(companion, settings) if companion is not None else None
        super().__init__(settings.journal_limit, managed=managed, comparison=comparison)
        self.settings: Settings = settings
        self.port: int = settings.port
        self.inherited: Gateway | None = None
        self._make = make
        self._serial = next(_serials)
        self._lifecycle = threads.RLock()
        """Held while it is started, stopped or emptied, which a fault's predicate may do in a thread of the server."""
        self._emptied = False
        """Whether a reset while it was stopped has yet to reach the file."""
        self._file = PersistenceFile(settings.persistence_file, directory)

    # Where it is

    @property
    def scheme(self) -> str:
        """``http``, or ``https`` where TLS is asked for."""
        return self.inner.scheme if self.inner is not None else "http"

    @property
    def host(self) -> str:
        """The address to connect to; never a name, and never one that means all addresses."""
        host = self.settings.host
        return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)

    @property
    def netloc(self) -> str:
        """Host and port as a URL has them."""
        return join_host_port(self.host, self.port)

    @property
    def prefix(self) -> str:
        """The route prefix: empty, or with a slash before it and none after it."""
        return self.inner.prefix if self.inner is not None else ""

    @property
    def url(self) -> str:
        """The URL with scheme and route prefix."""
        return f"{self.scheme}://{self.netloc}{self.prefix}"

    @property
    def demands_certificate(self) -> bool:
        """Whether a client needs a certificate to connect."""
        return self.inner is not None and self.inner.demands_certificate

    @property
    def client(self) -> Client:
        """Sends requests for the test itself."""
        return Client(self.host, self.port, self.scheme == "https", self.settings.basic_auth)

    # Other addresses by which it is reached

    def intercept(self, addresses: tuple[Address, ...]) -> Interception:
        """Have connections of this process to these addresses reach this gateway."""
        if self.interceptions is None:
            tls = self.settings.tls
            ca_file = tls[2] if isinstance(tls, tuple) and len(tls) == 3 else None
            self.interceptions = interception.Interceptions(
                interception.Receiver(self._place, self._close_from, ca_file)
            )
        made = self.interceptions.add(addresses)
        if self.inner is not None:
            self.inner.answer_to(self.interceptions.hosts)
        return made

    def _place(self) -> tuple[str, int]:
        return (self.inner.host if self.inner is not None else self.host), self.port

    def _close_from(self, ports: Collection[int]) -> None:
        if self.running and self.inner is not None:
            self.inner.close_connections_from(ports)

    # What it holds

    @property
    def has_store(self) -> bool:
        """Whether it was ever started, and holds anything that can be read."""
        return self.inner is not None

    @property
    def store(self) -> Store:
        """The store of the last start.

        Raises:
            RuntimeError: it was never started, or it is the gateway of the process that this one was forked from.

        """
        if self.inner is None:
            if self.inherited is not None:
                raise RuntimeError(
                    "the gateway runs in the process that this one was forked from: only there is it read"
                )
            raise RuntimeError("the gateway was never started: call start(), or use it in a with statement")
        return self.inner.store

    # Its life

    def start(self) -> None:
        """Start it on the port that it had before, unless it is running.

        Raises:
            OSError: the port is taken.

        """
        if not self.running:
            threads.uninterrupted(self._start_unless_running)

    def _start_unless_running(self) -> None:
        with self._lifecycle:
            if not self.running:
                self._start()

    def _start(self) -> None:
        inner = self._make(
            self._inner_settings(),
            clock=self.clock,
            observer=self._observe,
            hook=self._hook,
            log=self._write_log,
            recent_requests=self._recent,
            note=lambda: self.page_note,
            on_listening=(lambda inner: inner.reset()) if self._emptied else None,
            around=self._comparison.around if self._comparison is not None else None,
            announces_waits=True,
        )
        if self.inner is not None:
            inner.errors = self.inner.errors  # what its threads raised the test has yet to hear
        with self._compared():
            inner.start(refusing=self._faults is not None and self._faults._refusing)
        if self.interceptions is not None:
            inner.answer_to(self.interceptions.hosts)
        self.inner = inner
        self.port = inner.port
        self._running = True
        self._emptied = False
        if self._faults is None or not self._faults._refusing:
            kept = tuple(inner.store.groups()) if self._file.path is not None else ()
            self._note_change(reachable=True, groups=kept)
        if not self.began:
            self.mark_beginning()
        _started.add(self)

    def _has_failed(self) -> bool:
        """Return whether it is started and serves nobody: something has closed its descriptors or ended its threads."""
        refusing = self._faults is not None and self._faults._refusing
        return (
            self._running and not refusing and self.inner is not None and not (self.inner.serving or self.inner.stopped)
        )

    def revive(self) -> bool:
        """Start a gateway that has failed again, empty, on the same port or, where that is taken, on another.

        Returns:
            Whether it had failed.

        Raises:
            OSError: the port that was asked for is taken.

        """
        if not self._has_failed():
            return False
        threads.uninterrupted(self._start_what_failed)
        return True

    def _start_what_failed(self) -> None:
        with self._lifecycle:
            failed, self._running = self.inner, False
            self.lift_faults()
            if failed is not None:
                lost = failed.has_lost_file
                failed.crash()
                if lost:
                    self._file.set_aside()
            self._emptied = True
            try:
                self._start()
            except OSError:
                if self.settings.port:
                    raise
                self.port = 0
                self._start()

    def make_ready(self) -> None:
        """Start it unless it is running, with the real clock: a test begins."""
        self.clock.resume()
        self.start()

    def stop(self) -> None:
        """Stop it, and lift its faults, unless it is stopped."""
        threads.uninterrupted(self._stop_unless_stopped)

    def _stop_unless_stopped(self) -> None:
        with self._lifecycle:
            if self.running and self.inner is not None:
                self._running = False
                self.lift_faults()
                self.inner.stop()
                self._note_change(reachable=False)
                if self._comparison is not None:
                    self._comparison.end()

    def restart(self) -> None:
        """Stop it in an orderly way and start it on the same port; the metrics come back from the file.

        The predicate of a fault may call it: the request that it was asked about is cut off like all others, and where
        something else has stopped the gateway meanwhile, nothing happens.

        Raises:
            RuntimeError: pyfakefs is at work.

        """
        self._again(lambda inner: inner.stop())

    def crash(self) -> None:
        """End it as a kill does, without a last write, and start it on the same port, as :meth:`restart` does."""
        self._again(lambda inner: inner.crash())

    def reset(self) -> None:
        """Empty gateway, log and journal, and lift all faults, without touching a client's connection.

        A request that was sent before, even if it is under way or was not read yet, is answered as by an empty gateway
        and shows nowhere; one that waits for a fault has its connection closed.
        """
        with self._lifecycle:
            stopped = not self.running
            self.before_reset()
            with self._compared(), self.journal.condition:
                journalled = self.journal.clear()
                if self.inner is not None:
                    self._emptied = stopped
                    self.inner.reset(journalled)
                self.moves.clear()
                self.log.clear()
                if stopped:
                    self._note_change(reachable=False)

    def leave(self) -> None:
        """Stop it: the ``with`` statement that started it ends."""
        self.stop()

    def end(self) -> None:
        """Stop the gateway, whatever fails, and remove its temporary file."""
        try:
            if self.interceptions is not None:
                self.interceptions.end()
            self.stop()
        finally:
            self._file.remove()

    def forget_after_fork(self) -> None:
        """In a forked child: forget the parent's gateway, whose sockets the server has closed here."""
        self._running = False
        self.journal: Journal = Journal(self.settings.journal_limit)
        self._faults = None
        self.interceptions = None  # the child's connections reach the parent, as those to its own address do
        self._file.forget()
        self._lifecycle = threads.RLock()
        self.inherited = self.inner  # kept from the collector: its database belongs to the parent
        self.inner = None

    def end_test(self) -> None:
        """End its faults, release the requests that wait in them, and let its clock run."""
        self.lift_faults()
        self.clock.resume()

    def closed(self) -> str | None:
        """Return why no connection reaches the gateway now, and what to do; None where one would."""
        if not self.running:
            if self.inner is not None:
                return "it is stopped; call start() to have it back"
            if self.inherited is None:
                return "it was never started; call start(), or use it in a with statement"
            return None  # a forked child's requests reach the gateway of its parent
        if self._faults is not None and self._faults._refusing:
            return "the fault refuse() is active; remove() it, or end its with statement"
        return None

    def persistence_file(self) -> str:
        """Return the path of the file that keeps the metrics; a temporary one is made where no option names one."""
        return self._file.path or threads.uninterrupted(self._make_persistence_file)

    def _make_persistence_file(self) -> str:
        with self._lifecycle:
            if self._file.path is None and self.running and self.inner is not None:
                self.inner.persist(self._file.make())
            return self._file.make()

    def _again(self, end: Callable[[Gateway], None]) -> None:
        threads.uninterrupted(lambda: self._end_and_start(end))

    def _end_and_start(self, end: Callable[[Gateway], None]) -> None:
        with self._lifecycle:
            request = self._asking.get(genuine.thread_number())
            if request is not None and not (self.running and self._is_current(request)):
                return
            refuse_fake_files()
            self.persistence_file()
            if self.running and self.inner is not None:
                self._running = False
                end(self.inner)
                self._note_change(reachable=False)
            self.start()

    def _inner_settings(self) -> Settings:
        options = {**options_of(self.settings), "port": self.port, "persistence_file": self._file.path}
        return Settings(sources=dict.fromkeys(options, "Pushgateway"), **options)


def started() -> list[LocalGateway]:
    """Return all gateways of this process that were ever started and are still referred to, the oldest first."""
    return sorted(_started, key=lambda gateway: gateway._serial)


@atexit.register
def _end_all() -> None:
    for gateway in started():
        with suppress(Exception):
            gateway.end()


def _forget_all_after_fork() -> None:
    # The child has copies of the sockets: unless it closes them, clients still connect after the parent stopped. The
    # server's own hook does that, and before this one: hooks run in the order in which their modules were imported.
    for gateway in started():
        gateway.forget_after_fork()
    _started.clear()


call_in_child(_forget_all_after_fork)
