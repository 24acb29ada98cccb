"""The model that the wire formats share: metric families as they are pushed, stored and exposed.

Names, label values and help texts are ``bytes``, as the original's strings are: a label value may be invalid UTF-8.

A *series* is its rendered *prefix*: ``name{label="value",...}`` with the labels sorted by name, exactly as the text
format prints it under ``escaping=allow-utf-8`` (``{"a.b",label="value"}`` for a name outside the legacy character
set). The prefix is the identity of the series, the line's beginning in a scrape, and the only place where its labels
are kept; :func:`split_prefix` gives them back to whoever asks. For summaries and histograms it is the prefix of the
whole metric, without ``le`` or ``quantile``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum

from pytest_pushgateway.light import NamedTuple


class MetricType(IntEnum):
    """Metric types, numbered as in ``io.prometheus.client.MetricType``."""

    COUNTER = 0
    GAUGE = 1
    SUMMARY = 2
    UNTYPED = 3
    HISTOGRAM = 4
    GAUGE_HISTOGRAM = 5


SIMPLE_TYPES = frozenset({MetricType.COUNTER, MetricType.GAUGE, MetricType.UNTYPED})
"""The types whose value is one float."""

HISTOGRAM_TYPES = frozenset({MetricType.HISTOGRAM, MetricType.GAUGE_HISTOGRAM})


class ParseError(Exception):
    """A body that the original refuses to read.

    ``str()`` gives the exact text of the answer without its final newline; :attr:`line` the line, from 1, where there
    is one.
    """

    def __init__(self, text: str, line: int | None = None) -> None:
        super().__init__(text)
        self.line = line


class PushTooLarge(Exception):
    """A body that would take more than ``limit`` bytes when it is stored."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the push would take more than {limit} bytes of memory")
        self.limit = limit


class RenderError(Exception):
    """A family that cannot be written in the format asked for; :attr:`partial` is what Go writes before it notices."""

    def __init__(self, text: str, partial: bytes = b"") -> None:
        super().__init__(text)
        self.partial = partial


class _Record:
    """Compares and shows itself by its slots; dataclasses would cost a first push milliseconds to generate that."""

    __slots__: tuple[str, ...] = ()
    _aside: tuple[str, ...] = ()
    """Slots that are not compared or shown."""

    def _content(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__slots__ if name not in self._aside}

    def __eq__(self, other: object) -> bool:
        return self._content() == other._content() if isinstance(other, type(self)) else NotImplemented

    def __repr__(self) -> str:
        content = self._content().items()
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in content)})"


class Summary(_Record):
    """A summary's value.

    ``has_count`` and ``has_sum`` are false if the push did not have them: they count as zero then, but are left out
    of error texts and of protobuf.
    """

    __slots__ = ("count", "has_count", "has_sum", "quantiles", "sum")

    def __init__(
        self,
        count: int = 0,
        sum: float = 0.0,
        quantiles: list[tuple[float, float]] | None = None,
        has_count: bool = True,
        has_sum: bool = True,
    ) -> None:
        self.count: int = count
        self.sum: float = sum
        self.quantiles: list[tuple[float, float]] = [] if quantiles is None else quantiles
        self.has_count: bool = has_count
        self.has_sum: bool = has_sum


class Native(_Record):
    """The native part of a histogram, as in ``io.prometheus.client.Histogram``.

    Buckets are ``(index, count)``, the spans and deltas resolved.
    """

    __slots__ = ("negative", "positive", "schema", "zero_count", "zero_threshold")

    def __init__(
        self,
        schema: int,
        zero_threshold: float,
        zero_count: int | float,
        negative: list[tuple[int, int | float]],
        positive: list[tuple[int, int | float]],
    ) -> None:
        self.schema: int = schema
        self.zero_threshold: float = zero_threshold
        self.zero_count: int | float = zero_count
        self.negative: list[tuple[int, int | float]] = negative
        self.positive: list[tuple[int, int | float]] = positive


class Histogram(_Record):
    """A histogram's value; counts are ``float`` in a float histogram.

    ``whole_count`` is a whole number next to a fraction, which counts: it shows in error texts and protobuf only.
    ``buckets`` are ``(upper bound, cumulative count)`` in the order pushed; nothing is made up for a missing ``+Inf``.
    """

    __slots__ = ("buckets", "count", "has_count", "has_sum", "native", "sum", "whole_count")

    def __init__(
        self,
        count: int | float = 0,
        sum: float = 0.0,
        buckets: list[tuple[float, int | float]] | None = None,
        has_count: bool = True,
        has_sum: bool = True,
        native: Native | None = None,
        whole_count: int | None = None,
    ) -> None:
        self.count: int | float = count
        self.sum: float = sum
        self.buckets: list[tuple[float, int | float]] = [] if buckets is None else buckets
        self.has_count: bool = has_count
        self.has_sum: bool = has_sum
        self.native: Native | None = native
        self.whole_count: int | None = whole_count


class Mixed(_Record):
    """A metric that only protobuf can carry.

    A metric that has values of several types, none, or one that is not its family's; exemplars, created timestamps,
    native histograms, unknown fields. ``raw`` is the serialised ``io.prometheus.client.Metric`` without its labels,
    ``parts`` its value for each type.
    """

    __slots__ = ("parts", "raw")

    def __init__(self, raw: bytes, parts: Mapping[MetricType, bytes | Summary | Histogram]) -> None:
        self.raw: bytes = raw
        self.parts: Mapping[MetricType, bytes | Summary | Histogram] = parts


