"""Addresses and listening sockets."""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any

from pytest_pushgateway.golang.strconv import whole_number
from pytest_pushgateway.golang.url import join_host_port

_BACKLOG = 1024
_chosen: deque[int] = deque(maxlen=1000)
"""The ports that the system chose last: what pushes late to a gateway that has ended must not reach another."""


class AddressError(ValueError):
    """A listen address that cannot be understood."""


def split_address(address: str) -> tuple[str, int]:
    """Split ``host:port``, ``[::1]:port`` or ``:port`` as Go's ``net.Listen`` takes it.

    Raises AddressError, in Go's words.
    """
    if address.startswith("vsock://"):
        raise AddressError(f"listen {address}: vsock addresses are not supported")
    host, colon, port = address.rpartition(":")
    if address.startswith("["):
        inner, bracket, rest = address[1:].partition("]")
        if not bracket:
            raise AddressError(f"listen tcp: address {address}: missing ']' in address")
        if not rest.startswith(":"):
            raise AddressError(f"listen tcp: address {address}: missing port in address")
        host, port = inner, rest[1:]
    elif not colon:
        raise AddressError(f"listen tcp: address {address}: missing port in address")
    elif ":" in host:
        raise AddressError(f"listen tcp: address {address}: too many colons in address")
    if not (port.isascii() and port.isdigit()):
        try:
            return host, socket.getservbyname(port, "tcp")
        except OSError:
            raise AddressError(f"listen tcp: lookup tcp/{port}: unknown port") from None
    if whole_number(port) > 65535:
        raise AddressError(f"listen tcp: address {port}: invalid port")
    return host, whole_number(port)


def bind(host: str, port: int) -> socket.socket:
    """Return a bound socket that does not listen yet; an empty host is every address, IPv4 and IPv6.

    Raises OSError that names the address.
    """
    shown = join_host_port(host, port)
    if host:
        try:
            # As bytes: Python imports its tables of international names for whatever comes as text.
            name = host.encode() if host.isascii() else host
            found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except socket.gaierror as problem:
            raise OSError(problem.errno, f"listen tcp {shown}: {problem.strerror}") from None
        # As Go: IPv4 first where a name has both.
        family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    elif socket.has_dualstack_ipv6():
        family, address = socket.AF_INET6, ("::", port, 0, 0)
    else:
        family, address = socket.AF_INET, ("0.0.0.0", port)
    listener = _bound(family, address, shown, only_ipv6=bool(host))
    if port:
        return listener
    if listener.getsockname()[1] in _chosen:
        # While that one is held, the system chooses another.
        with listener:
            listener = _bound(family, address, shown, only_ipv6=bool(host))
    _chosen.append(listener.getsockname()[1])
    return listener


def _bound(family: socket.AddressFamily, address: Any, shown: str, *, only_ipv6: bool) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1 if only_ipv6 else 0)
        listener.bind(address)
    except OSError as problem:
        listener.close()
        raise OSError(problem.errno, f"listen tcp {shown}: bind: {os.strerror(problem.errno or 0).lower()}") from None
    return listener


def listen(bound: socket.socket) -> socket.socket:
    """Return a listening socket on the address of ``bound``, which goes on holding the port when that one is closed.

    Both have SO_REUSEADDR: the kernel lets such sockets share a port as long as only one of them listens.
    """
    listener = socket.socket(bound.family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if bound.family == socket.AF_INET6:
            only = bound.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        listener.bind(bound.getsockname())
        listener.listen(_BACKLOG)
    except OSError as problem:
        listener.close()
        shown = join_host_port(*bound.getsockname()[:2])
        raise OSError(problem.errno, f"listen tcp {shown}: bind: {os.strerror(problem.errno or 0).lower()}") from None
    return listener


def systemd_sockets() -> list[socket.socket]:
    """Return the listening sockets that systemd passed, as ``sd_listen_fds`` finds them; none without activation."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS") or 0)
    sockets = []
    for descriptor in range(3, 3 + count):
        os.set_inheritable(descriptor, False)
        sockets.append(socket.socket(fileno=descriptor))
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    return sockets


def open_listeners(
    addresses: Sequence[tuple[str, int]], *, refusing: bool = False
) -> tuple[list[socket.socket], list[socket.socket]]:
    """Bind and listen on every address: the sockets that hold the ports, and those that listen; none if ``refusing``.

    Raises OSError, with none left open.
    """
    held: list[socket.socket] = []
    listening: list[socket.socket] = []
    try:
        for host, port in addresses:
            held.append(bind(host, port))
            if not refusing:
                listening.append(listen(held[-1]))
    except OSError:
        for one in held + listening:
            one.close()
        raise
    return held, listening
