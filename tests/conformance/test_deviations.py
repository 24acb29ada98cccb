"""The differences that are documented are the differences that are there."""

from __future__ import annotations

import re

import pytest

from tests.conformance import wire
from tests.conformance.programs import Pairs
from tests.conformance.protowire import (
    GAUGE,
    HISTOGRAM,
    blob,
    delimited,
    family,
    gauge,
    histogram,
    metric,
    number,
    varint,
    zigzag,
)
from tests.conformance.records import PROTOBUF, Request, api, get, put, scrape

pytestmark = pytest.mark.conformance

TYPE = {"Content-Type": PROTOBUF}


def answers(pairs: Pairs, *steps: Request, flags: str = "default") -> tuple[wire.Answer, wire.Answer]:
    """Send the steps to both programs and return the answer of each to the last."""
    last = []
    for program in pairs.standing(flags):
        program.served = True
        for step in steps:
            answer = wire.exchange(program.address, step.data, step.method)[-1]
        last.append(answer)
    original, ours = last
    return original, ours


def native(schema: int, *deltas: int, span: int) -> bytes:
    positive = blob(12, zigzag(1, 0) + number(2, span)) + blob(13, b"".join(varint(delta) for delta in deltas))
    return delimited(family("n", HISTOGRAM, metric({}, histogram(5, 9.5, zigzag(5, schema), positive))))


@pytest.mark.parametrize(
    ("push", "reason"),
    [
        (
            put("/metrics/job/a", "# TYPE a gauge\n{} 1\n"),
            b"text format parsing error in line 2: invalid metric name\n",
        ),
        (put("/metrics/job/a", varint(2**40) + b"x", TYPE), b"unexpected EOF\n"),
        (put("/metrics/job/a", varint(2**63) + b"x", TYPE), b"unexpected EOF\n"),
    ],
    ids=["empty braces", "a huge message", "a message beyond all bounds"],
)
def test_requests_that_panic_the_original_are_answered(pairs: Pairs, push: Request, reason: bytes) -> None:
    original, ours = answers(pairs, push)
    assert original.status == 0
    assert (ours.status, ours.body) == (400, reason)


@pytest.mark.parametrize("body", [native(9, 2, 1, span=2), native(1, 2, 1, span=9)], ids=["schema 9", "a long span"])
def test_api_survives_broken_native_histograms(pairs: Pairs, body: bytes) -> None:
    original, ours = answers(pairs, put("/metrics/job/a", body, TYPE), api())
    assert original.status == 0
    assert ours.status == 200


@pytest.mark.parametrize("schema", [-5, -53])
def test_api_shows_no_buckets_of_other_schemas(pairs: Pairs, schema: int) -> None:
    push = put("/metrics/job/a", native(schema, 2, 1, span=2), TYPE)
    original, ours = answers(pairs, push, api())
    assert b'"buckets":[[' in original.body
    assert b'"buckets":[]' in ours.body


def test_build_information_is_our_own(pairs: Pairs) -> None:
    original, ours = answers(pairs, scrape())
    own = re.compile(rb"(?m)^pushgateway_build_info\{.*")
    told, ours_told = own.search(original.body), own.search(ours.body)
    assert told
    assert ours_told
    assert b'goversion="go1.' in told[0]
    assert b'goversion="python3.' in ours_told[0]
    assert told[0].count(b'="') == ours_told[0].count(b'="')


def test_there_is_no_go_runtime(pairs: Pairs) -> None:
    original, ours = answers(pairs, scrape())
    assert b"\ngo_goroutines " in original.body
    assert b"\ngo_" not in ours.body


def test_own_metrics_have_the_original_s_names_types_and_help(pairs: Pairs) -> None:
    push = put("/metrics/job/a", "")
    original, ours = (
        {
            line
            for line in answer.body.splitlines()
            if line.startswith((b"# HELP ", b"# TYPE ")) and not line[7:].startswith(b"go_")
        }
        for answer in answers(pairs, push, get("/-/healthy"), scrape())
    )
    assert ours == original


def test_there_are_no_profiles(pairs: Pairs) -> None:
    original, ours = answers(pairs, get("/debug/pprof/cmdline"))
    assert (original.status, ours.status) == (200, 404)


def test_page_has_its_data_at_its_own_path(pairs: Pairs) -> None:
    original, ours = answers(pairs, get("/-/state"))
    assert (original.status, ours.status) == (404, 200)


def test_unset_fields_have_defaults_in_protobuf(pairs: Pairs) -> None:
    body = delimited(family("c", None, metric({}, blob(3, b"\x09" + bytes(8)))))
    original, ours = answers(pairs, put("/metrics/job/a", body, TYPE), scrape(PROTOBUF))
    assert b"\x0a\x01c\x22" in original.body
    assert b"\x0a\x01c\x18\x00\x22" in ours.body


def test_families_that_the_original_accepts_or_refuses_at_random_are_refused(pairs: Pairs) -> None:
    mixed = delimited(family("m", GAUGE, metric({}, blob(3, b"\x09" + bytes(8)))))
    held = delimited(family("m", GAUGE, metric({}, gauge(1))))
    empty = delimited(family("m", 0))
    _, ours = answers(pairs, put("/metrics/job/a", held, TYPE), put("/metrics/job/b", empty, TYPE))
    assert ours.status == 400
    _, ours = answers(pairs, put("/metrics/job/a", mixed, TYPE))
    assert ours.status == 400


def test_deletions_are_applied_before_they_are_answered(pairs: Pairs) -> None:
    program = pairs.standing("default").ours
    program.served = True
    for _ in range(50):
        assert program.ask("PUT", "/metrics/job/gone", b"gone 1\n").status == 200
        assert program.ask("DELETE", "/metrics/job/gone").status == 202
        assert b"gone" not in program.ask("GET", "/metrics").body
