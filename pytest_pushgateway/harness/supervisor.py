"""What the plugin, the end of the process and a fork do with a `Pushgateway`: the seam beneath its public names.

A test never needs any of it. `Keeper` sees the private parts of its gateway, and nothing else outside of it does.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_pushgateway.harness.journal.journal import Journal, Totals

if TYPE_CHECKING:
    from pytest_pushgateway.harness.messages.report import Finding
    from pytest_pushgateway.harness.pushgateway import Pushgateway
    from pytest_pushgateway.settings import Settings

_serials = itertools.count(1)


def make(settings: Settings, directory: Callable[[], Path]) -> Pushgateway:
    """Return a gateway that fixtures look after, with settings resolved elsewhere.

    ``directory`` makes the directory of its temporary file.
    """
    from pytest_pushgateway.harness.pushgateway import Pushgateway

    gateway = Pushgateway()
    gateway.settings = settings
    gateway._journal = Journal(settings.journal_limit)
    gateway._port = settings.port
    gateway._persistence_file = settings.persistence_file
    gateway._directory = directory
    gateway._keeper.managed = True
    return gateway


def keeper(gateway: Pushgateway) -> Keeper:
    """Return the keeper of a gateway."""
    return gateway._keeper


def running_test() -> str:
    """Return the node id of the test that pytest runs, or an empty string."""
    return os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]


class Keeper:
    """Looks after one gateway: readies it for a test, collects what the test should hear of, ends it.

    Attributes:
        serial: its place among all gateways that this process made.
        managed: whether fixtures look after the gateway: its warnings then wait until they have ended.
        page_note: a line that the web page shows at its top, if any.
        inherited: in a forked child, the parent's gateway.

    """

    def __init__(self, gateway: Pushgateway) -> None:
        self.serial: int = next(_serials)
        self.managed = False
        self.page_note: str | None = None
        self._of = gateway
        self._made_in = running_test()
        self._reported = 0
        self._due: list[Finding] = []
        self.inherited: object = None

    # A test

    def begin(self) -> None:
        """Get ready for a test: started, empty, without faults, the clock running."""
        self._of.clock.resume()
        self._of.start()
        self._of.reset()

    def settle(self) -> None:
        """End what a test set going; the journal stays for its report."""
        self._of._lift_faults()
        self._of.clock.resume()

    def concerns(self, test: str) -> bool:
        """Tell whether the gateway was made, or got a request, while this test ran."""
        return (not self.managed and self._made_in == test) or any(entry.test == test for entry in self._of.requests)

    # What it should hear of

    def take_totals(self) -> Totals:
        """Return the counts of requests since this was last asked."""
        return self._of._journal.take_totals()

    def take_findings(self) -> list[Finding]:
        """Return the warnings that are due since this was last asked."""
        gateway, journal = self._of, self._of._journal
        with journal.condition:
            since, self._reported = self._reported, journal.sequence
            noted = journal.noted(since)
            unheard = journal.take_unheard(since)
            pushed = journal.last_push > since
        poison = gateway._store.poisoned() if gateway._gateway is not None and pushed else None
        due, self._due = self._due, []
        if gateway.settings.lint:
            from pytest_pushgateway.warnings import LintWarning

            due += [(LintWarning, f"{one}") for one in gateway.lint() if one.push._order > since]
        unused = gateway._faults._take_unused() if gateway._faults is not None else []
        if not (noted or unused or poison or unheard):
            return due
        from pytest_pushgateway.harness.messages import report

        if unheard:
            due.append(report.unheard(unheard))
        return due + report.findings(noted, journal.requests(), unused, poison, gateway._prefix)

    def take_errors(self) -> list[BaseException]:
        """Return the exceptions that threads of the gateway and predicates of faults raised since this was asked.

        The first has notes that name the others; pytest shows them in Python 3.10, too.
        """
        errors: list[BaseException] = []
        for source in self._errors():
            taken = list(source)
            del source[: len(taken)]  # not all: a thread may be adding another
            errors += taken
        told = list(dict.fromkeys(f"{type(error).__name__}: {error}" for error in errors))
        if len(told) > 1:
            notes = [f"and in a thread of the gateway, too: {one}" for one in told[1:]]
            errors[0].__dict__["__notes__"] = [*getattr(errors[0], "__notes__", ()), *notes]
        return errors

    def _errors(self) -> list[list[BaseException]]:
        faults, inner = self._of._faults, self._of._gateway
        return [*([faults._errors] if faults is not None else []), *([inner.errors] if inner is not None else [])]

    def speak_up(self) -> None:
        """Issue the warnings that are due, from the line that called the gateway; with fixtures, at the test's end.

        Raises:
            Exception: what a thread of the gateway, or a fault's predicate, had raised.

        """
        if self.managed:
            self._due = self.take_findings()
            return
        found = self.take_findings()
        errors = self.take_errors()
        if errors:
            raise errors[0]
        if found:
            from pytest_pushgateway.harness.messages import report

            frame = sys._getframe(1)
            while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("pytest_pushgateway."):
                frame = frame.f_back
            report.issue(found, frame.f_code.co_filename, frame.f_lineno, frame.f_globals.get("__name__"))

    def section(self) -> list[str]:
        """Return the lines that a failing test shows of the gateway."""
        from pytest_pushgateway.harness.messages import report

        gateway, journal = self._of, self._of._journal
        title = f"{gateway.url} ({'running' if gateway.running else 'stopped'})"
        groups = gateway._store.groups() if gateway._gateway is not None else []
        poison = gateway._store.poisoned() if gateway._gateway is not None else None
        lines = report.section(
            title,
            journal.requests(),
            journal.dropped,
            gateway.faults,
            groups,
            poison,
            gateway._prefix,
            list(gateway._log),
        )
        errors = [error for source in self._errors() for error in source]
        return lines + [f"  error in a thread: {type(error).__name__}: {error}" for error in errors]

    # Its end

    def end(self) -> None:
        """Stop the gateway, whatever fails, and remove its temporary file."""
        gateway = self._of
        try:
            if gateway.running and gateway._gateway is not None:
                gateway._running = False
                gateway._lift_faults()
                gateway._gateway.stop()
        finally:
            if gateway._remove_temporary is not None:
                gateway._remove_temporary()
                gateway._remove_temporary = None
                gateway._persistence_file = gateway.settings.persistence_file

    def let_go(self) -> None:
        """In a forked child: forget the parent's gateway, whose sockets the server has closed here."""
        gateway = self._of
        gateway._running = False
        gateway._journal = Journal(gateway.settings.journal_limit)
        gateway._faults = None
        gateway._remove_temporary = None
        gateway._persistence_file = gateway.settings.persistence_file
        self.inherited = gateway._gateway  # kept from the collector: its database belongs to the parent
        gateway._gateway = None
