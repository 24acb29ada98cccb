"""The gateway in the hands of fixtures and warnings: made ready for a test, and asked for reports at its end.

A test never needs any of it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from pytest_pushgateway.harness.behind import local
from pytest_pushgateway.later import later
from pytest_pushgateway.warnings import LintWarning

if TYPE_CHECKING:
    from pytest_pushgateway.harness.behind.gateway_behind import GatewayBehind
    from pytest_pushgateway.harness.journal import lint
    from pytest_pushgateway.harness.journal.journal import Totals
    from pytest_pushgateway.harness.messages import report
    from pytest_pushgateway.harness.messages.report import Finding
    from pytest_pushgateway.interception.addresses import Address
    from pytest_pushgateway.interception.interception import Interception
else:
    lint = later("pytest_pushgateway.harness.journal.lint")
    report = later("pytest_pushgateway.harness.messages.report")


class Supervisor(NamedTuple):
    """Looks after one gateway: readies it for a test, and collects what the test should hear of."""

    gateway: GatewayBehind

    # A test

    def begin_test(self, test: str) -> None:
        """Note that a test begins: what the gateway got until now was not of this one."""
        gateway = self.gateway
        if gateway.revive():
            gateway.due.append(report.failed(gateway.test, gateway.url))
        gateway.begin_test(test)

    def begin(self) -> None:
        """Get ready for a test: started, empty, without faults, the clock running."""
        self.gateway.make_ready()
        self.reset()
        self.gateway.note_test()

    def reset(self) -> None:
        """Empty the gateway, its log and its journal, and lift all faults, once the warnings that are due are issued.

        Raises:
            Exception: what a thread of the gateway, or a fault's predicate, had raised.

        """
        self.gateway.before_reset()
        try:
            self.issue_warnings()
        finally:
            self.gateway.reset()

    def end_of_test(self) -> None:
        """End what a test set going; the journal stays for its report."""
        self.gateway.end_test()

    def intercept(self, addresses: tuple[Address, ...]) -> Interception:
        """Have connections to these addresses reach the gateway."""
        return self.gateway.intercept(addresses)

    def end_interceptions(self) -> None:
        """End what the test began to intercept."""
        if self.gateway.interceptions is not None:
            self.gateway.interceptions.end_test()

    def concerns(self, test: str) -> bool:
        """Return whether the gateway was made, or got a request, while this test ran."""
        gateway = self.gateway
        made_here = not gateway.managed and gateway.made_in == test
        return made_here or any(entry.test == test for entry in gateway.journal.requests())

    # Reports

    def take_totals(self) -> Totals:
        """Return the counts of requests since this was last asked."""
        return self.gateway.journal.take_totals()

    def take_findings(self) -> list[Finding]:
        """Return the warnings that are due since this was last asked."""
        gateway, journal = self.gateway, self.gateway.journal
        journal.catch_up()
        with journal.condition:
            since, gateway.heard = gateway.heard, journal.sequence
            noted = journal.noted(since)
            unheard = journal.take_unheard(since)
            losses = journal.losses(since)
            pushed = journal.last_push > since
        poison = gateway.store.poisoned() if gateway.has_store and pushed else None
        due, gateway.due = gateway.due, []
        if gateway.settings.lint:
            problems = lint.lint(journal.requests())
            due += [(LintWarning, f"{one}") for one in problems if one.push._order > since]
        unused = gateway.asked_faults._take_unused() if gateway.asked_faults is not None else []
        if not (noted or losses or unused or poison or unheard):
            return due
        if unheard:
            due.append(report.unheard(unheard))
        return due + report.findings(noted, losses, journal.requests(), unused, poison, gateway.prefix)

    def take_errors(self) -> list[BaseException]:
        """Return the exceptions that threads of the gateway and predicates of faults raised since this was asked.

        The first has notes that name the others; pytest shows them in Python 3.10, too.
        """
        errors: list[BaseException] = []
        for source in self.gateway.errors:
            taken = list(source)
            del source[: len(taken)]  # not all: a thread may be adding another
            errors += taken
        told = list(dict.fromkeys(f"{type(error).__name__}: {error}" for error in errors))
        if len(told) > 1:
            notes = [f"and in a thread of the gateway, too: {one}" for one in told[1:]]
            errors[0].__dict__["__notes__"] = [*getattr(errors[0], "__notes__", ()), *notes]
        return errors

    def issue_warnings(self) -> None:
        """Issue the warnings that are due, from the line that called the gateway; with fixtures, at the test's end.

        Raises:
            Exception: what a thread of the gateway, or a fault's predicate, had raised.

        """
        if self.gateway.managed:
            self.gateway.due = self.take_findings()
            return
        found = self.take_findings()
        errors = self.take_errors()
        if errors:
            raise errors[0]
        if found:
            frame = sys._getframe(1)
            while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("pytest_pushgateway."):
                frame = frame.f_back
            report.issue(found, frame.f_code.co_filename, frame.f_lineno, frame.f_globals.get("__name__"))

    def section(self) -> list[str]:
        """Return the lines that a failing test shows of the gateway."""
        gateway, journal = self.gateway, self.gateway.journal
        journal.catch_up()
        title = f"{gateway.url} ({'running' if gateway.running else 'stopped'})"
        groups = gateway.store.groups() if gateway.has_store else []
        poison = gateway.store.poisoned() if gateway.has_store else None
        lines = report.section(
            title,
            journal.of_test(),
            journal.requests(),
            journal.dropped,
            gateway.faults._of_test(),
            groups,
            poison,
            gateway.prefix,
            list(gateway.log),
        )
        errors = [error for source in self.gateway.errors for error in source]
        return lines + [f"  error in a thread: {type(error).__name__}: {error}" for error in errors]


def started() -> list[Supervisor]:
    """Return the supervisors of all gateways of this process that were ever started, the oldest first."""
    return [Supervisor(gateway) for gateway in local.started()]
