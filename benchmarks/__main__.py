"""``python -m benchmarks [NAME...]``."""

from __future__ import annotations

import json
import platform
import sys

from benchmarks.cases import CASES
from benchmarks.plot import RESULTS

HEAD = "| what | ours | Go | ratio | goal | met | note |\n|---|---|---|---|---|---|---|"


def main(wanted: list[str]) -> int:
    chosen = [case for case in CASES if not wanted or any(name in case.__name__ for name in wanted)]
    if not chosen:
        print(f"no such case; there are {', '.join(case.__name__ for case in CASES)}", file=sys.stderr)
        return 2
    print(HEAD, flush=True)
    results = []
    for case in chosen:
        for result in case():
            print(result.row(), flush=True)
            results.append(result)
    if not wanted:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "results.md").write_text("\n".join([HEAD, *(result.row() for result in results), ""]))
        about = {"python": platform.python_version(), "machine": platform.machine()}
        records = {"about": about, "results": [result.record() for result in results]}
        (RESULTS / "results.json").write_text(json.dumps(records, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
