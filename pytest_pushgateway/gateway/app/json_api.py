"""The JSON API: ``/api/v1/status`` and ``/api/v1/metrics``, as Pushgateway 1.11 writes them.

The JSON of a family is remembered as long as it is in its group, so that only changes cost when it is asked for again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import chain
from typing import NamedTuple

from pytest_pushgateway import threads
from pytest_pushgateway.exposition.labels import spelled, split_prefix, unescape_value
from pytest_pushgateway.exposition.long_strings import Long, Wide, expand, longs_in
from pytest_pushgateway.exposition.model import (
    SIMPLE_TYPES,
    Histogram,
    MetricType,
    Mixed,
    Native,
    Summary,
    Value,
    proto_type_name,
)
from pytest_pushgateway.exposition.series import in_blocks
from pytest_pushgateway.gateway.grouping_key import GroupingKey
from pytest_pushgateway.gateway.groups import StoredFamily, StoredGroup
from pytest_pushgateway.gateway.http.host import Answer
from pytest_pushgateway.golang.jsontext import content, object_of, string, strings
from pytest_pushgateway.golang.strconv import format_float
from pytest_pushgateway.golang.utf8 import bytes_of

CORS = [
    ("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Origin"),
    ("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS"),
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "Date"),
    ("Cache-Control", "no-cache, no-store, must-revalidate"),
]
_JSON = ("Content-Type", "application/json")


def timestamp(seconds: float) -> str:
    """Return a time as Go's RFC 3339 with nanoseconds, trailing zeros cut, in the local zone."""
    moment = datetime.fromtimestamp(seconds).astimezone()
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    if moment.microsecond:
        text += f".{moment.microsecond:06}".rstrip("0")
    zone = moment.strftime("%z")
    return text + ("Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:5]}")


class JsonApi:
    """Answers the JSON API's requests.

    ``groups`` returns what is stored; ``flags`` and ``build`` are shown as they are; ``start_time`` is Unix seconds.
    """

    def __init__(
        self,
        groups: Callable[[], list[StoredGroup]],
        flags: Mapping[str, str],
        build: Mapping[str, str],
        start_time: float,
    ) -> None:
        self._groups = groups
        self.status: bytes = object_of(
            {
                b"build_information": strings({k.encode(): v.encode() for k, v in build.items()}),
                b"flags": strings({k.encode(): bytes_of(v) for k, v in flags.items()}),
                b"start_time": string(timestamp(start_time).encode()),
            }
        )
        """The data of ``api/v1/status``."""
        self._lock = threads.Lock()
        self._known: dict[GroupingKey, WrittenGroup] = {}

    def respond(self, handler: str) -> Answer:
        """Answer a request for ``api/v1/status``, ``api/v1/metrics`` or ``api/v1/options``."""
        if handler == "api/v1/options":
            return Answer(200, list(CORS))
        data = [self.status] if handler == "api/v1/status" else self._metrics()
        return Answer(200, [*CORS, _JSON], [b'{"status":"success","data":', *data, b"}"])

    def forget(self) -> None:
        """Drop what a reset threw away."""
        with self._lock:
            self._known = {}

    def _metrics(self) -> list[bytes]:
        pieces = [b"["]
        for written in self.written().values():
            pieces += (*written.pieces, b",")
        return [*(pieces[:-1] if len(pieces) > 1 else pieces), b"]"]

    def written(self) -> Mapping[GroupingKey, WrittenGroup]:
        """Return all groups as they are written; the same objects for those that have not changed."""
        with self._lock:
            known, self._known = self._known, {}
            writer = _Writer()
            for group in self._groups():
                written = known.get(group.key)
                # The store gives the same object for a group until it changes.
                if written is None or written.group is not group:
                    written = writer.group(group, written.families if written else {})
                self._known[group.key] = written
            return self._known


class WrittenGroup(NamedTuple):
    """A group as it was written last."""

    group: StoredGroup
    families: dict[bytes, WrittenFamily]
    pieces: list[bytes]


WrittenFamily = tuple[StoredFamily, list[bytes]]


_PLAIN = bytes(byte for byte in range(0x20, 0x80) if byte not in b"\\<>&")
"""The bytes that stand in JSON as they are; the quotes of a series are taken off."""


