"""All that a client of the harness needs to know of a gateway at one moment, in one answer."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_pushgateway import threads
from pytest_pushgateway.testapi.codec import poison_as_json, record_as_json
from pytest_pushgateway.testapi.groups_codec import stored_as_json

if TYPE_CHECKING:
    from pytest_pushgateway.harness.behind.local import LocalGateway
    from pytest_pushgateway.testapi.fault_requests import FaultRegister

Json = dict[str, Any]


class StateReader:
    """Reads the state of a gateway as far as a client does not know it yet, and resets the gateway.

    A client gives the ``epoch`` that it knows, a number that grows with every reset, the sequence of the last request
    that it has (``since``), and the ``revision`` of the groups.
    """

    def __init__(self, gateway: LocalGateway, faults: FaultRegister) -> None:
        self._gateway = gateway
        self._faults = faults
        self._lock = threads.Lock()
        self._epoch = 1
        self._reads = 0

    def reset(self) -> None:
        """Empty gateway, log and journal, and end all faults."""
        with self._lock:
            self._gateway.reset()
            self._faults.forget()
            self._epoch += 1

    def is_known(self, given: Json) -> bool:
        """Return whether a client knows all requests already."""
        return bool(given.get("epoch") == self._epoch and given["since"] >= self._gateway.journal.sequence)

    def read(self, given: Json) -> Json:
        """Return what a client does not know, then do what it asks for: lift faults, resume the clock, reset.

        Members that a client gives: ``epoch``, ``since``, ``revision``, ``persistence_file`` (true for its path),
        ``close_from`` (ports of clients whose connections are to be closed), ``lift``, ``resume`` and ``reset``, an
        object whose ``fresh`` starts the gateway and lets its clock run.
        """
        gateway = self._gateway
        with self._lock:
            self._reads += 1
            state = self._read(given)
        if given.get("close_from") and gateway.inner is not None:
            gateway.inner.close_connections_from(frozenset(given["close_from"]))
        if given.get("lift"):
            gateway.lift_faults()
        if given.get("resume"):
            gateway.clock.resume()
        reset = given.get("reset")
        if reset is not None:
            if reset.get("fresh"):
                gateway.make_ready()
            self.reset()
            state["epoch_after"] = self._epoch
        return state

    def _read(self, given: Json) -> Json:
        gateway, journal = self._gateway, self._gateway.journal
        since = given["since"] if given.get("epoch") == self._epoch else 0
        revision = self._revision()  # before the groups: what changes meanwhile is sent once more
        with journal.condition:
            entries = [entry for entry in journal.requests() if entry._order > since]
            counts = {
                "next": journal.sequence,
                "dropped": journal.dropped,
                "dropped_accepted": journal.dropped_accepted,
                "dropped_rejected": journal.dropped_rejected,
                "unheard": journal.unheard,
            }
        state: Json = {
            "read": self._reads,
            "epoch": self._epoch,
            "requests": [record_as_json(entry) for entry in entries],
            **counts,
            "revision": revision,
            "groups": None,
            "poison": None,
            "running": gateway.running,
            "refusing": any(fault["name"] == "refuse()" and fault["active"] for fault in self._faults.as_json()),
            "faults": self._faults.as_json(),
            "frozen": gateway.clock.frozen,
            "now": gateway.clock(),
            "moves": gateway.moves,
            "log": self._take_log(),
            "errors": self._take_errors(),
        }
        if revision != given.get("revision"):
            poison = gateway.store.poisoned()
            state["groups"] = [stored_as_json(group) for group in gateway.store.groups()]
            state["poison"] = None if poison is None else poison_as_json(poison)
        if given.get("persistence_file"):
            state["persistence_file"] = gateway.persistence_file()
        return state

    def _revision(self) -> str:
        inner = self._gateway.inner
        return "" if inner is None else f"{id(inner)}.{inner.revision}"

    def _take_log(self) -> list[tuple[str, str, dict[str, str]]]:
        """Return the lines of the log since this was last asked."""
        taken = []
        with suppress(IndexError):
            while True:
                level, message, fields = self._gateway.log.popleft()
                taken.append((level, message, {name: str(value) for name, value in fields.items()}))
        return taken

    def _take_errors(self) -> list[str]:
        taken: list[str] = []
        for source in self._gateway.errors:
            errors = list(source)
            del source[: len(errors)]  # not all: a thread may be adding another
            taken += [f"{type(error).__name__}: {error}" for error in errors]
        return taken
