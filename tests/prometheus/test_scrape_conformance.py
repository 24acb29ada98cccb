"""The simulated scrape beside a real Prometheus: all cases as jobs of one server, compared series by series."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_pushgateway import load
from pytest_pushgateway.prometheus.scrape.simulate import JobScraper
from pytest_pushgateway.prometheus.scrape.targets import job_targets
from tests import peers

from .exposer import Exposer
from .real import Series, comparable, configuration, run
from .scrape_cases import cases

pytestmark = pytest.mark.conformance

NOT_COMPARED = {"scrape_duration_seconds"}


@pytest.mark.parametrize(("version", "binary"), [("3.5", peers.prometheus_binary), ("2.53", peers.prometheus_2_binary)])
def test_every_job_stores_the_same_as_prometheus(version: str, binary: Callable[[], Path]) -> None:
    prometheus = binary()
    chosen = [case for case in cases() if case.since <= version]
    with Exposer({f"/{case.name}": case.page for case in chosen}) as exposer:
        for case in chosen:
            case.page.body = case.page.body.replace(b"INSTANCE", exposer.address.encode())
        text = configuration(chosen, exposer.address)
        theirs, their_ends = run(prometheus, text, slow={"hanging"})
        config = load(text=text, version=version, lint="none")
        # promtool refuses targets that Prometheus itself only logs
        assert not [problem for problem in config.errors if not str(problem.message).startswith("instance ")]
        ours: Series = {}
        our_ends: dict[str, set[tuple[str, str]]] = {}
        for job in config.jobs:
            result = JobScraper(job).scrape(job_targets(job), now=time.time())
            for scrape in result.active:
                our_ends.setdefault(job.job_name, set()).add((scrape.health, scrape.error))
            for sample in result.stored:
                at = -1.0 if sample.timestamp is None else sample.timestamp / 1000
                ours.setdefault(sample.labels, []).append((at, sample.value))

    problems = []
    for key in sorted(theirs.keys() | ours.keys()):
        if dict(key)["__name__"] in NOT_COMPARED:
            continue
        real, simulated = theirs.get(key), ours.get(key)
        if real is None or simulated is None:
            problems.append(f"{'only ours' if real is None else 'only theirs'}: {key} {real or simulated}")
        elif simulated[0][0] >= 0:  # explicit timestamps: all samples, at their times
            if sorted(simulated) != real:
                problems.append(f"{key}: theirs {real}, ours {sorted(simulated)}")
        elif comparable(real[0][1]) != comparable(simulated[0][1]):
            problems.append(f"{key}: theirs {real[0][1]}, ours {simulated[0][1]}")
    for name in sorted(their_ends.keys() | our_ends.keys()):
        if without_chance(their_ends.get(name, set())) != without_chance(our_ends.get(name, set())):
            problems.append(f"{name}: theirs {their_ends.get(name)}, ours {our_ends.get(name)}")
    assert not problems, "\n".join(["", *problems])
    assert len(chosen) >= 40
    assert len(theirs) > 3 * len(chosen)


def without_chance(ends: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Leave out what the targets API of Prometheus adds to an error: its own trouble with the address."""
    return {(health, re.sub(r": address \S+: too many colons in address$", "", error)) for health, error in ends}
