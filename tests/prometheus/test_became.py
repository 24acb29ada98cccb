"""Failing assertions on Prometheus's side name the pushes behind them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pushgateway import PrometheusConfig, Pushgateway, load
from tests import peers

from .pushing import push

CONFIG = """
scrape_configs:
  - job_name: pushgateway
    honor_labels: true
    scrape_interval: 15s
    static_configs: [{targets: ["pushgateway.example:9091"]}]
"""

RULES = """
groups:
  - name: backup
    rules:
      - record: job:backup_rows:sum
        expr: sum by (job) (backup_rows)
      - alert: NoRows
        expr: job:backup_rows:sum == 0
      - alert: Old
        expr: time() - push_time_seconds{job="nightly"} > 100
      - alert: Slow
        expr: rate(backup_seconds_sum[5m]) > 1
"""


@pytest.fixture
def gateway() -> Iterator[Pushgateway]:
    with Pushgateway() as one:
        one.clock.freeze(1_700_000_000)
        yield one


def config() -> PrometheusConfig:
    return load(text=CONFIG, lint="none")


def told(gateway: Pushgateway, name: str, value: float = 7) -> list[str]:
    """Return the message of a failing assert_stored below its first two lines."""
    with pytest.raises(AssertionError) as caught:
        config().scrape(gateway).assert_stored(name, value)
    return str(caught.value).splitlines()[2:]


def test_deleted_metric(gateway: Pushgateway) -> None:
    push(gateway, "/metrics/job/nightly", "rows 7\n")
    gateway.clock.advance(3600)
    push(gateway, "/metrics/job/nightly", "", method="DELETE")
    assert told(gateway, "rows") == [
        "What became of it:",
        '  push 1 (PUT job="nightly") carried rows and was deleted by delete 1 (DELETE job="nightly")',
    ]


def test_metric_deleted_within_one_interval(gateway: Pushgateway) -> None:
    push(gateway, "/metrics/job/nightly", "rows 7\n")
    gateway.clock.advance(5)
    push(gateway, "/metrics/job/nightly", "", method="DELETE")
    assert told(gateway, "rows") == [
        "What became of it:",
        '  push 1 (PUT job="nightly") carried rows and was deleted by delete 1 (DELETE job="nightly"), 5 s later, '
        "within one scrape interval of 15 s: Prometheus may never see it",
    ]


def test_replaced_removed_and_rejected_metrics(gateway: Pushgateway) -> None:
    gateway.push("# TYPE rows gauge\nrows 7\n", job="nightly")
    gateway.clock.advance(60)
    gateway.push("# TYPE rows gauge\nrows 8\n", job="nightly")
    push(gateway, "/metrics/job/other", "# TYPE rows counter\nrows 7\n")
    gateway.assert_rejected()
    gateway.clock.advance(60)
    gateway.push("files 1\n", job="nightly")
    test = ", sent by the test itself, carried rows and was"
    assert told(gateway, "rows") == [
        "What became of it:",
        '  push 3 (PUT job="other") carried rows and was rejected with 400: collected metric "rows" { '
        'label:{name:"instance" value:""} label:{name:"job" value:"other"} counter:{value:7}} is not a GAUGE',
        f'  push 2 (PUT job="nightly"){test} removed by push 4 (PUT job="nightly"): a PUT replaces the whole group, a '
        "POST would have kept it",
        f'  push 1 (PUT job="nightly"){test} replaced by push 2 (PUT job="nightly")',
    ]


def test_metric_of_another_value_is_there(gateway: Pushgateway) -> None:
    push(gateway, "/metrics/job/nightly", "rows 8\n")
    assert told(gateway, "rows") == ['    rows{job="nightly"} 8']


def test_sample_of_a_histogram(gateway: Pushgateway) -> None:
    push(gateway, "/metrics/job/nightly", '# TYPE took histogram\ntook_bucket{le="+Inf"} 1\ntook_count 1\ntook_sum 1\n')
    push(gateway, "/metrics/job/nightly", "", method="DELETE")
    assert (
        'carried took and was deleted by delete 1 (DELETE job="nightly"), 0 s later' in told(gateway, "took_count")[1]
    )


def test_metric_never_pushed(gateway: Pushgateway) -> None:
    assert told(gateway, "rows")[0] == "nothing was pushed to the gateway in this test"
    assert told(gateway, "rows")[1].startswith(f"This gateway is at {gateway.address}: ")
    push(gateway, "/metrics/job/nightly", "row 7\nfiles 1\n")
    assert told(gateway, "rows") == ["no push of this test carried it; pushed were: files, row"]


def test_nothing_but_rejected_pushes(gateway: Pushgateway) -> None:
    push(gateway, "/metrics/job/nightly", "rows x\n")
    gateway.assert_rejected()
    assert told(gateway, "rows") == ["no push to the gateway was accepted in this test"]


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yml"
    path.write_text(RULES)
    return path


def not_firing(gateway: Pushgateway, rules: Path, alert: str) -> list[str]:
    test = config().rules(gateway, rule_files=[rules], promtool=peers.promtool_binary())
    with pytest.raises(AssertionError) as caught:
        test.assert_firing(alert)
    return [line for line in str(caught.value).splitlines() if "push" in line]


@pytest.mark.conformance
def test_alert_on_a_record_of_a_deleted_metric(gateway: Pushgateway, rules: Path) -> None:
    gateway.clock.advance(1)
    push(gateway, "/metrics/job/nightly", "backup_rows 0\n")
    gateway.clock.advance(5)
    push(gateway, "/metrics/job/nightly", "", method="DELETE")
    gateway.clock.advance(60)
    assert not_firing(gateway, rules, "NoRows") == [
        '  push 1 (PUT job="nightly") carried backup_rows and was deleted by delete 1 (DELETE job="nightly"), 5 s '
        "later, within one scrape interval of 15 s: Prometheus never sees it",
    ]


@pytest.mark.conformance
def test_alert_on_a_metric_that_a_scrape_has_seen(gateway: Pushgateway, rules: Path) -> None:
    gateway.clock.advance(13)
    push(gateway, "/metrics/job/nightly", "backup_rows 0\n")
    gateway.clock.advance(5)
    push(gateway, "/metrics/job/nightly", "", method="DELETE")
    gateway.clock.advance(600)
    assert not_firing(gateway, rules, "NoRows") == [
        '  push 1 (PUT job="nightly") carried backup_rows and was deleted by delete 1 (DELETE job="nightly")',
    ]


@pytest.mark.conformance
def test_alert_on_the_time_of_a_push(gateway: Pushgateway, rules: Path) -> None:
    push(gateway, "/metrics/job/nightly", "backup_rows 0\n")
    gateway.clock.advance(60)
    assert not_firing(gateway, rules, "Old") == []
    push(gateway, "/metrics/job/nightly", "", method="DELETE")
    gateway.clock.advance(600)
    assert not_firing(gateway, rules, "Old") == [
        '  push 1 (PUT job="nightly") carried push_time_seconds and was deleted by delete 1 (DELETE job="nightly")'
    ]


@pytest.mark.conformance
def test_alert_on_a_metric_never_pushed(gateway: Pushgateway, rules: Path) -> None:
    push(gateway, "/metrics/job/nightly", "backup_rows 1\n")
    gateway.clock.advance(60)
    assert not_firing(gateway, rules, "Slow") == ["no push of this test carried it; pushed were: backup_rows"]
    assert not_firing(gateway, rules, "NoRows") == []
