"""``push_time_seconds`` and ``push_failure_time_seconds``: set by success and failure, kept over PUT."""

from __future__ import annotations

from tests.gateway.held import NOW, Held

PLAIN = '{instance="",job="j"}'


def test_success_sets_one_and_creates_the_other() -> None:
    gateway = Held()
    gateway.put("a 1\n", job="j")
    assert gateway.push_times() == {
        f"push_failure_time_seconds{PLAIN}": "0",
        f"push_time_seconds{PLAIN}": "1.7e+09",
    }


def test_time_is_as_exact_as_clock() -> None:
    gateway = Held()
    gateway.clock.now = 1795350217.6909144
    gateway.put("a 1\n", job="j")
    assert gateway.push_times()[f"push_time_seconds{PLAIN}"] == "1.7953502176909144e+09"


def test_rejected_push_sets_failure_time_and_creates_group() -> None:
    gateway = Held()
    gateway.put("a 1\n", job="j")
    gateway.clock.now += 1
    verdict = gateway.put("# TYPE a gauge\na 1\n", job="k")
    assert (verdict.accepted, verdict.created) == (False, True)
    group = gateway.group(job="k")
    assert group is not None
    assert (group.push_time, group.push_failure_time) == (0, NOW + 1)
    assert list(group.families) == [b"push_failure_time_seconds", b"push_time_seconds"]


def test_failure_keeps_metrics_and_success_keeps_failure_time() -> None:
    gateway = Held()
    gateway.put("a 1\n", job="j")
    gateway.clock.now += 1
    assert gateway.put("b 1\nb 1\n", job="j").created is False
    assert gateway.exposed() == f"# TYPE a untyped\na{PLAIN} 1\n"
    gateway.clock.now += 1
    gateway.put("b 1\n", job="j")
    group = gateway.group(job="j")
    assert group is not None
    assert (group.push_time, group.push_failure_time) == (NOW + 2, NOW + 1)


def test_timestamps_are_refused_before_anything_else() -> None:
    gateway = Held()
    verdict = gateway.put("# TYPE a gauge\na 1 1234\na 1\n", job="j")
    assert verdict.error == "pushed metrics must not have timestamps"
    assert verdict.collisions == ()
    assert gateway.put("a 1 1234\n", check=False, job="j").error == "pushed metrics must not have timestamps"
    group = gateway.group(job="j")
    assert group is not None
    assert group.push_failure_time == NOW


def test_pushed_push_time_is_overwritten() -> None:
    gateway = Held()
    gateway.put("# TYPE push_time_seconds counter\npush_time_seconds 9\n", job="j")
    assert gateway.push_times()[f"push_time_seconds{PLAIN}"] == "1.7e+09"


def test_pushed_failure_time_is_overwritten_by_first_push_only() -> None:
    gateway = Held()
    body = "# TYPE push_failure_time_seconds gauge\npush_failure_time_seconds 9\n"
    gateway.put(body, job="j")
    assert gateway.push_times()[f"push_failure_time_seconds{PLAIN}"] == "0"
    gateway.put(body, job="j")
    assert gateway.push_times()[f"push_failure_time_seconds{PLAIN}"] == "9"
    group = gateway.group(job="j")
    assert group is not None
    assert group.push_failure_time == 9


def test_pushed_failure_time_of_another_type_is_kept() -> None:
    gateway = Held()
    gateway.put("", job="j")
    assert gateway.post("push_failure_time_seconds 9\n", job="j").accepted
    group = gateway.group(job="j")
    assert group is not None
    assert group.push_failure_time == 0  # the original reads a gauge that is not there
    verdict = gateway.put("", job="k")
    assert verdict.error is not None
    assert "is not a UNTYPED" in verdict.error
