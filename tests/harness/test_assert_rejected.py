"""assert_rejected, assert_no_rejections, assert_deleted, and where a collision comes from."""

from __future__ import annotations

import re

import pytest

from pytest_pushgateway.gateway.hooks import Plan

from .messages import failure
from .play import Play


def test_rejected_push_is_found_by_reason_status_or_key(play: Play) -> None:
    first = play.put("backup_bytes x\n", instance="db1")
    second = play.put("backup_bytes 7 1700000000000\n", instance="db2")

    assert play.assert_rejected() is second
    assert play.assert_rejected("expected float") is first
    assert play.assert_rejected(re.compile("TIMESTAMPS", re.IGNORECASE), status=400, instance="db2") is second
    assert (first._expected, second._expected) == (True, True)


def test_only_matching_rejections_are_expected(play: Play) -> None:
    first = play.put("backup_bytes x\n")
    second = play.put("backup_bytes 7 1700000000000\n")

    play.assert_rejected("timestamps")

    assert (first._expected, second._expected) == (False, True)


def test_error_answered_by_fault_is_also_found(play: Play) -> None:
    push = play.put("backup_bytes 7\n", plan=Plan("error(503)", status=503, body=b"down", store=False))

    assert play.assert_rejected(status=503) is push
    play.assert_no_rejections()


def test_no_push_was_rejected(play: Play) -> None:
    assert failure(play.assert_rejected) == ["expected a rejected push, but nothing was pushed"]
    play.put("backup_bytes 7\n")
    assert failure(play.assert_rejected, "timestamps") == [
        "expected a rejected push matching 'timestamps', but the only push was accepted",
        "The pushes:",
        '  push 1 (PUT job="backup"), answered 200: backup_bytes',
    ]
    play.put("backup_bytes 8\n")
    assert failure(play.assert_rejected, job="x", status=400)[0] == (
        'expected a rejected push with status 400 of job="x", but all 2 pushes were accepted'
    )


def test_another_push_was_rejected(play: Play) -> None:
    play.put("backup_bytes x\n")

    assert failure(play.assert_rejected, "timestamps") == [
        "expected a rejected push matching 'timestamps', but the only rejected push is another",
        "The pushes:",
        '  push 1 (PUT job="backup"), answered 400: '
        'text format parsing error in line 1: expected float as value, got "x"',
        "To relax the check, leave out match= or status=.",
    ]


def test_several_others_were_rejected(play: Play) -> None:
    for _ in range(60):
        play.put("backup_bytes x\n")

    assert failure(play.assert_rejected, "timestamps")[0] == (
        "expected a rejected push matching 'timestamps', but none of the 60 rejected pushes matches"
    )
    lines = failure(play.assert_no_rejections)
    assert lines[0] == "expected no rejected push, but there are 60:"
    assert lines[1:] == [
        '  push 1 (PUT job="backup") was answered 400: '
        'text format parsing error in line 1: expected float as value, got "x"',
        '    for the same reason: 59 more pushes, the last push 60 (PUT job="backup")',
    ]


def test_collision_with_group_of_no_push_in_this_test(play: Play) -> None:
    play.put("# TYPE backup_bytes gauge\nbackup_bytes 7\n", job="nightly")
    play.journal.clear()
    play.put("# TYPE backup_bytes counter\nbackup_bytes 7\n")

    assert failure(play.assert_no_rejections)[2] == (
        '    backup_bytes{instance="",job="backup"} has another type than the group job="nightly"'
    )


def test_type_clash_names_colliding_push(play: Play) -> None:
    play.put("# TYPE backup_bytes gauge\nbackup_bytes 7\n", job="nightly")
    play.put("# TYPE backup_bytes counter\nbackup_bytes 7\n")

    assert failure(play.assert_no_rejections) == [
        "expected no rejected push, but there is one:",
        '  push 2 (PUT job="backup") was answered 400: collected metric "backup_bytes" { '
        'label:{name:"instance" value:""} label:{name:"job" value:"backup"} counter:{value:7}} is not a GAUGE',
        "    backup_bytes is of type counter here, "
        'of type gauge in what push 1 (PUT job="nightly") brought, 1 s before',
    ]


