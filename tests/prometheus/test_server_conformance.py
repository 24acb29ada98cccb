"""A real Prometheus beside a gateway: the addresses stay, the labels are those of production."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from pytest_pushgateway import BinaryNotFound, PrometheusServer, Pushgateway, Settings, load
from pytest_pushgateway.gateway.gateway import Gateway
from pytest_pushgateway.prometheus.server import PrometheusError
from tests import peers

from .pushing import push

pytestmark = pytest.mark.conformance

CONFIG = """
global:
  scrape_interval: 15s
  external_labels: {region: eu}
rule_files: [nothing.yml]
scrape_configs:
- job_name: pushgateway
  honor_labels: true
  static_configs:
  - targets: ["pushgateway.example:9091"]
    labels: {env: test}
  metric_relabel_configs:
  - {action: drop, source_labels: [__name__], regex: "go_.*|process_.*|pushgateway_.*|push_.*"}
- job_name: node
  static_configs: [{targets: ["node:9100"]}]
"""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    gateway = Gateway(Settings())
    gateway.start()
    yield gateway
    gateway.stop()


@pytest.mark.parametrize(("version", "binary"), [("3.5", peers.prometheus_binary), ("2.53", peers.prometheus_2_binary)])
def test_pushed_metrics_are_queried_with_production_labels(
    version: str, binary: Callable[[], Path], gateway: Gateway
) -> None:
    push(gateway, "/metrics/job/backup/instance/db1", "backup_bytes 7\n")
    with PrometheusServer(load(text=CONFIG, version=version), gateway, binary=binary()) as server:
        assert server.notes == ["job 'pushgateway': scraped every 200ms, not every 15s"]
        [sample] = server.query("backup_bytes")
        assert (sample.labels, sample.value) == ({"job": "backup", "instance": "db1", "env": "test"}, 7.0)
        push(gateway, "/metrics/job/backup/instance/db1", "backup_bytes 8\n")
        push(gateway, "/metrics/job/backup", "backup_bytes 9\n")
        server.wait_until_scraped()
        assert [(sample.labels.get("instance"), sample.value) for sample in server.series("backup_bytes")] == [
            ("db1", 8.0),
            (None, 9.0),
        ]
        assert {sample.name for sample in server.series()} == {
            "backup_bytes",
            "up",
            "scrape_duration_seconds",
            "scrape_samples_scraped",
            "scrape_samples_post_metric_relabeling",
            "scrape_series_added",
        }
        [target] = server.targets()
        assert (target.job, target.health) == ("pushgateway", "up")
        assert target.labels == {"job": "pushgateway", "instance": "pushgateway.example:9091", "env": "test"}
        assert target.url == "http://pushgateway.example:9091/metrics"
        assert [sample.value for sample in server.query("1 + 1")] == [2.0]
        with pytest.raises(PrometheusError, match="parse error: unclosed left parenthesis"):
            server.query("sum(")
        assert repr(server).startswith("<PrometheusServer at http://127.0.0.1:")
        directory = server._process._directory
        assert directory is not None
        assert directory.is_dir()
    assert not server.running
    assert not directory.exists()


@pytest.mark.parametrize(("version", "binary"), [("3.5", peers.prometheus_binary), ("2.53", peers.prometheus_2_binary)])
def test_tls_passwords_and_discovered_targets(version: str, binary: Callable[[], Path], tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("pushgateway.example")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    (tmp_path / "password").write_text("p\n")
    path = tmp_path / "prometheus.yml"
    path.write_text(
        "scrape_configs:\n- job_name: pushgateway\n  honor_labels: true\n  scheme: https\n  body_size_limit: 1MB\n"
        "  basic_auth: {username: u, password_file: password}\n  tls_config: {ca_file: ca.pem}\n"
        "  dns_sd_configs: [{names: [pushgateway.example]}]\n"
        "  relabel_configs: [{source_labels: [zone], target_label: area}]\n"
    )
    server = str(tmp_path / "server.pem")
    with Pushgateway(tls=(server, server), basic_auth=("u", "p")) as gateway:
        gateway.push("backup_bytes 7\n", job="backup")
        targets = [{"__address__": "pushgateway.example:9091", "zone": "eu"}]
        with PrometheusServer(load(path, version=version), gateway, targets=targets, binary=binary()) as prometheus:
            [sample] = prometheus.query("backup_bytes")
            [up] = prometheus.query("up")
        assert sample.labels == {"area": "eu", "job": "backup", "zone": "eu"}
        assert up.labels == {"area": "eu", "instance": "pushgateway.example:9091", "job": "pushgateway", "zone": "eu"}


def test_unfitting_path_is_reported(gateway: Gateway) -> None:
    config = load(text=CONFIG.replace("honor_labels: true", "metrics_path: /nothing"))
    server = PrometheusServer(config, gateway, binary=peers.prometheus_binary())
    with pytest.raises(PrometheusError) as caught:
        server.start(timeout=9)
    assert str(caught.value) == (
        "not every target was scraped:\n"
        "    http://pushgateway.example:9091/nothing of job 'pushgateway' is down: "
        "server returned HTTP status 404 Not Found"
    )
    assert not server.running


def test_exited_prometheus_shows_its_log(gateway: Gateway) -> None:
    config = load(text=CONFIG.replace("honor_labels: true", "metrics_path: /metrics"))
    server = PrometheusServer(config, gateway, binary=peers.prometheus_binary())
    server._process.config = "scrape_configs: [{job_name: ''}]"
    with pytest.raises(PrometheusError, match=r"(?s)Prometheus ended with exit status .*job_name is empty"):
        server.start()


def test_no_answer_after_the_process_has_gone(gateway: Gateway) -> None:
    with PrometheusServer(load(text=CONFIG), gateway, binary=peers.prometheus_binary()) as server:
        process = server._process._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with pytest.raises(PrometheusError, match="does not answer"):
            server.query("up")
    assert not server.running


def test_no_binary_and_no_job(gateway: Gateway, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    binary = peers.prometheus_binary()
    monkeypatch.delenv("PROMETHEUS_BINARY", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BinaryNotFound, match="no prometheus on PATH; install it, or name it in PROMETHEUS_BINARY"):
        PrometheusServer(load(text=CONFIG), gateway)
    with pytest.raises(BinaryNotFound, match="prometheus is not at '/nothing', which the option names"):
        PrometheusServer(load(text=CONFIG), gateway, binary="/nothing")
    monkeypatch.setenv("PROMETHEUS_BINARY", "/nowhere")
    with pytest.raises(BinaryNotFound, match="'/nowhere', which the environment variable PROMETHEUS_BINARY names"):
        PrometheusServer(load(text=CONFIG), gateway)
    with pytest.raises(LookupError, match="no scrape job"):
        PrometheusServer(load(text="{}"), gateway, binary=binary)
