"""Series that one push took from another: which programs are warned, and which mean what they do."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import timedelta

import pytest

from pytest_pushgateway import LostPushWarning, Pushgateway

from .application import send

Program = Callable[[Pushgateway], object]

PATH = "/metrics/job/nightly"


def put(gateway: Pushgateway, *series: str, path: str = PATH) -> None:
    """PUT series such as ``rows{table="a"} 7`` to the job nightly."""
    send(gateway, "\n".join((*series, "")), path)


def post(gateway: Pushgateway, *series: str) -> None:
    send(gateway, "\n".join((*series, "")), PATH, "POST")


def in_turn(*series: str, push: Callable[..., None] = put) -> Program:
    """Return a program that pushes each series by itself to the same group."""

    def program(gateway: Pushgateway) -> None:
        for one in series:
            push(gateway, one)

    return program


def lost(program: Program) -> list[str]:
    """Return what the gateway warns of when a program has run."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with Pushgateway() as gateway:
            program(gateway)
    assert {warning.category for warning in caught} <= {LostPushWarning}
    return [str(warning.message) for warning in caught]


def took(url: str) -> str:
    """Return a histogram of one URL."""
    buckets = [f'took_bucket{{url="{url}",le="{bound}"}} 1' for bound in ("1", "+Inf")]
    return "\n".join(["# TYPE took histogram", *buckets, f'took_count{{url="{url}"}} 1'])


# Losses


def shards_assert_that_all_were_pushed(gateway: Pushgateway) -> None:
    for shard in "123":
        put(gateway, f'rows{{shard="{shard}"}} 7')
    for shard in "123":
        gateway.assert_pushed("rows", 7, shard=shard)


def counted_at_the_end(gateway: Pushgateway) -> None:
    for step in ("extract", "load", "mail"):
        put(gateway, f'step_seconds{{step="{step}"}} 3')
    assert len(gateway.pushes) == 3
    gateway.assert_no_rejections()


def waited_for_all(gateway: Pushgateway) -> None:
    for worker in "1234":
        post(gateway, f'handled_total{{worker="{worker}"}} 5')
    gateway.wait_for_push(count=4)


def waited_for_by_asking_again(gateway: Pushgateway) -> None:
    tables = iter("ab")

    def both_are_there() -> bool:
        put(gateway, f'rows{{table="{next(tables)}"}} 7')
        return gateway.get_sample_value("rows", {"job": "nightly", "table": "b"}) == 7

    gateway.wait_until(both_are_there)


def back_and_forth(gateway: Pushgateway) -> None:
    for value in (1, 2):
        for host in "ab":
            put(gateway, f'load{{host="{host}"}} {value}')


def told_of_other_series_only(gateway: Pushgateway) -> None:
    put(gateway, 'rows{t="a"} 1', 'rows{t="b"} 1')
    put(gateway, 'rows{t="c"} 1')
    gateway.assert_not_exposed("rows", t="a")


def denied_before_it_happened(gateway: Pushgateway) -> None:
    gateway.assert_not_exposed("rows", t="a")
    put(gateway, 'rows{t="a"} 1')
    put(gateway, 'rows{t="b"} 1')


def looked_at_before_the_first(gateway: Pushgateway) -> None:
    assert gateway.groups == []
    in_turn('rows{t="a"} 1', 'rows{t="b"} 1')(gateway)


def shown_in_a_debugger(gateway: Pushgateway) -> None:
    put(gateway, 'rows{t="a"} 1')
    assert "1 push" in repr(gateway).replace("one", "1")
    put(gateway, 'rows{t="b"} 1')


LOSSES: dict[str, Program] = {
    "workers put": in_turn('done{worker="1"} 3', 'done{worker="2"} 4', 'done{worker="3"} 5'),
    "workers post": in_turn('done{worker="1"} 3', 'done{worker="2"} 4', push=post),
    "a success for each task": in_turn('success{task="a"} 1', 'success{task="b"} 1'),
    "counters": in_turn('errors_total{code="a"} 3', 'errors_total{code="b"} 4', push=post),
    "histograms": in_turn(took("/a"), took("/b"), push=post),
    "summaries": in_turn(
        '# TYPE took summary\ntook{url="/a",quantile="0.5"} 1\ntook_count{url="/a"} 1',
        '# TYPE took summary\ntook{url="/b",quantile="0.5"} 1\ntook_count{url="/b"} 1',
    ),
    "beside a metric that all share": in_turn('rows{w="1"} 5\nlast 1', 'rows{w="2"} 5\nlast 2'),
    "in two labels": in_turn('v{env="prod",at="eu"} 2', 'v{env="test",at="us"} 2'),
    "labels changed hands": in_turn('v{a="1",b="2"} 2\nv{a="2",b="1"} 2', 'v{a="1",b="1"} 2\nv{a="2",b="2"} 2'),
    "without a label before": in_turn("rows 5", 'rows{table="a"} 5'),
    "a state with a value": in_turn('finished_at{status="ok"} 1000', 'finished_at{status="failed"} 2000'),
    "two series at a time": in_turn('rows{t="a"} 1\nrows{t="b"} 1', 'rows{t="c"} 1\nrows{t="d"} 1'),
    "asserted as pushed": shards_assert_that_all_were_pushed,
    "counted": counted_at_the_end,
    "waited for": waited_for_all,
    "asked again": waited_for_by_asking_again,
    "in turn": back_and_forth,
    "one of two denied": told_of_other_series_only,
    "denied too early": denied_before_it_happened,
    "read too early": looked_at_before_the_first,
    "shown": shown_in_a_debugger,
}


