"""The web page at ``/`` and ``/status``: static files, and what they need to know beyond the original's JSON API.

The page is plain HTML, CSS and JavaScript modules; it reads ``api/v1/status`` and ``api/v1/metrics``, which are the
original's, and ``-/state``, which is ours and whose shape :class:`PageState` documents. All its links are relative, so
that route prefixes and reverse proxies need no configuration.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from pytest_pushgateway.exposition import content_coding
from pytest_pushgateway.exposition.labels import Labels
from pytest_pushgateway.gateway.app.recent_requests import Failure, RecentRequest
from pytest_pushgateway.gateway.http.host import Answer
from pytest_pushgateway.golang.utf8 import text_of

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# The files that are served. A request names one of these or gets a 404: no path is ever built from it.
_STATIC = (
    "api.js",
    "app.css",
    "app.js",
    "charts.js",
    "dom.js",
    "family.js",
    "favicon.svg",
    "format.js",
    "groups.js",
    "requests.js",
    "search.js",
    "staleness.js",
    "status.js",
    "theme.js",
)
_SHOWN = 65_536
"""Bytes of a decoded body that an opened request shows."""
_SAFETY = [
    (
        "Content-Security-Policy",
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
]


@dataclass(frozen=True)
class PersistenceStatus:
    """The place of pushed metrics: the file (None: in memory only), the interval and the trouble, if there is any."""

    file: str | None = None
    interval: float = 0.0
    """Seconds between writes; 0: before each answer."""
    error: str | None = None
    """Why the last write failed; None when it did not."""
    since: float | None = None
    """Unix seconds of the first failure of the present trouble."""


@dataclass(frozen=True)
class PageState:
    """The answer to the page every second, beyond the original's API. Times are Unix seconds of the gateway's clock."""

    revision: str
    """Changes whenever what is stored changes; the page fetches the metrics again only then."""
    now: float
    start_time: float
    admin_api: bool = False
    persistence: PersistenceStatus = field(default_factory=PersistenceStatus)
    requests: Sequence[RecentRequest] = ()
    """The latest requests, oldest first."""
    failures: Mapping[Labels, Failure] = field(default_factory=dict)
    """Why the last push to a group failed, by grouping key."""
    conflict: str | None = None
    """Why the whole store cannot be scraped, when it cannot."""
    conflicting: Sequence[tuple[Labels, str]] = ()
    """The groups whose deletion cures the conflict, each with its path (``/metrics/job/...``, without prefix)."""
    note: str | None = None
    """A line that the owner of the gateway wants to stand at the top, such as the test that is paused."""
    user: str | None = None
    """Whom the scrape configuration names, where a password is asked for."""


class _Assets(NamedTuple):
    page: bytes
    digest: str
    files: Mapping[str, bytes]


@cache
def _assets() -> _Assets:
    folder = files(__package__)
    content = {name: folder.joinpath(name).read_bytes() for name in _STATIC}
    digest = hashlib.sha256(b"\0".join(content.values())).hexdigest()[:16]
    page = folder.joinpath("index.html").read_bytes().replace(b"{{digest}}", digest.encode())
    return _Assets(page, digest, content)


def respond(path: str, context: Callable[[], PageState]) -> Answer | None:
    """Answer a GET of the page, its files or its state.

    Args:
        path: the path below the route prefix, beginning with ``/``, without the query.
        context: gives the state of the gateway; called only for ``/-/state`` and ``/-/state/NUMBER``.

    Returns:
        The answer, or None if the path is not of the page.
    """
    if path in ("/", "/status"):
        headers = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-cache"), *_SAFETY]
        return Answer(200, headers, [_assets().page])
    if path == "/-/state":
        headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store"), *_SAFETY]
        return Answer(200, headers, [state_json(context())])
    if path.startswith("/-/state/"):
        found = request_json(path[len("/-/state/") :], context().requests)
        if found is None:
            return None
        headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store"), *_SAFETY]
        return Answer(200, headers, [found])
    if path.startswith("/static/"):
        return _static(path[len("/static/") :])
    return None


def _static(name: str) -> Answer | None:
    assets = _assets()
    # The page asks below the digest of all files, so that browsers may keep them for good; scripts import each other
    # by relative names and thereby stay within one version.
    versioned = name.startswith(f"{assets.digest}/")
    name = name[len(assets.digest) + 1 :] if versioned else name
    body = assets.files.get(name)
    if body is None:
        return None
    caching = "private, max-age=31536000, immutable" if versioned else "no-cache"
    content_type = _TYPES[name[name.rindex(".") :]]
    return Answer(200, [("Content-Type", content_type), ("Cache-Control", caching), *_SAFETY], [body])


def state_json(state: PageState) -> bytes:
    """Render the state as the JSON of ``/-/state``."""
    failures = [
        {"labels": _pairs(key), "error": failure.error, "at": failure.at} for key, failure in state.failures.items()
    ]
    body: dict[str, Any] = {
        "revision": state.revision,
        "now": state.now,
        "start_time": state.start_time,
        "admin_api": state.admin_api,
        "persistence": {
            "file": state.persistence.file,
            "interval": state.persistence.interval,
            "error": state.persistence.error,
            "since": state.persistence.since,
        },
        "conflict_error": state.conflict,
        "conflicts": [{"labels": _pairs(key), "path": path.lstrip("/")} for key, path in state.conflicting],
        "failures": failures,
        "requests": [listed(request) for request in state.requests],
        "note": state.note,
        "user": state.user,
    }
    return json.dumps(body, separators=(",", ":")).encode()


def listed(request: RecentRequest) -> dict[str, Any]:
    """Return a request as the page lists it."""
    return {
        "number": request.number,
        "at": request.at,
        "kind": request.kind,
        "method": request.method,
        "target": request.target,
        "status": request.status,
        "error": request.error,
        "duration": request.duration,
        "labels": None if request.key is None else _pairs(request.key),
        "families": [_text(name) for name in request.families],
        "series": request.series,
        "removed": [_text(name) for name in request.removed],
        "matched": request.matched,
        "fault": request.fault,
        "origin": request.origin,
    }


def request_json(number: str, requests: Sequence[RecentRequest]) -> bytes | None:
    """Render what one request carried as the JSON of ``/-/state/NUMBER``; None if it has been forgotten."""
    for at, request in enumerate(requests):
        if str(request.number) == number:
            return json.dumps(opened(request, requests[:at]), separators=(",", ":")).encode()
    return None


def opened(request: RecentRequest, earlier: Sequence[RecentRequest]) -> dict[str, Any]:
    """Return the content of a request; ``earlier`` are those before it, in which the pushes it collides with are."""
    body, cut = request.body, request.size > len(request.body)
    coding = next((value for name, value in request.headers if name.lower() == "content-encoding"), "")
    if coding and not cut:
        body, cut = _decoded(body, coding)
    text: str | None
    try:
        text = body.decode()
    except UnicodeDecodeError as problem:
        # The last character may have been cut in two.
        text = body[: problem.start].decode() if cut and problem.start > len(body) - 4 else None
    return {
        "client": request.client,
        "headers": request.headers,
        "body": None if text is None or "\0" in text else text,
        "cut": cut,
        "size": request.size,
        "collides_with": [{"labels": _pairs(key), "number": _last_push(key, earlier)} for key in request.collides_with],
    }


def _decoded(body: bytes, coding: str) -> tuple[bytes, bool]:
    """Return the beginning of a body without its content coding, and whether there is more."""
    decoded = bytearray()
    try:
        for piece in content_coding.decoded([body], coding, limit=_SHOWN):
            decoded += piece
    except content_coding.DecodedTooLarge:
        return bytes(decoded[:_SHOWN]), True
    except content_coding.EncodingError:
        return body, False
    return bytes(decoded), False


def _last_push(key: Labels, earlier: Sequence[RecentRequest]) -> int | None:
    """Return the number of the last push to a group that was accepted, if it is still known."""
    pushes = [one.number for one in earlier if one.kind == "push" and one.key == key and one.error is None]
    return pushes[-1] if pushes else None


def _pairs(key: Labels) -> list[tuple[str, str]]:
    pairs = sorted(key, key=lambda pair: pair[0] != b"job")
    return [(_text(name), _text(value)) for name, value in pairs]


def _text(raw: bytes) -> str:
    # As the API's JSON: every byte outside UTF-8 becomes one U+FFFD, so that keys of the two compare.
    return text_of(raw).translate(_UNDECODABLE)


_UNDECODABLE = dict.fromkeys(range(0xDC80, 0xDD00), "\ufffd")
