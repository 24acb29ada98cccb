"""A configuration and a gateway: what Prometheus would store, asked like a scrape."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_pushgateway import BinaryNotFound, PrometheusConfig, Pushgateway, load
from tests import peers

JOB = """
- job_name: pushgateway
  honor_labels: {honor}
  static_configs: [{{targets: ["pushgateway.example:9091"]}}]
"""


def config(honor: str = "true", more: str = "", jobs: str = "") -> PrometheusConfig:
    indented = "".join(f"  {line}\n" for line in more.splitlines())
    return load(text=f"scrape_configs:{JOB.format(honor=honor)}{indented}{jobs}", lint="none")


@pytest.fixture
def gateway() -> Iterator[Pushgateway]:
    with Pushgateway() as gateway:
        gateway.push('backup_bytes{disk="sda"} 1024\n', job="backup", grouping_key={"instance": "db1"})
        yield gateway


def test_labels_stay_with_honor_labels(gateway: Pushgateway) -> None:
    scrape = config().scrape(gateway)
    assert scrape.value("backup_bytes", job="backup", instance="db1") == 1024
    scrape.assert_stored("backup_bytes", 1024, job="backup", disk="sda")
    scrape.assert_not_stored("backup_bytes", exported_job="backup")
    scrape.assert_stored("up", 1, job="pushgateway", instance="pushgateway.example:9091")
    scrape.assert_up()
    assert (scrape.health, scrape.error) == ("up", "")
    assert scrape.target_labels == {"job": "pushgateway", "instance": "pushgateway.example:9091"}
    assert repr(scrape).startswith("<ScrapeResult of job 'pushgateway': pushgateway.example:9091 up; ")


def test_message_without_honor_labels_shows_renamed_label(gateway: Pushgateway) -> None:
    scrape = config("false").scrape(gateway, "pushgateway")
    with pytest.raises(AssertionError) as caught:
        scrape.assert_stored("backup_bytes", 1024, job="backup")
    assert str(caught.value) == (
        'not stored: backup_bytes{job="backup"} 1024\n'
        "job 'pushgateway' stores under that name:\n"
        '    backup_bytes{disk="sda", exported_instance="db1", exported_job="backup", '
        'instance="pushgateway.example:9091", job="pushgateway"} 1024\n'
        'job="backup" was stored as exported_job="backup": job \'pushgateway\' lacks honor_labels: true'
    )


@pytest.mark.parametrize("word", ["name", "value"])
@pytest.mark.parametrize("method", ["assert_stored", "assert_not_stored", "value"])
def test_name_and_value_are_positional_only(gateway: Pushgateway, method: str, word: str) -> None:
    scrape = config("true").scrape(gateway, "pushgateway")
    with pytest.raises(TypeError, match=f"give a label called {word} as labels={{'{word}': 1024}}"):
        getattr(scrape, method)("backup_bytes", **{word: 1024})


def test_dropped_and_renamed_labels_are_reported(gateway: Pushgateway) -> None:
    rules = "metric_relabel_configs:\n- {action: drop, source_labels: [disk], regex: sda}"
    with pytest.raises(AssertionError) as caught:
        config(more=rules).scrape(gateway).value("backup_bytes")
    assert str(caught.value) == (
        "0 samples are backup_bytes\n"
        "job 'pushgateway' stores nothing under that name\n"
        "metric_relabel_configs rule 1 (drop, line 6) drops it"
    )
    rules = "metric_relabel_configs:\n- {target_label: __name__, replacement: other}"
    with pytest.raises(AssertionError, match=r"rule 1 \(replace, line 6\) renames it"):
        config(more=rules).scrape(gateway).assert_stored("backup_bytes")


def test_path_does_not_fit(gateway: Pushgateway) -> None:
    scrape = config(more="metrics_path: /prometheus/metrics").scrape(gateway)
    assert (scrape.health, scrape.error) == ("down", "server returned HTTP status 404 Not Found")
    with pytest.raises(
        AssertionError, match=r"target pushgateway.example:9091 is down: server returned HTTP status 404"
    ):
        scrape.assert_stored("backup_bytes")
    with pytest.raises(AssertionError, match="not every target is up"):
        scrape.assert_up()
    scrape.assert_stored("up", 0)


def test_gateway_is_gone(gateway: Pushgateway) -> None:
    gateway.stop()
    error = config().scrape(gateway).error
    where = f"127.0.0.1:{gateway.port}"
    assert error == f'Get "http://pushgateway.example:9091/metrics": dial tcp {where}: connect: connection refused'


def test_gateway_hangs(gateway: Pushgateway) -> None:
    with gateway.faults.hang(methods=["GET"]):
        error = config().scrape(gateway, timeout=0.1).error
    assert error == 'Get "http://pushgateway.example:9091/metrics": context deadline exceeded'


def test_ambiguous_job(gateway: Pushgateway) -> None:
    two = config(jobs=JOB.format(honor="true").replace("job_name: pushgateway", "job_name: pushgateway-2"))
    with pytest.raises(LookupError, match=r"name the job with job=.*'pushgateway', 'pushgateway-2'"):
        two.scrape(gateway)
    assert two.scrape(gateway, job="pushgateway-2").target_labels["job"] == "pushgateway-2"
    with pytest.raises(LookupError, match="no scrape job 'other'"):
        two.scrape(gateway, job="other")


def test_targets_that_only_service_discovery_knows(gateway: Pushgateway) -> None:
    text = """
