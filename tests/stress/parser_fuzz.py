"""Mutated inputs for the parsers of text, protobuf and web configurations: no exception but their own, no hang.

With atheris installed its coverage leads the mutations; else they are random changes of good and bad examples.
"""

from __future__ import annotations

import importlib.util
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.exposition import test_protobuf_fuzz, test_text_fuzz
from tests.stress.bounds import Bounds, Figures
from tests.stress.parser_targets import TARGETS
from tests.stress.web_configurations import CONFIGURATIONS, mutated_configuration

COUNT = 1_000_000
SECONDS = 7200.0
SHARES = {"text": 0.5, "protobuf": 0.4, "web_config": 0.1}
SLOW = 2.0
"""Seconds that no input of this size may take."""

SEEDS: dict[str, list[bytes]] = {
    "text": test_text_fuzz.SEEDS,
    "protobuf": test_protobuf_fuzz.SEEDS,
    "web_config": CONFIGURATIONS,
}
MUTATIONS: dict[str, Callable[[random.Random], bytes]] = {
    "text": lambda randomness: test_text_fuzz.mutated(randomness, test_text_fuzz.SEEDS),
    "protobuf": test_protobuf_fuzz.mutated,
    "web_config": mutated_configuration,
}


def by_mutation(name: str, bounds: Bounds) -> tuple[int, float, list[str]]:
    """Return how many inputs were tried, the slowest in seconds, and what broke."""
    broken: list[str] = []
    slowest = 0.0
    done = 0
    target, mutate = TARGETS[name], MUTATIONS[name]
    for _ in bounds.rounds():
        body = mutate(bounds.random)
        began = time.perf_counter()
        try:
            target(body)
        except Exception as problem:
            broken.append(f"{name}: {problem!r} of {body!r}"[:1000])
        slowest = max(slowest, time.perf_counter() - began)
        done += 1
    if slowest > SLOW:
        broken.append(f"{name}: an input took {slowest:.1f} seconds")
    return done, slowest, broken


def by_atheris(name: str, bounds: Bounds) -> tuple[int, float, list[str]]:
    """As :func:`by_mutation`, in a process that libFuzzer drives; of the slowest input it knows whole seconds."""
    with tempfile.TemporaryDirectory(prefix="stress-") as directory:
        corpus = Path(directory, "corpus")
        corpus.mkdir()
        for number, seed in enumerate(SEEDS[name]):
            Path(corpus, str(number)).write_bytes(seed)
        limits = [f"-runs={bounds.count}", f"-max_total_time={max(1, int(bounds.seconds))}", "-max_len=4096"]
        command = [sys.executable, "-m", "tests.stress.atheris_fuzz", name, str(corpus), *limits]
        command += [f"-seed={bounds.seed}", f"-timeout={SLOW + 8:.0f}", f"-artifact_prefix={directory}/"]
        command += ["-print_final_stats=1"]
        finished = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", finished.stdout)
    slowest = re.search(r"stat::slowest_unit_time_sec:\s*(\d+)", finished.stdout)
    broken = [f"{name}: {finished.stdout[-2000:]}"] if finished.returncode else []
    return int(executed[1]) if executed else 0, float(slowest[1]) if slowest else 0.0, broken


def run(bounds: Bounds) -> Figures:
    led = importlib.util.find_spec("atheris") is not None
    figures: Figures = {"engine": "atheris" if led else "random mutation", "inputs": 0}
    broken: list[str] = []
    for name, share in SHARES.items():
        part = Bounds(int(bounds.count * share), bounds.seconds * share, bounds.seed)
        done, slowest, found = (by_atheris if led else by_mutation)(name, part)
        figures["inputs"] += done
        figures[name] = {"inputs": done, "slowest_ms": round(slowest * 1000, 1)}
        broken += found
    return {**figures, "crashes": len(broken), "broken": broken[:20]}
