"""The description of the test API, as OpenAPI 3.1 has it."""

from __future__ import annotations

from typing import Any

from pytest_pushgateway._version import __version__
from pytest_pushgateway.testapi.asserting import ASSERTIONS
from pytest_pushgateway.testapi.fault_requests import KINDS

Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_NUMBER: Json = {"type": "number"}
_WHOLE: Json = {"type": "integer"}
_TRUTH: Json = {"type": "boolean"}
_LABELS: Json = {"type": "object", "additionalProperties": _TEXT}
_MATCHERS: Json = {
    "type": "object",
    "additionalProperties": {"type": ["string", "object"]},
    "description": 'Text, or {"regex": "..."}, which must match the whole value.',
}
_VALUE: Json = {"type": ["string", "number"], "description": 'A number, or text such as "1024", "NaN" or "+Inf".'}
_SPAN: Json = {"type": ["string", "number"], "description": 'Seconds, or text such as "1m30s".'}
_SPANNING = {"type": "array", "items": {"type": "array", "items": _TEXT}}


def _or_null(schema: Json) -> Json:
    return {**schema, "type": [schema["type"], "null"]}


def _object(members: Json, *, optional: tuple[str, ...] = ()) -> Json:
    return {
        "type": "object",
        "properties": members,
        "required": [name for name in members if name not in optional],
        "additionalProperties": False,
    }


def _list(name: str, item: Json) -> Json:
    return _object({name: {"type": "array", "items": item}})


