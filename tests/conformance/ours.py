"""Starts our gateway with the answers of a build of the original: ``python ours.py <build's number> <flags>``.

It is run as a script, in its own directory; only the suite starts a gateway like this.
"""

from __future__ import annotations

import sys

from pytest_pushgateway.cli.serve import main
from pytest_pushgateway.gateway.builds import Build

if __name__ == "__main__":
    sys.exit(main(sys.argv[2:], build=Build(int(sys.argv[1]))))
