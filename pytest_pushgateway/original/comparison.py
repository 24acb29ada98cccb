"""One gateway and its original: every request goes to both, and each difference is kept for the test to fail by."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pytest_pushgateway import threads
from pytest_pushgateway.exposition import negotiation
from pytest_pushgateway.exposition.protobuf.writer import render_family
from pytest_pushgateway.gateway.app.routes import Router
from pytest_pushgateway.gateway.grouping_key import group_path
from pytest_pushgateway.gateway.http.head import status_line
from pytest_pushgateway.gateway.store.store import GatherError
from pytest_pushgateway.genuine import genuine
from pytest_pushgateway.line_changes import changed_lines
from pytest_pushgateway.monotonic import monotonic
from pytest_pushgateway.original import compare
from pytest_pushgateway.original.curl import as_curl
from pytest_pushgateway.original.process import Original, OriginalError, Originals
from pytest_pushgateway.original.relay import WireAnswer

if TYPE_CHECKING:
    from pytest_pushgateway.gateway.app.application import App
    from pytest_pushgateway.gateway.hooks import Plan, RawRequest, Record
    from pytest_pushgateway.gateway.http.host import Answer, Application, Incoming
    from pytest_pushgateway.gateway.store.store import Store
    from pytest_pushgateway.settings import Settings

_TRIES = 20
"""Attempts at the original before other words of a rejection count, which are random if several reasons apply."""
_SETTLE = 10.0
"""Seconds that the original has to apply what it answers 202 to."""
_DRAIN = 1 << 20
_NOT_COMPARED = frozenset(("static", "state", "pprof"))
"""Handlers of the web page and of Go's profiler."""
_READS = frozenset(("GET", "HEAD", "OPTIONS"))
_SHOWN_LINES = 30
_PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"


class Difference(AssertionError):
    """The gateway and the original differ in their answers to a request, or in the scrape after it."""


class Tally:
    """Counts of one run of tests: requests compared and left out, and differences."""

    def __init__(self) -> None:
        self.compared: int = 0
        self.left_out: int = 0
        self.differences: int = 0


class _Exchange:
    """One request under way, by the thread that serves it."""

    __slots__ = ("locked", "plan", "request", "took_effect")

    def __init__(self) -> None:
        self.request: RawRequest | None = None
        self.plan: Plan | None = None
        self.locked = False
        self.took_effect = False


class Companion(NamedTuple):
    """The processes of a run of tests, and its tally."""

    originals: Originals
    tally: Tally


