"""Interceptions, whose connections reach a gateway, and guards, whose connections are refused."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, NamedTuple

from pytest_pushgateway.calls import name_calls
from pytest_pushgateway.interception import sockets  # noqa: F401 patches what the table needs
from pytest_pushgateway.interception.addresses import Address
from pytest_pushgateway.interception.proxies import without_proxy
from pytest_pushgateway.interception.table import TABLE, Refused, Way
from pytest_pushgateway.interception.trust import trust

if TYPE_CHECKING:
    from types import TracebackType


class Receiver(NamedTuple):
    """The gateway that receives intercepted connections.

    Args:
        place: returns the host and port on which it listens; an empty host, 0.0.0.0 or :: for any of this machine.
        close: closes the connections that clients opened from these ports of theirs.
        ca_file: what clients must trust under TLS, if anything.

    """

    place: Callable[[], tuple[str, int]]
    close: Callable[[Collection[int]], object]
    ca_file: str | None = None


class Interception:
    """Addresses whose connections reach a gateway, until `remove`, the end of ``with`` or the test's end."""

    def __init__(self, addresses: tuple[Address, ...], receiver: Receiver) -> None:
        self._connections = dict.fromkeys(addresses, 0)
        self._receiver = receiver
        self._latest: dict[Address, int] = {}
        self._ports: dict[Address, set[int]] = {}
        self._undo: list[Callable[[], None]] = []
        self._undo.append(without_proxy(sorted({address.host for address in addresses})))
        if receiver.ca_file is not None:
            self._undo.append(trust({host for address in addresses for host, _ in address.keys}, receiver.ca_file))
        before = TABLE.destinations(addresses)
        TABLE.add(addresses, self)
        for other in before:
            if isinstance(other, Interception):
                other._close(addresses)  # what a client has kept would still lead to the other gateway

    def __repr__(self) -> str:
        counts = ", ".join(f"{address}: {count}" for address, count in self.connections.items())
        return f"<Interception {'active' if self.active else 'over'}, {counts}>"

    @property
    def active(self) -> bool:
        """Whether connections to the addresses still reach the gateway."""
        return bool(self._undo)

    @property
    def connections(self) -> dict[str, int]:
        """The number of connections that each address got, under the address as ``HOST:PORT``."""
        return {str(address): count for address, count in self._connections.items()}

    def remove(self) -> None:
        """End the interception and close the connections that came by it; once it is over this does nothing."""
        with TABLE.lock:
            undo, self._undo = self._undo, []
        if not undo:
            return
        TABLE.remove(self)
        for step in reversed(undo):
            step()
        self._close(tuple(self._ports))

    def _close(self, addresses: tuple[Address, ...]) -> None:
        """Close the connections that came by these addresses, or by others that mean the same."""
        keys = {key for address in addresses for key in address.keys}
        concerned = [one for one in self._ports if keys.intersection(one.keys)]
        self._receiver.close(frozenset(port for one in concerned for port in self._ports[one]))

    def __enter__(self) -> Interception:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def receive(self, address: Address, host: str) -> Way | None:
        """Return the way to the gateway of a connection to one of the addresses, and count it.

        Args:
            address: which of them.
            host: the name under which it was asked for; the gateway is the same for all.

        Returns:
            The way.

        """
        self._connections[address] += 1
        return Way(*self._receiver.place(), lambda port: self._note(address, port))

    def _note(self, address: Address, port: int) -> None:
        """Note a connection's own port; some clients, Twisted for one, call connect() again to learn the outcome."""
        if port and self._latest.get(address) == port:
            self._connections[address] -= 1
        self._latest[address] = port
        self._ports.setdefault(address, set()).add(port)


class Interceptions:
    """Those of one gateway that are active, and those that the current test has ended."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._known: list[Interception] = []
        self._earlier: list[Interception] = []
        """Those of before the test, which outlive it."""

    def __iter__(self) -> Iterator[Interception]:
        return iter(tuple(self._known))

    @property
    def hosts(self) -> set[str]:
        """The hosts of all addresses."""
        return {address.host for one in self for address in one._connections}

    def add(self, addresses: tuple[Address, ...]) -> Interception:
        """Begin another."""
        made = Interception(addresses, self._receiver)
        self._known.append(made)
        return made

    def begin_test(self) -> None:
        """Note that a test begins."""
        self._known = [one for one in self._known if one.active]
        self._earlier = list(self._known)

    def end_test(self) -> None:
        """End those that the test began."""
        for one in self:
            if one not in self._earlier:
                one.remove()

    def end(self) -> None:
        """End all."""
        for one in self:
            one.remove()


class Guard:
    """Addresses whose connections are refused while no interception receives them.

    Args:
        addresses: those that are guarded.
        message: gives, for an address, the reason of the refusal and the next step.
        is_ours: whether a gateway of this process listens on a host and a port.

    Attributes:
        refused: the messages of connections that were refused, to be taken.

    """

    def __init__(
        self,
        addresses: tuple[Address, ...],
        message: Callable[[Address], str],
        is_ours: Callable[[str, int], bool],
    ) -> None:
        self._message = message
        self._is_ours = is_ours
        self.refused: list[str] = []
        TABLE.add(addresses, self, guard=True)

    def remove(self) -> None:
        """End the guard."""
        TABLE.remove(self)

    def receive(self, address: Address, host: str) -> Way | None:
        """Refuse a connection, unless it goes to a gateway of this process."""
        if self._is_ours(host, address.port):
            return None
        message = self._message(address)
        self.refused.append(message)
        raise Refused(message)


name_calls("intercept()", Interception)
