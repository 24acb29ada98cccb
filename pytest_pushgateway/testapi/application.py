"""The test API: what it answers on each route. werkzeug routes and parses, the harness does the work."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request as HttpRequest

from pytest_pushgateway._version import __version__
from pytest_pushgateway.durations import seconds
from pytest_pushgateway.gateway.http.body import BodyTooLarge
from pytest_pushgateway.gateway.http.host import Abandoned, Answer
from pytest_pushgateway.gateway.http.input import BodyError
from pytest_pushgateway.golang.url import join_host_port
from pytest_pushgateway.harness.pushgateway import face_of
from pytest_pushgateway.monotonic import monotonic
from pytest_pushgateway.settings import OPTIONS
from pytest_pushgateway.testapi.asserting import ASSERTIONS, assertion
from pytest_pushgateway.testapi.browsers import host_of, refuse_browsers
from pytest_pushgateway.testapi.codec import body_in, request_as_json, shown_body
from pytest_pushgateway.testapi.fault_requests import FaultRegister
from pytest_pushgateway.testapi.groups_codec import group_as_json
from pytest_pushgateway.testapi.openapi import description
from pytest_pushgateway.testapi.problems import ApiProblem, check_members
from pytest_pushgateway.testapi.sessions import HEADER, Sessions
from pytest_pushgateway.testapi.state import StateReader

if TYPE_CHECKING:
    from pytest_pushgateway.gateway.app.parts import Access
    from pytest_pushgateway.gateway.http.host import Incoming, Peer
    from pytest_pushgateway.harness.behind.local import LocalGateway

Json = dict[str, Any]

LONGEST_WAIT = 60.0
"""Seconds that one request waits at most."""
_SLICE = 0.25
"""Seconds after which a request that waits looks whether the server stops."""
_SECRET = ("tls", "basic_auth")
_ANYWHERE = ("", "0.0.0.0", "::")
"""Addresses to listen on that mean all of a machine's."""

ROUTES = (
    ("GET", "/v1", "status"),
    ("GET", "/v1/openapi.json", "openapi"),
    ("GET", "/v1/requests", "requests"),
    ("GET", "/v1/groups", "groups"),
    ("GET", "/v1/snapshot", "snapshot"),
    ("GET", "/v1/lint", "lint"),
    ("GET", "/v1/timeline", "timeline"),
    ("POST", f"/v1/assert/<any({', '.join(ASSERTIONS)}):name>", "check"),
    ("GET", "/v1/faults", "list_faults"),
    ("POST", "/v1/faults", "add_fault"),
    ("DELETE", "/v1/faults/<identifier>", "remove_fault"),
    ("GET", "/v1/clock", "clock"),
    ("PUT", "/v1/clock", "set_clock"),
    ("POST", "/v1/reset", "reset"),
    ("POST", "/v1/<any(stop, start, restart, crash):name>", "life"),
    ("POST", "/v1/send", "send"),
    ("POST", "/v1/sync", "sync"),
)
"""Method, path and the method of `ControlApi` that answers."""
_CHANGING = ("add_fault", "remove_fault", "set_clock", "life")
"""Those that change the gateway, ``reset`` left out, which begins a session."""


