"""Values and families by name: of a push, of a group, of all pushes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pytest_pushgateway import NotExposed, Pushgateway

from .application import send
from .messages import failure
from .play import Play

BACKUP = (
    "# HELP backup_bytes Size.\n# TYPE backup_bytes gauge\n"
    'backup_bytes{disk="sda"} 7\nbackup_bytes{disk="sdb"} 8\n'
    "# TYPE backup_errors_total counter\nbackup_errors_total 1\n"
    "# TYPE backup_seconds summary\nbackup_seconds_sum 3\nbackup_seconds_count 2\n"
)


@pytest.fixture(params=["push", "group"])
def one(request: pytest.FixtureRequest, play: Play) -> Any:
    """A push, and the group that it made."""
    push = play.put(BACKUP)
    return push if request.param == "push" else play.group(job="backup")


def test_only_matching_value(one: Any) -> None:
    assert one.value("backup_bytes", disk="sda") == 7
    assert one.value("backup_bytes", disk=re.compile(".*b"), job="backup", host="") == 8
    assert one.value("backup_bytes", labels={"disk": "sdb"}) == 8
    assert one.value("backup_seconds_sum") == 3


def test_none_or_several_are_shown(one: Any) -> None:
    first, *rest = failure(one.value, "backup_bytes")
    assert first.startswith("expected one sample backup_bytes in ")
    assert first.endswith('(PUT job="backup"), but 2 match:') or first.endswith('the group job="backup", but 2 match:')
    assert rest == [
        '  backup_bytes{disk="sda",instance="",job="backup"} 7',
        '  backup_bytes{disk="sdb",instance="",job="backup"} 8',
    ]
    assert failure(one.value, "backup_bytes", disk="sdc")[0].endswith("but no sample of that name has these labels:")
    first, names = failure(one.value, "backup_seconds")
    assert first.endswith("but there is no sample of that name")
    assert names.startswith("Names there are: backup_bytes, backup_errors_total, backup_seconds_count")


@pytest.mark.parametrize(
    ("args", "labels", "error"),
    [
        (('backup_bytes{disk="sda"}',), {}, ValueError),
        (("",), {}, ValueError),
        ((b"backup_bytes",), {}, TypeError),
        (("backup_bytes",), {"disk": None}, TypeError),
        (("backup_bytes",), {"labels": ["disk"]}, TypeError),
        (("backup_bytes",), {"timeout": 5}, TypeError),
        (("backup_bytes", 7), {}, TypeError),
    ],
)
def test_mistakes_of_form(one: Any, args: Any, labels: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        one.value(*args, **labels)


def test_group_value_reads_own_gauges_by_name(play: Play) -> None:
    play.put(BACKUP)

    assert play.group(job="backup").value("push_time_seconds") == play.group(job="backup").push_time


def test_rejected_push_also_has_values(play: Play) -> None:
    push = play.put("backup_bytes 7 1700000000000\n")

    assert push.rejected
    assert push.value("backup_bytes") == 7
    unreadable = play.put("backup_bytes x\n")
    assert failure(unreadable.value, "backup_bytes")[1] == "Names there are: none"


def test_values_of_accepted_pushes_in_order(play: Play) -> None:
    for number in (1, 2):
        play.put(f'backup_bytes{{disk="sda"}} {number}\nbackup_bytes{{disk="sdb"}} {10 * number}\n')
    play.put("backup_bytes 3\n", origin="test")
    play.put("backup_bytes 4 1700000000000\n")
    play.post("backup_files 5\n")

    assert play.pushed_values("backup_bytes", disk="sda") == [1, 2]
    assert play.pushed_values("backup_bytes") == [1, 10, 2, 20]
    assert play.pushed_values("backup_bytes", labels={"disk": "sdb"}, job="backup") == [10, 20]
    assert play.pushed_values("backup_bytes", disk="sdc") == []
    assert play.pushed_values("backup_rows") == []


def test_values_that_could_not_have_been_pushed_are_not_none(play: Play) -> None:
    play.put(BACKUP)

    assert failure(play.pushed_values, "backup_bytes", disks="sda")[0].endswith(
        "but no series of that name ever had a label disks: this proves nothing"
    )
    assert failure(play.pushed_values, "backup_errors")[0].endswith(
        "is called backup_errors_total: this proves nothing"
    )
    with pytest.raises(ValueError, match="must not be a selector"):
        play.pushed_values('backup_bytes{disk="sda"}')


def test_family_by_its_name(play: Play) -> None:
    play.put(BACKUP)
    play.put('# TYPE backup_bytes gauge\nbackup_bytes{disk="sda"} 9\n', job="other")

    family = play.family("backup_bytes")
    assert (family.name, family.type, family.help) == ("backup_bytes", "gauge", "Size.")
    assert sorted(sample.value for sample in family.samples) == [7, 8, 9]
    assert play.family("push_time_seconds").type == "gauge"


def test_missing_family(play: Play) -> None:
    play.put(BACKUP)

    assert failure(play.family, "backup_byte") == [
        "there is no metric family backup_byte",
        "Similar names: backup_bytes, backup_seconds",
    ]
    assert failure(play.family, "backup_seconds_sum")[1] == "It is a part of the family backup_seconds: ask for that."
    for wrong in (7, None):
        with pytest.raises(TypeError, match="a metric's name is a string"):
            play.family(wrong)  # type: ignore[arg-type]


def test_missing_sample_raises_both_kinds_of_error(pushgateway: Pushgateway) -> None:
    for kind in (NotExposed, AssertionError, LookupError):
        with pytest.raises(kind, match="there is no group"):
            pushgateway.group(job="backup")
        with pytest.raises(kind, match="there is no metric family"):
            pushgateway.family("backup_bytes")
    send(pushgateway)
    assert pushgateway.family("backup_bytes").samples == pushgateway.group(job="backup").samples
    assert pushgateway.pushes[0].value("backup_bytes") == 7
