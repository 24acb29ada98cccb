"""Reading what is exposed: groups, families, samples, value(), get_sample_value(), snapshot()."""

from __future__ import annotations

import math

import pytest
from prometheus_client import CollectorRegistry

from pytest_pushgateway import Group
from pytest_pushgateway.harness.messages.comparison import compare

from .messages import failure
from .play import Play

DISKS = '# HELP backup_bytes Size\n# TYPE backup_bytes gauge\nbackup_bytes{disk="sdb"} 2\nbackup_bytes{disk="sda"} 1\n'


def test_groups_with_their_keys_families_and_times(play: Play) -> None:
    play.put(DISKS + "backup_a 3\n", instance="db1")
    play.put("backup_bytes x\n")
    play.put("backup_bytes 7 1\n", job="late")

    first, second = play.groups
    assert repr(first) == '<Group job="backup", instance="db1": 2 families>'
    assert first.grouping_key == {"job": "backup", "instance": "db1"}
    assert [(family.name, family.type, family.help) for family in first.families] == [
        ("backup_a", "untyped", ""),
        ("backup_bytes", "gauge", "Size"),
    ]
    assert (first.push_time, first.push_failure_time) == (1700000001.0, 0.0)
    assert (second.push_time, second.push_failure_time) == (0.0, 1700000003.0)
    assert second.samples == ()


def test_group_is_found_by_its_exact_key(play: Play) -> None:
    play.put("backup_bytes 7\n", instance="db1")
    play.put("backup_bytes 8\n")

    assert play.group(job="backup", instance="db1").samples[0].value == 7
    assert play.group(job="backup").samples[0].value == 8
    with pytest.raises(LookupError):
        play.group(instance="db1")
    assert failure(play.group, job="backup", instance="db2") == [
        'there is no group job="backup", instance="db2"; there are:',
        '  job="backup"',
        '  job="backup", instance="db1"',
    ]


def test_empty_gateway_has_no_group(play: Play) -> None:
    assert play.groups == []
    assert failure(play.group, job="backup") == ['there is no group job="backup"; the gateway holds no group']


def test_families_of_all_groups_are_one_exposition(play: Play) -> None:
    play.put("backup_bytes 9\n", job="z")
    play.put("backup_bytes 7\nbackup_a 1\n")

    assert [family.name for family in play.families] == ["backup_a", "backup_bytes"]
    assert [sample.value for sample in play.families[1].samples] == [7, 9]
    assert [sample.name for sample in play.samples] == ["backup_a", "backup_bytes", "backup_bytes"]


def test_help_text_of_any_group_counts(play: Play) -> None:
    play.put("backup_bytes 9\n", job="a")
    play.put("# HELP backup_bytes Size\nbackup_bytes 9\n", job="b")

    assert play.families[0].help == "Size"


def test_instance_is_kept_as_the_gateway_adds_it(play: Play) -> None:
    play.put("backup_bytes 7\n")

    assert play.samples[0].labels == {"instance": "", "job": "backup"}


def test_groups_compare_by_key_and_samples(play: Play) -> None:
    play.put(DISKS)
    before = play.groups[0]
    play.put(DISKS)
    assert play.groups[0] == before
    play.put("backup_bytes 8\n")
    after = play.groups[0]

    assert after != before
    assert after == {'backup_bytes{instance="",job="backup"}': pytest.approx(8)}
    assert before.__eq__(7) is NotImplemented


def test_groups_compare_nan_as_equal(play: Play) -> None:
    play.put("backup_age NaN\n")

    assert play.groups[0] == play.groups[0]
    assert play.groups[0] == {'backup_age{instance="",job="backup"}': math.nan}
    assert compare(play.groups[0], {'backup_age{instance="",job="backup"}': math.nan, "other": 1}) == [
        "the groups differ:",
        "only on the right: other 1",
    ]


