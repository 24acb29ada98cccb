"""assert_pushed, assert_not_pushed and assert_not_exposed."""

from __future__ import annotations

import pytest

from pytest_pushgateway.gateway.hooks import Plan

from .messages import failure
from .play import Play

ERROR = Plan("error(503)", status=503, body=b"down", store=False)


def test_some_accepted_push_carried_it_though_it_is_gone_now(play: Play) -> None:
    first = play.put("backup_bytes 7\n")
    play.put("backup_bytes 8\n")

    assert play.assert_pushed("backup_bytes", 7, job="backup") is first
    play.assert_pushed("backup_bytes", pytest.approx(8))


def test_nothing_was_pushed(play: Play) -> None:
    assert failure(play.assert_pushed, "backup_bytes", 7) == [
        "expected backup_bytes 7 to have been pushed, but nothing was pushed"
    ]


def test_request_to_other_path_is_shown(play: Play) -> None:
    play.stray("GET", "/-/healthy", 200, "")
    play.stray("PUT", "/metric/job/backup", 404, "404 page not found")

    shown = [
        "Requests that were no push:",
        "  other 2 (PUT /metric/job/backup), answered 404: 404 page not found",
    ]
    assert failure(play.assert_pushed, "backup_bytes") == [
        "expected backup_bytes to have been pushed, but nothing was pushed",
        *shown,
    ]
    assert failure(play.assert_exposed, "backup_bytes") == [
        "expected backup_bytes to be exposed, but the gateway exposes nothing",
        *shown,
    ]
    assert failure(play.assert_rejected)[1:] == ["Rejected, but not asked for:", shown[1]]


def test_unreadable_push_is_shown(play: Play) -> None:
    play.put("backup_bytes x\n")

    assert failure(play.assert_exposed, "backup_bytes") == [
        "expected backup_bytes to be exposed, but the gateway exposes nothing",
        "Pushes that could not be read:",
        '  push 1 (PUT job="backup"), answered 400: '
        'text format parsing error in line 1: expected float as value, got "x"',
    ]


def test_pushes_of_the_test_do_not_count(play: Play) -> None:
    play.put("backup_bytes 7\n", origin="test")

    play.assert_exposed("backup_bytes", 7)
    play.assert_not_pushed("backup_bytes")
    assert failure(play.assert_pushed, "backup_bytes", 7) == [
        "expected backup_bytes 7 to have been pushed, but only the test itself pushed, with gateway.push()",
        "What became of it:",
        '  push 1 (PUT job="backup"), sent by the test itself, carried it and is exposed',
    ]


def test_rejected_push_does_not_count(play: Play) -> None:
    play.put("backup_bytes 7 1700000000000\n")

    assert failure(play.assert_pushed, "backup_bytes", 7) == [
        "expected backup_bytes 7 to have been pushed, but the only push was rejected or met a fault",
        "What became of it:",
        '  push 1 (PUT job="backup") carried it and was rejected with 400: pushed metrics must not have timestamps',
    ]


def test_push_met_by_fault_does_not_count(play: Play) -> None:
    play.put("backup_bytes 7\n", plan=ERROR)
    play.put("backup_bytes 7\n", plan=ERROR)

    assert failure(play.assert_pushed, "backup_bytes", 7) == [
        "expected backup_bytes 7 to have been pushed, but each of 2 pushes was rejected or met a fault",
        "The pushes:",
        '  push 1 (PUT job="backup"), answered 503 (fault error(503)): down',
        '  push 2 (PUT job="backup"), answered 503 (fault error(503)): down',
    ]


def test_push_stored_before_its_fault_counts(play: Play) -> None:
    play.put("backup_bytes 7\n", plan=Plan("error(503, after=True)", status=503, body=b"down", after=True))

    play.assert_pushed("backup_bytes", 7)


def test_candidates_name_their_push(play: Play) -> None:
    play.put("backup_bytes 7\n")
    play.post("backup_bytes 8\n")

    assert failure(play.assert_pushed, "backup_bytes", 9) == [
        "expected backup_bytes 9 to have been pushed, but none of 2 samples has this value",
        "The nearest:",
        '  backup_bytes{instance="",job="backup"} 8 in push 2 (POST job="backup")',
        "    value is 8, expected 9",
        '  backup_bytes{instance="",job="backup"} 7 in push 1 (PUT job="backup")',
        "    value is 7, expected 9",
        "To relax the check, leave out the value, or give pytest.approx() or another object with ==.",
    ]


