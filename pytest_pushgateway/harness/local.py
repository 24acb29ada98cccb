"""The gateway behind a `Pushgateway` in this process, from its start to its end.

`Pushgateway` is the face that a test sees, and a `Supervisor` what fixtures see. Behind both is a `LocalGateway`: the
inner gateway that serves, and what surrounds it for longer than one start: journal, clock, faults, port and file.
"""

from __future__ import annotations

import atexit
import itertools
import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from weakref import WeakSet

from pytest_pushgateway import threads
from pytest_pushgateway.forks import call_in_child
from pytest_pushgateway.gateway.app.recent_requests import LIMIT
from pytest_pushgateway.gateway.gateway import Gateway
from pytest_pushgateway.gateway.log import PERSISTED
from pytest_pushgateway.genuine import genuine, refuse_fake_files
from pytest_pushgateway.golang.url import join_host_port
from pytest_pushgateway.harness.clock import Clock
from pytest_pushgateway.harness.faults.faults import Faults
from pytest_pushgateway.harness.journal.journal import Journal
from pytest_pushgateway.harness.sending import Client
from pytest_pushgateway.later import later
from pytest_pushgateway.monotonic import monotonic
from pytest_pushgateway.settings import Settings, options_of

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_pushgateway.gateway.app.recent_requests import RecentRequest
    from pytest_pushgateway.gateway.groups import StoredGroup
    from pytest_pushgateway.gateway.hooks import Plan, RawRequest, Record
    from pytest_pushgateway.gateway.store.store import Store
    from pytest_pushgateway.harness.faults.faults import Faults
    from pytest_pushgateway.harness.messages.report import Finding
    from pytest_pushgateway.interception.addresses import Address
    from pytest_pushgateway.interception.interception import Interception, Interceptions
    from pytest_pushgateway.original.comparison import Companion

if TYPE_CHECKING:
    from pytest_pushgateway.interception import interception
    from pytest_pushgateway.original import comparison as comparisons
else:
    comparisons = later("pytest_pushgateway.original.comparison")
    interception = later("pytest_pushgateway.interception.interception")

_ASKED_BY_THE_PAGE = ("state", "static")
"""Handlers that the journal leaves out: an open page asks every second and would push what was pushed out of it."""
_OF_THE_RUN = ("pushgateway", "pytest_timeout")
"""How the names of threads begin that push nothing."""
companion: Companion | None = None
"""The original to compare the gateways of this process with, if a run asks for that."""
_serials = itertools.count(1)
_started: weakref.WeakSet[LocalGateway] = weakref.WeakSet()