def _reference(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


_SAMPLE = _object({"name": _TEXT, "labels": _LABELS, "value": {**_TEXT, "description": "As in the text format."}})
_FAMILY = _object({"name": _TEXT, "type": _TEXT, "help": _TEXT, "samples": {"type": "array", "items": _SAMPLE}})
_SCHEMAS: Json = {
    "Problem": {
        "type": "object",
        "description": "RFC 9457; detail holds the reason and the next step.",
        "properties": {"type": _TEXT, "title": _TEXT, "status": _WHOLE, "detail": _TEXT},
        "required": ["type", "title", "status", "detail"],
    },
    "Status": _object(
        {
            "version": _TEXT,
            "url": _TEXT,
            "address": _TEXT,
            "host": _TEXT,
            "port": _WHOLE,
            "scheme": {"type": "string", "enum": ["http", "https"]},
            "prefix": _TEXT,
            "running": _TRUTH,
            "demands_certificate": _TRUTH,
            "settings": {"type": "object"},
            "origin": {**_TEXT, "description": "Marks requests of a test itself, for its X-Pytest-Pushgateway-Origin."},
        }
    ),
    "Request": _object(
        {
            "sequence": {**_WHOLE, "description": "Its place among all that the gateway ever got."},
            "number": {**_WHOLE, "description": "Its place among those of its kind since the last reset, from 1."},
            "kind": {"type": "string", "enum": ["push", "delete", "scrape", "wipe", "other"]},
            "method": _TEXT,
            "path": _TEXT,
            "job": _TEXT,
            "grouping_key": _LABELS,
            "origin": {"type": "string", "enum": ["application", "test"]},
            "at": {**_NUMBER, "description": "Unix time by the gateway's clock."},
            "status": {**_WHOLE, "description": "0 without an answer."},
            "outcome": _TEXT,
            "error": _or_null(_TEXT),
            "location": _or_null(_TEXT),
            "fault": _or_null(_TEXT),
            "duration": {**_NUMBER, "description": "Seconds."},
            "headers": _SPANNING,
            "body": _TEXT,
            "body_base64": {**_TEXT, "description": "In place of body if that is not UTF-8."},
            "accepted": _TRUTH,
            "rejected": _TRUTH,
            "matched": _TRUTH,
        },
        optional=("body", "body_base64", "accepted", "rejected", "matched"),
    ),
    "Requests": _object(
        {
            "requests": {"type": "array", "items": _reference("Request")},
            "next": {**_WHOLE, "description": "The since of the next question."},
            "dropped": {**_WHOLE, "description": "Requests that the journal has dropped."},
        }
    ),
    "Groups": _list(
        "groups",
        _object(
            {
                "grouping_key": _LABELS,
                "push_time": _NUMBER,
                "push_failure_time": _NUMBER,
                "families": {"type": "array", "items": _FAMILY},
            }
        ),
    ),
    "Problems": _list("problems", _object({"metric": _TEXT, "text": _TEXT, "push": _WHOLE, "message": _TEXT})),
    "Timeline": _list("timeline", _object({"time": _NUMBER, "text": _or_null(_TEXT)})),
    "Fault": _object({"id": _TEXT, "name": _TEXT, "hits": _WHOLE, "times": _or_null(_WHOLE), "active": _TRUTH}),
    "Faults": _list("faults", _reference("Fault")),
    "Clock": _object({"now": _NUMBER, "frozen": _TRUTH}),
}

_FAULT_MEMBERS: Json = {
    "kind": {"type": "string", "enum": list(KINDS)},
    "name": {**_TEXT, "description": "The name in journal and messages; the kind and its options if not given."},
    "status": _WHOLE,
    "body": _TEXT,
    "body_base64": _TEXT,
    "headers": {"type": ["object", "array"]},
    "seconds": _SPAN,
    "size": {**_WHOLE, "description": "Bytes of the answer that are sent, its status line included."},
    "answers": {
        "type": ["array", "object", "integer", "null"],
        "description": "One for all requests, or several: null, a status, or an object with status, body and headers.",
    },
    "after": {**_TRUTH, "description": "Whether the request takes effect first."},
    "times": _WHOLE,
    "methods": {"type": ["string", "array"]},
    "paths": {"type": ["string", "array"], "description": "Shell patterns."},
}
_EXPECTATION: Json = {"name": _TEXT, "value": _VALUE, "labels": _MATCHERS, "timeout": _SPAN}
_ASSERTED: dict[str, Json] = {
    **dict.fromkeys(ASSERTIONS, _EXPECTATION),
    "deleted": {"labels": _MATCHERS, "timeout": _SPAN},
    "rejected": {
        "match": {**_TEXT, "description": "A regular expression, searched for in the reason."},
        "status": _WHOLE,
        "method": {"type": "string", "enum": ["PUT", "POST", "DELETE"]},
        "labels": _MATCHERS,
        "timeout": _SPAN,
    },
    "no_rejections": {"timeout": _SPAN},
}


def _answer(text: str, schema: Json | None = None, kind: str = "application/json") -> Json:
    return {"description": text, **({"content": {kind: {"schema": schema}}} if schema is not None else {})}


_PROBLEM = _answer("A problem.", _reference("Problem"), "application/problem+json")


def _operation(summary: str, answers: Json, *, parameters: Json | None = None, body: Json | None = None) -> Json:
    operation: Json = {"summary": summary, "responses": {**answers, "default": _PROBLEM}}
    if parameters:
        operation["parameters"] = [
            {"name": name, "in": "query", "schema": schema} for name, schema in parameters.items()
        ]
    if body is not None:
        schema = {"type": "object", "properties": body, "additionalProperties": False}
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return operation


def _done(summary: str, body: Json | None = None, **more: Json) -> Json:
    return {"post": _operation(summary, {"204": _answer("Done."), **more}, body=body or {})}


def _read(summary: str, schema: str, parameters: Json | None = None) -> Json:
    return _operation(summary, {"200": _answer("The content.", _reference(schema))}, parameters=parameters)


def description() -> Json:
    """Return the description as JSON."""
    many = {"type": "array", "items": _TEXT}
    text = {"200": _answer("The text.", _TEXT, "text/plain")}
    paths: Json = {
        "/v1": {"get": _read("The gateway and its options; answers as soon as it is ready", "Status")},
        "/v1/requests": {
            "get": _read(
                "The journal; with wait, until a request comes",
                "Requests",
                {"kind": _TEXT, "job": _TEXT, "since": _WHOLE, "wait": _SPAN},
            )
        },
        "/v1/groups": {"get": _read("The groups that are exposed", "Groups")},
        "/v1/snapshot": {
            "get": _operation("The pushed metrics as stable text", text, parameters={"name": many, "label": many})
        },
        "/v1/lint": {"get": _read("Problems in pushed metrics", "Problems")},
        "/v1/timeline": {"get": _read("The texts of scrapes since the first push", "Timeline")},
    }
    failed = _answer("It does not hold; detail is the message.", _reference("Problem"), "application/problem+json")
    for name in ASSERTIONS:
        summary = f"As assert_{name}() of the Python harness; with timeout, until it holds"
        paths[f"/v1/assert/{name}"] = _done(summary, _ASSERTED[name], **{"409": failed})
    paths["/v1/faults"] = {
        "get": _read("The faults since the last reset", "Faults"),
        "post": _operation("A new fault", {"201": _answer("It is active.", _reference("Fault"))}, body=_FAULT_MEMBERS),
    }
    paths["/v1/faults/{id}"] = {
        "delete": {
            **_operation("End a fault", {"204": _answer("It is over.")}),
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": _TEXT}],
        }
    }
    paths["/v1/clock"] = {
        "get": _read("The gateway's clock", "Clock"),
        "put": _operation(
            "Freeze the clock, advance it or let it run",
            {"200": _answer("The clock now.", _reference("Clock"))},
            body={"at": {"type": ["string", "number"]}, "advance": _SPAN, "frozen": _TRUTH},
        ),
    }
    paths["/v1/reset"] = _done(
        "Empty gateway and journal, and end all faults", {"session": _TEXT, "end": _TRUTH}, **{"423": _PROBLEM}
    )
    for name in ("stop", "start", "restart", "crash"):
        paths[f"/v1/{name}"] = _done(f"As {name}() of the Python harness")
    paths["/v1/openapi.json"] = {"get": _operation("This description", {"200": _answer("It.", {"type": "object"})})}
    own = _operation("For the Python client; changes with any version", {"200": _answer("JSON.", {"type": "object"})})
    paths |= {"/v1/sync": {"post": own}, "/v1/send": {"post": own}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "pytest-pushgateway test API", "version": __version__},
        "paths": paths,
        "components": {"schemas": _SCHEMAS},
    }
