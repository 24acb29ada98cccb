"""Releases of Prometheus: which fields and values each knows, and what 3.14 judges otherwise than 3.5.

No promtool newer than 3.5 was available: the words for 3.14 are those of its sources.
"""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from pytest_pushgateway import Pushgateway, load
from pytest_pushgateway.prometheus.decode.decoder import VERSIONS
from pytest_pushgateway.prometheus.decode.fields.structs import decoder_of, fields_of
from pytest_pushgateway.prometheus.decode.fields.table import at, discoveries, releases, spans, table
from pytest_pushgateway.prometheus.values import LATEST, reaches


def errors(text: str, version: str = LATEST) -> list[str]:
    return [one.message for one in load(text=text, version=version, lint="none").errors]


def job(inside: str) -> str:
    return f"scrape_configs:\n- {{job_name: a, {inside}}}\n"


def test_newest_release_is_the_default_and_in_the_table() -> None:
    assert load(text=job("scrape_native_histograms: true, extra_scrape_metrics: true")).errors == []
    assert VERSIONS[-1] == LATEST == releases()[-1]
    assert set(VERSIONS) <= set(releases())


@pytest.mark.parametrize("version", releases())
def test_every_type_of_the_table_has_a_decoder_in_every_release(version: str) -> None:
    known, _ = discoveries(version)
    assert all(callable(decoder_of(f"[]*{name}", version)) for name in known.values())
    for name in table()["structs"]:
        assert all(map(callable, fields_of(name, version).values())), name


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("scrape_native_histograms: true", "field scrape_native_histograms exists since 3.8, not in Prometheus 3.5"),
        ("extra_scrape_metrics: true", "field extra_scrape_metrics exists since 3.10, not in Prometheus 3.5"),
        ("aws_sd_configs: [{role: ec2}]", "field aws_sd_configs exists since 3.8, not in Prometheus 3.5"),
        ("oci_sd_configs: []", "field oci_sd_configs exists since 3.14, not in Prometheus 3.5"),
        ("consul_sd_configs: [{health_filter: x}]", "field health_filter exists since 3.11, not in Prometheus 3.5"),
        (
            "kubernetes_sd_configs: [{role: pod, attach_metadata: {cronjob: true}}]",
            "field cronjob exists since 3.11, not in Prometheus 3.5",
        ),
    ],
)
def test_newer_field_is_named_with_its_release(inside: str, message: str) -> None:
    (problem,) = load(text=job(inside), version="3.5", lint="none").errors
    assert problem.message == message
    assert problem.hint == (
        f"run Prometheus {message.split()[4].rstrip(',')} or newer, and judge by it: --prometheus-version={LATEST}"
    )
    assert re.fullmatch(rf"line 2: field {message.split()[1]} not found in type \S+", problem.promtool or "")
    assert errors(job(inside)) == []


@pytest.mark.parametrize(
    ("text", "old", "message"),
    [
        (
            job("openstack_sd_configs: [{role: loadbalancer, region: x}]"),
            "2.53",
            '"loadbalancer" exists since 3.2, not in Prometheus 2.53',
        ),
        ("otlp: {translation_strategy: UnderscoreEscapingWithoutSuffixes}", "3.5", "exists since 3.6, not in"),
    ],
)
def test_newer_value_is_named_with_its_release(text: str, old: str, message: str) -> None:
    assert message in "".join(errors(text, old))
    assert errors(text) == []


def test_older_field_is_named_with_its_last_release() -> None:
    text = job("ec2_sd_configs: [{region: x}], scrape_classic_histograms: true")
    (problem,) = load(text=text, lint="none").errors
    assert "always_scrape_classic_histograms" in (problem.hint or "")
    assert errors(text, "2.53") == []


