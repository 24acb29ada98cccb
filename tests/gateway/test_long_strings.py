"""A short line pushed under a long grouping key costs what the line costs: in memory, in the file and on the wire."""

from __future__ import annotations

import gzip
import http.client
import json
import sqlite3
import ssl
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import trustme

from pytest_pushgateway.exposition.negotiation import (
    PROTOBUF_COMPACT_TEXT,
    PROTOBUF_DELIMITED,
    PROTOBUF_TEXT,
    TEXT,
    Format,
)
from pytest_pushgateway.gateway.app.json_api import JsonApi
from pytest_pushgateway.gateway.gateway import Gateway
from tests import wire
from tests.gateway.held import Held
from tests.gateway.kept import Kept, ask
from tests.work import peak_of

pytestmark = pytest.mark.slow

Start = Callable[..., Gateway]

JOB = "j" * 100_000 + '"'
LINES = "".join(f'a{{x="{number}"}} 1\n' for number in range(1000))
AMPLIFIED = 1000 * len(JOB)


def test_memory_of_a_push_and_of_every_way_to_read_it() -> None:
    gateway = Held()
    api = JsonApi(gateway.store.groups, {}, {}, 0.0)

    def read() -> int:
        forms = (TEXT, PROTOBUF_DELIMITED, PROTOBUF_TEXT, PROTOBUF_COMPACT_TEXT)
        lengths = [sum(map(len, gateway.store.gather(Format(form)))) for form in forms]
        lengths.append(sum(map(len, api.respond("api/v1/metrics").blocks)))
        return min(lengths)

    def push_and_read() -> None:
        assert gateway.put(LINES, job=JOB, instance=JOB).accepted
        assert read() > 2 * AMPLIFIED

    read()
    assert peak_of(push_and_read) < AMPLIFIED / 10


def test_series_of_two_groups_still_collide() -> None:
    gateway = Held()
    assert gateway.put(f'a{{x="{JOB[:-1]}"}} 1\n', job="j").accepted
    verdict = gateway.put("a 1\n", job="j", x=JOB[:-1])
    assert (verdict.error or "").endswith("was collected before with the same name and label values")


def test_series_of_long_values_are_sorted_by_them() -> None:
    gateway = Held()
    values = [letter * 300 for letter in "bca"] + ["b" * 301, "b"]
    gateway.put("".join(f'a{{x="{value}"}} 1\n' for value in values), job="j")
    scraped = gateway.exposed().splitlines()[1:]
    assert scraped == [f'a{{instance="",job="j",x="{value}"}} 1' for value in sorted(values)]


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_sent_bytes_match_content_length(start: Start, authority: trustme.CA, tls: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    gateway = start(tls=context) if tls else start()
    connection: http.client.HTTPConnection
    if tls:
        connection = http.client.HTTPSConnection("127.0.0.1", gateway.port, context=trusting, timeout=60)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)

    def ask(method: str, path: str, body: str = "", **headers: str) -> bytes:
        connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read()

    # More than is packed at once.
    lines = LINES[: LINES.index('x="400"') - 2]
    ask("PUT", f"/metrics/job/{JOB.replace(chr(34), '%22')}", lines)
    text = ask("GET", "/metrics").decode()
    job = JOB.replace('"', '\\"')
    expected = sorted(f'a{{instance="",job="{job}",x="{number}"}} 1' for number in range(400))
    assert [line for line in text.splitlines() if line.startswith("a{")] == expected
    packed = gzip.decompress(ask("GET", "/metrics", Accept_Encoding="gzip")).decode()
    assert [line for line in packed.splitlines() if line.startswith("a{")] == expected
    (group,) = json.loads(ask("GET", "/api/v1/metrics"))["data"]
    assert group["labels"] == {"job": JOB}
    assert [metric["labels"] for metric in group["a"]["metrics"]] == [
        {"instance": "", "job": JOB, "x": str(number)} for number in range(400)
    ]
    connection.close()


def test_compressed_scrape_over_http_1_0_closes_connection(start: Start) -> None:
    gateway = start()
    wire.request(gateway.port, "PUT", f"/metrics/job/{'j' * 100_000}", LINES.encode())
    answer = wire.talk(gateway.port, b"GET /metrics HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n", patience=10)
    head, _, body = answer.raw.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in head
    assert gzip.decompress(body).count(b"\na{") == 1000
    assert answer.end == "eof"


# The file


def strings(path: Path) -> list[int]:
    """Return the lengths of the long strings in a file that no gateway has open."""
    return [length for (length,) in ask(path, "SELECT length(value) FROM strings ORDER BY 1")]


def test_file_stores_long_string_once(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    families = "".join(f'a{number}{{x="{number}"}} 1\n' for number in range(100)) + f'b{{y="{JOB[:-1]}"}} 1\n'
    with Kept(path) as gateway:
        gateway.put(families, job=JOB)
        gateway.put(families.replace("a", "c"), job="other", z=JOB[:-1])
        shown = gateway.exposed()
    assert path.stat().st_size < 1_000_000
    assert strings(path) == [len(JOB) - 1, len(JOB)]
    with Kept(path) as again:
        assert again.exposed() == shown
        assert again.log.messages == []
        again.delete(job=JOB)
    assert strings(path) == [len(JOB) - 1]
    with Kept(path) as third:
        third.delete(job="other", z=JOB[:-1])
        third.put(f'd{{x="{JOB[:300]}"}} 1\n', job="j")
    assert strings(path) == [300]
    with Kept(path) as fourth:
        fourth.put('d{x="short"} 1\n', job="j")
    assert strings(path) == []


def test_wipe_removes_long_strings(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    with Kept(path) as gateway:
        gateway.put("a 1\n", job=JOB)
        gateway.store.wipe()
        gateway.put(f'b{{x="{JOB[:-1]}"}} 1\n', job="j")
    assert strings(path) == [len(JOB) - 1]
    with Kept(path) as again:
        assert again.exposed().count(JOB[:-1]) == 1


def test_damaged_long_string_loses_only_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    with Kept(path) as gateway:
        gateway.put(f'a{{x="{JOB[:-1]}"}} 1\nb 2\n', job="j")
    change(path, "UPDATE strings SET value = CAST(value || 'x' AS BLOB)")
    with Kept(path) as again:
        assert again.exposed() == '# TYPE b untyped\nb{instance="",job="j"} 2\n'
        (line,) = again.log.lines
        assert line[:2] == ("error", "could not load a persisted family")


def test_file_with_inline_long_strings_is_migrated(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    job = JOB[:-1]
    with Kept(path) as gateway:
        gateway.put('a{x="1"} 1\nb 2\n', job=job)
        gateway.put("short 3\n", job="j")
        shown = gateway.exposed()
    ((token,),) = ask(path, "SELECT CAST(token AS TEXT) FROM strings")
    for column in ('"group"', "series"):
        text = f"replace(CAST({column} AS TEXT), '{token}', '{job}')"
        change(path, f"UPDATE families SET checksum = NULL, {column} = CAST({text} AS BLOB)")
    change(path, "DROP TABLE strings")
    change(path, "PRAGMA user_version = 2")
    with Kept(path) as again:
        assert again.exposed() == shown
        again.put("b 4\n", job=job)
        changed = again.exposed()
    assert strings(path) == [len(job)]
    assert ask(path, 'SELECT count(*) FROM families WHERE length("group") > 1000') == [(0,)]
    with Kept(path) as third:
        assert third.exposed() == changed
        assert third.log.messages == []


def change(path: Path, statement: str) -> None:
    """Change the database, as another program."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