def test_duplicate_names_colliding_push_and_its_test(play: Play) -> None:
    play.put("backup_bytes 7\n", instance="", test="tests/test_a.py::test_earlier")
    play.put("backup_bytes 7\n", test="tests/test_a.py::test_later")

    assert failure(play.assert_no_rejections)[2:] == [
        '    backup_bytes{instance="",job="backup"} has the same name and labels as what push 1 (PUT job="backup", '
        'instance="") brought, 1 s before, in tests/test_a.py::test_earlier',
        '    the group job="backup" collides with the group job="backup", instance="": '
        "both expose push_time_seconds with the same labels",
    ]


def test_poisoned_gateway_error_names_cause_and_cure(play: Play) -> None:
    play.put("backup_bytes 7\n", instance="")
    play.put("backup_files 1\n")
    play.put("other 1\n", job="other")

    lines = failure(play.assert_no_rejections)
    assert lines[2] == (
        '    the group job="backup" collides with the group job="backup", instance="": '
        "both expose push_time_seconds with the same labels"
    )
    assert lines[4:] == [
        '    the gateway was poisoned since push 2 (PUT job="backup") and refuses every push: it holds the group '
        'job="backup", instance="" and the group job="backup", which both expose push_time_seconds with the same '
        "labels; cure: DELETE /metrics/job/backup"
    ]
    play.delete()
    assert play.put("other 1\n", job="other").accepted

    play.put("backup_files 1\n")
    play.put("backup_files 1\n")
    play.put("other 1\n", job="other")
    assert any("was poisoned since push 5 " in line for line in failure(play.assert_no_rejections))


def test_last_group_poisoned_gateway(play: Play) -> None:
    play.put("backup_files x\n")
    play.put("backup_files 1 1700000000000\n")
    play.put("backup_bytes 7\n", instance="")
    play.put("other 1\n", job="other")

    assert failure(play.assert_no_rejections)[-1].startswith(
        '    the gateway was poisoned since push 3 (PUT job="backup", instance="") and'
    )
    assert failure(play.assert_no_rejections)[-1].endswith("; cure: DELETE /metrics/job/backup/instance@base64/=")


def test_group_with_impossible_label_error_names_cure(play: Play) -> None:
    play.put("backup_bytes 7\n", part="\udcff")
    play.put("other 1\n", job="other")

    lines = failure(play.assert_no_rejections)
    assert r'    backup_bytes{instance="",job="backup",part="\udcff"} has a label that cannot be exposed' in lines
    assert lines[-1] == (
        r'    the gateway was poisoned since push 1 (PUT job="backup", part="\\xff") and refuses every push: it holds '
        r'the group job="backup", part="\\xff", which has a label that cannot be exposed; '
        "cure: DELETE /metrics/job/backup/part@base64/_w"
    )
    assert sum("poisoned" in line for line in lines) == 1
    play.put("backup_bytes 7\n", part="\udcff")
    assert [line for line in failure(play.assert_no_rejections) if "left behind" in line] == [
        '    push_failure_time_seconds{instance="",job="backup",part="\\udcff"} has a label that cannot be '
        'exposed in the group job="backup", part="\\\\xff", which an earlier rejected push left behind'
    ]


def test_collision_with_much_earlier_push(play: Play) -> None:
    play.put("# TYPE backup_bytes gauge\nbackup_bytes 7\n", job="nightly")
    play.clock.advance(7200)
    play.put("# TYPE backup_bytes counter\nbackup_bytes 7\n")

    assert failure(play.assert_no_rejections)[2].endswith('in what push 1 (PUT job="nightly") brought, 7201 s before')


def test_histogram_suffix_names_colliding_push(play: Play) -> None:
    play.put("# TYPE backup histogram\nbackup_sum 1\nbackup_count 1\n", job="nightly", origin="test")
    play.put("backup_count 1\n")

    assert failure(play.assert_no_rejections)[2] == (
        "    backup_count clashes with a histogram or summary, or one of its series, in what "
        'push 1 (PUT job="nightly") (sent by the test itself) brought, 1 s before'
    )


def test_duplicate_within_push(play: Play) -> None:
    play.put("backup_bytes 7\nbackup_bytes 8\n")

    assert failure(play.assert_no_rejections)[2] == (
        '    backup_bytes{instance="",job="backup"} is in the same push twice'
    )


