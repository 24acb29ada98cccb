"""The samples of a family, line by line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_pushgateway.exposition.labels import split_prefix
from pytest_pushgateway.exposition.long_strings import longs_in
from pytest_pushgateway.exposition.model import Summary, part
from pytest_pushgateway.golang.strconv import format_float
from pytest_pushgateway.golang.utf8 import text_of

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

    from pytest_pushgateway.exposition.model import Histogram, MetricFamily


class Line(NamedTuple):
    """A sample as a line of the text format has it; text that is not UTF-8 has surrogate escapes."""

    name: str
    labels: dict[str, str]
    value: float


class _Sample(NamedTuple):
    """Equal to prometheus_client's ``Sample``, which it replaces until prometheus_client is imported."""

    name: str
    labels: dict[str, str]
    value: float
    timestamp: None = None
    exemplar: None = None
    native_histogram: None = None


def to_sample(line: Line) -> Sample:
    """Return a line as prometheus_client's ``Sample``, without importing prometheus_client for it."""
    kind: Any = getattr(sys.modules.get("prometheus_client.samples"), "Sample", _Sample)
    sample: Sample = kind(line.name, line.labels, line.value)
    return sample


def lines(family: MetricFamily) -> list[Line]:
    """Return the lines that a family is exposed as; a series without a value of the family's type is not exposed."""
    name = text_of(family.name)
    found: list[Line] = []
    longs = {long.raw: long.once(text_of) for long in longs_in(family.series).values()}
    for prefix, value in family.series:
        labels = {
            longs.get(label) or text_of(label): longs.get(text) or text_of(text)
            for label, text in split_prefix(prefix)[1]
        }
        for suffix, extra, number in flatten(part(family.type, value)):
            found.append(Line(name + suffix, {**labels, **extra}, number))
    return found


def flatten(value: bytes | Summary | Histogram | None) -> list[tuple[str, dict[str, str], float]]:
    """Return the lines that a value is exposed as: name suffix, additional label, number."""
    if value is None:
        return []
    if isinstance(value, bytes):
        return [("", {}, float(value))]
    if isinstance(value, Summary):
        lines = [("", {"quantile": format_float(rank).decode()}, number) for rank, number in value.quantiles]
    else:
        lines = [("_bucket", {"le": format_float(bound).decode()}, float(number)) for bound, number in value.buckets]
        if all(bound != float("inf") for bound, _ in value.buckets):
            lines.append(("_bucket", {"le": "+Inf"}, float(value.count)))
    return [*lines, ("_sum", {}, value.sum), ("_count", {}, float(value.count))]
