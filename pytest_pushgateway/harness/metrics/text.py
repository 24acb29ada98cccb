"""Metrics as text: what ``push()`` sends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.exposition.labels import render_name, render_prefix
from pytest_pushgateway.golang.strconv import format_float
from pytest_pushgateway.golang.utf8 import bytes_of
from pytest_pushgateway.later import later
from pytest_pushgateway.matchers import shown

if TYPE_CHECKING:
    from pytest_pushgateway.harness.metrics import family as metric_family
    from pytest_pushgateway.harness.metrics.family import Family
else:
    metric_family = later("pytest_pushgateway.harness.metrics.family")


def render(families: Iterable[Family]) -> bytes:
    """Return families in the text format, in the order given, every sample under its own name."""
    lines: list[bytes] = []
    for family in families:
        name = render_name(bytes_of(family.name))
        if family.help:
            text = bytes_of(family.help).replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
            lines.append(b"# HELP " + name + b" " + text)
        lines.append(b"# TYPE " + name + b" " + family.type.encode())
        for sample in family.samples:
            labels = [(bytes_of(label), bytes_of(value)) for label, value in sample.labels.items()]
            lines.append(render_prefix(bytes_of(sample.name), labels) + b" " + format_float(float(sample.value)))
    return b"".join(line + b"\n" for line in lines)


def body_of(metrics: Any) -> bytes:
    """Return what to push for text, a registry, families, prometheus_client metrics or a mapping.

    A mapping goes from a name, or a series as the text format writes it (``backup_bytes{disk="sda"}``), to a number.

    Raises:
        TypeError: it is none of them, or the mapping has a value that is not a number.

    """
    if isinstance(metrics, str):
        return bytes_of(metrics)
    if isinstance(metrics, (bytes, bytearray)):
        return bytes(metrics)
    if isinstance(metrics, Mapping):
        return b"".join(bytes_of(f"{series} ") + _number(series, value) + b"\n" for series, value in metrics.items())
    if hasattr(metrics, "collect"):
        return _generate(metrics)

    if isinstance(metrics, metric_family.Family) or hasattr(metrics, "samples"):
        metrics = [metrics]
    try:
        items = list(metrics)
    except TypeError:
        items = [metrics]
    if all(isinstance(item, metric_family.Family) for item in items):
        return render(items)
    if all(hasattr(item, "samples") and hasattr(item, "documentation") for item in items):
        return _generate(_Collected(items))
    raise TypeError(
        "push() takes text, bytes, a registry, metric families or a mapping from series to number, "
        f"not {type(metrics).__name__}"
    )


def _number(series: object, value: Any) -> bytes:
    if not isinstance(series, str):
        raise TypeError(f"a series must be text such as 'rows{{disk=\"sda\"}}', not {shown(series)}")
    try:
        if isinstance(value, (str, bytes, bytearray)):
            raise TypeError
        return format_float(float(value))
    except (TypeError, ValueError):
        raise TypeError(f"the value of {series} must be a number, not {value!r}") from None


class _Collected:
    def __init__(self, metrics: list[Any]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Any]:
        return self._metrics


def _generate(registry: Any) -> bytes:
    from prometheus_client import generate_latest

    return bytes(generate_latest(registry))
