"""URLs as Go's net/url reads and prints them, with the compatibility settings of the original's builds."""

from __future__ import annotations

import _socket as socket  # socket itself takes milliseconds to import
import posixpath
import re
from functools import lru_cache

from pytest_pushgateway.golang.strconv import quote as go_quote
from pytest_pushgateway.golang.utf8 import bytes_of, text_of
from pytest_pushgateway.light import NamedTuple

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(rb"%(?![0-9a-fA-F]{2})")
_PRINTED_AS_SENT = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~!$&'()*+,/;=:@[]%"
# Patterns that few gateways ever need are compiled with their first use.
_SCHEME = rb"(?s)([a-zA-Z][a-zA-Z0-9+.\-]*):(.*)"
_USER = rb"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*"
_PORT = rb"(?::[0-9]*)?"
_NOT_IN_HOST = rb"[^A-Za-z0-9\-._~!$&'()*+,;=:\[\]<>\"%\x80-\xff]"
_ESCAPED_ASCII = rb"%(?!25)[0-7][0-9A-Fa-f]"
_CACHED_TARGET = 512
"""Longest target whose route is remembered, bytes: what real clients send, not what an attacker fills memory with."""


class BadTarget(ValueError):
    """The target is not a URL; ``str()`` is the reason in Go's words. A server answers a bare 400 and closes."""


class RequestTarget(NamedTuple):
    """A URL taken apart as Go does it."""

    path: bytes
    """Decoded; empty for ``http://host`` and opaque targets."""
    raw_path: bytes
    """As sent."""
    query: bytes | None
    """Without its question mark; None if there is none."""
    origin: bytes
    """What Go prints before the path: ``scheme://user@host``, ``scheme:`` or ``scheme:opaque``; mostly empty."""
    host: bytes
    """Decoded, port included; it goes before the header of that name. Mostly empty."""

    def url(self, path: bytes) -> bytes:
        """Return this target's URL with another ``path``, escaped once."""
        # As Go prints it: slashes only before something.
        origin = self.origin if path else self.origin.removesuffix(b"//")
        return origin + escape(path) + (b"" if self.query is None else b"?" + self.query)

    def text(self) -> bytes:
        """Return the URL as Go prints it back."""
        return self.origin + self.escaped_path() + (b"" if self.query is None else b"?" + self.query)

    def escaped_path(self) -> bytes:
        """Return the path as Go's ``URL.EscapedPath`` does: as sent, or escaped where it should have been."""
        return escape(self.path) if self.raw_path.translate(None, _PRINTED_AS_SENT) else self.raw_path


def escape(path: bytes, safe: str = "$&+,/:;=@") -> bytes:
    """Percent-encode a decoded path as Go's ``URL.EscapedPath`` does; letters, digits and ``_.-~`` are always safe."""
    if path.translate(None, f"{safe}_.-~".encode()).isalnum():
        return path
    from urllib.parse import quote

    return quote(path, safe=safe).encode("ascii")


def unquote(path: bytes) -> bytes:
    """Undo percent-encoding."""
    if b"%" not in path:
        return path
    from urllib.parse import unquote_to_bytes

    return unquote_to_bytes(path)


def parse_target(target: bytes, method: str = "GET") -> RequestTarget:
    """Take a raw request target apart: ``*``, a path, a URL, or for CONNECT a host.

    Raises:
        BadTarget: the target is malformed.

    """
    if target == b"*":
        return RequestTarget(b"*", target, None, b"", b"")
    if method == "CONNECT" and not target.startswith(b"/"):
        parsed = _parse(b"http://" + target, of_request=True)
        return parsed._replace(origin=parsed.origin.removeprefix(b"http:"))
    if not target:
        raise BadTarget("empty url")
    return _parse(target, of_request=True)


def is_target(target: str, method: str) -> bool:
    """Return whether a raw request target (latin-1) can be taken apart; remembered for what real clients send."""
    return (_is_target if len(target) <= _CACHED_TARGET else _is_target.__wrapped__)(target, method)


@lru_cache(maxsize=512)
def _is_target(target: str, method: str) -> bool:
    try:
        parse_target(target.encode("latin-1"), method)
    except BadTarget:
        return False
    return True


def external_path(url: str) -> str:
    """Return the path of ``--web.external-url``, decoded; ``ex.test:80`` is a URL without a path.

    Raises:
        ValueError: the text is not a URL; in Go's words.

    """
    if not url:
        return ""
    raw, _, fragment = bytes_of(url).partition(b"#")
    try:
        path = _parse(raw, of_request=False).path
        _check_escapes(fragment)
    except BadTarget as problem:
        raise ValueError(f"parse {go_quote(raw)}: {problem}") from None
    return text_of(path)


