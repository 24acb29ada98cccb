"""``python -m benchmarks [--save] [NAME...]``."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections import Counter
from typing import Any

from benchmarks.cases import CASES
from benchmarks.measure import Result
from benchmarks.plot import RESULTS

HEAD = "| what | ours | Go | ratio | goal | met | note |\n|---|---|---|---|---|---|---|"


def main(wanted: list[str]) -> int:
    save = "--save" in wanted or not wanted
    names = [name for name in wanted if name != "--save"]
    chosen = [case for case in CASES if not names or any(name in case.__name__ for name in names)]
    if not chosen:
        print(f"no such case; there are {', '.join(case.__name__ for case in CASES)}", file=sys.stderr)
        return 2
    print(HEAD, flush=True)
    measured: dict[str, list[Result]] = {}
    for case in chosen:
        measured[case.__name__] = []
        for result in case():
            print(result.row(), flush=True)
            measured[case.__name__].append(result)
        if save:
            keep(measured)
    return 0


def keep(measured: dict[str, list[Result]]) -> None:
    """Write the results, with those of the cases that were not run as they were."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "results.json"
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    cases = {**known.get("cases", {})}
    cases.update({case: [result.record() for result in results] for case, results in measured.items()})
    cases = {case.__name__: cases[case.__name__] for case in CASES if case.__name__ in cases}
    about = {"python": platform.python_version(), "machine": platform.machine(), "processors": os.cpu_count()}
    measured_at = dict.fromkeys(measured, revision())
    revisions = {case: {**known.get("revisions", {}), **measured_at}.get(case, "an earlier one") for case in cases}
    kept = {"about": about, "revisions": revisions, "cases": cases}
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    results = [Result.of(record) for records in cases.values() for record in records]
    table = [HEAD, *(result.row() for result in results)]
    (RESULTS / "results.md").write_text("\n".join([*table, "", conclusion(results), "", origin(about, revisions), ""]))


def revision() -> str:
    """Return the commit that is measured, with a plus sign if files differ from it."""
    command = ["git", "describe", "--always", "--abbrev=10", "--dirty=+", "--exclude=*"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=RESULTS.parent)
    return found.stdout.strip() or "unknown"


def origin(about: dict[str, Any], revisions: dict[str, str]) -> str:
    """Return the sentence on revision and machine; cases of other revisions than most are named."""
    usual, _ = Counter(revisions.values()).most_common(1)[0]
    others = [f"{case.replace('_', ' ')} of {each}" for case, each in revisions.items() if each != usual]
    apart = f" (but {', '.join(others)})" if others else ""
    return f"Revision {usual}{apart}, CPython {about['python']}, {about['machine']}, {about['processors']} processors."


def conclusion(results: list[Result]) -> str:
    """Say which goals are missed, if any."""
    missed = [result.name for result in results if not result.met]
    return f"Missed: {'; '.join(missed)}." if missed else "Every goal is met."


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
