from __future__ import annotations

import pytest

from .play import Play


@pytest.fixture
def play() -> Play:
    return Play()
