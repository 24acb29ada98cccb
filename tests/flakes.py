"""Runs the suite again and again, in another random order each time, and names every test that ever failed.

``python -m tests.flakes --runs 20 --seconds 600 -- tests/plugin``: what follows ``--`` goes to pytest. It needs
pytest-randomly and pytest-xdist; ``tox run -e flakes`` brings both. The seed printed with a run that failed repeats its
order: ``python -m pytest -n 2 --randomly-seed=SEED``. The exit status is 1 if any test failed in any run.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

CHOSEN = "not conformance and not package and not browser"


def run(seed: int, folder: Path, more: list[str]) -> tuple[int, list[str]]:
    """Run the suite once in the order of ``seed``; return how many tests ran and which of them failed."""
    report, output = folder / f"{seed}.xml", folder / f"{seed}.txt"
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", CHOSEN]
    command += [f"--randomly-seed={seed}", f"--junitxml={report}", *more]
    with output.open("wb") as file:
        status = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False).returncode
    if not report.exists():
        raise SystemExit(f"pytest ended with status {status} and without a report:\n{output.read_text()[-2000:]}")
    cases = list(ElementTree.parse(report).iter("testcase"))
    bad = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    return len(cases), sorted({f"{case.get('classname')}::{case.get('name')}" for case in bad})


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.flakes")
    parser.add_argument("--runs", type=int, default=10, help="how many at most")
    parser.add_argument("--seconds", type=float, default=600, help="start no further run after this time")
    parser.add_argument("--seed", type=int, default=None, help="of the first run; the next ones count up")
    parser.add_argument("more", nargs="*", metavar="ARGUMENT", help="for pytest, after --")
    options = parser.parse_args()
    first = random.randrange(1 << 31) if options.seed is None else options.seed
    folder = Path(tempfile.mkdtemp(prefix="flakes-"))
    failures: Counter[str] = Counter()
    runs = tests = 0
    began = time.monotonic()
    while runs < options.runs and (not runs or time.monotonic() - began < options.seconds):
        seed = first + runs
        ran, failed = run(seed, folder, options.more)
        runs, tests = runs + 1, tests + ran
        failures.update(failed)
        print(f"run {runs}, seed {seed}: {ran} tests, {len(failed)} failed", *failed, sep="\n  ", flush=True)
    print(f"{runs} runs, {tests} tests, {failures.total()} failures of {len(failures)} tests; outputs in {folder}")
    for name, count in failures.most_common():
        print(f"  {count} of {runs}: {name}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
