"""The part of a `Pushgateway` that sends requests of the test's own."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_pushgateway.gateway.grouping_key import group_path
from pytest_pushgateway.harness.client import Client
from pytest_pushgateway.harness.journal.journal import Journalled
from pytest_pushgateway.harness.journal.requests import ORIGIN_HEADER, Push
from pytest_pushgateway.harness.metrics import text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import CollectorRegistry, Metric

    from pytest_pushgateway.harness.client import Answer
    from pytest_pushgateway.harness.metrics.family import Family
    from pytest_pushgateway.harness.metrics.scrape import Scrape
    from pytest_pushgateway.settings import Settings

    Metrics = (
        str | bytes | CollectorRegistry | Family | Metric | Iterable[Family] | Iterable[Metric] | Mapping[str, float]
    )


class Sending(Journalled):
    """Pushing and scraping over HTTP, past any proxy, authenticated; no fault meets these requests but ``refuse``."""

    settings: Settings

    @property
    def _client(self) -> Client:
        raise NotImplementedError

    @property
    def _prefix(self) -> str:
        raise NotImplementedError

    def push(
        self,
        metrics: Metrics,
        /,
        job: str,
        grouping_key: Mapping[str, object] | None = None,
        *,
        method: str = "PUT",
        check: bool = True,
    ) -> Push:
        """Push metrics as the test's own and return the journalled push.

        ``metrics`` is text as the text format has it, bytes, a registry, metric families, or a mapping from a series
        (``backup_bytes`` or ``backup_bytes{disk="sda"}``) to a number. ``method`` is PUT or POST.

        Raises:
            PushRejected: the gateway refused the push and ``check`` is true.
            ConnectionRefusedError: the gateway is stopped, or the fault ``refuse`` is active; it says which.
            OSError: the gateway cannot be reached for another reason.

        """
        if method.upper() not in ("PUT", "POST"):
            raise ValueError(f"a push is a PUT or a POST, not {method!r}")
        labels = {name: str(value) for name, value in (grouping_key or {}).items()}
        pairs = {name.encode(): value.encode("utf-8", "surrogateescape") for name, value in labels.items()}
        path = self._prefix + group_path(((b"job", job.encode("utf-8", "surrogateescape")), *sorted(pairs.items())))
        mark = self._journal.expect_mark()
        headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8", ORIGIN_HEADER: mark}
        try:
            answer = self._ask(method.upper(), path, headers, text.body_of(metrics))
        finally:
            entry = self._journal.take_marked(mark)
        if not isinstance(entry, Push):
            from pytest_pushgateway.harness.errors import PushgatewayError

            if answer.status < 400:
                raise PushgatewayError(
                    "the gateway took the push as the application's, for this process was forked from the one that it "
                    "runs in and has no journal of it: push with an HTTP client here"
                )
            reason = answer.body.decode("utf-8", "replace").strip()
            raise PushgatewayError(
                f"the push did not reach the gateway's metrics: it answered {answer.status} {reason}"
            )
        if check and (answer.status >= 400 or entry.rejected):
            from pytest_pushgateway.harness.errors import PushRejected
            from pytest_pushgateway.harness.messages.history import provenance

            lines = [
                f"the gateway answered {entry.status}: {entry.error}",
                *provenance(entry, self._journal.requests()),
            ]
            raise PushRejected("\n".join(lines), entry)
        return entry

    def scrape(self, accept: str | None = None) -> Scrape:
        """GET the telemetry path, as Prometheus does, with ``accept`` as the Accept header.

        Raises:
            ConnectionRefusedError: the gateway is stopped, or the fault ``refuse`` is active; it says which.
            OSError: the gateway cannot be reached for another reason.

        """
        from pytest_pushgateway.harness.metrics.scrape import Scrape

        mark = self._journal.expect_mark()
        headers = {ORIGIN_HEADER: mark}
        if accept is not None:
            headers["Accept"] = accept
        try:
            answer = self._ask("GET", self._prefix + self.settings.telemetry_path, headers)
        finally:
            self._journal.take_marked(mark)
        return Scrape(answer.status, answer.headers, answer.body)

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Send a request; where no connection reaches the gateway say why, whoever may listen on its port meanwhile."""
        closed = self._closed()
        if closed is not None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"the gateway cannot be reached: {closed}")
        return self._client.request(method, path, headers, body)
