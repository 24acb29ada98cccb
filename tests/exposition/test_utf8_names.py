from __future__ import annotations

import base64

import pytest

from pytest_pushgateway.exposition.escaping import escape_name, unescape_name
from pytest_pushgateway.exposition.model import ParseError
from pytest_pushgateway.exposition.text import reader as text_reader
from tests.exposition.differential import GROUPING, disagreement, in_go_s_order
from tests.exposition.oracle import Oracle

SCHEMES = ["underscores", "dots", "values", "allow-utf-8"]

NAMES = ["a.b", "a_b.c", "1a", "a 1", "é", "a😀b", "a:b.c", "_.", "..", "a-b/c%", 'a"b', "a\\b", "a\nb", "a{}", "U__a"]

ACCEPTED = [
    b'{"a.b","c.d"="e"} 1\n',
    b'# HELP "a.b" help\n# TYPE "a.b" gauge\n{"a.b"} 1\n',
    b'"a.b" 1\n',
    b'"a.b"{c="d"} 1\n',
    b'a{"b.c"="d","e f"="g"} 1\n',
    b'{"a\\"b\\\\c\\nd"} 1\n',
    b'{"a.b"} 1\n{"a_b"} 2\n',
    b'# TYPE "s.x" summary\n{"s.x",quantile="0.5"} 1\n{"s.x_sum"} 2\n{"s.x_count"} 3\n',
    b'# TYPE "h.x" histogram\n{"h.x_bucket",le="1",l="v"} 1\n{"h.x_sum",l="v"} 2\n{"h.x_count",l="v"} 3\n',
    b'# TYPE "h.x" histogram\n"h.x_bucket"{le="1"} 1\n',
    b'a{"z"="1","job.x"="2"} 1\na{"b.c"="1"} 2\n',
    b'{"__x.y"} 1\n',
    b'{x="1","a.b",y="2"} 1\n',
    b'a 1\n{"b.c"} 2\n',
]

REFUSED = {
    b'{"a.b","c.d"} 1\n': '1: multiple metric names for metric "a.b"',
    b'{"a.b"x} 1\n': "1: unexpected end of metric name 'x'",
    b'{""} 1\n': '1: invalid label name for metric ""',
    b'{"\xff"} 1\n': '1: invalid metric name "\\xff"',
    b'# HELP "\xff" x\n': '1: invalid metric name "\\xff"',
    b'# HELP "" x\n': '1: invalid metric name ""',
    b'a{"\xff"="x"} 1\n': '1: invalid label name "\\xff"',
    b'{"a.b"="c"} 1\n': "1: invalid metric name",
    b'a{""="c"} 1\n': '1: invalid label name for metric "a"',
    b'a{"__name__"="c"} 1\n': '1: label name "__name__" is reserved',
    b'{"a.b",x="1","y.z"} 1\n': '1: multiple metric names for metric "a.b"',
    b'# TYPE "a.b" foo\n': '1: unknown metric type "foo"',
    b'{"a.b"} 1\n# TYPE "a.b" gauge\n': '2: second TYPE line for metric name "a.b", or TYPE reported after samples',
}


