"""The intercepted addresses of a run and of its tests; outside of a gateway's life their connections are refused."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_pushgateway.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    import pytest

    from pytest_pushgateway.harness.supervisor import Supervisor
    from pytest_pushgateway.interception.addresses import Address
    from pytest_pushgateway.interception.interception import Guard, Interception

OPTION = "intercept"
"""Not an option of a gateway, but given like one: by marker, fixture, command line and ini file."""


class Intercepting:
    """The addresses of one run, and of the test that runs.

    Args:
        asked: for each source of the whole run, the weakest first, the addresses that it names, if any.
        is_ours: whether a gateway of this process listens on a host and a port.

    Raises:
        SettingsError: one is not an address.

    """

    def __init__(self, asked: Mapping[str, Any], is_ours: Callable[[str, int], bool]) -> None:
        self._is_ours = is_ours
        self._item: pytest.Item | None = None
        """The test that runs."""
        self._everywhere: tuple[Address, ...] = ()
        self._source = ""
        for source, addresses in asked.items():
            if addresses:
                self._everywhere, self._source = _read(addresses, source), source
        self._guards: list[Guard] = []
        self._made: dict[Supervisor, Interception | None] = {}
        """Of the test that runs, by the gateway that receives them; None if it has no addresses."""

    @property
    def receives(self) -> bool:
        """Whether a gateway receives what goes to addresses of the test."""
        return any(one is not None for one in self._made.values())

    def __bool__(self) -> bool:
        return bool(self._guards or self._made)

    def concerns(self, item: pytest.Item) -> bool:
        """Return whether a test names addresses, or the run does."""
        return bool(self._everywhere) or any(OPTION in one.kwargs for one in item.iter_markers("pushgateway"))

    def asks_for(self, fixture: str) -> bool:
        """Return whether the test that runs names a fixture, or one of its fixtures does."""
        return fixture in getattr(self._item, "fixturenames", ())

    def watch(self) -> None:
        """Guard the addresses of the whole run, until `end`."""
        if self._everywhere:
            self._guard(self._everywhere, self._source)

    def begin_test(self, item: pytest.Item) -> None:
        """Guard the addresses of a test until its gateway is there; they are those of the marker, if it names any."""
        self._item = item
        with suppress(SettingsError):  # the fixture reports the mistake
            if addresses := _marked(item):
                self._guard(addresses, "the marker")

    def receive(self, options: Mapping[str, Any], gateway: Supervisor) -> None:
        """Have the test's addresses reach a gateway, until the test and all its fixtures have ended.

        Raises:
            SettingsError: one is not an address.

        """
        if gateway not in self._made:
            addresses = self._addresses(options)
            self._made[gateway] = gateway.intercept(addresses) if addresses else None
        self.refresh()

    def _addresses(self, options: Mapping[str, Any]) -> tuple[Address, ...]:
        marked = _marked(self._item) if self._item is not None else None
        if marked is not None:
            return marked
        given = options.get(OPTION)
        return self._everywhere if given is None else _read(given, "pushgateway_options")

    def refresh(self) -> None:
        """See to it that what is intercepted still is: others put sockets back as they were, asked or not."""
        sockets = sys.modules.get("pytest_pushgateway.interception.sockets")
        if sockets is not None:
            sockets.refresh()

    def end_test(self) -> None:
        """End what is of the test."""
        for one in self._made.values():
            if one is not None:
                one.remove()
        self._made.clear()
        for guard in self._guards[bool(self._everywhere) :]:
            guard.remove()

    def take_refused(self) -> list[str]:
        """Return what was refused since this was last asked; the guards of the test are over."""
        messages = self.refused
        for guard in self._guards:
            guard.refused.clear()
        del self._guards[bool(self._everywhere) :]
        self._item = None
        return messages

    @property
    def refused(self) -> list[str]:
        """The messages that are not in a report yet."""
        return list(dict.fromkeys(message for guard in self._guards for message in guard.refused))

    def end(self) -> None:
        """Remove all guards."""
        self.end_test()
        for guard in self._guards:
            guard.remove()
        self._guards.clear()

    def _guard(self, addresses: tuple[Address, ...], source: str) -> None:
        from pytest_pushgateway.interception.interception import Guard

        self._guards.append(Guard(addresses, lambda address: self._message(address, source), self._is_ours))

    def _message(self, address: Address, source: str) -> str:
        who = self._item.nodeid if self._item is not None else "something outside of the tests"
        return (
            f"{who} connected to {address}, which {source} has pytest-pushgateway intercept, while no gateway of a "
            "fixture was in use, and was refused. Request the fixture pushgateway before whatever connects; for one "
            f'test, @pytest.mark.pushgateway(intercept="{address}") names the address'
        )


def check_marker(options: Mapping[str, Any]) -> None:
    """Check the addresses among the options of a marker.

    Raises:
        SettingsError: one is not an address.

    """
    if OPTION in options:
        _read(options[OPTION], "marker")


def asked_for(config: pytest.Config) -> dict[str, Any]:
    """Return what ini file and command line name for the whole run, by source."""
    return {
        f"the ini option pushgateway_{OPTION}": config.getini(f"pushgateway_{OPTION}"),
        f"--pushgateway-{OPTION}": config.getoption(f"pushgateway_{OPTION}"),
    }


def _marked(item: pytest.Item) -> tuple[Address, ...] | None:
    for marker in item.iter_markers("pushgateway"):
        if OPTION in marker.kwargs:
            return _read(marker.kwargs[OPTION], "marker")
    return None


def _read(addresses: Any, source: str) -> tuple[Address, ...]:
    from pytest_pushgateway.interception.addresses import read_addresses

    return read_addresses(addresses, source)


def without_addresses(options: Any) -> Any:
    """Return options of a gateway: all that a marker or a fixture gives but the addresses."""
    if isinstance(options, dict) and OPTION in options:
        return {name: value for name, value in options.items() if name != OPTION}
    return options
