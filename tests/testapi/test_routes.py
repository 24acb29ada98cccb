"""The routes of the test API, as a client in any language sees them; each answer is one that OpenAPI describes."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_pushgateway import Faults, __version__
from pytest_pushgateway.testapi import fault_requests

from ..harness.application import InBackground
from .http_client import ApiClient, client_of
from .served import Served


@pytest.fixture
def api(served: Served) -> Iterator[ApiClient]:
    with client_of(served) as client:
        client.call("POST", "/v1/start")
        client.call("POST", "/v1/reset")
        yield client
        client.call("PUT", "/v1/clock", {"frozen": False})


def test_status(api: ApiClient, served: Served) -> None:
    status = api.get("/v1")

    assert status["version"] == __version__
    assert status["url"] == f"http://127.0.0.1:{served.port}"
    assert status["address"] == f"127.0.0.1:{served.port}"
    assert status["running"] is True
    assert status["settings"]["telemetry_path"] == "/metrics"
    assert not {"basic_auth", "tls"} & status["settings"].keys()


def test_description_has_each_route(api: ApiClient) -> None:
    assert api.description["openapi"] == "3.1.0"
    assert set(api.description["paths"]) == {
        "/v1",
        "/v1/assert/deleted",
        "/v1/assert/exposed",
        "/v1/assert/no_rejections",
        "/v1/assert/not_exposed",
        "/v1/assert/not_pushed",
        "/v1/assert/pushed",
        "/v1/assert/rejected",
        "/v1/clock",
        "/v1/crash",
        "/v1/faults",
        "/v1/faults/{id}",
        "/v1/groups",
        "/v1/lint",
        "/v1/openapi.json",
        "/v1/requests",
        "/v1/reset",
        "/v1/restart",
        "/v1/send",
        "/v1/snapshot",
        "/v1/start",
        "/v1/stop",
        "/v1/sync",
        "/v1/timeline",
    }


def test_requests_and_their_filters(api: ApiClient) -> None:
    api.push("rows 7\n")
    api.push("rows 8\n", "/metrics/job/other")
    api.push("", method="DELETE")
    found = api.get("/v1/requests")

    assert [request["kind"] for request in found["requests"]] == ["push", "push", "delete"]
    assert found["dropped"] == 0
    assert found["next"] == found["requests"][-1]["sequence"]
    push, other, delete = found["requests"]
    assert (push["number"], push["status"], push["accepted"], push["body"]) == (1, 200, True, "rows 7\n")
    assert other["grouping_key"] == {"job": "other"}
    assert delete["matched"] is True
    assert api.get("/v1/requests?kind=push&job=other")["requests"] == [other]
    assert api.get(f"/v1/requests?since={push['sequence']}")["requests"] == [other, delete]
    assert api.get(f"/v1/requests?since={found['next']}")["requests"] == []


def test_body_that_is_not_text(api: ApiClient) -> None:
    connection = socket.create_connection(("127.0.0.1", api.served.port), timeout=60)
    connection.sendall(b"PUT /metrics/job/b HTTP/1.0\r\nContent-Length: 3\r\n\r\n\xff\x00\x01")
    while connection.recv(4096):
        pass
    connection.close()
    request = api.get("/v1/requests")["requests"][0]

    assert base64.b64decode(request["body_base64"]) == b"\xff\x00\x01"
    assert "body" not in request
    assert request["rejected"] is True


def test_long_polling_ends_with_the_next_push(api: ApiClient) -> None:
    since = api.get("/v1/requests")["next"]
    with InBackground(lambda: api.push("rows 7\n")):
        found = api.get(f"/v1/requests?kind=push&since={since}&wait=60")

    assert [request["body"] for request in found["requests"]] == ["rows 7\n"]
    assert api.get(f"/v1/requests?since={found['next']}&wait=10ms")["requests"] == []


def test_groups_have_values_as_text(api: ApiClient) -> None:
    api.push('# HELP rows Rows.\n# TYPE rows gauge\nrows{disk="sda"} NaN\nrows{disk="sdb"} 1000000\n')
    (group,) = api.get("/v1/groups")["groups"]

    assert group["grouping_key"] == {"job": "backup"}
    (family,) = group["families"]
    assert (family["name"], family["type"], family["help"]) == ("rows", "gauge", "Rows.")
    assert [(one["labels"]["disk"], one["value"]) for one in family["samples"]] == [("sda", "NaN"), ("sdb", "1e+06")]


def test_snapshot_lint_and_timeline(api: ApiClient) -> None:
    api.push("# TYPE rows counter\nrows 7\nsize_bytes 8\n")

    snapshot = api.get("/v1/snapshot?name=rows*&label=job=backup")
    assert snapshot.splitlines()[-1] == 'rows{instance="",job="backup"} 7'
    texts = [problem["text"] for problem in api.get("/v1/lint")["problems"] if problem["metric"] == "rows"]
    assert texts == ['counter metrics should have "_total" suffix', "no help text"]
    assert 'rows{instance="",job="backup"} 7\n' in api.get("/v1/timeline")["timeline"][-1]["text"]


HOLDING: list[tuple[str, dict[str, Any]]] = [
    ("exposed", {"name": "rows", "value": 7}),
    ("exposed", {"name": "rows", "value": "7", "labels": {"job": "backup"}}),
    ("exposed", {"name": "rows", "labels": {"job": {"regex": "b.*"}}}),
    ("exposed", {"name": "odd", "value": "NaN"}),
    ("exposed", {"name": "odd_high", "value": "+Inf"}),
    ("not_exposed", {"name": "rows", "value": 8}),
    ("not_exposed", {"name": "weekly_rows"}),
    ("pushed", {"name": "rows"}),
    ("not_pushed", {"name": "weekly_rows"}),
    ("deleted", {"labels": {"job": "gone"}}),
    ("rejected", {"match": "expected float", "status": 400, "method": "PUT", "labels": {"job": "odd"}}),
]
FAILING: list[tuple[str, dict[str, Any], str]] = [
    ("exposed", {"name": "rows", "value": 8}, "expected rows 8 to be exposed, but its value is 7"),
    ("exposed", {"name": "rows", "labels": {"job": "weekly"}}, 'job is "backup", expected "weekly"'),
    ("not_exposed", {}, "expected nothing to be exposed"),
    ("pushed", {"name": "weekly_rows"}, "expected weekly_rows to have been pushed"),
    ("not_pushed", {"name": "rows"}, "push 1"),
    ("deleted", {"labels": {"job": "weekly"}}, "weekly"),
    ("rejected", {"match": "nonsense"}, "nonsense"),
    ("no_rejections", {}, "expected float"),
]
MISTAKES: list[tuple[str, Any, str]] = [
    ("exposed", {"names": "rows"}, "unknown member 'names'; did you mean 'name'?"),
    ("exposed", {}, "a metric's name is a string, not None"),
    ("exposed", {"name": "rows", "value": "seven"}, "value must be a number"),
    ("exposed", {"name": "rows", "value": True}, "value must be a number"),
    ("exposed", {"name": "rows", "labels": {"job": 7}}, "the label 'job' must be text"),
    ("exposed", {"name": "rows", "labels": {"job": {"regex": "("}}}, "the regular expression of label 'job'"),
    ("exposed", {"name": "rows", "labels": ["job"]}, "labels must be an object"),
    ("exposed", {"name": "rows", "timeout": "soon"}, "the time to wait must be"),
    ("exposed", {"name": 'rows{job="backup"}'}, "must not be a selector"),
    ("exposed", "rows", "the body is not JSON"),
    ("exposed", ["rows"], "the body must be a JSON object"),
    ("deleted", {}, "takes the grouping key"),
    ("rejected", {"status": "400"}, "status must be a number"),
    ("no_rejections", {"name": "rows"}, "unknown member 'name'"),
]


@pytest.fixture
def pushed(api: ApiClient) -> ApiClient:
    api.push("rows 7\n")
    api.push("odd NaN\nodd_high +Inf\n", "/metrics/job/other")
    api.push("rows x\n", "/metrics/job/odd")
    api.push("rows 7\n", "/metrics/job/gone")
    api.push("", "/metrics/job/gone", "DELETE")
    return api


def test_assertions_that_hold(pushed: ApiClient) -> None:
    for name, body in HOLDING:
        assert pushed.call("POST", f"/v1/assert/{name}", body).status == 204, (name, body)
    pushed.call("POST", "/v1/reset")
    assert pushed.call("POST", "/v1/assert/no_rejections").status == 204


def test_assertions_that_fail_have_the_message_in_detail(pushed: ApiClient) -> None:
    for name, body, text in FAILING:
        assert text in pushed.detail("POST", f"/v1/assert/{name}", body, 409), (name, body)


def test_mistakes_have_the_next_step_in_detail(pushed: ApiClient) -> None:
    for name, body, text in MISTAKES:
        assert text in pushed.detail("POST", f"/v1/assert/{name}", body), (name, body)


def test_timeout_waits_until_it_holds(api: ApiClient) -> None:
    with InBackground(lambda: api.push("rows 7\n")):
        assert api.call("POST", "/v1/assert/exposed", {"name": "rows", "value": 7, "timeout": 60}).status == 204
    assert "value is 7" in api.detail("POST", "/v1/assert/exposed", {"name": "rows", "value": 8, "timeout": "5ms"}, 409)


def test_faults(api: ApiClient) -> None:
    answer = api.call("POST", "/v1/faults", {"kind": "error", "status": 503, "body": "later", "times": 2})
    assert answer.status == 201
    assert answer.headers["Location"] == f"/v1/faults/{answer.body['id']}"
    assert api.push("rows 7\n") == 503
    (fault,) = api.get("/v1/faults")["faults"]
    assert (fault["name"], fault["hits"], fault["times"], fault["active"]) == ("error(503)", 1, 2, True)
    assert api.call("DELETE", f"/v1/faults/{fault['id']}").status == 204
    assert api.push("rows 7\n") == 200
    assert api.get("/v1/faults")["faults"][0]["active"] is False
    api.call("POST", "/v1/reset")
    assert api.get("/v1/faults")["faults"] == []


def test_faults_of_each_kind(api: ApiClient) -> None:
    for body, name in (
        ({"kind": "delay", "seconds": "1ms"}, "delay(0.001)"),
        ({"kind": "respond", "answers": [503, {"status": 429, "body": "slow"}, None], "times": 2}, "respond([503"),
        ({"kind": "respond", "answers": {"status": 200, "body_base64": "/w=="}}, "respond((200, b'\\xff'"),
        ({"kind": "hang", "after": True, "paths": ["/never"]}, "hang(after=True)"),
        ({"kind": "disconnect", "methods": "DELETE"}, "disconnect()"),
        ({"kind": "truncate", "size": 10, "name": "my own", "paths": "/never"}, "my own"),
        ({"kind": "refuse"}, "refuse()"),
    ):
        answer = api.call("POST", "/v1/faults", body)
        assert answer.status == 201, answer
        assert answer.body["name"].startswith(name)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"kind": "errors"}, "kind must be one of error, delay, respond"),
        ({"kind": "error"}, "needs status"),
        ({"kind": "error", "status": 99}, "a status has three digits"),
        ({"kind": "error", "status": 503, "time": 1}, "unknown member 'time'; did you mean 'times'?"),
        ({"kind": "error", "status": 503, "times": 0}, "times must be a whole number"),
        ({"kind": "error", "status": 503, "when": "always"}, "a predicate cannot cross"),
        ({"kind": "respond", "answers": [{"state": 1}]}, "unknown member 'state'"),
        ({"kind": "delay", "seconds": "soon"}, "a delay"),
    ],
)
def test_faults_that_make_no_sense(api: ApiClient, body: dict[str, Any], text: str) -> None:
    assert text in api.detail("POST", "/v1/faults", body)


def test_fault_that_is_not_there(api: ApiClient) -> None:
    assert "there is no fault '99'" in api.detail("DELETE", "/v1/faults/99", status=404)


def test_clock(api: ApiClient) -> None:
    assert api.call("PUT", "/v1/clock", {"at": "2026-01-01T00:00:00Z", "advance": "1h"}).body == {
        "now": 1767229200.0,
        "frozen": True,
    }
    api.push("rows 7\n")
    assert api.get("/v1/requests")["requests"][0]["at"] == 1767229200.0
    assert api.call("PUT", "/v1/clock", {"frozen": False}).body["frozen"] is False
    assert api.call("PUT", "/v1/clock", {"frozen": True}).body["frozen"] is True
    api.call("PUT", "/v1/clock", {"frozen": False})
    assert "only a frozen clock" in api.detail("PUT", "/v1/clock", {"advance": 1}, 409)
    assert "freeze() takes" in api.detail("PUT", "/v1/clock", {"at": "noon"})
    assert "a clock that runs" in api.detail("PUT", "/v1/clock", {"frozen": False, "at": 1})


def test_life(api: ApiClient) -> None:
    api.push("rows 7\n")
    for name in ("restart", "crash"):
        assert api.call("POST", f"/v1/{name}").status == 204
        assert api.call("POST", "/v1/assert/exposed", {"name": "rows"}).status == 204
    assert api.call("POST", "/v1/stop").status == 204
    assert api.get("/v1")["running"] is False
    with pytest.raises(OSError, match="refused"):
        api.push("rows 7\n")
    assert "a stopped gateway already refuses connections" in api.detail("POST", "/v1/faults", {"kind": "refuse"}, 409)
    assert api.call("POST", "/v1/start").status == 204
    assert api.push("rows 7\n") == 200


def test_sessions_keep_others_out(api: ApiClient) -> None:
    assert api.call("POST", "/v1/reset", {"session": "nightly"}).status == 204
    assert api.call("POST", "/v1/reset", {"session": "nightly"}).status == 204
    detail = api.detail("POST", "/v1/reset", {"session": "weekly"}, 423)
    assert "the session 'nightly' has this gateway" in detail
    assert '{"session": "nightly", "end": true}' in detail
    assert "nightly" in api.detail("POST", "/v1/reset", status=423)
    of_another = {"Pushgateway-Session": "weekly"}
    assert api.call("POST", "/v1/stop", headers=of_another).status == 423
    assert api.call("PUT", "/v1/clock", {"at": 1}, headers=of_another).status == 423
    assert api.call("POST", "/v1/assert/no_rejections", headers=of_another).status == 204
    assert api.call("GET", "/v1/groups", headers=of_another).status == 200
    assert api.call("POST", "/v1/reset", {"session": "nightly", "end": True}).status == 204
    assert api.call("POST", "/v1/reset", {"session": "weekly"}).status == 204
    api.call("POST", "/v1/reset", {"session": "weekly", "end": True})
    assert "session must be a string" in api.detail("POST", "/v1/reset", {"session": 7})


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://evil.example"},
        {"Host": "evil.example:9092"},
        {"Host": "evil.example"},
    ],
)
def test_browsers_are_refused(api: ApiClient, headers: dict[str, str]) -> None:
    answer = api.call("POST", "/v1/reset", headers=headers)
    assert answer.status == 403
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "host", ["127.0.0.1:1", "[::1]:1", "localhost", "gateway:9092", "gateway.monitoring.svc", "ci.internal:1"]
)
def test_private_names_are_accepted(api: ApiClient, host: str) -> None:
    assert api.call("GET", "/v1", headers={"Host": host}).status == 200


def test_routes_and_methods_that_are_not_there(api: ApiClient) -> None:
    answer = api.call("GET", "/v1/nonsense", described=False)
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert "openapi.json" in answer.body["detail"]
    answer = api.call("DELETE", "/v1/clock", described=False)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, PUT")
    assert api.call("GET", "/", described=False).status == 404
    assert "since must be a whole number" in api.detail("GET", "/v1/requests?since=x")
    assert "did you mean 'since'" in api.detail("GET", "/v1/requests?sinc=1")


def test_any_content_type_is_json(api: ApiClient) -> None:
    api.push("rows 7\n")
    for kind in ("application/x-www-form-urlencoded", "text/plain", "application/json", "multipart/form-data"):
        body = json.dumps({"name": "rows"})
        assert api.call("POST", "/v1/assert/exposed", body, headers={"Content-Type": kind}).status == 204


def test_every_fault_can_be_asked_for() -> None:
    assert {name for name in vars(Faults) if name[0] != "_"} - {"clear"} == set(fault_requests.KINDS)
