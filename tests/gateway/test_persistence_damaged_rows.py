"""Rows that something has damaged are set aside one by one, with a line in the log; all others are served."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pytest_pushgateway.exposition.negotiation import negotiate
from tests.gateway.kept import Kept, ask

OTHER = '# TYPE b untyped\nb{instance="",job="k"} 2\n'
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
CELLS = ", ".join(f"typeof({column}), hex({column})" for column in ('"group"', "name", "pushed_at", "help", "series"))
COULD_NOT = ("error", "could not load a persisted family")

DAMAGE = {
    "type, text": "type = 'q'",
    "type, infinite": "type = 9e999",
    "type, another": "type = 0",
    "pushed_at, infinite": "pushed_at = 9e999",
    "pushed_at, text": "pushed_at = 'yesterday'",
    "pushed_at, year 10000": "pushed_at = 253402300800",
    "pushed_at, another": "pushed_at = pushed_at + 1",
    "help, number": "help = 5",
    "help, text": "help = 'text'",
    "help, gone": "help = x'00'",
    "name, number": "name = 1",
    "name, another": "name = CAST('other' AS BLOB)",
    "group, text": '"group" = \'{job="j"}\'',
    "group, nonsense": "\"group\" = x'00ff7b'",
    "group, another": '"group" = CAST(\'{job="other"}\' AS BLOB)',
    "series, number": "series = 5",
    "series, no value": "series = CAST('no value' || char(10) || 'x' AS BLOB)",
    "series, another's": "series = (SELECT series FROM families WHERE name = CAST('b' AS BLOB))",
    "series, cut": "series = substr(series, 1, length(series) - 1)",
    "series, undecodable text": "series = CAST(x'ff' AS TEXT)",
    "suspects, number": "suspects = 1.5",
    "suspects, nonsense": "suspects = x'0a0a'",
    "checksum": "checksum = 17",
    "checksum, text": "checksum = 'q'",
    "generation, text": "generation = 'q'",
    "generation, past": "generation = -1",
    "generation, ahead": "generation = 7",
}


def filled(path: Path) -> None:
    with Kept(path) as gateway:
        gateway.put('# HELP a Help.\n# TYPE a gauge\na{x="1"} 1\na{x="2"} 2\n', job="j")
        gateway.put("b 2\n", job="k")


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def asides(path: Path) -> list[str]:
    return [each.name for each in path.parent.iterdir() if "corrupt" in each.name]


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_row_is_set_aside_and_the_rest_is_served(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "metrics"
    filled(path)
    change(path, f"UPDATE families SET {damage} WHERE name = CAST('a' AS BLOB)")
    before = ask(path, f"SELECT {CELLS} FROM families ORDER BY id LIMIT 1")
    with Kept(path) as gateway:
        assert gateway.exposed() == OTHER
        assert gateway.store.gather(negotiate(PROTOBUF))
        assert gateway.log.messages == [COULD_NOT]
        assert "a" in gateway.log.lines[0][2]["err"] or "name" in damage
        # It is accepted again.
        assert gateway.put("a 3\n", job="j").accepted
    assert asides(path) == []
    assert ask(path, f"SELECT {CELLS} FROM damaged") == before
    # The next start has nothing to complain about.
    with Kept(path) as again:
        assert again.exposed() == '# TYPE a untyped\na{instance="",job="j"} 3\n' + OTHER
        assert again.log.lines == []


def test_missing_checksum_leaves_readable_rows(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    filled(path)
    change(path, "UPDATE families SET checksum = NULL", "UPDATE families SET type = 'q' WHERE name = CAST('a' AS BLOB)")
    with Kept(path) as gateway:
        assert gateway.exposed() == OTHER
        assert gateway.log.messages == [COULD_NOT]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM state",
        "UPDATE state SET generation = 'q'",
        "UPDATE state SET generation = 5",
        "UPDATE state SET generation = 0",
        "UPDATE state SET checksum = 5",
        "INSERT INTO state SELECT * FROM state",
        "UPDATE state SET generation = -9",
    ],
)
def test_damaged_number_of_the_generation_loses_nothing(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "metrics"
    gateway = Kept(path)
    gateway.put("old 1\n", job="old")
    gateway.store.wipe()
    gateway.put("b 2\n", job="k")
    gateway.persistence.crash()
    change(path, damage)
    with Kept(path) as again:
        assert again.exposed() == OTHER
        assert again.log.messages == [COULD_NOT]
        again.put("a 1\n", job="j")
    with Kept(path) as third:
        assert third.exposed() == '# TYPE a untyped\na{instance="",job="j"} 1\n' + OTHER
        assert third.log.lines == []


def test_many_damaged_rows_do_not_flood_the_log(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    with Kept(path) as gateway:
        gateway.put("".join(f"m{number} 1\n" for number in range(200)), job="j")
        gateway.put("b 2\n", job="k")
    change(path, "UPDATE families SET type = 'q' WHERE CAST(name AS TEXT) LIKE 'm%'")
    with Kept(path) as gateway:
        assert gateway.exposed() == OTHER
        assert len(gateway.log.lines) == 21
        assert gateway.log.lines[-1][2]["err"] == "180 more"
    assert ask(path, "SELECT count(*) FROM damaged") == [(200,)]


@pytest.mark.parametrize("seed", range(5))
def test_random_damage_to_cells_never_ends_a_start(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    path = tmp_path / "metrics"
    columns = ["generation", '"group"', "name", "pushed_at", "type", "help", "series", "suspects", "checksum"]
    values = [
        "1e999",
        "-1e999",
        "'text'",
        "x''",
        "x'00'",
        "x'ff0a22'",
        "0",
        "-1",
        "9223372036854775807",
        "0.5",
        "1e300",
    ]
    with Kept(path) as gateway:
        for number in range(30):
            gateway.put(f'# TYPE h{number} histogram\nh{number}_bucket{{le="1"}} 1\nm{number} 1\n', job=f"j{number}")
    expected = set(ask(path, "SELECT name FROM families"))
    for _ in range(20):
        row = dice.randint(1, 120)
        column, value = dice.choice(columns), dice.choice(values)
        change(path, f"UPDATE OR IGNORE families SET {column} = {value} WHERE id = {row}")
    with Kept(path) as gateway:
        assert gateway.scrape()
        assert all(line[:2] == COULD_NOT for line in gateway.log.lines)
        (damaged,) = ask_while_open(gateway, "SELECT count(*) FROM damaged")
        kept = sum(len(group.families) for group in gateway.store.groups())
        assert kept + damaged[0] == 120
    assert asides(path) == []
    assert expected


def ask_while_open(gateway: Kept, query: str) -> list[tuple[int]]:
    """Ask the gateway's own connection: it lets nobody else in."""
    database = gateway.persistence._database
    assert database is not None
    return database._connection.execute(query).fetchall()


