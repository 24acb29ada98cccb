"""The memory that a stored push may take: an estimate bounds it, the same for all formats."""

from __future__ import annotations

WEIGHT_OF_SERIES = 200
WEIGHT_OF_FAMILY = 1200
"""Memory that a series and a family take beside their names and labels, bytes: objects and entries of indexes."""

NAMED = 1000
"""Series of a family that came again and are kept, for an error to name them; others are only counted."""
