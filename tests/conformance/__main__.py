"""``python -m tests.conformance --report``: the share of its answers that ours gives too, by section."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from pytest_pushgateway.gateway.builds import Build
from tests.conformance import sections
from tests.conformance.programs import Pairs
from tests.conformance.records import Request
from tests.conformance.runner import play
from tests.wire import GO_1_25


def main(arguments: list[str]) -> int:
    """Play the sections asked for and print a table; the status is 1 where anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument(
        "--report", action="store_true", help="print matched/total per section and every difference (the default)"
    )
    parser.add_argument("--section", action="append", choices=sections.NAMES, help="only this section; repeatable")
    parser.add_argument("--match", default="", help="only records whose name contains this")
    parser.add_argument(
        "--godebug", default="", help=f"GODEBUG of the original; {GO_1_25} gives Debian's Go 1.25's rules"
    )
    parser.add_argument("--ours", help="command of the other program; the original's path judges the suite itself")
    options = parser.parse_args(arguments)
    binary = os.environ.get("PUSHGATEWAY_BINARY")
    if not binary:
        parser.error("PUSHGATEWAY_BINARY does not name the real Pushgateway")
    pairs = Pairs(Path(binary), options.ours, godebug=options.godebug)
    try:
        return _report(options, pairs)
    finally:
        pairs.close()


_BUILDS = {
    Build.DEBIAN: "Go 1.21's rules (Debian's build): the decoded path is cleaned, 301",
    Build.GO_1_25: "the rules of Go 1.22 to 1.25 (1.11.2 as released): the path is cleaned as sent, 301",
    Build.RELEASE: "Go 1.26's rules (1.11.3 as released): the path is cleaned as sent, 307",
}


def _report(options: argparse.Namespace, pairs: Pairs) -> int:
    print(f"{pairs.version}, recognised by its routing as: {_BUILDS[pairs.build]}")
    totals = [0, 0, 0, 0]
    began = time.monotonic()
    print(f"{'section':<22}{'requests':>14}{'records':>14}{'seconds':>10}")
    for name, records in sections.load().items():
        if options.section and name not in options.section:
            continue
        counts, section_began = [0, 0, 0, 0], time.monotonic()
        for record in records:
            if options.match not in record.name:
                continue
            outcomes = play(record, pairs)
            requests = sum(isinstance(step, Request) and step.counted for step in record.steps)
            same = all(outcome.equal for outcome in outcomes)
            played = sum(
                isinstance(outcome.step, Request) and outcome.step.counted and outcome.equal for outcome in outcomes
            )
            counts = [a + b for a, b in zip(counts, (played, requests, same, 1), strict=True)]
            if not same:
                print(f"--- {name}: {record.name}\n{outcomes[-1]}\n")
        print(_row(name, counts, time.monotonic() - section_began), flush=True)
        totals = [a + b for a, b in zip(totals, counts, strict=True)]
    print(_row("all", totals, time.monotonic() - began))
    return int(totals[0] != totals[1] or totals[2] != totals[3])


def _row(name: str, counts: list[int], seconds: float) -> str:
    matched, requests, same, records = counts
    return f"{name:<22}{f'{matched}/{requests}':>14}{f'{same}/{records}':>14}{seconds:>10.1f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
