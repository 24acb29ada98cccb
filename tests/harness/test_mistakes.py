"""Mistakes in a call: none of them lets an assertion pass, and each message names the right form."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from unittest import mock

import pytest

from pytest_pushgateway import MakePushgateway, Push, Pushgateway

from .application import send
from .messages import failure
from .play import Play

BACKUP = (
    'backup_bytes{disk="sda"} 7\n'
    "# TYPE backup_errors_total counter\nbackup_errors_total 1\n"
    "# TYPE backup_seconds summary\nbackup_seconds_sum 3\nbackup_seconds_count 2\n"
)


def pushed(pushgateway: Pushgateway) -> Pushgateway:
    send(pushgateway, BACKUP)
    return pushgateway


@pytest.fixture(params=["assert_exposed", "assert_not_exposed", "assert_pushed", "assert_not_pushed", "wait_for_push"])
def ask(request: pytest.FixtureRequest, pushgateway: Pushgateway) -> Callable[..., Any]:
    """Every method that takes a name, a value and labels, once the application has pushed."""
    method = getattr(pushed(pushgateway), request.param)
    return method  # type: ignore[no-any-return]


@pytest.fixture(params=["value", "get_sample_value", "assert_exposed", "assert_not_pushed"])
def read(request: pytest.FixtureRequest, pushgateway: Pushgateway) -> Callable[..., Any]:
    """Methods that take a name."""
    return getattr(pushed(pushgateway), request.param)  # type: ignore[no-any-return]


# Names


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ('backup_bytes{disk="sda"}', 'give its labels as arguments: "backup_bytes", disk="sda"'),
        ('backup_bytes{disk="sdb",job="backup"} 7', 'arguments: "backup_bytes", 7, disk="sdb", job="backup"'),
        ('backup_bytes{disk=~"sd."}', "give its labels as arguments"),
        ("backup_bytes{}", 'arguments: "backup_bytes"'),
        ('{__name__="backup_bytes"}', "only Prometheus evaluates PromQL"),
        ("rate(backup_bytes[5m])", "only Prometheus evaluates PromQL"),
        ("backup_bytes > 5", "only Prometheus evaluates PromQL"),
        ("backup_bytes 7", "did you mean 'backup_bytes', 7?"),
        ("backup-bytes", "did you mean 'backup_bytes'?"),
        ("backup.bytes", "did you mean 'backup_bytes'?"),
        ("backup_bytes ", "did you mean 'backup_bytes'?"),
        ("9_bytes", "is not a metric's name"),
        ("", "must not be empty"),
        ("  ", "is not a metric's name"),
    ],
)
def test_invalid_names(read: Callable[..., Any], name: str, hint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(hint)):
        read(name)


@pytest.mark.parametrize("name", [7, b"backup_bytes", ["backup_bytes"], mock.ANY, re.compile("backup")])
def test_name_must_be_a_string(read: Callable[..., Any], name: Any) -> None:
    with pytest.raises(TypeError, match="a metric's name is a string, not"):
        read(name)


def test_name_may_be_omitted_only_if_that_means_all(pushgateway: Pushgateway) -> None:
    pushed(pushgateway)
    methods: list[Callable[..., Any]] = [
        pushgateway.assert_exposed,
        pushgateway.assert_pushed,
        pushgateway.value,
        pushgateway.get_sample_value,
        pushgateway.pushed_values,
        pushgateway.family,
        pushgateway.pushes[0].value,
        pushgateway.groups[0].value,
    ]
    for method in methods:
        with pytest.raises(TypeError, match="a metric's name is a string, not None"):
            method(None)
    assert pushgateway.assert_not_exposed(None, 99)


def test_client_metric_is_not_a_name(pushgateway: Pushgateway) -> None:
    from prometheus_client import CollectorRegistry, Gauge

    gauge: Any = Gauge("backup_bytes", "Bytes.", registry=CollectorRegistry())
    with pytest.raises(TypeError, match="did you mean 'backup_bytes'"):
        pushgateway.assert_not_exposed(gauge)


def test_names_that_are_any_utf8_need_the_option(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway(utf8_names=True)
    send(gateway, '{"backup.bytes"} 7\n')

    gateway.assert_exposed("backup.bytes", 7)
    gateway.assert_not_exposed("backup-bytes")
    with pytest.raises(ValueError, match="must not be a selector"):
        gateway.assert_not_exposed('backup.bytes{disk="sda"}')


def test_existing_name_is_accepted_however_odd(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway(utf8_names=True)
    send(gateway, '{"rate(rows[5m])"} 7\n')

    gateway.assert_exposed("rate(rows[5m])", 7)
    assert failure(gateway.assert_not_pushed, "rate(rows[5m])")


# Values


class Length:
    """Compares with numbers, and is none."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and other > 100