def _parse(raw: bytes, *, of_request: bool) -> RequestTarget:
    if _CONTROL.search(raw):
        raise BadTarget("net/url: invalid control character in URL")
    scheme, rest = b"", raw
    if not raw.startswith(b"/"):
        if match := re.match(_SCHEME, raw):
            scheme, rest = match[1].lower(), match[2]
        elif raw.startswith(b":"):
            raise BadTarget("missing protocol scheme")
    rest, mark, query = rest.partition(b"?")
    asked = query if mark else None
    if not rest.startswith(b"/"):
        if scheme:
            return RequestTarget(b"", b"", asked, scheme + b":" + rest, b"")
        if of_request:
            raise BadTarget("invalid URI for request")
        if b":" in rest.partition(b"/")[0]:
            raise BadTarget("first path segment in URL cannot contain colon")
    origin = scheme + b":" if scheme else b""
    host = b""
    if (scheme or not (of_request or rest.startswith(b"///"))) and rest.startswith(b"//"):
        authority, slash, rest = rest[2:].partition(b"/")
        rest = slash + rest
        user, host = _authority(authority)
        # As Go prints it: nothing else than the scheme where nothing at all follows.
        origin += b"//" + user + escape(host, safe="!$&'()*+,;=:[]<>\"") if host or user or rest else b""
    _check_escapes(rest)
    return RequestTarget(unquote(rest), rest, asked, origin, host)


def _check_escapes(text: bytes) -> None:
    if bad := _BAD_ESCAPE.search(text):
        raise BadTarget(f"invalid URL escape {go_quote(text[bad.start() : bad.start() + 3])}")


def _authority(authority: bytes) -> tuple[bytes, bytes]:
    """Return user and password as Go prints them, with their at sign, and the host, decoded."""
    user, at, host = authority.rpartition(b"@")
    host = _host(host)
    if not re.fullmatch(_USER, user):
        raise BadTarget("net/url: invalid userinfo")
    _check_escapes(user)
    parts = user.split(b":", 1)
    return b":".join(escape(unquote(part), safe="$&+,;=") for part in parts) + at, host


def _host(host: bytes) -> bytes:
    bracket = host.rfind(b"[")
    if bracket > 0:
        raise BadTarget("invalid IP-literal")
    if bracket < 0:
        # Colons before the last are let through, as by the compatibility settings of the original's builds.
        _, colon, port = host.rpartition(b":")
        _check_port(colon + port if colon else b"")
        return _decoded(host)
    inside, bracket_end, port = host[1:].rpartition(b"]")
    if not bracket_end:
        raise BadTarget("missing ']' in host")
    _check_port(port)
    address, mark, zone = inside.partition(b"%25")
    address, zone = _decoded(address), _decoded_zone(mark + zone)
    try:
        socket.inet_pton(socket.AF_INET6, address.decode("latin-1"))
    except (OSError, ValueError):
        raise BadTarget(f"invalid host: ParseAddr({go_quote(address + zone)}): unable to parse IP") from None
    if zone == b"%":
        raise BadTarget(f"invalid host: ParseAddr({go_quote(address + zone)}): zone must be a non-empty string")
    return b"[" + address + zone + b"]" + port


def _check_port(port: bytes) -> None:
    if not re.fullmatch(_PORT, port):
        raise BadTarget(f"invalid port {go_quote(port)} after host")


def _decoded(host: bytes) -> bytes:
    """Undo the percent-encoding of a host; ASCII must not be encoded."""
    _check_escapes(host)
    if bad := re.search(_ESCAPED_ASCII, host):
        raise BadTarget(f"invalid URL escape {go_quote(bad[0])}")
    _check_host(host)
    return unquote(host)


def _decoded_zone(zone: bytes) -> bytes:
    """Undo the percent-encoding of a zone; what a host may hold may be encoded, and a blank."""
    _check_escapes(zone)
    _check_host(zone)
    for escaped in re.findall(rb"%..", zone):
        byte = unquote(escaped)
        if byte not in b"% " and (byte >= b"\x80" or re.search(_NOT_IN_HOST, byte)):
            raise BadTarget(f"invalid URL escape {go_quote(escaped)}")
    return unquote(zone)


def _check_host(host: bytes) -> None:
    if bad := re.search(_NOT_IN_HOST, host):
        raise BadTarget(f"invalid character {go_quote(bad[0])} in host name")


def clean(path: bytes) -> bytes:
    """Clean a path as Go's ServeMux does: ``//``, ``/./`` and ``/../`` go, a final slash stays."""
    if b"//" not in path and b"/." not in path and path.startswith(b"/"):
        return path
    if not path.startswith(b"/"):
        path = b"/" + path
    # posixpath keeps exactly two leading slashes; Go does not.
    cleaned = posixpath.normpath(b"/" + path.lstrip(b"/"))
    return cleaned + b"/" if path.endswith(b"/") and cleaned != b"/" else cleaned


def join_host_port(host: str, port: int) -> str:
    """Return ``host:port``, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