@pytest.mark.parametrize("body", REFUSED)
def test_bad_names_are_refused_in_the_original_s_words(body: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        text_reader.parse(body, GROUPING, utf8_names=True)
    assert str(caught.value) == f"text format parsing error in line {REFUSED[body]}"


@pytest.mark.conformance
@pytest.mark.parametrize("body", [*ACCEPTED, *REFUSED])
def test_original_gives_same_verdict(utf8_oracle: Oracle, body: bytes) -> None:
    assert disagreement(utf8_oracle, body, utf8_names=True) is None


@pytest.mark.conformance
@pytest.mark.parametrize("body", [*ACCEPTED, *REFUSED])
def test_original_without_flag_gives_same_verdict(oracle: Oracle, body: bytes) -> None:
    assert disagreement(oracle, body) is None


@pytest.mark.conformance
@pytest.mark.parametrize("body", ACCEPTED)
@pytest.mark.parametrize("escaping", SCHEMES)
def test_original_escapes_same_way(utf8_oracle: Oracle, body: bytes, escaping: str) -> None:
    assert utf8_oracle.push(body).status == 200
    exposed = utf8_oracle.pushed(f"text/plain;escaping={escaping}")
    assert exposed == in_go_s_order(text_reader.parse(body, GROUPING, utf8_names=True), escaping)


@pytest.mark.conformance
@pytest.mark.parametrize("escaping", SCHEMES)
def test_original_escapes_names_same_way(utf8_oracle: Oracle, escaping: str) -> None:
    quoted = [name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for name in NAMES]
    body = "".join(f'{{"{name}","{name}"="v"}} 1\n' for name in quoted).encode()
    assert utf8_oracle.push(body).status == 200
    exposed = utf8_oracle.pushed(f"text/plain;escaping={escaping}")
    assert exposed == in_go_s_order(text_reader.parse(body, GROUPING, utf8_names=True), escaping)


@pytest.mark.parametrize(
    ("name", "underscores", "dots", "values"),
    [
        ("plain_name", "plain_name", "plain_name", "plain_name"),
        ("a.b_c", "a_b_c", "a_dot_b__c", "U__a_2e_b__c"),
        ("1é", "__", "____", "U___31__e9_"),
        ("a😀", "a_", "a__", "U__a_1f600_"),
        ("", "", "", ""),
    ],
)
def test_names_are_escaped_by_each_scheme(name: str, underscores: str, dots: str, values: str) -> None:
    raw = name.encode()
    assert escape_name(raw, "underscores").decode() == underscores
    assert escape_name(raw, "dots").decode() == dots
    assert escape_name(raw, "values").decode() == values
    assert escape_name(raw, "allow-utf-8") == raw


def test_invalid_utf8_counts_as_replacement_characters() -> None:
    assert escape_name(b"a\xff\xfe", "underscores") == b"a__"
    assert escape_name(b"a\xff", "values") == b"U__a_fffd_"


UNESCAPED = [
    (b"U__a_2e_b", "a.b"),
    (b"U__a__b", "a_b"),
    (b"U___E9_", "é"),
    (b"U___1f600_x", "😀x"),
    (b"U__plain", "plain"),
    (b"U__", ""),
    (b"a_2e_b", "a_2e_b"),
    (b"u__a_2e_b", "u__a_2e_b"),
    (b"U__a_2e", "U__a_2e"),
    (b"U__a_", "U__a_"),
    (b"U__a_2g_b", "U__a_2g_b"),
    (b"U__a_d800_b", "U__a_d800_b"),
    (b"U__a_10ffff_b", "U__a_10ffff_b"),
    (b"U__a_fffff_b", "a\U000fffffb"),
    (b"U__a___b", "U__a___b"),
]


@pytest.mark.parametrize(("escaped", "name"), UNESCAPED)
def test_names_are_unescaped(escaped: bytes, name: str) -> None:
    assert unescape_name(escaped) == name.encode()


@pytest.mark.conformance
@pytest.mark.parametrize(("escaped", "name"), [case for case in UNESCAPED if case[1]])
def test_original_unescapes_label_names_of_paths(utf8_oracle: Oracle, escaped: bytes, name: str) -> None:
    value = base64.urlsafe_b64encode(b"v").decode()
    path = f"/metrics/job/j/{escaped.decode()}@base64/{value}"
    try:
        assert utf8_oracle.push(b"a 1\n", path).status == 200
        grouping = {**GROUPING, name.encode(): b"v"}
        exposed = utf8_oracle.pushed("text/plain;escaping=allow-utf-8")
        assert exposed == in_go_s_order(text_reader.parse(b"a 1\n", grouping, utf8_names=True), "allow-utf-8")
    finally:
        utf8_oracle.request("DELETE", path)
