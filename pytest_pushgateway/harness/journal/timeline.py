"""The texts that a gateway exposed over a test, replayed from its journal.

The journal has every push with its verdict, but no copy of what was exposed after each: a second store does it all
again, at the times of the gateway's clock, when a test asks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pytest_pushgateway.exposition.model import ScrapeText
from pytest_pushgateway.exposition.negotiation import negotiate
from pytest_pushgateway.gateway.store.self_metrics import SelfMetrics
from pytest_pushgateway.gateway.store.store import GatherError, Store
from pytest_pushgateway.harness.journal.journal import LifeChange

if TYPE_CHECKING:
    from pytest_pushgateway.gateway.groups import StoredGroup
    from pytest_pushgateway.harness.journal.requests import Request

_OK = 200
_FORMAT = negotiate("text/plain;version=1.0.0;escaping=allow-utf-8")


def timeline(
    requests: Sequence[Request],
    moves: Sequence[tuple[int, float]],
    changes: Sequence[LifeChange],
    now: float,
    *,
    check: bool,
) -> list[ScrapeText]:
    """Return what was exposed when, up to ``now``; None while no scrape reached the gateway.

    ``moves`` are the settings of a frozen clock: the order of the request before each, and the time that was set;
    ``changes`` are those of the gateway's life; ``check``: whether it checks consistency.
    """
    return _Replay(check).run(requests, [*_in_order(moves, changes)], now)


def _in_order(
    moves: Sequence[tuple[int, float]], changes: Sequence[LifeChange]
) -> Iterator[tuple[int, float | LifeChange]]:
    """Yield moves and changes as they happened, each with the request that it came after."""
    waiting = list(changes)
    for number, (after, at) in enumerate(moves):
        while waiting and waiting[0].moves <= number:
            yield waiting[0].after, waiting.pop(0)
        yield after, at
    for change in waiting:
        yield change.after, change


class _Replay:
    def __init__(self, check: bool) -> None:
        self.now = 0.0
        self.check = check
        self.reachable = True
        self.found: list[ScrapeText] = []
        self._start(())

    def _start(self, groups: Iterable[StoredGroup]) -> None:
        self.own = SelfMetrics(lambda: self.now)
        self.store = Store(self_metrics=self.own, clock=lambda: self.now, kept=groups)

    def run(
        self, requests: Sequence[Request], events: Sequence[tuple[int, float | LifeChange]], now: float
    ) -> list[ScrapeText]:
        waiting = deque(events)
        for request in requests:
            while waiting and waiting[0][0] < request._order:
                self._happen(waiting.popleft()[1])
            if self._repeat(request):
                self._show(request.at)
        for _, event in waiting:
            self._happen(event)
        self._show(now)
        self.store.close()
        return self.found

    def _happen(self, event: float | LifeChange) -> None:
        """Go on to a time that the clock was set to, or through a change of the gateway's life."""
        if isinstance(event, LifeChange):
            self.reachable = event.reachable
            if event.groups is not None:
                self.now = event.at
                self.store.close()
                self._start(event.groups)
            if not (self.found or event.groups) and event.reachable:
                return  # a timeline does not begin with an empty gateway
            event = event.at
        self._show(event)

    def _show(self, moment: float) -> None:
        self.now = moment
        try:
            text = b"".join(self.store.gather(_FORMAT)) if self.reachable else None
        except GatherError:
            text = None
        self.found.append(ScrapeText(moment, text))

    def _repeat(self, request: Request) -> bool:
        """Do again what a request did; return whether it could change the exposed text."""
        record, raw = request._record, request._request
        if raw.handler == "quit" and record is not None and record.status == _OK:
            self.reachable = False
            return True
        if record is None or record.missed or request.kind not in ("push", "delete", "wipe"):
            return False
        self.now = request.at
        if record.status:
            self.own.observe_request(request.kind, record.status, request.method.lower())
        if record.verdict is None:
            return True
        if request.kind == "wipe":
            self.store.wipe()
        elif raw.key is not None and request.kind == "delete":
            self.store.delete(raw.key)
        elif raw.key is not None and record.parsed is not None:
            self.store.push(raw.key, record.parsed, replace=request.method == "PUT", check=self.check)
        return True
