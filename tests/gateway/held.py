"""A store to talk to in a test: pushes as text, scrapes without the gateway's own families."""

from __future__ import annotations

import re
from typing import Any

from pytest_pushgateway.exposition.model import Parsed
from pytest_pushgateway.exposition.negotiation import Format
from pytest_pushgateway.exposition.text import reader as text_reader
from pytest_pushgateway.gateway.grouping_key import GroupingKey
from pytest_pushgateway.gateway.groups import StoredGroup, Verdict
from pytest_pushgateway.gateway.store.self_metrics import SelfMetrics
from pytest_pushgateway.gateway.store.store import Store

NOW = 1_700_000_000.0


def key(**labels: str | bytes) -> GroupingKey:
    """Return a grouping key; ``surrogateescape`` is for bytes that are no UTF-8."""
    return tuple(
        sorted((name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in labels.items())
    )


class Clock:
    """A clock that does not move by itself."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class Held:
    """A store, its clock and its own metrics."""

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        self.own = SelfMetrics(self.clock)
        self.store = Store(self_metrics=self.own, clock=self.clock, **options)

    def put(self, body: str | bytes, *, check: bool = True, **labels: str | bytes) -> Verdict:
        """Push, replacing the group."""
        return self._push(body, replace=True, check=check, **labels)

    def post(self, body: str | bytes, *, check: bool = True, **labels: str | bytes) -> Verdict:
        """Push, replacing families of the same names."""
        return self._push(body, replace=False, check=check, **labels)

    def _push(self, body: str | bytes, *, replace: bool, check: bool, **labels: str | bytes) -> Verdict:
        group = key(**labels)
        return self.store.push(group, self.parse(body, group), replace=replace, check=check)

    @staticmethod
    def parse(body: str | bytes, group: GroupingKey) -> Parsed:
        """Read a body as a push to a group."""
        return text_reader.parse(body.encode() if isinstance(body, str) else body, dict(group))

    def delete(self, **labels: str | bytes) -> Verdict:
        """Delete a group."""
        return self.store.delete(key(**labels))

    def group(self, **labels: str | bytes) -> StoredGroup | None:
        """Return the group with exactly this key, or None."""
        return next((group for group in self.store.groups() if group.key == key(**labels)), None)

    def scrape(self, form: Format | None = None) -> str:
        """Return the whole exposition."""
        return b"".join(self.store.gather(form or Format())).decode("utf-8", "surrogateescape")

    def exposed(self) -> str:
        """Return the exposition without the gateway's own families and without comments on push times."""
        pieces = re.split(r"(?m)^(?=# HELP |# TYPE )", self.scrape())
        kept = []
        for piece in pieces:
            name = re.match(r"# (?:HELP|TYPE) (\S+)", piece)
            if name and not re.match(r"process_|pushgateway_|push_(failure_)?time_seconds", name[1]):
                kept.append(piece)
        return "".join(kept)

    def push_times(self) -> dict[str, str]:
        """Return the lines of the push times: series, value."""
        lines = re.findall(r"(?m)^(push_(?:failure_)?time_seconds\{.*\}) (\S+)$", self.scrape())
        return dict(lines)