@pytest.mark.parametrize("program", LOSSES.values(), ids=LOSSES)
def test_losses_are_reported(program: Program) -> None:
    assert len(lost(program)) == 1


# Programs that mean it


def asserted_in_between(gateway: Pushgateway) -> None:
    for table in "ab":
        put(gateway, f'rows{{table="{table}"}} 7')
        gateway.assert_exposed("rows", 7, table=table)


def pushed_asserted_in_between(gateway: Pushgateway) -> None:
    for table in "ab":
        put(gateway, f'rows{{table="{table}"}} 7')
        gateway.assert_pushed("rows", 7, table=table)


def read_in_between(gateway: Pushgateway) -> None:
    for commit in ("c0ffee", "decade"):
        put(gateway, f'build_seconds{{by="{commit}"}} 40')
        assert gateway.value("build_seconds") == 40


def listed_in_between(gateway: Pushgateway) -> None:
    for table in "ab":
        put(gateway, f'rows{{t="{table}"}} 5')
        assert [sample.labels["t"] for sample in gateway.samples] == [table]


def waited_for_in_between(gateway: Pushgateway) -> None:
    for step in ("queued", "running"):
        put(gateway, f'step{{at="{step}"}} 5')
        gateway.wait_for_push("step", at=step)


def waited_until_in_between(gateway: Pushgateway) -> None:
    for step in ("queued", "running"):
        put(gateway, f'step{{at="{step}"}} 5')
        gateway.wait_until(lambda: gateway.pushes)


def scraped_in_between(gateway: Pushgateway) -> None:
    for step in ("queued", "running"):
        put(gateway, f'step{{at="{step}"}} 5')
        gateway.scrape()


def scraped_by_another(gateway: Pushgateway) -> None:
    for step in ("queued", "running"):
        put(gateway, f'step{{at="{step}"}} 5')
        send(gateway, "", "/metrics", "GET")


def replayed_in_between(gateway: Pushgateway) -> None:
    for step in ("queued", "running"):
        put(gateway, f'step{{at="{step}"}} 5')
        assert gateway.timeline()


def denied_afterwards(gateway: Pushgateway) -> None:
    put(gateway, 'free{disk="sda"} 5', 'free{disk="sdb"} 5')
    put(gateway, 'free{disk="sdc"} 6')
    gateway.assert_not_exposed("free", disk="sda")
    gateway.assert_not_exposed("free", 5, disk="sdb")


def nothing_exposed_afterwards(gateway: Pushgateway) -> None:
    in_turn('rows{t="a"} 1', 'rows{t="b"} 1')(gateway)
    send(gateway, path=PATH, method="DELETE")
    gateway.assert_not_exposed()


def another_day(gateway: Pushgateway) -> None:
    gateway.clock.freeze(1_700_000_000)
    for day in ("01", "02"):
        put(gateway, f'rows{{day="{day}"}} 4')
        gateway.clock.advance(timedelta(days=1).total_seconds())


def deleted_in_between(gateway: Pushgateway) -> None:
    put(gateway, 'rows{t="a"} 5')
    send(gateway, path=PATH, method="DELETE")
    put(gateway, 'rows{t="b"} 5')


def stopped_in_between(gateway: Pushgateway) -> None:
    put(gateway, 'rows{t="a"} 5')
    gateway.stop()
    gateway.start()
    put(gateway, 'rows{t="b"} 5')


def prepared_by_the_test(gateway: Pushgateway) -> None:
    gateway.push('rows{t="a"} 5\n', job="nightly")
    put(gateway, 'rows{t="b"} 5')


def another_group(gateway: Pushgateway) -> None:
    for table in "ab":
        put(gateway, f'rows{{t="{table}"}} 5', path=f"{PATH}/of/{table}")