class Celsius:
    """Compares with its own kind only."""

    def __eq__(self, other: object) -> bool:
        return NotImplemented


class Scalar:
    """A number as numpy has them: neither int nor float, with a text, with comparisons that return its own booleans."""

    ndim = 0

    def __init__(self, number: float) -> None:
        self.number = number

    def __float__(self) -> float:
        return float(self.number)

    def __iter__(self) -> object:
        raise TypeError("iteration over a 0-d array")

    def __str__(self) -> str:
        return str(self.number)


class Array(Scalar):
    ndim = 1

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("7", "did you mean 7?"),
        ("seven", "a sample's value is never text"),
        (b"7", "did you mean 7?"),
        (None, "leave it out to accept any value"),
        (True, "not True; write 1"),
        (False, "not False; write 0"),
        ([7], "a sample has one value"),
        ((7,), "a sample has one value"),
        ({7, 8}, "a sample has one value"),
        (range(9), "a sample has one value"),
        (iter([7]), "a sample has one value"),
        (Array(7), "a sample has one value"),
        (pytest.approx([7]), "a sample has one value"),
        (pytest.approx({"a": 7}), "a sample has one value"),
        (mock.MagicMock(), "a sample has one value"),
        (len, "not the function len; call it"),
        (lambda: 7, "call it"),
        (int, "give a number or an object that equals one"),
        (datetime(2026, 1, 1), "give a number or an object that equals one"),
        (timedelta(seconds=7), "give a number or an object that equals one"),
        (re.compile("7"), "give a number or an object that equals one"),
        (Celsius(), "give a number or an object that equals one"),
        (mock.Mock(), "give a number or an object that equals one"),
        (7j, "give a number or an object that equals one"),
        (Decimal("sNaN"), "give a number or an object that equals one"),
        ({"disk": "sda"}, "give labels by name"),
    ],
)
def test_invalid_values(ask: Callable[..., Any], value: object, hint: str) -> None:
    with pytest.raises(TypeError, match=re.escape(hint)):
        ask("backup_bytes", value)


@pytest.mark.parametrize(
    ("value", "equal"),
    [
        (7, True),
        (Decimal("7"), True),
        (Fraction(14, 2), True),
        (Scalar(7), True),
        (Scalar(8), False),
        (pytest.approx(7.1, abs=1), True),
        (pytest.approx(Decimal("7.1"), abs=Decimal(1)), True),
        (pytest.approx(8), False),
        (mock.ANY, True),
        (Length(), False),
        (10**400, False),
        (float("nan"), False),
    ],
)
def test_objects_comparing_with_numbers(pushgateway: Pushgateway, value: object, equal: bool) -> None:
    send(pushgateway, BACKUP)
    if equal:
        assert pushgateway.assert_exposed("backup_bytes", value).value == 7
        assert failure(pushgateway.assert_not_exposed, "backup_bytes", value)
    else:
        assert pushgateway.assert_not_exposed("backup_bytes", value)
        assert failure(pushgateway.assert_exposed, "backup_bytes", value)


def test_numbers_are_compared_as_the_floats_that_samples_are(play: Play) -> None:
    play.put("ratio 0.1\nbig 9007199254740993\nnothing NaN\n")

    play.assert_exposed("ratio", Decimal("0.1"))
    play.assert_exposed("big", 2**53 + 1)
    for nan in (float("nan"), Decimal("NaN"), Scalar(float("nan")), pytest.approx(float("nan"))):
        play.assert_exposed("nothing", nan)
        assert failure(play.assert_not_exposed, "nothing", nan)


def test_object_comparing_ints_gets_an_int(play: Play) -> None:
    class WholeNumber:
        def __eq__(self, other: object) -> bool:
            return isinstance(other, int)

    play.put("whole 7\nhalf 0.5\n")

    play.assert_exposed("whole", WholeNumber())
    play.assert_not_exposed("half", WholeNumber())


