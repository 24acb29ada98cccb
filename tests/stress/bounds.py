"""The length of a stress run."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

Figures = dict[str, Any]
"""The printed result of a run. ``broken`` lists, in words, the promises that were not kept."""


class Bounds:
    """At most ``count`` rounds and ``seconds`` seconds; ``random`` is seeded."""

    def __init__(self, count: int, seconds: float, seed: int = 1) -> None:
        self.count = count
        self.seconds = seconds
        self.seed = seed
        self.random = random.Random(seed)
        self._deadline = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return max(0.0, self._deadline - time.monotonic())

    def rounds(self) -> Iterator[int]:
        """Number the rounds from 0 until count or time is used up."""
        for number in range(self.count):
            if not self.left:
                return
            yield number


def percentile(values: list[float], part: float) -> float:
    """Return the value below which ``part`` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
