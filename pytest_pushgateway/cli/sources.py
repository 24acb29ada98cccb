"""Metrics that a command is given: in a file, on standard input (``-``) or at a URL."""

from __future__ import annotations

import sys

MAX_SIZE = 256 << 20
"""Bytes that are read at most: no gateway exposes as many, and a device such as /dev/zero has no end."""


class Unreadable(Exception):
    """The metrics cannot be read; the text names them and the reason, in one line."""


def read_metrics(source: str) -> bytes:
    """Return what ``source`` holds. Proxies of the environment are used, as curl does.

    Raises:
        Unreadable: the source cannot be read.

    """
    try:
        if source == "-":
            content = sys.stdin.buffer.read(MAX_SIZE + 1)
        elif source.startswith(("http://", "https://")):
            content = _get(source)
        else:
            with open(source, "rb") as file:
                content = file.read(MAX_SIZE + 1)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "reason", None) or problem  # a URLError wraps what went wrong
        raise Unreadable(f"cannot read {source}: {getattr(reason, 'strerror', None) or reason}") from None
    if len(content) > MAX_SIZE:
        raise Unreadable(f"cannot read {source}: more than {MAX_SIZE >> 20} MiB; name a file of metrics")
    return content


def _get(url: str) -> bytes:
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    request = Request(url, headers={"Accept": "text/plain;version=0.0.4"})
    try:
        with urlopen(request, timeout=30) as answer:
            return bytes(answer.read(MAX_SIZE + 1))
    except HTTPException as problem:
        raise OSError(f"not an HTTP response: {problem!r}") from None