# Labels


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        (None, 'disk="" asks for series without the label'),
        (b"sda", "decode it"),
        (["sda", "sdb"], 're.compile("a|b")'),
        (("sda",), 're.compile("a|b")'),
        ({"sda"}, 're.compile("a|b")'),
        ({"sda": 1}, 're.compile("a|b")'),
        (range(3), 're.compile("a|b")'),
        (Array(7), 're.compile("a|b")'),
        (mock.MagicMock(), 're.compile("a|b")'),
        (str.upper, "not the function str.upper; call it"),
        ("sda".upper, "call it"),
        (str, "re.compile(...) or an object with =="),
        (object(), "re.compile(...) or an object with =="),
        (mock.Mock(), "re.compile(...) or an object with =="),
        (..., "unittest.mock.ANY accepts any text"),
        (re.compile(b"sd."), "must be one for text, not for bytes"),
        (pytest.approx(7), "only le and quantile compare as numbers"),
    ],
)
def test_invalid_label_values(ask: Callable[..., Any], wanted: object, hint: str) -> None:
    with pytest.raises(TypeError, match=re.escape(hint)):
        ask("backup_bytes", disk=wanted)
    with pytest.raises(TypeError, match=re.escape(hint)):
        ask("backup_bytes", labels={"disk": wanted})


class Disk:
    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return self.name


class Longer:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and len(other) > 3


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        ("sda", True),
        ("sd", False),
        (re.compile("sd."), True),
        (re.compile("sd"), False),
        (Disk("sda"), True),
        (Disk("sdb"), False),
        (mock.ANY, True),
        (Longer(), False),
        ("", False),
    ],
)
def test_label_matchers(pushgateway: Pushgateway, wanted: object, matches: bool) -> None:
    send(pushgateway, BACKUP)
    if matches:
        assert pushgateway.assert_exposed("backup_bytes", disk=wanted).labels["disk"] == "sda"
        assert failure(pushgateway.assert_not_exposed, "backup_bytes", disk=wanted)
    else:
        assert pushgateway.assert_not_exposed("backup_bytes", disk=wanted) is True
        assert failure(pushgateway.assert_exposed, "backup_bytes", disk=wanted)


def test_number_matches_its_text(play: Play) -> None:
    play.put('rows{shard="3",share="0.5",dry="True"} 7\n')

    play.assert_exposed("rows", shard=3, share=Decimal("0.5"), dry=True)
    play.assert_exposed("rows", shard=Scalar(3).number.__int__())
    play.assert_not_exposed("rows", shard=4)


def test_bucket_bound_compares_as_number(play: Play) -> None:
    play.put('# TYPE s summary\ns{quantile="0.5"} 7\ns_sum 7\ns_count 1\n')

    for half in ("0.50", 0.5, Decimal("0.5"), pytest.approx(0.5), Scalar(0.5)):
        play.assert_exposed("s", 7, quantile=half)
        assert failure(play.assert_not_exposed, "s", quantile=half)


def test_empty_text_matches_absent_or_empty_label(play: Play) -> None:
    play.put('rows{disk="sda"} 7\n')
    play.put("rows 8\n", instance="db1")

    assert play.assert_exposed("rows", disk="").value == 8
    assert play.assert_exposed("rows", instance="").value == 7
    assert failure(play.assert_not_exposed, "rows", disk="")
    assert play.assert_not_exposed("rows", disk="", instance="")
    assert failure(play.assert_exposed, "rows", 8, disk=mock.ANY)


@pytest.mark.parametrize("word", ["name", "value", "labels", "grouping_key", "timeout", "after", "count"])
def test_words_that_are_never_labels(pushgateway: Pushgateway, word: str) -> None:
    pushed(pushgateway)
    for method in (pushgateway.assert_exposed, pushgateway.assert_not_exposed, pushgateway.value):
        with pytest.raises(TypeError, match="labels"):
            method("backup_bytes", **{word: "backup"})  # type: ignore[arg-type]
    exact: Any
    for exact in (pushgateway.group, pushgateway.assert_deleted, pushgateway.assert_rejected):
        with pytest.raises(TypeError, match="labels"):
            exact(**{word: "backup"})