def test_why_groups_differ(play: Play) -> None:
    play.put("backup_bytes 7\nbackup_files 3\n")
    play.put("backup_bytes 8\nbackup_age 1\n", job="late")
    first, second = play.groups

    assert compare(first, second) == [
        "the groups differ:",
        'grouping key: job="backup" is not job="late"',
        'only on the left: backup_bytes{instance="",job="backup"} 7.0',
        'only on the left: backup_files{instance="",job="backup"} 3.0',
        'only on the right: backup_age{instance="",job="late"} 1.0',
        'only on the right: backup_bytes{instance="",job="late"} 8.0',
    ]
    assert compare(
        {'backup_bytes{instance="",job="backup"}': 1, 'backup_files{instance="",job="backup"}': 3}, first
    ) == [
        "the groups differ:",
        'backup_bytes{instance="",job="backup"}: 1 is not 7.0',
    ]


def test_why_snapshots_differ(play: Play) -> None:
    play.put("backup_bytes 7\n")

    assert compare(play.snapshot(), "# TYPE backup_bytes untyped\nbackup_bytes 7\n") == [
        "the snapshots differ:",
        "--- expected",
        "+++ snapshot",
        "-backup_bytes 7",
        '+backup_bytes{instance="",job="backup"} 7',
    ]


def test_snapshot_may_be_right_operand(play: Play) -> None:
    play.put("backup_bytes 7\n")

    assert compare("# TYPE backup_bytes untyped\n", play.snapshot()) == [
        "the snapshots differ:",
        "--- expected",
        "+++ snapshot",
        '+backup_bytes{instance="",job="backup"} 7',
    ]


def test_snapshots_that_differ_only_in_how_lines_end(play: Play) -> None:
    play.put("backup_bytes 7\n")

    assert compare(play.snapshot(), play.snapshot().rstrip()) == [
        "the snapshots differ:",
        "--- expected",
        "+++ snapshot",
        """-'backup_bytes{instance="",job="backup"} 7'""",
        """+'backup_bytes{instance="",job="backup"} 7\\n'""",
    ]


def test_why_lists_of_groups_differ(play: Play) -> None:
    play.put("backup_bytes 7\n")
    play.put("backup_bytes 8\n", job="late")
    series = 'backup_bytes{{instance="",job="{}"}}'.format
    first = {series("backup"): 7}

    assert play.groups == [first, {series("late"): 8}]
    assert compare(play.groups, [first, {series("late"): 9}]) == [
        "the groups differ:",
        "at index 1:",
        f"  {series('late')}: 8.0 is not 9",
    ]
    assert compare([first, 7], play.groups) == [
        "the groups differ:",
        "at index 1:",
        '  7 is not <Group job="late": 1 family>',
    ]
    assert compare(play.groups, [first]) == ["the groups differ:", 'only on the left: <Group job="late": 1 family>']
    assert compare([], play.groups[:1]) == ["the groups differ:", 'only on the right: <Group job="backup": 1 family>']
    assert compare([1], [2]) is None


def test_nothing_else_is_compared(play: Play) -> None:
    play.put("backup_bytes 7\n")

    assert compare("a", "b") is None
    assert compare(1, 2) is None
    assert compare(play.groups[0], 7) is None


def test_long_difference_is_cut(play: Play) -> None:
    play.put("".join(f"metric_{number} 1\n" for number in range(60)))

    lines = compare(play.groups[0], {})

    assert lines is not None
    assert len(lines) == 40
    assert lines[-1] == "... and 22 more lines"


def test_value_of_the_one_sample_that_matches(play: Play) -> None:
    play.put(DISKS)
    play.put("# TYPE backup_bytes gauge\nbackup_bytes 7\n", job="late")

    assert play.value("backup_bytes", disk="sda") == 1
    assert play.value("backup_bytes", job="late") == 7
    assert play.value("push_time_seconds", job="late") == 1700000002.0


