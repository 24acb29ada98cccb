"""Memory at the peak of a push, as a multiple of its decoded size: for many small families, long lines, and again.

Also the memory that its family takes on the way into the persistence file, and out of it at the next start.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_pushgateway.exposition.model import Value
from pytest_pushgateway.exposition.text import reader
from pytest_pushgateway.gateway.app.push_body import parse_push
from pytest_pushgateway.gateway.persistence.database import Database
from pytest_pushgateway.gateway.persistence.rows import LARGE as LARGE_VALUE
from pytest_pushgateway.gateway.persistence.rows import Handed, Keys, encode_row
from tests.gateway.held import Held, key
from tests.work import peak_of

pytestmark = [pytest.mark.once]

LINES = 12_000
LARGE = 1_000
"""Lines of a body that is large here."""
USUAL = 400_000
"""Bytes that a push takes whatever its size: caches, and a piece that is being read."""


def gauges(family_size: int) -> bytes:
    lines = (b'fam_%d{disk="sd%d",path="/lib/%d"} %d\n' % (n // family_size, n % 97, n, n) for n in range(LINES))
    return b"".join(lines)


def histograms() -> bytes:
    text = b""
    for number in range(LINES // 13):
        name, path = b"h%d" % (number // 10), b'path="/p%d"' % number
        text += b"# TYPE %b histogram\n" % name if number % 10 == 0 else b""
        text += b"".join(b'%b_bucket{%b,le="%d"} %d\n' % (name, path, bound, bound) for bound in range(10))
        text += b"%b_sum{%b} 9\n%b_count{%b} 9\n" % (name, path, name, path)
    return text


def summaries() -> bytes:
    text = b""
    for number in range(LINES // 5):
        name, path = b"s%d" % (number // 10), b'path="/p%d"' % number
        text += b"# TYPE %b summary\n" % name if number % 10 == 0 else b""
        text += b"".join(b'%b{%b,quantile="%b"} 1.5\n' % (name, path, rank) for rank in (b"0.5", b"0.9", b"0.99"))
        text += b"%b_sum{%b} 9\n%b_count{%b} 9\n" % (name, path, name, path)
    return text


def long_line(value: str) -> Callable[[], bytes]:
    return lambda: b'a{x="%b"} 1\n' % (value.encode() * (2_000_000 // len(value.encode())))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("most", "make"),
    [
        pytest.param(3.3, lambda: gauges(999), id="families of 999"),
        pytest.param(3.1, lambda: gauges(100), id="families of 100"),
        pytest.param(5.4, lambda: gauges(10), id="families of ten"),
        pytest.param(23.0, lambda: gauges(1), id="families of one"),
        pytest.param(4.3, histograms, id="histograms"),
        pytest.param(7.5, summaries, id="summaries"),
        pytest.param(2.3, long_line("x"), id="a long line"),
        pytest.param(2.3, long_line("\N{EURO SIGN}"), id="a long line that is not ASCII"),
        pytest.param(5.2, long_line("x" * 1000 + "\\\\"), id="a long line with escapes"),
    ],
)
def test_peak_is_a_small_multiple_of_the_decoded_size(
    most: float, make: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_LARGE", LARGE)
    gateway, group, body = Held(), key(job="j"), make()

    def pieces() -> Iterator[bytes]:
        return (body[start : start + 65536] for start in range(0, len(body), 65536))

    def push() -> None:
        parsed = parse_push(pieces(), "", dict(group), gateway.store.remembered(group), utf8_names=False)
        assert gateway.store.push(group, parsed, replace=True).accepted

    gateway.put("warm 1\n", job="warm")
    assert peak_of(push) < most * len(body) + USUAL


@pytest.mark.parametrize(
    ("replace", "other"),
    [pytest.param(True, b"", id="PUT of the same lines"), pytest.param(False, b"/new", id="POST with another line")],
)
def test_second_push_of_a_large_family_shares_the_text_of_its_lines(*, replace: bool, other: bytes) -> None:
    gateway, group, path = Held(), key(job="j"), b"/var/lib" * 20

    def body_of(most: int, added: bytes = b"") -> bytes:
        lines = (b'large{path="%b/%06d%b"} %d\n' % (path, n, added * (n == 5_500), n % most) for n in range(20_000))
        return b"".join(lines)

    def push(body: bytes) -> None:
        def before(name: bytes) -> Sequence[tuple[bytes, Value]] | None:
            return gateway.store.series(group, name)

        pieces = (body[start : start + 65536] for start in range(0, len(body), 65536))
        memo = gateway.store.remembered(group)
        parsed = parse_push(pieces, "", dict(group), memo, utf8_names=False, before=before)
        assert gateway.store.push(group, parsed, replace=replace).accepted

    push(body_of(7))
    # The numbers are longer, so that the pieces end in other lines.
    body = body_of(7_777, other)
    peak = peak_of(lambda: push(body))
    assert peak < 1.5 * len(body)
    held = gateway.group(job="j")
    assert held is not None
    assert list(held.families[b"large"].family.series) == list(gateway.parse(body, group).families[b"large"].series)


def test_small_family_is_kept_for_itself_until_another_group_has_its_name() -> None:
    gateway = Held()
    gateway.put("a 1\n", job="one")
    index = gateway.store._state.index
    assert index.sole(b"a") is not None

    gateway.put("a 2\n", job="one")
    assert index.sole(b"a") is not None

    gateway.put("a 3\n", job="two")
    assert index.sole(b"a") is None
    gateway.delete(job="two")
    assert 'a{instance="",job="one"} 2\n' in gateway.exposed()


class Watched:
    """A connection that notes what its statements keep: each has its values until it gets others."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.kept: dict[str, int] = {}
        """Bytes by statement."""
        self.largest = 0

    def execute(self, statement: str, values: Any = ()) -> Any:
        given = [self._taken(value) if isinstance(value, Handed) else value for value in values]
        self._note(statement, given)
        return self._connection.execute(statement, given)

    def executemany(self, statement: str, rows: Any) -> Any:
        def noted() -> Iterator[Any]:
            for values in rows:
                self._note(statement, values)
                yield values

        return self._connection.executemany(statement, noted())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    @staticmethod
    def _taken(handed: Handed) -> object:
        value = handed.__conform__(None)
        if hasattr(sys, "getrefcount"):
            assert sys.getrefcount(value) <= 2, "something holds the text while SQLite has its copy"
        return value

    def _note(self, statement: str, values: Any) -> None:
        self.kept[statement] = sum(len(value) for value in values if isinstance(value, bytes))
        self.largest = max(self.largest, self.kept[statement])


