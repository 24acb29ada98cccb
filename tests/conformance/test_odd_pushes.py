"""Forty odd pushes through the clients that people use: the outcomes are those of the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import peers
from tests.conformance import odd_clients, odd_pushes
from tests.conformance.clienttools import NotHere, both
from tests.conformance.odd_clients import Client
from tests.conformance.programs import Pairs, Program

pytestmark = pytest.mark.conformance

PAGE = odd_pushes.PAGE.read_text(encoding="utf-8")


@pytest.fixture(params=odd_clients.KNOWN)
def name(request: pytest.FixtureRequest) -> str:
    """A client's name in the table."""
    return str(request.param)


@pytest.fixture
def client(name: str, client_cache: Path) -> Iterator[Client]:
    """The client."""
    try:
        clients = odd_clients.KNOWN[name](client_cache)
    except NotHere as problem:
        peers.missing(str(problem))
    with clients as client:
        yield client


def verdicts(client: Client, program: Program) -> list[str]:
    """Let a client push to a program."""
    return [client(f"http://127.0.0.1:{program.port}", odd) for odd in odd_pushes.PUSHES]


def test_outcomes_are_those_of_the_page(name: str, client: Client) -> None:
    seen = odd_pushes.outcomes(client)

    assert seen == odd_pushes.read(PAGE)[name], "run: python -m tests.conformance.odd_table"


def test_outcomes_are_those_of_the_original(client: Client, pairs: Pairs) -> None:
    both(pairs, lambda program: verdicts(client, program))


def test_outcomes_are_those_of_the_original_with_newer_rules(client: Client, pairs_of_go_1_25: Pairs) -> None:
    both(pairs_of_go_1_25, lambda program: verdicts(client, program))


def test_page_has_every_push_and_client() -> None:
    table = odd_pushes.read(PAGE)

    assert list(table) == ["asked for", *odd_clients.KNOWN]
    assert len(table["asked for"]) == len(odd_pushes.PUSHES) == 40
    assert odd_pushes.write(PAGE, {name: table[name] for name in odd_clients.KNOWN}) == PAGE


@pytest.mark.parametrize("name", ["client_golang", "prom-client", "curl"], indirect=True)
def test_client_that_is_not_installed_names_what_to_install(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(odd_clients, "GO_PACKAGES", tmp_path)

    with pytest.raises(NotHere, match="is not installed"):
        odd_clients.KNOWN[name](tmp_path)
