"""The JSON API, compared with the real Pushgateway's."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator

import pytest

from pytest_pushgateway.exposition.model import Native
from pytest_pushgateway.gateway.app.json_api import _fractions, native_buckets, timestamp
from pytest_pushgateway.gateway.gateway import Gateway
from tests import wire

Start = Callable[..., Gateway]

BODIES = {
    "nothing": b"",
    "simple types": b'# HELP a some <help> & "more"\n# TYPE a gauge\na 1\n'
    b"# TYPE b counter\nb 1e6\nc NaN\nd -0\ne -Inf\n",
    "labels": b'a{l="x"} 1\na{l="y",m="z"} 2\n'
    b'a{l="\\"\\\\\\n",m="\t\x08\x0c\x01\x7f<>&"} 3\na{l="\xe2\x80\xa8\xc3\xa9"} 4\n',
    "summary": b'# TYPE s summary\ns{quantile="0.5"} 1\ns{quantile="0.9"} NaN\ns_sum 2.5\ns_count 3\ns_sum{z="y"} 1\n',
    "histogram": b'# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 3\nh_sum 1e6\nh_count 3\n',
    "float histogram": b'# TYPE h histogram\nh_bucket{le="1"} 1.5\nh_sum 1\nh_count 2.5\n',
    "empty histogram": b"# TYPE h histogram\nh 2\n",
    "families that take the members' names": b"labels 1\nlast_push_successful 2\n",
}
TIME = re.compile(r'"[0-9]{4}-[0-9]{2}-[0-9]{2}T[^"]*Z"')
STAMP = re.compile(r'"1\.[0-9]+e\+09"')


@pytest.fixture(scope="module")
def real() -> Iterator[int]:
    with wire.real_pushgateway("--web.enable-admin-api") as port:
        yield port


def metrics(port: int) -> str:
    """Return the document with its times masked, as it stands but for the order of the groups."""
    text = wire.request(port, "GET", "/api/v1/metrics").body.decode()
    return STAMP.sub('"<seconds>"', TIME.sub('"<time>"', text))


@pytest.mark.conformance
@pytest.mark.parametrize("name", BODIES)
def test_group_is_written_byte_for_byte_like_the_original(real: int, gateway: Gateway, name: str) -> None:
    wire.request(real, "PUT", "/api/v1/admin/wipe")
    for port in (real, gateway.port):
        assert wire.request(port, "PUT", "/metrics/job/a%3C/x/%22", BODIES[name]).status == 200
    assert metrics(gateway.port) == metrics(real)


@pytest.mark.conformance
def test_failed_push_is_shown(real: int, gateway: Gateway) -> None:
    wire.request(real, "PUT", "/api/v1/admin/wipe")
    for port in (real, gateway.port):
        assert wire.request(port, "PUT", "/metrics/job/a", b"a 1 1\n").status == 400
    assert metrics(gateway.port) == metrics(real)


@pytest.mark.conformance
def test_status_has_members_of_original(real: int, gateway: Gateway) -> None:
    theirs, ours = (json.loads(wire.request(port, "GET", "/api/v1/status").body) for port in (real, gateway.port))
    assert list(ours["data"]) == list(theirs["data"])
    assert list(ours["data"]["build_information"]) == list(theirs["data"]["build_information"])
    assert set(theirs["data"]["flags"]) - set(ours["data"]["flags"]) == {"web.local-assets"}


def test_unchanged_parts_are_remembered(start: Start) -> None:
    gateway = start()
    wire.request(gateway.port, "PUT", "/metrics/job/a", b"a 1\n")
    wire.request(gateway.port, "PUT", "/metrics/job/b", b"b 1\n")
    first = json.loads(wire.request(gateway.port, "GET", "/api/v1/metrics").body)
    assert gateway._api is not None
    before = dict(gateway._api._known)
    wire.request(gateway.port, "POST", "/metrics/job/b", b"b 2\n")
    second = json.loads(wire.request(gateway.port, "GET", "/api/v1/metrics").body)
    assert second["data"][0] == first["data"][0]
    assert second["data"][1]["b"]["metrics"][0]["value"] == "2"
    after = gateway._api._known
    (a, b) = after
    assert after[a] is before[a]
    kept = [name for name, entry in after[b].families.items() if before[b].families[name] is entry]
    assert kept == [b"push_failure_time_seconds"]
    gateway.reset()
    assert gateway._api._known == {}
    assert wire.request(gateway.port, "GET", "/api/v1/metrics").body == b'{"status":"success","data":[]}'


def test_native_buckets_from_the_lowest_up() -> None:
    native = Native(3, 0.001, 2, [(0, 3), (1, 0), (2, 4)], [(1, 1), (9, 2)])
    assert native_buckets(native) == [
        (1, -1.189207115002721, -1.0905077326652577, 4),
        (1, -1.0, -0.9170040432046711 / 1, 3),
        (3, -0.001, 0.001, 2),
        (0, 1.0, 1.0905077326652577, 1),
        (0, 2.0, 2.1810154653305154, 2),
    ]


@pytest.mark.parametrize(
    ("schema", "index", "upper"),
    [
        (0, 3, 8.0),
        (-2, 1, 16.0),
        (-4, -1, 2.0**-16),
        (1, 1, 1.414213562373095),
        (0, 1024, 1.7976931348623157e308),
        (0, 1025, float("inf")),
    ],
)
def test_bounds(schema: int, index: int, upper: float) -> None:
    [(_, _, found, _)] = native_buckets(Native(schema, 0.0, 0, [], [(index, 1)]))
    assert found == upper


@pytest.mark.parametrize("schema", [9, 24, 2**31 - 1, -5, -53, -(2**31)])
def test_schemas_outside_the_exponential_ones_have_no_buckets(schema: int) -> None:
    native = Native(schema, 0.001, 2, [(1, 3)], [(1, 1), (2**31, 2)])
    assert native_buckets(native) == []
    assert _fractions.cache_info().currsize <= 9


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="changes the zone of the process, as Windows cannot")
def test_times_in_another_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert timestamp(1_700_000_000.25) == "2023-11-15T03:43:20.25+05:30"
        assert timestamp(1_700_000_000.0) == "2023-11-15T03:43:20+05:30"
    finally:
        monkeypatch.undo()
        time.tzset()
