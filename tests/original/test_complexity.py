"""Comparing with the original costs no more than the answers are long: doubled inputs, counted work."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from pytest_pushgateway.line_changes import changed_lines
from pytest_pushgateway.original import compare
from pytest_pushgateway.original.curl import as_curl
from tests.work import Metered, assert_linear

pytestmark = pytest.mark.once

HEAD = b"PUT /metrics/job/j HTTP/1.1\r\n"

LINES: dict[str, Callable[[int], tuple[list[str], list[str]]]] = {
    "every second one differs": lambda size: (
        [f"a {number} {number % 2}" for number in range(size)],
        [f"a {number} {number % 2 * 2}" for number in range(size)],
    ),
    "all are alike": lambda size: (["a", "b"] * size, ["b", "c", "a"] * size),
    "in another order": lambda size: (
        [f"{number}" for number in range(size)],
        [f"{-number}" for number in range(size)],
    ),
    "one is at the beginning": lambda size: ([f"{number}" for number in range(size)], ["x"] + ["y"] * size),
}


@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
def test_lines_that_differ(lines: Callable[[int], tuple[list[str], list[str]]]) -> None:
    def prepare(size: int) -> Callable[[], object]:
        before, after = lines(size)
        return lambda: changed_lines(before, after, context=1)

    assert_linear(prepare, 2000)


@pytest.mark.parametrize("size", [10, 1000])
def test_lines_that_differ_are_found_in_short_and_in_long_texts(size: int) -> None:
    before = [f"a{number} 1" for number in range(size)]
    after = [*before[:3], "a3 2", *before[4:-2], "new 1", *before[-2:]]
    found = [line for line in changed_lines(before, after, context=1) if line[0] != " "]
    assert found == ["-a3 1", "+a3 2", "+new 1"]


BODIES: dict[str, Callable[[int], bytes]] = {
    "text": lambda size: (
        b"# TYPE go_a gauge\ngo_a 1\n# HELP b c\n# TYPE b gauge\n" + b'push_time_seconds{job="j"} 1\n' * size
    ),
    "headers": lambda size: b"# HELP a b\n" * size,
    "errors": lambda size: b"9 error(s) occurred:\n" + b"\n".join(b"* error %d" % number for number in range(size)),
    "spaces": lambda size: b"proto:\xc2\xa0 a  b" * size,
    "open quotes": lambda size: b'"push_time_seconds" {' * size,
    "open values": lambda size: b'"push_time_seconds" {gauge:{value:' * size,
    "line ends": lambda size: b"9 error(s) occurred:\n" + b"\n" * size + b"x",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_bodies(body: Callable[[int], bytes]) -> None:
    def prepare(size: int) -> Callable[[], object]:
        text = body(size)
        return lambda: (compare.error(text), compare.exposition(text))

    assert_linear(prepare, 1000)


def test_documents() -> None:
    def prepare(size: int) -> Callable[[], object]:
        groups = [{"labels": {"job": f"{-number}"}, "a": {"time_stamp": "1", "metrics": []}} for number in range(size)]
        document = json.dumps({"status": "success", "data": groups})
        return lambda: compare._document(json.loads(document))

    assert_linear(prepare, 300)


@pytest.mark.parametrize("field", ["", "Transfer-Encoding: chunked\r\n"], ids=["length", "chunks"])
@pytest.mark.parametrize("unit", [b"1\r\na\r\n", b"1;x\r\n'\r\n", b"\xff"], ids=["text", "quotes", "bytes"])
def test_requests_as_commands(field: str, unit: bytes) -> None:
    def prepare(size: int) -> Callable[[], object]:
        request = HEAD + field.encode() + b"\r\n" + unit * size
        return lambda: as_curl(request)

    assert_linear(prepare, 1000)


def test_chunks_are_not_copied_again_and_again() -> None:
    from pytest_pushgateway.original.curl import _dechunked

    copied = []
    for size in (1000, 2000):
        Metered.copied = 0
        assert _dechunked(Metered(b"1\r\na\r\n" * size)) == b"a" * size
        copied.append(Metered.copied)
    assert copied[1] <= 2 * copied[0]


def test_chunks_as_they_may_be() -> None:
    for body, text in (
        (b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", "abcde"),
        (b"3\r\nab", "ab"),
        (b"3\r\nabc\r\nx\r\n", "abc"),
    ):
        assert f"'{text}'" in as_curl(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body)
