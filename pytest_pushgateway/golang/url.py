"""URLs as Go's net/url and net/http read and write them."""

from __future__ import annotations

import posixpath
import re
import socket
from functools import lru_cache
from string import ascii_letters, digits
from typing import NamedTuple

from pytest_pushgateway.golang.strconv import quote as go_quote
from pytest_pushgateway.golang.utf8 import bytes_of, text_of

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

    def escaped_path(self) -> bytes:
        """Return the path as Go's ``URL.EscapedPath`` does: as sent, or escaped where it should have been."""
        return escape(self.path) if self.raw_path.translate(None, _PRINTED_AS_SENT) else self.raw_path

    def length(self) -> int:
        """Return the length of the URL as Go prints it back."""
        return len(self.origin) + len(self.escaped_path()) + (0 if self.query is None else 1 + len(self.query))

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
    """Clean a path as Go's ServeMux does: ``//``, ``/./`` and ``/../`` go, a final slash stays."""
    if b"//" not in path and b"/." not in path and path.startswith(b"/"):
        return path
    if not path.startswith(b"/"):
        path = b"/" + path
    # posixpath keeps exactly two leading slashes; Go does not.
    cleaned = posixpath.normpath(b"/" + path.lstrip(b"/"))
    return cleaned + b"/" if path.endswith(b"/") and cleaned != b"/" else cleaned


def external_path(url: str) -> str:
    """Return the path of ``--web.external-url``, decoded.

    Raises ValueError, in Go's words, for what is no URL. ``ex.test:80`` is one, with no path.
    """
    raw = bytes_of(url)

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
    return text_of(unquote(path))


def join_host_port(host: str, port: int) -> str:
    """Return ``host:port``, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
