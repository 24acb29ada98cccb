"""The real programs that the project is measured against, found through the environment.

``PUSHGATEWAY_BINARY`` (1.11), ``PROMETHEUS_BINARY`` and ``PROMTOOL_BINARY`` (3.5), ``PROMETHEUS_2_BINARY`` and
``PROMTOOL_2_BINARY`` (2.53). Where one is missing its tests are skipped with the reason, and fail where ``CI`` is set.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest


def _binary(variable: str) -> Path:
    value = os.environ.get(variable)
    if value and Path(value).is_file():
        return Path(value)
    missing(f"{variable} does not name a file")


def missing(reason: str) -> NoReturn:
    """Skip the test for want of a program; where ``CI`` is set, fail it."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; where CI is set it is required", pytrace=False)
    pytest.skip(reason)


def pushgateway_binary() -> Path:
    """Return the path of Pushgateway 1.11."""
    return _binary("PUSHGATEWAY_BINARY")


def prometheus_binary() -> Path:
    """Return the path of Prometheus 3.5."""
    return _binary("PROMETHEUS_BINARY")


def promtool_binary() -> Path:
    """Return the path of promtool 3.5."""
    return _binary("PROMTOOL_BINARY")


def prometheus_2_binary() -> Path:
    """Return the path of Prometheus 2.53."""
    return _binary("PROMETHEUS_2_BINARY")


def promtool_2_binary() -> Path:
    """Return the path of promtool 2.53."""
    return _binary("PROMTOOL_2_BINARY")