def test_candidate_is_found_after_many_pushes(play: Play) -> None:
    play.put("backup_bytes 7\n")
    for number in range(40):
        play.put("backup_files 1\n", job=f"other{number}")

    assert failure(play.assert_pushed, "backup_bytes", 8)[:3] == [
        "expected backup_bytes 8 to have been pushed, but its value is 7",
        "The nearest:",
        '  backup_bytes{instance="",job="backup"} 7 in push 1 (PUT job="backup")',
    ]


def test_another_type_was_pushed(play: Play) -> None:
    play.put("# TYPE backup_seconds summary\nbackup_seconds_sum 3\nbackup_seconds_count 2\n")

    assert failure(play.assert_pushed, "backup_seconds", 3) == [
        "expected backup_seconds 3 to have been pushed, but a summary has no value itself",
        "Ask for backup_seconds_sum or backup_seconds_count, or leave out the value.",
    ]


def test_no_push_had_the_name(play: Play) -> None:
    play.put("backup_bytes 7\n")

    assert failure(play.assert_pushed, "backup_byte", 7) == [
        "expected backup_byte 7 to have been pushed, but no metric of that name was in the one push accepted",
        "Similar names: backup_bytes",
    ]


def test_not_pushed_shows_which_push_carried_it(play: Play) -> None:
    play.put("backup_bytes 7\n")

    play.assert_not_pushed("backup_bytes", 8)
    play.assert_not_pushed("backup_bytes", job="other")
    assert failure(play.assert_not_pushed, "backup_bytes") == [
        "expected backup_bytes not to have been pushed, but one sample is:",
        '  backup_bytes{instance="",job="backup"} 7 in push 1 (PUT job="backup")',
        "To narrow the check, give labels or a value.",
    ]


def test_not_pushed_without_a_name_means_no_push_at_all(play: Play) -> None:
    play.assert_not_pushed()
    play.put("backup_bytes 7\n", plan=ERROR)
    play.assert_not_pushed()
    play.put("")

    play.assert_not_pushed(job="other")
    play.assert_not_pushed(None, 7)
    assert failure(play.assert_not_pushed) == [
        "expected nothing to have been pushed, but one push was accepted:",
        "The pushes:",
        '  push 2 (PUT job="backup"), answered 200',
    ]


def test_not_pushed_without_a_name_accepts_a_value(play: Play) -> None:
    play.put("backup_bytes 7\n")

    play.assert_not_pushed(None, 8)
    assert failure(play.assert_not_pushed, None, 7)[0].startswith("expected nothing to have been pushed, but one push")


def test_not_exposed_shows_who_put_it_there(play: Play) -> None:
    play.put("# TYPE backup_seconds summary\nbackup_seconds_sum 3\nbackup_seconds_count 2\n")

    play.assert_not_exposed("backup_seconds_sum", 4)
    assert failure(play.assert_not_exposed, "backup_seconds") == [
        "expected backup_seconds not to be exposed, but 2 samples are:",
        '  backup_seconds_sum{instance="",job="backup"} 3',
        '    push 1 (PUT job="backup") put it there',
        '  backup_seconds_count{instance="",job="backup"} 2',
        '    push 1 (PUT job="backup") put it there',
        "To narrow the check, give labels or a value.",
    ]


def test_not_exposed_without_a_name_means_nothing_at_all(play: Play) -> None:
    play.assert_not_exposed()
    play.put("")
    play.assert_not_exposed()
    play.put("backup_bytes 7\n", origin="test")

    play.assert_not_exposed(job="other")
    assert failure(play.assert_not_exposed) == [
        "expected nothing to be exposed, but one sample is:",
        '  backup_bytes{instance="",job="backup"} 7',
        '    push 2 (PUT job="backup"), sent by the test itself, put it there',
        "To narrow the check, give labels or a value.",
    ]
