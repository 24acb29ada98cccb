"""Twice the request costs twice the work, however it is cut: heads, chunks, targets and grouping keys."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from pytest_pushgateway.gateway.grouping_key import GroupingError, group_path, grouping_key
from pytest_pushgateway.gateway.http import head
from pytest_pushgateway.gateway.http.chunked import chunk_sizes
from pytest_pushgateway.gateway.http.connection import Connection
from pytest_pushgateway.gateway.http.head import Refusal
from pytest_pushgateway.gateway.http.input import BodyError, Input
from pytest_pushgateway.golang.url import BadTarget, clean, external_path, parse_target
from tests.work import Metered, assert_linear, copies_of

pytestmark = [pytest.mark.slow, pytest.mark.once]

HEADS: dict[str, Callable[[int], bytes]] = {
    "headers": lambda size: b"".join(b"X-%d: v\r\n" % number for number in range(size)),
    "one header again and again": lambda size: b"X: v\r\n" * size,
    "a long value": lambda size: b"X: " + b"v" * 50 * size + b"\r\n",
    "a folded value": lambda size: b"X: v\r\n" + b" v\r\n" * size,
    "codings": lambda size: b"Transfer-Encoding: " + b"chunked, " * size + b"chunked\r\n",
    "lengths": lambda size: b"Content-Length: 1\r\n" * size,
    "blanks": lambda size: b"X:" + b" \t" * 50 * size + b"v\r\n",
    "Connection's words": lambda size: b"Connection: " + b"close, " * size + b"\r\n",
}


@pytest.mark.parametrize("fields", HEADS)
def test_heads(fields: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        raw = b"GET / HTTP/1.1\r\nHost: x\r\n" + HEADS[fields](size) + b"\r\n"

        def action() -> None:
            head._parse_usual.cache_clear()
            with suppress(Refusal):
                head.parse_head(raw, max_headers=10**6, max_request_line=10**6)

        return action

    assert_linear(prepare, 300)


class Joined(str):
    """Text that counts the letters that are copied when it is joined to other text by ``+``."""

    copied = 0

    def __add__(self, other: str) -> Joined:
        Joined.copied += len(self) + len(other)
        return Joined(str(self) + other)

    def __radd__(self, other: str) -> Joined:
        Joined.copied += len(self) + len(other)
        return Joined(other + str(self))

    def strip(self, blanks: str | None = None, /) -> Joined:
        return Joined(str(self).strip(blanks))

    def rstrip(self, blanks: str | None = None, /) -> Joined:
        return Joined(str(self).rstrip(blanks))


def test_each_line_of_a_folded_value_is_copied_once() -> None:
    def copied(lines: int) -> int:
        before = Joined.copied
        assert head._unfold([Joined("X: a"), *[Joined(" b")] * lines]) == ["X: a" + " b" * lines]
        return Joined.copied - before

    assert copied(600) <= 2.2 * copied(300) + 200


class Dripping(Connection):
    """A connection without a socket: its client sends byte by byte."""

    def __init__(self, data: bytes) -> None:
        following = (Metered(data[at : at + 1]) for at in range(len(data)))
        self.server = Limits()  # type: ignore[assignment]
        self._input = Input(lambda: next(following, b""))


class Limits:
    """The part of a server that a connection uses while it waits for a head."""

    def __init__(self) -> None:
        self.limits: Any = self
        self.max_header_size = 10**6


def test_head_that_comes_byte_by_byte() -> None:
    def prepare(size: int) -> Callable[[], object]:
        head = b"GET / HTTP/1.1\r\n" + b"X: v\r\n" * size + b"\r\n"
        return lambda: Dripping(head)._wait_for_head()

    assert_linear(prepare, 300)
    assert copies_of(prepare(600)) <= 2.2 * copies_of(prepare(300)) + 200


CHUNKS: dict[str, Callable[[int], bytes]] = {
    "small ones": lambda size: b"1\r\nx\r\n" * size + b"0\r\n\r\n",
    "large ones": lambda size: (b"64\r\n" + b"x" * 100 + b"\r\n") * size + b"0\r\n\r\n",
    "with extensions": lambda size: b"9;a=b;c=d\r\nxxxxxxxxx\r\n" * size + b"0\r\n\r\n",
}


@pytest.mark.parametrize("piece", [1, 1000])
@pytest.mark.parametrize("chunks", CHUNKS)
def test_chunks(chunks: str, piece: int) -> None:
    def prepare(size: int) -> Callable[[], object]:
        data = CHUNKS[chunks](size)

        def action() -> int:
            following = (Metered(data[at : at + piece]) for at in range(0, len(data), piece))
            source = Input(lambda: next(following, b""))
            with suppress(BodyError):
                return sum(len(source.exactly(each)) for each in chunk_sizes(source))
            return 0

        return action

    assert_linear(prepare, 200)
    assert copies_of(prepare(400)) <= 2.2 * copies_of(prepare(200)) + 200


PATHS: dict[str, Callable[[int], bytes]] = {
    "plain": lambda size: b"/metrics/job/" + b"j" * size,
    "slashes": lambda size: b"/" * size,
    "dots": lambda size: b"/.." * size,
    "single dots": lambda size: b"/./a" * size,
    "segments": lambda size: b"/a" * size,
    "escapes": lambda size: b"/metrics/job/" + b"%41" * size,
    "bad escapes": lambda size: b"/metrics/job/" + b"%4" * size,
    "a query": lambda size: b"/metrics?" + b"a=b&" * size,
    "colons": lambda size: b"http://" + b":" * size + b"/",
    "at signs": lambda size: b"http://" + b"a@" * size + b"/",
    "brackets": lambda size: b"http://" + b"[" * size + b"]/",
    "bytes": lambda size: b"/metrics/job/" + b"\xff" * size,
}


@pytest.mark.parametrize("path", PATHS)
def test_targets(path: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        target = PATHS[path](size)

        def action() -> None:
            clean(target)
            with suppress(BadTarget):
                parse_target(target)
            with suppress(ValueError):
                external_path(target.decode("latin-1"))

        return action

    assert_linear(prepare, 2000)


LABELS: dict[str, Callable[[int], bytes]] = {
    "labels": lambda size: b"".join(b"/l%d/v" % number for number in range(size)),
    "one label again and again": lambda size: b"/l/v" * size,
    "an odd number": lambda size: b"/l/v" * size + b"/l",
    "base64": lambda size: b"/l@base64/" + b"YWFh" * size,
    "broken base64": lambda size: b"/l@base64/" + b"YW=" * size,
    "escaped names": lambda size: b"/U__" + b"_2e_" * size + b"/v",
    "underscores": lambda size: b"/U__" + b"_" * size + b"/v",
}


@pytest.mark.parametrize("utf8_names", [False, True])
@pytest.mark.parametrize("labels", LABELS)
def test_grouping_keys(labels: str, utf8_names: bool) -> None:
    def prepare(size: int) -> Callable[[], object]:
        path = LABELS[labels](size)

        def action() -> None:
            with suppress(GroupingError):
                group_path(grouping_key(b"j", path, False, utf8_names=utf8_names))

        return action

    assert_linear(prepare, 500)
