"""The standard library's sockets and lookups, where nearly every client ends.

``connect`` of the class decides, so that references taken before are caught too. Lookups only see to it that a name of
ours gets as far as that: they answer it with a placeholder.
"""

from __future__ import annotations

import _socket
import functools
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pytest_pushgateway.interception import extras
from pytest_pushgateway.interception.addresses import canonical
from pytest_pushgateway.interception.patches import Patches
from pytest_pushgateway.interception.table import TABLE, Refused, Way

_patches = Patches()
_MOCKS = ("httpretty", "mocket")
"""Packages that put a class of theirs in the socket's place: what they answer themselves never gets to a socket."""


def refresh() -> None:
    """Patch sockets while something is intercepted, again if other code has put them back; else restore them."""
    with TABLE.lock:
        if _patches and TABLE and _patches.are_in_place() and _classes() == _patched_classes:
            return
        _patches.undo()
        if TABLE:
            _install()


TABLE.on_change = refresh
_patched_classes: list[Any] = []


def _install() -> None:
    _patched_classes[:] = _classes()
    for one in _patched_classes:
        _patches.set(one, "connect", _connecting(one.connect))
        if hasattr(one, "connect_ex"):
            _patches.set(one, "connect_ex", _connecting_ex(one.connect_ex))
    _patches.set(_socket, "getaddrinfo", _looking_up(_socket.getaddrinfo))
    if getattr(socket.getaddrinfo, "__module__", "") != "socket":  # else it asks _socket at each call
        _patches.set(socket, "getaddrinfo", _looking_up(socket.getaddrinfo))
    for name in ("gethostbyname", "gethostbyname_ex"):
        _patches.set(socket, name, _looking_up_one(getattr(socket, name)))
    extras.install(_patches)


def _classes() -> list[Any]:
    """Return the standard library's class, the one that replaces it, and those that override ``connect``."""
    library = [one for one in _socket.socket.__subclasses__() if _is_of_the_library(one)]
    in_place = [
        one
        for one in getattr(socket.socket, "__mro__", ())
        if one not in (_socket.socket, *library)
        and "connect" in vars(one)
        and one.__module__.partition(".")[0] not in _MOCKS
    ]
    return [*library, *in_place]


def _is_of_the_library(one: type) -> bool:
    # eventlet has a second copy of the module, under another name in sys.modules.
    return one.__name__ == "socket" and one.__module__.endswith("socket") and "gevent" not in one.__module__


# Connecting


def _connecting(connect: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(connect)
    def patched(self: Any, address: Any, /) -> Any:
        way = _way_of(self, address)
        if way is None:
            return connect(self, address)
        try:
            return connect(self, way.address_for(self))
        finally:
            _note(self, way)

    return patched


def _connecting_ex(connect_ex: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(connect_ex)
    def patched(self: Any, address: Any, /) -> Any:
        try:
            way = _way_of(self, address)
        except Refused as refusal:
            return refusal.errno
        if way is None:
            return connect_ex(self, address)
        try:
            return connect_ex(self, way.address_for(self))
        finally:
            _note(self, way)

    return patched


def _way_of(sock: Any, address: Any) -> Way | None:
    if not isinstance(address, tuple) or len(address) < 2 or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    flags = getattr(socket, "SOCK_NONBLOCK", 0) | getattr(socket, "SOCK_CLOEXEC", 0)
    if sock.type & ~flags != socket.SOCK_STREAM:
        return None
    return TABLE.way(address[0], address[1])


def _note(sock: Any, way: Way) -> None:
    with suppress(OSError):
        way.note(sock.getsockname()[1])


# Looking up


def _looking_up(getaddrinfo: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(getaddrinfo)
    def patched(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:
        refresh()  # a test may have put connect() back: pytest-socket's enable_socket() does
        found = TABLE.lookup(host, port) if type in (0, socket.SOCK_STREAM) else None
        if found is None:
            return getaddrinfo(host, port, family, type, proto, flags)
        return answer(found, port, family, proto)

    return patched


def answer(placeholder: str, port: Any, family: int, proto: int) -> list[Any]:
    """Return what ``getaddrinfo`` answers for a name whose placeholder this is."""
    number = int(port) if port else 0
    place: tuple[Any, ...] = (placeholder, number)
    if family == socket.AF_INET6:
        place = (f"::ffff:{placeholder}", number, 0, 0)
    return [(family or socket.AF_INET, socket.SOCK_STREAM, proto or socket.IPPROTO_TCP, "", place)]


def _looking_up_one(before: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(before)
    def patched(hostname: Any, /) -> Any:
        refresh()
        found = TABLE.lookup(hostname, None)
        if found is None:
            return before(hostname)
        return found if before.__name__ == "gethostbyname" else (canonical(hostname), [], [found])

    return patched