Value = bytes | Summary | Histogram | Mixed
"""A series' value. ``bytes`` is a float as Go's ``%v`` prints it: ``1e+06``, ``NaN``, ``-0``."""


def value_type(family_type: int) -> int:
    """Return the type of value that a family of this type holds: gauge histograms hold histograms."""
    return MetricType.HISTOGRAM if family_type == MetricType.GAUGE_HISTOGRAM else family_type


def kinds(family_type: int, value: Value) -> frozenset[MetricType]:
    """Return the types that a value in a family of ``family_type`` can serve.

    The original says ``is not a GAUGE`` of a metric in a gauge family that cannot serve ``GAUGE``.
    """
    if isinstance(value, Mixed):
        return frozenset(value.parts)
    if isinstance(value, Summary):
        return _SUMMARY
    if isinstance(value, Histogram):
        return _HISTOGRAM
    return _SIMPLE[family_type]


_SUMMARY = frozenset({MetricType.SUMMARY})
_HISTOGRAM = frozenset({MetricType.HISTOGRAM})
_SIMPLE = {int(kind): frozenset({kind}) for kind in SIMPLE_TYPES}


def part(family_type: int, value: Value) -> bytes | Summary | Histogram | None:
    """Return the value of a series in a family of ``family_type``; ``None`` if it has no value of that type."""
    if isinstance(value, bytes):
        return value if family_type in SIMPLE_TYPES else None
    if isinstance(value, Mixed):
        return value.parts.get(value_type(family_type))  # type: ignore[call-overload, no-any-return]
    wanted = MetricType.SUMMARY if isinstance(value, Summary) else MetricType.HISTOGRAM
    return value if value_type(family_type) == wanted else None


class MetricFamily(_Record):
    """A metric family as pushed: frozen once handed over, though not enforced.

    ``type`` is a :class:`MetricType` or any other number that protobuf brought. ``help`` is ``None`` if there is
    none; an empty one, which only protobuf brings (the Go client always), is exposed as a HELP line without text.
    ``series`` are prefixes, grouping labels included, with their values: a list, or packed if they are many.
    ``suspects`` are the prefixes whose labels need looking at one by one: reserved or empty label names, values that
    are not UTF-8, duplicate label names, an explicit ``quantile`` label of a summary. ``repeated`` is how often series
    came again beyond those in ``series``: a body of millions of equal lines is not kept. Two families with the same
    ``layout``, an object, have the same prefixes in the same order.
    """

    __slots__ = ("help", "layout", "name", "repeated", "series", "suspects", "type")
    _aside = ("layout",)

    def __init__(
        self,
        name: bytes,
        type: int,
        help: bytes | None,
        series: Sequence[tuple[bytes, Value]],
        suspects: Sequence[bytes] = (),
        repeated: int = 0,
        layout: object = None,
    ) -> None:
        self.name: bytes = name
        self.type: int = type
        self.help: bytes | None = help
        self.series: Sequence[tuple[bytes, Value]] = series
        # No lists for nothing: there may be very many families.
        self.suspects: Sequence[bytes] = suspects or ()
        self.repeated: int = repeated
        self.layout: object = layout


class Parsed(_Record):
    """The families of a body, in order of their first appearance, none of the text format's without series.

    ``memo`` is what to remember of it for the group's next push.
    """

    __slots__ = ("families", "has_timestamps", "memo")
    _aside = ("memo",)

    def __init__(self, families: dict[bytes, MetricFamily], has_timestamps: bool = False) -> None:
        self.families: dict[bytes, MetricFamily] = families
        self.has_timestamps: bool = has_timestamps
        self.memo: Memo | None = None


REMEMBERED_FROM = 4096
"""Bytes of the shortest body of which a `Memo` is kept."""


class Memo:
    """The parser's memory of a group's last body, see ``text/again.py``.

    Args:
        opening: a digest of its first lines; empty if the body is short, see ``text/short.py``.
        misses: bodies in a row that began alike and went on differently.
    """

    __slots__ = ("count", "digest", "families", "misses", "opening", "size")

    def __init__(self, opening: bytes, misses: int = 0) -> None:
        self.opening: bytes = opening
        self.misses: int = misses
        self.digest: bytes = b""
        """Of all lines, for a short body these themselves without their numbers; empty if they were not looked at, or
        do not follow from their numbers."""
        self.count: int = 0
        """The number of series."""
        self.size: int = 0
        """Bytes of the body."""
        self.families: Mapping[bytes, MetricFamily] = {}


def type_name(family_type: int) -> str:
    """Return the word of the text format's TYPE line; gauge histograms are exposed as histograms.

    Raises:
        ValueError: if the text format has no word for it.
    """
    return MetricType(value_type(family_type)).name.lower()


def proto_type_name(family_type: int) -> str:
    """Return the type as Go's error texts and JSON name it: ``GAUGE``, or the number if it has no name."""
    return MetricType(family_type).name if family_type in MetricType._value2member_map_ else str(family_type)


class ScrapeText(NamedTuple):
    """The text that a gateway exposed from a moment on.

    Attributes:
        time: the moment, in seconds since 1970 by the gateway's clock.
        text: the text of a scrape; None while a scrape fails or the gateway cannot be reached.

    """

    time: float
    text: bytes | None