class Comparison:
    """A gateway, and the original that gets what it gets.

    Requests are served one at a time while their answers are compared: both must see them in the same order. Those that
    meet a fault are not, since they may wait; the original gets them, without the fault, if they took effect.

    Args:
        companion: the processes of the run, and its tally.
        settings: the gateway's.

    Attributes:
        lock: held while a request is compared, and to be held while the gateway's state changes otherwise.
        differences: those that have not failed a test yet.

    """

    def __init__(self, companion: Companion, settings: Settings) -> None:
        self.lock: threads.RLock = threads.RLock()
        self.differences: list[BaseException] = []
        self._companion = companion
        self._settings = settings
        self._original: Original | None = None
        self._build = companion.originals.build
        self._exchanges: dict[int, _Exchange] = {}
        self._faulted = 0
        """Requests under way that met a fault: meanwhile the two may hold different metrics."""
        self._loose = False
        """Whether the original's groups are copies, which know of no failed push."""
        self._store: Store | None = None
        self._prefix = ""

    # The gateway's life

    def around(self, app: App) -> Application:
        """Return an application that does what ``app`` does, and compares."""
        self._store = app.store
        options = {"enable_admin_api": True, "utf8_names": self._settings.utf8_names}
        prefix = app.router.prefix.decode()
        self._prefix = prefix
        theirs = Router(prefix, self._settings.telemetry_path, build=self._build, **options)
        return lambda incoming: self._serve(app, theirs, incoming)

    def synchronise(self) -> None:
        """Have the original hold what the gateway holds now; the lock is held."""
        try:
            if self._original is None:
                self._original = self._companion.originals.take(self._settings)
            self._original.wipe()
            self._loose = False
            for group in self._store.groups() if self._store is not None else ():
                body = b"".join(render_family(one.family) for one in group.families.values())
                self._original.put(group_path(group.key), body, _PROTOBUF)
                self._loose = True
        except OriginalError as problem:
            self._lose(problem)

    def end(self) -> None:
        """Give the original back."""
        with self.lock:
            original, self._original = self._original, None
        if original is not None and original.running:
            self._companion.originals.give_back(original)

    def _lose(self, problem: OriginalError) -> None:
        """Note that the original is gone; the next synchronisation takes another."""
        self.differences.append(problem)
        if self._original is not None:
            self._original.stop()
        self._original = None

    # A request, as the gateway's hook and observer see it

    def begin(self, request: RawRequest, plan: Plan | None) -> None:
        """Note the request that this thread is about to serve, and the fault that it met."""
        exchange = self._exchanges.get(genuine.thread_number())
        if exchange is None:
            return
        exchange.request, exchange.plan = request, plan
        if plan is None:
            self.lock.acquire()
            exchange.locked = True
        else:
            self._faulted += 1

    def observe(self, record: Record) -> None:
        """Note whether the request that this thread serves took effect."""
        exchange = self._exchanges.get(genuine.thread_number())
        if exchange is not None and record.verdict is not None:
            exchange.took_effect = True

    def _serve(self, app: App, theirs: Router, incoming: Incoming) -> Answer:
        thread, exchange = genuine.thread_number(), _Exchange()
        self._exchanges[thread] = exchange
        try:
            answer = app(incoming)
            if exchange.locked and not isinstance(answer.blocks, (list, tuple)):
                answer = answer._replace(blocks=list(answer.blocks))
            if exchange.locked:
                self._compare(app, theirs, incoming, answer)
            return answer
        finally:
            del self._exchanges[thread]
            if exchange.locked:
                self.lock.release()
            if exchange.plan is not None:
                self._follow(exchange, incoming)

    def _follow(self, exchange: _Exchange, incoming: Incoming) -> None:
        """Send the original a request that took effect here under a fault."""
        with self.lock:
            self._faulted -= 1
            self._companion.tally.left_out += 1
            if exchange.took_effect and self._original is not None:
                try:
                    self._original.ask(incoming.peer.request_bytes(), incoming.head.method)
                except OriginalError as problem:
                    self._lose(problem)

    # Comparing

    def _compare(self, app: App, theirs: Router, incoming: Incoming, answer: Answer) -> None:
        head, tally = incoming.head, self._companion.tally
        whole = incoming.body.drain(_DRAIN)
        route = app.router.route(head.method, head.target)
        other = theirs.route(head.method, head.target)
        handler = route.handler
        skipped = (
            route != other
            or handler in _NOT_COMPARED
            or (handler == "status" and not route.api)
            or (handler == "quit" and self._settings.enable_lifecycle)
            or (answer.status in compare.ONLY_OURS and handler != "quit")
        )
        if skipped or self._original is None or not (whole or incoming.body.broken):
            tally.left_out += 1
            return
        ours = _reply(answer, head.method)
        request = incoming.peer.request_bytes()
        try:
            reply = self._ask(self._original, ours, request, head.method, half_closed=not whole)
            tally.compared += 1
            part = compare.differing(ours, reply)
            if part is not None:
                self._differ(part, request, _shown(ours), _shown(reply))
            elif head.method not in _READS and not self._faulted:
                self._compare_scrapes(app, request)
        except OriginalError as problem:
            self._lose(problem)

    def _ask(
        self, original: Original, ours: WireAnswer, request: bytes, method: str, *, half_closed: bool
    ) -> WireAnswer:
        reply = original.ask(request, method, half_closed=half_closed)
        if ours.status == 400 and compare.differing(ours, reply) == "body":
            for _ in range(_TRIES):
                again = original.ask(request, method, half_closed=half_closed)
                if compare.differing(ours, again) is None:
                    return again
        return reply

    def _compare_scrapes(self, app: App, request: bytes) -> None:
        assert self._original is not None
        ours = compare.exposition(_gathered(app.store), loose=self._loose)
        deadline = monotonic() + _SETTLE
        while True:
            reply = self._original.get(_behind(self._prefix, self._settings.telemetry_path))
            body = compare.error(reply.body) if reply.status >= 400 else reply.body
            theirs = compare.exposition(body, loose=self._loose)
            if theirs == ours:
                return
            if monotonic() > deadline:
                break
            genuine.sleep(0.005)
        before, after = (text.decode("utf-8", "backslashreplace").splitlines() for text in (theirs, ours))
        changed = ["--- original", "+++ ours", *changed_lines(before, after, context=1)]
        self._differ("scrape after it", request, "\n".join(changed[:_SHOWN_LINES]))

    def _differ(self, part: str, request: bytes, *shown: str) -> None:
        release = self._companion.originals.release
        line = request.partition(b"\r\n")[0].decode("utf-8", "backslashreplace")
        texts = [f"the gateway and Pushgateway {release} differ in the {part}: {line}"]
        if len(shown) == 2:
            texts += [_indented("ours:", shown[0]), _indented("original:", shown[1])]
        else:
            texts.append(_indented("", shown[0]))
        texts.append(_indented("request:", as_curl(request)))
        texts.append("Unless the page 'Deviations from the original' lists it, report it with these lines.")
        self.differences.append(Difference("\n".join(texts)))
        self._companion.tally.differences += 1
        self.synchronise()


def _reply(answer: Answer, method: str) -> WireAnswer:
    """Return an answer as a client reads it."""
    body = b"" if method == "HEAD" else b"".join(answer.blocks)
    reason = status_line(answer.status).partition(" ")[2]
    return WireAnswer(answer.status, reason, tuple(answer.headers), body)


def _gathered(store: Store) -> bytes:
    try:
        return b"".join(store.gather(negotiation.negotiate(None)))
    except GatherError as problem:
        return compare.error(f"An error has occurred while serving metrics:\n\n{problem}\n".encode())


def _behind(prefix: str, path: str) -> str:
    """Return a path below the prefix, which `Original.get` adds."""
    return re.sub("/+", "/", f"/{path}")


def _shown(reply: WireAnswer) -> str:
    lines = [f"{reply.status} {reply.reason}"]
    lines += [
        f"{name}: {reply.header(name.lower())}" for name in ("Location", "Content-Type") if reply.header(name.lower())
    ]
    text = reply.body.decode("utf-8", "backslashreplace").splitlines()
    return "\n".join([*lines, *text[:_SHOWN_LINES]])


def _indented(title: str, text: str) -> str:
    lines = text.splitlines()
    return "\n".join(
        [f"  {title:<10}{line}" if not number else f"  {'':10}{line}" for number, line in enumerate(lines)]
    )