@pytest.mark.parametrize("version", [0, 1, 2, -5])
def test_file_of_another_schema_version_is_read(tmp_path: Path, version: int) -> None:
    path = tmp_path / "metrics"
    filled(path)
    if version == 1:
        change(path, "ALTER TABLE families DROP COLUMN checksum", "ALTER TABLE state DROP COLUMN checksum")
    change(path, f"PRAGMA user_version = {version}")
    with Kept(path) as gateway:
        assert gateway.log.lines == []
        assert OTHER in gateway.exposed()
        gateway.delete(job="j")
    with Kept(path) as again:
        assert again.exposed() == OTHER
        assert again.log.lines == []


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM strings",
        "UPDATE strings SET value = CAST('another' AS BLOB)",
        "UPDATE strings SET value = 5",
        "UPDATE strings SET value = 'text'",
        "UPDATE strings SET generation = 'q'",
        "UPDATE strings SET generation = -1",
    ],
)
def test_row_without_its_long_string_is_set_aside(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "metrics"
    with Kept(path) as gateway:
        gateway.put(f'a{{x="{"X" * 300}"}} 1\n', job="j")
        gateway.put("b 2\n", job="k")
    change(path, damage)
    with Kept(path) as gateway:
        assert gateway.exposed() == OTHER
        assert set(gateway.log.messages) == {COULD_NOT}
        gateway.put(f'a{{x="{"X" * 300}"}} 3\n', job="j")
        shown = gateway.exposed()
    assert asides(path) == []
    with Kept(path) as again:
        assert again.exposed() == shown
        assert again.log.lines == []


@pytest.mark.parametrize("damage", ["UPDATE strings SET token = x'00'", "UPDATE strings SET token = 'q'"])
def test_long_string_is_identified_by_content(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "metrics"
    with Kept(path) as gateway:
        gateway.put(f'a{{x="{"X" * 300}"}} 1\n', job="j")
        shown = gateway.exposed()
    change(path, damage)
    with Kept(path) as gateway:
        assert gateway.exposed() == shown
        gateway.post("b 1\n", job="j")
        gateway.put(f'c{{x="{"X" * 300}"}} 1\n', job="k")
        gateway.delete(job="j")
        shown = gateway.exposed()
    with Kept(path) as again:
        assert again.exposed() == shown
        assert again.log.lines == []
