"""What fixtures and warnings do with a gateway: ready it for a test, and say what the test should hear of.

A test never needs any of it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pytest_pushgateway.harness import local
from pytest_pushgateway.later import later
from pytest_pushgateway.warnings import LintWarning

if TYPE_CHECKING:
    import threading
    from collections import deque
    from collections.abc import Collection

    from pytest_pushgateway.harness.clock import Clock
    from pytest_pushgateway.harness.faults.faults import Faults
    from pytest_pushgateway.harness.journal.journal import Journal, Totals
    from pytest_pushgateway.harness.messages.report import Finding
    from pytest_pushgateway.harness.metrics.holdings import Holdings
    from pytest_pushgateway.harness.sending import Sender
    from pytest_pushgateway.interception.addresses import Address
    from pytest_pushgateway.interception.interception import Interception, Interceptions
    from pytest_pushgateway.settings import Settings

if TYPE_CHECKING:
    from pytest_pushgateway.harness.journal import lint
    from pytest_pushgateway.harness.messages import report
else:
    lint = later("pytest_pushgateway.harness.journal.lint")
    report = later("pytest_pushgateway.harness.messages.report")


class GatewayBehind(Protocol):
    """The gateway behind a `Pushgateway`: `LocalGateway` in this process, or one that the test API reaches.

    The attributes are `LocalGateway`'s, with the same meaning. `Journal.catch_up` updates the journal, and ``store``,
    ``running`` and ``faults`` with it.
    """

    managed: bool
    test: str
    made_in: str
    page_note: str | None
    left_running: list[str] | None
    heard: int
    due: list[Finding]
    began: float
    interceptions: Interceptions | None

    @property
    def settings(self) -> Settings:
        """Its options."""

    @property
    def journal(self) -> Journal:
        """The requests since the last reset."""

    @property
    def moves(self) -> list[tuple[int, float]]:
        """For each time that the clock was set, the journal's sequence at that moment and the new time."""

    @property
    def clock(self) -> Clock:
        """The clock by which it dates."""

    @property
    def log(self) -> deque[tuple[str, str, dict[str, object]]]:
        """The latest lines of its log: level, message and fields of each."""

    @property
    def threads(self) -> Collection[threading.Thread]:
        """Those of this process that ran when the current test began."""

    @property
    def scheme(self) -> str:
        """``http``, or ``https`` where TLS is asked for."""

    @property
    def host(self) -> str:
        """The host to connect to."""

    @property
    def port(self) -> int:
        """The port that it listens on, or listened on last; 0 before the first start with a free one."""

    @property
    def netloc(self) -> str:
        """Host and port as a URL has them."""

    @property
    def prefix(self) -> str:
        """The route prefix: empty, or with a slash before it and none after it."""

    @property
    def url(self) -> str:
        """The URL with scheme and route prefix."""

    @property
    def demands_certificate(self) -> bool:
        """Whether a client needs a certificate to connect."""

    @property
    def client(self) -> Sender:
        """Sends requests for the test itself."""

    @property
    def has_store(self) -> bool:
        """Whether it was ever started, and holds anything that can be read."""

    @property
    def store(self) -> Holdings:
        """Its groups.

        Raises:
            RuntimeError: the gateway was never started.

        """

    @property
    def faults(self) -> Faults:
        """Its faults."""

    @property
    def asked_faults(self) -> Faults | None:
        """Its faults, or None before they are first asked for."""

    @property
    def errors(self) -> list[list[BaseException]]:
        """The lists into which threads of the gateway and predicates of faults put what they raised."""

    @property
    def running(self) -> bool:
        """Whether it is started."""

    def intercept(self, addresses: tuple[Address, ...]) -> Interception:
        """Have connections of this process to these addresses reach this gateway."""

    def start(self) -> None:
        """Start it unless it is running."""

    def stop(self) -> None:
        """Stop it, and lift its faults, unless it is stopped."""

    def restart(self) -> None:
        """Stop it in an orderly way and start it on the same port; the metrics come back from the file."""

    def crash(self) -> None:
        """End it as a kill does, without a last write, and start it on the same port."""

    def reset(self) -> None:
        """Empty gateway, log and journal, and lift all faults, without touching a client's connection."""

    def revive(self) -> bool:
        """Start it again if it has failed; return whether it had."""

    def make_ready(self) -> None:
        """Start it unless it is running, with the real clock: a test begins."""

    def begin_test(self, test: str) -> None:
        """Note that a test, named by its node id, begins: what came until now was not of it."""

    def note_test(self) -> None:
        """Note that a test begins, and what tests before it have left running."""

    def end_test(self) -> None:
        """End its faults, release the requests that wait in them, and let its clock run."""

    def before_reset(self) -> None:
        """End all faults, whose requests wait on, and learn what came before the reset that follows."""

    def closed(self) -> str | None:
        """Return why no connection reaches it now, and what to do; None where one would."""

    def persistence_file(self) -> str:
        """Return the path of the file that keeps the metrics."""

    def leave(self) -> None:
        """Do what the end of a ``with`` statement does to it."""

    def end(self) -> None:
        """Give up all that it holds in this process."""


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

    # What it should hear of

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
            gateway.faults,
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