def test_grouping_key_is_given_by_name(pushgateway: Pushgateway) -> None:
    pushed(pushgateway)
    with pytest.raises(TypeError, match=r"grouping_key= is not a label; give the labels by name, or as labels={'job'"):
        pushgateway.assert_not_exposed("backup_bytes", grouping_key={"job": "nightly"})

    assert pushgateway.group(labels={"job": "backup"}).grouping_key == {"job": "backup"}


@pytest.mark.parametrize("labels", ["disk", [("disk", "sda")], {"disk"}, 7])
def test_labels_are_a_mapping(ask: Callable[..., Any], labels: Any) -> None:
    with pytest.raises(TypeError, match="labels must be a mapping from names to values, not"):
        ask("backup_bytes", labels=labels)


@pytest.mark.parametrize(
    ("labels", "error"),
    [
        ({7: "sda"}, TypeError),
        ({b"disk": "sda"}, TypeError),
        ({"": "sda"}, ValueError),
        ({'disk="sda"': ""}, ValueError),
        ({" disk": "sda"}, ValueError),
        ({"__name__": "backup_bytes"}, ValueError),
    ],
)
def test_invalid_label_names(ask: Callable[..., Any], labels: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="label"):
        ask("backup_bytes", labels=labels)


# What proves nothing


def test_label_never_seen_on_series_of_name(play: Play) -> None:
    play.put(BACKUP)

    assert failure(play.assert_not_exposed, "backup_bytes", jobs="nightly") == [
        'expected backup_bytes{jobs="nightly"} not to be exposed, '
        "but no series of that name ever had a label jobs: this proves nothing",
        "Labels alike: job",
        "If no series may have the label, use jobs=unittest.mock.ANY.",
    ]
    assert failure(play.assert_not_pushed, "backup_bytes", labels={"Disk": "sdb"})[0].endswith("this proves nothing")
    assert failure(play.assert_not_exposed, jobs="x")[0] == (
        'expected any sample{jobs="x"} not to be exposed, but no series ever had a label jobs: this proves nothing'
    )
    assert failure(play.assert_not_pushed, jobs="nightly")
    assert failure(play.assert_not_exposed, "backup_bytes", le=1)
    for label in (mock.ANY, re.compile(".*"), re.compile(".+"), ""):
        assert play.assert_not_exposed("backup_bytes", 8, jobs=label)


def test_label_seen_before_counts_as_proof(play: Play) -> None:
    play.put('backup_bytes{part="1"} 7\n')
    play.put("backup_bytes 7\n")
    play.assert_not_exposed("backup_bytes", part="1")

    play.put('backup_bytes{whole="no"} 7 1700000000000\n')
    play.assert_not_exposed("backup_bytes", whole="no")


def test_instance_is_label_of_every_series(play: Play) -> None:
    play.put("backup_bytes 7\n")
    play.delete()

    assert play.assert_not_exposed("backup_bytes", instance="db1")
    assert play.assert_not_pushed("backup_bytes", instance="db1")


def test_unseen_name_allows_any_label(play: Play) -> None:
    play.put('backup_files{disk="sda"} 7 1700000000000\n')

    assert play.assert_not_exposed("backup_files", jobs="nightly")
    assert play.assert_not_exposed(jobs="nightly")
    play.put("")
    assert play.assert_not_pushed(job="nightly")
    assert failure(play.assert_not_pushed, jobs="nightly")


def test_dropped_pushes_allow_any_label() -> None:
    play = Play(journal_limit=1)
    play.put('backup_bytes{disk="sda"} 7\n')
    play.put("backup_bytes 7\n")

    assert play.assert_not_exposed("backup_bytes", disk="sda")


def test_counter_without_its_suffix(play: Play) -> None:
    play.put(BACKUP)

    assert failure(play.assert_not_exposed, "backup_errors") == [
        "expected backup_errors not to be exposed, but the counter is called backup_errors_total: this proves nothing",
        "Ask for backup_errors_total; if it is backup_errors that must not be there, look for it among the names of "
        "gateway.families and of each push's families.",
    ]
    play.delete()
    assert failure(play.assert_not_exposed, "backup_errors", job="backup")
    assert failure(play.assert_not_pushed, "backup_errors", 1)
    assert play.assert_not_exposed("backup_errors_total")
    assert play.assert_not_exposed("backup_bytes_total")


