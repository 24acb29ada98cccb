"""Differences that once were there, found by random sequences and bodies or by hand, each under its own name."""

from __future__ import annotations

from tests.conformance.protowire import COUNTER, GAUGE, counter, delimited, family, gauge, metric
from tests.conformance.records import PROTOBUF, Record, api, put, record, scrape

TYPE = {"Content-Type": PROTOBUF}

RECORDS: list[Record] = [
    record(
        "a histogram that was given a whole number and a fraction keeps both counts",
        put("/metrics/job/a", "# TYPE h histogram\nh_count 3\nh_count 4.5\n"),
        put("/metrics/job/a", '# TYPE h histogram\nh_count 3\nh_count 4.5\n# TYPE h_count gauge\nh_count{le="1"} 1\n'),
        scrape(PROTOBUF),
        api(),
    ),
    record(
        "a scrape that shows nothing at all ends",
        put("/metrics/job/a", delimited(family("", GAUGE, metric({}, gauge(1)))), TYPE),
        scrape(),
    ),
    record(
        "an empty HELP from the Go client has its line",
        put("/metrics/job/a", delimited(family("c", COUNTER, metric({}, counter(1)), help="")), TYPE),
        put("/metrics/job/b", "# TYPE c counter\nc 1\n"),
        scrape(),
        scrape(PROTOBUF),
    ),
    record(
        "a label of the group outside of the legacy characters is quoted, and escaped",
        put("/metrics/job/a/b.c/100%25", "m 1\n"),
        scrape("text/plain; escaping=allow-utf-8"),
        scrape("text/plain; escaping=values"),
        flags="utf8",
    ),
    record(
        "the API reads labels that are quoted behind others",
        put("/metrics/job/a", '{"m","z.a"="1","z_b"="2"} 1\nm{z_b="\\",\\"a.b\\"=\\""} 2\n'),
        api(),
        flags="utf8",
    ),
    record(
        "NaN is no count to the API",
        put("/metrics/job/a", '# TYPE h histogram\nh_bucket{le="1"} NaN\nh_count NaN\n'),
        api(),
    ),
]
