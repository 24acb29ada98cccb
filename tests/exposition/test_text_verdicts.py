from __future__ import annotations

import pytest

from pytest_pushgateway.exposition.model import ParseError
from pytest_pushgateway.exposition.text import reader as text_reader
from tests.exposition.bodies import ACCEPTED, PANICS, REFUSED
from tests.exposition.differential import GROUPING, disagreement
from tests.exposition.oracle import Oracle


@pytest.mark.parametrize("body", REFUSED)
def test_bad_body_is_rejected_in_words_of_original(body: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        text_reader.parse(body, GROUPING)
    assert str(caught.value) == f"text format parsing error in line {REFUSED[body]}"
    assert caught.value.line == int(REFUSED[body].partition(":")[0])


@pytest.mark.parametrize("body", PANICS)
def test_bodies_that_crash_the_original_are_rejected(body: bytes) -> None:
    with pytest.raises(ParseError, match="invalid metric name"):
        text_reader.parse(body, GROUPING)


@pytest.mark.conformance
@pytest.mark.parametrize("body", [*REFUSED, *ACCEPTED, *PANICS])
def test_original_gives_same_verdict(oracle: Oracle, body: bytes) -> None:
    assert disagreement(oracle, body) is None


@pytest.mark.conformance
@pytest.mark.parametrize("body", PANICS)
def test_original_crashes(oracle: Oracle, body: bytes) -> None:
    assert oracle.push(body).status == 0


@pytest.mark.conformance
@pytest.mark.parametrize("body", [*REFUSED, *ACCEPTED])
def test_original_gives_same_verdict_after_other_lines(oracle: Oracle, body: bytes) -> None:
    before = b'# TYPE t gauge\nt{u="v"} 1\nt{u="w"} 2\n\n# TYPE y summary\ny_sum{u="v"} 1\n'
    assert disagreement(oracle, before + body) is None
