"""With 60,000 series pushed, reading and failing visit only those of the name asked for."""

from __future__ import annotations

import pytest

from pytest_pushgateway import Push
from pytest_pushgateway.exposition.model import MetricFamily
from pytest_pushgateway.exposition.samples import Line, lines
from pytest_pushgateway.harness import matching, reading
from pytest_pushgateway.harness.journal.sent import as_sent
from pytest_pushgateway.harness.messages import candidates

from .messages import failure
from .play import Play

pytestmark = pytest.mark.slow

FAMILIES, SERIES = 600, 100


@pytest.fixture
def crowded(play: Play) -> Play:
    for job in ("one", "two"):
        body = "".join(
            f'metric_{family}_bytes{{part="{part}"}} {part}\n'
            for family in range(FAMILIES)
            for part in range(SERIES // 2)
        )
        play.put(body, job=job)
    return play


@pytest.fixture
def visited(monkeypatch: pytest.MonkeyPatch) -> list[MetricFamily]:
    """The families whose series were decoded."""
    seen: list[MetricFamily] = []

    def counting(family: MetricFamily) -> list[Line]:
        seen.append(family)
        return lines(family)

    for module in (matching, reading, candidates):
        monkeypatch.setattr(module, "lines", counting)
    return seen


def count(families: list[MetricFamily]) -> int:
    return sum(len(family.series) for family in families)


def test_value_lookup_visits_constant_number(crowded: Play, visited: list[MetricFamily]) -> None:
    assert crowded.value("metric_7_bytes", job="one", part=30) == 30
    assert count(visited) == SERIES
    before = crowded.store.counters.series_visited

    crowded.assert_exposed("metric_8_bytes", 30, job="two")

    assert count(visited) == 2 * SERIES
    assert crowded.store.counters.series_visited == before


def test_value_among_many_looks_at_each_once(play: Play) -> None:
    play.put("".join(f'rows{{part="{part}"}} 1\n' for part in range(FAMILIES * SERIES)))

    lines = failure(play.value, "rows")  # comparing each with each would not end

    assert lines[0] == "expected one sample rows, but 60000 match:"
    assert lines[-2:] == [
        "  ... and 59990 more samples",
        "They differ in part: give labels that only one of them has.",
    ]


def test_failing_assertion_visits_bounded_number(crowded: Play, visited: list[MetricFamily]) -> None:
    lines = failure(crowded.assert_exposed, "metric_7_bytes", 30, job="one", part=31)

    assert lines[0].endswith("but its value is 31")
    # Once for what is exposed, and once for each push that carried the name.
    assert count(visited) == 2 * SERIES
    assert {family.name for family in visited} == {b"metric_7_bytes"}


def test_assertions_on_pushes(crowded: Play, visited: list[MetricFamily]) -> None:
    lines = failure(crowded.assert_pushed, "metric_7_bytes", 30, job="one", part=31)

    assert lines[0].endswith("but its value is 31")
    assert {family.name for family in visited} == {b"metric_7_bytes"}
    # For the verdict, for the candidates, and for what became of it.
    assert count(visited) <= 3 * SERIES
    visited.clear()
    assert failure(crowded.assert_not_exposed, "metric_7_bytes", 30)
    assert failure(crowded.assert_not_pushed, "metric_7_bytes", 30)
    assert failure(crowded.assert_deleted, job="three")
    assert failure(crowded.assert_rejected)
    assert {family.name for family in visited} == {b"metric_7_bytes"}
    assert count(visited) == 2 * SERIES


def test_sample_of_another_type(crowded: Play, visited: list[MetricFamily]) -> None:
    lines = failure(crowded.value, "metric_7_bytes_sum")

    assert lines[0].endswith("but metric_7_bytes is of type untyped and has no metric_7_bytes_sum")
    assert {family.name for family in visited} == {b"metric_7_bytes"}
    # The two groups for the sample, both pushes for what became of it, one group for what there is instead.
    assert count(visited) == 5 * SERIES // 2


def test_missing_name(crowded: Play, visited: list[MetricFamily]) -> None:
    lines = failure(crowded.assert_exposed, "metric_7_byte", 30)

    assert lines[1].startswith("Similar names: metric_7_bytes")
    assert count(visited) == 0


def test_get_sample_value(crowded: Play, visited: list[MetricFamily]) -> None:
    assert crowded.get_sample_value("metric_7_bytes", {"job": "one", "part": "30"}) == 30
    assert count(visited) == SERIES


def test_bodies_are_read_again_once_for_an_overwritten_label(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Push] = []

    def counting(push: Push) -> dict[bytes, MetricFamily]:
        read.append(push)
        return as_sent(push)

    monkeypatch.setattr(candidates, "as_sent", counting)
    play.put("".join(f'rows{{part="{part}"}} 1\n' for part in range(60)), job="one")
    push = play.put("".join(f'rows{{part="{part}",job="mine"}} 1\n' for part in range(60)), job="two")

    lines = failure(play.assert_exposed, "rows", job="mine", part=70)

    assert lines[3].startswith('    its label job="mine" was overwritten by the grouping key\'s "two"; label part is ')
    assert read == [push]
