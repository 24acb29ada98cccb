"""Pushes that reached no group: a wrong path, method or prefix, a redirect. None of them goes by without a word."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import urllib.request
import warnings

import pytest

from pytest_pushgateway import LostPushWarning, Pushgateway, RejectedPushWarning, UselessDeleteWarning
from pytest_pushgateway.harness.pushgateway import supervisor
from tests import wire

from .application import send
from .messages import failure

ROWS = "# TYPE rows gauge\nrows 7\n"


def texts(gateway: Pushgateway) -> list[str]:
    """Return the warnings that are due, with the category of each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gateway.reset()
    return [f"{warning.category.__name__}: {warning.message}" for warning in caught]


def test_wrong_path_is_a_rejected_push() -> None:
    with Pushgateway() as gateway:
        assert send(gateway, ROWS, "/metrics/jobs/nightly") == 404

        [push] = gateway.pushes
        assert (push.kind, push.grouping_key, push.job, push.families) == ("push", {}, "", ())
        assert (push.status, push.accepted, push.rejected, push.location) == (404, False, True, None)
        assert push.body == ROWS.encode()
        assert repr(push) == "<Push 1: PUT /metrics/jobs/nightly, answered 404>"
        assert failure(gateway.assert_no_rejections) == [
            "expected no rejected push, but there is one:",
            "  push 1 (PUT /metrics/jobs/nightly) was answered 404: 404 page not found; "
            "the path of a push is /metrics/job/JOB",
        ]
        assert failure(gateway.assert_exposed, "rows")[1:3] == [
            "Pushes that reached no group:",
            "  push 1 (PUT /metrics/jobs/nightly), answered 404: 404 page not found; "
            "the path of a push is /metrics/job/JOB",
        ]
        assert texts(gateway) == [
            "RejectedPushWarning: push 1 (PUT /metrics/jobs/nightly) was answered 404: 404 page not found; the path of "
            "a push is /metrics/job/JOB. If the test expects it, add pushgateway.assert_rejected(status=404)"
        ]


def test_assert_rejected_expects_it() -> None:
    with Pushgateway() as gateway:
        send(gateway, ROWS, "/pg/metrics/job/nightly")
        push = gateway.assert_rejected("no route prefix", status=404)
        assert push is gateway.pushes[0]
        assert texts(gateway) == []


def test_other_requests_are_not_pushes() -> None:
    with Pushgateway() as gateway:
        assert send(gateway, '{"streams": []}', "/loki/api/v1/push", "POST") == 404
        assert send(gateway, "", "/-/quit") == 403
        assert gateway.pushes == []
        gateway.assert_no_rejections()
        assert texts(gateway) == []


def test_missed_push_is_numbered_and_counted() -> None:
    with Pushgateway() as gateway:
        send(gateway, ROWS, "/metrics/job/nightly")
        send(gateway, ROWS, "/metrics", "POST")
        send(gateway, "rows 8\n", "/metrics/job/nightly", "PATCH")
        assert [(push.number, push.method, push.status) for push in gateway.pushes] == [
            (1, "PUT", 200),
            (2, "POST", 405),
            (3, "PATCH", 405),
        ]
        assert failure(gateway.assert_no_rejections)[0] == "expected no rejected push, but there are 2:"
        gateway.assert_not_pushed("rows", 8)
        gateway.assert_rejected(status=405)
        assert gateway.scrape().text.count("method_not_allowed") == 0
        assert [text.partition(" (")[0] for text in texts(gateway)] == []


def test_gateway_counts_no_request_that_it_did_not_route() -> None:
    with Pushgateway() as gateway:
        send(gateway, ROWS, "/metrics/jobs/nightly")
        gateway.assert_rejected()
        [(_, text)] = gateway.timeline()
        assert text is not None
        assert b'handler="push"' not in text