class LocalGateway:
    """A gateway in this process that can be started more than once.

    Args:
        settings: its options.
        directory: makes the directory of its temporary persistence file.
        managed: whether fixtures look after it: its warnings then wait until they have ended.
        make: makes the inner gateway of each start, given what `Gateway` takes.

    Attributes:
        inner: the gateway that was started last, if any; its store can still be read when it is stopped.
        inherited: in a forked child, the parent's inner gateway.
        test: the node id of the test that began last.
        journal: the requests since the last reset.
        moves: for each time that the clock was set, the journal's sequence at that moment and the new time.
        log: the latest lines of the gateway's log: level, message and fields of each.
        port: the port that it listens on, or listened on last; 0 before the first start with a free one.
        made_in: the node id of the test that made it.
        interceptions: the addresses whose connections reach it, once it was asked to intercept any.
        page_note: a line that the web page shows at its top, if any.
        left_running: the threads and processes that ran already when the current test began, by name; None if no test
            came before it.
        heard: the journal's sequence up to which warnings were made.
        due: warnings that were made and wait for the test's end.
        threads: those that ran when the current test began.
        began: when that was, as `monotonic` gives it.

    """

    def __init__(
        self,
        settings: Settings,
        directory: Callable[[], Path] | None = None,
        *,
        managed: bool = False,
        make: Callable[..., Gateway] = Gateway,
    ) -> None:
        self.settings: Settings = settings
        self._make = make
        self.managed: bool = managed
        self.test: str = running_test()
        self.made_in: str = self.test
        self.page_note: str | None = None
        self.left_running: list[str] | None = None
        self.heard: int = 0
        self.due: list[Finding] = []
        self.journal: Journal = Journal(settings.journal_limit)
        self.moves: list[tuple[int, float]] = []
        self.clock: Clock = Clock(lambda at: self.moves.append((self.journal.sequence, at)))
        self.log: deque[tuple[str, str, dict[str, object]]] = deque(maxlen=200)
        self.port: int = settings.port
        self.inner: Gateway | None = None
        self.inherited: Gateway | None = None
        self.threads: WeakSet[threading.Thread] = WeakSet()
        self.began: float = 0.0
        self._serial = next(_serials)
        self._tests = 0
        self._lifecycle = threads.RLock()
        """Held while it is started, stopped or emptied, which a fault's predicate may do in a thread of the server."""
        self._asking: dict[int, RawRequest] = {}
        """The requests about which faults are asked, by the thread that does it."""
        self._comparison = comparisons.Comparison(companion, settings) if companion is not None else None
        self._faults: Faults | None = None
        self.interceptions: Interceptions | None = None
        self._running = False
        self._emptied = False
        """Whether a reset while it was stopped has yet to reach the file."""
        self._directory = directory or _temporary_directory
        self._remove_temporary: Callable[[], object] | None = None
        self._persistence_file = settings.persistence_file

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

    @property
    def faults(self) -> Faults:
        """Its faults, made when they are first asked for."""
        with self.journal.condition:
            if self._faults is None:
                self._faults = Faults(self._release, self._refuse, self._is_current)
            return self._faults

    @property
    def asked_faults(self) -> Faults | None:
        """Its faults, or None if nobody has asked for them yet."""
        return self._faults

    @property
    def errors(self) -> list[list[BaseException]]:
        """The lists into which threads of the gateway and predicates of faults put what they raised."""
        faults, inner = self._faults, self.inner
        found = [*([faults._errors] if faults is not None else []), *([inner.errors] if inner is not None else [])]
        return found if self._comparison is None else [*found, self._comparison.differences]

    # Its life

    @property
    def running(self) -> bool:
        """Whether it is started; one that ``/-/quit`` ended is not."""
        if self._running and self.inner is not None and self.inner.stopped:
            self._running = False
            self.inner.wait_for_end()
            self.lift_faults()
        return self._running

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
            kept = tuple(inner.store.groups()) if self._persistence_file is not None else ()
            self._note_change(reachable=True, groups=kept)
        if not self.began:
            self.mark_beginning()
        _started.add(self)

    @contextmanager
    def _compared(self) -> Iterator[None]:
        """Change what it holds, while no request is compared; the original then gets the same."""
        if self._comparison is None:
            yield
            return
        with self._comparison.lock:
            yield
            self._comparison.synchronise()

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
                if lost and self._persistence_file is not None:
                    _set_aside(self._persistence_file)
            self._emptied = True
            try:
                self._start()
            except OSError:
                if self.settings.port:
                    raise
                self.port = 0
                self._start()

    def mark_beginning(self) -> None:
        """Note that a test begins: what runs now was not begun by it."""
        self.threads = WeakSet(threading.enumerate())
        self.began = monotonic()

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
                if self.inner is not None:
                    self._emptied = stopped
                    self.inner.reset()
                self.journal.clear()
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
            if self._remove_temporary is not None:
                self._remove_temporary()
                self._remove_temporary = None
                self._persistence_file = self.settings.persistence_file

    def forget_after_fork(self) -> None:
        """In a forked child: forget the parent's gateway, whose sockets the server has closed here."""
        self._running = False
        self.journal = Journal(self.settings.journal_limit)
        self._faults = None
        self.interceptions = None  # the child's connections reach the parent, as those to its own address do
        self._remove_temporary = None
        self._persistence_file = self.settings.persistence_file
        self._lifecycle = threads.RLock()
        self.inherited = self.inner  # kept from the collector: its database belongs to the parent
        self.inner = None

    def lift_faults(self) -> None:
        """End all faults and release the requests that wait in them."""
        if self._faults is not None:
            self._faults.clear()

    def begin_test(self, test: str) -> None:
        """Note that a test, named by its node id, begins: what came until now was not of it."""
        self.test = test
        self.log.clear()
        self.journal.begin_test()
        self.mark_beginning()

    def note_test(self) -> None:
        """Note that a test begins, and what tests before it have left running."""
        self._tests += 1
        if self.interceptions is not None:
            self.interceptions.begin_test()
        self.mark_beginning()
        self.left_running = running_meanwhile() if self._tests > 1 else None

    def end_test(self) -> None:
        """End its faults, release the requests that wait in them, and let its clock run."""
        self.lift_faults()
        self.clock.resume()

    def before_reset(self) -> None:
        """End all faults; the requests that wait in them wait on, until a reset or a stop."""
        if self._faults is not None:
            self._faults._end_all()

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
        return self._persistence_file or threads.uninterrupted(self._make_persistence_file)

    def _make_persistence_file(self) -> str:
        with self._lifecycle:
            if self._persistence_file is None:
                refuse_fake_files()
                directory = self._directory()
                # At the end of this process, or when nobody refers to the gateway any more. Called once only: another
                # gateway may be given a directory of the same name.
                self._remove_temporary = weakref.finalize(self, _remove, directory, os.getpid())
                self._persistence_file = str(directory / "pushgateway.sqlite")
                if self.running and self.inner is not None:
                    self.inner.persist(self._persistence_file)
            return self._persistence_file

    # What the inner gateway calls

    def _observe(self, record: Record) -> None:
        if self._comparison is not None:
            self._comparison.observe(record)
        if record.request.handler in _ASKED_BY_THE_PAGE:
            return
        test = running_test() or self.test  # it may have emptied the environment
        with self.journal.condition:
            if self._is_current(record.request):
                self.journal.add(record, test)

    def _is_current(self, request: RawRequest) -> bool:
        """Return whether a request arrived after the last reset."""
        return self.inner is None or request.generation == self.inner.store.generation

    def _hook(self, request: RawRequest) -> Plan | None:
        plan = self._plan(request)
        if self._comparison is not None:
            self._comparison.begin(request, plan)
        return plan

    def _plan(self, request: RawRequest) -> Plan | None:
        if not self._faults or self.journal.is_own(request):
            return None
        thread = genuine.thread_number()
        self._asking[thread] = request
        try:
            return self._faults._plan(request)
        finally:
            del self._asking[thread]

    def _write_log(self, level: str, message: str, **fields: object) -> None:
        if message != PERSISTED:  # with every push, and nothing to a test
            self.log.append((level, message, fields))

    def _recent(self) -> list[RecentRequest]:
        latest = [entry for entry in self.journal.requests() if entry.kind != "other"][-LIMIT:]
        return [entry._in_short() for entry in latest]

    # What its faults call

    def _release(self, fault: object) -> None:
        if self.inner is not None:
            self.inner.release(fault)

    def _refuse(self, refused: bool) -> None:
        if self.inner is None or not self.running:
            if refused:
                raise RuntimeError("a stopped gateway already refuses connections")
            return
        if refused:
            self.inner.refuse()
        else:
            self.inner.unrefuse()
        self._note_change(reachable=not refused)

    def _note_change(self, *, reachable: bool, groups: tuple[StoredGroup, ...] | None = None) -> None:
        self.journal.note_change(self.clock(), len(self.moves), reachable=reachable, groups=groups)

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
        options = {**options_of(self.settings), "port": self.port, "persistence_file": self._persistence_file}
        return Settings(sources=dict.fromkeys(options, "Pushgateway"), **options)