def test_spans_of_the_table_follow_each_other() -> None:
    for name, struct in table()["structs"].items():
        for field, entry in struct["fields"].items():
            for (_, _, last), (_, first, _) in itertools.pairwise(spans(entry)):
                assert not reaches(last, first), (name, field)
    assert at([["a", "", "2.55"], ["b", "3.8", ""]], "3.5") is None
    assert at([["a", "", "2.55"], ["b", "3.8", ""]], "3.10") == "b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("global: {metric_name_validation_scheme: x}", 'unrecognized ValidationScheme: "x"'),
        (job("metric_name_validation_scheme: utf-8"), 'unrecognized ValidationScheme: "utf-8"'),
        (
            "global: {metric_name_escaping_scheme: x}\nscrape_configs: [{job_name: a}]",
            "unknown global name escaping method specified, must be one of 'allow-utf-8', 'underscores', 'dots', "
            "or 'values', got \"x\"",
        ),
        (
            job("metric_name_escaping_scheme: x"),
            "unknown scrape config name escaping method specified, must be one of 'allow-utf-8', 'underscores', "
            "'dots', or 'values', got \"x\"",
        ),
        (
            job("metric_name_validation_scheme: legacy, metric_name_escaping_scheme: allow-utf-8"),
            "utf8 metric names requested but validation scheme is not set to UTF8",
        ),
        (
            job("metric_name_validation_scheme: legacy, relabel_configs: [{target_label: a-b}]"),
            "\"a-b\" is invalid 'target_label' for replace action",
        ),
        (
            job(
                "metric_name_validation_scheme: legacy, metric_relabel_configs: [{action: labelmap, replacement: a-b}]"
            ),
            "\"a-b\" is invalid 'replacement' for labelmap action",
        ),
        (
            "global: {metric_name_validation_scheme: legacy, external_labels: {a-b: c}}",
            '"a-b" is not a valid label name',
        ),
        (
            "global: {metric_name_validation_scheme: legacy}\n"
            "remote_write: [{url: 'http://a', write_relabel_configs: [{target_label: a-b}]}]",
            "\"a-b\" is invalid 'target_label' for replace action",
        ),
        (
            "remote_write: [{url: 'http://a', queue_config: {max_shards: 2, min_shards: 3}}]",
            "remote write queue min_shards must not be greater than max_shards",
        ),
        (
            "remote_write: [{url: 'http://a', queue_config: {capacity: 0}}]",
            "remote write queue capacity must be positive",
        ),
        (
            "remote_write: [{url: 'http://a', azuread: {managed_identity: {}, sdk: {}}}]",
            "cannot provide multiple authentication methods in the Azure AD config",
        ),
        (
            "remote_write: [{url: 'http://a', azuread: {workload_identity: {client_id: x, tenant_id: y}}}]",
            "the provided Azure Workload Identity client_id is invalid",
        ),
        (
            "remote_write: [{url: 'http://a', sigv4: {external_id: x}}]",
            "external_id can only be used with role_arn",
        ),
        (
            "storage: {tsdb: {retention: {percentage: 101}}}",
            "'storage.tsdb.retention.percentage' must be in the range [0, 100], got 101",
        ),
        (
            "storage: {tsdb: {retention: {size: -1MB}}}",
            "'storage.tsdb.retention.size' must be greater than or equal to 0, got -1MiB",
        ),
        (
            "storage: {tsdb: {chunk_encoding: {floats: gorilla}}}",
            "'storage.tsdb.chunk_encoding.floats' must be 'xor' or 'xor2', or the field must be omitted entirely, "
            'got "gorilla"',
        ),
        (job("aws_sd_configs: [{role: s3}]"), 'unknown AWS SD role "s3"'),
        (job("aws_sd_configs: [{region: x}]"), 'unknown AWS SD role ""'),
        (job("digitalocean_sd_configs: [{role: volumes}]"), 'unknown DigitalOcean SD role "volumes"'),
        (job("outscale_sd_configs: [{access_key: a}]"), "outscale SD configuration requires a region"),
        (job("oci_sd_configs: [{region: a}]"), "oci_sd: api_key auth requires tenancy"),
        (
            job("oci_sd_configs: [{region: a, auth: token}]"),
            'oci_sd: unknown auth method "token", expected "api_key" or "instance_principal"',
        ),
        (
            job("azure_sd_configs: [{subscription_id: a, authentication_method: x}]"),
            'unknown authentication_type "x". Supported types are "OAuth", "ManagedIdentity", "SDK" or '
            '"WorkloadIdentity"',
        ),
        (
            job(
                "static_configs: [{targets: [a]}], "
                "relabel_configs: [{target_label: __scrape_native_histograms__, replacement: maybe}]"
            ),
            'error parsing scrape native histograms: strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
    ],
)
def test_refusals_of_the_newest_release(text: str, message: str) -> None:
    found = load(text=text, lint="none").errors
    assert message in "\n".join(one.promtool or one.message for one in found)
    assert len(found) == 1