def test_value_of_several_samples_shows_their_differences(play: Play) -> None:
    play.put(DISKS)
    play.put("# TYPE backup_bytes gauge\nbackup_bytes 7\n", instance="db1")

    assert failure(play.value, "backup_bytes", job="backup") == [
        'expected one sample backup_bytes{job="backup"}, but 3 match:',
        '  backup_bytes{disk="sdb",instance="",job="backup"} 2',
        '  backup_bytes{disk="sda",instance="",job="backup"} 1',
        '  backup_bytes{instance="db1",job="backup"} 7',
        "They differ in disk, instance: give labels that only one of them has.",
    ]


def test_value_of_nothing_shows_the_nearest(play: Play) -> None:
    play.put(DISKS)

    assert failure(play.value, "backup_bytes", disk="sdc")[:4] == [
        'expected backup_bytes{disk="sdc"} to be exposed, but no series of that name has these labels',
        "The nearest:",
        '  backup_bytes{disk="sdb",instance="",job="backup"} 2',
        '    label disk is "sdb", expected "sdc"',
    ]


def test_value_takes_no_family_for_a_sample(play: Play) -> None:
    play.put("# TYPE backup_seconds summary\nbackup_seconds_sum 3\nbackup_seconds_count 2\n")

    assert play.value("backup_seconds_count") == 2
    assert failure(play.value, "backup_seconds")[1:] == ["Ask for backup_seconds_sum or backup_seconds_count."]
    assert failure(play.value, "backup_seconds")[0] == (
        "expected backup_seconds to be exposed, but a summary has no value itself"
    )


def test_get_sample_value_is_that_of_a_collector_registry(play: Play) -> None:
    play.put(DISKS + '# TYPE h histogram\nh_bucket{le="1"} 4\nh_sum 1\nh_count 4\n')
    registry = CollectorRegistry()

    assert play.get_sample_value("backup_bytes", {"job": "backup", "disk": "sda"}) == 1
    assert play.get_sample_value("backup_bytes", {"job": "backup", "disk": "sda", "instance": ""}) == 1
    assert play.get_sample_value("backup_bytes", {"disk": "sda"}) is None
    assert play.get_sample_value("backup_bytes") is registry.get_sample_value("backup_bytes") is None
    assert play.get_sample_value("h_bucket", {"job": "backup", "le": "1.0"}) == 4
    assert play.get_sample_value("h", {"job": "backup"}) is None


def test_snapshot_is_sorted_and_stable_between_runs(play: Play) -> None:
    play.put(
        DISKS + "# TYPE jobs_total counter\njobs_total 3\n# TYPE jobs_created gauge\njobs_created 1700000000.5\n"
        '# TYPE h histogram\nh_bucket{le="10"} 1\nh_bucket{le="2"} 1\nh_sum 1\nh_count 1\n'
    )

    assert play.snapshot() == (
        "# HELP backup_bytes Size\n"
        "# TYPE backup_bytes gauge\n"
        'backup_bytes{disk="sda",instance="",job="backup"} 1\n'
        'backup_bytes{disk="sdb",instance="",job="backup"} 2\n'
        "# TYPE h histogram\n"
        'h_bucket{instance="",job="backup",le="2"} 1\n'
        'h_bucket{instance="",job="backup",le="10"} 1\n'
        'h_bucket{instance="",job="backup",le="+Inf"} 1\n'
        'h_count{instance="",job="backup"} 1\n'
        'h_sum{instance="",job="backup"} 1\n'
        "# TYPE jobs_total counter\n"
        'jobs_total{instance="",job="backup"} 3\n'
    )
    assert isinstance(play.snapshot(), str)


def test_snapshot_does_not_depend_on_order_of_pushes(play: Play) -> None:
    play.put("b 1\na 2\n", job="x")
    play.put("a 3\n", job="a")
    other = Play()
    other.put("a 3\n", job="a")
    other.clock.advance(100)
    other.put("a 2\nb 1\n", job="x")

    assert play.snapshot() == other.snapshot()


def test_group_is_not_hashable(play: Play) -> None:
    play.put("a 1\n")

    with pytest.raises(TypeError, match="unhashable"):
        hash(play.groups[0])
    assert isinstance(play.groups[0], Group)
