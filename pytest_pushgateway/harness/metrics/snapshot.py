"""The pushed metrics as text that a test keeps and compares with that of later runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pytest_pushgateway.harness.metrics.family import Family
from pytest_pushgateway.harness.metrics.text import render


class Snapshot(str):
    """The pushed metrics as text that stays equal between runs; a ``str`` in everything."""

    __slots__ = ()


def snapshot(families: Iterable[Family]) -> Snapshot:
    """Return families as a snapshot: sorted, down to their samples."""
    ordered = [replace(family, samples=tuple(sorted(family.samples, key=_order))) for family in families]
    text = render(sorted(ordered, key=lambda family: family.name))
    return Snapshot(text.decode("utf-8", "backslashreplace"))


def _order(sample: Any) -> tuple[Any, ...]:
    labels = dict(sample.labels)
    numeric = [float(labels.pop(name)) if name in labels else 0.0 for name in ("le", "quantile")]
    return (sorted(labels.items()), sample.name, *numeric)
