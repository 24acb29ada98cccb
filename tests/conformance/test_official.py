"""Ours answers 420 requests as the official release did, or docs/deviations.md has the reason why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from pytest_pushgateway import Settings
from pytest_pushgateway.gateway.gateway import Gateway
from tests.conformance import official

RECORDS = official.load()
DEVIATIONS = Path(__file__).parents[2] / "docs" / "deviations.md"


@pytest.fixture(scope="module")
def gateways() -> Iterator[Callable[[str], Gateway]]:
    """Gateways with the admin API, by route prefix."""
    with ExitStack() as running:

        @cache
        def start(prefix: str) -> Gateway:
            gateway = Gateway(Settings(enable_admin_api=True, route_prefix=prefix))
            gateway.start()
            running.callback(gateway.stop)
            return gateway

        yield start


@pytest.mark.parametrize("record", RECORDS, ids=[record.id for record in RECORDS])
def test_release_answers_as_ours(record: official.Recorded, gateways: Callable[[str], Gateway]) -> None:
    answer, scrape = official.play(record, gateways(record.prefix))
    same = official.equal(answer, record.answer) and official.equal(scrape, record.scrape_after)
    if official.documented(record):
        assert not same, "docs/deviations.md says that this differs"
    else:
        assert (answer, scrape) == (record.answer, record.scrape_after) or same


def test_every_kind_is_there() -> None:
    kinds = Counter(record.kind for record in RECORDS)
    assert kinds.total() == 420
    assert len(kinds) == 23


@pytest.mark.parametrize("words", official.DOCUMENTED)
def test_every_difference_has_its_row(words: str) -> None:
    rows = [line for line in DEVIATIONS.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert [row for row in rows if words in row.split(" | ")[0]]