def test_unfollowed_redirect() -> None:
    with Pushgateway() as gateway:
        status = send(gateway, ROWS, "//metrics/job/nightly")
        assert 300 < status < 400

        [push] = gateway.pushes
        assert (push.location, push.rejected) == ("/metrics/job/nightly", True)
        assert texts(gateway) == [
            f"RejectedPushWarning: push 1 (PUT //metrics/job/nightly) was answered {status}: redirected (Location: "
            "/metrics/job/nightly); not every client follows with the body, so send the push there. If the test "
            f"expects it, add pushgateway.assert_rejected(status={status})"
        ]


def test_redirect_followed_with_body_emits_no_warning() -> None:
    with Pushgateway() as gateway:
        status = send(gateway, ROWS, "//metrics/job/nightly")
        send(gateway, ROWS, "/metrics/job/nightly")

        assert [push.rejected for push in gateway.pushes] == [False, False]
        gateway.assert_no_rejections()
        gateway.assert_rejected(status=status)
        assert supervisor(gateway).section()[1] == (
            f"  push 1 (PUT //metrics/job/nightly), answered {status}: Location /metrics/job/nightly, followed by "
            'push 2 (PUT job="nightly")'
        )
        assert texts(gateway) == []


def test_another_body_does_not_make_up_for_it() -> None:
    with Pushgateway() as gateway:
        send(gateway, ROWS, "/metrics/jobs/nightly")
        send(gateway, "rows 8\n", "/metrics/job/nightly")
        with pytest.warns(RejectedPushWarning, match="push 1"):
            gateway.reset()


def test_right_path_at_the_second_try_makes_up_for_it() -> None:
    with Pushgateway() as gateway:
        send(gateway, ROWS, "/metrics/jobs/nightly")
        send(gateway, ROWS, "/metrics/job/nightly")
        assert texts(gateway) == []


def test_empty_put_after_a_redirect_is_named() -> None:
    with Pushgateway() as gateway:
        send(gateway, ROWS, "/metrics/job/nightly")
        status = send(gateway, ROWS.replace("7", "8"), "/metrics/job//nightly")
        send(gateway, "", "/metrics/job/nightly")

        assert texts(gateway)[0] == (
            f"RejectedPushWarning: push 2 (PUT /metrics/job//nightly) was answered {status}: redirected (Location: "
            "/metrics/job/nightly); not every client follows with the body, so send the push there; "
            'push 3 (PUT job="nightly") followed without the body, was answered 200, and emptied the group. '
            f"If the test expects it, add pushgateway.assert_rejected(status={status})"
        )


def test_empty_post_after_a_redirect_is_named() -> None:
    with Pushgateway() as gateway:
        send(gateway, ROWS, "/metrics/job//nightly", "POST")
        send(gateway, "", "/metrics/job/nightly", "POST")
        [text] = texts(gateway)
        assert 'push 2 (POST job="nightly") followed without the body, was answered 200, and stored nothing.' in text


def test_empty_push_that_was_empty_before_its_redirect() -> None:
    with Pushgateway() as gateway:
        send(gateway, "", "/metrics/job//nightly")
        send(gateway, "", "/metrics/job/nightly")
        assert texts(gateway) == []


def test_redirect_followed_with_get_is_named() -> None:
    with Pushgateway() as gateway:
        send(gateway, ROWS, "//metrics/job/nightly", "POST")
        request = urllib.request.Request(f"{gateway.url}/metrics/job/nightly")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        caught.value.close()
        [text] = texts(gateway)
        assert "; the client followed with GET, answered 405: nothing was stored. " in text


def test_body_lost_behind_a_redirect_that_a_fault_answers() -> None:
    with Pushgateway() as gateway:
        target = {"Location": f"{gateway.url}/metrics/job/moved%20here"}
        with gateway.faults.error(308, headers=target, times=1):
            send(gateway, ROWS, "/metrics/job/nightly")
            send(gateway, "", "/metrics/job/moved%20here")

        assert gateway.pushes[0].outcome == (
            f"answered 308 with Location {gateway.url}/metrics/job/moved%20here (fault error(308))"
        )
        with pytest.warns(LostPushWarning) as caught:
            gateway.reset()
    assert [str(warning.message) for warning in caught] == [
        'push 2 (PUT job="moved here") has no body: the client followed the redirect of push 1 (PUT job="nightly") '
        "without it, was answered 200, and the group is empty now. If intended, filter LostPushWarning"
    ]


