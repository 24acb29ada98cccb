"""The original's ``process_*`` metrics of this process, from the operating system.

Read from ``/proc`` as client_golang does. Where there is no such file, as outside Linux, the metric is left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from pytest_pushgateway.genuine import genuine

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_UNLIMITED = float(2**64 - 1)


def process_values() -> dict[bytes, float]:
    """Return the value of each ``process_*`` metric that can be known, by name."""
    values: dict[bytes, float] = {}
    for read in _READERS:
        try:
            values.update(read())
        except (OSError, ValueError, LookupError, StopIteration):
            continue
    return values


def _stat() -> dict[bytes, float]:
    # The second field is the program's name in parentheses, which may hold spaces and parentheses itself.
    fields = genuine.read_file("/proc/self/stat").rpartition(b")")[2].split()
    return {
        b"process_cpu_seconds_total": (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS,
        b"process_start_time_seconds": _boot_time() + int(fields[19]) / _CLOCK_TICKS,
        b"process_virtual_memory_bytes": float(int(fields[20])),
        b"process_resident_memory_bytes": float(int(fields[21]) * _PAGE),
    }


def _boot_time() -> int:
    lines = genuine.read_file("/proc/stat").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(b"btime "))


def _limits() -> dict[bytes, float]:
    wanted = {
        b"Max open files": b"process_max_fds",
        b"Max address space": b"process_virtual_memory_max_bytes",
    }
    values = {}
    for line in genuine.read_file("/proc/self/limits").splitlines():
        name = wanted.get(line[:26].strip())
        if name:
            soft = line[26:].split()[0]
            values[name] = _UNLIMITED if soft == b"unlimited" else float(soft)
    return values


def _open_files() -> dict[bytes, float]:
    # Listing the directory opens one more, which the original also counts.
    return {b"process_open_fds": float(len(genuine.listdir("/proc/self/fd")))}


def _network() -> dict[bytes, float]:
    lines = genuine.read_file("/proc/self/net/netstat").splitlines()
    names, numbers = [line.split() for line in lines if line.startswith(b"IpExt:")]
    octets = dict(zip(names, numbers, strict=True))
    return {
        b"process_network_receive_bytes_total": float(octets[b"InOctets"]),
        b"process_network_transmit_bytes_total": float(octets[b"OutOctets"]),
    }


_READERS: tuple[Callable[[], dict[bytes, float]], ...] = (_stat, _limits, _open_files, _network)
