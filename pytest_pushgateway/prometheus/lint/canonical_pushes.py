"""Canonical pushes through the simulated scrape: what a job would store of them."""

from __future__ import annotations

from pytest_pushgateway.golang.regexp import BadRegexp, Unjudged
from pytest_pushgateway.prometheus.model import ScrapeJob, TargetGroup
from pytest_pushgateway.prometheus.scrape.ingest import Ingester

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytest_pushgateway.prometheus.scrape.targets import Target

METRIC = "records_processed"
PUSHERS = ("backup", "etl")
BODY = "".join(
    f"# TYPE {name} gauge\n" + "".join(f'{name}{{instance="",job="{job}"}} 1\n' for job in PUSHERS)
    for name in ("push_failure_time_seconds", "push_time_seconds", METRIC)
)
"""Two groups, each with a metric that it makes itself and what the gateway adds."""

_SYNTHETIC = ("up", "scrape_")


class Outcome:
    """The series that a job stores: label sets with ``__name__`` (one per series), the error of a scrape that fails."""

    __slots__ = ("error", "series")

    def __init__(self, series: list[dict[str, str]], error: str) -> None:
        self.series: list[dict[str, str]] = series
        self.error: str = error

    def named(self, name: str) -> list[dict[str, str]]:
        """Return the series called ``name``."""
        return [labels for labels in self.series if labels.get("__name__") == name]


def push_through(job: ScrapeJob, body: str | bytes = BODY) -> Outcome | None:
    """Return what ``job`` stores of ``body`` from one target; ``None`` if the simulation does not know.

    Target relabelling is left out: it could drop the stand-in for a discovered target, and labels that it adds do not
    change what becomes of pushed ones.
    """
    from pytest_pushgateway.prometheus.scrape.simulate import Unsimulated, simulate

    stand_in = ScrapeJob()
    values: dict[str, Any] = {**vars(job), "relabel_configs": (), "discoveries": (), "sample_limit": 0}
    labels = job.static_configs[0].labels if job.static_configs else {}
    values["static_configs"] = [TargetGroup(targets=("pushgateway:9091",), labels=labels)]
    values["params"], values["target_limit"] = {}, 0
    vars(stand_in).update(values)
    try:
        result = simulate(stand_in, body, now=0.0)
    except (Unsimulated, BadRegexp, Unjudged, LookupError, KeyError):
        return None
    series = [dict(sample.labels) for scrape in result.targets for sample in scrape.stored]
    pushed = [labels for labels in series if not labels.get("__name__", "").startswith(_SYNTHETIC)]
    return Outcome(pushed, next((scrape.error for scrape in result.targets if scrape.error), ""))


def series_of(target: Target) -> set[tuple[tuple[str, str], ...]]:
    """Return the label sets that the canonical pushes get from one target of a job, as far as that is known."""
    from pytest_pushgateway.prometheus.scrape.simulate import TEXT, Unsimulated

    try:
        scrape = Ingester(target.job).ingest(target, BODY.encode(), TEXT, now=0.0)
    except (Unsimulated, BadRegexp, Unjudged, KeyError):
        return set()
    return {
        tuple(sample.labels)
        for sample in scrape.stored
        if not dict(sample.labels).get("__name__", "").startswith(_SYNTHETIC)
    }
