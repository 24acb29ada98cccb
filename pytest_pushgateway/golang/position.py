"""A place in a file."""

from __future__ import annotations

from typing import NamedTuple


class Position(NamedTuple):
    """A place in a file: line and column, both counted from 1."""

    line: int
    column: int
