"""The path grammar: from the raw request target to a handler, a redirect or a refusal. Pure functions and tables.

As Pushgateway 1.11 (Go 1.24 with the older ServeMux, httprouter 1.3) does it, in three steps: the multiplexer cleans
the *decoded* path, so ``%2F%2F`` redirects like ``//``; ``/api/v1/`` goes to a router of its own that has lost the
prefix; everything else meets a router that redirects over trailing slashes and letter case.
"""

from __future__ import annotations

import posixpath
import re
import socket
from functools import lru_cache
from string import ascii_letters, digits
from typing import TYPE_CHECKING, Literal, NamedTuple

from pytest_pushgateway.exposition.gofmt import quote as go_quote
from pytest_pushgateway.gateway.grouping import GroupingError, grouping_key

if TYPE_CHECKING:
    from pytest_pushgateway.exposition.model import Labels
    from pytest_pushgateway.gateway.exchange import Kind

_SCHEME = rb"(?s)([a-zA-Z][a-zA-Z0-9+.\-]*):(.*)"
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(rb"%(?![0-9a-fA-F]{2})")
_CACHED_TARGET = 512
"""Longest target whose route is remembered, bytes: what real clients send, not what an attacker fills memory with."""


class BadTarget(ValueError):
    """The request target is no URL; the server answers a bare 400 and closes."""


class Target(NamedTuple):
    """A request target taken apart as Go's ``url.ParseRequestURI`` does."""

    path: bytes
    """Decoded; empty for ``http://host`` and opaque targets."""
    raw_path: bytes
    """As sent."""
    query: bytes | None
    """Without its question mark; None where there is none."""
    origin: bytes
    """``scheme://host`` or ``scheme:`` of an absolute-form target, else empty."""

    def url(self, path: bytes) -> bytes:
        """Return this target's URL with another ``path``, escaped once."""
        return self.origin + escape(path) + (b"" if self.query is None else b"?" + self.query)

    def length(self) -> int:
        """Return the length of the URL as Go prints it back: as sent, or escaped where it should have been."""
        as_sent = not self.raw_path.translate(None, _PRINTED_AS_SENT)
        path = self.raw_path if as_sent else escape(self.path)
        return len(self.origin) + len(path) + (0 if self.query is None else 1 + len(self.query))

    def host(self) -> bytes:
        """Return the host of an absolute-form target, port included, which goes before the header of that name."""
        return self.origin.partition(b"://")[2].rpartition(b"@")[2]


def escape(path: bytes, safe: str = "$&+,/:;=@") -> bytes:
    """Percent-encode a decoded path as Go's ``URL.EscapedPath`` does; letters, digits and ``_.-~`` are always safe."""
    if path.translate(None, f"{safe}_.-~".encode()).isalnum():
        return path
    from urllib.parse import quote

    return quote(path, safe=safe).encode("ascii")


_PRINTED_AS_SENT = (ascii_letters + digits + "-_.~!$&'()*+,/;=:@[]%").encode()


def unquote(path: bytes) -> bytes:
    """Undo percent-encoding."""
    if b"%" not in path:
        return path
    from urllib.parse import unquote_to_bytes

    return unquote_to_bytes(path)


def parse_target(target: bytes, method: str = "GET") -> Target:
    """Take a raw request target apart.

    Raises BadTarget for control characters, broken percent-escapes and what is neither ``*``, a path nor a URL.
    """
    if not (target or method == "CONNECT") or _CONTROL.search(target):
        raise BadTarget(target)
    if target == b"*":
        return Target(b"*", target, None, b"")
    rest, origin = target, b""
    if method == "CONNECT" and not target.startswith(b"/"):
        rest = b"//" + target
        scheme = b"http"
    elif not target.startswith(b"/") and (match := re.match(_SCHEME, target)):
        scheme, rest = match[1].lower(), match[2]
    else:
        scheme = b""
    rest, mark, query = rest.partition(b"?")
    if not rest.startswith(b"/"):
        if not scheme:
            raise BadTarget(target)
        return Target(b"", b"", query if mark else None, b"")
    if scheme:
        origin = scheme + b":"
    if scheme and rest.startswith(b"//"):
        host, slash, rest = rest[2:].partition(b"/")
        origin, rest = scheme + b"://" + host, slash + rest
        if not _is_authority(host):
            raise BadTarget(target)
    if _BAD_ESCAPE.search(rest):
        raise BadTarget(target)
    return Target(unquote(rest), rest, query if mark else None, origin)


