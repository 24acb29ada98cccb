"""The message of a failing assertion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_pushgateway.harness.wording import LINES


def failure(assertion: Callable[..., Any], *args: Any, **labels: Any) -> list[str]:
    """Return the lines of the message with which an assertion fails."""
    with pytest.raises((AssertionError, LookupError)) as caught:
        assertion(*args, **labels)
    lines = caught.value.args[0].splitlines()
    assert len(lines) <= LINES
    assert "\x1b" not in caught.value.args[0]
    return lines  # type: ignore[no-any-return]
