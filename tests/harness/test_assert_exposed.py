"""assert_exposed: what satisfies it, and its message when nothing does."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pytest_pushgateway.exposition.text import reader as text_reader
from pytest_pushgateway.gateway.hooks import Plan

from .messages import failure
from .play import Play

DISKS = 'backup_bytes{disk="sda"} 512\nbackup_bytes{disk="sdb"} 1024\n'
SECONDS = (
    "# TYPE backup_seconds histogram\n"
    'backup_seconds_bucket{le="0.5"} 1\nbackup_seconds_bucket{le="+Inf"} 2\n'
    "backup_seconds_sum 3\nbackup_seconds_count 2\n"
)


@pytest.mark.parametrize(
    ("args", "labels"),
    [
        (("backup_bytes",), {}),
        (("backup_bytes", 1024), {}),
        (("backup_bytes", 1024.0), {"disk": "sdb"}),
        (("backup_bytes", pytest.approx(1000, rel=0.1)), {"disk": "sdb", "job": "backup"}),
        (("backup_bytes",), {"labels": {"disk": "sda"}, "instance": ""}),
        (("push_time_seconds", 1700000001), {"job": "backup"}),
    ],
)
def test_labels_match_as_a_subset_and_any_match_satisfies(play: Play, args: Any, labels: Any) -> None:
    play.put(DISKS)

    play.assert_exposed(*args, **labels)


def test_label_values_are_compared_as_text(play: Play) -> None:
    play.put('backup_parts{part="3",whole="True"} 1\n')

    play.assert_exposed("backup_parts", 1, part=3, whole=True)


def test_bounds_and_quantiles_are_compared_as_numbers(play: Play) -> None:
    play.put(SECONDS + '# TYPE s summary\ns{quantile="0.99"} 7\n')

    play.assert_exposed("backup_seconds_bucket", 1, le="0.50")
    play.assert_exposed("backup_seconds_bucket", 2, le="Inf")
    play.assert_exposed("s", 7, quantile=0.99)
    assert failure(play.assert_exposed, "backup_seconds_bucket", le="wide")[0] == (
        'expected backup_seconds_bucket{le="wide"} to be exposed, but no series of that name has these labels'
    )


def test_nan_equals_nan(play: Play) -> None:
    play.put("backup_ratio NaN\n")

    play.assert_exposed("backup_ratio", math.nan)
    assert failure(play.assert_exposed, "backup_ratio", 0)[0] == (
        "expected backup_ratio 0 to be exposed, but its value is NaN"
    )


def test_family_name_covers_its_parts_without_value(play: Play) -> None:
    play.put(SECONDS)

    play.assert_exposed("backup_seconds", job="backup")
    play.assert_exposed("backup_seconds_sum", 3)
    assert failure(play.assert_exposed, "backup_seconds", 3) == [
        "expected backup_seconds 3 to be exposed, but a histogram has no value itself",
        "Ask for backup_seconds_bucket or backup_seconds_sum or backup_seconds_count, or leave out the value.",
    ]


def test_another_type_is_named(play: Play) -> None:
    play.put("# TYPE backup_seconds summary\nbackup_seconds_sum 3\nbackup_seconds_count 2\nbackup_files 1\n")

    assert failure(play.assert_exposed, "backup_seconds_bucket", 1, le="1") == [
        'expected backup_seconds_bucket{le="1"} 1 to be exposed, '
        "but backup_seconds is of type summary and has no backup_seconds_bucket",
        "Ask for backup_seconds_sum or backup_seconds_count.",
    ]
    assert failure(play.value, "backup_files_count") == [
        "expected backup_files_count to be exposed, but backup_files is of type untyped and has no backup_files_count",
        "Ask for backup_files.",
    ]


def test_another_type_that_was_rejected_is_traced(play: Play) -> None:
    play.put(SECONDS, job="nightly")
    play.put("# TYPE backup_seconds gauge\nbackup_seconds 3\n")

    lines = failure(play.assert_exposed, "backup_seconds", 3)
    assert lines[0].endswith("but a histogram has no value itself")
    assert lines[2] == "What became of it:"
    assert lines[3].startswith('  push 2 (PUT job="backup") carried it and was rejected with 400: ')


def test_lost_sample_is_traced(play: Play) -> None:
    play.put("backup_bytes 7\n")
    play.store.reset()

    assert failure(play.assert_exposed, "backup_bytes", 7)[1:] == [
        "What became of it:",
        '  push 1 (PUT job="backup") carried it and was stored, then lost when the gateway stopped or crashed',
    ]


def test_empty_gateway_is_named_as_empty(play: Play) -> None:
    assert failure(play.assert_exposed, "backup_bytes", 1024, job="backup") == [
        'expected backup_bytes{job="backup"} 1024 to be exposed, but the gateway exposes nothing'
    ]


def test_another_value_is_shown(play: Play) -> None:
    play.put(DISKS)

    assert failure(play.assert_exposed, "backup_bytes", 1024, disk="sda") == [
        'expected backup_bytes{disk="sda"} 1024 to be exposed, but its value is 512',
        "The nearest:",
        '  backup_bytes{disk="sda",instance="",job="backup"} 512',
        "    value is 512, expected 1024",
        '  backup_bytes{disk="sdb",instance="",job="backup"} 1024',
        '    label disk is "sdb", expected "sda"',
        "To relax the check, leave out the value, or give pytest.approx() or another object with ==.",
    ]


def test_several_other_values_are_counted(play: Play) -> None:
    play.put(DISKS)

    assert failure(play.assert_exposed, "backup_bytes", pytest.approx(7))[0] == (
        "expected backup_bytes 7 ± 7.0e-06 to be exposed, but none of 2 samples has this value"
    )


def test_differing_missing_label_and_other_group_are_distinguished(play: Play) -> None:
    play.put('backup_bytes{disk="sda"} 1\n', instance="db1")
    play.put("backup_bytes 1\n", instance="db2")

    assert failure(play.assert_exposed, "backup_bytes", 1, disk="sda", instance="db2") == [
        'expected backup_bytes{disk="sda",instance="db2"} 1 to be exposed, but no series of that name has these labels',
        "The nearest:",
        '  backup_bytes{disk="sda",instance="db1",job="backup"} 1',
        '    it is in another group: instance is "db1", expected "db2"',
        '  backup_bytes{instance="db2",job="backup"} 1',
        '    it has no label disk, expected "sda"',
        "To relax the check, give fewer labels: those that you give must match, others may be there.",
    ]


def test_empty_instance_added_by_gateway_matches_none_given(play: Play) -> None:
    play.put("backup_bytes 1\n")

    assert failure(play.assert_exposed, "backup_bytes", 1, instance="db1")[2:4] == [
        '  backup_bytes{instance="",job="backup"} 1',
        '    it was pushed without instance, expected "db1"',
    ]


def test_names_alike_are_offered(play: Play) -> None:
    play.put("backup_bytes_total 7\nbackup_files 3\nunrelated 1\n")

    assert failure(play.assert_exposed, "backup_bytes", 7) == [
        "expected backup_bytes 7 to be exposed, but no metric of that name is exposed",
        "Similar names: backup_bytes_total, backup_files",
    ]
    assert failure(play.assert_exposed, "backup_files_total", 7)[1].startswith("Similar names: backup_files, ")


def test_all_names_are_shown_if_none_is_similar(play: Play) -> None:
    play.put("".join(f"zz_{number} 1\n" for number in range(10)))

    assert failure(play.assert_exposed, "backup")[1] == (
        "Names there are: zz_0, zz_1, zz_2, zz_3, zz_4, zz_5, zz_6, zz_7 and 2 more"
    )


def test_sample_removed_by_put_is_traced(play: Play) -> None:
    play.put("backup_bytes 7\n")
    play.put("backup_files 3\n")

    assert failure(play.assert_exposed, "backup_bytes", 7) == [
        "expected backup_bytes 7 to be exposed, but no metric of that name is exposed",
        "Similar names: backup_files",
        "What became of it:",
        '  push 1 (PUT job="backup") carried it and was removed by push 2 (PUT job="backup"): '
        "a PUT replaces the whole group, a POST would have kept it",
    ]


def test_replaced_sample_is_traced(play: Play) -> None:
    play.put("backup_bytes 7\n")
    play.post("backup_bytes 8\n")

    assert failure(play.assert_exposed, "backup_bytes", 7)[-3:-1] == [
        "What became of it:",
        '  push 1 (PUT job="backup") carried it and was replaced by push 2 (POST job="backup")',
    ]


def test_sample_of_deleted_group_is_traced(play: Play) -> None:
    play.put("backup_bytes 7\n")
    play.delete()

    assert failure(play.assert_exposed, "backup_bytes", 7) == [
        "expected backup_bytes 7 to be exposed, but the gateway exposes nothing",
        "What became of it:",
        '  push 1 (PUT job="backup") carried it and was deleted by delete 1 (DELETE job="backup")',
    ]


def test_rejected_sample_is_traced(play: Play) -> None:
    play.put("backup_bytes 7 1700000000000\n")

    assert failure(play.assert_exposed, "backup_bytes", 7) == [
        "expected backup_bytes 7 to be exposed, but the gateway exposes nothing",
        "What became of it:",
        '  push 1 (PUT job="backup") carried it and was rejected with 400: pushed metrics must not have timestamps',
    ]


def test_sample_met_by_fault_is_unknown_to_gateway(play: Play) -> None:
    play.put("backup_bytes 7\n", plan=Plan("error(503)", status=503, body=b"gone", store=False))

    assert failure(play.assert_exposed, "backup_bytes", 7)[0] == (
        "expected backup_bytes 7 to be exposed, but the gateway exposes nothing"
    )


def test_message_is_never_longer_than_forty_lines(play: Play) -> None:
    for number in range(60):
        play.put(
            "".join(f'backup_bytes{{disk="{disk}",part="{number}"}} 1\n' for disk in range(50)), instance=str(number)
        )

    lines = failure(play.assert_exposed, "backup_bytes", 2)

    assert lines[0] == "expected backup_bytes 2 to be exposed, but each of 3000 samples has the value 1"
    assert "  ... and 2995 more samples of that name" in lines


def test_long_labels_leave_the_difference_and_the_reason_in_sight(play: Play) -> None:
    path = "/x" * 5000
    play.put(f'backup_bytes{{path="{path}1"}} 7\n')

    lines = failure(play.assert_exposed, "backup_bytes", 7, path=path + "2")
    assert lines[0].startswith('expected backup_bytes{path="/x/x')
    assert lines[0].endswith('/x/x2"} 7 to be exposed, but no series of that name has these labels')
    assert lines[2].startswith('  backup_bytes{instance="",job="backup",path="/x/x')
    assert lines[2].endswith('/x/x1"} 7')
    assert lines[3] == f'    label path is "...{"/x" * 20}1", expected "...{"/x" * 20}2"'
    assert max(map(len, lines)) < 300
    assert failure(play.assert_exposed, "backup_bytes", 8)[0].endswith("but its value is 7")
    other = failure(play.assert_exposed, "backup_bytes", 7, path=path, disk="sda" * 100)[3]
    assert other == (
        f'    label path is "...{"/x" * 20}1", expected "...{"/x" * 20}"; it has no label disk, '
        f'expected "{("sda" * 100)[:80]}..."'
    )


class Striking:
    """A value that never is the one, with a repr of many lines and a colour."""

    def __eq__(self, other: object) -> bool:
        return False

    def __repr__(self) -> str:
        return "Striking(\n" + "  \x1b[31m7\x1b[0m,\n" * 100 + ")"


def test_matcher_may_look_like_anything(play: Play) -> None:
    play.put("backup_bytes 7\n")

    for assertion in (play.assert_exposed, play.assert_pushed):
        lines = failure(assertion, "backup_bytes", Striking())
        assert lines[0].startswith(r"expected backup_bytes Striking( \x1b[31m7\x1b[0m, \x1b[31m7")
        assert lines[0].endswith(", but its value is 7")
        assert lines[3].startswith("    value is 7, expected Striking( ")
        assert len(lines) == 5


def test_names_may_hold_anything_too(play: Play) -> None:
    key = ((b"job", b"backup"),)
    play.store.push(
        key, text_reader.parse(b'{"a\\nb\x1b[0m","c\\nd"="e"} 7\n', dict(key), utf8_names=True), replace=True
    )

    assert failure(play.assert_exposed, "backup_bytes")[1] == r"Names there are: a\nb\x1b[0m"
    assert failure(play.assert_exposed, "a\nb\x1b[0m", labels={"c\nd": "f"}) == [
        r'expected a\nb\x1b[0m{c\nd="f"} to be exposed, but no series of that name has these labels',
        "The nearest:",
        r'  a\nb\x1b[0m{c\nd="e",instance="",job="backup"} 7',
        r'    label c\nd is "e", expected "f"',
        "To relax the check, give fewer labels: those that you give must match, others may be there.",
    ]


def test_sample_rejected_behind_fault_is_traced(play: Play) -> None:
    play.put("# TYPE backup_bytes gauge\nbackup_bytes 7\n", job="nightly")
    play.put("backup_bytes 8\n", plan=Plan("error(503, after=True)", status=503, after=True))

    assert failure(play.assert_exposed, "backup_bytes", 8)[-3:-1] == [
        "What became of it:",
        '  push 2 (PUT job="backup") carried it and met the fault error(503, after=True) and was not stored',
    ]


def test_number_beyond_floats_is_abbreviated(play: Play) -> None:
    play.put("backup_bytes 7\n")

    assert failure(play.assert_exposed, "backup_bytes", 10**400)[0] == (
        f"expected backup_bytes 1{'0' * 46}...{'0' * 50} to be exposed, but its value is 7"
    )


def test_message_survives_any_label_value(play: Play) -> None:
    play.put('backup_bytes{path="a\\"b\\\\c\\nd\te"} 7\n')

    assert failure(play.assert_exposed, "backup_bytes", 8)[2] == (
        '  backup_bytes{instance="",job="backup",path="a\\"b\\\\c\\nd\\te"} 7'
    )


@pytest.mark.parametrize("name", [b"x", 7])
def test_name_must_be_a_string(play: Play, name: Any) -> None:
    with pytest.raises(TypeError, match="a metric's name is a string, not"):
        play.assert_exposed(name)


def test_label_cannot_be_given_twice(play: Play) -> None:
    with pytest.raises(TypeError, match="label 'disk' is given twice, in labels= and as an argument"):
        play.assert_exposed("backup_bytes", labels={"disk": "sda"}, disk="sdb")


@pytest.mark.parametrize("word", ["name", "value"])
@pytest.mark.parametrize("method", ["assert_exposed", "assert_not_exposed", "assert_pushed", "assert_not_pushed"])
def test_name_and_value_are_positional_only(play: Play, method: str, word: str) -> None:
    play.put(f'backup_bytes{{{word}="7"}} 7\n')
    with pytest.raises(TypeError, match=f"give a label called {word} as labels={{'{word}': 7}}"):
        getattr(play, method)("backup_bytes", **{word: 7})

    play.assert_exposed("backup_bytes", labels={word: 7})


def test_labels_are_not_a_value(play: Play) -> None:
    play.put("backup_bytes 7\n")
    with pytest.raises(TypeError, match=r"argument is the value; give labels by name or as labels={'job': 'backup'}"):
        play.assert_exposed("backup_bytes", {"job": "backup"})


def test_label_that_the_grouping_key_overwrote(play: Play) -> None:
    play.put('rows{status="ok"} 7\n', job="nightly", status="prod")

    told = '    its label status="ok" was overwritten by the grouping key\'s "prod"'
    assert failure(play.assert_exposed, "rows", status="ok")[1:4] == [
        "The nearest:",
        '  rows{instance="",job="nightly",status="prod"} 7',
        told,
    ]
    assert told in failure(play.assert_pushed, "rows", status="ok")
    assert failure(play.assert_exposed, "rows", status="bad")[3] == (
        '    it is in another group: status is "prod", expected "bad"'
    )
