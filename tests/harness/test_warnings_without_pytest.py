"""Warnings of a gateway that no fixture made: at reset() and stop(), as from the line that called it."""

from __future__ import annotations

import inspect
import warnings

import pytest

from pytest_pushgateway import (
    LostPushWarning,
    PoisonedGatewayWarning,
    Pushgateway,
    PushgatewayWarning,
    RejectedPushWarning,
    UnusedFaultWarning,
    UselessDeleteWarning,
)
from pytest_pushgateway.harness.pushgateway import supervisor

from .application import send


def test_rejected_push() -> None:
    with Pushgateway() as gateway:
        send(gateway, "backup_bytes x\n")
        line = inspect.currentframe().f_lineno + 2  # type: ignore[union-attr]
        with pytest.warns(RejectedPushWarning) as caught:
            gateway.reset()

    assert [(warning.filename, warning.lineno) for warning in caught] == [(__file__, line)]
    assert str(caught[0].message) == (
        'push 1 (PUT job="backup") was answered 400: text format parsing error in line 1: expected float as value, '
        "got \"x\". If the test expects it, add pushgateway.assert_rejected(status=400, job='backup')"
    )


def test_rejected_pushes_that_the_journal_dropped() -> None:
    gateway = Pushgateway(journal_limit=1).start()
    send(gateway, "backup_bytes x\n")
    gateway.assert_rejected()
    send(gateway, "backup_bytes y\n")
    gateway.push("backup_bytes z\n", job="backup", check=False)
    send(gateway, "backup_bytes z\n")
    send(gateway)
    with pytest.warns(RejectedPushWarning) as caught:
        gateway.stop()

    assert [str(warning.message) for warning in caught] == [
        "rejected, but no longer in the journal: push 2, push 4; it keeps at most journal_limit "
        "requests and 64 MiB of bodies. To see why, raise that option; if the test expects it, add "
        "pushgateway.assert_rejected() earlier"
    ]


def test_at_the_end_of_a_with_statement() -> None:
    with pytest.warns(UselessDeleteWarning) as caught, Pushgateway() as gateway:
        send(gateway, method="DELETE")

    assert [warning.filename for warning in caught] == [__file__]
    assert str(caught[0].message) == (
        'delete 1 (DELETE job="backup") matched no group: a DELETE takes the exact grouping key, and is answered 202 '
        "either way. If intended, filter UselessDeleteWarning"
    )


def test_rejected_delete() -> None:
    gateway = Pushgateway(basic_auth=("user", "secret")).start()
    assert send(gateway, "", "/metrics/job/backup", "DELETE") == 401
    assert '  delete 1 (DELETE job="backup"), answered 401: nothing was deleted' in supervisor(gateway).section()
    with pytest.raises(AssertionError, match="but the DELETE was answered 401"):
        gateway.assert_deleted(job="backup")
    with pytest.warns(UselessDeleteWarning) as caught:
        gateway.stop()

    assert str(caught[0].message) == (
        'delete 1 (DELETE job="backup") was answered 401: nothing was deleted. If the test expects it, add '
        "pushgateway.assert_rejected(method='DELETE', status=401, job='backup')"
    )


def test_expected_rejection_of_delete_emits_no_warning() -> None:
    with Pushgateway(basic_auth=("user", "secret")) as gateway:
        send(gateway, method="DELETE")
        gateway.assert_rejected(method="DELETE", status=401, job="backup")


def test_late_useless_delete() -> None:
    gateway = Pushgateway().start()
    with gateway.faults.delay(0):
        send(gateway, method="DELETE")
    with pytest.warns(UselessDeleteWarning, match="delete 1 .* matched no group"):
        gateway.stop()


def test_delete_answered_by_fault_emits_no_warning() -> None:
    with Pushgateway() as gateway, gateway.faults.error(503):
        send(gateway, method="DELETE")


def test_each_is_issued_once() -> None:
    gateway = Pushgateway().start()
    send(gateway, "backup_bytes x\n")
    with pytest.warns(RejectedPushWarning):
        gateway.stop()
    gateway.stop()
    gateway.start()
    gateway.reset()
    gateway._gateway.end()


def test_asserted_rejection_emits_no_warning() -> None:
    with Pushgateway() as gateway:
        send(gateway, "backup_bytes x\n")
        gateway.assert_rejected("expected float")


def test_reading_the_pushes_does_not_count_as_expecting() -> None:
    with Pushgateway() as gateway:
        send(gateway, "backup_bytes x\n")
        assert gateway.pushes[0].status == 400
        with pytest.warns(RejectedPushWarning):
            gateway.reset()


def test_faults_and_requests_of_the_test_emit_no_warning() -> None:
    with Pushgateway() as gateway:
        with gateway.faults.error(503):
            send(gateway)
            send(gateway, method="DELETE")
        gateway.push("backup_bytes x\n", job="backup", check=False)


def test_put_loses_metrics_pushed_by_test() -> None:
    with Pushgateway() as gateway:
        send(gateway, "backup_bytes 7\nbackup_files 3\n")
        send(gateway, "backup_age 1\n", method="POST")
        send(gateway, "backup_bytes 8\n")
        with pytest.warns(LostPushWarning) as caught:
            gateway.reset()

    assert [str(warning.message) for warning in caught] == [
        'push 3 (PUT job="backup") removed backup_files, which push 1 (PUT job="backup") had brought; backup_age, '
        'which push 2 (POST job="backup") had brought, and does not carry them itself: PUT replaces the whole group. '
        "To keep them use POST (pushadd_to_gateway) or another grouping key; if the loss is intended, add "
        "pushgateway.assert_not_exposed('backup_files'), or filter LostPushWarning"
    ]