def test_gauge_named_like_a_counter_is_another_metric(play: Play) -> None:
    play.put("# TYPE rows_total gauge\nrows_total 7\nfiles 1\n# TYPE files_total counter\nfiles_total 2\n")

    assert play.assert_not_exposed("rows")
    assert play.assert_not_exposed("files", 2)


def test_summary_has_no_value(play: Play) -> None:
    play.put(BACKUP)

    assert failure(play.assert_not_exposed, "backup_seconds", 4) == [
        "expected backup_seconds 4 not to be exposed, but a summary has no value itself: this proves nothing",
        "Ask for backup_seconds_sum or backup_seconds_count, or leave out the value.",
    ]


# Rejections and deletions


@pytest.mark.parametrize(
    ("given", "error", "hint"),
    [
        ({"match": b"type"}, TypeError, "match must be a regular expression for text"),
        ({"match": 400}, TypeError, "match must be a regular expression for text"),
        ({"match": ""}, ValueError, "match must not be empty"),
        ({"match": "rows{"}, ValueError, None),
        ({"match": "[a"}, ValueError, "re.escape"),
        ({"status": "400"}, TypeError, "status must be a number such as 400"),
        ({"status": True}, TypeError, "status must be a number such as 400"),
        ({"status": 4}, ValueError, "status must have three digits"),
        ({"method": "put"}, ValueError, "method must be 'PUT', 'POST' or 'DELETE'"),
        ({"job": None}, TypeError, "label job must be text"),
    ],
)
def test_invalid_status_of_a_rejection(
    pushgateway: Pushgateway, given: Any, error: type[Exception], hint: str | None
) -> None:
    send(pushgateway, "rows x\n")
    if hint is None:
        assert failure(pushgateway.assert_rejected, **given)
    else:
        with pytest.raises(error, match=re.escape(hint)):
            pushgateway.assert_rejected(**given)
    assert isinstance(pushgateway.assert_rejected(job=re.compile("back.*")), Push)


@pytest.mark.parametrize("key", [{"job": None}, {"job": ["backup"]}, {"grouping_key": {"job": "backup"}}, {}])
def test_invalid_grouping_keys(pushgateway: Pushgateway, key: Any) -> None:
    send(pushgateway)
    send(pushgateway, method="DELETE")
    with pytest.raises(TypeError):
        pushgateway.assert_deleted(**key)
    with pytest.raises(TypeError):
        pushgateway.group(**key)

    assert pushgateway.assert_deleted(job=Disk("backup")).job == "backup"


def test_existing_group_is_not_deleted(pushgateway: Pushgateway) -> None:
    send(pushgateway)
    send(pushgateway, method="DELETE")
    send(pushgateway)

    assert failure(pushgateway.assert_deleted, job="backup")[0] == (
        'expected the group job="backup" to be deleted, but after delete 1 (DELETE job="backup") '
        'push 2 (PUT job="backup") made it again'
    )


def test_assertions_return_their_matches(pushgateway: Pushgateway) -> None:
    from prometheus_client.samples import Sample

    send(pushgateway, BACKUP)
    sample = pushgateway.assert_exposed("backup_bytes")

    assert sample == Sample("backup_bytes", {"disk": "sda", "instance": "", "job": "backup"}, 7.0)
    assert isinstance(sample, Sample)
    assert pushgateway.assert_not_exposed("backup_files") is True
    assert pushgateway.assert_not_pushed("backup_files") is True
    assert pushgateway.assert_no_rejections() is True


# Calls


