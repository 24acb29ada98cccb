from __future__ import annotations

import pytest

from pytest_pushgateway.exposition.negotiation import Format, accepts_gzip, negotiate
from tests.exposition.oracle import Oracle

PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily"

ACCEPTS = [
    "",
    "*/*",
    "*",
    "text/html",
    "text/plain",
    "text/plain;version=1.0.0",
    "text/plain;version=0.0.4;escaping=allow-utf-8",
    "text/plain;escaping=dots",
    "text/plain;escaping=nonsense",
    "text/plain; escaping = values",
    "text/html;escaping=dots",
    "text/html;escaping=dots,text/plain",
    "text/plain,text/html;escaping=dots",
    "text/html;escaping=dots;q=0.5,text/plain;q=0.9;escaping=values",
    "application/openmetrics-text;version=1.0.0",
    f"{PROTOBUF};encoding=delimited",
    f"{PROTOBUF};encoding=text",
    f"{PROTOBUF};encoding=compact-text",
    f"{PROTOBUF};encoding=nonsense",
    PROTOBUF,
    f"{PROTOBUF};encoding=delimited;q=0.1,text/plain",
    f"{PROTOBUF};encoding=delimited;q=0",
    f"text/plain;q=0.5,{PROTOBUF};encoding=delimited;q=0.6",
    f"text/plain;q= 0.5,{PROTOBUF};encoding=delimited;q=0.1",
    f"*/*;q=0.9,{PROTOBUF};encoding=delimited;q=0.1",
    f"text/*,{PROTOBUF};encoding=text;q=0.2",
    "application/vnd.google.protobuf;encoding=delimited",
    "application/vnd.google.protobuf;proto=other;encoding=delimited",
    f"{PROTOBUF.upper()};encoding=delimited",
    f"{PROTOBUF};encoding=delimited/",
    f"{PROTOBUF};encoding=delimited=",
    "text/plain/;escaping=dots",
    "text//;escaping=dots,text/plain/x;escaping=values",
    ",,;;==,/,*;escaping=dots",
    "text/plain;escaping;escaping=a=b;=;escaping==;escaping=dots",
    "text/plain;q=x;escaping=dots,text/html;escaping=values",
    # Prometheus 3.5 and 2.53 as they ask.
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    f"{PROTOBUF};encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,/;q=0.1",
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
]


@pytest.mark.conformance
@pytest.mark.parametrize("accept", ACCEPTS)
def test_original_chooses_same_format(oracle: Oracle, accept: str) -> None:
    answer = oracle.request("GET", "/metrics", headers={"Accept": accept})
    assert negotiate(accept).content_type == answer.headers["content-type"]


def test_without_accept_the_text_format_is_chosen() -> None:
    assert negotiate(None) == Format("text", "underscores")
    assert negotiate(None).content_type == "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"


def test_protobuf_is_named_in_full() -> None:
    chosen = negotiate(f"{PROTOBUF};encoding=compact-text;escaping=allow-utf-8")
    assert chosen == Format("protobuf-compact-text", "allow-utf-8")
    assert chosen.content_type == (
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
        "encoding=compact-text; escaping=allow-utf-8"
    )


ENCODINGS = [
    ("", False),
    ("gzip", True),
    ("GZIP", False),
    ("gzip;q=0", False),
    ("gzip;q=0.001", True),
    ("gzip;q=1.0;x", True),
    ("gzip;x", False),
    ("gzip;q=2", False),
    ("gzip;q=05", False),
    ("gzip ; q=0.5", True),
    ("gzip,", True),
    ("gzipp", False),
    ("gzipp;x", False),
    ("gzip ;x", False),
    (", gzip", False),
    ("deflate;q=x, gzip", False),
    ("deflate, gzip", True),
    ("*", False),
    ("*;q=0", False),
    ("gzip;q=0, *", False),
    ("gzip;q=0.5, *", False),
    ("*;q=0.5, gzip", True),
    ("identity;q=0", False),
    ("identity, gzip", False),
    ("identity;q=0.5, gzip;q=0.6", True),
    ("gzip;q=0.1, identity;q=0.9", False),
    ("zstd", False),
    ("gzip, zstd, br", True),
]


@pytest.mark.parametrize(("header", "compressed"), ENCODINGS)
def test_gzip_is_used_where_it_is_asked_for(header: str, compressed: bool) -> None:
    assert accepts_gzip(header) is compressed


@pytest.mark.parametrize(
    ("headers", "compressed"), [((), False), ((";", "gzip"), True), (("gzip;q=0.1", "identity;q=0.9"), False)]
)
def test_each_of_several_headers_counts(headers: tuple[str, ...], compressed: bool) -> None:
    assert accepts_gzip(*headers) is compressed


@pytest.mark.conformance
@pytest.mark.parametrize(("header", "compressed"), ENCODINGS)
def test_original_compresses_same_answers(oracle: Oracle, header: str, compressed: bool) -> None:
    answer = oracle.request("GET", "/metrics", headers={"Accept-Encoding": header})
    assert ("content-encoding" in answer.headers) is compressed
