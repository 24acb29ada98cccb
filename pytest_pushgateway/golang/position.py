"""A place in a file."""

from __future__ import annotations

from typing import NamedTuple


class Position(NamedTuple):
    """A place in a file.

    Attributes:
        line: its line, counted from 1.
        column: its column, counted from 1.

    """

    line: int
    column: int
