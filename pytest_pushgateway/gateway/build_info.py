"""The name of this build in the original's fields: in its own metrics, the API, ``--version`` and the log."""

from __future__ import annotations

import os
import sys

from pytest_pushgateway._version import __version__
from pytest_pushgateway.gateway.builds import FOLLOWED

BRANCH = "pytest-pushgateway"
VERSION = sys.version.partition(" ")[0]
"""Python's version, as ``platform`` has it, whose import takes 6 ms."""
PYTHON = f"python{VERSION}"
REVISION = f"pushgateway-{FOLLOWED}"
"""The release of the original whose behaviour is followed."""


def goos(platform: str) -> str:
    """Return Go's name for a system; ``sys.platform`` may have its version too, as in ``freebsd14``."""
    return "windows" if platform in ("win32", "cygwin") else platform.rstrip("0123456789")


GOOS: str = goos(sys.platform)
_ARCHITECTURES = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "aarch64": "arm64",
    "i386": "386",
    "i586": "386",
    "i686": "386",
    "x86": "386",
    "armv5tel": "arm",
    "armv6l": "arm",
    "armv7l": "arm",
    "armv8l": "arm",
    "loongarch64": "loong64",
}
"""Go's names for kinds of machines, by those of the system."""


def goarch() -> str:
    """Return the kind of machine by Go's name for it, such as ``amd64``."""
    if sys.platform != "win32" and hasattr(os, "uname"):
        name = os.uname().machine
    else:
        import platform

        name = platform.machine()
    return _ARCHITECTURES.get(name.lower(), name.lower())


LABELS = {
    "version": __version__,
    "revision": REVISION,
    "branch": BRANCH,
    "tags": "unknown",
    "goversion": PYTHON,
    "goos": GOOS,
    "goarch": goarch(),
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
        f"  platform:         {GOOS}/{goarch()}\n"
        f"  follows:          Pushgateway {FOLLOWED}\n"
    )
