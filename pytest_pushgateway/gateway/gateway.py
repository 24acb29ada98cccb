"""A gateway: store, persistence, application and server, started and stopped together."""

from __future__ import annotations

import _socket as socket  # what nobody replaces
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack

from pytest_pushgateway import threads
from pytest_pushgateway.gateway.app.access.browsers import own_hosts
from pytest_pushgateway.gateway.app.application import App
from pytest_pushgateway.gateway.app.parts import Access
from pytest_pushgateway.gateway.app.routes import Router, route_prefix
from pytest_pushgateway.gateway.build_info import INFORMATION
from pytest_pushgateway.gateway.builds import RELEASE, Build
from pytest_pushgateway.gateway.http.listeners import Binding, listen, open_listeners, split_address
from pytest_pushgateway.gateway.http.server import Server
from pytest_pushgateway.gateway.log import Log, silent
from pytest_pushgateway.gateway.store.self_metrics import SelfMetrics
from pytest_pushgateway.gateway.store.store import Store
from pytest_pushgateway.genuine import refuse_fake_files
from pytest_pushgateway.golang.url import external_path, join_host_port
from pytest_pushgateway.later import later
from pytest_pushgateway.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Any

    from pytest_pushgateway.gateway.app import json_api, original_flags, page
    from pytest_pushgateway.gateway.app import recent_requests as recent
    from pytest_pushgateway.gateway.app.access import basic_auth
    from pytest_pushgateway.gateway.app.json_api import JsonApi
    from pytest_pushgateway.gateway.app.page import changes as page_changes
    from pytest_pushgateway.gateway.app.page import state as page_state
    from pytest_pushgateway.gateway.app.page.changes import Changes
    from pytest_pushgateway.gateway.app.recent_requests import Recent, RecentRequest
    from pytest_pushgateway.gateway.hooks import Hook, Observer, Record
    from pytest_pushgateway.gateway.http.head import Head
    from pytest_pushgateway.gateway.http.host import Answer, Application
    from pytest_pushgateway.gateway.persistence.persistence import Persistence
else:
    json_api = later("pytest_pushgateway.gateway.app.json_api")
    page = later("pytest_pushgateway.gateway.app.page")
    page_changes = later("pytest_pushgateway.gateway.app.page.changes")
    page_state = later("pytest_pushgateway.gateway.app.page.state")
    basic_auth = later("pytest_pushgateway.gateway.app.access.basic_auth")
    original_flags = later("pytest_pushgateway.gateway.app.original_flags")
    recent = later("pytest_pushgateway.gateway.app.recent_requests")


_QUIT_GRACE = 0.5
"""Seconds that requests under way have to end after ``/-/quit``."""


