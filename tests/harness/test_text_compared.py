"""Text against what is exposed: assert_exposed_text, snapshots of a choice, groups and mappings."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from unittest import mock

import pytest

from pytest_pushgateway.harness.messages.comparison import compare

from .messages import failure
from .play import Play

BACKUP = """\
# HELP backup_bytes Size \\\\ in bytes.
# TYPE backup_bytes gauge
backup_bytes{disk="sda",part="1"} 1024
backup_bytes{disk="sdb",part="1"} 0.5
# TYPE backup_seconds histogram
backup_seconds_bucket{le="0.5"} 1
backup_seconds_bucket{le="+Inf"} 2
backup_seconds_sum 3
backup_seconds_count 2
# TYPE backup_seconds_created gauge
backup_seconds_created 1.7e+09
"""
EXPOSED = """
    # The order of lines and labels, and how a number is spelled, do not matter.
    backup_seconds_count{job="backup"} 2.0
    backup_seconds_sum{job="backup"} 3e0
    backup_seconds_bucket{le="+Inf",job="backup"} 2
    backup_seconds_bucket{job="backup",le="0.50"} 1
    # TYPE backup_bytes gauge
    # HELP backup_bytes Size \\\\ in bytes.
    backup_bytes{part="1",disk="sdb",job="backup"} 5e-1
    backup_bytes{instance="",job="backup",disk="sda",part="1"} 1_024
    """.replace("1_024", "1024.0")


# A block of text


def test_exposed_block(play: Play) -> None:
    play.put(BACKUP)

    assert play.assert_exposed_text(EXPOSED) is True
    assert play.assert_exposed_text(play.snapshot())
    assert play.assert_exposed_text(play.snapshot().replace("\n", "\r\n"))


def test_names_select_compared_families(play: Play) -> None:
    play.put(BACKUP)
    size = 'backup_bytes{disk="sda",job="backup",part="1"} 1024\nbackup_bytes{disk="sdb",job="backup",part="1"} 0.5'

    assert play.assert_exposed_text(size, "backup_bytes")
    assert play.assert_exposed_text(size, "*_bytes")
    assert play.assert_exposed_text('backup_seconds_sum{job="backup"} 3', "backup_seconds_sum")
    assert failure(play.assert_exposed_text, size)[1:] == [
        ' backup_bytes{disk="sdb",job="backup",part="1"} 0.5',
        '+backup_seconds_bucket{job="backup",le="0.5"} 1',
        '+backup_seconds_bucket{job="backup",le="+Inf"} 2',
        '+backup_seconds_count{job="backup"} 2',
        '+backup_seconds_sum{job="backup"} 3',
    ]


def test_differing_block(play: Play) -> None:
    play.put("# HELP rows Rows.\n# TYPE rows gauge\nrows 7\nfiles 1\n")

    assert failure(
        play.assert_exposed_text,
        """
        # HELP rows Lines.
        # TYPE rows counter
        rows{job="backup"} 8
        """,
    ) == [
        "expected the block of text to be exposed (-), but what is exposed (+) differs:",
        "-# HELP rows Lines.",
        "-# TYPE rows counter",
        '-rows{job="backup"} 8',
        '+files{job="backup"} 1',
        "+# HELP rows Rows.",
        "+# TYPE rows gauge",
        '+rows{job="backup"} 7',
    ]


def test_only_type_differs(play: Play) -> None:
    play.put("# TYPE rows gauge\nrows 7\n")

    assert failure(play.assert_exposed_text, '# TYPE rows counter\nrows{job="backup"} 7')[1:3] == [
        "-# TYPE rows counter",
        "+# TYPE rows gauge",
    ]
    assert play.assert_exposed_text('rows{job="backup"} 7')


def test_untyped_metric_may_omit_its_type(play: Play) -> None:
    play.put("rows 7\n")

    assert play.assert_exposed_text('# TYPE rows untyped\nrows{job="backup"} 7')
    assert play.assert_exposed_text('rows{job="backup"} 7')


def test_nan_and_creation_times(play: Play) -> None:
    play.put("age NaN\nage_created 5\n")

    assert play.assert_exposed_text('age{job="backup"} NaN')
    assert play.assert_exposed_text('age{job="backup"} NaN\nage_created{job="backup"} 5')
    assert play.assert_exposed_text('age_created{job="backup"} 5', "age_created")
    assert failure(play.assert_exposed_text, 'age{job="backup"} NaN\nage_created{job="backup"} 6')
    assert failure(play.assert_exposed_text, 'age{job="backup"} NaN', "age", "*_created")


def test_own_gauges_are_compared_if_named(play: Play) -> None:
    play.put("rows 7\n")

    assert play.assert_exposed_text(
        'rows{job="backup"} 7\npush_time_seconds{job="backup"} 1700000001\n', "rows", "push_t*"
    )
    assert failure(play.assert_exposed_text, 'push_time_seconds{job="backup"} 5', "push_time_seconds")


def test_name_matches_nothing(play: Play) -> None:
    play.put("rows 7\n")

    assert failure(play.assert_exposed_text, 'rows{job="backup"} 7', "rows", "row") == [
        "there is no metric family row",
        "Similar names: rows",
    ]


@pytest.mark.parametrize(
    ("args", "error", "hint"),
    [
        (("",), ValueError, "no series; that nothing is exposed is what assert_not_exposed"),
        (("# TYPE rows gauge\n",), ValueError, "no series"),
        (("rows",), ValueError, "not of the text format: text format parsing error in line 1"),
        (('rows{job="backup"} x',), ValueError, 'expected float as value, got "x"'),
        (("rows 7 1700000000000",), ValueError, "has timestamps"),
        (("rows 7\nrows 8",), ValueError, "the block has rows twice"),
        (('rows{a="b",instance=""} 7\nrows{instance="",a="b"} 7',), ValueError, "twice"),
        (("rows 7\nfiles 1", "rows"), ValueError, "the block has files, which is not among the names to compare: rows"),
        (("rows 7", 'rows{job="backup"}'), ValueError, "must not be a selector"),
        (("rows 7", ""), ValueError, "must not be empty"),
        (("rows 7", ["rows"]), TypeError, "give several one by one"),
        ((b"rows 7",), TypeError, "a block of the text format is a string, not b'rows 7'"),
        ((None,), TypeError, "a block of the text format is a string"),
        (({"rows": 7},), TypeError, "a block of the text format is a string"),
    ],
)
def test_invalid_blocks(play: Play, args: Any, error: type[Exception], hint: str) -> None:
    play.put("rows 7\n")
    with pytest.raises(error, match=hint):
        play.assert_exposed_text(*args)


# Snapshots of a choice


def test_snapshot_of_some_names(play: Play) -> None:
    play.put(BACKUP)
    size = play.snapshot("backup_bytes")

    assert size.splitlines()[2:] == [
        'backup_bytes{disk="sda",instance="",job="backup",part="1"} 1024',
        'backup_bytes{disk="sdb",instance="",job="backup",part="1"} 0.5',
    ]
    assert play.snapshot("*_bytes") == size
    assert play.snapshot("backup_bytes", "backup_seconds_sum").splitlines()[-2:] == [
        "# TYPE backup_seconds histogram",
        'backup_seconds_sum{instance="",job="backup"} 3',
    ]
    assert "_created" not in play.snapshot("*")
    assert play.snapshot("*_created").splitlines()[1] == 'backup_seconds_created{instance="",job="backup"} 1.7e+09'
    assert play.snapshot("push_time_seconds").splitlines()[-1].startswith("push_time_seconds{")
    assert "push_time_seconds" not in play.snapshot("*")


def test_snapshot_of_some_labels(play: Play) -> None:
    play.put(BACKUP)
    play.put('# TYPE backup_bytes gauge\nbackup_bytes{disk="sda"} 7\n', job="other")

    assert play.snapshot(disk="sda").count("\nbackup_bytes{") == 2
    assert play.snapshot("backup_bytes", labels={"disk": "sda"}, job="other").splitlines()[-1].endswith("} 7")
    assert play.snapshot("backup_seconds*", disk="sda") == ""


def test_empty_snapshot_needs_known_names(play: Play) -> None:
    assert play.snapshot() == play.snapshot("rows", jobs="backup") == ""
    play.put("# TYPE rows_total counter\nrows_total 7\n")

    assert play.snapshot("files") == play.snapshot("files*") == play.snapshot(job="other") == ""
    assert failure(play.snapshot, jobs="backup")[0].endswith("no series ever had a label jobs: this proves nothing")
    assert failure(play.snapshot, "rows_total", jobs="backup")[0].endswith("had a label jobs: this proves nothing")
    assert failure(play.snapshot, "rows")[0].endswith("the counter is called rows_total: this proves nothing")


@pytest.mark.parametrize(
    ("names", "labels", "error"),
    [
        (("",), {}, ValueError),
        ((7,), {}, TypeError),
        ((["rows"],), {}, TypeError),
        (('rows{job="backup"}',), {}, ValueError),
        (("rows",), {"job": None}, TypeError),
        (("rows",), {"name": "rows"}, TypeError),
    ],
)
def test_invalid_snapshot_names(play: Play, names: Any, labels: Any, error: type[Exception]) -> None:
    play.put("rows 7\n")
    with pytest.raises(error):
        play.snapshot(*names, **labels)


# Groups and mappings


def test_group_equals_mapping_in_any_notation(play: Play) -> None:
    play.put(BACKUP)
    group = play.groups[0]

    assert group == {
        'backup_bytes{part="1", disk="sda", job="backup"}': 1024,
        'backup_bytes{job="backup",part="1",disk="sdb",instance=""}': pytest.approx(0.5),
        'backup_seconds_bucket{job="backup",le="0.50"}': 1,
        'backup_seconds_bucket{le="+Inf",job="backup"}': mock.ANY,
        'backup_seconds_sum{job="backup"}': 3,
        'backup_seconds_count{job="backup",}': 2,
    }
    assert group == group.as_mapping()


def test_creation_times_count_where_they_are_named(play: Play) -> None:
    play.put("rows 7\nrows_created 5\n")
    group = play.groups[0]

    assert group == {'rows{job="backup"}': 7}
    assert group == {'rows{job="backup"}': 7, 'rows_created{job="backup"}': 5}
    assert group != {'rows{job="backup"}': 7, 'rows_created{job="backup"}': 6}
    assert group != {}


def test_why_a_group_differs_from_a_mapping(play: Play) -> None:
    play.put("rows 7\nfiles 1\nrows_created 5\nage 0.1\n")

    expected = {'rows{job="backup"}': 8, 'size{job="backup"}': 1, 'age{job="backup"}': Decimal("0.1")}
    assert compare(play.groups[0], expected) == [
        "the groups differ:",
        'only on the left: files{instance="",job="backup"} 1.0',
        'only on the right: size{job="backup"} 1',
        'rows{instance="",job="backup"}: 7.0 is not 8',
    ]
    assert (compare(expected, play.groups[0]) or [])[-1] == 'rows{job="backup"}: 8 is not 7.0'


@pytest.mark.parametrize(
    ("mapping", "error", "hint"),
    [
        ({"job": "backup"}, TypeError, "a mapping from series to values, but of 'job' the value must be a number"),
        ({'rows{job="backup"}': "7"}, TypeError, "did you mean 7?"),
        ({'rows{job="backup"}': None}, TypeError, "must be a number, not None"),
        ({'rows{job="backup"}': True}, TypeError, "not True; write 1"),
        ({'rows{job="backup"}': [7]}, TypeError, "a sample has one value"),
        ({"rows{job=backup}": 7}, ValueError, "a series is text such as"),
        ({"rows 7": 7}, ValueError, "a series is text such as"),
        ({"": 7}, ValueError, "a series is text such as"),
        ({"# rows": 7}, ValueError, "a series is text such as"),
        ({7: 7}, TypeError, "a series is text such as"),
        ({'rows{job="backup"}': 7, 'rows{instance="",job="backup"}': 7}, ValueError, "are the same series"),
    ],
)
def test_mapping_never_equal_to_group(play: Play, mapping: Any, error: type[Exception], hint: str) -> None:
    play.put("rows 7\n")
    with pytest.raises(error, match=hint):
        assert play.groups[0] != mapping
