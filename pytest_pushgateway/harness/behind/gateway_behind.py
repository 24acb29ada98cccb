"""`GatewayBehind`: what a `Pushgateway` and its `Supervisor` ask of their gateway, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import threading
    from collections import deque
    from collections.abc import Collection

    from pytest_pushgateway.harness.clock import Clock
    from pytest_pushgateway.harness.faults.faults import Faults
    from pytest_pushgateway.harness.journal.journal import Journal
    from pytest_pushgateway.harness.messages.report import Finding
    from pytest_pushgateway.harness.metrics.holdings import Holdings
    from pytest_pushgateway.harness.sending import Sender
    from pytest_pushgateway.interception.addresses import Address
    from pytest_pushgateway.interception.interception import Interception, Interceptions
    from pytest_pushgateway.settings import Settings


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
