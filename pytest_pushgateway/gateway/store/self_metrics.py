"""The gateway's own metrics: ``pushgateway_*``, ``process_*``, and the names that Go's runtime takes.

They share one namespace with what is pushed, as in the original.
"""

from __future__ import annotations

import math
import struct
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from pytest_pushgateway import threads
from pytest_pushgateway.exposition.labels import Labels, render_prefix
from pytest_pushgateway.exposition.model import MetricFamily, MetricType, Mixed, Summary, Value
from pytest_pushgateway.gateway import build_info
from pytest_pushgateway.gateway.store.go_runtime_names import GO_RUNTIME, SelfFamily
from pytest_pushgateway.golang.strconv import format_float
from pytest_pushgateway.later import later
from pytest_pushgateway.monotonic import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.exposition.protobuf import writer
    from pytest_pushgateway.gateway.store import process_metrics
else:
    process_metrics = later("pytest_pushgateway.gateway.store.process_metrics")
    writer = later("pytest_pushgateway.exposition.protobuf.writer")

_GAUGE = int(MetricType.GAUGE)
_COUNTER = int(MetricType.COUNTER)
_SUMMARY = int(MetricType.SUMMARY)

_PROCESS = (
    SelfFamily(b"process_cpu_seconds_total", _COUNTER, b"Total user and system CPU time spent in seconds."),
    SelfFamily(b"process_max_fds", _GAUGE, b"Maximum number of open file descriptors."),
    SelfFamily(
        b"process_network_receive_bytes_total",
        _COUNTER,
        b"Number of bytes received by the process over the network.",
    ),
    SelfFamily(
        b"process_network_transmit_bytes_total",
        _COUNTER,
        b"Number of bytes sent by the process over the network.",
    ),
    SelfFamily(b"process_open_fds", _GAUGE, b"Number of open file descriptors."),
    SelfFamily(b"process_resident_memory_bytes", _GAUGE, b"Resident memory size in bytes."),
    SelfFamily(b"process_start_time_seconds", _GAUGE, b"Start time of the process since unix epoch in seconds."),
    SelfFamily(b"process_virtual_memory_bytes", _GAUGE, b"Virtual memory size in bytes."),
    SelfFamily(b"process_virtual_memory_max_bytes", _GAUGE, b"Maximum amount of virtual memory available in bytes."),
)
_BUILD_INFO = SelfFamily(
    b"pushgateway_build_info",
    _GAUGE,
    b"A metric with a constant '1' value labeled by version, revision, branch, goversion from which pushgateway was "
    b"built, and the goos and goarch for the build.",
)
_REQUESTS = SelfFamily(
    b"pushgateway_http_requests_total",
    _COUNTER,
    b"Total HTTP requests processed by the Pushgateway, excluding scrapes.",
    predefined=False,
)
_PUSH_DURATION = SelfFamily(
    b"pushgateway_http_push_duration_seconds",
    _SUMMARY,
    b"HTTP request duration for pushes to the Pushgateway.",
    predefined=False,
)
_PUSH_SIZE = SelfFamily(
    b"pushgateway_http_push_size_bytes",
    _SUMMARY,
    b"HTTP request size for pushes to the Pushgateway.",
    predefined=False,
)
_FROM_THE_START: Mapping[bytes, SelfFamily] = MappingProxyType(
    {own.name: own for own in (*GO_RUNTIME, *_PROCESS, _BUILD_INFO)}
)

_QUANTILES = (0.1, 0.5, 0.9)
_MAX_AGE = 600.0
"""Seconds for which an observation counts towards the quantiles, as in client_golang."""
_MAX_OBSERVATIONS = 500
"""Client_golang keeps the last 500 observations exactly and compresses older ones; here they are dropped."""


class _Pushes:
    """The pushes of one method, as summaries: counts and sums of all, quantiles of the recent ones."""

    __slots__ = ("_moments", "_seconds", "_sizes", "count", "created", "seconds", "size")

    def __init__(self, created: float) -> None:
        self.created = created
        self.count = 0
        self.seconds = 0.0
        self.size = 0.0
        # Arrays: a reset frees them at once, however full they are.
        self._moments = array("d")
        self._seconds = array("d")
        self._sizes = array("d")

    def add(self, seconds: float, size: int) -> None:
        if self.count < _MAX_OBSERVATIONS:
            self._moments.append(monotonic())
            self._seconds.append(seconds)
            self._sizes.append(size)
        else:
            oldest = self.count % _MAX_OBSERVATIONS
            self._moments[oldest] = monotonic()
            self._seconds[oldest] = seconds
            self._sizes[oldest] = size
        self.count += 1
        self.seconds += seconds
        self.size += size

    def durations(self) -> Summary:
        return Summary(self.count, self.seconds, self._quantiles(self._seconds))

    def sizes(self) -> Summary:
        return Summary(self.count, self.size, self._quantiles(self._sizes))

    def _quantiles(self, all_values: array[float]) -> list[tuple[float, float]]:
        start = monotonic() - _MAX_AGE
        values = sorted(value for at, value in zip(self._moments, all_values, strict=True) if at >= start)
        return [
            (rank, values[max(math.ceil(len(values) * rank) - 1, 0)] if values else math.nan) for rank in _QUANTILES
        ]


