"""Every record, played to the real Pushgateway and to ours, gets the same answers."""

from __future__ import annotations

import pytest

from pytest_pushgateway.gateway.builds import Build
from tests.conformance import sections
from tests.conformance.programs import Pairs
from tests.conformance.records import Record, Request
from tests.conformance.runner import play

SECTIONS = sections.load()
RECORDS = [
    pytest.param(record, id=f"{section}: {record.name}") for section, records in SECTIONS.items() for record in records
]


@pytest.mark.conformance
@pytest.mark.parametrize("record", RECORDS)
def test_both_programs_answer_alike(record: Record, pairs: Pairs) -> None:
    _play(record, pairs)


@pytest.mark.conformance
@pytest.mark.parametrize("record", RECORDS)
def test_both_programs_answer_alike_by_the_rules_of_go_1_25(record: Record, pairs_of_go_1_25: Pairs) -> None:
    assert pairs_of_go_1_25.build >= Build.GO_1_25
    _play(record, pairs_of_go_1_25)


def _play(record: Record, pairs: Pairs) -> None:
    last = play(record, pairs)[-1]
    if not last.equal:
        pytest.fail(f"{record.name}\n{last}", pytrace=False)


def test_records_are_many_and_have_their_own_names() -> None:
    names = [(section, record.name) for section, records in SECTIONS.items() for record in records]
    assert len(names) == len(set(names))
    requests = sum(isinstance(step, Request) for records in SECTIONS.values() for r in records for step in r.steps)
    assert requests >= 700
