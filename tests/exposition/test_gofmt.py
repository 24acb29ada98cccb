from __future__ import annotations

import math

import pytest

from pytest_pushgateway.golang.duration import format_duration, parse_duration
from pytest_pushgateway.golang.strconv import (
    format_float,
    parse_float,
    parse_int,
    quote,
    quote_rune,
    to_uint64,
)
from tests.exposition.oracle import Oracle

FLOATS = [
    (b"0", b"0"),
    (b"1", b"1"),
    (b"-1", b"-1"),
    (b"0.5", b"0.5"),
    (b"123456", b"123456"),
    (b"999999.9", b"999999.9"),
    (b"1000000", b"1e+06"),
    (b"1234567.5", b"1.2345675e+06"),
    (b"9007199254740992", b"9.007199254740992e+15"),
    (b"1e20", b"1e+20"),
    (b"1e21", b"1e+21"),
    (b"1.5e300", b"1.5e+300"),
    (b"0.0001", b"0.0001"),
    (b"0.00012345", b"0.00012345"),
    (b"0.00001", b"1e-05"),
    (b"1.2345e-5", b"1.2345e-05"),
    (b"-2.5e-7", b"-2.5e-07"),
    (b"1.7976931348623157e308", b"1.7976931348623157e+308"),
    (b"5e-324", b"5e-324"),
    (b"nan", b"NaN"),
    (b"inf", b"+Inf"),
    (b"-Infinity", b"-Inf"),
]


@pytest.mark.parametrize(("token", "written"), FLOATS)
def test_floats_are_written_as_go_writes_them(token: bytes, written: bytes) -> None:
    value = parse_float(token)
    assert value is not None
    assert format_float(value) == written


def test_negative_zero_keeps_its_sign() -> None:
    assert format_float(-0.0) == b"-0"


@pytest.mark.conformance
def test_original_writes_same_floats(oracle: Oracle) -> None:
    body = b"".join(b'g{n="%04d"} %b\n' % (number, case[0]) for number, case in enumerate(FLOATS))
    assert oracle.push(body).status == 200
    written = [line.rpartition(b" ")[2] for line in oracle.pushed().splitlines() if line.startswith(b"g{")]
    assert written == [case[1] for case in FLOATS]


@pytest.mark.parametrize(
    "token",
    [
        *[b"", b" 1", b"1 ", b"x", b"1_0", b"0x10", b"0x1p-2", b"1e999", b"-1e999", b"1,5", b"1\r", b"+nan", b"infin"],
        *[b".", b"1e", b"e5", b"--1", b"1.2.3", b"\xd9\xa1", b"\xff"],
    ],
)
def test_invalid_floats(token: bytes) -> None:
    assert parse_float(token) is None


@pytest.mark.parametrize(
    ("token", "value"),
    [(b"+1", 1.0), (b".5", 0.5), (b"5.", 5.0), (b"1e-400", 0.0), (b"00012", 12.0), (b"+INF", math.inf), (b"1E3", 1e3)],
)
def test_odd_floats(token: bytes, value: float) -> None:
    assert parse_float(token) == value


@pytest.mark.parametrize(
    ("token", "value"),
    [
        (b"12", 12),
        (b"+12", 12),
        (b"-9223372036854775808", -(2**63)),
        (b"9223372036854775807", 2**63 - 1),
        (b"0000000000000000000000000000001", 1),
        (b"9223372036854775808", None),
        (b"-9223372036854775809", None),
        (b"1" * 5000, None),
        (b"1_0", None),
        (b"0x1", None),
        (b"", None),
        (b"-", None),
        (b"1.0", None),
    ],
)
def test_integers_have_64_bits(token: bytes, value: int | None) -> None:
    assert parse_int(token) == value


@pytest.mark.parametrize(
    ("value", "converted"),
    [
        (4.7, 4),
        (-0.5, 0),
        (-4.7, 2**64 - 4),
        (1.8e19, 18 * 10**18),
        (1e20, 2**63),
        (-1e20, 2**63),
        (math.nan, 2**63),
        (math.inf, 2**63),
        (-math.inf, 2**63),
    ],
)
def test_counts_are_cut_as_amd64_cuts_them(value: float, converted: int) -> None:
    assert to_uint64(value) == converted


@pytest.mark.conformance
@pytest.mark.parametrize("value", [4.7, -0.5, -4.7, 1.8e19, 1e20, -1e20, math.nan, math.inf, -math.inf])
def test_original_cuts_counts_same_way(oracle: Oracle, value: float) -> None:
    assert oracle.push(b"# TYPE s summary\ns_count %s\n" % format_float(value)).status == 200
    line = next(line for line in oracle.pushed().splitlines() if line.startswith(b"s_count"))
    assert line.rpartition(b" ")[2] == format_float(float(to_uint64(value)))


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        (b"plain", '"plain"'),
        (b'a"b\\c', '"a\\"b\\\\c"'),
        (b"\a\b\t\n\v\f\r\x00\x7f", '"\\a\\b\\t\\n\\v\\f\\r\\x00\\x7f"'),
        (b"\xff\xc3", '"\\xff\\xc3"'),
        ("é€😀".encode(), '"é€😀"'),
        ("\u00a0\u200b\ufeff\U000e0001".encode(), '"\\u00a0\\u200b\\ufeff\\U000e0001"'),
        ("\ufffd".encode(), '"\ufffd"'),
        (b"it's", '"it\'s"'),
    ],
)
def test_strings_are_quoted_as_go_quotes_them(text: bytes, quoted: str) -> None:
    assert quote(text) == quoted


def test_bytes_are_quoted_as_runes() -> None:
    assert [quote_rune(byte) for byte in b"-'\"\n\\\x00\xe9\x80"] == [
        "'-'",
        "'\\''",
        "'\"'",
        "'\\n'",
        "'\\\\'",
        "'\\x00'",
        "'é'",
        "'\\u0080'",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (300, "5m0s"),
        (1.5, "1.5s"),
        (0.02, "20ms"),
        (0.0000015, "1.5µs"),
        (1e-9, "1ns"),
        (3600, "1h0m0s"),
        (86400.25, "24h0m0.25s"),
        (-61, "-1m1s"),
    ],
)
def test_durations_are_written_and_read_as_go_does(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1h30m", 5400), ("0", 0), ("+5s", 5), (".5s", 0.5), ("1.s", 1), ("100us", 0.0001)]
)
def test_durations_may_be_written_otherwise(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'time: invalid duration ""'),
        ("-", 'time: invalid duration "-"'),
        ("5", 'time: missing unit in duration "5"'),
        ("5x", 'time: unknown unit "x" in duration "5x"'),
        ("1d", 'time: unknown unit "d" in duration "1d"'),
        (".s", 'time: invalid duration ".s"'),
        ("s", 'time: invalid duration "s"'),
        ("9999999h", 'time: invalid duration "9999999h"'),
    ],
)
def test_bad_durations_are_rejected_in_words_of_go(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="time: ") as caught:
        parse_duration(text)
    assert str(caught.value) == message
