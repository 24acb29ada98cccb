"""Large families are packed: in little memory, and with the same verdicts, texts and scrapes as any others."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

import pytest

from pytest_pushgateway.exposition import series
from pytest_pushgateway.exposition.negotiation import negotiate
from pytest_pushgateway.exposition.series import PackedSeries
from pytest_pushgateway.exposition.text import again, building, reader
from pytest_pushgateway.exposition.text.again import parse_remembering
from pytest_pushgateway.gateway.app.json_api import JsonApi
from pytest_pushgateway.gateway.groups import Verdict
from pytest_pushgateway.gateway.persistence.rows import Keys, decode_row, encode_row
from pytest_pushgateway.gateway.store import index as index_of_store
from pytest_pushgateway.gateway.store import merged_families, packed_members, rendered_blocks
from pytest_pushgateway.gateway.store.self_metrics import SelfMetrics
from pytest_pushgateway.gateway.store.store import GatherError
from tests.gateway.held import Held, key
from tests.work import peak_of

MESSAGE = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily"
FORMS = ["text/plain", "text/plain;escaping=values", f"{MESSAGE};encoding=delimited", f"{MESSAGE};encoding=text"]
GROUPS: list[dict[str, str]] = [
    {"job": "a"},
    {"job": "b"},
    {"job": "a", "instance": "x"},
    {"job": "a", "zone": "y"},
    {"job": "a", "instance": "x", "zone": "y"},
]
LONG = "l" * 300


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pack families of five series, of three in large bodies, while they are read two lines at a time."""
    monkeypatch.setattr(series, "PACKED_FROM", 5)
    monkeypatch.setattr(series, "PACKED_IN_LARGE_BODIES_FROM", 3)
    monkeypatch.setattr(series, "SMALL", 4)
    monkeypatch.setattr(series, "BLOCK", 3)
    monkeypatch.setattr(series, "_SORTED_AT_ONCE", 5)
    monkeypatch.setattr(packed_members, "_SEARCHED_ONE_BY_ONE", 4)
    monkeypatch.setattr(building, "SMALL", 2)
    monkeypatch.setattr(building, "NAMED", 2)
    monkeypatch.setattr(series, "NAMED", 2)
    monkeypatch.setattr(reader, "_UNPACKED", 2)
    monkeypatch.setattr(reader, "_LARGE", 6)
    monkeypatch.setattr(reader, "_THINNED", 12)
    monkeypatch.setattr(again, "REMEMBERED_FROM", 64)
    monkeypatch.setattr(again, "_OPENING", 2)
    monkeypatch.setattr(rendered_blocks, "SIZE", 4)
    monkeypatch.setattr(merged_families, "_MANY", 1)
    # They tell of the process.
    monkeypatch.setattr(SelfMetrics, "families", lambda _: [])


def pieces(text: str, size: int = 40) -> Iterator[bytes]:
    body = text.encode()
    return (body[start : start + size] for start in range(0, len(body), size))


def push(gateway: Held, text: str, labels: dict[str, str], *, replace: bool = True, check: bool = True) -> Verdict:
    """Push as the application does: in pieces, with the store's memory of the group."""
    group = key(**labels)
    parsed = parse_remembering(pieces(text), dict(group), gateway.store.remembered(group))
    return gateway.store.push(group, parsed, replace=replace, check=check)