class SelfMetrics:
    """The gateway's own metrics, and what they declare. Safe to use from many threads.

    Args:
        clock: the gateway's clock, seconds since the epoch; dates the created timestamps.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threads.Lock()
        self._generation = 0
        self._late: tuple[SelfFamily, ...] = ()
        self._requests: dict[tuple[int, str, str], list[float]] = {}
        self._pushes: dict[str, _Pushes] = {}
        self._build_info = MetricFamily(
            _BUILD_INFO.name,
            _GAUGE,
            _BUILD_INFO.help,
            [(render_prefix(_BUILD_INFO.name, _labels(**build_info.LABELS)), b"1")],
        )

    def declared(self) -> Mapping[bytes, SelfFamily]:
        """Return the families whose names are taken from the start, by name."""
        return _FROM_THE_START

    def late(self) -> tuple[SelfFamily, ...]:
        """Return the families that have appeared with requests, in the order in which they did."""
        return self._late

    def observe_request(self, handler: str, code: int, method: str, generation: int | None = None) -> None:
        """Count a request in ``pushgateway_http_requests_total``, unless its generation is over."""
        key = (code, handler, method.lower())
        with self._lock:
            if generation is not None and generation != self._generation:
                return
            if key not in self._requests:
                self._appear(_REQUESTS)
                self._requests[key] = [0.0, self._clock()]
            self._requests[key][0] += 1

    def observe_push(self, method: str, seconds: float, size: int, generation: int | None = None) -> None:
        """Count a push, unless its generation is over.

        Args:
            method: PUT or POST, in any case.
            seconds: how long it took.
            size: the size of its request in bytes.
            generation: the store's, in which the push arrived.
        """
        method = method.lower()
        with self._lock:
            if generation is not None and generation != self._generation:
                return
            if method not in self._pushes:
                self._appear(_PUSH_DURATION)
                self._appear(_PUSH_SIZE)
                self._pushes[method] = _Pushes(self._clock())
            self._pushes[method].add(seconds, size)

    def _appear(self, family: SelfFamily) -> None:
        if family not in self._late:
            self._late = (*self._late, family)

    def reset(self, generation: int) -> None:
        """Forget all requests, as if the gateway had just started, and those of other generations to come."""
        with self._lock:
            self._generation = generation
            self._late = ()
            self._requests = {}
            self._pushes = {}

    def families(self) -> list[MetricFamily]:
        """Return what there is to expose now."""
        values = process_metrics.process_values()
        families = [
            MetricFamily(own.name, own.type, own.help, [(own.name, format_float(values[own.name]))])
            for own in _PROCESS
            if own.name in values
        ]
        families.append(self._build_info)
        with self._lock:
            pushes = self._pushes.items()
            requests = [
                (_labels(code=str(code), handler=handler, method=method), _counter(*counter))
                for (code, handler, method), counter in self._requests.items()
            ]
            durations = [(_labels(method=each), _summary(seen.durations(), seen.created)) for each, seen in pushes]
            sizes = [(_labels(method=each), _summary(seen.sizes(), seen.created)) for each, seen in pushes]
        families += [_family(_REQUESTS, requests), _family(_PUSH_DURATION, durations), _family(_PUSH_SIZE, sizes)]
        return [family for family in families if family.series]


def _labels(**labels: str) -> Labels:
    return tuple(sorted((name.encode(), text.encode()) for name, text in labels.items()))


def _family(own: SelfFamily, series: Sequence[tuple[Labels, Value]]) -> MetricFamily:
    return MetricFamily(
        own.name, own.type, own.help, [(render_prefix(own.name, labels), value) for labels, value in series]
    )


# Created timestamps exist in protobuf only. These bytes are written by hand so that a text scrape needs no protobuf.


def _counter(value: float, created: float) -> Mixed:
    raw = b"\x09" + struct.pack("<d", value) + _message(3, _timestamp(created))
    return Mixed(_message(3, raw), {MetricType.COUNTER: format_float(value)})


def _summary(summary: Summary, created: float) -> Mixed:
    raw = b"\x08" + writer.varint(summary.count) + b"\x11" + struct.pack("<d", summary.sum)
    for rank, value in summary.quantiles:
        raw += _message(3, b"\x09" + struct.pack("<d", rank) + b"\x11" + struct.pack("<d", value))
    return Mixed(_message(4, raw + _message(4, _timestamp(created))), {MetricType.SUMMARY: summary})


def _timestamp(seconds: float) -> bytes:
    whole = math.floor(seconds)
    return b"\x08" + writer.varint(whole % 2**64) + b"\x10" + writer.varint(int((seconds - whole) * 1e9))


def _message(number: int, content: bytes) -> bytes:
    return writer.varint(number << 3 | 2) + writer.varint(len(content)) + content
