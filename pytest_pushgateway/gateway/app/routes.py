"""The path grammar: from the raw request target to a handler, a redirect or a refusal. Pure functions and tables.

As Pushgateway 1.11.3 (Go 1.26's ServeMux, httprouter 1.3) does it, in three steps: the multiplexer cleans the path as
it was sent, so ``//`` redirects and ``%2F%2F`` does not; ``/api/v1/`` goes to a second router that has lost the
prefix; everything else meets a router that reads the decoded path and redirects over trailing slashes and letter case.
"""

from __future__ import annotations

import posixpath
from functools import lru_cache

from pytest_pushgateway.gateway.app.multiplexer import Multiplexer
from pytest_pushgateway.gateway.builds import RELEASE, Build
from pytest_pushgateway.gateway.grouping_key import GroupingError, grouping_key
from pytest_pushgateway.golang.httprouter import Match, Tree, clean_path
from pytest_pushgateway.golang.url import _CACHED_TARGET, RequestTarget, clean, parse_target
from pytest_pushgateway.light import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from pytest_pushgateway.exposition.labels import Labels
    from pytest_pushgateway.gateway.hooks import Kind

    Outcome = Literal["handle", "redirect", "not found", "not allowed", "options", "asterisk"]


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


class Route(NamedTuple):
    """The destination of a request."""

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
    """Length of the host in the URL; 0 if it stands in the header."""


class _Routes:
    """One httprouter: a tree for each method."""

    def __init__(self) -> None:
        self._trees: dict[str, Tree] = {}

    def add(self, methods: str, path: str, handler: str) -> None:
        """Register ``handler``; see :class:`Tree` for what ``path`` may end in.

        Raises:
            ValueError: the route is taken.

        """
        for method in methods.split():
            self._trees.setdefault(method, Tree()).add(path.encode(), handler)

    def find(self, method: str, path: bytes) -> Match:
        """Return what a method and a path lead to."""
        tree = self._trees.get(method)
        return Match(None) if tree is None else tree.find(path)

    def redirect(self, method: str, path: bytes, *, other_slash: bool) -> bytes | None:
        """Return the path that httprouter would redirect to: other trailing slash first, then other letter case."""
        if method not in self._trees or method == "CONNECT" or path == b"/":
            return None
        if other_slash:
            return path[:-1] if len(path) > 1 and path.endswith(b"/") else path + b"/"
        return self._trees[method].respell(clean_path(path))

    def allowed(self, method: str, path: bytes) -> str:
        """Return the value of ``Allow`` for a path that ``method`` does not find; empty if no method does."""
        others = [name for name in self._trees if name not in (method, "OPTIONS") and self.find(name, path).handler]
        return ", ".join(sorted([*others, "OPTIONS"])) if others else ""


