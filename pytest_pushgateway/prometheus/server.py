"""A real Prometheus for a test: it scrapes a gateway with the jobs of a configuration that are meant for it.

The configured target addresses stay, so that ``instance`` is stored as in production: the gateway is named as the
jobs' proxy. Everything else of the configuration (other jobs, rules, alerting, remote storage) is left out, and the
scrape interval is forced down, as a test does not wait a quarter of a minute.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.durations import seconds
from pytest_pushgateway.monotonic import monotonic
from pytest_pushgateway.programs import Program, find_binary
from pytest_pushgateway.prometheus.process import PrometheusError, PrometheusProcess, TargetState
from pytest_pushgateway.prometheus.values import format_duration

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

    from pytest_pushgateway.durations import Duration
    from pytest_pushgateway.prometheus.model import ScrapeJob

__all__ = ["PrometheusError", "PrometheusServer", "TargetState", "find_prometheus"]

SCRAPE_INTERVAL = 0.2
"""Seconds."""


def find_prometheus(option: str | os.PathLike[str] | Program | None = None) -> str:
    """Return the path of Prometheus.

    Args:
        option: a path; by default PROMETHEUS_BINARY or PATH.

    Returns:
        The path of an executable file.

    Raises:
        BinaryNotFound: there is none; the message lists where it was searched for.

    """
    return find_binary("prometheus", option, ("PROMETHEUS_BINARY",))


class PrometheusServer:
    """A Prometheus process that scrapes ``gateway`` with the jobs of ``config`` that are meant for it.

    Usable as a context manager. The samples have the time of the machine, even if the gateway's clock is frozen. To
    test alerts at a frozen clock, use `PrometheusConfig.rules`.

    Args:
        config: the configuration, as `load` returns it.
        gateway: has ``host``, ``port`` and ``scheme``.
        job: one job's name; without it, the jobs that scrape the gateway.
        targets: replaces service discovery: addresses, or label sets.
        scrape_interval: seconds, or another `Duration`, instead of the configured one.
        binary: a path; by default PROMETHEUS_BINARY or PATH.

    Raises:
        BinaryNotFound: there is no Prometheus.
        LookupError: no job fits.

    Attributes:
        binary (str): the path of Prometheus.
        jobs (list[ScrapeJob]): the jobs that scrape the gateway.
        scrape_interval (float): seconds between scrapes.
        notes (list[str]): the differences from the configuration, one line for each job.

    """

    def __init__(
        self,
        config: Any,
        gateway: Any,
        *,
        job: str | None = None,
        targets: Iterable[Mapping[str, str] | str] | None = None,
        scrape_interval: Duration = SCRAPE_INTERVAL,
        binary: str | os.PathLike[str] | Program | None = None,
    ) -> None:
        self.binary: str = find_prometheus(binary)
        self.jobs: list[ScrapeJob] = (
            [config.job(job)] if job is not None else config.gateway_jobs(gateway) or config.gateway_jobs()
        )
        if not self.jobs:
            raise LookupError("no scrape job of the configuration scrapes the gateway; name one, job=...")
        self.scrape_interval: float = seconds(scrape_interval, "scrape_interval")
        self.notes: list[str] = [self._note(one) for one in self.jobs]
        given = None if targets is None else list(targets)
        document = {
            # One scheme for all: Prometheus 3.5 refuses "legacy" in a job alone.
            "global": {
                name: value for name in _SCHEMES for value in [getattr(self.jobs[0], name)] if value not in ("", "utf8")
            },
            "scrape_configs": [
                job_as_yaml(one, gateway, given, self.scrape_interval, os.path.dirname(one.file or config.path or ""))
                for one in self.jobs
            ],
        }
        self._process = PrometheusProcess(self.binary, json.dumps(document, indent=1))

    def _note(self, job: ScrapeJob) -> str:
        return (
            f"job {job.job_name!r}: scraped every {format_duration(self.scrape_interval)}, "
            f"not every {format_duration(job.scrape_interval)}"
        )

    def __enter__(self) -> PrometheusServer:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = f"at {self.url}" if self.running else "stopped"
        return f"<PrometheusServer {state}; {'; '.join(self.notes)}>"

    @property
    def url(self) -> str:
        """Where its web page and API are, ``""`` before the start."""
        return self._process.url

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        return self._process.running

    def start(self, *, wait: bool = True, timeout: Duration = 60.0) -> None:
        """Start the process.

        The first scrape comes after about 5 seconds, whatever the interval.

        Args:
            wait: whether to return only when every target has been scraped without an error.
            timeout: seconds, a timedelta or a text, for that.

        Raises:
            PrometheusError: a target was not scraped in time, with the targets' errors; or the process ended, with its
                log.

        """
        self._process.start()
        if wait:
            try:
                self.wait_until_scraped(timeout)
            except PrometheusError:
                self.stop()
                raise

    def stop(self) -> None:
        """End the process and remove all it stored; nothing happens if it does not run."""
        self._process.stop()

    def wait_until_scraped(self, timeout: Duration = 60.0) -> None:
        """Return when every target has been scraped without an error, by a scrape that began after this call.

        Everything that was pushed before is then in Prometheus.

        Args:
            timeout: seconds, a timedelta or a text such as ``"1m30s"``.

        Raises:
            PrometheusError: a target was not scraped in time.

        """
        deadline = monotonic() + seconds(timeout, "timeout")
        before: dict[str, str] | None = None
        while True:
            targets = self.targets()
            if before is None:
                before = {str(target.labels): target.last_scrape for target in targets}
            # A target that was being scraped when this call began shows that scrape first.
            waiting = [one for one in targets if one.health != "up" or one.last_scrape == before.get(str(one.labels))]
            if targets and not waiting:
                self._wait_for_another(targets, deadline)
                return
            if monotonic() > deadline:
                raise PrometheusError("\n".join(["not every target was scraped:", *map(_describe, waiting)]))
            time.sleep(0.02)

    def _wait_for_another(self, targets: Sequence[TargetState], deadline: float) -> None:
        before = {str(target.labels): target.last_scrape for target in targets}
        while monotonic() < deadline:
            if all(target.last_scrape != before.get(str(target.labels)) for target in self.targets()):
                return
            time.sleep(0.02)

    def query(self, expression: str) -> list[Sample]:
        """Evaluate a PromQL expression now.

        Args:
            expression: in PromQL.

        Returns:
            The samples; a scalar is one sample without a name.

        Raises:
            PrometheusError: the expression is not valid; the text is Prometheus's.

        """
        return self._process.query(expression)

    def series(self, match: str = '{__name__=~".+"}') -> list[Sample]:
        """Return the current sample of every series, or of those that a selector matches.

        Args:
            match: the selector.

        Returns:
            The samples, sorted by name and labels.

        Raises:
            PrometheusError: the selector is not valid; the text is Prometheus's.

        """
        found = self._process.query(match)
        return sorted(found, key=lambda sample: (sample.name, sorted(sample.labels.items())))

    def targets(self) -> list[TargetState]:
        """Return the active targets as Prometheus sees them."""
        return self._process.targets()


def _describe(target: TargetState) -> str:
    return f"    {target.url} of job {target.job!r} is {target.health}{': ' if target.error else ''}{target.error}"


_SCHEMES = ("metric_name_validation_scheme", "metric_name_escaping_scheme")
_OWN = {
    *_SCHEMES,
    "static_configs",
    "discoveries",
    "http",
    "file",
    "version",
    "relabel_configs",
    "metric_relabel_configs",
}
_FILES = {"ca_file", "cert_file", "key_file", "password_file", "username_file", "credentials_file"}


def job_as_yaml(
    job: ScrapeJob,
    gateway: Any,
    targets: Sequence[Mapping[str, str] | str] | None,
    interval: float,
    directory: str,
) -> dict[str, Any]:
    """Return the job for a Prometheus that scrapes ``gateway`` instead of the configured targets."""
    found = {name: value for name, value in _changed(job).items() if name not in _OWN}
    found["job_name"] = job.job_name
    if "body_size_limit" in found:
        found["body_size_limit"] = f"{job.body_size_limit}B"
    found["scrape_interval"] = found["scrape_timeout"] = format_duration(interval)
    found.update(_absolute(_changed(job.http), directory))
    groups = [{"targets": list(group.targets), "labels": dict(group.labels)} for group in job.groups]
    if targets is not None:
        groups = [_group(target) for target in targets]
    found["static_configs"] = groups
    found["relabel_configs"] = [_changed(rule) for rule in job.relabel_configs]
    found["metric_relabel_configs"] = [_changed(rule) for rule in job.metric_relabel_configs]
    address = f"[{gateway.host}]:{gateway.port}" if ":" in gateway.host else f"{gateway.host}:{gateway.port}"
    if job.scheme.lower() == "https":
        _redirect(found, address)
    else:
        found["proxy_url"] = f"http://{address}"
    return found


def _redirect(job: dict[str, Any], address: str) -> None:
    """Send an https job to the gateway: a proxy would have to tunnel, so the address is changed after all other rules.

    The certificate is still checked against the configured name, where all targets have the same.
    """
    names = {target.rpartition(":")[0] or target for group in job["static_configs"] for target in group["targets"]}
    if len(names) == 1:
        job.setdefault("tls_config", {}).setdefault("server_name", names.pop())
    # Prometheus would do it at the very end; here, before the address is gone, since the instance is the address.
    job["relabel_configs"] += [
        {"source_labels": ["instance", "__address__"], "regex": ";(.+)", "target_label": "instance"},
        {"target_label": "__address__", "replacement": address, "regex": ".*"},
    ]


def _group(target: Mapping[str, str] | str) -> dict[str, Any]:
    if isinstance(target, str):
        return {"targets": [target], "labels": {}}
    labels = dict(target)
    return {"targets": [labels.pop("__address__")], "labels": labels}


def _changed(section: Any) -> dict[str, Any]:
    """Return the settings of a section that are not the defaults; to write a default out is not always allowed."""
    kind = type(section)
    return {name: _plain(value) for name, value in section._values() if value != getattr(kind, name)}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value


def _absolute(value: Any, directory: str) -> Any:
    """Make the names of files absolute: the configuration that runs stands elsewhere."""
    if isinstance(value, dict):
        base = os.path.abspath(directory or ".")
        return {
            name: os.path.join(base, one) if name in _FILES and one else _absolute(one, directory)
            for name, one in value.items()
        }
    return value
