"""``python -m benchmarks [--save] [NAME...]``."""

from __future__ import annotations

import json
import os
import platform
import sys
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
    path.write_text(json.dumps({"about": about, "cases": cases}, indent=1, ensure_ascii=False) + "\n")
    results = [Result.of(record) for records in cases.values() for record in records]
    table = [HEAD, *(result.row() for result in results)]
    (RESULTS / "results.md").write_text("\n".join([*table, "", conclusion(results), ""]))


def conclusion(results: list[Result]) -> str:
    """Say which goals are missed, if any."""
    missed = [result.name for result in results if not result.met]
    return f"Missed: {'; '.join(missed)}." if missed else "Every goal is met."


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
