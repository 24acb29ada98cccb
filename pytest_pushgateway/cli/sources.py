"""Metrics that a command is given: in a file, on standard input (``-``) or at a URL."""

from __future__ import annotations

import sys


class Unreadable(Exception):
    """The metrics cannot be read; the text names them and the reason, in one line."""


def read_metrics(source: str) -> bytes:
    """Return what ``source`` holds. Proxies of the environment are used, as curl does. Raises :class:`Unreadable`."""
    try:
        if source == "-":
            return sys.stdin.buffer.read()
        if source.startswith(("http://", "https://")):
            return _get(source)
        with open(source, "rb") as file:
            return file.read()
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "reason", None) or problem  # a URLError wraps what went wrong
        raise Unreadable(f"cannot read {source}: {getattr(reason, 'strerror', None) or reason}") from None


def _get(url: str) -> bytes:
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    request = Request(url, headers={"Accept": "text/plain;version=0.0.4"})
    try:
        with urlopen(request, timeout=30) as answer:
            return bytes(answer.read())
    except HTTPException as problem:
        raise OSError(f"not an HTTP response: {problem!r}") from None
