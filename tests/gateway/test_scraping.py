"""The answer to a scrape: merged families in Go's order, in each of the formats."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_pushgateway.exposition.labels import render_prefix, sort_key
from pytest_pushgateway.exposition.model import MetricFamily
from pytest_pushgateway.exposition.negotiation import (
    PROTOBUF_COMPACT_TEXT,
    PROTOBUF_DELIMITED,
    PROTOBUF_TEXT,
    TEXT,
    Format,
)
from pytest_pushgateway.exposition.protobuf import reader as protobuf
from pytest_pushgateway.exposition.protobuf import text as protobuf_text
from pytest_pushgateway.exposition.protobuf import writer as protobuf_writer
from pytest_pushgateway.exposition.text.writer import render_text
from pytest_pushgateway.gateway.store.index import Series
from pytest_pushgateway.gateway.store.rendered_blocks import Blocks, in_order, place
from tests.gateway.held import Held, key
from tests.systems import needs_proc


def test_families_are_sorted_by_name_and_series_by_values() -> None:
    gateway = Held()
    gateway.put(":c 1\nZb 1\n_x 1\na 1\naB 1\na_b 1\nab 1\na1 1\n", job="j")
    lines = [line for line in gateway.exposed().splitlines() if line.startswith("# TYPE")]
    assert [line.split()[2] for line in lines] == [":c", "Zb", "_x", "a", "a1", "aB", "a_b", "ab"]

    gateway.put('a{l="b"} 1\na{z="a"} 2\na{l="a"} 3\na{l="a",m="0"} 4\na 5\n', job="j")
    assert gateway.exposed().splitlines()[1:] == [
        'a{instance="",job="j"} 5',
        'a{instance="",job="j",z="a"} 2',
        'a{instance="",job="j",l="a"} 3',
        'a{instance="",job="j",l="b"} 1',
        'a{instance="",job="j",l="a",m="0"} 4',
    ]


def test_series_with_equal_values_keep_their_order() -> None:
    gateway = Held()
    gateway.put('a{z="1"} 1\na{x="1"} 2\na{y="1"} 3\n', job="j")
    assert [line.split()[-1] for line in gateway.exposed().splitlines()[1:]] == ["1", "2", "3"]


@needs_proc
def test_own_metrics_are_sorted_among_pushed_ones() -> None:
    gateway = Held()
    gateway.put("# TYPE process_max_fds gauge\nprocess_max_fds 1\nzz 1\naa 1\n", job="j")
    text = gateway.scrape()
    assert text.index("aa{") < text.index("process_cpu_seconds_total ") < text.index("zz{")
    first, second = [line for line in text.splitlines() if line.startswith("process_max_fds")]
    assert first.startswith("process_max_fds ")
    assert second == 'process_max_fds{instance="",job="j"} 1'
    assert text.count("# HELP process_max_fds ") == 1
    gateway.delete(job="j")
    assert "process_max_fds " in gateway.scrape()
    assert "process_max_fds{" not in gateway.scrape()


def test_first_non_empty_help_wins() -> None:
    gateway = Held()
    gateway.put("a 1\n", job="j")
    gateway.put("# HELP a One.\na 1\n", job="k")
    gateway.put("# HELP a Two.\na 1\n", job="l")
    assert gateway.exposed().startswith("# HELP a One.\n")
    gateway.put("# HELP a One.\na 2\n", job="k")
    assert gateway.exposed().startswith("# HELP a One.\n")
    gateway.delete(job="k")
    assert gateway.exposed().startswith("# HELP a Two.\n")
    gateway.delete(job="l")
    assert gateway.exposed().startswith("# TYPE a untyped\n")


def test_negative_zero_and_awkward_names() -> None:
    gateway = Held()
    group = key(job="j")
    gateway.put('a 0\nb -0\nc{x="-0\\n -0"} 1\n', job="j")
    assert [line.split(" ", 1)[1] for line in gateway.exposed().splitlines() if line[0] in "ab"] == ["0", "0"]
    assert '\nc{instance="",job="j",x="-0\\n -0"} 1\n' in gateway.exposed()
    family = MetricFamily(b"a.b", 1, b"", [(render_prefix(b"a.b", ((b"c.d", b","), (b"job", b"j"))), b"1")])
    parsed = gateway.parse("", group)
    parsed.families[b"a.b"] = family
    gateway.store.push(group, parsed, replace=True)
    assert 'a_b{c_d=",",job="j"} 1' in gateway.scrape()
    assert '{"a.b","c.d"=",",job="j"} 1' in gateway.scrape(Format(TEXT, "allow-utf-8"))
    assert 'U__a_2e_b{U__c_2e_d=",",job="j"} 1' in gateway.scrape(Format(TEXT, "values"))


def test_family_of_inexpressible_type_ends_body() -> None:
    gateway = Held()
    gateway.put("a 1\nz 1\n", job="j")
    group = key(job="k")
    gateway.store.push(group, protobuf.parse(b"\x05\x0a\x01m\x18\x09", dict(group)), replace=True)
    assert "\nz{" in gateway.scrape()  # it has no series
    body = b"\x12\x0a\x01m\x18\x09\x22\x0b\x12\x09\x09" + bytes(8)
    gateway.store.push(group, protobuf.parse(body, dict(group)), replace=True)
    for _ in range(2):
        assert gateway.scrape() == '# TYPE a untyped\na{instance="",job="j"} 1\n# TYPE m'
    assert b"\x0a\x01z" in b"".join(gateway.store.gather(Format(PROTOBUF_DELIMITED)))


def test_inexpressible_series_ends_body() -> None:
    gateway = Held()
    group = key(job="j")
    gauge, counter = b"\x12\x09\x09" + bytes(8), b"\x1a\x09\x09" + bytes(8)
    series = b"".join(
        b"\x22\x13\x0a\x06\x0a\x01x\x12\x01" + bytes([letter]) + value
        for letter, value in ((0x61, b"\x3a\x09\x11" + bytes(8)), (0x62, counter), (0x63, gauge))
    )
    body = b"\x0a\x01m\x18\x05" + series
    gateway.store.push(group, protobuf.parse(bytes([len(body)]) + body, dict(group)), replace=True)
    for _ in range(2):
        text = gateway.scrape()
        assert text.startswith("# TYPE m histogram\nm_bucket{")
        assert text.endswith('m_count{instance="",job="j",x="a"} 0\n')


@pytest.mark.parametrize("form", [PROTOBUF_DELIMITED, PROTOBUF_TEXT, PROTOBUF_COMPACT_TEXT])
def test_protobuf_is_written_as_by_whole_family_writer(form: str) -> None:
    gateway = Held()
    gateway.put(
        '# HELP a Help.\n# TYPE a gauge\na{x="2"} 1\na 2\n# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 2\ns_count 3\n'
        '# TYPE h histogram\nh_bucket{le="1"} 2\nh_count 2\n',
        job="j",
    )
    group = gateway.group(job="j")
    assert group is not None
    whole = b"".join(gateway.store.gather(Format(form)))
    for name in (b"a", b"s", b"h"):
        family = group.families[name].family
        family = MetricFamily(family.name, family.type, family.help, sorted(family.series, key=place))
        if form == PROTOBUF_DELIMITED:
            assert protobuf_writer.render_family(family) in whole
        else:
            assert protobuf_text.render_family_text(family, compact=form == PROTOBUF_COMPACT_TEXT) in whole


def test_own_counters_have_created_timestamp_in_protobuf() -> None:
    gateway = Held()
    gateway.own.observe_request("push", 200, "PUT")
    gateway.own.observe_push("PUT", 0.5, 77)
    text = gateway.scrape(Format(PROTOBUF_COMPACT_TEXT))
    created = "created_timestamp:{seconds:1700000000  nanos:0}"
    assert f"counter:{{value:1  {created}}}" in text
    assert f"quantile:{{quantile:0.9  value:77}}  {created}}}" in text


def test_scraping_does_not_wait_for_a_push_and_shows_one_state() -> None:
    gateway = Held()
    gateway.put("a 1\nb 1\n", job="j")
    pieces = gateway.store.gather(Format())
    gateway.put("a 2\nb 2\n", job="j")
    text = b"".join(pieces).decode()
    assert 'a{instance="",job="j"} 1\n' in text
    assert 'b{instance="",job="j"} 1\n' in text


def test_failed_scrape_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Held()
    gateway.put("a 1\n", job="j")
    gateway.scrape()
    gateway.put("b 1\n", job="j")

    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(Blocks, "__init__", fail)
        with pytest.raises(MemoryError):
            gateway.scrape()
    assert gateway.exposed() == '# TYPE b untyped\nb{instance="",job="j"} 1\n'


# The blocks, against sorting and rendering everything again.

VALUES = st.text(alphabet='ab!"\\\n, ÿ', max_size=3).map(str.encode)
PREFIXES = st.builds(
    lambda names, values: render_prefix(b"m", tuple(zip(sorted(names), values, strict=False))),
    st.sets(st.sampled_from([b"a", b"b", b"c"]), min_size=1),
    st.lists(VALUES, min_size=3, max_size=3),
)


@given(st.lists(st.dictionaries(PREFIXES, st.sampled_from([None, b"1", b"2"]), max_size=30), max_size=4))
@settings(deadline=None, max_examples=60)
def test_blocks_hold_inserted_series(changes: list[dict[bytes, bytes | None]]) -> None:
    blocks, expected = Blocks(()), dict[bytes, bytes]()
    for change in changes:
        blocks.update({prefix: (prefix, value) if value else None for prefix, value in change.items()})
        for prefix, value in change.items():
            if value:
                expected[prefix] = value
            else:
                expected.pop(prefix, None)
        ordered = sorted(expected, key=sort_key)
        assert [prefix for prefix, _ in blocks.series()] == ordered
        rendered = b"".join(blocks.render("text", lambda block: [b"%b %b\n" % each for each in block]))  # type: ignore[str-format]
        assert rendered == b"".join(b"%b %b\n" % (prefix, expected[prefix]) for prefix in ordered)
        assert len(blocks.series()) == len(expected)


@pytest.mark.parametrize("seed", range(10))
def test_many_series_come_and_go(seed: int) -> None:
    dice = random.Random(seed)

    def some() -> bytes:
        value = f"{dice.randint(0, 999):03}!"[: dice.randint(1, 4)].encode()
        return render_prefix(b"m", ((b"a", value), (b"b", b"x")))

    held = {prefix: (prefix, b"0") for prefix in (some() for _ in range(dice.choice([0, 100, 600])))}
    blocks = Blocks(held.values())
    for turn in range(5):
        changes: dict[bytes, Series | None] = {}
        for _ in range(200):
            prefix = some()
            changes[prefix] = None if dice.random() < 0.4 else (prefix, b"%d" % turn)
        blocks.update(changes)
        for prefix, series in changes.items():
            held.pop(prefix, None)
            if series is not None:
                held[prefix] = (prefix, b"%d" % turn)
        assert blocks.series() == sorted(held.values(), key=place)


@pytest.mark.parametrize(
    "values",
    [
        [b"a", b"a!", b"a ", b"", b"a\x00", b"a\xff", b"b", b"a\x0b", b"a\x0a", b"A"],
        [b'"', b"\\", b"a,", b",", b"a"],
    ],
)
def test_sorting_many_at_once_is_sorting_one_by_one(values: list[bytes]) -> None:
    series: list[Series] = [
        (render_prefix(b"m", ((b"a", first), (b"b", second), (b"c", b"%d" % number))), b"1")
        for first in values
        for second in values
        for number in range(5)
    ]
    random.Random(1).shuffle(series)
    assert in_order(series) == sorted(series, key=place)
    series += [(render_prefix(b"m", ((b"a", value),)), b"1") for value in values]
    assert in_order(series) == sorted(series, key=place)


def test_blocks_render_changes_once() -> None:
    blocks = Blocks((b'm{a="%04d"}' % number, b"1") for number in range(1000))
    rendered = list[int]()

    def render(block: list[Series]) -> list[bytes]:
        rendered.append(len(block))
        return [b"x" * len(block)]

    for _ in range(2):
        blocks.render("text", render)
    assert sum(rendered) == 1000
    rendered.clear()
    blocks.update({b'm{a="0500"}': (b'm{a="0500"}', b"1"), b'm{a="none"}': None})
    blocks.render("text", render)
    assert rendered == []
    blocks.update({b'm{a="0500"}': (b'm{a="0500"}', b"2")})
    blocks.render("text", render)
    assert len(rendered) == 1
    for form in ("protobuf", "values", "text"):
        rendered.clear()
        blocks.render(form, render)
        assert sum(rendered) in (0, 1000)


def test_random_families_are_written_as_by_whole_family_writer() -> None:
    gateway = Held()
    body = "".join(f'm{{x="{number * 7919 % 1000}"}} {number}\n' for number in range(1000))
    gateway.put(f"# TYPE m counter\n{body}", job="j")
    group = gateway.group(job="j")
    assert group is not None
    family = group.families[b"m"].family
    ordered = MetricFamily(family.name, family.type, family.help, sorted(family.series, key=place))
    assert gateway.exposed() == render_text([ordered]).decode()
