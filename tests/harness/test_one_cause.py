"""One cause is one warning and one entry of the section, however many requests it befell."""

from __future__ import annotations

import pytest

from pytest_pushgateway import Pushgateway, PushgatewayWarning, RejectedPushWarning, UselessDeleteWarning
from pytest_pushgateway.harness.pushgateway import supervisor

from .application import send
from .messages import failure
from .play import Play


def section(gateway: Pushgateway) -> list[str]:
    return supervisor(gateway).section()


def test_rejections_for_one_reason_are_one_warning_and_one_entry() -> None:
    with Pushgateway() as gateway:
        for worker in range(200):
            send(gateway, f"rows {worker},5\n", f"/metrics/job/nightly/worker/w{worker}")
        lines = section(gateway)
        with pytest.warns(RejectedPushWarning) as caught:
            gateway.reset()

    assert [str(warning.message) for warning in caught] == [
        'push 1 (PUT job="nightly", worker="w0") was answered 400: text format parsing error in line 1: expected float '
        'as value, got "0,5"; for the same reason: 199 more pushes, the last push 200 (PUT job="nightly", '
        "worker=\"w199\"). If the test expects it, add pushgateway.assert_rejected(status=400, job='nightly')"
    ]
    assert lines[1:] == [
        '  push 1 (PUT job="nightly", worker="w0") was answered 400: '
        'text format parsing error in line 1: expected float as value, got "0,5"',
        '    for the same reason: 199 more pushes, the last push 200 (PUT job="nightly", worker="w199")',
        "  holds no groups",
    ]


def test_several_jobs_are_not_named_as_one() -> None:
    with Pushgateway() as gateway:
        for job in ("first", "second"):
            send(gateway, "rows x\n", f"/metrics/job/{job}")
        with pytest.warns(RejectedPushWarning) as caught:
            gateway.reset()

    [text] = [str(warning.message) for warning in caught]
    assert text.endswith(
        'for the same reason: push 2 (PUT job="second"). '
        "If the test expects it, add pushgateway.assert_rejected(status=400)"
    )


def test_other_reasons_keep_warnings_of_theirs() -> None:
    with Pushgateway() as gateway:
        for body in ("rows x\n", "rows 7 1700000000000\n", "rows x\n", "rows 8 1700000000000\n"):
            send(gateway, body)
        with pytest.warns(RejectedPushWarning) as caught:
            gateway.reset()

    assert [str(warning.message).partition(" (")[0] for warning in caught] == ["push 1", "push 2"]


def test_collisions_of_one_series_are_one_cause_whatever_its_value(play: Play) -> None:
    play.put("# TYPE rows gauge\nrows 7\n", job="first")
    for number in range(12):
        play.put(f"# TYPE rows counter\nrows {number}\n")

    lines = failure(play.assert_no_rejections)
    assert (len(lines), lines[0]) == (4, "expected no rejected push, but there are 12:")
    assert lines[3] == '    for the same reason: 11 more pushes, the last push 13 (PUT job="backup")'


def test_rejections_do_not_push_accepted_pushes_out_of_the_section() -> None:
    with Pushgateway() as gateway:
        for name in ("rows", "files"):
            send(gateway, f"{name} 1\n", f"/metrics/job/{name}")
            for _ in range(30):
                send(gateway, "rows x\n")
        lines = section(gateway)
        gateway.assert_rejected()
    assert [line.partition(" (")[0] for line in lines if line.startswith("  push")] == [
        "  push 1",
        "  push 2",
        "  push 32",
    ]


def test_log_does_not_repeat_rejections() -> None:
    with Pushgateway() as gateway:
        send(gateway, "rows x\n")
        send(gateway, "rows 7 1700000000000\n")
        send(gateway, "rows 7\n", "/metrics/job@base64/!")
        send(gateway, "rows 7\n", "/metrics/job//nightly")
        send(gateway, "rows 7\n", "/metrics/job/nightly/label")
        gateway._gateway.log.append(("error", "request failed", {"err": "ValueError: x"}))
        lines = section(gateway)
        gateway.assert_rejected(status=400)
        gateway.assert_rejected("redirected")

    assert [line for line in lines if line.startswith("  log:")] == ["  log: error request failed err='ValueError: x'"]


def test_deletions_in_vain_are_one_warning() -> None:
    with Pushgateway() as gateway:
        for _ in range(5):
            send(gateway, path="/metrics/job/nightly", method="DELETE")
        for _ in range(2):
            send(gateway, path="/metrics/jobs/nightly", method="DELETE")
        send(gateway, path="/metrics/job/other", method="DELETE")
        with pytest.warns(UselessDeleteWarning) as caught:
            gateway.reset()

    assert [str(warning.message).partition(": ")[0] for warning in caught] == [
        'delete 1 (DELETE job="nightly") matched no group (nor did 4 more deletions)',
        "delete 6 (DELETE /metrics/jobs/nightly) was answered 404 (so was one more deletion)",
        'delete 8 (DELETE job="other") matched no group',
    ]


def test_second_poisoning_is_another_cause() -> None:
    with Pushgateway() as gateway:
        for _ in range(2):
            send(gateway, "rows 7\n")
            send(gateway, "", "/metrics/job/backup/instance@base64/=")
            for _ in range(3):
                send(gateway, "files 1\n", "/metrics/job/other")
            send(gateway, path="/metrics/job/backup/instance@base64/=", method="DELETE")
        lines = section(gateway)
        with pytest.warns(PushgatewayWarning):
            gateway.reset()

    told = [line for line in lines if "for the same reason: 2 more pushes" in line]
    assert [line.rpartition(" (")[0].rpartition("last ")[2] for line in told] == ["push 5", "push 10"]
