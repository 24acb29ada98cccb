"""Memory at the peak of a push, as a multiple of its decoded size: for many small families, and for long lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pytest_pushgateway.exposition.text import reader
from pytest_pushgateway.gateway.app.push_body import parse_push
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
        pytest.param(4.3, long_line("x" * 1000 + "\\\\"), id="a long line with escapes"),
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
