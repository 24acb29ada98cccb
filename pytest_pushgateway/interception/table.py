"""The table of intercepted addresses: one place decides the way of every connection."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Protocol

from pytest_pushgateway import threads
from pytest_pushgateway.forks import call_in_child
from pytest_pushgateway.interception.addresses import Address, canonical, is_ip

_PLACEHOLDERS = int(ipaddress.IPv4Address("233.252.0.0"))
"""MCAST-TEST-NET (RFC 6676): nothing answers there, and TCP fails at once. Never 127.0.0.1: caches would keep it."""


class Destination(Protocol):
    """The other end of connections to some addresses."""

    def receive(self, address: Address, host: str) -> Way | None:
        """Return the way of a connection to one of the addresses, under the name ``host``; None: as it was meant.

        Raises:
            OSError: it is refused.

        """


class Way:
    """The way of one connection.

    Args:
        host: the address to connect to; empty for any of this machine.
        port: its port.
        note: called with the client's own port once the connection is under way.

    """

    __slots__ = ("host", "note", "port")

    def __init__(self, host: str, port: int, note: Callable[[int], object] = lambda port: None) -> None:
        self.host: str = host
        self.port: int = port
        self.note: Callable[[int], object] = note

    @property
    def numeric(self) -> str:
        """The host to connect to, where any of this machine will do the loopback address."""
        return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)

    def address_for(self, sock: Any) -> tuple[Any, ...]:
        """Return the address to connect a socket to, in the socket's own family.

        Raises:
            OSError: the gateway listens on IPv6 only, and the socket is of IPv4.

        """
        if sock.family == socket.AF_INET:
            host = "127.0.0.1" if self.host == "::" else self.numeric
            if is_ip(host) and ":" in host:
                raise OSError(
                    errno.EAFNOSUPPORT, f"the gateway listens on {host}, out of reach for IPv4; give it an IPv4 host"
                )
            return host, self.port
        host = self.numeric
        if not is_ip(host):
            return host, self.port
        if ":" not in host:
            with suppress(OSError, AttributeError):  # Windows keeps IPv6 sockets to IPv6
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            host = f"::ffff:{host}"
        return host, self.port, 0, 0


class Refused(ConnectionRefusedError):
    """A connection to an address that is guarded while no gateway receives what goes there."""

    def __init__(self, message: str) -> None:
        super().__init__(errno.ECONNREFUSED, message)


class Table:
    """Destinations by address. Read without a lock, at every connect of the process; changed as a whole."""

    def __init__(self) -> None:
        self.lock: threads.RLock = threads.RLock()
        self.on_change: Callable[[], None] = lambda: None
        """Called, under the lock, after a change."""
        self._guards: list[tuple[tuple[Address, ...], Destination]] = []
        self._receivers: list[tuple[tuple[Address, ...], Destination]] = []
        self._ways: dict[tuple[str, int], tuple[Destination, Address]] = {}
        self._hosts: frozenset[str] = frozenset()
        self._placeholders: dict[str, str] = {}
        """By name, and kept for the life of the process: what a client's cache holds must not mean another name."""
        self._meant: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._ways)

    def add(self, addresses: Iterable[Address], destination: Destination, *, guard: bool = False) -> None:
        """Send connections to these addresses to a destination; the latest goes first, guards go last."""
        with self.lock:
            (self._guards if guard else self._receivers).append((tuple(addresses), destination))
            self._rebuild()

    def destinations(self, addresses: Iterable[Address]) -> set[Destination]:
        """Return the destinations that connections to these addresses have now."""
        ways = self._ways
        return {ways[key][0] for address in addresses for key in address.keys if key in ways}

    def remove(self, destination: Destination) -> None:
        """Forget a destination."""
        with self.lock:
            for entries in (self._guards, self._receivers):
                entries[:] = [entry for entry in entries if entry[1] is not destination]
            self._rebuild()

    def _rebuild(self) -> None:
        ways = {
            key: (destination, address)
            for addresses, destination in (*self._guards, *self._receivers)
            for address in addresses
            for key in address.keys
        }
        for host, _ in ways:
            self._placeholder(host)
        self._hosts = frozenset(host for host, _ in ways)
        self._ways = ways
        self.on_change()

    def _placeholder(self, host: str) -> None:
        if host != "localhost" and not is_ip(host) and host not in self._placeholders:
            address = str(ipaddress.IPv4Address(_PLACEHOLDERS + len(self._placeholders) + 1))
            self._placeholders[host] = address
            self._meant[address] = host

    def lookup(self, host: object, port: object) -> str | None:
        """Return the address that the lookup of a name must give; None if it is not to be intercepted.

        ``port`` is what the resolver was given: a number, its digits, a service's name or nothing.
        """
        if not isinstance(host, (str, bytes, bytearray)):
            return None
        name = canonical(host)
        number = int(port) if isinstance(port, (str, bytes)) and port.isdigit() else port
        ours = (name, number) in self._ways if isinstance(number, int) and number else name in self._hosts
        return self._placeholders.get(name) if ours else None

    def way(self, host: object, port: object) -> Way | None:
        """Return the way of a connection; None if it goes on as it was meant.

        Raises:
            OSError: it is refused.

        """
        if not isinstance(host, (str, bytes, bytearray)) or not isinstance(port, int):
            return None
        name = canonical(host)
        meant = self._meant.get(name, name)
        found = self._ways.get((meant, port))
        if found is not None:
            destination, address = found
            return destination.receive(address, meant)
        # A placeholder from a client's cache, for a port that is not intercepted now.
        return Way(meant, port) if meant != name else None


TABLE = Table()
"""The table of this process."""


def _after_fork_in_child() -> None:
    TABLE.lock = threads.RLock()  # the thread that held it does not exist here


call_in_child(_after_fork_in_child)