def test_body_carried_over_a_redirect_that_a_fault_answers() -> None:
    with Pushgateway() as gateway:
        with gateway.faults.error(307, headers={"Location": "/metrics/job/other"}, times=1):
            send(gateway, ROWS, "/metrics/job/nightly")
            send(gateway, ROWS, "/metrics/job/other")
        assert texts(gateway) == []


def test_deletion_that_reached_no_group() -> None:
    with Pushgateway() as gateway:
        assert send(gateway, path="/metrics/jobs/nightly", method="DELETE") == 404
        [deletion] = gateway.requests
        assert (deletion.kind, deletion.number, deletion.grouping_key) == ("delete", 1, {})
        with pytest.warns(UselessDeleteWarning) as caught:
            gateway.reset()
        send(gateway, path="/metrics/jobs/nightly", method="DELETE")
        assert gateway.assert_rejected(method="DELETE", status=404).path == "/metrics/jobs/nightly"
        assert texts(gateway) == []
    assert str(caught[0].message) == (
        "delete 1 (DELETE /metrics/jobs/nightly) was answered 404: 404 page not found; the path of a deletion is "
        "/metrics/job/JOB. If the test expects it, add pushgateway.assert_rejected(method='DELETE', status=404)"
    )


def test_deletion_that_followed_its_redirect() -> None:
    with Pushgateway() as gateway:
        gateway.push(ROWS, job="nightly")
        send(gateway, path="//metrics/job/nightly", method="DELETE")
        send(gateway, path="/metrics/job/nightly", method="DELETE")
        assert gateway.assert_deleted(job="nightly").number == 2
        assert texts(gateway) == []


def test_body_that_the_client_kept_back_is_not_missed() -> None:
    with Pushgateway() as gateway:
        connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=10)
        connection.putrequest("PUT", "//metrics/job/nightly")
        connection.putheader("Content-Length", str(len(ROWS)))
        connection.putheader("Expect", "100-continue")
        connection.endheaders()
        assert 300 < connection.getresponse().status < 400
        connection.close()
        send(gateway, ROWS, "/metrics/job/nightly")
        assert texts(gateway) == []


def test_page_and_log_show_it() -> None:
    with Pushgateway() as gateway:
        status = send(gateway, ROWS, "//metrics/job/nightly")
        send(gateway, "{}", "/graphql", "POST")
        with urllib.request.urlopen(f"{gateway.url}/-/state") as response:
            [request] = json.load(response)["requests"]
        assert (request["kind"], request["method"], request["status"]) == ("push", "PUT", status)
        assert request["target"] == "//metrics/job/nightly"
        assert request["error"].startswith("redirected (Location: /metrics/job/nightly); ")
        line = gateway._gateway.log[0]
        assert line[:2] == ("warn", "a push reached no group")
        assert line[2]["location"] == "/metrics/job/nightly"
        gateway.assert_rejected()


def test_windows_line_endings_are_named() -> None:
    with Pushgateway() as gateway:
        send(gateway, "# TYPE rows_total counter\r\nrows_total 1\r\n")
        told = "the text has Windows line endings: each line must end with \\n alone"
        assert failure(gateway.assert_pushed, "rows_total")[2].endswith(f'"counter\\r"; {told}')
        [text] = texts(gateway)
        assert f"; {told}. If the test expects it" in text


def test_compressed_body_without_its_header_is_named() -> None:
    with Pushgateway() as gateway:
        connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=10)
        connection.request("POST", "/metrics/job/nightly", gzip.compress(ROWS.encode()))
        connection.getresponse().close()
        connection.close()
        [text] = texts(gateway)
        assert "; the body is compressed with gzip: send the header Content-Encoding: gzip with it. " in text


