"""lint(): promlint's rules on what was pushed, and the push's own."""

from __future__ import annotations

import gzip
import http.client

import pytest
from prometheus_client import CollectorRegistry, Counter, push_to_gateway

from pytest_pushgateway import LintWarning, MakePushgateway, Pushgateway
from pytest_pushgateway.exposition.model import MetricFamily, MetricType
from pytest_pushgateway.exposition.protobuf.writer import render_family

from .application import send

HELPED = "# HELP backup_bytes Size.\n# TYPE backup_bytes gauge\n"


def problems(gateway: Pushgateway) -> list[str]:
    return [str(problem) for problem in gateway.lint()]


def test_clean_push_has_no_problems(pushgateway: Pushgateway) -> None:
    send(pushgateway, HELPED + "backup_bytes 7\n")

    assert pushgateway.lint() == []


def test_promlint_checks_metrics_as_sent(pushgateway: Pushgateway) -> None:
    send(pushgateway, "# TYPE backup counter\nbackup 7\n", "/metrics/job/b/camelCase/x")

    assert problems(pushgateway) == [
        'backup: counter metrics should have "_total" suffix (push 1 (PUT job="b", camelCase="x"))',
        'backup: no help text (push 1 (PUT job="b", camelCase="x"))',
    ]


def test_problem_is_reported_once(pushgateway: Pushgateway) -> None:
    send(pushgateway, "backup_bytes 7\n")
    send(pushgateway, "backup_bytes 8\n")

    assert problems(pushgateway) == ['backup_bytes: no help text (push 1 (PUT job="backup"))']
    assert pushgateway.lint()[0].push is pushgateway.pushes[0]


def test_unreadable_pushes_and_those_of_the_test_are_skipped(pushgateway: Pushgateway) -> None:
    send(pushgateway, "backup_bytes x\n")
    pushgateway.assert_rejected()
    pushgateway.push("backup_bytes 7\n", job="backup")

    assert pushgateway.lint() == []


def test_compressed_and_binary_pushes_are_read_too(pushgateway: Pushgateway) -> None:
    connection = http.client.HTTPConnection(pushgateway.host, pushgateway.port)
    connection.request("PUT", "/metrics/job/backup", gzip.compress(b"backup_bytes 7\n"), {"Content-Encoding": "gzip"})
    assert connection.getresponse().read() == b""
    body = render_family(MetricFamily(b"backup_files", MetricType.GAUGE, b"", [(b"backup_files", b"7")]))
    kind = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
    connection.request("PUT", "/metrics/job/binary", body, {"Content-Type": kind})
    assert connection.getresponse().status == 200
    connection.close()

    assert problems(pushgateway) == [
        'backup_bytes: no help text (push 1 (PUT job="backup"))',
        'backup_files: no help text (push 2 (PUT job="binary"))',
    ]


@pytest.mark.parametrize("name", ["up", "scrape_duration_seconds", "ALERTS"])
def test_names_that_prometheus_gives_itself(pushgateway: Pushgateway, name: str) -> None:
    send(pushgateway, f"# HELP {name} Help.\n# TYPE {name} gauge\n{name} 1\n")

    assert f'{name}: Prometheus gives this name to its own series (push 1 (PUT job="backup"))' in problems(pushgateway)


def test_label_overwritten_by_grouping_key(pushgateway: Pushgateway) -> None:
    send(pushgateway, HELPED + 'backup_bytes{job="other"} 7\nbackup_bytes{job="third",disk="a"} 8\n')

    assert problems(pushgateway) == [
        'backup_bytes: label job="other" is overwritten by the grouping key\'s "backup" (push 1 (PUT job="backup"))'
    ]


def test_label_equal_to_grouping_key_is_not_a_problem(pushgateway: Pushgateway) -> None:
    send(pushgateway, HELPED + 'backup_bytes{job="backup"} 7\n')

    assert pushgateway.lint() == []


def test_instance_in_grouping_key(pushgateway: Pushgateway) -> None:
    send(pushgateway, HELPED + "backup_bytes 7\n", "/metrics/job/backup/instance/db1")

    assert problems(pushgateway) == [
        'grouping key: instance="db1" ties the metrics to a machine, and they stay when it is gone; the job of a '
        "service has no instance, and for that of a machine there is the node exporter's textfile collector "
        '(push 1 (PUT job="backup", instance="db1"))'
    ]


def test_decreasing_counter(pushgateway: Pushgateway) -> None:
    for count in (3, 1):
        registry = CollectorRegistry()
        Counter("backups", "Runs.", registry=registry).inc(count)
        push_to_gateway(pushgateway.address, job="backup", registry=registry)

    assert problems(pushgateway) == [
        "backups_total: the counter goes down from one push to the next: a new process begins at 0, and rate() takes "
        'that for a restart; push a gauge, or keep the total (push 2 (PUT job="backup"))'
    ]


def test_decreasing_histogram(pushgateway: Pushgateway) -> None:
    text = "# HELP h_seconds Time.\n# TYPE h_seconds histogram\nh_seconds_sum 1\nh_seconds_count {}\n"
    send(pushgateway, text.format(2))
    send(pushgateway, text.format(3))
    assert pushgateway.lint() == []
    send(pushgateway, text.format(1))

    assert problems(pushgateway)[0].startswith("h_seconds: the counter goes down")


def test_counter_begins_again_after_deletion(pushgateway: Pushgateway) -> None:
    text = "# HELP a_total Runs.\n# TYPE a_total counter\na_total {}\n"
    send(pushgateway, text.format(2))
    send(pushgateway, method="DELETE")
    send(pushgateway, text.format(1))

    assert pushgateway.lint() == []


def test_counter_begins_again_after_wipe(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway(enable_admin_api=True)
    text = "# HELP a_total Runs.\n# TYPE a_total counter\na_total {}\n"
    send(gateway, text.format(2))
    send(gateway, "", "/api/v1/admin/wipe")
    send(gateway, text.format(1))

    assert gateway.lint() == []


def test_grouping_key_growing_with_every_push(pushgateway: Pushgateway) -> None:
    for run in range(3):
        send(pushgateway, HELPED + "backup_bytes 7\n", f"/metrics/job/backup/run/{run}/host/a")

    assert problems(pushgateway) == [
        "grouping key: run has a new value in each of 3 pushes: the gateway never forgets a group "
        '(push 3 (PUT job="backup", host="a", run="2"))'
    ]


@pytest.mark.filterwarnings("ignore::pytest_pushgateway.LostPushWarning")
def test_label_growing_with_every_push(pushgateway: Pushgateway) -> None:
    for run in range(3):
        send(pushgateway, HELPED + f'backup_bytes{{file="{run}",disk="a"}} 7\n', method="POST")

    assert problems(pushgateway) == [
        "backup_bytes: label file has new values in each of 3 pushes: every one is a series that Prometheus keeps "
        '(push 3 (POST job="backup"))'
    ]


def test_lint_option_warns() -> None:
    with Pushgateway(lint=True) as gateway:
        send(gateway, "backup_bytes 7\n")
        with pytest.warns(LintWarning) as caught:
            gateway.reset()
        send(gateway, HELPED + "backup_bytes 7\n")

    assert [str(warning.message) for warning in caught] == ['backup_bytes: no help text (push 1 (PUT job="backup"))']
