"""A gateway without a server: a real store and a real journal, and requests that are made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_pushgateway import Clock, Delete, Push
from pytest_pushgateway.exposition.model import ParseError
from pytest_pushgateway.exposition.text import reader as text_reader
from pytest_pushgateway.gateway.grouping_key import group_path
from pytest_pushgateway.gateway.hooks import Plan, RawRequest, Record
from pytest_pushgateway.gateway.store.self_metrics import SelfMetrics
from pytest_pushgateway.gateway.store.store import Store
from pytest_pushgateway.harness.assertions import Asserting
from pytest_pushgateway.harness.journal.journal import Journal
from pytest_pushgateway.harness.journal.requests import ORIGIN_HEADER

if TYPE_CHECKING:
    from pytest_pushgateway.gateway.hooks import Kind


class Play(Asserting):
    """What `Pushgateway` asserts, on requests that took no wire."""

    def __init__(self, journal_limit: int = 10_000) -> None:
        self.clock = Clock()
        self.clock.freeze(1700000000.0)
        self.store = Store(self_metrics=SelfMetrics(), clock=self.clock)
        self.journal = Journal(journal_limit)

    @property
    def _store(self) -> Store:
        return self.store

    @property
    def _seen(self) -> Store:
        return self.store

    @property
    def _journal(self) -> Journal:
        return self.journal

    def put(self, body: str, *, origin: str = "", plan: Plan | None = None, test: str = "", **key: str) -> Push:
        return self._push("PUT", body, origin, plan, test, key)

    def post(self, body: str, *, origin: str = "", plan: Plan | None = None, test: str = "", **key: str) -> Push:
        return self._push("POST", body, origin, plan, test, key)

    def delete(self, *, plan: Plan | None = None, **key: str) -> Delete:
        request = self._request("DELETE", "delete", b"", "", key)
        assert request.key is not None
        verdict = self.store.delete(request.key) if plan is None or plan.store else None
        status = 202 if plan is None or plan.status is None else plan.status
        entry = self._journal.add(Record(request, status, None, verdict, None, 0.001, plan))
        assert isinstance(entry, Delete)
        return entry

    def stray(self, method: str, path: str, status: int, error: str) -> None:
        """Let a request come that is neither push nor deletion."""
        request = RawRequest(
            method, path, [("Host", "127.0.0.1")], b"", "127.0.0.1:40000", 0, self.clock(), "other", None
        )
        self._journal.add(Record(request, status, error, None, None, 0.001, None))

    def _push(self, method: str, body: str, origin: str, plan: Plan | None, test: str, key: dict[str, str]) -> Push:
        request = self._request(method, "push", body.encode(), origin, key)
        assert request.key is not None
        record = Record(request, 200, None, None, None, 0.001, plan)
        if plan is None or plan.store:
            try:
                record.parsed = text_reader.parse(request.body, dict(request.key))
            except ParseError as error:
                record.status, record.error = 400, str(error)
            else:
                record.verdict = self.store.push(request.key, record.parsed, replace=method == "PUT")
                if not record.verdict.accepted:
                    reason = "pushed metrics are invalid or inconsistent with existing metrics: "
                    record.status, record.error = 400, f"{reason}{record.verdict.error}"
        if plan is not None and plan.status is not None:
            record.status, record.error = plan.status, plan.body.decode() if plan.status >= 400 else None
        entry = self._journal.add(record, test)
        assert isinstance(entry, Push)
        return entry

    def _request(self, method: str, kind: Kind, body: bytes, origin: str, key: dict[str, str]) -> RawRequest:
        labels = tuple(
            sorted(
                (name.encode(), value.encode("utf-8", "surrogateescape"))
                for name, value in {"job": "backup", **key}.items()
            )
        )
        headers = [("Host", "127.0.0.1"), ("Content-Type", "text/plain")]
        if origin:
            headers.append((ORIGIN_HEADER, self._journal.expect_mark()))
        self.clock.advance(1)
        return RawRequest(
            method,
            group_path(labels),
            headers,
            body,
            "127.0.0.1:40000",
            0,
            self.clock(),
            kind,
            labels,
        )
