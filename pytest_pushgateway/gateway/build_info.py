"""The name of this build in the original's fields: in its own metrics, the API, ``--version`` and the log."""

from __future__ import annotations

import os
import sys

from pytest_pushgateway._version import __version__
from pytest_pushgateway.gateway.builds import FOLLOWED

BRANCH = "pytest-pushgateway"
VERSION = sys.version.partition(" ")[0]
"""Python's version: what ``platform`` says, whose import takes 6 ms."""
PYTHON = f"python{VERSION}"
REVISION = f"pushgateway-{FOLLOWED}"
"""The release of the original whose behaviour is followed."""


def machine() -> str:
    """Return the kind of machine, such as ``x86_64``."""
    if sys.platform != "win32" and hasattr(os, "uname"):
        return os.uname().machine
    import platform

    return platform.machine()


LABELS = {
    "version": __version__,
    "revision": REVISION,
    "branch": BRANCH,
    "tags": "unknown",
    "goversion": PYTHON,
    "goos": sys.platform,
    "goarch": {"x86_64": "amd64", "aarch64": "arm64"}.get(machine(), machine()),
}
"""The labels of ``pushgateway_build_info``."""

INFORMATION = {
    "branch": BRANCH,
    "buildDate": "",
    "buildUser": "",
    "goVersion": PYTHON,
    "revision": REVISION,
    "version": __version__,
}
"""The members of ``build_information`` in the API."""


def version_text() -> str:
    """Return what ``--version`` prints."""
    return (
        f"pushgateway, version {__version__} (branch: {BRANCH}, revision: {REVISION})\n"
        f"  python version:   {VERSION}\n"
        f"  platform:         {sys.platform}/{machine()}\n"
        f"  follows:          Pushgateway {FOLLOWED}\n"
    )