class _Writer:
    """Writes the families of one answer. What they have in common, times and label names, is written once."""

    def __init__(self) -> None:
        self._times: dict[float, bytes] = {}
        self._declared: dict[tuple[int, bytes | None], bytes] = {}
        self._frames: dict[tuple[tuple[bytes, ...], int], tuple[list[bytes], list[bytes]]] = {}
        self._names: dict[bytes, bytes] = {}

    def group(self, group: StoredGroup, before: Mapping[bytes, WrittenFamily]) -> WrittenGroup:
        """Write a group; of its families only those that are not as they were ``before``."""
        families: dict[bytes, WrittenFamily] = {}
        for name, stored in group.families.items():
            old = before.get(name)
            families[name] = old if old is not None and old[0] is stored else (stored, self.family(stored))
        members = {
            b"labels": [strings(dict(group.key))],
            b"last_push_successful": [b"true" if group.push_failure_time <= group.push_time else b"false"],
            # As the original: families called like these two members take their place.
            **{name: pieces for name, (_, pieces) in families.items()},
        }
        written: list[bytes] = []
        for name in sorted(members):
            known = self._names.get(name)
            if known is None:
                known = self._names[name] = string(name) + b":"
            written += (b"," if written else b"{", known, *members[name])
        return WrittenGroup(group, families, _joined([*written, b"}"]))

    def family(self, stored: StoredFamily) -> list[bytes]:
        """Return a family as it is in a group, in pieces: one, unless there are long strings in it."""
        family, at = stored.family, stored.pushed_at
        written = self._times.get(at)
        if written is None:
            written = self._times[at] = timestamp(at).encode()
        declared = self._declared.get((family.type, family.help))
        if declared is None:
            help_text = b'"help":' + string(family.help) + b"," if family.help else b""
            kind = proto_type_name(family.type).encode()
            declared = b'","type":"' + kind + b'",' + help_text + b'"metrics":['
            self._declared[family.type, family.help] = declared
        blocks = in_blocks(family.series) if family.series else ()
        metrics = b",".join([self._block(family.type, each) for each in blocks])
        text = b'{"time_stamp":"' + written + declared + metrics + b"]}"
        if b"\\@" in text and (longs := longs_in(family.series)):
            return expand(text, longs, _json_content)
        return [text]

    def _block(self, family_type: int, series: Sequence[tuple[bytes, Value]]) -> bytes:
        if family_type in SIMPLE_TYPES and (plain := self._plain(series)) is not None:
            return plain
        return b",".join(
            [object_of({b"labels": _labels(prefix), **_members(family_type, value)}) for prefix, value in series]
        )

    def _plain(self, series: Sequence[tuple[bytes, Value]]) -> bytes | None:
        """Write series with one number each and the same label names, all at once; None if they need more care."""
        try:
            joined = b'"'.join(chain.from_iterable(series))  # type: ignore[arg-type]  # TypeError is the point
        except TypeError:
            return None
        # Names in quotes are left to those who know what they are.
        if joined.translate(None, _PLAIN) or b'{"' in joined or b',"' in joined:
            return None
        # A prefix holds its values between its quotes, and around them its shape. A number follows after another quote.
        parts = joined.split(b'"')
        length, rest = divmod(len(parts), len(series))
        if rest or length % 2 or length < 4:
            return None
        shape = tuple(parts[:length:2])
        known = self._frames.get((shape, len(series)))
        if known is None:
            known = self._frames[shape, len(series)] = [*shape] * len(series), _frame(series[0][0], len(series))
        shapes, frame = known
        if parts[::2] != shapes:
            return None
        parts[::2] = frame
        return b"".join(parts) + b'"}'


def _frame(prefix: bytes, count: int) -> list[bytes]:
    """Return what stands in JSON around the label values and numbers of series with the label names of this one."""
    labels = [string(name) + b':"' for name, _ in split_prefix(prefix)[1]]
    frame = [b'"},{"labels":{' + labels[0], *[b'",' + label for label in labels[1:]], b'"},"value":"'] * count
    frame[0] = frame[0][3:]
    return frame


def _labels(prefix: bytes) -> bytes:
    """Write the labels of a series; the tokens of long strings stay, and no other backslash is before an at sign."""
    if not isinstance(prefix, Wide):
        return strings(dict(split_prefix(prefix)[1]))
    longs = prefix.longs
    members = {}
    for label, text in spelled(prefix)[1]:
        name = longs[label].raw if label in longs else unescape_value(label)
        members[name] = [
            b'"' + each + b'"' if each in longs else string(unescape_value(each)) for each in (label, text)
        ]
    return b"{" + b",".join([b":".join(members[name]) for name in sorted(members)]) + b"}"


def _json_content(long: Long, _before: bytes) -> bytes:
    return long.once(content)


def _joined(pieces: list[bytes]) -> list[bytes]:
    """Join pieces that are short: what is long is not copied."""
    joined: list[bytes] = []
    short: list[bytes] = []
    for piece in pieces:
        if len(piece) <= _SHORT:
            short.append(piece)
        else:
            joined += (b"".join(short), piece)
            short = []
    return [*joined, b"".join(short)]


