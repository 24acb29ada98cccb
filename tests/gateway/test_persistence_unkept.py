"""A family that the file cannot have costs no other one its place there, and is reported as missing."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pytest_pushgateway.gateway.persistence import notes
from tests.gateway.kept import Kept
from tests.gateway.tapped import after_a_kill, tapped

LARGE = "".join(f'large{{x="{number:0100}"}} 1\n' for number in range(100))
TROUBLE = ("error", "error persisting metrics")
WORKS = ("info", "persisting metrics works again")


@contextmanager
def limited_rows(size: int) -> Iterator[None]:
    """Let SQLite refuse rows of more bytes than this: as those of more than a gigabyte, which no test can afford."""
    if sys.version_info < (3, 11):
        pytest.skip("the limit can be set since Python 3.11")
    connect = sqlite3.connect
    with pytest.MonkeyPatch.context() as patch:

        def limited(*arguments: Any, **options: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*arguments, **options)
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, size)
            return connection

        patch.setattr(sqlite3.dbapi2, "connect", limited)
        yield


def test_row_over_the_limit_of_sqlite_keeps_file_and_other_families(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    with limited_rows(5000):
        gateway = Kept(path)
        gateway.put("a 1\n" + "large 1\n", job="j")
        assert gateway.put("a 2\n" + LARGE, job="j").accepted
        assert gateway.put("b 1\n", job="k").accepted
    assert gateway.log.messages == [TROUBLE]
    assert gateway.log.lines[0][2]["err"] == "the family 'large' of {job=\"j\"} cannot be kept: string or blob too big"
    assert gateway.persistence.failing == gateway.log.lines[0][2]["err"]
    assert list(tmp_path.glob("*corrupt*")) == []
    with after_a_kill(path) as again:
        # What it replaced is not passed off as what was pushed.
        assert again.exposed() == (
            '# TYPE a untyped\na{instance="",job="j"} 2\n# TYPE b untyped\nb{instance="",job="k"} 1\n'
        )
    gateway.stop()
    assert gateway.log.messages[1:] == [("error", "metrics not persisted are lost")]


@pytest.mark.parametrize("end", ["replaced", "deleted", "wiped", "reset"])
def test_all_is_well_again_when_the_family_is_gone(tmp_path: Path, end: str) -> None:
    path = tmp_path / "metrics"
    with limited_rows(5000):
        gateway = Kept(path)
        gateway.put(LARGE, job="j")
        assert gateway.persistence.failing is not None
        if end == "replaced":
            gateway.put("large 1\n", job="j")
        elif end == "deleted":
            gateway.delete(job="j")
        elif end == "wiped":
            gateway.store.wipe()
        else:
            gateway.store.reset()
    assert gateway.persistence.failing is None
    assert gateway.log.messages == [TROUBLE, WORKS]
    gateway.stop()
    with Kept(path) as again:
        assert again.exposed() == gateway.exposed()


def test_several_families_have_a_line_each(tmp_path: Path) -> None:
    with limited_rows(5000):
        gateway = Kept(tmp_path / "metrics")
        gateway.put(LARGE, job="j")
        gateway.put(LARGE.replace("large", "huge") + "b 1\n", job="k")
        gateway.put("b 2\n", job="l")
    assert gateway.log.messages == [TROUBLE, TROUBLE]
    assert str(gateway.persistence.failing).endswith(", and 1 more")
    gateway.stop()


def test_many_families_do_not_flood_the_log(tmp_path: Path) -> None:
    with limited_rows(1000):
        gateway = Kept(tmp_path / "metrics")
        gateway.put("".join(f'm{number}{{x="{number:01000}"}} 1\n' for number in range(100)), job="j")
    assert gateway.log.messages == [TROUBLE] * 21
    assert gateway.log.lines[-1][2]["err"] == "80 more families cannot be kept"
    gateway.stop()


def test_rewritten_file_leaves_out_unwritable_rows(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    with limited_rows(5000):
        gateway = Kept(path)
        gateway.put(LARGE, job="j")
        gateway.put("a 1\n", job="k")
        path.unlink()
        gateway.put("b 1\n", job="k2")
    with after_a_kill(path) as again:
        assert sorted(name for name in again.store.names() if len(name) == 1) == [b"a", b"b"]
    assert "'large'" in str(gateway.persistence.failing)
    gateway.stop()


def test_oversized_row_does_not_prevent_start(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    with Kept(path) as gateway:
        gateway.put("a 1\n" + LARGE + "zz 1\n", job="j")
        everything = gateway.exposed()
    with limited_rows(5000):
        gateway = Kept(path)
        assert sorted(name for name in gateway.store.names() if len(name) < 3) == [b"a", b"zz"]
        assert gateway.log.messages == [("error", "could not load a persisted family")]
        gateway.put("b 1\n", job="k")
        gateway.stop()
    # It stays where it is for whoever can read it.
    with Kept(path) as again:
        assert again.exposed() == everything.replace(
            "# TYPE large", '# TYPE b untyped\nb{instance="",job="k"} 1\n# TYPE large'
        )


def test_row_without_memory_is_retried_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    scarce = True

    def tap(when: str, statement: str) -> None:
        if scarce and when == "before" and statement.startswith("INSERT INTO families"):
            raise MemoryError

    with tapped(tap):
        gateway = Kept(path)
        gateway.put("a 1\n", job="j")
        assert str(gateway.persistence.failing).endswith("cannot be kept: MemoryError, and 2 more")
        scarce = False
        gateway.stop()
    assert gateway.log.messages[-1] == WORKS
    with Kept(path) as again:
        assert again.exposed() == gateway.exposed()


def test_exception_in_a_flush_forgets_nothing_of_those_who_wait(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    armed, held_up, go_on = threading.Event(), threading.Event(), threading.Event()

    def tap(when: str, statement: str) -> None:
        if armed.is_set() and when == "before" and statement == "BEGIN":
            if not held_up.is_set():
                held_up.set()
                assert go_on.wait(10)
            raise MemoryError

    with tapped(tap):
        gateway = Kept(path)
    armed.set()
    pushers = [
        threading.Thread(target=gateway.post, args=(f"m{number} 1\n",), kwargs={"job": "j"}) for number in range(3)
    ]
    pushers[0].start()
    assert held_up.wait(10)
    for pusher in pushers[1:]:
        pusher.start()
    go_on.set()
    for pusher in pushers:
        pusher.join()
    assert gateway.persistence.failing == "MemoryError"
    assert gateway.log.messages == [TROUBLE]
    armed.clear()
    gateway.delete(job="nothing")
    assert gateway.log.messages == [TROUBLE, WORKS]
    with after_a_kill(path) as again:
        assert sorted(again.store.names()) == [b"m0", b"m1", b"m2", b"push_failure_time_seconds", b"push_time_seconds"]
    gateway.stop()


def test_failed_flush_is_tried_again_without_a_push(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_pushgateway.gateway.persistence.persistence._RETRY", 0.01)
    path = tmp_path / "metrics"
    armed, works = threading.Event(), threading.Event()

    def tap(when: str, statement: str) -> None:
        if armed.is_set() and statement == "BEGIN":
            raise sqlite3.OperationalError("disk I/O error")
        if when == "after" and statement == "COMMIT":
            works.set()

    with tapped(tap):
        gateway = Kept(path)
    armed.set()
    works.clear()
    gateway.put("a 1\n", job="j")
    armed.clear()
    assert works.wait(10)
    gateway.stop()
    assert gateway.log.messages == [TROUBLE, WORKS]


def test_long_names_are_cut_in_messages() -> None:
    assert len(notes.tell_family(((b"job", b"j" * 1000),), b"n" * 1000)) == 300
