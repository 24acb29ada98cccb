"""The text format, read as Prometheus does."""

from __future__ import annotations

import math

import pytest

from pytest_pushgateway.prometheus.scrape.promtext import ExpositionError, ScrapedSample, read


def samples(text: str | bytes, version: str = "3.5") -> list[ScrapedSample]:
    return list(read(text.encode() if isinstance(text, str) else text, prometheus_version=version))


def labels(text: str | bytes, version: str = "3.5") -> list[dict[str, str]]:
    return [dict(sample.labels) for sample in samples(text, version)]


def error(text: str | bytes) -> str:
    with pytest.raises(ExpositionError) as caught:
        samples(text)
    return str(caught.value)


def test_sample_with_and_without_labels() -> None:
    assert samples('a 1\nb{y="2",x=""} +Inf 1700000000000\n') == [
        ScrapedSample(b"a", (("__name__", "a"),), 1.0, None),
        ScrapedSample(b'b{y="2",x=""}', (("__name__", "b"), ("x", ""), ("y", "2")), math.inf, 1_700_000_000_000),
    ]


def test_last_line_needs_no_end() -> None:
    assert labels("a 1") == [{"__name__": "a"}]
    assert labels("# HELP a") == []


def test_escapes_in_values() -> None:
    assert labels('a{x="\\"\\\\\\n\\t"} 1') == [{"__name__": "a", "x": '"\\\n\\t'}]


def test_quoted_names() -> None:
    assert labels('{"a.b","c d"="1"} 1\n{"a",} 1\n') == [{"__name__": "a.b", "c d": "1"}, {"__name__": "a"}]


def test_blanks_between_everything() -> None:
    assert labels('a { x = "1" , y = "2" , } 1 5 \n\n \t\n') == [{"__name__": "a", "x": "1", "y": "2"}]


def test_blanks_before_a_name_become_part_of_it() -> None:
    assert labels(" a 1\n") == [{"__name__": " a"}]


def test_commas_between_labels_may_be_missing() -> None:
    assert labels('a{x="1"y="2"} 1') == [{"__name__": "a", "x": "1", "y": "2"}]


def test_le_and_quantile_become_floats_while_their_type_holds() -> None:
    text = '# TYPE h histogram\nh_bucket{le="1"} 1\nother{le="0.50",quantile="1"} 1\n'
    text += '# TYPE s summary\n{"s",quantile="0"} 1\n'
    assert [sample.get("le", sample.get("quantile")) for sample in labels(text)] == ["1.0", "0.5", "0.0"]
    assert [sample.get("le", sample.get("quantile")) for sample in labels(text, "2.53")] == ["1", "0.50", "0"]


@pytest.mark.parametrize(
    ("written", "stored"),
    [("1e6", "1e+06"), ("+inf", "+Inf"), ("-Inf", "-Inf"), ("nan", "NaN"), ("x", "x"), ("100", "100.0"), ("-0", "0.0")],
)
def test_bucket_bound_is_stored(written: str, stored: str) -> None:
    assert labels(f'# TYPE h histogram\nh_bucket{{le="{written}"}} 1\n')[0]["le"] == stored


def test_comments_and_help_are_passed_over() -> None:
    assert labels("# a comment\n#no blank\n# HELP\n# HELP a \\n text\n# HELPER\n# TYPE a gauge\na 1\n#\n") == [
        {"__name__": "a"}
    ]


def test_nul_at_line_start_ends_text() -> None:
    assert labels("a 1\n\0b 1\n") == [{"__name__": "a"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\n", 'expected value after metric, got "\\n" ("INVALID") while parsing: "a\\n"'),
        ("a abc\n", 'strconv.ParseFloat: parsing "abc": invalid syntax while parsing: "a abc"'),
        ("a 1e999\n", 'strconv.ParseFloat: parsing "1e999": value out of range while parsing: "a 1e999"'),
        ("a 0x1p1\n", 'unsupported character in float while parsing: "a 0x1p1"'),
        ("a 1 -5\n", 'expected timestamp or new record, got "-" ("INVALID") while parsing: "a 1 -"'),
        ("a 1 5 6\n", 'expected next entry after timestamp, got "6\\n" ("TIMESTAMP") while parsing: "a 1 5 6\\n"'),
        (
            "a 1 9223372036854775808\n",
            'strconv.ParseInt: parsing "9223372036854775808": value out of range '
            'while parsing: "a 1 9223372036854775808"',
        ),
        ('a{x="1} 1\n', 'expected label value, got "\\"1} 1\\n\\n" ("INVALID") while parsing: "a{x=\\"1} 1\\n\\n"'),
        ("a{x} 1\n", 'expected equal, got "} " ("BCLOSE") while parsing: "a{x} "'),
        ("a{1=} 1\n", 'expected label name, got "1" ("INVALID") while parsing: "a{1"'),
        ('a{"b"} 1\n', 'metric name already set while parsing: "a{\\"b\\"}"'),
        ('{x="1"} 1\n', 'metric name not set while parsing: "{x=\\"1\\"} 1"'),
        ("# TYPE a gaugehistogram\n", 'invalid metric type "gaugehistogram"'),
        ("# TYPE 1 gauge\n", 'expected metric name after TYPE, got "1" ("INVALID") while parsing: "# TYPE 1"'),
        ("-a 1\n", 'expected a valid start token, got "-" ("INVALID") while parsing: "-"'),
        (b'a{x="\xff"} 1\n', 'invalid UTF-8 label value: "\\"\\xff\\""'),
        (b"# HELP a \xff\n", 'help text "\\xff" is not a valid utf8 string'),
    ],
)
def test_bad_text_gets_the_message_of_prometheus(text: str | bytes, message: str) -> None:
    assert error(text) == message


def test_text_before_an_error_is_read() -> None:
    reader = read(b"a 1\nb 2\nc\n")
    assert [next(reader).value, next(reader).value] == [1.0, 2.0]
    with pytest.raises(ExpositionError):
        next(reader)