_SHORT = 65536
"""Bytes of a piece that is copied."""


def _members(family_type: int, value: Value) -> dict[bytes, bytes]:
    if family_type == MetricType.SUMMARY:
        return _summary(_of(value, MetricType.SUMMARY, Summary))
    if family_type == MetricType.HISTOGRAM:
        return _histogram(_of(value, MetricType.HISTOGRAM, Histogram))
    number = value
    if isinstance(value, Mixed):
        # As the original: the first that is there.
        kinds = (MetricType.GAUGE, MetricType.COUNTER, MetricType.UNTYPED)
        number = next((value.parts[kind] for kind in kinds if kind in value.parts), b"0")
    return {b"value": string(number if isinstance(number, bytes) else b"0")}


def _of(value: Value, kind: MetricType, shape: type[Summary] | type[Histogram]) -> Summary | Histogram:
    found = value.parts.get(kind) if isinstance(value, Mixed) else value
    return found if isinstance(found, shape) else shape()


def _number(value: int | float) -> bytes:
    if isinstance(value, int):
        return str(value).encode()
    # As the original: a fraction that is not above zero, NaN too, yields to the whole number, which is not set.
    return format_float(value) if value > 0 else b"0"


def _key(bound: float) -> bytes:
    return format_float(bound)


def _summary(summary: Summary | Histogram) -> dict[bytes, bytes]:
    quantiles = summary.quantiles if isinstance(summary, Summary) else []
    return {
        b"count": string(_number(summary.count)),
        b"quantiles": strings({_key(rank): format_float(number) for rank, number in quantiles}),
        b"sum": string(format_float(summary.sum)),
    }


def _histogram(histogram: Summary | Histogram) -> dict[bytes, bytes]:
    assert isinstance(histogram, Histogram)
    members = {b"count": string(_number(histogram.count)), b"sum": string(format_float(histogram.sum))}
    if histogram.native is not None:
        buckets = [
            b"[%d,%s,%s,%s]" % (kind, string(_key(lower)), string(_key(upper)), string(_number(count)))
            for kind, lower, upper, count in native_buckets(histogram.native)
        ]
        members[b"buckets"] = b"[" + b",".join(buckets) + b"]"
    else:
        members[b"buckets"] = strings({_key(bound): _number(count) for bound, count in histogram.buckets})
    return members


def native_buckets(native: Native) -> list[tuple[int, float, float, int | float]]:
    """Return a native histogram's buckets that are not empty, from the lowest up.

    Each is how its bounds belong to it (0: the upper, 1: the lower, 3: both), the bounds, and the count. Schemas that
    Prometheus does not know as exponential have none: custom buckets (-53) keep their bounds elsewhere, and the table
    for a schema of 24 would take a gigabyte.
    """
    if native.schema not in _SCHEMAS:
        return []
    buckets: list[tuple[int, float, float, int | float]] = []
    for index, count in reversed(native.negative):
        if count:
            buckets.append((1, -_bound(index, native.schema), -_bound(index - 1, native.schema), count))
    if native.zero_count:
        buckets.append((3, -native.zero_threshold, native.zero_threshold, native.zero_count))
    for index, count in native.positive:
        if count:
            buckets.append((0, _bound(index - 1, native.schema), _bound(index, native.schema), count))
    return buckets


_SCHEMAS = range(-4, 9)
"""The schemas of exponential buckets."""


@cache
def _fractions(schema: int) -> list[float]:
    """Return the lower bounds of the buckets from 1/2 to 1, as the table in Go's client has them.

    It was made on a machine where the square root of two came out one bit short.
    """
    if schema == 0:
        return [0.5]
    factor = 1.414213562373095 if schema == 1 else 2**2**-schema
    coarser, bounds = _fractions(schema - 1), [0.5]
    for position in range(1, 1 << schema):
        bounds.append(bounds[-1] * factor if position % 2 else coarser[position // 2])
    return bounds


def _bound(index: int, schema: int) -> float:
    """Return the upper bound of an exponential bucket: two to the power of index / 2^schema."""
    fraction, exponent = 0.5, (index << -schema) + 1 if schema < 0 else (index >> schema) + 1
    if schema > 0:
        fraction = _fractions(schema)[index & ((1 << schema) - 1)]
    if exponent > 1024:
        # As the original: the last bucket ends at the largest float, the one beyond it nowhere.
        return 1.7976931348623157e308 if exponent == 1025 and fraction == 0.5 else math.inf
    return math.ldexp(fraction, exponent)
