"""Which jobs scrape a gateway, and how sure that is."""

from __future__ import annotations

import pytest

from pytest_pushgateway import load
from pytest_pushgateway.prometheus.lint.detection import detect


def level(job: str, name: str = "a", *gateways: object) -> str | None:
    config = load(text=f"scrape_configs:\n- job_name: {name}\n{job}", lint="none")
    assert config.errors == []
    found = detect(config, gateways)
    return found[0].level if found else None


def static(*targets: str, **labels: str) -> str:
    text = f"  static_configs:\n  - targets: {list(targets)}\n"
    return text + (f"    labels: {labels}\n" if labels else "")


@pytest.mark.parametrize(
    "name", ["pushgateway", "push-gateway", "Prometheus Pushgateway", "pgw", "prod-pgw-1", "pushgw"]
)
def test_name_is_certain(name: str) -> None:
    assert level(static("x:80"), name) == "sure"


@pytest.mark.parametrize("name", ["apigateway", "gateway", "pushover", "epgwx", "api-gw"])
def test_other_names_are_not(name: str) -> None:
    assert level(static("x:80"), name) is None


@pytest.mark.parametrize("target", ["pushgateway:9091", "prom-pushgateway.monitoring.svc:9091", "pgw.example.com"])
def test_host_is_certain(target: str) -> None:
    assert level(static("node:9100", target)) == "sure"


def test_final_address_counts() -> None:
    rule = "  relabel_configs:\n  - {target_label: __address__, replacement: 'pushgateway:9091'}\n"
    assert level(static("x:1") + rule) == "sure"
    rule = "  relabel_configs:\n  - {target_label: __address__, replacement: 'blackbox:9115'}\n"
    assert level(static("http://pushgateway:9091/-/healthy") + rule) is None
    rule = "  relabel_configs:\n  - {source_labels: [__address__], regex: 'push.*', action: drop}\n"
    assert level(static("pushgateway:9091", "x:1") + rule) is None
    rule = "  kubernetes_sd_configs: [{role: pod}]\n  relabel_configs:\n"
    rule += "  - {target_label: __address__, replacement: 'pushgateway:9091'}\n"
    assert level(rule) == "sure"


def test_keep_rule_is_certain() -> None:
    rule = "  kubernetes_sd_configs: [{role: endpoints}]\n  relabel_configs:\n"
    rule += "  - {source_labels: [__meta_kubernetes_service_annotation_prometheus_io_probe], regex: %s, action: keep}\n"
    assert level(rule % "pushgateway") == "sure"
    assert level(rule % "'node|pushgateway'") == "likely"
    assert level((rule % "pushgateway").replace("keep", "drop")) is None


@pytest.mark.parametrize(
    "discovery",
    [
        "consul_sd_configs: [{services: [pushgateway]}]",
        "dns_sd_configs: [{names: [pushgateway.service.consul], type: A, port: 9091}]",
        "file_sd_configs: [{files: [targets/pushgateway.yml]}]",
        "kubernetes_sd_configs: [{role: pod, selectors: [{role: pod, label: app=prometheus-pushgateway}]}]",
    ],
)
def test_service_discovery_query_is_certain(discovery: str) -> None:
    assert level(f"  {discovery}\n") == "sure"


def test_credentials_are_not_evidence() -> None:
    assert level("  consul_sd_configs: [{services: [web], password: pushgateway}]\n") is None


def test_port_with_honor_labels_is_likely() -> None:
    assert level("  honor_labels: true\n" + static("10.0.0.5:9091")) == "likely"


def test_label_is_likely() -> None:
    assert level(static("10.0.0.5:80", service="pushgateway")) == "likely"


def test_port_only_is_possible() -> None:
    assert level(static("10.0.0.5:9091")) == "perhaps"


def test_other_exporters_are_not_a_gateway() -> None:
    assert level(static("pushgateway:9100")) is None
    assert level(static("10.0.0.1:9100"), "node-pushgateway") is None
    assert level("  metrics_path: /probe\n" + static("pushgateway:9091")) is None
    assert level("  honor_labels: true\n  metrics_path: /federate\n" + static("prom:9091")) is None


@pytest.mark.parametrize(
    ("name", "target", "expected"),
    [
        ("push-gateway", "sygnal:8080", "perhaps"),
        ("push-gateway", "push-gateway:8080", "perhaps"),
        ("push_gateway", "gorush:8088", "perhaps"),
        ("mobile-push-gateway", "10.0.0.1:5000", "perhaps"),
        ("matrix", "push-gateway.matrix.svc:5000", "perhaps"),
        ("pushgateway-cleaner", "pushgateway-cleaner:9091", "perhaps"),
        ("pushgateway-pruner", "10.0.0.1:8000", "perhaps"),
        ("prometheus-pushgateway-janitor", "x:9091", "perhaps"),
        ("cleanup", "pushgateway-cleanup:8080", "perhaps"),
        ("push-gateway", "10.0.0.1:9091", "sure"),
        ("pushgateway", "pushgateway:8080", "sure"),
        ("push-gateway", "push.example.org:80", "sure"),
    ],
)
def test_other_programs_with_such_names_are_possible(name: str, target: str, expected: str | None) -> None:
    assert level(static(target), name) == expected


def test_comments_decide() -> None:
    assert level("  # pushgateway: gateway\n" + static("x:1")) == "sure"
    assert level(static("x:1"), "a # pushgateway: gateway") == "sure"
    assert level("  # pushgateway: not-a-gateway\n" + static("x:1"), "pushgateway") is None
    text = "scrape_configs:\n# pushgateway: gateway\n- job_name: a\n- job_name: b\n"
    assert [one.job.job_name for one in detect(load(text=text, lint="none"))] == ["a"]


def test_gateways_can_be_declared() -> None:
    class Gateway:
        address = "10.0.0.5:7777"

    job = static("10.0.0.5:7777")
    assert level(job) is None
    assert level(job, "a", "10.0.0.5:7777") == "sure"
    assert level(job, "a", "http://10.0.0.5:7777/x") == "sure"
    assert level(job, "a", r"10\.0\.0\..*") == "sure"
    assert level(job, "a", "a") == "sure"
    assert level(job, "a", "b") is None
    assert level(job, "a", "(") is None
    assert level(job, "a", Gateway()) == "sure"


def test_gateway_jobs() -> None:
    class Elsewhere:
        address = "127.0.0.1:43121"

    class Known:
        address = "other:7"

    text = f"scrape_configs:\n- job_name: pushgateway\n{static('pg:9091')}- job_name: b\n{static('other:7')}"
    config = load(text=text, lint="none")
    assert [job.job_name for job in config.gateway_jobs()] == ["pushgateway"]
    assert [job.job_name for job in config.gateway_jobs(Elsewhere())] == ["pushgateway"]
    assert [job.job_name for job in config.gateway_jobs(Known())] == ["b"]
    assert repr(detect(config)[0]) == "<'pushgateway' is sure a gateway job: it is called 'pushgateway'>"


def test_text_is_not_searched_for_every_job() -> None:
    class Counted(bytes):
        looks = 0

        def isascii(self) -> bool:
            Counted.looks += 1
            return super().isascii()

    jobs = "".join(f"- {{job_name: j{number}, static_configs: [{{targets: ['a:80']}}]}}\n" for number in range(50))
    config = load(text=f"scrape_configs:\n{jobs}# pushgateway\n", lint="none")
    config.texts = {name: Counted(text) for name, text in config.texts.items()}
    assert detect(config, ()) == []
    assert Counted.looks == 1