class ControlApi:
    """Answers the test API's requests for one gateway.

    Args:
        gateway: what is controlled.
        access: who may ask; None for everybody.
        advertised: host and port at which clients reach the gateway, if they differ from those that it listens on.

    """

    def __init__(
        self, gateway: LocalGateway, *, access: Access | None = None, advertised: tuple[str, int] | None = None
    ):
        self._gateway = gateway
        self._face = face_of(gateway)
        self._access = access
        self._advertised = advertised
        own = {gateway.settings.host, *(advertised or ())[:1]}
        self._own_hosts: frozenset[str] = frozenset(str(name).lower() for name in own)
        self._map = Map([Rule(path, endpoint=name, methods=[method]) for method, path, name in ROUTES])
        self._faults = FaultRegister(self._face.faults)
        self._sessions = Sessions()
        self._state = StateReader(gateway, self._faults)

    def __call__(self, incoming: Incoming) -> Answer:
        """Answer one request."""
        configured: Any = ()
        if self._access is not None:
            refusal, configured = self._access.admit(incoming.head)
            if refusal is not None:
                return refusal._replace(headers=[*refusal.headers, *configured])
        try:
            answer = self._answer(incoming)
        except ApiProblem as problem:
            answer = _json(problem.status, problem.as_json(), "application/problem+json", problem.headers)
        return answer._replace(headers=[*answer.headers, *configured])

    def _answer(self, incoming: Incoming) -> Answer:
        refuse_browsers(incoming.head.fields, self._own_hosts)
        request = _as_werkzeugs(incoming)
        adapter = self._map.bind(request.host, path_info=request.path, default_method=request.method)
        try:
            name, arguments = adapter.match()
        except MethodNotAllowed as problem:
            allowed = ", ".join(sorted(problem.valid_methods or ()))
            text = f"{request.path} takes {allowed}, not {request.method}"
            raise ApiProblem(405, text, headers=(("Allow", allowed),)) from None
        except HTTPException:
            raise ApiProblem(404, f"there is no {request.path}; GET /v1/openapi.json describes what there is") from None
        self._sessions.check(request.headers.get(HEADER, ""), changes=name in _CHANGING)
        handle: Callable[..., Answer] = getattr(self, f"_{name}")
        try:
            return handle(request, incoming.peer, **arguments)
        except AssertionError as problem:
            raise ApiProblem(409, str(problem), "assertion failed") from None
        except (TypeError, ValueError, LookupError) as problem:
            raise ApiProblem(400, str(problem)) from None
        except RuntimeError as problem:
            raise ApiProblem(409, str(problem)) from None

    # Reading

    def _status(self, request: HttpRequest, peer: Peer) -> Answer:
        return _json(200, self._describe(request))

    def _describe(self, request: HttpRequest) -> Json:
        gateway = self._gateway
        host, port = self._place(request)
        netloc = join_host_port(host, port)
        url = f"{gateway.scheme}://{netloc}{gateway.prefix}"
        return {
            "version": __version__,
            "url": url,
            "address": url if gateway.scheme == "https" else f"{netloc}{gateway.prefix}",
            "host": host,
            "port": port,
            "scheme": gateway.scheme,
            "prefix": gateway.prefix,
            "running": gateway.running,
            "demands_certificate": gateway.demands_certificate,
            "settings": {name: getattr(gateway.settings, name) for name in OPTIONS if name not in _SECRET},
            "origin": gateway.journal.own_mark,
        }

    def _place(self, request: HttpRequest) -> tuple[str, int]:
        """Return host and port for clients: a gateway on all addresses is at the host that the request went to."""
        if self._advertised is not None:
            return self._advertised
        asked = host_of(request.headers.get("Host", ""))
        host = asked if asked and self._gateway.settings.host in _ANYWHERE else self._gateway.host
        return host, self._gateway.port

    def _openapi(self, request: HttpRequest, peer: Peer) -> Answer:
        return _json(200, description())

    def _requests(self, request: HttpRequest, peer: Peer) -> Answer:
        query = _query(request, "kind", "job", "since", "wait")
        since = _whole(query.get("since", "0"), "since")
        journal = self._gateway.journal
        deadline = monotonic() + _wait(query.get("wait", "0"))
        while True:
            last = journal.sequence
            found = [
                entry
                for entry in journal.requests()
                if since < entry._order <= last
                and query.get("kind") in (None, entry.kind)
                and query.get("job") in (None, entry.job)
            ]
            if found or not self._wait_beyond(last, deadline, peer):
                break
        shown = [request_as_json(entry) for entry in found]
        return _json(200, {"requests": shown, "next": last, "dropped": journal.dropped})

    def _groups(self, request: HttpRequest, peer: Peer) -> Answer:
        return _json(200, {"groups": [group_as_json(group) for group in self._face.groups]})

    def _snapshot(self, request: HttpRequest, peer: Peer) -> Answer:
        labels = dict(pair.partition("=")[::2] for pair in request.args.getlist("label"))
        text = str(self._face.snapshot(*request.args.getlist("name"), labels=labels or None))
        return _answer(200, text.encode("utf-8", "surrogateescape"), "text/plain; charset=utf-8")

    def _lint(self, request: HttpRequest, peer: Peer) -> Answer:
        problems = [
            {"metric": one.metric, "text": one.text, "push": one.push.number, "message": str(one)}
            for one in self._face.lint()
        ]
        return _json(200, {"problems": problems})

    def _timeline(self, request: HttpRequest, peer: Peer) -> Answer:
        entries = [
            {"time": one.time, "text": None if one.text is None else one.text.decode("utf-8", "surrogateescape")}
            for one in self._face.timeline()
        ]
        return _json(200, {"timeline": entries})

    # Asserting and changing

    def _check(self, request: HttpRequest, peer: Peer, name: str) -> Answer:
        given = _body(request)
        deadline = monotonic() + _wait(given.pop("timeout", 0))
        check = assertion(self._face, name, given)
        journal = self._gateway.journal
        while True:
            last = journal.sequence
            try:
                check()
            except AssertionError:
                if not self._wait_beyond(last, deadline, peer):
                    raise
            else:
                return Answer(204)

    def _list_faults(self, request: HttpRequest, peer: Peer) -> Answer:
        return _json(200, {"faults": self._faults.as_json()})

    def _add_fault(self, request: HttpRequest, peer: Peer) -> Answer:
        added = self._faults.add(_body(request))
        return _json(201, added, headers=(("Location", f"/v1/faults/{added['id']}"),))

    def _remove_fault(self, request: HttpRequest, peer: Peer, identifier: str) -> Answer:
        self._faults.remove(identifier)
        return Answer(204)

    def _clock(self, request: HttpRequest, peer: Peer) -> Answer:
        clock = self._gateway.clock
        return _json(200, {"now": clock(), "frozen": clock.frozen})

    def _set_clock(self, request: HttpRequest, peer: Peer) -> Answer:
        given = _body(request)
        check_members(given, ("at", "advance", "frozen"))
        clock = self._gateway.clock
        if given.get("frozen") is False:
            if len(given) > 1:
                raise ApiProblem(400, "a clock that runs has no at and no advance; leave them, or frozen, out")
            clock.resume()
        elif "at" in given or given.get("frozen"):
            clock.freeze(given.get("at"))
        if "advance" in given:
            clock.advance(given["advance"])
        return self._clock(request, peer)

    def _reset(self, request: HttpRequest, peer: Peer) -> Answer:
        given = _body(request)
        check_members(given, ("session", "end"))
        name = given.get("session", "")
        if not isinstance(name, str):
            raise ApiProblem(400, f"session must be a string, not {name!r}")
        if given.get("end"):
            self._sessions.end(name)
            return Answer(204)
        self._sessions.begin(name)
        self._state.reset()
        return Answer(204)

    def _life(self, request: HttpRequest, peer: Peer, name: str) -> Answer:
        check_members(_body(request), ())
        try:
            getattr(self._gateway, name)()
        except OSError as problem:
            raise ApiProblem(409, f"the gateway cannot {name}: {problem}") from None
        return Answer(204)

    # For the Python client

    def _send(self, request: HttpRequest, peer: Peer) -> Answer:
        given = _body(request)
        headers = dict(given["headers"])
        if "Authorization" in request.headers:  # both ports ask for the same user
            headers["Authorization"] = request.headers["Authorization"]
        body = body_in(given) if "body" in given or "body_base64" in given else None
        try:
            answer = self._gateway.client.request(given["method"], given["path"], headers, body)
        except OSError as problem:
            raise ApiProblem(502, f"{problem}", type(problem).__name__) from None
        return _json(200, {"status": answer.status, "headers": answer.header_lines, **shown_body(answer.body)})

    def _sync(self, request: HttpRequest, peer: Peer) -> Answer:
        given = _body(request)
        reset = given.get("reset")
        if reset is not None:
            self._sessions.begin(request.headers.get(HEADER, ""))
        deadline = monotonic() + _wait(given.get("wait", 0))
        while self._state.is_known(given) and self._wait_beyond(given["since"], deadline, peer):
            pass
        return _json(200, {**self._state.read(given), "place": self._describe(request)})

    # Waiting

    def _wait_beyond(self, sequence: int, deadline: float, peer: Peer) -> bool:
        """Wait for a request later than ``sequence``, for a moment; False once the deadline is past.

        Raises:
            Abandoned: the server stops.

        """
        left = deadline - monotonic()
        if left <= 0:
            return False
        self._gateway.journal.wait_beyond(sequence, min(left, _SLICE))
        if peer.closing:
            raise Abandoned
        return True


