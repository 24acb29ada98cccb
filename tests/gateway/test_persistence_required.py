"""A required file: a push that it cannot keep is refused and changes nothing."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from pytest_pushgateway import Settings
from pytest_pushgateway.gateway.gateway import Gateway
from pytest_pushgateway.gateway.groups import Verdict
from pytest_pushgateway.gateway.persistence.files import reserve
from pytest_pushgateway.genuine import genuine
from tests import wire
from tests.gateway.kept import Kept
from tests.gateway.tapped import after_a_kill, tapped
from tests.gateway.test_persistence_failpoints import KINDS, NAMES, REQUESTS, content, numbers, send

Request = Callable[[Kept], Verdict]

REFUSED: dict[str, Request] = {
    "push": lambda g: g.put("a 2\nc 1\n", job="j"),
    "push to a new group": lambda g: g.post("a 2\n", job="new"),
    "push without check": lambda g: g.put("a 2\n", check=False, job="j"),
    "rejected push": lambda g: g.put("a 1 1234\n", job="j"),
    "rejected push to a new group": lambda g: g.put("# TYPE a counter\na 1\n", job="new"),
    "deletion": lambda g: g.delete(job="j"),
    "wipe": lambda g: g.store.wipe(),
}


class Disk:
    """A disk that is full, or is not."""

    full = False

    def __call__(self, when: str, statement: str) -> None:
        if self.full and when == "before" and statement == "COMMIT":
            raise sqlite3.OperationalError("database or disk is full")


@pytest.mark.parametrize("request_", REFUSED.values(), ids=REFUSED)
def test_unwritable_push_is_rejected_and_changes_nothing(tmp_path: Path, request_: Request) -> None:
    path, disk = tmp_path / "metrics", Disk()
    with tapped(disk):
        gateway = Kept(path, required=True)
    gateway.put("a 1\nb 1\n", job="j")
    gateway.put("a 1\n", job="k")
    before, exposed = content(gateway), gateway.exposed()
    disk.full = True
    gateway.clock.now += 5
    verdict = request_(gateway)
    assert (verdict.accepted, verdict.unkept) == (False, "database or disk is full")
    assert (content(gateway), gateway.exposed()) == (before, exposed)
    assert gateway.persistence.failing == "database or disk is full"
    with after_a_kill(path) as again:
        assert content(again) == before

    disk.full = False
    assert request_(gateway).unkept is None
    assert gateway.persistence.failing is None
    assert content(gateway) != before
    with after_a_kill(path) as again:
        assert content(again) == content(gateway)
    gateway.stop()


def test_deletion_of_nothing_needs_no_room(tmp_path: Path) -> None:
    disk = Disk()
    with tapped(disk):
        gateway = Kept(tmp_path / "metrics", required=True)
    disk.full = True
    assert gateway.delete(job="nothing").accepted
    gateway.stop()


def test_refused_pushes_leave_nothing_to_be_lost_at_the_end(tmp_path: Path) -> None:
    disk = Disk()
    with tapped(disk):
        gateway = Kept(tmp_path / "metrics", required=True)
    disk.full = True
    gateway.put("a 1\n", job="j")
    gateway.stop()
    assert gateway.persistence.failing is None
    assert ("error", "metrics not persisted are lost") not in gateway.log.messages


def test_file_that_cannot_be_made_refuses_until_it_can(tmp_path: Path) -> None:
    path = tmp_path / "later" / "metrics"
    gateway = Kept(path, required=True)
    assert gateway.put("a 1\n", job="j").unkept == "[Errno 2] No such file or directory: " + repr(str(path))
    assert gateway.store.groups() == []
    path.parent.mkdir()
    assert gateway.put("a 1\n", job="j").accepted
    with after_a_kill(path) as again:
        assert content(again) == content(gateway)
    gateway.stop()


def test_interval_is_0(tmp_path: Path) -> None:
    gateway = Kept(tmp_path / "metrics", required=True, interval=3600)
    gateway.put("a 1\n", job="j")
    with after_a_kill(tmp_path / "metrics") as again:
        assert content(again) == content(gateway)
    gateway.stop()


def test_row_over_the_limit_is_refused(tmp_path: Path) -> None:
    def tap(when: str, statement: str) -> None:
        if when == "before" and statement.startswith("INSERT INTO families"):
            raise sqlite3.DataError("string or blob too big")

    with tapped(tap):
        gateway = Kept(tmp_path / "metrics", required=True)
        assert gateway.put("a 1\n", job="j").unkept == "string or blob too big"
        assert gateway.store.groups() == []
        gateway.stop()


def test_many_at_once(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    gateway = Kept(path, required=True)

    def push(number: int) -> None:
        for turn in range(20):
            gateway.post(f"a{turn % 3} {turn}\n", job=f"j{number % 3}")
            if turn % 7 == number:
                gateway.delete(job=f"j{number % 3}")
                gateway.scrape()

    threads = [threading.Thread(target=push, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gateway.store.reset()
    gateway.put("a 1\n", job="j")
    with after_a_kill(path) as again:
        assert content(again) == content(gateway)
    gateway.stop()


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_one_failure_of_sqlite_leaves_file_and_memory_equal(
    tmp_path: Path, kind: Callable[[], BaseException], moment: str
) -> None:
    for failpoint in numbers(kind, moment):
        path = tmp_path / f"{failpoint.number}" / "metrics"
        path.parent.mkdir()
        failpoint.lifted = True
        with tapped(failpoint):
            gateway = Kept(path, required=True)
            failpoint.lifted = False
            looked = False
            for request in REQUESTS:
                send(gateway, request)
                if failpoint.hit and not looked:
                    looked = True
                    if kind is not KeyboardInterrupt:
                        # Answered or refused, both have it or have it not.
                        with after_a_kill(path) as again:
                            assert content(again) == content(gateway)
        failpoint.lifted = True
        gateway.stop()
        with Kept(path) as again:
            assert content(again) == content(gateway)


def test_answer_is_503_with_the_reason(tmp_path: Path) -> None:
    disk = Disk()
    with tapped(disk):
        settings = Settings(persistence_file=str(tmp_path / "metrics"), enable_admin_api=True)
        gateway = Gateway(settings, persistence_required=True)
        gateway.start()
    try:
        assert wire.request(gateway.port, "PUT", "/metrics/job/j", b"a 1\n").status == 200
        disk.full = True
        for method, target in [
            ("PUT", "/metrics/job/j"),
            ("POST", "/metrics/job/k"),
            ("DELETE", "/metrics/job/j"),
            ("PUT", "/api/v1/admin/wipe"),
        ]:
            answer = wire.request(gateway.port, method, target, b"a 2\n" if "job" in target else b"")
            assert answer.status == 503
            assert answer.body == (
                b"the persistence file cannot keep this change, so it was not made: "
                b"database or disk is full; try again later\n"
            )
        assert b'a{instance="",job="j"} 1\n' in wire.request(gateway.port, "GET", "/metrics").body
        assert gateway.persistence_trouble == "database or disk is full"
        disk.full = False
        assert wire.request(gateway.port, "DELETE", "/metrics/job/j").status == 202
        assert gateway.persistence_trouble is None
    finally:
        gateway.stop()


def test_room_is_taken_where_the_system_cannot_be_asked_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []

    def write(descriptor: int, data: bytes) -> int:
        if sum(written) + len(data) > 2_000_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(os.write(descriptor, data))
        return written[-1]

    monkeypatch.setattr(genuine, "allocate", None)
    monkeypatch.setattr(genuine, "write", write)
    path = tmp_path / "file"
    path.write_bytes(b"kept")
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        reserve(descriptor, 1_500_000)
        assert path.read_bytes() == b"kept".ljust(1_500_000, b"\0")
        with pytest.raises(OSError, match="No space left"):
            reserve(descriptor, 3_000_000)
        reserve(descriptor, 10)
        assert path.stat().st_size == 1_500_000
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(("number", "problem"), [(0, None), (errno.EOPNOTSUPP, None), (errno.ENOSPC, "No space left")])
def test_room_that_pypy_is_refused_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, problem: str | None
) -> None:
    monkeypatch.setattr(genuine, "allocate", lambda *_: number)
    with open(tmp_path / "file", "wb") as file, pytest.raises(OSError, match=problem) if problem else nullcontext():
        reserve(file.fileno(), 10)