class Gateway:
    """One run of a Pushgateway: made, started once, stopped once.

    Args:
        settings: its options.
        clock: Unix seconds; for all dates that are stored or sent. Waits never follow it.
        observer: called with the record of each request before its answer leaves.
        hook: called with each request before it takes effect; may return a plan.
        log: called as ``log(level, message, **fields)``.
        listen: addresses as ``--web.listen-address`` takes them; the settings' host and port if None.
        sockets: sockets that listen already, in place of addresses.
        recent_requests: gives the web page the latest requests, oldest first; the gateway's own note of them if None.
        note: gives the web page a line to show at its top.
        synchronous: SQLite's pragma for the persistence file.
        persistence_required: answer 503 to a push or deletion that the file cannot keep, and change nothing.
        on_listening: called when the addresses are bound, before the first connection is accepted.
        on_quit: called in place of a stop when ``/-/quit`` asks for one.
        around: returns an application that serves in place of the gateway's, and may ask it.
        announces_waits: hook and observer call ``threads.about_to_wait()`` before anything that may take long.

    Raises:
        ValueError: options that contradict each other or cannot be understood.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        observer: Observer | None = None,
        hook: Hook | None = None,
        log: Log = silent,
        listen: Sequence[str] | None = None,
        sockets: Sequence[socket.socket] | None = None,
        recent_requests: Callable[[], Sequence[RecentRequest]] | None = None,
        note: Callable[[], str | None] = lambda: None,
        synchronous: str = "OFF",
        persistence_required: bool = False,
        on_listening: Callable[[Gateway], None] | None = None,
        on_quit: Callable[[], None] | None = None,
        build: Build = RELEASE,
        around: Callable[[App], Application] | None = None,
        announces_waits: bool = False,
    ) -> None:
        self.settings = settings
        self.errors: list[BaseException] = []
        """Exceptions that no request should have caused."""
        self.prefix: str = route_prefix(settings.route_prefix, external_path(settings.external_url))
        """The route prefix: empty, or with a leading slash."""
        self._asked = [join_host_port(settings.host, settings.port)] if listen is None else list(listen)
        self._listen = [split_address(address) for address in self._asked]
        self._sockets = list(sockets or ())
        self._router = Router(
            self.prefix,
            settings.telemetry_path,
            enable_admin_api=settings.enable_admin_api,
            utf8_names=settings.utf8_names,
            build=build,
        )
        self._build = build
        self.flags: Mapping[str, str] | None = None
        """What the API shows as command line flags; None: what the settings say."""
        self._log = log
        self._clock = clock
        self._observer = observer
        self._hook = hook
        self._recent: Recent | None = None
        """Made when there is something to note: with somebody else's note of the requests, that a push failed."""
        self._recent_requests = recent_requests
        self._note = note
        self._synchronous = synchronous
        self._persistence_required = persistence_required
        self._on_listening = on_listening
        self._on_quit = on_quit
        self._around = around
        self._announces_waits = around is None and (announces_waits or (hook is None and observer is None))
        self._access, self._tls = access_and_tls(settings, self._log)
        self._api: JsonApi | None = None
        self._changes_for_page: Changes | None = None
        self._lock = threads.Lock()
        self._stopped = False
        self._quitting = False
        self._ended = threads.Event()
        self._changes = 0
        self._persistence: Persistence | None = None
        self._listeners: list[socket.socket] = []
        """One for each address; while connections are refused they are bound only."""
        self._own_hosts: set[str] | None = None
        self._server: Server
        self.store: Store
        self.addresses: list[str] = []
        """Where it listens, as ``host:port``."""
        self.host: str = ""
        self.port: int = 0

    @property
    def scheme(self) -> str:
        """``http`` or ``https``."""
        return "http" if self._tls is None else "https"

    @property
    def demands_certificate(self) -> bool:
        """Whether a client needs a certificate to connect."""
        return self._tls is not None and self._tls().verify_mode.name == "CERT_REQUIRED"

    @property
    def user(self) -> str | None:
        """Who may ask with a password, the first of several; None if none is asked for."""
        return next(iter(self._access.users()), None) if self._access is not None else None

    @property
    def rate(self) -> tuple[float, int] | None:
        """Seconds from one request to the next, and how many may come at once; None where all may."""
        return self._access.rate if self._access is not None else None

    @property
    def stopped(self) -> bool:
        """Whether it was stopped, by its owner or by ``/-/quit``."""
        return self._stopped or self._quitting

    @property
    def serving(self) -> bool:
        """Whether it accepts connections: not while it refuses them, nor where its descriptors were taken away."""
        return bool(self.addresses) and self._server.serving

    def wait_for_end(self) -> None:
        """Wait until a stop that somebody else asked for is over."""
        self._ended.wait()

    @property
    def has_lost_file(self) -> bool:
        """Whether the descriptors of its persistence file were closed by somebody else."""
        return self._persistence is not None and not self._persistence.intact

    @property
    def revision(self) -> str:
        """Text that differs after each change to the store."""
        return f"{self.store.generation}.{self._changes}"

    @property
    def persistence_trouble(self) -> str | None:
        """Why what is stored is not all in the persistence file; None when it is, or when there is no file."""
        return None if self._persistence is None else self._persistence.failing

    # Its life

    def start(self, *, refusing: bool = False) -> None:
        """Bind, read what was persisted, and serve; if ``refusing``, hold the port and serve after :meth:`unrefuse`.

        Raises:
            OSError: an address cannot be listened on; the message names it.
            PersistenceError: the persistence file is in use or cannot be read.
        """
        settings = self.settings
        with ExitStack() as undo:  # neither the port nor the file stays taken when a later step fails
            self._listeners = self._sockets or open_listeners(self._listen, refusing=refusing)
            for one in self._listeners:
                undo.callback(one.close)
            if settings.persistence_file:
                self._persistence = self._open(settings.persistence_file)
                undo.callback(self._persistence.close)
            self_metrics = SelfMetrics(self._clock)
            self.store = Store(self_metrics=self_metrics, clock=self._clock, persistence=self._persistence)
            self._start_time = self._clock()
            app = self._application(self_metrics)
            self._server = Server(
                app if self._around is None else self._around(app),
                [] if refusing else self._listeners,
                limits=settings,
                tls=self._tls,
                generation=self.store.generation,
                clock=self._clock,
                log=self._log,
                errors=self.errors,
                held=self._listeners,
                lax_content_length=self._build.lax_content_length,
                keeps_requests=self._around is not None,
                announces_waits=self._announces_waits,
                refused=app.hear_of_refused,
            )
            undo.callback(self._server.stop)
            self.addresses = [_shown(one) for one in self._listeners]
            undo.callback(self.addresses.clear)
            self.host, self.port = self._server.host, self._server.port
            if self._on_listening is not None:
                self._on_listening(self)
            if not refusing:
                self._server.start()
            undo.pop_all()

    def _application(self, self_metrics: SelfMetrics) -> App:
        settings = self.settings
        self._own_hosts = own_hosts(
            [one.getsockname() for one in self._listeners],
            [settings.host, settings.external_url, *(host for host, _ in self._listen)],
        )
        return App(
            store=self.store,
            self_metrics=self_metrics,
            router=self._router,
            api=self._answer_api,
            page=self._page,
            quit=self._quit if settings.enable_lifecycle else None,
            log=self._log,
            clock=self._clock,
            access=self._access,
            hook=self._hook,
            observer=self._observe,
            consistency_check=settings.consistency_check,
            utf8_names=settings.utf8_names,
            max_body_size=settings.max_body_size,
            max_decoded_body_size=settings.max_decoded_body_size,
            keep_bodies=self._observer is not None or self._hook is not None,
            own_hosts=self._own_hosts,
        )

    def stop(self, grace: float = 0.0) -> None:
        """Close every connection, then write what is to be persisted; idempotent.

        Requests under way get ``grace`` seconds to end. What is stored can still be read from :attr:`store`.
        """
        self._end(grace, crash=False)

    def crash(self) -> None:
        """Stop as a kill does: without a last write to the persistence file."""
        self._end(0.0, crash=True)

    def _end(self, grace: float, *, crash: bool) -> None:
        with self._lock:
            if self._stopped or not self.addresses:
                return
            self._stopped = True
        with ExitStack() as last_to_first:  # each step is taken, whatever comes of those before it
            last_to_first.callback(self._ended.set)
            last_to_first.callback(self.store.close)
            # Only when no push can be acknowledged any more.
            if self._persistence is not None:
                end = self._persistence.crash if crash else self._persistence.close
                last_to_first.callback(end if self._persistence.intact else self._persistence.abandon)
            for one in self._listeners:
                last_to_first.callback(one.close)
            last_to_first.callback(self._server.stop, grace)

    def reset(self, besides: deque[Any] | None = None) -> None:
        """Empty the gateway without touching a client's connection.

        Whatever clients have sent by now, read or not, is answered as by an empty gateway and leaves no trace; requests
        that wait for a plan end with a closed connection. What comes later meets the empty gateway.

        Args:
            besides: objects to free together with the metrics.

        """
        self._server.begin_generation(lambda: self.store.reset(besides))
        with self._lock:
            if self._recent is not None:
                self._recent.clear()
        if self._api is not None:
            self._api.forget()
        if self._changes_for_page is not None:
            self._changes_for_page.forget()

    def persist(self, path: str) -> None:
        """Keep what is stored, and what comes, in a file from now on.

        Raises:
            PersistenceError: the file cannot be used.

        """
        self._persistence = self._open(path)
        self.store.attach(self._persistence)

    def _open(self, path: str) -> Persistence:
        refuse_fake_files()
        from pytest_pushgateway.gateway.persistence.persistence import Persistence

        return Persistence.open(
            path,
            self.settings.persistence_interval,
            synchronous=self._synchronous,
            log=self._log,
            clock=self._clock,
            required=self._persistence_required,
        )

    def release(self, owner: object = None) -> None:
        """End the waits of the plans of ``owner``, or of all plans."""
        self._server.release(owner)

    def answer_to(self, hosts: Collection[str]) -> None:
        """Answer browsers under these names too, if it listens only on the loopback interface."""
        if self._own_hosts is not None:
            self._own_hosts.update(hosts)

    def close_connections_from(self, ports: Collection[int]) -> None:
        """Close the connections that clients opened from these ports of theirs."""
        self._server.close_connections_from(ports)

    def refuse(self) -> None:
        """Refuse connections as a gateway that is down does, keeping the port."""
        bindings = [Binding.of(one) for one in self._listeners]
        self._server.pause()
        self._listeners = [binding.bind() for binding in bindings]

    def unrefuse(self) -> None:
        """Accept connections again."""
        for one in self._listeners:
            listen(one)
        self._server.resume(self._listeners)

    def _quit(self) -> None:
        if self._on_quit is not None:
            self._on_quit()
        else:
            self._quitting = True  # before the answer: anyone who has it finds the gateway stopped
            threads.Thread(lambda: self.stop(_QUIT_GRACE), "pushgateway-quit").start()

    # For the application

    def _observe(self, record: Record) -> None:
        if self._observer is not None:
            self._observer(record)
        verdict = record.verdict
        with self._lock:
            if record.request.generation != self.store.generation:
                return
            failed = verdict is not None and verdict.error is not None
            if failed or self._recent is not None or self._recent_requests is None:
                self._note_of_requests()(record)
            if verdict is not None:
                self._changes += 1

    def _note_of_requests(self) -> Recent:
        """Return the gateway's own note, made when it is first needed; the lock is held."""
        if self._recent is None:
            self._recent = recent.Recent(recent.LIMIT if self._recent_requests is None else 0)
        return self._recent

    # The JSON API and the page are imported when they are asked for: most tests never do.

    def _answer_api(self, handler: str) -> Answer:
        return self._json_api().respond(handler)

    def _json_api(self) -> JsonApi:
        with self._lock:
            if self._api is None:
                flags = self.flags or original_flags.as_flags(self.settings, self._asked, self.prefix)
                self._api = json_api.JsonApi(self.store.groups, flags, INFORMATION, self._start_time)
            return self._api

    def _page(self, path: str, head: Head) -> Answer | None:
        return page.respond(page.Asked.by(path, head), self._state, self._page_changes)

    def _page_changes(self) -> Changes:
        api = self._json_api()
        with self._lock:
            if self._changes_for_page is None:
                self._changes_for_page = page_changes.Changes(api.written, api.status)
            return self._changes_for_page

    def _state(self) -> page_state.PageState:
        poison = self.store.poisoned()
        with self._lock:
            note = self._note_of_requests()
        return page_state.PageState(
            revision=self.revision,
            now=self._clock(),
            start_time=self._start_time,
            admin_api=self.settings.enable_admin_api,
            persistence=self._persistence_state(),
            requests=(self._recent_requests or note.requests)(),
            failures=note.failures(),
            conflict=None if poison is None else poison.error,
            conflicting=() if poison is None else list(zip(poison.cure, poison.paths, strict=True)),
            note=self._note(),
            user=self.user,
        )

    def _persistence_state(self) -> page_state.PersistenceStatus:
        if self._persistence is None:
            return page_state.PersistenceStatus()
        return page_state.PersistenceStatus(
            file=str(self._persistence.path),
            interval=self._persistence.interval,
            error=self._persistence.failing,
            since=self._persistence.failing_since,
        )


def _shown(listener: socket.socket) -> str:
    name = listener.getsockname()
    return join_host_port(*name[:2]) if isinstance(name, tuple) else str(name)


def access_and_tls(settings: Settings, log: Log) -> tuple[Access | None, Callable[[], ssl.SSLContext] | None]:
    """Return access control, and a function that returns the TLS context of a new connection; None for either if unset.

    Raises:
        ValueError: the web configuration file, or what it names, cannot be used.
    """
    if settings.web_config_file:
        from pytest_pushgateway.gateway.app.access.web_config import WebConfig

        config = WebConfig(settings.web_config_file, log)
        return config, config.tls
    access: Access | None = None
    if settings.basic_auth is not None:
        access = basic_auth.PlainPassword(*settings.basic_auth)
    if settings.tls is None:
        return access, None
    from pytest_pushgateway.gateway.http.tls import server_context

    context = server_context(settings.tls)
    return access, lambda: context