def is_target(target: str, method: str) -> bool:
    """Tell whether a raw request target (latin-1) can be taken apart; remembered for what real clients send."""
    return (_is_target if len(target) <= _CACHED_TARGET else _is_target.__wrapped__)(target, method)


@lru_cache(maxsize=512)
def _is_target(target: str, method: str) -> bool:
    try:
        parse_target(target.encode("latin-1"), method)
    except BadTarget:
        return False
    return True


# Patterns that few gateways ever need are compiled with their first use.
_USER = rb"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*"
_HOST = rb"(?:[A-Za-z0-9\-._~!$&'()*+,;=:\[\]<>\"\x80-\xff]|%25|%[89A-Fa-f][0-9A-Fa-f])*"
_PORT = rb"(?::[0-9]*)?"


def _is_authority(authority: bytes) -> bool:
    user, _, host = authority.rpartition(b"@")
    return bool(re.fullmatch(_USER, user)) and not _BAD_ESCAPE.search(user) and _is_host(host)


def _is_host(host: bytes) -> bool:
    """As Go 1.24's ``net/url``: between brackets only an IPv6 address, outside of them nearly anything."""
    before, bracket, inside = host.rpartition(b"[")
    if bracket:
        inside, bracket, port = inside.rpartition(b"]")
        address = inside.partition(b"%25")[0]
        try:
            socket.inet_pton(socket.AF_INET6, address.decode("latin-1"))
        except (OSError, ValueError):
            return False
        return bool(bracket and re.fullmatch(_PORT, port) and re.fullmatch(_HOST, before))
    _, colon, port = host.rpartition(b":")
    return bool(re.fullmatch(_HOST, host) and re.fullmatch(_PORT, colon + port if colon else b""))


def clean(path: bytes) -> bytes:
    """Clean a decoded path as Go's older ServeMux does: ``//``, ``/./`` and ``/../`` go, a final slash stays."""
    if b"//" not in path and b"/." not in path and path.startswith(b"/"):
        return path
    if not path.startswith(b"/"):
        path = b"/" + path
    # posixpath keeps exactly two leading slashes; Go does not.
    cleaned = posixpath.normpath(b"/" + path.lstrip(b"/"))
    return cleaned + b"/" if path.endswith(b"/") and cleaned != b"/" else cleaned


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


def external_path(url: str) -> str:
    """Return the path of ``--web.external-url``, decoded.

    Raises ValueError, in Go's words, for what is no URL. ``ex.test:80`` is one, with no path.
    """
    raw = url.encode("utf-8", "surrogateescape")

    def problem(reason: str) -> ValueError:
        return ValueError(f"parse {go_quote(raw)}: {reason}")

    if _CONTROL.search(raw):
        raise problem("net/url: invalid control character in URL")
    rest = raw.partition(b"#")[0]
    scheme = re.match(rb"[^/?]*?:", rest)
    if scheme:
        if not (match := re.match(_SCHEME, rest)):
            missing = rest.startswith(b":")
            raise problem("missing protocol scheme" if missing else "first path segment in URL cannot contain colon")
        rest = match[2]
    path = rest.partition(b"?")[0]
    if scheme and not path.startswith(b"/"):
        return ""
    if path.startswith(b"//"):
        host, slash, path = path[2:].partition(b"/")
        path = slash + path
        if bad := re.search(rb'[ <>"]', host):
            raise problem(f"invalid character {go_quote(bad[0])} in host name")
        if not _is_authority(host):
            raise problem(f"invalid host {go_quote(host)}")
    if bad := _BAD_ESCAPE.search(path):
        raise problem(f"invalid URL escape {go_quote(path[bad.start() : bad.start() + 3])}")
    return unquote(path).decode("utf-8", "surrogateescape")


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
