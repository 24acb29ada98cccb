"""Requests that were meant as pushes or deletions, and that no route took: which ones they are, and what to do instead.

A gateway answers them with a redirect, 404 or 405, and a client that swallows errors never hears of it. Other traffic
of a test (remote write, OTLP, ``/-/reload`` of a Prometheus) must not be taken for a push: what counts is a path with
``/metrics/job``, the Content-Type of an exposition format, or a body in the text format.
"""

from __future__ import annotations

import re

from pytest_pushgateway.golang.url import is_target, unquote

_GROUP = rb"(?i)/metrics/+(jobs?)(?:@base64)?(?:/|$)"
_APART = (b"/-/", b"/api/v1/admin/")
"""Paths of the lifecycle and the admin API: what is sent there is no push, whatever it holds."""

_NUMBER = rb"[-+]?(?:[0-9]|\.[0-9]|[iI]nf|[nN]a[nN])[^\s{}=,]*"
_BODY = (
    rb"\s*(?:\#[ \t]*(?:HELP|TYPE|UNIT)[ \t]"
    rb"|(?:[a-zA-Z_:][a-zA-Z0-9_:]*(?:[ \t]*\{[^\n]*\})?|\{\"[^\n]*\})[ \t]*(?<=[ \t}])"
    + _NUMBER
    + rb"(?:[ \t]+-?[0-9]+)?[ \t\r]*(?:\n|$))"
)
_FORMATS = {
    "application/openmetrics-text": "",
    "application/vnd.google.protobuf": "proto",
    "text/plain": "version",
}
"""Media types of the exposition formats, with the parameter without which they may be anything's."""


_METHODS = ("PUT", "POST", "PATCH", "DELETE")


def refused_head(line: str, status: int) -> tuple[str, str, str] | None:
    """Return method and target of a push or deletion whose head was refused, and what to do; None for all others.

    Args:
        line: the request line as sent, latin-1; it need not be one.
        status: the status of the answer.

    """
    method, _, rest = line.partition(" ")
    target = rest.partition(" HTTP/")[0]
    group = re.search(_GROUP, unquote(target.encode("latin-1").partition(b"?")[0]))
    if method not in _METHODS or group is None:
        return None
    if status == 400 and (" " in target or not is_target(target, method)):
        return method, target, "its path is malformed: escape each value with urllib.parse.quote(value, safe='')"
    return method, target, "the request line or a header is malformed or too long"


def missed_route(
    method: str, target: str, content_type: str, body: bytes, status: int, location: str, prefix: str
) -> str:
    """Return why a request that was meant as a push or a deletion missed, and what to do; empty for all others.

    Args:
        method: the HTTP method.
        target: the request target as sent, latin-1.
        content_type: the Content-Type header, or an empty string.
        body: the body, as far as it is known.
        status: the status of the answer.
        location: the Location of the answer, or an empty string.
        prefix: the gateway's route prefix.

    """
    if status < 300 or method not in _METHODS:
        return ""
    path = unquote(target.encode("latin-1").partition(b"?")[0])
    group = re.search(_GROUP, path)
    base = path[: group.start()] if group else path
    if any(part in base + b"/" for part in _APART):
        return ""
    if group is None and method == "DELETE" and not re.search(rb"/metrics/+[^/]", path):
        return ""
    if group is None and method != "DELETE" and not (_is_exposition(content_type) or re.match(_BODY, body[:4096])):
        return ""
    noun = "deletion" if method == "DELETE" else "push"
    right = f"the path of a {noun} is {prefix}/metrics/job/JOB"
    if 300 <= status < 400 and location:
        there = unquote(location.encode("latin-1"))
        if group is not None and b"//" in path[group.end() :]:
            right = "an empty label value is written as label@base64/="
        elif re.search(rb"/metrics/job(?:@base64)?/.", there):
            right = f"not every client follows with the body, so send the {noun} there"
        return f"redirected (Location: {location}); {right}"
    if method == "PATCH":
        return "a push is a PUT or a POST"
    if group is None or group[1].lower() == b"jobs":
        return right
    found = re.sub(rb"^[a-zA-Z][a-zA-Z0-9+.-]*://[^/]*", b"", base).decode("utf-8", "replace")
    if found.rstrip("/") == prefix:
        return right
    if not prefix:
        return f"{right}: the gateway has no route prefix, so leave out {found!r}"
    return f"{right}: the gateway's route prefix is {prefix!r}, not {found!r}"


def _is_exposition(content_type: str) -> bool:
    media, *parameters = (part.strip().lower() for part in content_type.split(";"))
    needed = _FORMATS.get(media)
    if needed is None:
        return False
    return not needed or any(parameter.partition("=")[0].rstrip() == needed for parameter in parameters)
