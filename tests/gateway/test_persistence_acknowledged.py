"""With interval 0, what is answered is in the file as it was answered, whoever changed what before."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gateway.held import NOW
from tests.gateway.kept import Kept
from tests.gateway.tapped import after_a_kill, tapped

A_MOMENT = 0.3
"""Seconds in which a request that does not wait would be answered."""

Act = Callable[[Kept], object]


def groups(gateway: Kept) -> list[str]:
    return [dict(group.key)[b"job"].decode() for group in gateway.store.groups()]


def answered_meanwhile(path: Path, first: Act, second: Act) -> tuple[Kept, bool, list[str]]:
    """Hold up the commit of the first request and send the second.

    Returns the gateway, whether the second one was answered meanwhile, and the groups that a kill then would leave.
    """
    held_up, go_on = threading.Event(), threading.Event()
    armed = threading.Event()

    def tap(when: str, statement: str) -> None:
        if armed.is_set() and when == "before" and statement == "COMMIT":
            armed.clear()
            held_up.set()
            assert go_on.wait(10)

    with tapped(tap):
        gateway = Kept(path)
    gateway.put("a 1\n", job="j")
    gateway.put("b 1\n", job="k")
    armed.set()
    one = threading.Thread(target=first, args=(gateway,))
    other = threading.Thread(target=second, args=(gateway,))
    one.start()
    assert held_up.wait(10)
    other.start()
    other.join(A_MOMENT)
    answered = not other.is_alive()
    with after_a_kill(path) as again:
        left = groups(again)
    go_on.set()
    one.join()
    other.join()
    return gateway, answered, left


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda g: g.delete(job="j"), lambda g: g.delete(job="j")),
        (lambda g: g.store.wipe(), lambda g: g.delete(job="j")),
        (lambda g: g.store.wipe(), lambda g: g.store.wipe()),
        (lambda g: g.store.reset(), lambda g: g.delete(job="j")),
    ],
    ids=["delete, delete", "wipe, delete", "wipe, wipe", "reset, delete"],
)
def test_deletion_that_finds_nothing_waits_for_the_one_before(tmp_path: Path, first: Act, second: Act) -> None:
    gateway, answered, left = answered_meanwhile(tmp_path / "metrics", first, second)
    assert not (answered and "j" in left)
    with after_a_kill(tmp_path / "metrics") as again:
        assert "j" not in groups(again)
    gateway.stop()


@pytest.mark.parametrize(
    "second",
    [
        lambda g: g.put("a 1\n", job="j"),
        lambda g: g.post("", job="j"),
        lambda g: g.put("a 1 1234\n", job="j"),
    ],
    ids=["the same", "nothing", "rejected"],
)
def test_push_that_changes_little_waits_for_the_one_before(tmp_path: Path, second: Act) -> None:
    gateway, answered, left = answered_meanwhile(tmp_path / "metrics", lambda g: g.delete(job="j"), second)
    assert not (answered and left == ["j", "k"])
    with after_a_kill(tmp_path / "metrics") as again:
        assert again.exposed() == gateway.exposed()
        assert again.push_times() == gateway.push_times()
    gateway.stop()


def test_failure_time_is_in_the_file_when_a_push_is_rejected(tmp_path: Path) -> None:
    gateway = Kept(tmp_path / "metrics")
    gateway.put("a 1\n", job="j")
    gateway.clock.now += 5
    assert not gateway.put("a 1 1234\n", job="j").accepted
    assert not gateway.put("# TYPE a counter\na 1\n", job="new").accepted
    with after_a_kill(tmp_path / "metrics") as again:
        assert {dict(group.key)[b"job"]: group.push_failure_time for group in again.store.groups()} == {
            b"j": NOW + 5,
            b"new": NOW + 5,
        }
    gateway.stop()