def test_deletion_that_matched_nothing_names_the_groups_of_its_job() -> None:
    with Pushgateway() as gateway:
        for instance in ("db1", "db2"):
            send(gateway, ROWS, f"/metrics/job/nightly/instance/{instance}")
        send(gateway, path="/metrics/job/nightly", method="DELETE")
        [text] = texts(gateway)
        assert (
            'answered 202 either way; pushed before were (job="nightly", instance="db1"), '
            '(job="nightly", instance="db2"). If intended'
        ) in text


@pytest.mark.parametrize("path", ["/metrics/job/nightly/backup", "/metrics/job/nightly/path/var/tmp"])
def test_slash_in_a_value_names_the_way_to_send_it(path: str) -> None:
    with Pushgateway() as gateway:
        assert send(gateway, ROWS, path) == 400
        [text] = texts(gateway)
        told = "a value that is empty or has a slash is sent as base64: /metrics/job@base64/..., label@base64/..."
        assert f"; {told}. If the test expects it" in text


def test_space_that_was_sent_as_a_plus_is_named() -> None:
    with Pushgateway() as gateway:
        send(gateway, ROWS, "/metrics/job/nightly/disk/the+first")
        assert failure(gateway.assert_pushed, "rows", disk="the first")[3] == (
            '    it is in another group: disk is "the+first", expected "the first" '
            "(in a path + is a plus: encode a space as %20)"
        )


MALFORMED = {
    "escape": (b"PUT /metrics/job/100% HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request"),
    "space": (b"POST /metrics/job/my job HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "400 Bad Request"),
    "no host": (b"PUT /metrics/job/a HTTP/1.1\r\n\r\n", "400 Bad Request: missing required Host header"),
    "lengths": (b"PUT /metrics/job/a HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", "400 Bad Request"),
}


@pytest.mark.parametrize(("request_", "reason"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_push_is_a_rejected_one(request_: bytes, reason: str) -> None:
    with Pushgateway() as gateway:
        assert wire.talk(gateway.port, request_).raw.startswith(b"HTTP/1.1 400 Bad Request")

        [push] = gateway.pushes
        assert (push.status, push.accepted, push.rejected, push.grouping_key) == (400, False, True, {})
        assert push.error is not None
        assert push.error.startswith(f"{reason}; ")
        assert failure(gateway.assert_no_rejections)[0] == "expected no rejected push, but there is one:"
        [text] = texts(gateway)
        assert text.startswith(f"RejectedPushWarning: push 1 ({push.method} {push.path}) was answered 400: {reason}; ")


def test_malformed_deletion_is_a_useless_one() -> None:
    with Pushgateway() as gateway:
        assert b" 400 " in wire.talk(gateway.port, b"DELETE /metrics/job/100% HTTP/1.1\r\nHost: x\r\n\r\n").raw
        [text] = texts(gateway)
        assert text.startswith("UselessDeleteWarning: delete 1 (DELETE /metrics/job/100%) was answered 400: ")
        assert "escape each value with urllib.parse.quote(value, safe='')" in text


@pytest.mark.parametrize("line", [b"GET /metrics/job/100%", b"PUT /other/100%", b"PUT", b"\x16\x03\x01\x02"])
def test_other_malformed_requests_are_not_pushes(line: bytes) -> None:
    with Pushgateway() as gateway:
        assert b" 400 " in wire.talk(gateway.port, line + b" HTTP/1.1\r\nHost: x\r\n\r\n").raw
        assert gateway.pushes == []
        assert texts(gateway) == []


def test_malformed_push_of_an_earlier_test_shows_nowhere() -> None:
    with Pushgateway() as gateway, socket.create_connection((gateway.host, gateway.port), timeout=10) as client:
        client.sendall(b"PUT /metrics/job/100%")
        gateway.reset()
        client.sendall(b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 400")
        assert gateway.pushes == []
