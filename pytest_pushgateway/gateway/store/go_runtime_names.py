"""The families of the original's Go runtime: names, types and help texts, as Pushgateway 1.11.2 exposes them.

No Go runtime is here to be exposed, but the names stay taken: an application that pushes a ``go_goroutines`` of
another type is refused as it would be in production.
"""

from __future__ import annotations

from pytest_pushgateway.exposition.model import MetricType
from pytest_pushgateway.light import NamedTuple


class SelfFamily(NamedTuple):
    """A metric family of the gateway itself.

    ``predefined`` ones are there from the start: a pushed family of that name gets their help text. Those that appear
    with the first request do not do that; a pushed family with another help text is in conflict with them.
    """

    name: bytes
    type: int
    help: bytes
    predefined: bool = True


_GAUGE = int(MetricType.GAUGE)
_COUNTER = int(MetricType.COUNTER)
_SUMMARY = int(MetricType.SUMMARY)
_own = SelfFamily

GO_RUNTIME = (
    _own(
        b"go_gc_duration_seconds",
        _SUMMARY,
        b"A summary of the wall-time pause (stop-the-world) duration in garbage collection cycles.",
    ),
    _own(
        b"go_gc_gogc_percent",
        _GAUGE,
        b"Heap size target percentage configured by the user, otherwise 100. This value is set by the GOGC "
        b"environment variable, and the runtime/debug.SetGCPercent function. Sourced from /gc/gogc:percent.",
    ),
    _own(
        b"go_gc_gomemlimit_bytes",
        _GAUGE,
        b"Go runtime memory limit configured by the user, otherwise math.MaxInt64. This value is set by the "
        b"GOMEMLIMIT environment variable, and the runtime/debug.SetMemoryLimit function. Sourced from "
        b"/gc/gomemlimit:bytes.",
    ),
    _own(b"go_goroutines", _GAUGE, b"Number of goroutines that currently exist."),
    _own(b"go_info", _GAUGE, b"Information about the Go environment."),
    _own(
        b"go_memstats_alloc_bytes",
        _GAUGE,
        b"Number of bytes allocated in heap and currently in use. Equals to /memory/classes/heap/objects:bytes.",
    ),
    _own(
        b"go_memstats_alloc_bytes_total",
        _COUNTER,
        b"Total number of bytes allocated in heap until now, even if released already. Equals to "
        b"/gc/heap/allocs:bytes.",
    ),
    _own(
        b"go_memstats_buck_hash_sys_bytes",
        _GAUGE,
        b"Number of bytes used by the profiling bucket hash table. Equals to /memory/classes/profiling/buckets:bytes.",
    ),
    _own(
        b"go_memstats_frees_total",
        _COUNTER,
        b"Total number of heap objects frees. Equals to /gc/heap/frees:objects + /gc/heap/tiny/allocs:objects.",
    ),
    _own(
        b"go_memstats_gc_sys_bytes",
        _GAUGE,
        b"Number of bytes used for garbage collection system metadata. Equals to /memory/classes/metadata/other:bytes.",
    ),
    _own(
        b"go_memstats_heap_alloc_bytes",
        _GAUGE,
        b"Number of heap bytes allocated and currently in use, same as go_memstats_alloc_bytes. Equals to "
        b"/memory/classes/heap/objects:bytes.",
    ),
    _own(
        b"go_memstats_heap_idle_bytes",
        _GAUGE,
        b"Number of heap bytes waiting to be used. Equals to /memory/classes/heap/released:bytes + "
        b"/memory/classes/heap/free:bytes.",
    ),
    _own(
        b"go_memstats_heap_inuse_bytes",
        _GAUGE,
        b"Number of heap bytes that are in use. Equals to /memory/classes/heap/objects:bytes + "
        b"/memory/classes/heap/unused:bytes",
    ),
    _own(
        b"go_memstats_heap_objects",
        _GAUGE,
        b"Number of currently allocated objects. Equals to /gc/heap/objects:objects.",
    ),
    _own(
        b"go_memstats_heap_released_bytes",
        _GAUGE,
        b"Number of heap bytes released to OS. Equals to /memory/classes/heap/released:bytes.",
    ),
    _own(
        b"go_memstats_heap_sys_bytes",
        _GAUGE,
        b"Number of heap bytes obtained from system. Equals to /memory/classes/heap/objects:bytes + "
        b"/memory/classes/heap/unused:bytes + /memory/classes/heap/released:bytes + "
        b"/memory/classes/heap/free:bytes.",
    ),
    _own(b"go_memstats_last_gc_time_seconds", _GAUGE, b"Number of seconds since 1970 of last garbage collection."),
    _own(
        b"go_memstats_mallocs_total",
        _COUNTER,
        b"Total number of heap objects allocated, both live and gc-ed. Semantically a counter version for "
        b"go_memstats_heap_objects gauge. Equals to /gc/heap/allocs:objects + /gc/heap/tiny/allocs:objects.",
    ),
    _own(
        b"go_memstats_mcache_inuse_bytes",
        _GAUGE,
        b"Number of bytes in use by mcache structures. Equals to /memory/classes/metadata/mcache/inuse:bytes.",
    ),
    _own(
        b"go_memstats_mcache_sys_bytes",
        _GAUGE,
        b"Number of bytes used for mcache structures obtained from system. Equals to "
        b"/memory/classes/metadata/mcache/inuse:bytes + /memory/classes/metadata/mcache/free:bytes.",
    ),
    _own(
        b"go_memstats_mspan_inuse_bytes",
        _GAUGE,
        b"Number of bytes in use by mspan structures. Equals to /memory/classes/metadata/mspan/inuse:bytes.",
    ),
    _own(
        b"go_memstats_mspan_sys_bytes",
        _GAUGE,
        b"Number of bytes used for mspan structures obtained from system. Equals to "
        b"/memory/classes/metadata/mspan/inuse:bytes + /memory/classes/metadata/mspan/free:bytes.",
    ),
    _own(
        b"go_memstats_next_gc_bytes",
        _GAUGE,
        b"Number of heap bytes when next garbage collection will take place. Equals to /gc/heap/goal:bytes.",
    ),
    _own(
        b"go_memstats_other_sys_bytes",
        _GAUGE,
        b"Number of bytes used for other system allocations. Equals to /memory/classes/other:bytes.",
    ),
    _own(
        b"go_memstats_stack_inuse_bytes",
        _GAUGE,
        b"Number of bytes obtained from system for stack allocator in non-CGO environments. Equals to "
        b"/memory/classes/heap/stacks:bytes.",
    ),
    _own(
        b"go_memstats_stack_sys_bytes",
        _GAUGE,
        b"Number of bytes obtained from system for stack allocator. Equals to "
        b"/memory/classes/heap/stacks:bytes + /memory/classes/os-stacks:bytes.",
    ),
    _own(
        b"go_memstats_sys_bytes",
        _GAUGE,
        b"Number of bytes obtained from system. Equals to /memory/classes/total:byte.",
    ),
    _own(
        b"go_sched_gomaxprocs_threads",
        _GAUGE,
        b"The current runtime.GOMAXPROCS setting, or the number of operating system threads that can execute "
        b"user-level Go code simultaneously. Sourced from /sched/gomaxprocs:threads.",
    ),
    _own(b"go_threads", _GAUGE, b"Number of OS threads created."),
)
