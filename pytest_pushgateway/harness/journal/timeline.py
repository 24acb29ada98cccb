"""What a gateway exposed over a test, replayed from its journal.

The journal has every push with its verdict, but no copy of what was exposed after each: a second store does it all
again, at the times that the gateway's clock told, when somebody asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_pushgateway.exposition.model import ScrapeText
from pytest_pushgateway.exposition.negotiation import negotiate
from pytest_pushgateway.gateway.store.self_metrics import SelfMetrics
from pytest_pushgateway.gateway.store.store import GatherError, Store

if TYPE_CHECKING:
    from pytest_pushgateway.harness.journal.requests import Request

_FORMAT = negotiate("text/plain;version=1.0.0;escaping=allow-utf-8")


def timeline(
    requests: Sequence[Request], moves: Sequence[tuple[int, float]], now: float, *, check: bool
) -> list[ScrapeText]:
    """Return what was exposed when, up to ``now``.

    ``moves`` are the settings of a frozen clock: after which request (its order), and to which time; ``check`` tells
    whether the gateway checks consistency.
    """
    return _Replay(check).run(requests, moves, now)


class _Replay:
    def __init__(self, check: bool) -> None:
        self.now = 0.0
        self.check = check
        self.own = SelfMetrics(lambda: self.now)
        self.store = Store(self_metrics=self.own, clock=lambda: self.now)
        self.found: list[ScrapeText] = []

    def run(self, requests: Sequence[Request], moves: Sequence[tuple[int, float]], now: float) -> list[ScrapeText]:
        waiting = list(moves)
        for request in requests:
            while waiting and waiting[0][0] < request._order:
                self._show(waiting.pop(0)[1])
            if self._repeat(request):
                self._show(request.at)
        for _, moment in waiting:
            self._show(moment)
        self._show(now)
        self.store.close()
        return self.found

    def _show(self, moment: float) -> None:
        self.now = moment
        try:
            text = b"".join(self.store.gather(_FORMAT))
        except GatherError:
            text = None
        self.found.append(ScrapeText(moment, text))

    def _repeat(self, request: Request) -> bool:
        """Do again what a request did; tell whether it could change what is exposed."""
        record, raw = request._record, request._request
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