@pytest.mark.parametrize(
    ("text", "older"),
    [
        (job("metric_name_validation_scheme: legacy"), "utf8 metric names requested but validation scheme"),
        (
            job("kubernetes_sd_configs: [{role: pod, selectors: [{role: node}]}]"),
            "pod role supports only pod selectors",
        ),
    ],
)
def test_configurations_that_became_valid(text: str, older: str) -> None:
    assert errors(text) == []
    assert older in "".join(errors(text, "3.5"))


@pytest.mark.parametrize(("version", "unset"), [("3.5", [("ec2_sd_configs without a region", 2)]), (LATEST, [])])
def test_region_is_asked_for_by_older_releases_only(version: str, unset: list[Any]) -> None:
    config = load(text=job("ec2_sd_configs: [{port: 1}]"), version=version, lint="none")
    assert config.errors == []
    assert [(one["section"], one["line"]) for one in config.unjudged] == unset


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("consul_sd_configs: [{server: ' '}]", "consul SD configuration requires a server address"),
        (
            "consul_sd_configs: [{username: a, basic_auth: {username: b}}]",
            "at most one of consul SD configuration username and password and basic auth can be configured",
        ),
        (
            "consul_sd_configs: [{token: a, oauth2: {client_id: b, token_url: c}}]",
            "at most one of consul SD token, authorization, or oauth2 can be configured",
        ),
        ("nomad_sd_configs: [{server: ''}]", "nomad SD configuration requires a server address"),
        ("kuma_sd_configs: [{}]", "kuma SD server must not be empty: "),
        ("kuma_sd_configs: [{server: a}]", "kuma SD server must not be empty and have a scheme: a"),
        ("openstack_sd_configs: [{region: a}]", "role missing (one of: instance, hypervisor, loadbalancer)"),
        (
            "openstack_sd_configs: [{region: a, role: instance, availability: x}]",
            "unknown availability x, must be one of admin, internal or public",
        ),
        ("stackit_sd_configs: [{region: ''}]", "stackit_sd: endpoint and region missing"),
        (
            "stackit_sd_configs: [{endpoint: '://'}]",
            'stackit_sd: invalid endpoint "://": parse "://": missing protocol',
        ),
        ("azure_sd_configs: [{}]", "azure SD configuration requires a subscription_id"),
        ("azure_sd_configs: [{subscription_id: a, tenant_id: b}]", "azure SD configuration requires a client_id"),
    ],
)
def test_discoveries_missing_in_debian(inside: str, message: str) -> None:
    """Debian's promtool leaves these out: the words are those of Prometheus's sources."""
    for version in ("3.5", LATEST):
        assert message in "".join(errors(job(inside), version))


def test_extra_scrape_metrics_are_stored(pushgateway: Pushgateway) -> None:
    pushgateway.push("rows 7\n", job="a")
    text = "scrape_configs:\n- {job_name: a, honor_labels: true, extra_scrape_metrics: true, sample_limit: 900}\n"
    result = load(text=text).scrape(pushgateway, targets=["pg:9091"])
    assert result.value("scrape_timeout_seconds") == 10
    assert result.value("scrape_sample_limit") == 900
    assert result.value("scrape_body_size_bytes") == len(result.active[0].body)


def test_relabelling_keeps_to_the_legacy_scheme(pushgateway: Pushgateway) -> None:
    pushgateway.push("rows 7\n", job="a")
    rule = "{source_labels: [job], target_label: 'x_${1}-b'}"
    for scheme, labels in (("utf8", {"x_a-b": "a"}), ("legacy", {})):
        text = job(f"honor_labels: true, metric_name_validation_scheme: {scheme}, metric_relabel_configs: [{rule}]")
        result = load(text=text).scrape(pushgateway, targets=["pg:9091"])
        (found,) = [one.labels for one in result.series if one.name == "rows"]
        assert found == {"job": "a", **labels}, scheme