def a_body(randomness: random.Random) -> str:
    """Return a body of a few families with many series in common with others."""
    body = ""
    for name in randomness.sample("mn", randomness.choice([1, 1, 2])):
        if randomness.random() < 0.7:
            body += f"# TYPE {name} {randomness.choice(['gauge', 'gauge', 'gauge', 'counter'])}\n"
        if randomness.random() < 0.3:
            body += f"# HELP {name} {randomness.choice(['one', 'other'])}\n"
        own = randomness.choice(["", "", "", ',instance="x"', ',zone="y"', ',instance="x",zone="y"'])
        first = randomness.choice([0, 0, 0, 10, 12])
        count = randomness.choice([1, 4, 6, 9, 14])
        values = randomness.choice([["1"], ["1", "2.5"], ["NaN", "-0", "1e9"]])
        lines = [f'{name}{{n="{n:02}"{own}}} {randomness.choice(values)}' for n in range(first, first + count)]
        unusual = [
            lines[-1],
            *[lines[-1]] * 3,
            f'{name}{{n="{LONG}"}} 1',
            f'{name}{{n="\\\\"}} 2',
            f'{name}{{z="1"}} 3',
        ]
        unusual += [f'{{"{name}",n="braces"}} 4', f'{name}{{quantile="0.5"}} 5', f"{name} 6 1700000000000"]
        if randomness.random() < 0.25:
            lines += randomness.sample(unusual, randomness.choice([1, 2, 4]))
        if randomness.random() < 0.2:
            randomness.shuffle(lines)
        body += "".join(f"{line}\n" for line in lines)
    return body


def seen(gateway: Held) -> list[object]:
    """Return everything that can be seen from outside."""
    found: list[object] = []
    for form in FORMS:
        try:
            found.append(gateway.scrape(negotiate(form)))
        except GatherError as problem:
            found.append(str(problem))
    groups = gateway.store.groups()
    api = JsonApi(lambda: groups, {}, {}, 0.0)
    found.append([b"".join(written.pieces) for written in api.written().values()])
    found.append([(group.key, dict(group.families), group.push_time, group.push_failure_time) for group in groups])
    found.append(gateway.store.poisoned())
    rows = [encode_row(Keys()[group.key], stored) for group in groups for stored in group.families.values()]
    return [*found, rows]


def said(verdict: Verdict) -> list[object]:
    return [getattr(verdict, name) for name in Verdict.__slots__]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("seed", range(12))
def test_histories_are_those_of_a_gateway_that_packs_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    randomness = random.Random(seed)
    packing, plain = Held(), Held()

    def both(action: Callable[[Held], object]) -> tuple[object, object]:
        with monkeypatch.context() as patched:
            # The other gateway's index does not hold families as they are either.
            patched.setattr(series, "PACKED_FROM", 10**9)
            patched.setattr(series, "PACKED_IN_LARGE_BODIES_FROM", 10**9)
            patched.setattr(index_of_store, "FEW", -1)
            expected = action(plain)
        return action(packing), expected

    packed = refused = 0
    bodies = dict.fromkeys(range(len(GROUPS)), "")
    for _ in range(50):
        index = randomness.randrange(len(GROUPS))
        labels = GROUPS[index]
        if randomness.random() < 0.1:
            found, expected = both(lambda gateway, labels=labels: said(gateway.delete(**labels)))  # type: ignore[misc]
        else:
            text = bodies[index]
            if not text or randomness.random() < 0.4:
                text = a_body(randomness)
            elif randomness.random() < 0.9:
                # The same series, some with other values.
                text = re.sub(r" [\d.]+\n", lambda _: f" {randomness.choice('1112')}\n", text)
            bodies[index] = text
            replace, check = randomness.random() < 0.7, randomness.random() < 0.85
            found, expected = both(
                lambda gateway, text=text, labels=labels, replace=replace, check=check: said(  # type: ignore[misc]
                    push(gateway, text, labels, replace=replace, check=check)
                )
            )
            refused += not found[0]  # type: ignore[index]
        assert found == expected
        if randomness.random() < 0.5:
            found, expected = both(seen)
            assert found == expected
        families = [stored.family for group in packing.store.groups() for stored in group.families.values()]
        packed += sum(isinstance(family.series, PackedSeries) for family in families)
    assert packed > 5
    assert refused > 0


def body_of(size: int, value: int = 0, first: int = 0) -> Iterator[bytes]:
    for start in range(first, first + size, 1000):
        yield b"".join(
            b'large{disk="sd%d",path="/var/lib/%d"} %d\n' % (number % 997, number, number + value)
            for number in range(start, start + 1000)
        )


