"""Guards for tests that need more than every system has, and a count of open descriptors."""

from __future__ import annotations

import os
import sys

import pytest
import yaml

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks, which Windows does not")
needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="sends signals that Windows does not have")
needs_descriptors = pytest.mark.skipif(sys.platform == "win32", reason="Windows' sockets are not descriptors")
needs_counted_references = pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="PyPy frees what nobody uses when its collector runs"
)
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, which is Linux's")
needs_libyaml = pytest.mark.skipif(
    not yaml.__with_libyaml__, reason="libyaml's words, and PyYAML is built without it here, as on PyPy"
)

_MOST = 4096


def open_descriptors() -> int:
    """Return how many descriptors are open; on Windows those of files, sockets have none there."""
    try:
        # Listing the directory opens one more.
        return len(os.listdir("/dev/fd" if os.path.isdir("/dev/fd") else "/proc/self/fd")) - 1
    except OSError:
        return sum(map(_is_open, range(_MOST)))


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
