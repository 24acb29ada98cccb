from __future__ import annotations

from collections.abc import Iterator

import pytest

from .served import Served


@pytest.fixture(scope="package")
def served() -> Iterator[Served]:
    """One gateway in another process for all tests of this folder."""
    with Served() as served:
        yield served
