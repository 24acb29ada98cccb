"""``python -m pytest_pushgateway``."""

from __future__ import annotations

import sys

from pytest_pushgateway.cli import main

if __name__ == "__main__":
    sys.exit(main())