def calls(gateway: Pushgateway) -> dict[str, Callable[[], object]]:
    wrong: Any = gateway
    return {
        "assert_exposed() takes from 2 to 3 positional arguments but 4 were given; labels are given by name": (
            lambda: wrong.assert_exposed("rows", 7, "sda")
        ),
        "assert_not_exposed() takes from 1 to 3 positional arguments but 4 were given; labels are": (
            lambda: wrong.assert_not_exposed("rows", 7, None)
        ),
        "wait_for_push() takes from 1 to 3 positional arguments but 4 were given; labels are given": (
            lambda: wrong.wait_for_push("rows", 7, 5)
        ),
        "value() takes 2 positional arguments but 3 were given; labels are": lambda: wrong.value("rows", 7),
        "pushed_values() takes 2 positional arguments but 3 were given; labels are given by name": (
            lambda: wrong.pushed_values("rows", "sda")
        ),
        'group() takes 1 positional argument but 2 were given; labels are given by name, such as job="backup"': (
            lambda: wrong.group("backup")
        ),
        "assert_deleted() takes 1 positional argument but 2 were given; labels are given by name": (
            lambda: wrong.assert_deleted({"job": "backup"})
        ),
        "assert_rejected() takes from 1 to 2 positional arguments but 3 were given; labels are": (
            lambda: wrong.assert_rejected("type", 400)
        ),
        "match must be a regular expression for text, not 400; did you mean status=400?": (
            lambda: wrong.assert_rejected(400)
        ),
        "Pushgateway() takes options by name, such as port=9091, not 9091": lambda: type(wrong)(9091),
        "accept must be text such as 'text/plain', not 7": lambda: wrong.scrape(7),
        "the value of rows must be a number, not '7'": lambda: wrong.push({"rows": "7"}, job="backup"),
        "a series must be text such as": lambda: wrong.push({b"rows": 7}, job="backup"),
        "label job must be text, not None": lambda: wrong.push("rows 7\n", job=None),
        "label job must be text, not b'backup'": lambda: wrong.push("rows 7\n", job=b"backup"),
        "label instance must be text, not None": lambda: wrong.push("rows 7\n", "backup", {"instance": None}),
        "grouping_key must be a mapping from names to values": lambda: wrong.push("rows 7\n", "backup", "db1"),
        "a label's name must be a string, not 7": lambda: wrong.push("rows 7\n", "backup", {7: "db1"}),
    }


@pytest.mark.parametrize("hint", list(calls(mock.Mock())))
def test_calls_that_are_mistaken(pushgateway: Pushgateway, hint: str) -> None:
    with pytest.raises(TypeError, match=re.escape(hint)):
        calls(pushgateway)[hint]()


def test_job_given_twice(pushgateway: Pushgateway) -> None:
    with pytest.raises(ValueError, match="the job is given twice, as job= and in grouping_key="):
        pushgateway.push("rows 7\n", "backup", {"job": "other"})
    with pytest.raises(ValueError, match=r"push\(\) needs PUT or POST, not None"):
        pushgateway.push("rows 7\n", "backup", method=None)  # type: ignore[arg-type]


def test_mapping_keys_may_be_any_labels(pushgateway: Pushgateway) -> None:
    pushgateway.push({"rows": 7}, job="backup", grouping_key={"shard": 3, "disk": Disk("sda")})

    assert pushgateway.group(job="backup", shard=3, disk="sda").value("rows") == 7


def test_misspelt_assertion_gets_a_suggestion(pushgateway: Pushgateway) -> None:
    wrong: Any = pushgateway
    with pytest.raises(AttributeError, match="no attribute 'assert_expoesd'; did you mean 'assert_exposed'"):
        wrong.assert_expoesd("rows")
    with pytest.raises(AttributeError, match=r"'Pushgateway' object has no attribute 'zzz'$"):
        wrong.zzz  # noqa: B018
    assert not hasattr(wrong, "called_with")


def test_empty_registry_is_shown(pushgateway: Pushgateway) -> None:
    send(pushgateway, "")

    shown = ["Pushes that carried no metrics:", '  push 1 (PUT job="backup"), answered 200']
    for assertion in (pushgateway.assert_exposed, pushgateway.assert_pushed):
        lines = failure(assertion, "rows", 7)
        assert lines[1:3] == shown
        assert lines[3] == "Is the metric in the registry that was pushed?"


@pytest.mark.parametrize(
    ("held", "hint"),
    [
        ("families", "compare family.name with 'rows'"),
        ("groups", r"compare group.grouping_key\['job'\] with 'rows'"),
        ("pushes", "compare request.job or request.path with 'rows'"),
        ("requests", "compare request.job or request.path with 'rows'"),
    ],
)
def test_held_metrics_are_not_text(pushgateway: Pushgateway, held: str, hint: str) -> None:
    send(pushgateway)
    with pytest.raises(TypeError, match=hint):
        assert "rows" not in getattr(pushgateway, held)
    assert getattr(pushgateway, held) == getattr(pushgateway, held)
    assert getattr(pushgateway, held)[0] != 7