class Router:
    """The routes of one gateway.

    ``prefix`` as :func:`route_prefix` returns it.

    Raises:
        ValueError: the telemetry path cannot be routed (the original panics then).

    """

    def __init__(
        self,
        prefix: str = "",
        telemetry_path: str = "/metrics",
        *,
        enable_admin_api: bool = False,
        utf8_names: bool = False,
        build: Build = RELEASE,
    ) -> None:
        self.prefix: bytes = prefix.encode()
        self.utf8_names = utf8_names
        self._build = build
        self._multiplexer = Multiplexer(self.prefix, build)
        if (clean(self.prefix) != self.prefix and prefix) or any(mark in prefix for mark in ":*{} "):
            raise ValueError(
                f"route prefix must be a clean path without ':', '*', '{{', '}}' and blanks, not {prefix!r}"
            )
        telemetry = posixpath.normpath(prefix + "/" + telemetry_path.lstrip("/")) if telemetry_path else prefix
        if not prefix and not telemetry_path.startswith("/"):
            raise ValueError(f"telemetry path {telemetry_path!r} must begin with '/'")
        if "*" in telemetry or ":" in telemetry:
            raise ValueError(f"telemetry path {telemetry_path!r} must not contain ':' or '*'")
        # In the original's order: the shape of httprouter's tree depends on it, and on the shape where it redirects.
        main = self._main = _Routes()
        for name in ("healthy", "ready"):
            main.add("GET", f"{prefix}/-/{name}", name)
        for base in ("job", "job@base64"):
            main.add("PUT POST", f"{prefix}/metrics/{base}/:", f"push {base}")
            main.add("DELETE", f"{prefix}/metrics/{base}/:", f"delete {base}")
        try:
            main.add("GET", telemetry, "metrics")
            main.add("GET", f"{prefix}/static/*", "static")
            main.add("GET", f"{prefix}/status", "status")
            main.add("GET", f"{prefix}/", "status")
            main.add("GET", f"{prefix}/debug/pprof/*", "pprof")
            main.add("PUT POST", f"{prefix}/-/quit", "quit")
            # As the original: registered without the prefix.
            main.add("GET", "/-/quit", "quit")
            main.add("GET", f"{prefix}/-/state", "state")
            main.add("GET", f"{prefix}/-/state/*", "state")
        except ValueError:
            raise ValueError(f"telemetry path {telemetry_path!r} is taken: {telemetry} is already served") from None
        api = self._api = _Routes()
        api.add("GET", "/status", "api/v1/status")
        api.add("GET", "/metrics", "api/v1/metrics")
        api.add("OPTIONS", "/*", "api/v1/options")
        if enable_admin_api:
            api.add("PUT", "/admin/wipe", "wipe")
        self._remembered = lru_cache(maxsize=512)(self._route)

    def route(self, method: str, target: str) -> Route:
        """Route a request; ``target`` is the raw request target, latin-1.

        Raises:
            BadTarget: the target cannot be parsed.

        """
        return (self._remembered if len(target) <= _CACHED_TARGET else self._route)(method, target)

    def _route(self, method: str, raw: str) -> Route:
        target = parse_target(raw.encode("latin-1"), method)
        if raw == "*":
            return Route("options" if method == "OPTIONS" else "asterisk", decodes=False)
        found = self._multiplexer.find(method, target)
        if found.pattern == "redirect":
            return Route("redirect", decodes=False, status=self._build.redirect, location=found.location)
        if found.pattern == "none":
            return Route("not found", decodes=False)
        api = found.pattern == "api"
        return self._route_in(self._api if api else self._main, method, found.path, target, api=api)

    def _route_in(self, routes: _Routes, method: str, path: bytes, target: RequestTarget, *, api: bool) -> Route:
        match = routes.find(method, path)
        if match.handler is not None:
            return self._matched(match.handler, match.values, path, target, api=api)
        if (other := routes.redirect(method, path, other_slash=match.other_slash)) is not None:
            status = 301 if method == "GET" else 307
            # As http.Redirect: an empty location is a relative one.
            location = target.url(other or (b"" if target.origin else b"/"))
            return Route("redirect", api=api, decodes=not api, status=status, location=location)
        if allow := routes.allowed(method, path):
            return Route("options" if method == "OPTIONS" else "not allowed", api=api, decodes=not api, allow=allow)
        return Route("not found", api=api, decodes=not api)

    def _matched(
        self, handler: str, values: tuple[bytes, ...], path: bytes, target: RequestTarget, *, api: bool
    ) -> Route:
        handler, _, base = handler.partition(" ")
        if base:
            url, host = len(target.text()), len(target.host)
            job, labels = values
            kind: Kind = "push" if handler == "push" else "delete"
            try:
                key = grouping_key(job, labels, base == "job@base64", utf8_names=self.utf8_names)
            except GroupingError as problem:
                return Route("handle", handler, kind, problem=problem, url_length=url, host_length=host)
            return Route("handle", handler, kind, key=key, url_length=url, host_length=host)
        if handler == "pprof":
            return Route("not found")
        kind = "scrape" if handler == "metrics" else "wipe" if handler == "wipe" else "other"
        path = path[0 if api else len(self.prefix) :]
        return Route("handle", handler, kind, api, not api, path=path)
