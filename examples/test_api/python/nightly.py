"""The application: pushes the rows of a nightly job. ``python nightly.py ROWS``."""

from __future__ import annotations

import os
import sys

from prometheus_client import CollectorRegistry, Gauge, push_to_gateway


def main(rows: int) -> int:
    registry = CollectorRegistry()
    Gauge("nightly_rows", "Rows.", registry=registry).set(rows)
    try:
        push_to_gateway(os.environ["PUSHGATEWAY_URL"], job="nightly", registry=registry)
    except OSError as error:
        print(f"metrics not pushed: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
