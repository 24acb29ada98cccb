"""One request on its way through the gateway.

Once it is admitted, it passes the router, the hook, the handler and the observer, in this order; what the handler
answers and in which order it refuses is Pushgateway 1.11's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from pytest_pushgateway.exposition.model import ParseError, PushTooLarge
from pytest_pushgateway.gateway.app import answers
from pytest_pushgateway.gateway.app.access import browsers
from pytest_pushgateway.gateway.hooks import Plan, RawRequest, Record
from pytest_pushgateway.gateway.http.body import BodyTooLarge
from pytest_pushgateway.gateway.http.host import Abandoned, Answer, Incoming
from pytest_pushgateway.gateway.http.input import BodyError
from pytest_pushgateway.later import later
from pytest_pushgateway.monotonic import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.exposition import content_coding
    from pytest_pushgateway.exposition.labels import Labels
    from pytest_pushgateway.exposition.model import Parsed
    from pytest_pushgateway.gateway.app import missed_routes, push_body, scraping
    from pytest_pushgateway.gateway.app.parts import AppParts
    from pytest_pushgateway.gateway.app.routes import Route
    from pytest_pushgateway.gateway.groups import Verdict
    from pytest_pushgateway.gateway.http.body import Body
    from pytest_pushgateway.gateway.http.head import Head
    from pytest_pushgateway.gateway.http.host import Peer
else:
    # `serve` answers a probe before it needs a parser.
    content_coding = later("pytest_pushgateway.exposition.content_coding")
    push_body = later("pytest_pushgateway.gateway.app.push_body")
    missed_routes = later("pytest_pushgateway.gateway.app.missed_routes")
    scraping = later("pytest_pushgateway.gateway.app.scraping")


_INCONSISTENT = "pushed metrics are invalid or inconsistent with existing metrics"
_COUNTED = frozenset({"push", "delete", "healthy", "ready", "status", "static", "wipe"})
"""Handlers in ``pushgateway_http_requests_total`` beside those of the API; scrapes and ``/-/quit`` are not counted."""
_SPARE_BODY = 256 << 10
"""A body that no handler reads is still read for the record up to this many bytes."""
_NO_PROTOBUF = (
    "protobuf cannot be read or shown without the Python package protobuf, which is not installed here; "
    "run: pip install protobuf"
)
_OPTIONS_BODY = 4 << 10
_STORED = 16
"""How much larger a push may be in memory than a body may be when it is decoded."""


_ACCEPTED = Answer(200)
_STORED_UNCHECKED = Answer(202)


class _Late(Exception):
    """The generation to which the request belongs ended before it took effect."""


class Handling:
    """One request, from its head to its answer.

    Args:
        app: the parts of the application.
        incoming: the request.

    """

    __slots__ = ("app", "body", "decoded", "head", "parsed", "peer", "request", "route", "started", "verdict")

    def __init__(self, app: AppParts, incoming: Incoming) -> None:
        head, body, peer = incoming
        route = app.router.route(head.method, head.target)
        self.app: AppParts = app
        self.head: Head = head
        self.body: Body = body
        self.peer: Peer = peer
        self.started: float = monotonic()
        self.verdict: Verdict | None = None
        self.parsed: Parsed | None = None
        self.decoded: int = 0
        self.route: Route = route
        self.request: RawRequest = RawRequest(
            method=head.method,
            target=head.target,
            raw_headers=head.headers,
            body=b"",
            remote_address=peer.remote_address,
            generation=peer.generation,
            received_at=app.clock(),
            kind=route.kind,
            key=route.key,
            handler=route.handler,
            fields=head.fields,
        )

    def run(self, refusal: Answer | None) -> Answer:
        """Carry the request out, or answer ``refusal``; call the observer before returning."""
        if refusal is None:
            refusal = browsers.refuse(self.head, self.route.handler, self.app.own_hosts)
        if refusal is not None:
            self._observe(refusal, None)
            return refusal
        problem = self._read_body()
        if self._is_late():
            self._turn_to_an_empty_gateway()
        hook = self.app.hook
        plan = hook(self.request) if hook is not None else None
        if self.peer.closing:
            # A request that a stop has cut short never happened.
            raise Abandoned
        if plan is not None:
            return self._carry_out(plan, problem)._replace(plan=plan)
        answer = self._take_effect(problem)
        self._observe(answer, None)
        return answer

    def _is_late(self) -> bool:
        return self.request.generation != self.app.store.generation

    def _turn_to_an_empty_gateway(self) -> None:
        """Go on as if this were another gateway, empty and seen by nobody: a client must not notice a reset."""
        self.app = self.app.of_an_empty_gateway()
        self.request.generation = self.app.store.generation
        self.verdict = None

    def _carry_out(self, plan: Plan, problem: Answer | BodyError | None) -> Answer:
        answer: Answer | None = None
        if plan.store and plan.after:
            answer = self._take_effect(problem)
        hangs = math.isinf(plan.wait)
        if hangs:
            # Anyone who waits for the hanging push shall find it; its outcome is known: no answer.
            self._observe(Answer(0), plan)
        if plan.wait > 0:
            self.peer.wait(plan)
        if plan.store and not plan.after:
            answer = self._take_effect(problem)
        if plan.status is not None:
            text = plan.body.decode("utf-8", "replace").rstrip("\n") if plan.status >= 400 else None
            answer = Answer(plan.status, plan.headers, [plan.body] if plan.body else [], text)
        unanswered = plan.disconnect or answer is None or plan.cut_after == 0
        if not hangs:
            sent = Answer(0, error=answer.error if answer else None) if unanswered or answer is None else answer
            self._observe(sent, plan)
        if answer is None:
            if plan.disconnect:
                return Answer(0)
            raise Abandoned
        return answer

    def _read_body(self) -> Answer | BodyError | None:
        """Read the body into the request; return what is wrong with it."""
        route, head = self.route, self.head
        everything = head.target == "*" and head.method == "OPTIONS"
        needed = everything or (route.handler == "push" and route.problem is None)
        if self.body.finished or (not needed and head.expects_continue and not self._is_gzip()):
            # As the original: without a reader there is no 100 Continue.
            return None
        if not needed and route.handler != "push" and not self._is_gzip():
            if not head.chunked and head.content_length <= _SPARE_BODY:
                try:
                    self.request.body = self.body.read()
                except BodyError as problem:
                    self.request.body = problem.partial
            return None
        if not (self.app.keep_bodies or everything) and (head.chunked or head.content_length > _SPARE_BODY):
            return None
        try:
            self.request.body = self.body.read()
        except BodyError as problem:
            self.request.body = problem.partial
            # Another one, without the traceback, which has the frames that hold it: a cycle would keep the body.
            return BodyError(str(problem))
        except BodyTooLarge:
            return self._too_large()
        return None

    def _too_large(self) -> Answer:
        limit = self.app.max_body_size
        return answers.error(413, f"request body too large: the limit is {limit} bytes", [("Connection", "close")])

    def _pieces(self, problem: BodyError | None) -> Iterator[bytes]:
        """Yield the body as it was sent, while it arrives if it was not read.

        Raises:
            EncodingError: the body breaks off.

        """
        whole = self.request.body
        yield from (whole[start : start + _SPARE_BODY] for start in range(0, len(whole) or 1, _SPARE_BODY))
        if problem is not None:
            raise content_coding.EncodingError(str(problem))
        try:
            for piece in self.body.pieces():
                yield piece
                if self.peer.closing:
                    # A stop does not wait for long bodies: what it has cut short never happened.
                    raise Abandoned
        except BodyError as broken:
            raise content_coding.EncodingError(str(broken)) from None

    def _is_gzip(self) -> bool:
        return self.route.decodes and self.head.fields.get("content-encoding", "").lower() == "gzip"

    def _take_effect(self, problem: Answer | BodyError | None) -> Answer:
        try:
            return self._act(problem)
        except _Late:
            self._turn_to_an_empty_gateway()
            return self._act(problem)
        except ImportError as missing:
            if not (missing.name or "").startswith("google"):
                raise
            return answers.error(501, _NO_PROTOBUF)

    def _act(self, problem: Answer | BodyError | None) -> Answer:
        if isinstance(problem, Answer):
            return problem
        route = self.route
        coding = self.head.fields.get("content-encoding") if route.decodes else None
        body: Iterable[bytes] = ()
        if coding is None and problem is None and self.body.finished and len(self.request.body) <= _SPARE_BODY:
            body = (self.request.body,)
        elif self.parsed is None:
            pieces = content_coding.decoded(self._pieces(problem), coding, limit=self.app.max_decoded_body_size)
            body = decoded = self._measured(pieces)
            try:
                # As the original: it opens the stream before it routes.
                next(decoded)
            except content_coding.EncodingError as broken:
                return answers.error(400, str(broken))
            except BodyTooLarge:
                return self._too_large()
        if route.outcome == "handle":
            return self._handle(body)
        if route.outcome == "redirect":
            return answers.redirect(route.status, route.location, self.head.method)
        if route.outcome == "options":
            if route.allow:
                return Answer(200, [("Allow", route.allow)])
            # As Go, which reads so much of a body that comes with OPTIONS *.
            end = [("Connection", "close")] if len(self.request.body) > _OPTIONS_BODY else []
            return Answer(200, [("Content-Length", "0"), *end])
        if route.outcome == "asterisk":
            return Answer(400, [] if self.head.http10 else [("Connection", "close")])
        return answers.not_allowed(route.allow) if route.outcome == "not allowed" else answers.not_found()

    def _measured(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self.decoded += len(piece)
            yield piece

    def _handle(self, body: Iterable[bytes]) -> Answer:
        handler, app = self.route.handler, self.app
        if handler == "push":
            answer = self._push(body)
            seconds = monotonic() - self.started
            app.self_metrics.observe_push(self.head.method, seconds, self._size(), self.request.generation)
        elif handler == "delete":
            answer = self._delete()
        elif handler == "metrics":
            answer = scraping.scrape(self.app.store, self.head, self.app.log)
        elif handler == "wipe":
            answer = self._wipe()
        elif handler in ("healthy", "ready"):
            answer = Answer(200, [], [b"OK"])
        elif handler == "quit":
            answer = self._quit()
        elif handler in ("status", "static", "state"):
            answer = app.page(self.route.path.decode("latin-1"), self.head) or answers.not_found()
        else:
            answer = app.api(handler)
        if handler in _COUNTED or self.route.api:
            app.self_metrics.observe_request(handler, answer.status, self.head.method, self.request.generation)
        return answer

    def _parse(self, body: Iterable[bytes], grouping: Labels) -> Answer | None:
        """Parse the body of a push; return the answer if it cannot be taken."""
        app = self.app
        try:
            self.parsed = push_body.parse_push(
                body,
                self.head.fields.get("content-type", ""),
                dict(grouping),
                app.store.remembered(grouping),
                utf8_names=app.utf8_names,
                largest=_STORED * app.max_decoded_body_size,
                before=lambda name: app.store.series(grouping, name),
            )
        except ParseError as refused:
            app.log("debug", "failed to parse text", logged_source=self.request.remote_address, err=str(refused))
            return answers.error(400, str(refused))
        except BodyTooLarge:
            return self._too_large()
        except (content_coding.DecodedTooLarge, PushTooLarge) as excess:
            return answers.error(413, str(excess))
        return None

    def _push(self, body: Iterable[bytes]) -> Answer:
        app, route, source = self.app, self.route, self.request.remote_address
        if route.key is None:
            return self._bad_url()
        if self.parsed is None and (refusal := self._parse(body, route.key)):
            return refusal
        assert self.parsed is not None
        if self.peer.closing:
            # A stop does not wait for long bodies: what it has cut short never happened.
            raise Abandoned
        verdict = self._in_time(
            app.store.push(
                route.key,
                self.parsed,
                replace=self.head.method == "PUT",
                check=app.consistency_check,
                generation=self.request.generation,
            )
        )
        self.verdict = verdict
        if verdict.accepted:
            return _ACCEPTED if app.consistency_check else _STORED_UNCHECKED
        if verdict.unkept is not None:
            return self._not_kept(verdict.unkept)
        if not app.consistency_check:
            # As the original: 202 and not a word, though it stored nothing.
            return Answer(202, error=f"{_INCONSISTENT}: {verdict.error}")
        app.log("error", _INCONSISTENT, method=self.head.method, logged_source=source, err=verdict.error)
        return answers.error(400, f"{_INCONSISTENT}: {verdict.error}")

    def _delete(self) -> Answer:
        if self.route.key is None:
            return self._bad_url()
        return self._removed(self.app.store.delete(self.route.key, generation=self.request.generation))

    def _wipe(self) -> Answer:
        self.app.log("debug", "start wiping metric store")
        return self._removed(self.app.store.wipe(generation=self.request.generation))

    def _removed(self, verdict: Verdict) -> Answer:
        self.verdict = self._in_time(verdict)
        return Answer(202) if verdict.unkept is None else self._not_kept(verdict.unkept)

    @staticmethod
    def _not_kept(reason: str) -> Answer:
        text = f"the persistence file cannot keep this change, so it was not made: {reason}; try again later"
        return answers.error(503, text)

    def _bad_url(self) -> Answer:
        problem = self.route.problem
        assert problem is not None
        self.app.log("debug", problem.message, **problem.fields)
        return answers.error(400, str(problem))

    @staticmethod
    def _in_time(verdict: Verdict) -> Verdict:
        if verdict.stale:
            raise _Late
        return verdict

    def _quit(self) -> Answer:
        if self.head.method == "GET":
            return Answer(405, [], [b"Only POST or PUT requests allowed."], "Only POST or PUT requests allowed.")
        if self.app.quit is None:
            return Answer(403, [], [b"Lifecycle API is not enabled."], "Lifecycle API is not enabled.")
        self.app.quit()
        return Answer(200, [], [b"Requesting termination... Goodbye!"])

    def _size(self) -> int:
        """Return the size of the request in bytes as client_golang approximates it."""
        head, route = self.head, self.route
        size = head.size + route.url_length + route.host_length
        # A host in the URL takes the place of the header's.
        return size - len(head.fields.get("host", "")) if route.host_length else size

    def _observe(self, answer: Answer, plan: Plan | None) -> None:
        observer = self.app.observer
        # Before the observer: whoever it wakes up may stop the gateway at once.
        self.peer.answering = plan is None or not math.isinf(plan.wait)
        if self._is_late():
            return
        status, location, missed = answer.status, "", ""
        if status >= 300:
            location = _location(answer)
            if self.route.outcome != "handle":
                missed = self._missed(answer)
        if observer is not None:
            started = self.started
            duration = monotonic() - started
            observer(
                Record(
                    self.request,
                    status,
                    answer.error,
                    self.verdict,
                    self.parsed,
                    duration,
                    plan,
                    location,
                    missed,
                    started,
                    self.decoded,
                )
            )

    def _missed(self, answer: Answer) -> str:
        """Return why a push or deletion reached no group, and log it; an empty string for any other request."""
        request, location = self.request, _location(answer)
        prefix = self.app.router.prefix.decode()
        content_type = self.head.fields.get("content-type", "")
        missed = missed_routes.missed_route(
            request.method, request.target, content_type, request.body, answer.status, location, prefix
        )
        if missed:
            self.app.log_missed(request, answer.status, location, missed)
        return missed


def _location(answer: Answer) -> str:
    if not 300 <= answer.status < 400:
        return ""
    return next((value for name, value in answer.headers if name.lower() == "location"), "")
