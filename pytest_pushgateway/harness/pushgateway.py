"""`Pushgateway`: a gateway with a journal, a clock, faults and assertions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from pytest_pushgateway.gateway.gateway import Gateway
from pytest_pushgateway.harness import registry as life
from pytest_pushgateway.harness.assertions import Asserting
from pytest_pushgateway.harness.client import Client
from pytest_pushgateway.harness.clock import Clock
from pytest_pushgateway.harness.journal.journal import Journal
from pytest_pushgateway.harness.journal.requests import Push, Request
from pytest_pushgateway.harness.sending import Sending
from pytest_pushgateway.harness.supervisor import Keeper, running_test
from pytest_pushgateway.harness.waiting import Waiting
from pytest_pushgateway.settings import Settings, options_of, resolve

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from pytest_pushgateway.gateway.app.recent_requests import RecentRequest
    from pytest_pushgateway.gateway.hooks import Plan, Record
    from pytest_pushgateway.gateway.hooks import Request as RawRequest
    from pytest_pushgateway.gateway.store.store import Store
    from pytest_pushgateway.harness.faults import Faults
    from pytest_pushgateway.harness.journal.lint import LintProblem
    from pytest_pushgateway.harness.journal.timeline import Snapshot

_ASKED_BY_THE_PAGE = ("state", "static")
"""Handlers that the journal leaves out: an open page asks every second and would push what was pushed out of it."""


class MakePushgateway(Protocol):
    """The type of the fixture ``make_pushgateway``."""

    def __call__(self, **options: Any) -> Pushgateway:
        """Return a started gateway, stopped when the test ends."""


class Pushgateway(Asserting, Waiting, Sending):
    """A Pushgateway in this process, with everything a test wants to know of it.

    Also usable without pytest, as a context manager that starts and stops it::

        with Pushgateway() as gateway:
            push_to_gateway(gateway.address, job="backup", registry=registry)
            gateway.assert_exposed("backup_bytes", 1024)

    Options are those of `Settings`.

    Raises:
        SettingsError: an option is unknown or has a value it cannot have.

    """

    def __init__(self, **options: Any) -> None:
        self.settings: Settings = resolve([("Pushgateway()", options)])
        self.clock: Clock = Clock()
        self._faults: Faults | None = None
        self._journal = Journal(self.settings.journal_limit)
        self._moves: list[tuple[int, float]] = []
        self.clock._moved = lambda at: self._moves.append((self._journal.sequence, at))
        self._log: deque[str] = deque(maxlen=200)
        self._gateway: Gateway | None = None
        self._port = self.settings.port
        self._running = False
        self._emptied = False
        """Whether a reset while it was stopped has yet to reach the file."""
        self._directory: Callable[[], Path] = _temporary_directory
        self._remove_temporary: Callable[[], object] | None = None
        self._persistence_file = self.settings.persistence_file
        self._keeper = Keeper(self)

    def __repr__(self) -> str:
        if not self.running:
            return "<Pushgateway stopped>"
        from pytest_pushgateway.harness.messages.failures import count

        return f"<Pushgateway {self.url}: {count(len(self.groups), 'group')}, {count(len(self.pushes), 'push')}>"

    # Where it is

    @property
    def url(self) -> str:
        """The URL with scheme and route prefix, such as ``http://127.0.0.1:43121``."""
        return f"{self.scheme}://{self._netloc}{self._prefix}"

    @property
    def address(self) -> str:
        """What ``push_to_gateway()`` takes: host, port and route prefix; the whole URL under TLS."""
        return self.url if self.scheme == "https" else f"{self._netloc}{self._prefix}"

    @property
    def scheme(self) -> str:
        """``http``, or ``https`` where TLS is asked for."""
        return self._gateway.scheme if self._gateway is not None else "http"

    @property
    def host(self) -> str:
        """The address to connect to; never a name, and never one that means all addresses."""
        host = self.settings.host
        return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)

    @property
    def port(self) -> int:
        """The port that it listens on, or listened on last; 0 before the first start with a free one."""
        return self._port

    @property
    def persistence_file(self) -> str:
        """The path of the file that keeps the metrics; a temporary one is made where no option names one."""
        return self._ensure_persistence()

    @property
    def ca_file(self) -> str | None:
        """The path of what a client must trust under TLS, the CA or else the certificate; None where it is unknown."""
        tls = self.settings.tls
        return tls[-1] if isinstance(tls, tuple) and len(tls) == 3 else tls[0] if isinstance(tls, tuple) else None

    @property
    def running(self) -> bool:
        """Tell whether the gateway is started; one that ``/-/quit`` ended is not."""
        if self._running and self._gateway is not None and self._gateway.stopped:
            self._running = False
            self._gateway.wait_for_end()
            self._lift_faults()
        return self._running

    # What happened

    @property
    def faults(self) -> Faults:
        """What a gateway that is slow, broken or gone does to its clients."""
        with self._journal.condition:
            if self._faults is None:
                from pytest_pushgateway.harness.faults import Faults

                self._faults = Faults(self._release, self._refuse)
            return self._faults

    @property
    def pushes(self) -> list[Push]:
        """All pushes of this test, rejected ones and those that met a fault too."""
        return self._journal.pushes()

    @property
    def requests(self) -> list[Request]:
        """All requests of this test, scrapes and deletions too."""
        return self._journal.requests()

    def timeline(self) -> list[Snapshot]:
        """Return what a scrape would have shown since when: Unix time by the gateway's clock, and the text.

        It begins with the first push of this test, or when the clock was frozen before; the last entry is the present.
        While the gateway was poisoned there is None in the place of the text. That it was stopped does not show.
        """
        from pytest_pushgateway.harness.journal.timeline import timeline

        return timeline(self.requests, self._moves, self.clock(), check=self.settings.consistency_check)

    def lint(self) -> list[LintProblem]:
        """Return what could be better in what the application pushed in this test, each problem once.

        Promlint's rules, as ``promtool check metrics`` has them, and the push's own: an instance in the grouping key,
        counters that go down, names that Prometheus uses itself, labels that the grouping key overwrites, and label
        values that grow with every push.
        """
        from pytest_pushgateway.harness.journal.lint import lint

        return lint(self._journal.requests())

    # Its life

    def start(self) -> Pushgateway:
        """Start the gateway, on the port that it had before; running already, do nothing.

        Raises:
            OSError: the port is taken.

        """
        if not self.running:
            gateway = Gateway(
                self._gateway_settings(),
                clock=self.clock,
                observer=self._observe,
                hook=self._hook,
                log=self._write_log,
                recent_requests=self._recent,
                note=lambda: self._keeper.page_note,
                on_listening=(lambda inner: inner.store.reset()) if self._emptied else None,
            )
            if self._gateway is not None:
                gateway.errors = self._gateway.errors  # what its threads raised the test has yet to hear
            gateway.start(refusing=self._faults is not None and self._faults._refusing)
            self._gateway = gateway
            self._port = gateway.port
            self._running = True
            self._emptied = False
            life.register(self)
        return self

    def stop(self) -> None:
        """Stop the gateway: its port is closed, its connections are, and its metrics go unless a file keeps them.

        What it held last can still be read. Stopped already, this does nothing.

        Raises:
            Exception: what a thread of the gateway, or a fault's predicate, had raised.

        """
        if self.running and self._gateway is not None:
            self._running = False
            self._lift_faults()
            self._gateway.stop()
        self._keeper.speak_up()

    def restart(self) -> None:
        """Stop the gateway in an orderly way and start it on the same port; the metrics come back from the file."""
        self._ensure_persistence()
        self._again(lambda gateway: gateway.stop())

    def crash(self) -> None:
        """End the gateway as a kill does, without a last write, and start it on the same port."""
        self._ensure_persistence()
        self._again(lambda gateway: gateway.crash())

    def reset(self) -> None:
        """Empty gateway and journal and lift all faults; a request that is under way shows in neither any more."""
        stopped = not self.running
        self._lift_faults()
        self._keeper.speak_up()
        self._log.clear()
        with self._journal.condition:
            if self._gateway is not None:
                self._emptied = stopped
                self._gateway.reset()
            self._journal.clear()
            self._moves.clear()

    def __enter__(self) -> Pushgateway:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            self._keeper.end()

    # How it is done

    @property
    def _store(self) -> Store:
        if self._gateway is None:
            if self._keeper.inherited is not None:
                raise RuntimeError(
                    "the gateway runs in the process that this one was forked from: only there is it read"
                )
            raise RuntimeError("the gateway was never started: call start(), or use it in a with statement")
        return self._gateway.store

    @property
    def _netloc(self) -> str:
        return f"[{self.host}]:{self._port}" if ":" in self.host else f"{self.host}:{self._port}"

    @property
    def _prefix(self) -> str:
        return self._gateway.prefix if self._gateway is not None else ""

    @property
    def _client(self) -> Client:
        return Client(self.host, self._port, self.scheme == "https", self.settings.basic_auth)

    def _closed(self) -> str | None:
        if not self.running:
            if self._gateway is not None:
                return "it is stopped; call start() to have it back"
            if self._keeper.inherited is None:
                return "it was never started; call start(), or use it in a with statement"
            return None  # a forked child's requests reach the gateway of its parent
        if self._faults is not None and self._faults._refusing:
            return "the fault refuse() is active; remove() it, or end its with statement"
        return None

    def _observe(self, record: Record) -> None:
        if record.request.handler in _ASKED_BY_THE_PAGE:
            return
        test = running_test()
        with self._journal.condition:
            if self._gateway is None or record.request.generation == self._gateway.store.generation:
                self._journal.add(record, test)

    def _hook(self, request: RawRequest) -> Plan | None:
        if not self._faults or self._journal.is_own(request):
            return None
        return self._faults._plan(request)

    def _write_log(self, level: str, message: str, **fields: object) -> None:
        self._log.append(" ".join([level, message, *(f"{name}={value!r}" for name, value in fields.items())]))

    def _lift_faults(self) -> None:
        if self._faults is not None:
            self._faults.clear()

    def _recent(self) -> list[RecentRequest]:
        from pytest_pushgateway.gateway.app.recent_requests import LIMIT

        latest = [entry for entry in self.requests if entry.kind != "other"][-LIMIT:]
        return [entry._in_short() for entry in latest]

    def _release(self, fault: object) -> None:
        if self._gateway is not None:
            self._gateway.release(fault)

    def _refuse(self, refused: bool) -> None:
        if self._gateway is None or not self.running:
            if refused:
                raise RuntimeError("a gateway that is stopped refuses connections already")
        elif refused:
            self._gateway.refuse()
        else:
            self._gateway.unrefuse()

    def _again(self, end: Callable[[Gateway], None]) -> None:
        if self.running and self._gateway is not None:
            self._running = False
            end(self._gateway)
        self.start()

    def _gateway_settings(self) -> Settings:
        options = {**options_of(self.settings), "port": self._port, "persistence_file": self._persistence_file}
        return Settings(sources=dict.fromkeys(options, "Pushgateway"), **options)

    def _ensure_persistence(self) -> str:
        if self._persistence_file is None:
            directory = self._directory()
            self._remove_temporary = life.remove_with(self, directory)
            self._persistence_file = str(directory / "pushgateway.sqlite")
            if self.running and self._gateway is not None:
                self._gateway.persist(self._persistence_file)
        return self._persistence_file


def _temporary_directory() -> Path:
    import tempfile
    from pathlib import Path

    return Path(tempfile.mkdtemp(prefix="pushgateway-"))
