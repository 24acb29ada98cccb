"""Metric families as a test sees them, with prometheus_client's samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_pushgateway.exposition.model import MetricFamily, type_name
from pytest_pushgateway.exposition.samples import lines
from pytest_pushgateway.golang.utf8 import text_of
from pytest_pushgateway.matchers import shown

if TYPE_CHECKING:
    import prometheus_client
    from prometheus_client.samples import Sample


@dataclass(frozen=True)
class Family:
    """A metric family as a test sees it, named and typed as exposed (``backup_total``, ``untyped``).

    Bytes that are not UTF-8 appear as surrogate escapes.

    Attributes:
        name: the family's name.
        type: ``counter``, ``gauge``, ``summary``, ``histogram`` or ``untyped``.
        help: the help text, perhaps empty.
        samples: its samples, as ``prometheus_client`` has them.

    """

    name: str
    type: str
    help: str
    samples: tuple[Sample, ...]

    def __eq__(self, other: object) -> bool:
        refuse_text(other, "a metric family is not its name: compare family.name")
        if not isinstance(other, Family):
            return NotImplemented
        mine, others = ((one.name, one.type, one.help, one.samples) for one in (self, other))
        return mine == others

    def to_metric(self) -> prometheus_client.Metric:
        """Convert to prometheus_client's ``Metric``: named without ``_total``, ``unknown`` for ``untyped``.

        Returns:
            A new ``prometheus_client.Metric``.

        """
        from prometheus_client.metrics_core import Metric

        name = self.name
        if self.type == "counter" and name.endswith("_total"):
            name = name[: -len("_total")]
        metric = Metric(name, self.help, self.type)
        metric.samples = list(self.samples)
        return metric


def refuse_text(other: object, problem: str) -> None:
    """Raise where something is compared with text, which it never equals: ``"rows" not in gateway.families`` holds.

    Raises:
        TypeError: ``other`` is text or bytes.

    """
    __tracebackhide__ = True
    if isinstance(other, (str, bytes)):
        raise TypeError(f"{problem} with {shown(other)}")


def to_family(family: MetricFamily) -> Family:
    """Convert a family for users; a series without a value of the family's type is left out, as it is not exposed."""
    from prometheus_client.samples import Sample

    try:
        word = type_name(family.type)
    except ValueError:
        word = "untyped"
    samples = tuple(Sample(*line) for line in lines(family))
    return Family(text_of(family.name), word, text_of(family.help or b""), samples)


OWN_GAUGES = (b"push_time_seconds", b"push_failure_time_seconds")
"""The gateway's mark on every group; left out unless a test asks for them by name."""
