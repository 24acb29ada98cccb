"""The gateway's own metrics."""

from __future__ import annotations

import math
import os
import platform
import re
import time
from pathlib import Path

import pytest

from pytest_pushgateway.exposition.model import Mixed, Summary
from pytest_pushgateway.gateway import build_info
from pytest_pushgateway.gateway.store import process_metrics as process
from pytest_pushgateway.gateway.store import self_metrics as selfmetrics
from pytest_pushgateway.gateway.store.self_metrics import SelfMetrics
from pytest_pushgateway.monotonic import monotonic
from tests.exposition.oracle import running_pushgateway
from tests.gateway.held import Held
from tests.systems import needs_proc


def comments(text: str) -> set[str]:
    return {line for line in text.splitlines() if line.startswith("# ")}


@pytest.mark.conformance
def test_names_types_and_helps_are_the_original_s() -> None:
    gateway = Held()
    with running_pushgateway() as oracle:
        oracle.push(b"")
        theirs = comments(oracle.scrape().decode())
    gateway.put("", job="j")
    gateway.own.observe_push("put", 1, 1)
    gateway.own.observe_request("push", 200, "put")
    assert comments(gateway.scrape()) == {line for line in theirs if not re.match(r"# \w+ go_", line)}
    declared = {f"# TYPE {own.name.decode()} {own.type}" for own in gateway.own.declared().values()}
    types = {"counter": "0", "gauge": "1", "summary": "2"}
    reserved = {
        line for line in theirs if line.startswith("# TYPE") and not re.match(r"# TYPE push(gateway_http)?_", line)
    }
    assert {" ".join([*line.split()[:3], types[line.split()[3]]]) for line in reserved} == declared
    helps = {f"# HELP {own.name.decode()} {own.help.decode()}" for own in gateway.own.declared().values()}
    assert helps <= theirs


def test_requests_are_counted_by_code_handler_and_method() -> None:
    gateway = Held()
    for _ in range(2):
        gateway.own.observe_request("push", 200, "PUT")
    gateway.own.observe_request("api/v1/status", 200, "GET")
    assert [line for line in gateway.scrape().splitlines() if line.startswith("pushgateway_http_requests")] == [
        'pushgateway_http_requests_total{code="200",handler="api/v1/status",method="get"} 1',
        'pushgateway_http_requests_total{code="200",handler="push",method="put"} 2',
    ]


def test_pushes_are_summed_up() -> None:
    gateway = Held()
    for size in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11):
        gateway.own.observe_push("POST", size / 2, size)
    lines = [line for line in gateway.scrape().splitlines() if line.startswith("pushgateway_http_push_size")]
    assert lines == [
        'pushgateway_http_push_size_bytes{method="post",quantile="0.1"} 2',
        'pushgateway_http_push_size_bytes{method="post",quantile="0.5"} 6',
        'pushgateway_http_push_size_bytes{method="post",quantile="0.9"} 10',
        'pushgateway_http_push_size_bytes_sum{method="post"} 66',
        'pushgateway_http_push_size_bytes_count{method="post"} 11',
    ]


def test_old_pushes_count_in_the_sum_but_not_in_the_quantiles(monkeypatch: pytest.MonkeyPatch) -> None:
    own = SelfMetrics()
    own.observe_push("PUT", 1, 100)
    later = monotonic() + 601
    monkeypatch.setattr(selfmetrics, "monotonic", lambda: later)
    (size,) = [family for family in own.families() if family.name == b"pushgateway_http_push_size_bytes"]
    ((_, value),) = size.series
    assert isinstance(value, Mixed)
    (summary,) = value.parts.values()
    assert isinstance(summary, Summary)
    assert (summary.count, summary.sum) == (1, 100)
    assert all(math.isnan(number) for _, number in summary.quantiles)


@needs_proc
def test_process_is_described() -> None:
    values = process.process_values()
    assert values[b"process_open_fds"] >= 3
    assert values[b"process_open_fds"] < values[b"process_max_fds"]
    assert values[b"process_resident_memory_bytes"] > 1e6
    assert values[b"process_virtual_memory_bytes"] > values[b"process_resident_memory_bytes"]
    assert values[b"process_virtual_memory_max_bytes"] > 0
    assert values[b"process_cpu_seconds_total"] <= time.process_time() + 0.1
    assert abs(values[b"process_start_time_seconds"] - Path(f"/proc/{os.getpid()}").stat().st_ctime) < 60
    assert values[b"process_network_receive_bytes_total"] >= 0


@needs_proc
@pytest.mark.parametrize("problem", [FileNotFoundError("/proc/self/stat"), KeyError(b"InOctets")])
def test_unknown_values_are_left_out(monkeypatch: pytest.MonkeyPatch, problem: Exception) -> None:
    def missing() -> dict[bytes, float]:
        raise problem

    monkeypatch.setattr(process, "_READERS", (missing, process._open_files))
    names = [family.name for family in SelfMetrics().families()]
    assert names == [b"process_open_fds", b"pushgateway_build_info"]


def test_reading_them_goes_through_the_whole_scrape_once() -> None:
    text = Held().scrape()
    build = re.findall(r"pushgateway_build_info\{(.*)\} 1\n", text)
    assert len(build) == 1
    assert re.findall(r'(\w+)="', build[0]) == ["branch", "goarch", "goos", "goversion", "revision", "tags", "version"]


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ("x86_64", "amd64"),
        ("AMD64", "amd64"),
        ("aarch64", "arm64"),
        ("ARM64", "arm64"),
        ("armv8l", "arm"),
        ("loongarch64", "loong64"),
        ("riscv64", "riscv64"),
    ],
)
def test_machine_has_the_name_that_go_gives_it(monkeypatch: pytest.MonkeyPatch, machine: str, expected: str) -> None:
    monkeypatch.delattr(os, "uname", raising=False)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert build_info.goarch() == expected


@pytest.mark.parametrize(
    ("system", "expected"),
    [("linux", "linux"), ("darwin", "darwin"), ("win32", "windows"), ("cygwin", "windows"), ("freebsd14", "freebsd")],
)
def test_system_has_the_name_that_go_gives_it(system: str, expected: str) -> None:
    assert build_info.goos(system) == expected
