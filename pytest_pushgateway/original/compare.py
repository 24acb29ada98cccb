"""The rules by which two answers are compared, those of docs/deviations.md: only the random parts are taken out."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

from pytest_pushgateway.original.relay import WireAnswer

_OWN = re.compile(rb"(?:go|process|pushgateway)_")
_PUSH_TIMES = (b"push_time_seconds", b"push_failure_time_seconds", b'{"push_time_seconds', b'{"push_failure_time')
_ERRORS = re.compile(rb"\d error\(s\) occurred:\n")
_IN_TEXT = re.compile(rb'"push_(?:failure_)?time_seconds" \{|gauge:\{value:[^{}]*\}\}|\n')
"""The beginning of a time of a push in protobuf's text, a value, or the end of a line."""
ONLY_OURS = frozenset((401, 403, 408, 413, 414, 431, 503))
"""Statuses of passwords, of browsers, of limits and of a file that cannot be written, which the original has not."""


def differing(ours: WireAnswer, theirs: WireAnswer) -> str | None:
    """Return which part of two answers differs; None if they are the same."""
    if _has_panicked(ours, theirs):
        return None
    if ours.status != theirs.status:
        return "status"
    if ours.reason != theirs.reason:
        return "reason"
    if ours.header("location") != theirs.header("location"):
        return "Location"
    if ours.header("allow") != theirs.header("allow"):
        return "Allow"
    kind = ours.header("content-type")
    if kind and kind != theirs.header("content-type"):
        return "Content-Type"
    if content(ours) != content(theirs):
        return "body"
    return None


def _has_panicked(ours: WireAnswer, theirs: WireAnswer) -> bool:
    """Return whether the original's handler panics where ours refuses, see the deviations."""
    return theirs.status == 0 and ours.status == 400 and b"invalid metric name" in ours.body


def content(reply: WireAnswer) -> bytes:
    """Return a body without what is random in the original."""
    body = reply.body
    kind = reply.header("content-type")
    if reply.header("content-encoding") == "gzip":
        body = gzip.decompress(body)
    if reply.status >= 400:
        return error(body)
    if kind.startswith("text/plain; version=") or kind.startswith("application/openmetrics-text"):
        return exposition(body)
    if kind.startswith("application/vnd.google.protobuf"):
        return b""  # as text it is compared behind each push
    if kind == "application/json":
        return _document(json.loads(body))
    return body


def error(body: bytes) -> bytes:
    """Return the text of an error: the order of several errors, the times and protobuf's spaces are random."""
    body = body.replace("proto:\u00a0".encode(), b"proto: ")
    body = re.sub(rb"(?<=[\w\"}]) {2}(?=\w)", b" ", body)
    body = _without_times_of_pushes(body)
    if found := _ERRORS.search(body):
        listed = body[found.end() :].rstrip(b"\n")
        errors = sorted(re.split(rb"\n(?=\* )", listed))
        body = body[: found.end()] + b"\n".join(errors) + body[found.end() + len(listed) :]
    return body


def _without_times_of_pushes(body: bytes) -> bytes:
    begun = False

    def blank(found: re.Match[bytes]) -> bytes:
        nonlocal begun
        text = found[0]
        if text.startswith(b"gauge"):
            text, begun = (b"gauge:{value:<time>}}" if begun else text), False
        else:
            begun = text != b"\n"
        return text

    return _IN_TEXT.sub(blank, body)


def exposition(body: bytes, *, loose: bool = False) -> bytes:
    """Return a text exposition without the gateway's own series, and with the times of pushes blanked.

    Args:
        body: the text.
        loose: whether it is also random if a push failed ever: what was copied from one gateway to the other.

    """
    kept: list[bytes] = []
    header: list[bytes] = []
    for line in body.splitlines(keepends=True):
        if line.startswith((b"# HELP ", b"# TYPE ")):
            if line.startswith(b"# HELP ") or not (header and header[-1].startswith(b"# HELP ")):
                header = []
            header.append(line)
            if not _OWN.match(line[7:]):
                kept += header
                header = []
        elif not _OWN.match(line) or b'job="' in line:
            kept += header
            header = []
            kept.append(_blank(line, loose=loose) if line.startswith(_PUSH_TIMES) else line)
    return b"".join(kept)


def _blank(line: bytes, *, loose: bool) -> bytes:
    series, _, value = line.rstrip(b"\n").rpartition(b" ")
    return line if value == b"0" and not loose else series + b" <time>\n"


def _document(document: Any) -> bytes:
    """Return a document of the JSON API: groups in order, times and build information out."""
    data = document.get("data")
    if isinstance(data, list):
        groups = sorted((_without_times(group) for group in data), key=lambda group: json.dumps(group["labels"]))
        return json.dumps({**document, "data": groups}, indent=1, sort_keys=True).encode()
    if isinstance(data, dict) and "build_information" in data:
        data = {"build_information": sorted(data["build_information"])}
    return json.dumps({**document, "data": data}, indent=1, sort_keys=True).encode()


def _without_times(group: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in group.items():
        if isinstance(value, dict) and "time_stamp" in value:
            value = {**value, "time_stamp": "<time>"}
            if name in ("push_time_seconds", "push_failure_time_seconds"):
                value["metrics"] = [_without_time(metric) for metric in value["metrics"]]
        shown[name] = value
    return shown


def _without_time(metric: dict[str, Any]) -> dict[str, Any]:
    return metric if metric.get("value") == "0" else {**metric, "value": "<time>"}