# HTTP


def _as_werkzeugs(incoming: Incoming) -> HttpRequest:
    head = incoming.head
    try:
        body = incoming.body.read()
    except BodyTooLarge:
        raise ApiProblem(413, "the body is too large") from None
    except BodyError as problem:
        raise ApiProblem(400, str(problem)) from None
    path, _, query = head.target.partition("?")
    environment: Json = {
        "REQUEST_METHOD": head.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path.encode("latin-1")).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "gateway",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
    }
    for name, value in head.headers:
        key = f"HTTP_{name.upper().replace('-', '_')}"
        if key != "HTTP_CONTENT_LENGTH":
            environment[key] = value
    return HttpRequest(environment)


def _body(request: HttpRequest) -> Json:
    """Return the members of the JSON object in a request's body, whatever its type: curl calls it a form."""
    raw = request.get_data()
    if not raw.strip():
        return {}
    try:
        given = json.loads(raw)
    except ValueError as problem:
        raise ApiProblem(400, f"the body is not JSON: {problem}") from None
    if not isinstance(given, dict):
        raise ApiProblem(400, 'the body must be a JSON object, such as {"name": "backup_bytes"}')
    return given


def _query(request: HttpRequest, *known: str) -> dict[str, str]:
    given = request.args.to_dict()
    check_members(given, known)
    return given


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ApiProblem(400, f"{name} must be a whole number, not {text!r}")
    return int(text)


def _wait(value: Any) -> float:
    """Return a time to wait in seconds: a number, or text with or without a unit."""
    if isinstance(value, str) and value.replace(".", "", 1).isdecimal():
        value = float(value)
    return min(seconds(value, "the time to wait"), LONGEST_WAIT)


def _json(
    status: int, content: Mapping[str, Any], kind: str = "application/json", headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    return _answer(status, json.dumps(content).encode() + b"\n", kind, headers)


def _answer(status: int, body: bytes, kind: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    return Answer(
        status,
        [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"), *headers],
        [body],
    )