def test_put_replacing_prepared_metrics_loses_nothing() -> None:
    with Pushgateway() as gateway:
        gateway.push("backup_files 3\n", job="backup")
        send(gateway, "backup_bytes 8\n")
        send(gateway, "backup_bytes 9\n")


def test_poisoned_gateway_and_its_cure() -> None:
    with Pushgateway(route_prefix="/gateway") as gateway:
        send(gateway, path="/gateway/metrics/job/backup")
        send(gateway, "", "/gateway/metrics/job/backup/instance@base64/=")
        with pytest.warns(PushgatewayWarning) as caught:
            gateway.reset()

    assert [warning.category for warning in caught] == [RejectedPushWarning, PoisonedGatewayWarning]
    text = str(caught[1].message)
    assert text.startswith(
        'the gateway is poisoned since push 2 (PUT job="backup", instance=""): what it holds contradicts itself, so it '
        "refuses every push with 400 and every scrape fails with 500 ("
    )
    assert text.endswith(
        "A rejected push leaves its group behind. Cure: DELETE /gateway/metrics/job/backup/instance@base64/=; "
        "if intended, filter PoisonedGatewayWarning"
    )


def test_unchecked_gateway_is_poisoned_since_unfitting_push() -> None:
    with Pushgateway(consistency_check=False) as gateway:
        send(gateway)
        send(gateway, "# TYPE backup_bytes gauge\nbackup_bytes 7\n", "/metrics/job/second")
        send(gateway, "# TYPE backup_bytes gauge\nbackup_bytes 8\n", "/metrics/job/second")
        with pytest.warns(PoisonedGatewayWarning) as caught:
            gateway.reset()

    assert str(caught[0].message).startswith('the gateway is poisoned since push 2 (PUT job="second"): ')


def test_section_shows_group_whatever_its_name() -> None:
    with Pushgateway(utf8_names=True) as gateway:
        gateway.push('backup_time_seconds 7\n{"a\\nb\x1b"} 1\n', job="backup", grouping_key={"path": "/x" * 1000})
        lines = supervisor(gateway).section()

    group = next(line for line in lines if line.endswith(r": backup_time_seconds, a\nb\x1b") and "push" not in line)
    assert group.startswith('    job="backup", path="/x/x')
    assert max(map(len, lines)) < 300


def test_wiped_gateway_is_poisoned_since_later_push() -> None:
    with Pushgateway(enable_admin_api=True) as gateway:
        send(gateway, "backup_files 1\n")
        for _ in range(2):
            send(gateway, "", "/api/v1/admin/wipe")
            send(gateway)
            send(gateway, "", "/metrics/job/backup/instance@base64/=")
        with pytest.raises(AssertionError, match=r"carried it and was wiped \(PUT /api/v1/admin/wipe\)"):
            gateway.assert_exposed("backup_files")
        with pytest.warns(PushgatewayWarning) as caught:
            gateway.reset()

    assert str(caught[-1].message).startswith('the gateway is poisoned since push 5 (PUT job="backup", instance=""): ')


def test_cure_works() -> None:
    with Pushgateway() as gateway:
        send(gateway)
        send(gateway, "", "/metrics/job/backup/instance@base64/=")
        gateway.assert_rejected("was collected before")
        assert gateway.scrape().status == 500
        send(gateway, path="/metrics/job/backup/instance@base64/=", method="DELETE")
        assert gateway.scrape().status == 200


def test_expected_poisoning_emits_no_warning() -> None:
    with Pushgateway() as gateway:
        send(gateway)
        send(gateway, "", "/metrics/job/backup/instance@base64/=")
        gateway.assert_rejected(instance="")


@pytest.mark.parametrize(
    ("times", "hits", "text"),
    [
        (None, 0, "the fault error(503) met no request. If intended, filter UnusedFaultWarning"),
        (3, 1, "the fault error(503) met 1 of 3 requests. If intended, filter UnusedFaultWarning"),
    ],
)
def test_fault_met_fewer_requests_than_times(times: int | None, hits: int, text: str) -> None:
    with Pushgateway() as gateway:
        with gateway.faults.error(503, times=times):
            for _ in range(hits):
                send(gateway)
        with pytest.warns(UnusedFaultWarning) as caught:
            gateway.reset()

    assert [str(warning.message) for warning in caught] == [text]


def test_fault_ended_by_reset_is_reported_once() -> None:
    with Pushgateway() as gateway:
        gateway.faults.error(503)
        with pytest.warns(UnusedFaultWarning) as caught:
            gateway.reset()

    assert len(caught) == 1


def test_refusal_cannot_count_connections() -> None:
    with Pushgateway() as gateway, gateway.faults.refuse():
        pass


def test_all_are_gathered_into_one_error() -> None:
    gateway = Pushgateway().start()
    send(gateway, "backup_bytes x\n")
    send(gateway, method="DELETE")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PushgatewayWarning) as caught:
            gateway.stop()

    lines = str(caught.value).splitlines()
    assert lines[0] == "2 warnings:"
    assert lines[1].startswith('- RejectedPushWarning: push 1 (PUT job="backup") was answered 400')
    assert lines[2].startswith('- UselessDeleteWarning: delete 1 (DELETE job="backup") matched no group')
    assert not gateway.running


def test_exception_in_predicate_reaches_test() -> None:
    gateway = Pushgateway().start()
    gateway.faults.error(503, when=lambda request: request.nonsense)  # type: ignore[attr-defined]
    assert send(gateway) == 200

    with pytest.raises(AttributeError, match="'Request' object has no attribute 'nonsense'"):
        gateway.stop()
    assert not gateway.running