scrape_configs:
- job_name: pushgateway
  honor_labels: true
  dns_sd_configs: [{names: [pushgateway.example]}]
  relabel_configs:
  - {source_labels: [__meta_dns_name], target_label: service}
"""
    found = load(text=text, lint="none")
    with pytest.raises(LookupError, match="its targets come from dns_sd_configs; name them"):
        found.scrape(gateway)
    target = {"__address__": "10.0.0.1:9091", "__meta_dns_name": "pushgateway.example"}
    assert found.scrape(gateway, targets=[target]).target_labels == {
        "instance": "10.0.0.1:9091",
        "job": "pushgateway",
        "service": "pushgateway.example",
    }


def test_two_targets(gateway: Pushgateway) -> None:
    scrape = config().scrape(gateway, targets=["a:9091", "b:9091"])
    with pytest.raises(LookupError, match=r"has 2 targets \(a:9091, b:9091\); look at .targets"):
        scrape.error  # noqa: B018
    assert [one.target.labels["instance"] for one in scrape.targets] == ["a:9091", "b:9091"]
    assert scrape.value("backup_bytes") == 1024
    assert len([sample for sample in scrape.series if sample.name == "up"]) == 2


def test_series_are_prometheus_clients_samples(gateway: Pushgateway) -> None:
    series = config().scrape(gateway, now=1_700_000_000.0).series
    [sample] = [sample for sample in series if sample.name == "backup_bytes"]
    assert sample.labels == {"disk": "sda", "instance": "db1", "job": "backup"}
    assert (sample.value, sample.timestamp) == (1024.0, 1_700_000_000.0)
    assert [sample.name for sample in series] == sorted(sample.name for sample in series)


@pytest.mark.conformance
def test_alerts_at_the_clock_of_the_test(gateway: Pushgateway, tmp_path: Path) -> None:
    (tmp_path / "alerts.yml").write_text(
        "groups:\n- name: g\n  rules:\n  - alert: BackupTooOld\n    for: 5m\n"
        '    expr: time() - push_time_seconds{job="backup"} > 86400\n'
    )
    path = tmp_path / "prometheus.yml"
    path.write_text(f"rule_files: [alerts.yml]\nscrape_configs:{JOB.format(honor='true')}")
    gateway.reset()
    gateway.clock.freeze(1_700_000_000.0)
    gateway.push("backup_bytes 1\n", job="backup")
    gateway.clock.advance(30 * 3600)
    gateway.push("backup_bytes 2\n", job="backup")
    gateway.clock.advance(3600)
    rules = load(path, lint="none").rules(gateway, promtool=str(peers.promtool_binary()))
    rules.assert_not_firing("BackupTooOld", after="24h4m")
    rules.assert_firing("BackupTooOld", after="24h7m", job="backup")
    rules.assert_not_firing("BackupTooOld")
    assert [sample.value for sample in rules.query("backup_bytes")] == [2.0]
    rules.assert_firing("BackupTooOld", after="55h", job="backup")


@pytest.mark.conformance
def test_alert_silent_without_honor_labels(gateway: Pushgateway, tmp_path: Path) -> None:
    (tmp_path / "alerts.yml").write_text(
        "groups:\n- name: g\n  rules:\n  - alert: BackupTooOld\n"
        '    expr: time() - push_time_seconds{job="backup"} > 1\n'
    )
    path = tmp_path / "prometheus.yml"
    path.write_text(f"rule_files: [alerts.yml]\nscrape_configs:{JOB.format(honor='false')}")
    gateway.reset()
    gateway.push("backup_bytes 1\n", job="backup")
    rules = load(path, lint="none").rules(gateway, promtool=str(peers.promtool_binary()))
    with pytest.raises(AssertionError, match="BackupTooOld is not firing 1h after") as caught:
        rules.assert_firing("BackupTooOld", after="1h")
    assert str(caught.value).splitlines()[1:] == [
        "it was never pending or firing until then",
        "job 'pushgateway' lacks honor_labels: true: a pushed job is stored as exported_job, and rules on job miss it",
    ]


def test_rules_without_promtool_and_without_a_job(gateway: Pushgateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMTOOL_BINARY", "/nowhere")
    with pytest.raises(BinaryNotFound, match="promtool is not at '/nowhere'"):
        config().rules(gateway)
    with pytest.raises(LookupError, match="no scrape job of the configuration scrapes the gateway"):
        load(text="scrape_configs: [{job_name: a}]", lint="none").rules(gateway)
