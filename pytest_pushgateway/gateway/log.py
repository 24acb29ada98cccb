"""A log, as the gateway sees it: a function that takes a level, a message and its fields."""

from __future__ import annotations

from pytest_pushgateway.light import Protocol

PERSISTED = "metrics persisted"
"""Said of each write to the persistence file but the last, as the original does."""


class Log(Protocol):
    """Takes one line: ``debug``, ``info``, ``warn`` or ``error``, the message, and fields in the order of the line."""

    def __call__(self, level: str, message: str, **fields: object) -> None:
        """Write the line, or drop it."""


def silent(level: str, message: str, **fields: object) -> None:
    """Log nothing."""
