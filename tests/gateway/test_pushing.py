"""PUT, POST and DELETE: what is in a group afterwards, and what the scrape shows of it."""

from __future__ import annotations

from tests.gateway.held import NOW, Held, key


def test_push_is_exposed_with_its_grouping_labels() -> None:
    gateway = Held()
    verdict = gateway.put('# HELP a Bytes.\n# TYPE a gauge\na{disk="sda"} 7\n', job="backup", host="db1")
    assert (verdict.accepted, verdict.error, verdict.created) == (True, None, True)
    assert gateway.exposed() == (
        '# HELP a Bytes.\n# TYPE a gauge\na{disk="sda",host="db1",instance="",job="backup"} 7\n'
    )


def test_put_replaces_the_group_and_post_the_families_of_the_same_names() -> None:
    gateway = Held()
    gateway.put('a{x="1"} 1\na{x="2"} 2\nb 3\n', job="j")
    assert gateway.post('a{x="3"} 4\n', job="j").removed == ()
    assert gateway.exposed() == (
        '# TYPE a untyped\na{instance="",job="j",x="3"} 4\n# TYPE b untyped\nb{instance="",job="j"} 3\n'
    )
    verdict = gateway.put("c 5\na 6\n", job="j")
    assert verdict.removed == (b"b",)
    assert (verdict.created, verdict.matched) == (False, True)
    assert gateway.exposed() == (
        '# TYPE a untyped\na{instance="",job="j"} 6\n# TYPE c untyped\nc{instance="",job="j"} 5\n'
    )


def test_empty_put_clears_group_and_empty_post_touches_it() -> None:
    gateway = Held()
    gateway.put("a 1\n", job="j")
    gateway.clock.now += 5
    gateway.post("", job="j")
    assert gateway.exposed() == '# TYPE a untyped\na{instance="",job="j"} 1\n'
    gateway.put("", job="j")
    assert gateway.exposed() == ""
    group = gateway.group(job="j")
    assert group is not None
    assert group.push_time == NOW + 5
    assert list(group.families) == [b"push_time_seconds", b"push_failure_time_seconds"]


def test_groups_of_different_keys_coexist() -> None:
    gateway = Held()
    gateway.put("a 1\n", job="j", instance="x")
    gateway.put("a 2\n", job="k", instance="x")
    assert gateway.put("a 3\n", job="j").accepted
    assert gateway.exposed() == (
        '# TYPE a untyped\na{instance="",job="j"} 3\na{instance="x",job="j"} 1\na{instance="x",job="k"} 2\n'
    )
    assert [group.key for group in gateway.store.groups()] == [
        key(job="j", instance="x"),
        key(job="k", instance="x"),
        key(job="j"),
    ]


def test_delete_takes_exactly_the_group_of_its_key() -> None:
    gateway = Held()
    gateway.put("a 1\n", job="j")
    assert gateway.delete(job="j", instance="").matched is False
    assert gateway.exposed() != ""
    verdict = gateway.delete(job="j")
    assert (verdict.accepted, verdict.matched) == (True, True)
    assert gateway.exposed() == ""
    assert gateway.push_times() == {}
    assert gateway.delete(job="j").accepted


def test_wipe_takes_everything() -> None:
    gateway = Held()
    assert gateway.store.wipe().matched is False
    gateway.put("a 1\n", job="j")
    gateway.put("a 1\n", job="k")
    assert gateway.store.wipe().matched is True
    assert gateway.store.groups() == []
    assert gateway.exposed() == ""
    assert gateway.put("# TYPE a gauge\na 1\n", job="j").accepted


def test_families_are_found_by_name_without_looking_at_others() -> None:
    gateway = Held()
    gateway.put("a 1\nb 2\n", job="j")
    gateway.put("a 3\n", job="k")
    before = gateway.store.counters.series_visited
    found = gateway.store.families_named(b"a")
    assert [(group, family.series) for group, family in found] == [
        (key(job="j"), [(b'a{instance="",job="j"}', b"1")]),
        (key(job="k"), [(b'a{instance="",job="k"}', b"3")]),
    ]
    assert gateway.store.families_named(b"c") == []
    assert gateway.store.counters.series_visited == before


def test_names_are_a_live_view() -> None:
    gateway = Held()
    names = gateway.store.names()
    assert len(names) == 0
    gateway.put("a 1\n", job="j")
    assert sorted(names) == [b"a", b"push_failure_time_seconds", b"push_time_seconds"]
    assert b"a" in names
    gateway.delete(job="j")
    assert b"a" not in names


def test_family_remembers_when_it_was_pushed() -> None:
    gateway = Held()
    gateway.put("a 1\nb 1\n", job="j")
    gateway.clock.now += 60
    gateway.post("b 2\n", job="j")
    group = gateway.group(job="j")
    assert group is not None
    assert {name: stored.pushed_at - NOW for name, stored in group.families.items()} == {
        b"a": 0,
        b"b": 60,
        b"push_time_seconds": 60,
        b"push_failure_time_seconds": 0,
    }


def test_snapshot_is_immutable_and_shared_until_group_changes() -> None:
    gateway = Held()
    gateway.put("a 1\n", job="j")
    before = gateway.group(job="j")
    assert gateway.store.groups() == [before]
    assert gateway.store.groups()[0] is before
    gateway.put("b 1\n", job="j")
    assert before is not None
    assert b"a" in before.families
    assert b"b" not in before.families
