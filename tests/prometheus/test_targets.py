"""From target groups to what is scraped."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_pushgateway import ScrapeJob, TargetGroup
from pytest_pushgateway.prometheus.model import RelabelRule
from pytest_pushgateway.prometheus.scrape.targets import Target, job_targets


def job(*addresses: str, labels: dict[str, str] | None = None, **options: Any) -> ScrapeJob:
    group = TargetGroup(targets=addresses or ("pg:9091",), labels=labels or {})
    return ScrapeJob(job_name="j", static_configs=[group], **options)


def only(*addresses: str, **options: Any) -> Target:
    (target,) = job_targets(job(*addresses, **options))
    return target


def test_labels_of_a_plain_target() -> None:
    target = only(labels={"env": "prod", "__tmp": "x", "__meta_a": "b"})
    assert target.labels == {"env": "prod", "instance": "pg:9091", "job": "j"}
    assert target.all_labels["__tmp"] == "x"
    assert "__meta_a" not in target.all_labels
    assert (target.state, target.error, target.interval, target.timeout) == ("active", "", 60.0, 10.0)


def test_labels_steer_the_scrape() -> None:
    labels = {"__metrics_path__": "/m", "__scheme__": "HTTPS", "__param_a": "2", "__scrape_interval__": "15s"}
    target = only(labels=labels, params={"a": ("1", "x"), "b": ("ä b",)})
    assert target.url == "https://pg:9091/m?a=2&a=x&b=%C3%A4+b"
    assert target.interval == 15.0


def test_params_won_over_labels_in_2() -> None:
    options: dict[str, Any] = {"labels": {"__param_a": "2"}, "params": {"a": ("1",)}}
    assert only(version="2.53", **options).discovered["__param_a"] == "1"
    assert only(**options).discovered["__param_a"] == "2"


@pytest.mark.parametrize(
    ("address", "scheme", "version", "instance"),
    [
        ("pg", "http", "3.5", "pg"),
        ("pg", "http", "2.53", "pg:80"),
        ("pg", "https", "2.53", "pg:443"),
        ("[::1]", "http", "2.53", "[::1]:80"),
        ("::1", "http", "2.53", "::1"),
        ("pg:1", "ftp", "2.53", "pg:1"),
    ],
)
def test_default_ports(address: str, scheme: str, version: str, instance: str) -> None:
    assert only(address, scheme=scheme, version=version).labels["instance"] == instance


def test_relabelling_drops_and_renames() -> None:
    drop = RelabelRule(action="drop", source_labels=("__address__",), regex="pg:.*")
    assert only(relabel_configs=[drop]).state == "dropped"
    rename = RelabelRule(target_label="instance", replacement="gateway")
    assert only(relabel_configs=[rename]).labels == {"instance": "gateway", "job": "j"}


@pytest.mark.parametrize(
    ("label", "value", "error"),
    [
        ("__address__", "", "no address"),
        ("__address__", "http://pg", '"http://pg" is not a valid hostname'),
        ("__scrape_interval__", "", "error parsing scrape interval: empty duration string"),
        ("__scrape_interval__", "0s", "scrape interval cannot be 0"),
        ("__scrape_timeout__", "x", 'error parsing scrape timeout: not a valid duration string: "x"'),
        ("__scrape_timeout__", "2m", 'scrape timeout cannot be greater than scrape interval ("2m" > "1m")'),
    ],
)
def test_invalid_targets(label: str, value: str, error: str) -> None:
    target = only(relabel_configs=[RelabelRule(target_label=label, replacement=value)])
    assert (target.state, target.error) == ("invalid", error)


def test_scheme_without_default_port_in_2() -> None:
    assert only("pg", scheme="ftp", version="2.53").error == 'invalid scheme: "ftp"'


def test_equal_targets_are_one() -> None:
    assert len(job_targets(job("a:1", "a:1", "b:1"))) == 2


def test_urls_are_escaped_as_go_does() -> None:
    assert only("pg 1:9091", metrics_path="a?b c").url == "http://pg%201:9091/a%3Fb%20c"
    assert only(metrics_path="").url == "http://pg:9091"
    assert only(scheme="").url == "//pg:9091/metrics"


def test_targets_given_instead_of_discovered() -> None:
    found = job_targets(job("never:1"), ["a:1", {"__address__": "b:1", "zone": "z"}])
    assert [target.labels for target in found] == [
        {"instance": "a:1", "job": "j"},
        {"instance": "b:1", "job": "j", "zone": "z"},
    ]
