"""The reading of a push's body: content types, content codings, and which error comes first."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator

import pytest

from pytest_pushgateway.gateway.app.push_body import is_protobuf
from pytest_pushgateway.gateway.gateway import Gateway
from tests import wire

PROTOBUF = "application/vnd.google.protobuf"
MESSAGE = "proto=io.prometheus.client.MetricFamily"
CONTENT_TYPES = {
    f"{PROTOBUF}; {MESSAGE}; encoding=delimited": True,
    f'{PROTOBUF};encoding="delimited" ; proto="io.prometheus.client.MetricFamily"': True,
    f'{PROTOBUF}; {MESSAGE}; encoding="delim\\ited"': False,
    f"Application/VND.google.protobuf; {MESSAGE}; ENCODING=delimited;": True,
    f"{PROTOBUF}; {MESSAGE}; encoding=delimited; x=y": True,
    f"{PROTOBUF}; {MESSAGE}; encoding=text": False,
    f"{PROTOBUF}; {MESSAGE}; encoding=Delimited": False,
    f"{PROTOBUF}; {MESSAGE}": False,
    f"{PROTOBUF}; encoding=delimited": False,
    f"{PROTOBUF}; {MESSAGE}; encoding=delimited; encoding=delimited": True,
    f"{PROTOBUF}; {MESSAGE}; encoding=delimited; encoding=text": False,
    f'{PROTOBUF}; {MESSAGE}; encoding=delimited; x="\\""': True,
    f"{PROTOBUF}; {MESSAGE}; encoding=delimited; x": False,
    f"{PROTOBUF}; {MESSAGE}; encoding=delimited; x=": False,
    f"{PROTOBUF} {MESSAGE} encoding=delimited": False,
    f"text/plain; {MESSAGE}; encoding=delimited": False,
    "application/json": False,
    "": False,
}


@pytest.fixture(scope="module")
def real() -> Iterator[int]:
    with wire.real_pushgateway() as port:
        yield port


@pytest.mark.conformance
@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_content_types(real: int, gateway: Gateway, content_type: str) -> None:
    assert is_protobuf(content_type) is CONTENT_TYPES[content_type]
    headers = {"Content-Type": content_type}
    answers = [wire.request(port, "PUT", "/metrics/job/a", b"a 1\n", headers) for port in (real, gateway.port)]
    # Text read as protobuf is broken in words that Go varies from build to build.
    assert [answer.status for answer in answers] == [400 if CONTENT_TYPES[content_type] else 200] * 2


CODED = {
    "good": gzip.compress(b"a 1\n"),
    "two members": gzip.compress(b"a 1\n") + gzip.compress(b"b 1\n"),
    "nothing": b"",
    "no gzip": b"a 1\n",
    "cut": gzip.compress(b"a 1\n" * 100)[:-12],
    "cut after an error": gzip.compress(b"a b\n" * 100)[:-4],
    "wrong checksum": gzip.compress(b"a 1\n")[:-8] + b"\0" * 8,
    "error and wrong checksum": gzip.compress(b"a b\n")[:-8] + b"\0" * 8,
}


@pytest.mark.conformance
@pytest.mark.parametrize("name", CODED)
@pytest.mark.parametrize(
    ("method", "target"),
    [("PUT", "/metrics/job/a"), ("PUT", "/metrics/job/a/b"), ("GET", "/-/healthy"), ("PUT", "//x"), ("GET", "/x")],
)
def test_gzip(real: int, start: Callable[..., Gateway], name: str, method: str, target: str) -> None:
    gateway = start(build=wire.build_of(real))
    headers = {"Content-Encoding": "GZip"}
    theirs, ours = (wire.request(port, method, target, CODED[name], headers) for port in (real, gateway.port))
    assert (ours.status, ours.body) == (theirs.status, theirs.body)


@pytest.mark.conformance
@pytest.mark.parametrize("end", [b"zz\r\n", b""])
def test_broken_gzip_transfer(real: int, gateway: Gateway, end: bytes) -> None:
    head = b"PUT /metrics/job/a HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    for data in (CODED["good"], CODED["good"][:5], gzip.compress(b"a b\n")):
        raw = head + b"%x\r\n%b\r\n" % (len(data), data) + end
        theirs, ours = (wire.talk(port, raw, half_close=True) for port in (real, gateway.port))
        # The original closes the connection without saying so.
        assert ours.raw.partition(b"\r\n\r\n")[2] == theirs.raw.partition(b"\r\n\r\n")[2]
        assert ours.end == theirs.end == "eof"


@pytest.mark.conformance
def test_unread_body_is_not_an_error(real: int, gateway: Gateway) -> None:
    raw = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"
    theirs, ours = (wire.talk(port, raw, half_close=True) for port in (real, gateway.port))
    assert wire.shape(ours) == wire.shape(theirs)
