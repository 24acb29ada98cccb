"""The gateway's texts over the test, replayed from the journal."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest

from pytest_pushgateway import Pushgateway

START = 1_700_000_000.0


@pytest.fixture
def gateway() -> Iterator[Pushgateway]:
    with Pushgateway() as gateway:
        yield gateway


def delete(gateway: Pushgateway, path: str) -> None:
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=10)
    connection.request("DELETE", path)
    assert connection.getresponse().status == 202
    connection.close()


def shown(gateway: Pushgateway, *names: str) -> list[tuple[float, list[str]]]:
    """The lines of some families, at each time since the start."""
    found = []
    for at, text in gateway.timeline():
        lines = (text or b"unreadable").decode().splitlines()
        found.append((at - START, [line for line in lines if line.startswith(names or ("backup", "unreadable"))]))
    return found


def test_pushes_and_deletions_at_the_clocks_times(gateway: Pushgateway) -> None:
    gateway.clock.freeze(START)
    gateway.clock.advance(60)
    gateway.push("backup_bytes 1\n", job="backup")
    gateway.clock.advance(60)
    gateway.push("backup_files 2\n", job="backup", method="POST")
    gateway.push("backup_bytes 3\n", job="backup")
    gateway.clock.advance(60)
    delete(gateway, "/metrics/job/backup")
    one, two, three = (
        f'backup_{name}{{instance="",job="backup"}} {value}'
        for name, value in (("bytes", 1), ("files", 2), ("bytes", 3))
    )
    assert shown(gateway) == [
        (0, []),
        (60, []),
        (60, [one]),
        (120, [one]),
        (120, [one, two]),
        (120, [three]),
        (180, [three]),
        (180, []),
        (180, []),
    ]


def test_push_times_are_those_of_the_pushes(gateway: Pushgateway) -> None:
    gateway.clock.freeze(START)
    gateway.push("backup_bytes 1\n", job="backup")
    gateway.clock.advance(3600)
    gateway.push("backup_bytes one\n", job="backup", check=False)
    gateway.push("backup_bytes 1\nbackup_bytes 2\n", job="backup", check=False)
    (_, last) = shown(gateway, "push_time", "push_failure", "pushgateway_http_requests_total")[-1]
    assert last == [
        'push_failure_time_seconds{instance="",job="backup"} 1.7000036e+09',
        'push_time_seconds{instance="",job="backup"} 1.7e+09',
        'pushgateway_http_requests_total{code="200",handler="push",method="put"} 1',
        'pushgateway_http_requests_total{code="400",handler="push",method="put"} 2',
    ]


def test_reset_begins_again(gateway: Pushgateway) -> None:
    gateway.clock.freeze(START)
    gateway.push("backup_bytes 1\n", job="backup")
    gateway.reset()
    assert shown(gateway) == [(0, [])]


def test_failed_exposition_is_none(gateway: Pushgateway) -> None:
    with Pushgateway(consistency_check=False) as gateway:
        gateway.clock.freeze(START)
        gateway.push("# TYPE backup_bytes gauge\nbackup_bytes 1\n", job="a")
        gateway.push("# TYPE backup_bytes counter\nbackup_bytes 1\n", job="b")
        assert shown(gateway)[-1] == (0, ["unreadable"])
