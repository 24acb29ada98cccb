"""Our relabel engine beside promtool's, on random rules and labels.

A short run in CI; ``RELABEL_PAIRS=5000`` asks for more.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pushgateway.prometheus.scrape.relabel import LabelBuilder, Relabeler
from tests import peers

from .relabel_cases import SAFEGUARDS, as_yaml, ask_promtool, random_labels, random_rule

PAIRS = int(os.environ.get("RELABEL_PAIRS", "300"))
PER_RUN = 25

pytestmark = pytest.mark.conformance


def ours(relabeler: Relabeler, labels: list[tuple[str, str]]) -> dict[str, str]:
    """What our engine makes of a target whose labels are set in this order."""
    builder = LabelBuilder()
    for name, value in labels:
        builder.set(name, value)
    if not relabeler.process(builder):
        return {}
    found = {name: value for name, value in builder.labels() if not name.startswith("__meta_")}
    found.setdefault("instance", found["__address__"])
    return found


def orders(rng: random.Random, labels: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Prometheus reads a target's labels from a Go map: which of two that labelmap puts on one name wins, is open."""
    for _ in range(500):
        yield labels
        rng.shuffle(labels)


@pytest.mark.parametrize(("version", "binary"), [("3.5", peers.promtool_binary), ("2.53", peers.promtool_2_binary)])
def test_random_rules(version: str, binary: object, tmp_path: Path) -> None:
    promtool = binary()  # type: ignore[operator]
    rng = random.Random(20)
    for run in range(PAIRS // PER_RUN):
        rules = [random_rule(rng, legacy=version < "3") for _ in range(rng.randint(1, 4))] + SAFEGUARDS
        cases = [random_labels(rng) for _ in range(PER_RUN)]
        relabeler = Relabeler(rules, prometheus_version=version)
        for answer in ask_promtool(promtool, tmp_path, rules, cases):
            discovered = list(answer["discoveredLabels"].items())
            assert any(ours(relabeler, order) == (answer["labels"] or {}) for order in orders(rng, discovered)), (
                f"run {run}: {[as_yaml(rule) for rule in rules]} on {discovered}, promtool: {answer['labels']}"
            )
