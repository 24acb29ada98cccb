"""The simulated scrape of a gateway, with a job of a configuration.

:func:`scrape` asks the gateway over HTTP as Prometheus would: with the URL, the credentials and the TLS settings of the
job, but at the gateway's address instead of the configured targets', so that a path, a password or a certificate
that does not fit shows in the result. :func:`simulate` does the same with a body at hand.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.monotonic import monotonic
from pytest_pushgateway.prometheus.scrape.fetch import FetchError, NoClient, ScrapeClient
from pytest_pushgateway.prometheus.scrape.ingest import Ingester, TargetScrape, Unsimulated
from pytest_pushgateway.prometheus.scrape.relabel import older_than
from pytest_pushgateway.prometheus.scrape.result import ScrapeResult
from pytest_pushgateway.prometheus.scrape.targets import Target, job_targets

if TYPE_CHECKING:
    from pytest_pushgateway.prometheus.model import ScrapeJob

__all__ = ["JobScraper", "ScrapeResult", "Unsimulated", "pick_job", "scrape", "simulate"]

TEXT = "text/plain; version=0.0.4; charset=utf-8"


def scrape(
    config: Any,
    gateway: Any,
    job: str | None = None,
    *,
    targets: Iterable[Mapping[str, str] | str] | None = None,
    now: float | None = None,
    timeout: float | None = None,
) -> ScrapeResult:
    """Scrape ``gateway`` as Prometheus would with a job of ``config``; every target of the job is scraped once.

    ``gateway`` has ``host`` and ``port``. ``job`` is a job's name; without it the configuration must have exactly one
    job for this gateway. ``targets`` replaces service discovery: addresses, or label sets with ``__address__`` and
    ``__meta_*``. ``now`` is the Unix time of the scrape in seconds, ``timeout`` seconds to wait instead of the
    job's ``scrape_timeout``. A scrape that fails raises nothing: its result has the error.

    Raises:
        LookupError: the job does not exist or has no known targets.
        Unsimulated: the simulation does not cover something that the job needs.

    """
    __tracebackhide__ = True
    chosen = pick_job(config, gateway, job)
    scraper = JobScraper(chosen, connect_to=(gateway.host, gateway.port), directory=_directory(chosen, config))
    result = scraper.scrape(known_targets(chosen, targets), now=now, timeout=timeout)
    result._became = getattr(gateway, "_became", None)
    return result


def simulate(
    job: ScrapeJob,
    body: str | bytes,
    *,
    targets: Iterable[Mapping[str, str] | str] | None = None,
    content_type: str = TEXT,
    now: float | None = None,
) -> ScrapeResult:
    """Return what Prometheus would store if every target of ``job`` answered with ``body``; nothing is asked."""
    ingester = Ingester(job)
    content = body.encode() if isinstance(body, str) else body
    at = time.time() if now is None else now
    found = known_targets(job, targets)
    limited = _limited(job, found)
    scrapes = []
    for target in found:
        if target.state != "active":
            scrapes.append(TargetScrape(target))
        elif limited:
            scrapes.append(ingester.report(target, limited))
        else:
            scrapes.append(ingester.ingest(target, content, content_type, now=at))
    return ScrapeResult(job, ingester, scrapes, at)


def pick_job(config: Any, gateway: Any, name: str | None) -> ScrapeJob:
    """Return the job called ``name``; without a name, the one that scrapes ``gateway``, or the only one there is.

    Raises:
        LookupError: the job is not clear; the message lists the candidates.

    """
    __tracebackhide__ = True
    if name is not None:
        found: ScrapeJob = config.job(name)
        return found
    candidates = config.gateway_jobs(gateway) or config.gateway_jobs() or config.jobs
    if len(candidates) == 1:
        only: ScrapeJob = candidates[0]
        return only
    names = ", ".join(repr(one.job_name) for one in candidates) or "none"
    raise LookupError(f"name the job with job=...; those that may scrape the gateway: {names}")


def known_targets(job: ScrapeJob, targets: Iterable[Mapping[str, str] | str] | None) -> list[Target]:
    """Return the targets of ``job``; ``LookupError`` where only service discovery would know them."""
    __tracebackhide__ = True
    found = job_targets(job, targets)
    if not found and targets is None:
        kinds = ", ".join(f"{discovery.kind}_sd_configs" for discovery in job.discoveries)
        reason = f"its targets come from {kinds}" if kinds else "it has none"
        raise LookupError(
            f"no target of job {job.job_name!r} is known: {reason}; "
            'name them, targets=["host:port"] or targets=[{"__address__": "host:port", "__meta_...": "..."}]'
        )
    return found


class JobScraper:
    """Scrapes the targets of one job.

    ``connect_to`` (host, port) takes the place of every target's address; ``directory`` is where relative names of
    password and certificate files begin.
    """

    def __init__(self, job: ScrapeJob, *, connect_to: tuple[str, int] | None = None, directory: str = "") -> None:
        self.job = job
        self.ingester: Ingester = Ingester(job)
        self.problem: str = ""
        headers = {
            "User-Agent": f"Prometheus/{job.version}",
            "Accept": accept_header(job),
            "Accept-Encoding": "gzip" if job.enable_compression else "identity",
        }
        try:
            self.client: ScrapeClient = ScrapeClient(
                job.http, directory=directory, connect_to=connect_to, headers=headers
            )
        except NoClient as problem:
            self.problem = str(problem)

    def scrape(self, targets: list[Target], *, now: float | None = None, timeout: float | None = None) -> ScrapeResult:
        """Scrape every active target once, one after the other."""
        at = time.time() if now is None else now
        limited = _limited(self.job, targets)
        scrapes = []
        for target in targets:
            if target.state != "active" or self.problem:
                scrapes.append(TargetScrape(target))
                scrapes[-1].error = scrapes[-1].error or self.problem
            elif limited:
                scrapes.append(self.ingester.report(target, limited))
            else:
                scrapes.append(self._scrape_target(target, at, timeout))
        return ScrapeResult(self.job, self.ingester, scrapes, at)

    def _scrape_target(self, target: Target, now: float, timeout: float | None) -> TargetScrape:
        wait = target.timeout if timeout is None else timeout
        self.client.headers["X-Prometheus-Scrape-Timeout-Seconds"] = f"{target.timeout:g}"
        started = monotonic()
        try:
            answer = self.client.get(target.url, timeout=wait, size_limit=self.job.body_size_limit)
        except FetchError as problem:
            return self.ingester.report(target, str(problem), duration=monotonic() - started)
        duration = monotonic() - started
        return self.ingester.ingest(target, answer.body, answer.content_type, now=now, duration=duration)


def _limited(job: ScrapeJob, targets: list[Target]) -> str:
    active = sum(target.state == "active" for target in targets)
    if 0 < job.target_limit < active:
        return f"target_limit exceeded (number of targets: {active}, limit: {job.target_limit})"
    return ""


def _directory(job: ScrapeJob, config: Any) -> str:
    return os.path.dirname(job.file or config.path or "")


_HEADERS = {
    "OpenMetricsText1.0.0": "application/openmetrics-text;version=1.0.0",
    "OpenMetricsText0.0.1": "application/openmetrics-text;version=0.0.1",
    "PrometheusText1.0.0": "text/plain;version=1.0.0",
    "PrometheusText0.0.4": "text/plain;version=0.0.4",
}


def accept_header(job: ScrapeJob) -> str:
    """Return the ``Accept`` header of the job's Prometheus, without protobuf, which this simulation does not read."""
    old = older_than(job.version, 3, 0)
    protocols = [name for name in job.scrape_protocols or _HEADERS if name in _HEADERS]
    if old and not job.scrape_protocols:
        protocols.remove("PrometheusText1.0.0")
    escaping = job.metric_name_escaping_scheme or (
        "underscores" if job.metric_name_validation_scheme == "legacy" else "allow-utf-8"
    )
    weight = len(_HEADERS) + (1 if old else 2)
    clauses = []
    for name in protocols:
        parameter = f";escaping={escaping}" if name.endswith("1.0.0") and not old else ""
        clauses.append(f"{_HEADERS[name]}{parameter};q=0.{weight}")
        weight -= 1
    return ",".join([*clauses, f"*/*;q=0.{weight}"])
