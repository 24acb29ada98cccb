"""``python -m tests.stress NAME [--count N] [--seconds S] [--seed X]``: run one, print one line of JSON.

The exit status is 1 where a promise was broken.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time

from tests.stress.bounds import Bounds

NAMES = {
    "kills": "serve is killed under load and started again: kills",
    "http_fuzz": "mutated requests over raw sockets: requests",
    "raw_requests": "invented requests to ours and to peers, answers compared: requests to each peer",
    "parser_fuzz": "mutated text, protobuf and web configurations, handed to the parsers: inputs in all",
    "slow_senders": "slow and idle connections beside normal pushes: connections of each kind",
    "mixed_load": "memory, threads and descriptors under all kinds of requests: clients",
    "cycles": "starts and stops with connections in every state: cycles",
    "attacks": "small pushes that could cost a server: attacks",
    "resets": "resets while clients send, over kept, new and TLS connections: rounds",
    "histories": "recorded concurrent histories, judged: histories",
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.stress",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="What --count counts:\n" + "\n".join(f"  {name:13} {text}" for name, text in NAMES.items()),
    )
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--count", type=int, help="how many at most")
    parser.add_argument("--seconds", type=float, help="how long at most")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    script = importlib.import_module(f"tests.stress.{options.name}")
    bounds = Bounds(
        script.COUNT if options.count is None else options.count,
        script.SECONDS if options.seconds is None else options.seconds,
        options.seed,
    )
    began = time.monotonic()
    figures = script.run(bounds)
    figures["seconds"] = round(time.monotonic() - began, 1)
    print(json.dumps({"name": options.name, "seed": options.seed, **figures}))
    return 1 if figures["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
