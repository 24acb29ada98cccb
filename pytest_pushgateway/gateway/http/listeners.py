"""Addresses and listening sockets."""

from __future__ import annotations

import _socket as socket  # what nobody replaces
import errno
import os
import re
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from pytest_pushgateway.golang.strconv import whole_number
from pytest_pushgateway.golang.url import join_host_port
from pytest_pushgateway.light import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BACKLOG = 1024
_SHARING: int = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
"""How a port can be bound again while its last connections end. Windows does so anyhow, and by SO_REUSEADDR it would
hand a taken port out twice."""
_MAPPED = b"\0" * 10 + b"\xff\xff"
"""The beginning of an IPv6 address that means one of IPv4."""
_FIRST = 3
"""The first descriptor that systemd passes."""
_chosen: deque[int] = deque(maxlen=1000)
"""The ports that the system chose last: what pushes late to a gateway that has ended must not reach another."""


class AddressError(ValueError):
    """A listen address that cannot be understood."""


def split_address(address: str) -> tuple[str, int]:
    """Split ``host:port``, ``[::1]:port``, ``:port`` or ``host:`` as Go's ``net.Listen`` takes it.

    Raises:
        AddressError: the text is not an address; in Go's words.

    """
    if address.startswith("vsock://"):
        raise AddressError(f"listen {address}: vsock addresses are not supported")

    def problem(text: str) -> AddressError:
        return AddressError(f"listen tcp: address {address}: {text}")

    host, colon, port = address.rpartition(":")
    if not colon:
        raise problem("missing port in address")
    behind = address
    if address.startswith("["):
        host, bracket, behind = address[1:].partition("]")
        if not bracket:
            raise problem("missing ']' in address")
        if behind != f":{port}":
            raise problem("too many colons in address" if behind.startswith(":") else "missing port in address")
    elif ":" in host:
        raise problem("too many colons in address")
    if "[" in host or "[" in port:
        raise problem("unexpected '[' in address")
    if "]" in behind:
        raise problem("unexpected ']' in address")
    return host, _port(port)


def _port(text: str) -> int:
    """Return the port of a number, which may have a sign, or of a service; nothing is 0."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if digits == "" or (digits.isascii() and digits.isdigit()):
        number = whole_number(digits)
        if number > 65535 or (number and text.startswith("-")):
            raise AddressError(f"listen tcp: address {text}: invalid port")
        return number
    try:
        return socket.getservbyname(text.lower(), "tcp")
    except (OSError, ValueError):
        raise AddressError(f"listen tcp: lookup tcp/{text}: unknown port") from None


def _literal(host: str) -> tuple[int, str, int] | None:
    """Return family, address and scope of an IP address, as strictly as Go reads one; None for a name."""
    with suppress(OSError, ValueError):
        socket.inet_pton(socket.AF_INET, host)
        return socket.AF_INET, host, 0
    address, percent, zone = host.partition("%")
    if percent and not zone:
        return None
    with suppress(OSError, ValueError):
        packed = socket.inet_pton(socket.AF_INET6, address)
        if packed.startswith(_MAPPED):
            return socket.AF_INET, socket.inet_ntop(socket.AF_INET, packed[len(_MAPPED) :]), 0
        return socket.AF_INET6, socket.inet_ntop(socket.AF_INET6, packed), _scope(zone)
    return None


def _scope(zone: str) -> int:
    """Return the number of a zone; as in Go, 0 for one that there is not."""
    if zone.isascii() and zone.isdigit():
        return whole_number(zone) & 0xFFFFFFFF
    with suppress(OSError):
        return socket.if_nametoindex(zone) if zone else 0
    return 0


def _looked_up(host: str, port: int) -> tuple[int, Any]:
    """Return the address of a name: of IPv4 where it has both.

    Raises:
        OSError: the name is unknown.

    """
    numeric = True
    with suppress(OSError, ValueError):
        # Addresses to the system, and not to Go: 127.1, 0x7f.1, 2130706433.
        socket.inet_aton(host)
        numeric = False
    if not numeric or not re.fullmatch(r"(?=.*[A-Za-z_])[A-Za-z0-9_.-]+", host):
        raise OSError(errno.EINVAL, f"listen tcp: lookup {host}: no such host")
    try:
        # As bytes: Python imports its tables of international names for whatever comes as text.
        found = socket.getaddrinfo(host.encode(), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as problem:
        reason = "no such host" if problem.errno == socket.EAI_NONAME else str(problem.strerror).lower()
        raise OSError(problem.errno, f"listen tcp: lookup {host}: {reason}") from None
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, address


def bind(host: str, port: int) -> socket.socket:
    """Return a bound socket that does not listen yet.

    An empty host, ``0.0.0.0`` and ``::`` are every address, IPv4 and IPv6, as in Go.

    Raises:
        OSError: the address cannot be bound; the message names it.

    """
    shown = join_host_port(host, port)
    literal = _literal(host) if host else (socket.AF_INET6, "::", 0)
    everywhere = literal is not None and literal[1] in ("::", "0.0.0.0")
    address: Any
    if literal is None:
        family, address = _looked_up(host, port)
    elif everywhere:
        family, address = _wildcard(literal[0] if host else socket.AF_INET, port)
    else:
        family, ip, scope = literal
        address = (ip, port) if family == socket.AF_INET else (ip, port, 0, scope)
    listener = _bound(family, address, shown, only_ipv6=not everywhere)
    if port:
        return listener
    if listener.getsockname()[1] in _chosen:
        # While that one is held, the system chooses another.
        held = listener
        try:
            listener = _bound(family, address, shown, only_ipv6=not everywhere)
        finally:
            held.close()
    _chosen.append(listener.getsockname()[1])
    return listener


def _wildcard(family: int, port: int) -> tuple[int, Any]:
    """Return the address for all of both families; of ``family`` alone where IPv6 is not to be had."""
    if _has_both():
        return socket.AF_INET6, ("::", port, 0, 0)
    return (family, ("0.0.0.0", port)) if family == socket.AF_INET else (family, ("::", port, 0, 0))


def _has_both() -> bool:
    """Return whether one socket takes IPv4 and IPv6."""
    if not socket.has_ipv6:
        return False
    with suppress(OSError):
        probe = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        try:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            probe.bind(("::1", 0))
            return True
        finally:
            probe.close()
    return False


def _bound(family: int, address: Any, shown: str, *, only_ipv6: bool) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SHARING, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1 if only_ipv6 else 0)
        listener.bind(address)
    except OSError as problem:
        listener.close()
        raise _refusal(problem, shown) from None
    return listener


def _refusal(problem: OSError, shown: str) -> OSError:
    """Return the error in Go's words: the system's own, as ``os.strerror`` knows none of Windows' for sockets."""
    return OSError(problem.errno, f"listen tcp {shown}: bind: {(problem.strerror or str(problem)).lower()}")


