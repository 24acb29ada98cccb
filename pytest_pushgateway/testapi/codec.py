"""Journalled requests as JSON, and back: what a client reads of one, and under ``record`` what the harness needs.

Text that is not UTF-8 has surrogate escapes. The samples of a push are left out: its body is parsed again on the other
side.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.exposition.content_coding import DecodedTooLarge, EncodingError, decode
from pytest_pushgateway.exposition.model import ParseError
from pytest_pushgateway.gateway.app.push_body import parse_push
from pytest_pushgateway.gateway.groups import Collision, Poison, Verdict
from pytest_pushgateway.gateway.hooks import Plan, RawRequest, Record
from pytest_pushgateway.golang.utf8 import bytes_of, text_of
from pytest_pushgateway.harness.journal.requests import Delete, Push

if TYPE_CHECKING:
    from pytest_pushgateway.exposition.labels import Labels
    from pytest_pushgateway.exposition.model import Parsed
    from pytest_pushgateway.harness.journal.requests import Request

Json = dict[str, Any]


def shown_body(body: bytes) -> Json:
    """Return a body as ``body``, or as ``body_base64`` if it is not UTF-8."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}


def body_in(shown: Mapping[str, Any]) -> bytes:
    """Return the body that is shown as ``body`` or ``body_base64``."""
    if "body_base64" in shown:
        return base64.b64decode(shown["body_base64"])
    return str(shown.get("body", "")).encode()


def request_as_json(entry: Request) -> Json:
    """Return a request as the test API shows it, without its mark."""
    found: Json = {
        "sequence": entry._order,
        "number": entry.number,
        "kind": entry.kind,
        "method": entry.method,
        "path": entry.path,
        "job": entry.job,
        "grouping_key": entry.grouping_key,
        "origin": entry.origin,
        "at": entry.at,
        "status": entry.status,
        "outcome": entry.outcome,
        "error": entry.error,
        "location": entry.location,
        "fault": entry.fault,
        "duration": entry.duration,
        "headers": list(entry.headers.items()),
        **shown_body(entry.body),
    }
    if isinstance(entry, Push):
        found |= {"accepted": entry.accepted, "rejected": entry.rejected}
    elif isinstance(entry, Delete):
        found["matched"] = entry.matched
    return found


def record_as_json(entry: Request) -> Json:
    """Return a request with all that makes it the same request in another process."""
    raw, record = entry._request, entry._record
    assert record is not None
    return {
        "sequence": entry._order,
        "number": entry.number,
        "method": raw.method,
        "target": raw.target,
        "headers": raw.raw_headers,
        **shown_body(raw.body),
        "remote": raw.remote_address,
        "at": raw.received_at,
        "kind": raw.kind,
        "key": None if raw.key is None else _pairs(raw.key),
        "handler": raw.handler,
        "status": record.status,
        "error": record.error,
        "verdict": None if record.verdict is None else _verdict_as_json(record.verdict),
        "parsed": record.parsed is not None,
        "duration": record.duration,
        "plan": None if record.plan is None else _plan_as_json(record.plan),
        "location": record.location,
        "missed": record.missed,
    }


def record_in(shown: Mapping[str, Any], *, utf8_names: bool) -> Record:
    """Return the record of a request from its JSON."""
    key = None if shown["key"] is None else _labels_in(shown["key"])
    raw = RawRequest(
        method=shown["method"],
        target=shown["target"],
        raw_headers=[(name, value) for name, value in shown["headers"]],
        body=body_in(shown),
        remote_address=shown["remote"],
        generation=0,
        received_at=shown["at"],
        kind=shown["kind"],
        key=key,
        handler=shown["handler"],
    )
    return Record(
        raw,
        shown["status"],
        shown["error"],
        None if shown["verdict"] is None else _verdict_in(shown["verdict"]),
        _parsed(raw, key, utf8_names) if shown["parsed"] and key is not None else None,
        shown["duration"],
        None if shown["plan"] is None else Plan(**shown["plan"]),
        shown["location"],
        shown["missed"],
    )


def _parsed(raw: RawRequest, key: Labels, utf8_names: bool) -> Parsed | None:
    try:
        body = decode(raw.body, raw.header("content-encoding"))
        return parse_push([body], raw.header("content-type") or "", dict(key), utf8_names=utf8_names)
    except (ParseError, EncodingError, DecodedTooLarge):  # the package that reads it there may be another there
        return None


def _plan_as_json(plan: Plan) -> Json:
    """Return what messages and warnings ask of a plan: what it was called, and who answered."""
    return {"name": plan.name, "status": plan.status, "store": plan.store, "disconnect": plan.disconnect}


def _verdict_as_json(verdict: Verdict) -> Json:
    return {
        "accepted": verdict.accepted,
        "error": verdict.error,
        "collisions": [_collision_as_json(one) for one in verdict.collisions],
        "removed": [text_of(name) for name in verdict.removed],
        "created": verdict.created,
        "matched": verdict.matched,
    }


def _verdict_in(shown: Mapping[str, Any]) -> Verdict:
    return Verdict(
        shown["accepted"],
        shown["error"],
        tuple(_collision_in(one) for one in shown["collisions"]),
        tuple(bytes_of(name) for name in shown["removed"]),
        shown["created"],
        shown["matched"],
    )


def _collision_as_json(collision: Collision) -> Json:
    return {
        "reason": collision.reason,
        "name": text_of(collision.name),
        "prefix": text_of(collision.prefix),
        "text": collision.text,
        "keys": [_pairs(key) for key in collision.keys],
    }


def _collision_in(shown: Mapping[str, Any]) -> Collision:
    keys = tuple(_labels_in(key) for key in shown["keys"])
    return Collision(shown["reason"], bytes_of(shown["name"]), bytes_of(shown["prefix"]), shown["text"], keys)


def poison_as_json(poison: Poison) -> Json:
    """Return why every push is refused and every scrape fails."""
    return {
        "error": poison.error,
        "collisions": [_collision_as_json(one) for one in poison.collisions],
        "groups": [_pairs(key) for key in poison.groups],
        "cure": [_pairs(key) for key in poison.cure],
    }


def poison_in(shown: Mapping[str, Any]) -> Poison:
    """Return the poison from its JSON."""
    groups, cure = (tuple(_labels_in(key) for key in shown[name]) for name in ("groups", "cure"))
    return Poison(shown["error"], tuple(_collision_in(one) for one in shown["collisions"]), groups, cure)


def _pairs(key: Labels) -> list[tuple[str, str]]:
    return [(text_of(name), text_of(value)) for name, value in key]


def _labels_in(pairs: list[list[str]]) -> Labels:
    return tuple((bytes_of(name), bytes_of(value)) for name, value in pairs)
