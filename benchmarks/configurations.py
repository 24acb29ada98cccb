"""The cost of check-config next to promtool's: processor time of whole processes, start included."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Result

_JOB = """\
- job_name: {name}
  honor_labels: true
  scrape_interval: 30s
  metrics_path: /metrics
  static_configs:
  - targets: ['{name}.example.com:{port}']
    labels: {{env: prod, team: a}}
  relabel_configs:
  - source_labels: [__address__]
    regex: '([^:]+):.*{number}'
    target_label: host
    replacement: $1
"""


def _text(number: int) -> str:
    names = ["pushgateway", *(f"job-{number}-{one}" for one in range(1, 40))]
    jobs = (_JOB.format(name=name, port=9091 + at, number=40 * number + at) for at, name in enumerate(names))
    return "global:\n  scrape_interval: 15s\nscrape_configs:\n" + "".join(jobs) + "# the end\n" * 17


def _processor_time(command: list[str], folder: str) -> float:
    """Run a command that must find nothing; return the milliseconds that it spent on processors."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def configurations() -> Iterator[Result]:
    ours = [sys.executable, "-m", "pytest_pushgateway", "check-config"]
    promtool = [os.environ["PROMTOOL_BINARY"], "check", "config"]
    with tempfile.TemporaryDirectory() as folder:
        for number in range(100):
            Path(folder, f"{number}.yml").write_text(_text(number))
        for count, limit, what in ((1, 3, "a configuration of 500 lines"), (100, 2, "100 configurations, one run")):
            files = [f"{number}.yml" for number in range(count)]
            found: tuple[list[float], list[float]] = ([], [])
            for _ in range(15):
                found[0].append(_processor_time([*ours, *files], folder))
                found[1].append(_processor_time([*promtool, *files], folder))
            mine, theirs = map(statistics.median, found)
            goal = f"≤ {limit} × promtool"
            yield Result(f"check-config: {what}", mine, theirs, goal, mine <= limit * theirs, note="beside promtool")
