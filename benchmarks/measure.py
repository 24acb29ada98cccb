"""Timing in turns, medians, and how a result is shown."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """One row of the table; figures are milliseconds unless there is another unit."""

    name: str
    ours: float
    go: float | None
    goal: str
    met: bool
    unit: str = "ms"
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.ours / self.go if self.go else None

    def row(self) -> str:
        go = "" if self.go is None else f"{self.go:.3f}"
        ratio = "" if self.ratio is None else f"{self.ratio:.4f}"
        met = "yes" if self.met else "**no**"
        return f"| {self.name} | {self.ours:.3f} {self.unit} | {go} | {ratio} | {self.goal} | {met} | {self.note} |"

    def record(self) -> dict[str, object]:
        return {**asdict(self), "ratio": self.ratio}

    @classmethod
    def of(cls, record: dict[str, Any]) -> Result:
        """Return the result of a :meth:`record`."""
        return cls(**{name: value for name, value in record.items() if name != "ratio"})


def times(action: Callable[[], object], count: int = 30, warmup: int = 5) -> list[float]:
    """Return the durations of that many calls in milliseconds."""
    for _ in range(warmup):
        action()
    found = []
    for _ in range(count):
        start = time.perf_counter()
        action()
        found.append((time.perf_counter() - start) * 1000)
    return found


IN_A_ROW = 10
"""Calls of one program before it is the other's turn."""


def in_turns(
    ours: Callable[[], object], go: Callable[[], object], count: int = 30, warmup: int = 5
) -> tuple[float, float]:
    """Return both medians in milliseconds; the programs take turns, so that a machine's drift meets both.

    Some calls in a row, because the first after the other's turn finds the other's caches, and its collector at work.
    """
    found: tuple[list[float], list[float]] = ([], [])
    for action in (ours, go):
        for _ in range(warmup):
            action()
    while len(found[1]) < count:
        for action, kept in zip((ours, go), found, strict=True):
            kept += times(action, IN_A_ROW, 0)
    return statistics.median(found[0]), statistics.median(found[1])


def against(name: str, ours: float, go: float, limit: float, **rest: str) -> Result:
    return Result(name, ours, go, f"≤ {limit} × Go", ours <= limit * go, **rest)


def below(name: str, ours: float, limit: float, unit: str = "ms", note: str = "") -> Result:
    return Result(name, ours, None, f"≤ {limit} {unit}", ours <= limit, unit, note)