MEANT: dict[str, Program] = {
    "info": in_turn('app_info{version="1"} 1', 'app_info{version="2"} 1'),
    "a state": in_turn('job_state{state="running"} 1', 'job_state{state="done"} 1'),
    "a version": in_turn('deployed{version="1",commit="a"} 1', 'deployed{version="2",commit="b"} 1'),
    "the top three": in_turn('slow{q="a"} 3\nslow{q="b"} 2', 'slow{q="b"} 4\nslow{q="c"} 1'),
    "fewer than before": in_turn('rows{t="a"} 1\nrows{t="b"} 1', 'rows{t="a"} 1'),
    "more and more": in_turn('rows{t="a"} 1', 'rows{t="a"} 1\nrows{t="b"} 1'),
    "the same again": in_turn('rows{t="a"} 1', 'rows{t="a"} 2'),
    "created": in_turn('rows_created{t="a"} 1', 'rows_created{t="b"} 2'),
    "asserted": asserted_in_between,
    "asserted as pushed": pushed_asserted_in_between,
    "read": read_in_between,
    "listed": listed_in_between,
    "waited for": waited_for_in_between,
    "waited until": waited_until_in_between,
    "scraped": scraped_in_between,
    "scraped by another": scraped_by_another,
    "replayed": replayed_in_between,
    "denied": denied_afterwards,
    "all denied": nothing_exposed_afterwards,
    "another day": another_day,
    "deleted": deleted_in_between,
    "stopped": stopped_in_between,
    "prepared": prepared_by_the_test,
    "another group": another_group,
}


@pytest.mark.parametrize("program", MEANT.values(), ids=MEANT)
def test_intended_replacements_emit_no_warning(program: Program) -> None:
    assert lost(program) == []


# What it says


def test_warning_names_the_labels_and_the_way_out() -> None:
    assert lost(LOSSES["workers post"]) == [
        'push 2 (POST job="nightly") replaced done{worker="1"}, which push 1 (POST job="nightly") had brought, with '
        'done{worker="2"}: a push, POST too, replaces all series of a metric that it carries. To keep both put worker '
        "into the grouping key: grouping_key={'worker': ...}; if the loss is intended, add "
        "pushgateway.assert_not_exposed('done', labels={'worker': '1'}), or filter LostPushWarning"
    ]


def test_way_out_keeps_both() -> None:
    def program(gateway: Pushgateway) -> None:
        for worker in "12":
            put(gateway, f'done{{worker="{worker}"}} 3', path=f"{PATH}/worker/{worker}")
        gateway.assert_exposed("done", worker=1)
        gateway.assert_exposed("done", worker=2)

    assert lost(program) == []


def test_several_pushes_are_one_cause() -> None:
    [text] = lost(in_turn(*(f'rows{{table="t{number}"}} 1' for number in range(20))))
    assert 'that it carries; so did 18 more pushes, the last push 20 (PUT job="nightly"). To keep both' in text


def test_several_families_are_one_cause() -> None:
    [text] = lost(in_turn('rows{t="a"} 1\nfiles{t="a"} 1\nage{t="a"} 1', 'rows{t="b"} 1\nfiles{t="b"} 1\nage{t="b"} 1'))
    assert 'with rows{t="b"} (and all series of files, age): ' in text


def test_long_series_are_cut() -> None:
    [text] = lost(in_turn(*("\n".join(f'rows{{t="{side}{n}{"x" * 500}"}} 1' for n in range(9)) for side in "ab")))
    assert " and 7 more, which push 1" in text
    assert len(text) < 1400


def test_labels_of_all_pushes_belong_into_the_key() -> None:
    [text] = lost(in_turn('v{env="prod",at="eu"} 2', 'v{env="prod",at="us"} 2', 'v{env="test",at="eu"} 2'))
    assert "grouping_key={'at': ..., 'env': ...}" in text


# Families that a PUT leaves out


def test_families_that_a_put_removed_may_be_denied() -> None:
    def program(gateway: Pushgateway) -> None:
        put(gateway, "read 7", 'written{t="a"} 7')
        put(gateway, "errors 7")
        gateway.assert_not_exposed("read")
        gateway.assert_not_exposed("written", t="a")

    assert lost(program) == []


def test_families_of_unasserted_losses_are_reported_together() -> None:
    def program(gateway: Pushgateway) -> None:
        for _ in range(2):
            put(gateway, "read 7", "errors 0")
            put(gateway, "written 7", "errors 0")
        gateway.assert_not_exposed("errors", 1)

    assert lost(program) == [
        'push 2 (PUT job="nightly") removed read, which push 1 (PUT job="nightly") had brought, and does not carry '
        'them itself: PUT replaces the whole group; so did 2 more pushes, the last push 4 (PUT job="nightly"). To keep '
        "them use POST (pushadd_to_gateway) or another grouping key; if the loss is intended, add "
        "pushgateway.assert_not_exposed('read'), or filter LostPushWarning"
    ]


def test_losses_of_pushes_that_journal_has_dropped_are_forgotten() -> None:
    with pytest.warns(LostPushWarning) as caught, Pushgateway(journal_limit=2) as gateway:
        in_turn(*(f'rows{{worker="{name}"}} 1' for name in "abcd"))(gateway)
    (warning,) = caught

    assert 'push 4 (PUT job="nightly") replaced rows{worker="c"}, which push 3' in str(warning.message)
    assert "push 2" not in str(warning.message)
