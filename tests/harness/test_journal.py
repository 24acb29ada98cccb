"""The journal: what it keeps of a request, in which bounds, and whose request it was."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from pytest_pushgateway import Push, Pushgateway, Request
from pytest_pushgateway.gateway.hooks import Plan, Record
from pytest_pushgateway.harness.journal import journal as journal_module
from pytest_pushgateway.harness.wording import quote, show_key
from tests import wire

from .messages import failure
from .play import Play


def test_push_is_recorded_as_sent(play: Play) -> None:
    push = play.put('# TYPE backup_bytes gauge\nbackup_bytes{disk="sda"} 7\n', instance="db1", test="test_a.py::test_b")

    assert repr(push) == '<Push 1: PUT job="backup", instance="db1", answered 200>'
    assert (push.number, push.method, push.kind, push.status, push.error) == (1, "PUT", "push", 200, None)
    assert push.path == "/metrics/job/backup/instance/db1"
    assert (push.job, push.grouping_key) == ("backup", {"job": "backup", "instance": "db1"})
    assert push.body == b'# TYPE backup_bytes gauge\nbackup_bytes{disk="sda"} 7\n'
    assert (push.content_type, push.headers["host"]) == ("text/plain", "127.0.0.1")
    assert (push.at, push.duration) == (1700000001.0, 0.001)
    assert (push.origin, push.test, push.fault) == ("application", "test_a.py::test_b", None)
    assert [family.type for family in push.families] == ["gauge"]
    assert push.samples[0].labels == {"disk": "sda", "instance": "db1", "job": "backup"}
    assert (push.accepted, push.rejected, push._removed) == (True, False, ())


def test_rejected_push(play: Play) -> None:
    push = play.put("backup_bytes x\n")

    assert repr(push) == '<Push 1: PUT job="backup", answered 400>'
    assert push.error == 'text format parsing error in line 1: expected float as value, got "x"'
    assert (push.accepted, push.rejected, push.families, push._collisions) == (False, True, (), ())


def test_push_met_by_fault(play: Play) -> None:
    push = play.put("backup_bytes 7\n", plan=Plan("error(503)", status=503, body=b"down", store=False))

    assert repr(push) == '<Push 1: PUT job="backup", answered 503 (fault error(503))>'
    assert (push.fault, push.accepted, push.rejected, push.error) == ("error(503)", False, False, "down")


def test_late_push_rejected_by_gateway(play: Play) -> None:
    push = play.put("backup_bytes x\n", plan=Plan("delay(1)", wait=1))

    assert (push.fault, push.rejected) == ("delay(1)", True)


def test_origin_header_is_hidden(play: Play) -> None:
    push = play.put("backup_bytes 7\n", origin="test")

    assert push.origin == "test"
    assert set(push.headers.keys()) == {"Host", "Content-Type"}


def test_origin_mark_of_another_gateway_is_ignored(play: Play) -> None:
    push = Play().put("backup_bytes 7\n", origin="test")

    assert not play.journal.is_own(push._request)


def test_requests_are_numbered_by_kind(play: Play) -> None:
    play.put("a 1\n")
    deletion = play.delete()
    push = play.post("a 1\n")

    assert repr(deletion) == '<Delete 1: DELETE job="backup", answered 202>'
    assert (deletion.matched, deletion.number, push.number) == (True, 1, 2)
    assert [entry._order for entry in play.journal] == [1, 2, 3]
    assert len(play.journal) == 3


def test_request_not_journalled_yet(play: Play) -> None:
    request = Request(play.put("a 1\n")._request)

    assert (request.status, request.error, request.fault, request.duration, request.number) == (0, None, None, 0.0, 0)
    assert request.outcome == "not answered yet"
    with pytest.raises(ValueError, match="only a journalled request can be listed"):
        request._in_short()


def test_push_with_bad_url(play: Play) -> None:
    push = play.put("a 1\n")
    push._request.key = None

    assert (push.grouping_key, push.job) == ({}, "")
    assert repr(push) == "<Push 1: PUT no grouping key, answered 200>"


def test_unanswered_request(play: Play) -> None:
    push = play.put("a 1\n")
    record = Record(push._request, 0, None, None, None, 0.0)

    assert Push(push._request, record).outcome == "not answered"


def test_web_page_gets_abridged_requests(play: Play) -> None:
    short = play.put("a 1\n", origin="test")._in_short()

    assert (short.kind, short.method, short.series, short.origin) == ("push", "PUT", 1, "test")


def test_oldest_requests_are_dropped_and_counted() -> None:
    play = Play(journal_limit=3)
    for _ in range(5):
        play.put("a 1\n")

    assert [push.number for push in play.journal.pushes()] == [3, 4, 5]
    assert play.journal.dropped == 2
    with pytest.raises(AssertionError) as caught:
        play.assert_pushed("b")
    assert caught.value.args[0].splitlines()[-1] == (
        "The journal dropped 2 requests, the oldest: it keeps at most journal_limit requests and 64 MiB of bodies."
    )


def test_negative_assertions_fail_after_dropped_requests() -> None:
    play = Play(journal_limit=1)
    play.put("a x\n")
    play.put("a 1\n", origin="test")
    play.delete()
    gone = "it keeps at most journal_limit requests and 64 MiB of bodies"

    play.assert_not_pushed("a")
    assert failure(play.assert_no_rejections) == [
        "expected no rejected push, but there is one:",
        f"  one push that the journal dropped, the oldest: {gone}",
    ]
    assert failure(play.assert_rejected)[-1] == f"The journal dropped 2 requests, the oldest: {gone}."
    assert failure(play.assert_deleted, job="b")[-1] == f"The journal dropped 2 requests, the oldest: {gone}."
    play.put("a 1\n")
    play.put("b 1\n")
    assert failure(play.assert_not_pushed, "a") == [
        "expected a not to have been pushed, but that cannot be told of one accepted push",
        f"The journal dropped one request, the oldest: {gone}.",
    ]
    assert failure(play.assert_not_pushed)[0] == "expected nothing to have been pushed, but one push was accepted:"
    play.journal.clear()
    play.assert_no_rejections()
    play.assert_not_pushed()


def test_push_beyond_all_limits_is_kept_until_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "BODIES_LIMIT", 10)
    play = Play()
    play.put("a 1\n")
    large = play.put("a_long_name 1\n")

    assert play.journal.pushes() == [large]
    assert play.assert_pushed("a_long_name") is large


def test_bodies_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "BODIES_LIMIT", 10)
    play = Play()
    for _ in range(3):
        play.put("a 1\n")

    assert [push.number for push in play.journal.pushes()] == [2, 3]
    assert play.journal.dropped == 1


@pytest.mark.parametrize(
    "sent",
    [
        {"body": gzip.compress(b"\n" * 40_000), "headers": {"Content-Encoding": "gzip"}},
        {"headers": {"X-Trace": "x" * 40_000}},
        {"target": "/metrics/job/" + "j" * 40_000},
    ],
    ids=["decoded body", "headers", "path"],
)
def test_requests_are_bounded_by_the_memory_that_they_take(
    monkeypatch: pytest.MonkeyPatch, sent: dict[str, Any]
) -> None:
    monkeypatch.setattr(journal_module, "BODIES_LIMIT", 100_000)
    with Pushgateway() as gateway:
        for _ in range(3):
            wire.request(gateway.port, "PUT", **{"target": "/metrics/job/nightly", **sent})

        assert [push.number for push in gateway.pushes] == [2, 3]


def test_cleared_journal_continues_its_numbers(play: Play) -> None:
    play.put("a 1\n")
    play.journal.clear()
    push = play.put("a 1\n")

    assert (push.number, push._order, play.journal.dropped) == (1, 2, 0)


def test_large_journal_returns_what_it_forgets(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "FREED_AT_ONCE", 1)
    play.put("a 1\n")
    assert not play.journal.clear()

    play.put("a 1\n")
    play.put("a 1\n")

    assert len(play.journal.clear()) == 2
    assert play.journal.pushes() == []


def test_totals_include_dropped_requests() -> None:
    play = Play(journal_limit=1)
    play.put("a 1\n")
    play.put("a x\n")
    play.delete()

    totals = play.journal.take_totals()
    assert totals.counts == (2, 1, 1, 8)
    assert totals.slowest == 0.001
    assert play.journal.take_totals().counts == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a", '"a"'),
        ('a"b', '"a\\"b"'),
        ("a\nb\\", '"a\\nb\\\\"'),
        ("\udcff", '"\\\\xff"'),
        ("\x1b[0m", '"\\x1b[0m"'),
        ("é", '"é"'),
    ],
)
def test_label_values_are_printable_whatever_they_hold(value: str, shown: str) -> None:
    assert quote(value) == shown


def test_key_shows_its_job_first() -> None:
    assert show_key({"instance": "db1", "job": "b", "a": "c"}) == 'job="b", a="c", instance="db1"'
    assert show_key({}) == "no grouping key"
