"""The results of a real Prometheus and of the simulation for a set of cases, in one shape."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

from prometheus_client.samples import Sample

from pytest_pushgateway import TargetState
from pytest_pushgateway.prometheus.process import PrometheusProcess, samples_of

from .scrape_cases import Case

Key = tuple[tuple[str, str], ...]
Series = dict[Key, list[tuple[float, float]]]
"""For each label set its samples: (timestamp, value)."""


def configuration(cases: list[Case], address: str) -> str:
    """Return the configuration, as JSON, in which every case is a job."""
    jobs = []
    for case in cases:
        job = {"scrape_interval": "3s", "scrape_timeout": "3s", "metrics_path": f"/{case.name}", **case.job}
        targets, labels = job.pop("targets", 1), job.pop("static_labels", {})
        own = job.pop("address", address)
        groups = [{"targets": [own], "labels": labels}]
        if targets > 1:
            groups = [{"targets": [own], "labels": {**labels, "replica": str(number)}} for number in range(targets)]
        elif targets < 0:
            groups *= -targets
        jobs.append({"job_name": case.name, "static_configs": groups, **job})
    return json.dumps({"scrape_configs": jobs})


def run(binary: Path, config: str, *, slow: set[str]) -> tuple[Series, dict[str, set[tuple[str, str]]]]:
    """Run until no job but the ``slow`` ones has met its timeout, which all may do on a busy machine."""
    for _ in range(3):
        series, ends = run_once(binary, config)
        late = {job for job, found in ends.items() if any("context deadline exceeded" in error for _, error in found)}
        if late <= slow:
            break
    return series, ends


def time_of(sample: Sample) -> float:
    """Return when a sample was taken, in seconds."""
    assert sample.timestamp is not None
    return float(sample.timestamp)


def _settled(target: TargetState) -> bool:
    # Prometheus reads a target's error before its health: both are of one scrape only if a failed one has its reason.
    return target.health != "unknown" and (target.health != "down" or bool(target.error))


def run_once(binary: Path, config: str, *, patience: float = 60.0) -> tuple[Series, dict[str, set[tuple[str, str]]]]:
    """Return the samples of the first scrape of every target, and for each job the health and error of its targets.

    Later scrapes differ: Prometheus remembers series of a scrape that failed.
    """
    ends: dict[tuple[str, str, str], tuple[str, str]] = {}
    with PrometheusProcess(binary, config) as prometheus:
        deadline = time.monotonic() + patience
        waiting = True
        while waiting:
            targets = prometheus.targets()
            for target in targets:
                if _settled(target):
                    ends.setdefault((target.job, str(target.labels), target.url), (target.health, target.error))
            waiting = not targets or not all(map(_settled, targets))
            assert time.monotonic() < deadline, [target for target in targets if not _settled(target)]
            time.sleep(0.02)
        data = prometheus.api("query", query='{__name__=~".+"}[2h]', time=str(time.time() + 3600))
    found = samples_of(data)
    first_scrapes = {time_of(samples[0]) for samples in found if samples[0].name == "scrape_duration_seconds"}
    series: Series = {}
    for samples in found:
        labels = tuple(sorted({**samples[0].labels, "__name__": samples[0].name}.items()))
        # Its own timestamp is not a scrape's.
        explicit = not any(abs(time_of(samples[0]) - scrape) < 60 for scrape in first_scrapes) or (
            samples[0].labels.get("job") or ""
        ).startswith("timestamps")
        kept = [sample for sample in samples if explicit or time_of(sample) in first_scrapes]
        if kept:
            series[labels] = [(time_of(sample), sample.value) for sample in kept]
    by_job: dict[str, set[tuple[str, str]]] = {}
    for (job, _, _), end in ends.items():
        by_job.setdefault(job, set()).add(end)
    return series, by_job


def comparable(value: float) -> Any:
    return "NaN" if math.isnan(value) else value
