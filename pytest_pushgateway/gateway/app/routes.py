"""The path grammar: from the raw request target to a handler, a redirect or a refusal. Pure functions and tables.

As Pushgateway 1.11 (Go 1.24 with the older ServeMux, httprouter 1.3) does it, in three steps: the multiplexer cleans
the *decoded* path, so ``%2F%2F`` redirects like ``//``; ``/api/v1/`` goes to a router of its own that has lost the
prefix; everything else meets a router that redirects over trailing slashes and letter case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_pushgateway.golang.url import _CACHED_TARGET, clean, escape, parse_target

if TYPE_CHECKING:
    from pytest_pushgateway.golang.url import Target


import posixpath
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from pytest_pushgateway.gateway.grouping_key import GroupingError, grouping_key

if TYPE_CHECKING:
    from pytest_pushgateway.exposition.labels import Labels
    from pytest_pushgateway.gateway.hooks import Kind


def route_prefix(prefix: str, external_path: str) -> str:
    """Return the effective ``--web.route-prefix``: with a leading slash, without one final slash; ``""`` for the root.

    ``prefix`` empty means the path of the external URL.
    """
    chosen = prefix or external_path
    if chosen in ("", "/"):
        return ""
    if not chosen.startswith("/"):
        chosen = "/" + chosen
    return chosen.removesuffix("/")


Outcome = Literal["handle", "redirect", "not found", "not allowed", "options", "asterisk"]


class Route(NamedTuple):
    """Where a request goes."""

    outcome: Outcome
    handler: str = ""
    """For ``handle``: push, delete, metrics, healthy, ready, quit, static, status, wipe, api/v1/status..."""
    kind: Kind = "other"
    api: bool = False
    """Below ``/api/v1/``."""
    decodes: bool = True
    """Whether the body is decoded before the answer: not below ``/api/v1/``, nor where the path is cleaned."""
    path: bytes = b""
    """The decoded path without prefix, for the web page."""
    key: Labels | None = None
    problem: GroupingError | None = None
    """For push and delete: why the URL names no group."""
    status: int = 0
    """For ``redirect``: 301 or 307."""
    location: bytes = b""
    """For ``redirect``: before non-ASCII bytes are escaped for the header."""
    allow: str = ""
    url_length: int = 0
    """Length of the URL as Go prints it back, for the request size metric."""
    host_length: int = 0
    """Length of the host in the URL; 0 where it stands in the header."""


class _Tree:
    """One httprouter: fixed paths, catch-alls and, where there is a base, groups, each with their methods."""

    def __init__(self, group_base: bytes | None = None) -> None:
        self.fixed: dict[str, dict[bytes, str]] = {}
        self.below: dict[str, dict[bytes, str]] = {}
        self.group_base = group_base

    def add(self, methods: str, path: str, handler: str) -> None:
        """Register ``handler``; a path that ends in ``/*`` catches everything below."""
        raw = path.encode()
        for method in methods.split():
            if raw.endswith(b"/*"):
                self.below.setdefault(method, {})[raw[:-1]] = handler
            else:
                self.fixed.setdefault(method, {})[raw] = handler

    def methods(self) -> list[str]:
        groups = ["DELETE", "POST", "PUT"] if self.group_base is not None else []
        return sorted({*self.fixed, *self.below, *groups})

    def find(self, method: str, path: bytes) -> str | None:
        if handler := self.fixed.get(method, {}).get(path):
            return handler
        for base, handler in self.below.get(method, {}).items():
            if path.startswith(base):
                return handler
        if method in ("PUT", "POST", "DELETE") and self.split_group(path):
            return "delete" if method == "DELETE" else "push"
        return None

    def split_group(self, path: bytes) -> tuple[bytes, bytes, bool] | None:
        """Return job, labels (from their first slash) and whether the job is base64; None if it is no group's path."""
        if self.group_base is None or not path.startswith(self.group_base):
            return None
        rest = path[len(self.group_base) :]
        encoded = rest.startswith(b"@base64/")
        if not encoded and not rest.startswith(b"/"):
            return None
        job, slash, labels = rest[8 if encoded else 1 :].partition(b"/")
        return (job, slash + labels, encoded) if job or slash else None

    def redirect(self, method: str, path: bytes) -> bytes | None:
        """Return the path that httprouter would redirect to: other trailing slash first, then other letter case."""
        other = path[:-1] if path.endswith(b"/") else path + b"/"
        fixed, below = self.fixed.get(method, {}), self.below.get(method, {})
        grouped = self.group_base is not None and method in ("PUT", "POST", "DELETE")
        if path == b"/" or method not in self.methods():
            return None
        if other in fixed or other in below or (grouped and other == self.group_base):
            return other
        folded = path.lower()
        for known in fixed:
            if known.lower() in (folded, other.lower()):
                return known
        for base in below:
            if folded.startswith(base.lower()) or other.lower() == base.lower():
                return base + path[len(base) :]
        if grouped and self.group_base is not None:
            for base in (self.group_base + b"/", self.group_base + b"@base64/"):
                if folded.startswith(base.lower()) and len(path) > len(base):
                    return base + path[len(base) :]
        return None


class Router:
    """The routes of one gateway.

    ``prefix`` as :func:`route_prefix` returns it. Raises ValueError when the telemetry path cannot be routed (the
    original panics then).
    """

    def __init__(
        self,
        prefix: str = "",
        telemetry_path: str = "/metrics",
        *,
        enable_admin_api: bool = False,
        utf8_names: bool = False,
    ) -> None:
        self.prefix: bytes = prefix.encode()
        self.utf8_names = utf8_names
        tree = self._tree = _Tree(self.prefix + b"/metrics/job")
        for name in ("healthy", "ready"):
            tree.add("GET", f"{prefix}/-/{name}", name)
        tree.add("GET", f"{prefix}/-/state", "state")
        tree.add("GET", f"{prefix}/status", "status")
        tree.add("GET", f"{prefix}/", "status")
        tree.add("GET", f"{prefix}/static/*", "static")
        tree.add("PUT POST", f"{prefix}/-/quit", "quit")
        # As Pushgateway 1.11: registered without the prefix.
        tree.add("GET", "/-/quit", "quit")
        telemetry = posixpath.normpath(prefix + "/" + telemetry_path.lstrip("/")) if telemetry_path else prefix
        if not prefix and not telemetry_path.startswith("/"):
            raise ValueError(f"telemetry path {telemetry_path!r} must begin with '/'")
        if tree.find("GET", telemetry.encode()):
            raise ValueError(f"telemetry path {telemetry_path!r} is taken: {telemetry} is already served")
        if "*" in telemetry or ":" in telemetry:
            raise ValueError(f"telemetry path {telemetry_path!r} must not contain ':' or '*'")
        tree.add("GET", telemetry, "metrics")
        api = self._api_tree = _Tree()
        self._api_base = self.prefix + b"/api/v1"
        api.add("GET", "/status", "api/v1/status")
        api.add("GET", "/metrics", "api/v1/metrics")
        api.add("OPTIONS", "/*", "api/v1/options")
        if enable_admin_api:
            api.add("PUT", "/admin/wipe", "wipe")
        self._remembered = lru_cache(maxsize=512)(self._route)

    def route(self, method: str, target: str) -> Route:
        """Route a request; ``target`` is the raw request target, latin-1. Raises BadTarget."""
        return (self._remembered if len(target) <= _CACHED_TARGET else self._route)(method, target)

    def _route(self, method: str, raw: str) -> Route:
        target = parse_target(raw.encode("latin-1"), method)
        path = target.path
        if raw == "*":
            return Route("options" if method == "OPTIONS" else "asterisk", decodes=False)
        cleaned = path if method == "CONNECT" else clean(path)
        if cleaned == self._api_base:
            cleaned += b"/"
        if cleaned != path:
            # As Go: the origin goes, and so does a question mark that nothing follows.
            location = escape(cleaned) + (b"?" + target.query if target.query else b"")
            return Route("redirect", decodes=False, status=301, location=location)
        if not path:
            # CONNECT to a host: no pattern of Go's ServeMux matches.
            return Route("not found", decodes=False)
        if path.startswith(self._api_base + b"/"):
            return self._route_api(method, target)
        return self._route_in(self._tree, method, path, target, api=False)

    def _route_api(self, method: str, target: Target) -> Route:
        if not target.raw_path.startswith(self._api_base) and target.raw_path != escape(target.path):
            return Route("not found", api=True, decodes=False)
        return self._route_in(self._api_tree, method, target.path[len(self._api_base) :], target, api=True)

    def _route_in(self, tree: _Tree, method: str, path: bytes, target: Target, *, api: bool) -> Route:
        if handler := tree.find(method, path):
            return self._matched(tree, handler, path, target, api=api)
        if method != "CONNECT" and (other := tree.redirect(method, path)):
            return Route(
                "redirect", api=api, decodes=not api, status=301 if method == "GET" else 307, location=target.url(other)
            )
        allowed = [name for name in tree.methods() if name not in (method, "OPTIONS") and tree.find(name, path)]
        if allowed:
            allow = ", ".join(sorted([*allowed, "OPTIONS"]))
            return Route("options" if method == "OPTIONS" else "not allowed", api=api, decodes=not api, allow=allow)
        return Route("not found", api=api, decodes=not api)

    def _matched(self, tree: _Tree, handler: str, path: bytes, target: Target, *, api: bool) -> Route:
        if handler in ("push", "delete"):
            url, host = target.length(), len(target.host())
            split = tree.split_group(path)
            assert split is not None
            kind: Kind = "push" if handler == "push" else "delete"
            try:
                key = grouping_key(*split, utf8_names=self.utf8_names)
            except GroupingError as problem:
                return Route("handle", handler, kind, problem=problem, url_length=url, host_length=host)
            return Route("handle", handler, kind, key=key, url_length=url, host_length=host)
        kind = "scrape" if handler == "metrics" else "wipe" if handler == "wipe" else "other"
        path = path[0 if api else len(self.prefix) :]
        return Route("handle", handler, kind, api, not api, path=path)