def test_deletions_and_methods_are_distinguished(play: Play) -> None:
    put = play.put("backup_bytes x\n")
    post = play.post("backup_bytes y\n")
    deletion = play.delete(plan=Plan("error(503)", status=503, store=False))

    assert play.assert_rejected() is post
    assert play.assert_rejected(method="PUT") is put
    assert deletion._expected is False
    assert play.assert_rejected(method="DELETE", status=503, job="backup") is deletion
    assert deletion._expected is True
    with pytest.raises(ValueError, match="method must be 'PUT', 'POST' or 'DELETE', not 'put'"):
        play.assert_rejected(method="put")


def test_another_kind_of_request_was_rejected(play: Play) -> None:
    play.put("backup_bytes 7\n")
    play.delete(plan=Plan("error(503)", status=503, body=b"down", store=False))

    assert failure(play.assert_rejected) == [
        "expected a rejected push, but the only push was accepted",
        "The pushes:",
        '  push 1 (PUT job="backup"), answered 200: backup_bytes',
        "Rejected, but not asked for:",
        '  delete 1 (DELETE job="backup"), answered 503 (fault error(503))',
        'For a DELETE, use assert_rejected(..., method="DELETE").',
    ]
    assert failure(play.assert_rejected, method="DELETE", status=400)[0] == (
        "expected a rejected DELETE with status 400, but the only rejected DELETE is another"
    )
    assert failure(play.assert_rejected, method="POST")[0] == "expected a rejected POST, but there was no POST"


def test_deleted_group(play: Play) -> None:
    play.put("backup_bytes 7\n", instance="db1")
    deletion = play.delete(instance="db1")

    assert play.assert_deleted(job="backup", instance="db1") is deletion


def test_nothing_was_deleted(play: Play) -> None:
    with pytest.raises(TypeError, match='takes the grouping key, such as job="backup"'):
        play.assert_deleted()
    assert failure(play.assert_deleted, job="backup") == [
        'expected the group job="backup" to be deleted, but there was no DELETE',
        "There are no groups.",
    ]


def test_deletion_had_another_key(play: Play) -> None:
    play.put("backup_bytes 7\n", instance="db1")
    play.delete()

    assert failure(play.assert_deleted, job="backup", instance="db1") == [
        'expected the group job="backup", instance="db1" to be deleted, but no DELETE had exactly this grouping key',
        "Deletions:",
        '  delete 1 (DELETE job="backup"): matched no group',
        "Current groups:",
        '  job="backup", instance="db1"',
        "A DELETE takes the exact grouping key: one label less is another group.",
    ]
    assert failure(play.assert_deleted, job="backup")[0] == (
        'expected the group job="backup" to be deleted, '
        "but the DELETE matched no group (it was answered 202 all the same)"
    )


def test_group_came_back(play: Play) -> None:
    play.put("backup_bytes 7\n")
    play.delete()
    play.put("backup_bytes 8\n")

    assert failure(play.assert_deleted, job="backup")[0] == (
        'expected the group job="backup" to be deleted, but after delete 1 (DELETE job="backup") '
        'push 2 (PUT job="backup") made it again'
    )


def test_deletion_met_fault(play: Play) -> None:
    play.put("backup_bytes 7\n")
    play.delete(plan=Plan("error(503)", status=503, store=False))

    assert failure(play.assert_deleted, job="backup")[:3] == [
        'expected the group job="backup" to be deleted, but the DELETE met the fault error(503)',
        "Deletions:",
        '  delete 1 (DELETE job="backup"): answered 503 (fault error(503))',
    ]


def test_long_reason_keeps_its_verdict(play: Play) -> None:
    play.put("# TYPE rows gauge\nrows 1\n")
    buckets = "".join(f'rows_bucket{{le="{bound}"}} 0\n' for bound in range(50))
    play.put(f"# TYPE rows histogram\n{buckets}", job="other")

    line = failure(play.assert_rejected, "timestamps")[2]
    assert line.startswith('  push 2 (PUT job="other"), answered 400: collected metric "rows" {')
    assert line.endswith(" is not a GAUGE")
    assert len(line) < 220