def listen(bound: socket.socket) -> None:
    """Listen on a bound socket.

    Raises:
        OSError: another socket already listens; the message names the address.

    """
    try:
        bound.listen(_BACKLOG)
    except OSError as problem:
        raise _refusal(problem, join_host_port(*bound.getsockname()[:2])) from None


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
        """Bind a socket that does not listen, so that the port is held and clients are refused.

        Only once the one before is closed: two sockets on one port are refused by BSD's rules, or share it silently.

        Raises:
            OSError: the port is taken.

        """
        shown = join_host_port(*self.address[:2])
        return _bound(self.family, self.address, shown, only_ipv6=self.only_ipv6)


def systemd_sockets() -> list[socket.socket]:
    """Return the listening sockets that systemd passed, as ``sd_listen_fds`` finds them; none without activation.

    Raises:
        OSError: a descriptor is not a listening stream socket, or there is none.

    """
    if _decimal("LISTEN_PID") != os.getpid():
        return []
    sockets: list[socket.socket] = []
    try:
        for descriptor in range(_FIRST, _FIRST + _decimal("LISTEN_FDS")):
            sockets.append(_passed(descriptor))
    except OSError:
        for one in sockets:
            one.close()
        raise
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    return sockets


def _decimal(variable: str) -> int:
    """Return a number from the environment; 0 if there is none."""
    text = os.environ.get(variable, "").removeprefix("+")
    return min(whole_number(text), 1 << 31) if text.isascii() and text.isdigit() else 0


def _passed(descriptor: int) -> socket.socket:
    try:
        os.set_inheritable(descriptor, False)
        passed = socket.socket(fileno=descriptor)
    except OSError:
        raise OSError(f"descriptor {descriptor} is not a socket, but LISTEN_FDS says that systemd passed one") from None
    if passed.type != socket.SOCK_STREAM or not passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        kind = "a datagram socket" if passed.type == socket.SOCK_DGRAM else "not a listening stream socket"
        passed.close()
        raise OSError(f"descriptor {descriptor} that systemd passed is {kind}; use ListenStream= in the socket unit")
    return passed


def open_listeners(addresses: Sequence[tuple[str, int]], *, refusing: bool = False) -> list[socket.socket]:
    """Return a socket for every address, which listens unless ``refusing``.

    Raises:
        OSError: an address cannot be bound; none is left open.

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