def large_family() -> bytes:
    return b"".join(b'a{disk="sd%d",path="/%b/%d"} %d\n' % (n, b"lib" * 30, n, n) for n in range(LINES))


def test_text_of_a_large_row_is_built_without_copies() -> None:
    gateway, group = Held(), key(job="j")
    gateway.put(large_family(), job="j")
    stored, written = gateway.store.groups()[0].families[b"a"], Keys()[group]

    size = len(encode_row(written, stored)[5])

    assert size > LARGE_VALUE
    assert peak_of(lambda: encode_row(written, stored)) < 1.3 * size + USUAL


@pytest.mark.parametrize(
    "make", [pytest.param(large_family, id="many lines"), pytest.param(long_line("x"), id="a long line")]
)
def test_no_statement_keeps_a_large_value(make: Callable[[], bytes], tmp_path: Path) -> None:
    gateway, path = Held(), tmp_path / "metrics.db"
    database = Database(path, "OFF", path)
    watched = Watched(database._connection)
    database._connection = watched  # type: ignore[assignment]
    try:
        for body in (make(), make().replace(b" 1\n", b" 2\n"), b"a 3\n", make()):
            gateway.put(body, job="j")
            (group,) = gateway.store.groups()
            database.write(0, {(group.key, b"a"): group.families[b"a"]}, whole=False, partly=False)
            assert sum(watched.kept.values()) < LARGE_VALUE
        assert watched.largest > LARGE_VALUE
    finally:
        database.close()

    again = Database(path, "OFF", path)
    again.close()
    assert not again.damaged
    assert [stored.family for _, stored in again.rows] == [group.families[b"a"].family]


@pytest.mark.slow
def test_start_takes_a_small_multiple_of_a_large_row(tmp_path: Path) -> None:
    gateway, path = Held(), tmp_path / "metrics.db"
    gateway.put(b"".join(b'a{disk="%d"} 1\n' % n for n in range(5 * LINES)), job="j")
    (group,) = gateway.store.groups()
    database = Database(path, "OFF", path)
    database.write(0, {(group.key, b"a"): group.families[b"a"]}, whole=True, partly=False)
    database.close()

    size = len(encode_row(Keys()[group.key], group.families[b"a"])[5])

    assert peak_of(lambda: Database(path, "OFF", path).close()) < 4.3 * size
