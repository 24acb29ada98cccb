"""The first step of routing: Go's ServeMux with the original's two patterns, ``/`` and ``<prefix>/api/v1/``.

The paths that it cleans, and its redirects, depend on the build of the original.
"""

from __future__ import annotations

from pytest_pushgateway.gateway.builds import Build
from pytest_pushgateway.golang.url import RequestTarget, clean, escape, unquote
from pytest_pushgateway.light import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal


class Found(NamedTuple):
    """The multiplexer's decision about a request."""

    pattern: Literal["main", "api", "redirect", "none"]
    path: bytes = b""
    """For ``main`` and ``api``: the decoded path that the next router sees."""
    location: bytes = b""
    """For ``redirect``: before non-ASCII bytes are escaped for the header."""


class Multiplexer:
    """Sends requests to the main routes or to those of the API."""

    def __init__(self, prefix: bytes, build: Build) -> None:
        self._build = build
        self._api = prefix + b"/api/v1"
        self._segments = [unquote(segment) for segment in self._api.split(b"/")]

    def find(self, method: str, target: RequestTarget) -> Found:
        """Return where a request goes; ``OPTIONS *`` and the like never get here."""
        path = target.path if self._build.cleans_decoded_path else target.escaped_path()
        cleaned = path if method == "CONNECT" else clean(path)
        if self._is_api(cleaned + b"/") and not self._is_api(cleaned):
            return _redirect(clean(target.path) + b"/", target)
        if cleaned != path:
            return _redirect(cleaned, target)
        if not path:
            # CONNECT to a host.
            return _redirect(b"/", target) if self._build.redirects_connect_to_host else Found("none")
        if not self._is_api(path):
            return Found("main", target.path)
        if not target.raw_path.startswith(self._api) and target.raw_path != escape(target.path):
            # As http.StripPrefix: the prefix is taken away in its very spelling alone.
            return Found("none")
        return Found("api", target.path[len(self._api) :])

    def _is_api(self, path: bytes) -> bool:
        if self._build.cleans_decoded_path:
            return path.startswith(self._api + b"/")
        # Segment by segment, each decoded for itself: ``%2F`` is part of one.
        count = len(self._segments)
        segments = path.split(b"/", count)
        return len(segments) > count and [unquote(segment) for segment in segments[:count]] == self._segments


def _redirect(path: bytes, target: RequestTarget) -> Found:
    # As Go: the path is escaped, once more where it was; the origin goes, and a question mark that nothing follows.
    return Found("redirect", location=clean(escape(path)) + (b"?" + target.query if target.query else b""))
