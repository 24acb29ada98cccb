"""The state that the page shows besides the groups: its typed form, and its JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_pushgateway.exposition import content_coding
from pytest_pushgateway.exposition.labels import Labels
from pytest_pushgateway.gateway.app.recent_requests import Failure, RecentRequest
from pytest_pushgateway.golang.utf8 import text_of

_SHOWN = 65_536
"""Bytes of a decoded body that an opened request shows."""


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
    """The gateway's state besides the groups. Times are Unix seconds of the gateway's clock."""

    revision: str
    """Changes whenever what is stored changes."""
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


def state_json(state: PageState) -> bytes:
    """Render the state as the JSON of ``/-/state``."""
    failures = [
        {"labels": pairs(key), "error": failure.error, "at": failure.at} for key, failure in state.failures.items()
    ]
    body = {
        "revision": state.revision,
        "now": state.now,
        **lasting(state),
        "failures": failures,
        "requests": [listed(request) for request in state.requests],
    }
    return compact(body)


def lasting(state: PageState) -> dict[str, Any]:
    """Return the members of the state that stay as they are for most of the time."""
    return {
        "start_time": state.start_time,
        "admin_api": state.admin_api,
        "persistence": {
            "file": state.persistence.file,
            "interval": state.persistence.interval,
            "error": state.persistence.error,
            "since": state.persistence.since,
        },
        "conflict_error": state.conflict,
        "conflicts": [{"labels": pairs(key), "path": path.lstrip("/")} for key, path in state.conflicting],
        "note": state.note,
        "user": state.user,
    }


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
        "labels": None if request.key is None else pairs(request.key),
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
            return compact(opened(request, requests[:at]))
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
        "collides_with": [
            {"labels": pairs(key), "number": _last_push(key, request, earlier)} for key in request.collides_with
        ],
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


def _last_push(key: Labels, rejected: RecentRequest, earlier: Sequence[RecentRequest]) -> int | None:
    """Return the number of the push to a group that another one collides with, if it is still known.

    It is the last accepted one with a family of the rejected push: a POST may have added others since.
    """
    pushes = [one for one in earlier if one.kind == "push" and one.key == key and one.error is None]
    alike = [one for one in pushes if not {*one.families}.isdisjoint(rejected.families)]
    last = (alike or pushes)[-1:]
    return last[0].number if last else None


def compact(body: Any) -> bytes:
    """Render JSON on one line, without blanks."""
    return json.dumps(body, separators=(",", ":")).encode()


def pairs(key: Labels) -> list[tuple[str, str]]:
    """Return labels as the page shows them, the job first."""
    first = sorted(key, key=lambda pair: pair[0] != b"job")
    return [(_text(name), _text(value)) for name, value in first]


def _text(raw: bytes) -> str:
    # As the API's JSON: every byte outside UTF-8 becomes one U+FFFD, so that keys of the two compare.
    return text_of(raw).translate(_UNDECODABLE)


_UNDECODABLE = dict.fromkeys(range(0xDC80, 0xDD00), "\ufffd")