def started() -> list[LocalGateway]:
    """Return all gateways of this process that were ever started and are still referred to, the oldest first."""
    return sorted(_started, key=lambda gateway: gateway._serial)


def running_meanwhile() -> list[str]:
    """Return the names of threads and child processes that are not ours, nor those that run the tests."""
    runners = (threading.main_thread(), threading.current_thread())
    names = [thread.name for thread in threading.enumerate() if thread not in runners]
    multiprocessing = sys.modules.get("multiprocessing")
    if multiprocessing is not None:
        names += [child.name for child in multiprocessing.active_children()]
    return [name for name in names if not name.startswith(_OF_THE_RUN)]


def running_test() -> str:
    """Return the node id of the test that pytest runs, or an empty string."""
    try:
        # Not with get(), which tests mock.
        return genuine.environ["PYTEST_CURRENT_TEST"].rpartition(" (")[0]
    except KeyError:
        return ""


def _temporary_directory() -> Path:
    import tempfile
    from pathlib import Path

    return Path(tempfile.mkdtemp(prefix="pushgateway-"))


def _set_aside(file: str) -> None:
    """Move a file aside that SQLite believes to have open; removed, it could hand its number to the next one."""
    from pathlib import Path

    from pytest_pushgateway.gateway.persistence.files import set_aside

    set_aside(Path(file))


def _remove(directory: Path, process: int) -> None:
    if os.getpid() == process:  # in a forked child it is still the parent's
        import shutil

        shutil.rmtree(directory, ignore_errors=True)


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