@pytest.mark.slow
@pytest.mark.once
def test_at_its_peak_a_push_takes_three_times_its_size() -> None:
    gateway, group = Held(), key(job="j")
    size = 50_000
    decoded = sum(map(len, body_of(size)))
    assert decoded < 50 * size

    def send(value: int, first: int = 0) -> Callable[[], None]:
        def action() -> None:
            parsed = parse_remembering(body_of(size, value, first), dict(group), gateway.store.remembered(group))
            assert gateway.store.push(group, parsed, replace=True).accepted

        return action

    gateway.put("".join(f'other{{n="{number}"}} 1\n' for number in range(1000)), job="warm")
    for push_again in (send(0), send(1), send(2), send(2, size)):
        # A piece that is being read takes its place whatever the size of the whole.
        assert peak_of(push_again) < 3 * decoded + 1_000_000
    assert 'large{disk="sd2",instance="",job="j",path="/var/lib/99702"} 99704\n' in gateway.exposed()


def test_no_more_than_what_is_pushed_is_visited_where_keys_contradict_each_other() -> None:
    gateway = Held()
    large = "".join(f'a{{n="{number}"}} 1\n' for number in range(2000))
    for number in range(10):
        gateway.put(large, job="j", instance=f"{number}")
    before = gateway.store.counters.series_visited
    assert gateway.put('a{n="1"} 1\n', job="j", instance="late").accepted
    assert gateway.store.counters.series_visited - before < 20


@pytest.mark.usefixtures("small")
def test_unchecked_replacement_that_repeats_a_packed_series_is_noticed() -> None:
    gateway = Held()
    gateway.put("".join(f'a{{instance="x",number="{number}"}} 1\n' for number in range(6)), job="a")
    for number in (9, 3):
        gateway.put(f'a{{number="{number}"}} 1\n', check=False, job="a", instance="x")

    with pytest.raises(GatherError, match=r"number.*3.*was collected before with the same name and label values"):
        gateway.scrape()


def test_collision_with_a_packed_family_leaves_it_packed() -> None:
    gateway = Held()
    gateway.put("".join(f'a{{n="{number}",instance="x"}} 1\n' for number in range(2000)), job="j")
    verdict = gateway.put('a{n="7"} 1\n', job="j", instance="x")
    assert 'collected metric "a" { label:{name:"instance"' in (verdict.error or "")
    named = gateway.store._state.index.named(b"a")
    assert named is not None
    assert len(named.owners) == 0


@pytest.mark.parametrize("size", [8000, 32_000])
def test_collision_with_a_packed_family_looks_at_few_blocks(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    looked_at = []
    is_in = series._is_in

    def look(prefix: bytes, block: bytes | list[bytes]) -> bool:
        looked_at.append(block)
        return is_in(prefix, block)

    monkeypatch.setattr(series, "_is_in", look)
    gateway = Held()
    gateway.put("".join(f'a{{n="{number}",instance="x"}} 1\n' for number in range(size)), job="j")

    verdict = gateway.put('a{n="7777"} 1\na{n="none"} 1\n', job="j", instance="x")

    assert 'collected metric "a" { label:{name:"instance"' in (verdict.error or "")
    assert 1 <= len(looked_at) <= 2 * 17


def test_row_of_a_packed_family_is_read_back_as_it_was() -> None:
    gateway = Held()
    gateway.put("".join(f'a{{n="{number}"}} {number}\n' for number in range(2500)), job="j")
    stored = gateway.store.groups()[0].families[b"a"]
    row = encode_row(Keys()[key(job="j")], stored)
    assert isinstance(stored.family.series, PackedSeries)
    assert decode_row(row, {}) == (key(job="j"), stored)
    assert stored.family.series[-1] == (b'a{instance="",job="j",n="2499"}', b"2499")
