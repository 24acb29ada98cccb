"""Failed requests that were meant as pushes, and the hints for their senders."""

from __future__ import annotations

import re

import pytest

from pytest_pushgateway.gateway.app import missed_routes
from pytest_pushgateway.gateway.app.missed_routes import missed_route

FORM = "application/x-www-form-urlencoded"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
RIGHT = "the path of a push is /metrics/job/JOB"


def missed(
    method: str,
    target: str,
    content_type: str = "",
    body: str = "",
    status: int = 404,
    location: str = "",
    prefix: str = "",
) -> str:
    return missed_route(method, target, content_type, body.encode(), status, location, prefix)


@pytest.mark.parametrize(
    ("method", "target", "content_type", "body"),
    [
        ("PUT", "/metrics/jobs/nightly", "", ""),
        ("POST", "/Metrics/Job/nightly", "", ""),
        ("PUT", "/metrics%2Fjob/nightly", "", ""),
        ("PUT", "http://127.0.0.1:9091/pg/metrics/job/nightly?x=1", "", ""),
        ("POST", "/metrics/job@base64/", "", ""),
        ("POST", "/nightly", "text/plain;version=0.0.4", ""),
        ("POST", "/nightly", "application/openmetrics-text", ""),
        ("POST", "/", 'application/vnd.google.protobuf; encoding=delimited; Proto="io.prometheus.client"', ""),
        ("PUT", "/nightly", FORM, "# TYPE rows gauge\nrows 7\n"),
        ("PUT", "/nightly", FORM, "\n#  HELP rows Rows.\n"),
        ("PUT", "/nightly", FORM, "rows 7"),
        ("PUT", "/nightly", FORM, 'rows{table="a} b"}7 1700000000000\n'),
        ("PUT", "/nightly", FORM, "ns:rows  +Inf\r\nother 1\r\n"),
        ("PUT", "/nightly", FORM, '{"rows.read",table="a"} 7e3\n'),
        ("POST", "/nightly", FORM, "rows NaN\n"),
        ("DELETE", "/metrics/jobs/nightly", "", ""),
        ("DELETE", "/metrics/exported_job/nightly", "", ""),
    ],
)
def test_meant_as_push_or_deletion(method: str, target: str, content_type: str, body: str) -> None:
    assert missed(method, target, content_type, body)


@pytest.mark.parametrize(
    ("method", "target", "content_type", "body"),
    [
        ("POST", "/api/v1/push", "application/x-protobuf", "\n\x02"),
        ("POST", "/v1/metrics", "application/json", '{"resourceMetrics": []}'),
        ("POST", "/api/v2/write?org=x", "text/plain; charset=utf-8", "cpu,host=a usage=0.64 1434055562000000000\n"),
        ("POST", "/write", "text/plain", "cpu usage=0.64"),
        ("POST", "/api/put", "application/json", '[{"metric": "rows", "value": 7}]'),
        ("POST", "/api/v1/query_range", FORM, "query=rows&start=1"),
        ("POST", "/graphql", "application/graphql", "{ rows }"),
        ("PUT", "/upload", "text/plain", "a report: 7 rows\n"),
        ("POST", "/login", FORM, "user=a&password=7"),
        ("PUT", "/-/reload", TEXT, "rows 7\n"),
        ("PUT", "/pg/-/quit", TEXT, "rows 7\n"),
        ("PUT", "/api/v1/admin/wipe", TEXT, "rows 7\n"),
        ("DELETE", "/api/v1/series", TEXT, "rows 7\n"),
        ("GET", "/metrics/job/nightly", TEXT, "rows 7\n"),
        ("HEAD", "/metrics/jobs/nightly", "", ""),
        ("OPTIONS", "/metrics/job/nightly", "", ""),
        ("PUT", "/metrics/jobless", "", ""),
    ],
)
def test_other_traffic_is_ignored(method: str, target: str, content_type: str, body: str) -> None:
    assert not missed(method, target, content_type, body)


def test_answered_requests_missed_nothing() -> None:
    assert not missed("PUT", "/metrics/job/nightly", status=202)


@pytest.mark.parametrize(
    ("method", "target", "prefix", "told"),
    [
        ("PUT", "/metrics/jobs/nightly", "", RIGHT),
        ("PUT", "/metrics/jobs/nightly", "/gw", "the path of a push is /gw/metrics/job/JOB"),
        ("PUT", "/pg/metrics/job/nightly", "", f"{RIGHT}: the gateway has no route prefix, so leave out '/pg'"),
        (
            "PUT",
            "/metrics/job/nightly",
            "/gw",
            "the path of a push is /gw/metrics/job/JOB: the gateway's route prefix is '/gw', not ''",
        ),
        ("PATCH", "/metrics/job/nightly", "", "a push is a PUT or a POST"),
        ("DELETE", "/metrics/jobs/nightly", "", "the path of a deletion is /metrics/job/JOB"),
        ("POST", "/metrics/job", "", RIGHT),
    ],
)
def test_next_step(method: str, target: str, prefix: str, told: str) -> None:
    assert missed(method, target, prefix=prefix) == told


def test_redirect_of_an_empty_label_value_names_the_way_to_write_it() -> None:
    location = "/metrics/job/nightly/table/disk/sda"
    assert missed("PUT", "/metrics/job/nightly/table//disk/sda", status=307, location=location) == (
        f"redirected (Location: {location}); an empty label value is written as label@base64/="
    )


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("/metrics/job/nightly", "not every client follows with the body, so send the push there"),
        ("/metrics/job", RIGHT),
    ],
)
def test_redirect_names_its_location(location: str, told: str) -> None:
    assert missed("PUT", "//metrics/job/nightly", status=307, location=location) == (
        f"redirected (Location: {location}); {told}"
    )


@pytest.mark.parametrize("body", [b"rows%bx", b"rows{}%bx", b"rows 7%bx", b"rows%b{}x"])
def test_blanks_in_a_stray_body_are_looked_at_once(body: bytes) -> None:
    # The square of this many would take hours.
    assert re.match(missed_routes._BODY, body % (b" " * 1_000_000)) is None
