"""Other programs and plugins that the tests of the package need."""

from __future__ import annotations

import importlib.util
import os

import pytest


def need(module: str) -> None:
    """Skip the test where a module is not installed; the tox environment ``pkg`` must have them all."""
    if importlib.util.find_spec(module) is not None:
        return
    if os.environ.get("TOX_ENV_NAME") == "pkg":
        pytest.fail(f"{module} is not installed", pytrace=False)
    pytest.skip(f"{module} is not installed")
