"""Whatever SQLite call fails, and however: nothing acknowledged is lost without a word, and the file stays sound."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from pytest_pushgateway.gateway.persistence.persistence import PersistenceError
from tests.gateway.kept import Kept
from tests.gateway.tapped import after_a_kill, tapped

KINDS: list[Callable[[], BaseException]] = [
    MemoryError,
    lambda: sqlite3.OperationalError("disk I/O error"),
    lambda: sqlite3.DataError("string or blob too big"),
    lambda: sqlite3.DatabaseError("database disk image is malformed"),
    KeyboardInterrupt,
]
NAMES = ["memory", "I/O", "data", "damage", "interrupt"]

REQUESTS: list[Callable[[Kept], object]] = [
    lambda g: g.put("a 1\nb 1\n", job="j"),
    lambda g: g.put("# TYPE a counter\na 4\n", job="l"),
    lambda g: g.delete(job="j"),
    lambda g: g.delete(job="j"),
    lambda g: g.store.wipe(),
    lambda g: g.post("c 5\n", job="m"),
]


class Failpoint:
    """Fails the call with a number, or that one and all that follow, before or after SQLite has carried it out."""

    def __init__(self, number: int, kind: Callable[[], BaseException], moment: str, *, for_good: bool = False) -> None:
        self.number = number
        self.kind = kind
        self.moment = moment
        self.for_good = for_good
        self.calls = 0
        self.hit = False
        self.lifted = False

    def __call__(self, when: str, statement: str) -> None:
        if when != self.moment or self.lifted:
            return
        self.calls += 1
        if self.calls == self.number or (self.for_good and self.calls > self.number):
            self.hit = True
            raise self.kind()


def content(gateway: Kept) -> str:
    """Return all that is held; numbers for types, and groups in the order of their names."""
    return re.sub(r"<MetricType\.\w+: (\d)>", r"\1", repr(sorted(gateway.store.groups())))


def send(gateway: Kept, request: Callable[[Kept], object]) -> None:
    with suppress(MemoryError, KeyboardInterrupt):  # it is not acknowledged then
        request(gateway)


def numbers(kind: Callable[[], BaseException], moment: str, *, for_good: bool = False) -> Iterator[Failpoint]:
    """Give a failpoint for each call, until one is not met any more."""
    for number in count(1):
        failpoint = Failpoint(number, kind, moment, for_good=for_good)
        yield failpoint
        if not failpoint.hit:
            return


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_one_failure_loses_nothing(tmp_path: Path, kind: Callable[[], BaseException], moment: str) -> None:
    for failpoint in numbers(kind, moment):
        path = tmp_path / f"{failpoint.number}" / "metrics"
        path.parent.mkdir()
        failpoint.lifted = True
        with tapped(failpoint):
            gateway = Kept(path)
            failpoint.lifted = False
            looked = False
            for request in REQUESTS:
                send(gateway, request)
                if failpoint.hit and not looked and gateway.persistence.failing is None:
                    looked = True
                    with after_a_kill(path) as again:
                        assert content(again) == content(gateway)
        # A failure that is still there is in the log, and a clean stop makes up for it.
        assert gateway.persistence.failing is None or ("error", "error persisting metrics") in gateway.log.messages
        failpoint.lifted = True
        gateway.stop()
        with Kept(path) as again:
            assert content(again) == content(gateway)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_lasting_failures_are_logged_and_made_up_for_later(tmp_path: Path, kind: Callable[[], BaseException]) -> None:
    for failpoint in numbers(kind, "before", for_good=True):
        path = tmp_path / f"{failpoint.number}" / "metrics"
        path.parent.mkdir()
        failpoint.lifted = True
        with tapped(failpoint):
            gateway = Kept(path)
            failpoint.lifted = False
            for request in REQUESTS:
                send(gateway, request)
            if failpoint.hit:
                assert gateway.persistence.failing is not None
                assert ("error", "error persisting metrics") in gateway.log.messages
            failpoint.lifted = True
            gateway.delete(job="nothing")
            assert gateway.persistence.failing is None
            with after_a_kill(path) as again:
                assert content(again) == content(gateway)
            gateway.stop()


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_failure_at_the_start_leaves_the_file_as_it_is(
    tmp_path: Path, kind: Callable[[], BaseException], moment: str
) -> None:
    path = tmp_path / "metrics"
    with Kept(path) as gateway:
        gateway.put("a 1\n", job="j")
        before = content(gateway)
    for failpoint in numbers(kind, moment):
        with tapped(failpoint), suppress(MemoryError, KeyboardInterrupt, sqlite3.Error, PersistenceError):
            Kept(path).persistence.crash()
        found = next((each for each in tmp_path.iterdir() if re.search(r"\.corrupt-\w+Z$", each.name)), None)
        if found is not None:
            # As SQLite called it damaged, it was moved aside, with its log if it had one.
            assert kind is KINDS[3]
            path = tmp_path / f"metrics{failpoint.number}"
            for each in list(tmp_path.glob(f"{found.name}*")):
                each.rename(f"{path}{each.name.removeprefix(found.name)}")
        with Kept(path) as again:
            assert content(again) == before


def fails_after_commit(failpoint: Failpoint) -> None:
    """Arm the failpoint so that the next transaction is committed, and fails nevertheless."""
    failpoint.calls = 0
    failpoint.hit = failpoint.lifted = False


@pytest.mark.parametrize("kind", [MemoryError, KeyboardInterrupt])
def test_changes_to_file_after_failure_are_noticed(tmp_path: Path, kind: type[BaseException]) -> None:
    for failpoint in numbers(kind, "after"):
        path = tmp_path / f"{failpoint.number}" / "metrics"
        path.parent.mkdir()
        failpoint.lifted = True
        with tapped(failpoint):
            gateway = Kept(path)
        gateway.put("a 1\n", job="j")
        fails_after_commit(failpoint)
        send(gateway, lambda g: g.put("b 1\n", job="k"))
        failpoint.lifted = True
        path.with_name("metrics-wal").unlink()
        gateway.put("c 1\n", job="l")
        assert gateway.persistence.failing is None
        with after_a_kill(path) as again:
            assert content(again) == content(gateway)
        gateway.stop()


def test_long_string_that_comes_back_after_a_failure_is_there(tmp_path: Path) -> None:
    """It is in the file once: a transaction that failed, and is in the file all the same, may have removed it."""
    one, other = (f'a{{x="{letter * 300}"}} 1\n' for letter in "XY")
    for failpoint in numbers(KeyboardInterrupt, "after"):
        path = tmp_path / f"{failpoint.number}" / "metrics"
        path.parent.mkdir()
        failpoint.lifted = True
        with tapped(failpoint):
            gateway = Kept(path)
        gateway.put(one, job="j")
        fails_after_commit(failpoint)
        send(gateway, lambda g: g.put(other, job="j"))
        failpoint.lifted = True
        gateway.put(one, job="j")
        with after_a_kill(path) as again:
            assert content(again) == content(gateway)
        gateway.stop()
