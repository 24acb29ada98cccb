from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.exposition.oracle import Oracle, running_pushgateway


@pytest.fixture(scope="session")
def shared_oracle() -> Iterator[Oracle]:
    with running_pushgateway() as oracle:
        yield oracle


@pytest.fixture(scope="session")
def shared_utf8_oracle() -> Iterator[Oracle]:
    with running_pushgateway("--push.enable-utf8-names") as oracle:
        yield oracle


@pytest.fixture
def oracle(shared_oracle: Oracle) -> Iterator[Oracle]:
    """The real Pushgateway; the group that the test pushes to is deleted after it."""
    yield shared_oracle
    shared_oracle.request("DELETE", "/metrics/job/j")


@pytest.fixture
def utf8_oracle(shared_utf8_oracle: Oracle) -> Iterator[Oracle]:
    """As ``oracle``, started with ``--push.enable-utf8-names``."""
    yield shared_utf8_oracle
    shared_utf8_oracle.request("DELETE", "/metrics/job/j")
