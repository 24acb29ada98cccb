"""Addresses and listening sockets."""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from pytest_pushgateway.golang.strconv import whole_number
from pytest_pushgateway.golang.url import join_host_port

_BACKLOG = 1024
_SHARING: int = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
"""How a port can be bound again while its last connections end. Windows does so anyhow, and by SO_REUSEADDR it would
hand a taken port out twice."""
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


def _bound(family: int, address: Any, shown: str, *, only_ipv6: bool) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SHARING, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1 if only_ipv6 else 0)
        listener.bind(address)
    except OSError as problem:
        listener.close()
        raise OSError(problem.errno, f"listen tcp {shown}: bind: {os.strerror(problem.errno or 0).lower()}") from None
    return listener


def listen(bound: socket.socket) -> None:
    """Listen on a bound socket. Raises OSError if another socket does so already; the message names the address."""
    try:
        bound.listen(_BACKLOG)
    except OSError as problem:
        shown = join_host_port(*bound.getsockname()[:2])
        raise OSError(problem.errno, f"listen tcp {shown}: bind: {os.strerror(problem.errno or 0).lower()}") from None


class Binding(NamedTuple):
    """An address to which a socket is bound, and how, so that another can take its place."""

    family: int
    address: Any
    only_ipv6: bool

    @classmethod
    def of(cls, bound: socket.socket) -> Binding:
        """Return where a socket is bound."""
        only = bound.family == socket.AF_INET6 and bound.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        return cls(bound.family, bound.getsockname(), bool(only))

    def bind(self) -> socket.socket:
        """Bind a socket that does not listen, so that the port is held and clients are refused. Raises OSError.

        Only once the one before is closed: two sockets on one port are refused by BSD's rules, or share it silently.
        """
        shown = join_host_port(*self.address[:2])
        return _bound(self.family, self.address, shown, only_ipv6=self.only_ipv6)


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


def open_listeners(addresses: Sequence[tuple[str, int]], *, refusing: bool = False) -> list[socket.socket]:
    """Return a socket for every address, which listens unless ``refusing``.

    Raises OSError, with none left open.
    """
    opened: list[socket.socket] = []
    try:
        for host, port in addresses:
            opened.append(bind(host, port))
            if not refusing:
                listen(opened[-1])
    except OSError:
        for one in opened:
            one.close()
        raise
    return opened
