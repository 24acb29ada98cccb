"""The stored series of a body; the rest is in the comparison with a real Prometheus."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pytest_pushgateway import ScrapeJob, ScrapeResult, TargetGroup, Unsimulated
from pytest_pushgateway.prometheus.model import RelabelRule
from pytest_pushgateway.prometheus.scrape.simulate import accept_header, simulate

NOW = 1_700_000_000.0


def stored(body: str, version: str = "3.5", **options: Any) -> ScrapeResult:
    labels = options.pop("labels", {})
    content_type = options.pop("content_type", "text/plain")
    groups = [TargetGroup(targets=("pg:9091",), labels=labels)]
    job = ScrapeJob(**{"job_name": "j", "static_configs": groups, "version": version, **options})
    return simulate(job, body, now=NOW, content_type=content_type)


def labels_of(result: ScrapeResult, name: str) -> list[dict[str, str]]:
    return [sample.labels for sample in result.series if sample.name == name]


def test_exported_labels_with_empty_ones_in_the_way() -> None:
    body = 'a{job="x",exported_job=""} 1\n'
    assert labels_of(stored(body), "a") == [{"exported_job": "x", "instance": "pg:9091", "job": "j"}]
    assert labels_of(stored(body, "2.42"), "a") == [
        {"exported_exported_job": "x", "instance": "pg:9091", "job": "j"},
    ]


def test_same_text_twice() -> None:
    body = "a 1\na 2\n"
    for version, repeated in (("3.5", 1), ("2.42", 1)):
        result = stored(body, version)
        assert result.value("a") == 1
        assert len(result.targets[0].repeated) == repeated
    assert stored(body, "3.5", sample_limit=1).health == "up"
    assert stored(body, "2.42", sample_limit=1).error == "sample limit exceeded"


def test_labelmap_visits_in_the_order_of_the_version() -> None:
    rules = [
        RelabelRule(target_label="x_a", replacement="late"),
        RelabelRule(action="labelmap", regex="(?:x|y)_(.*)", replacement="$1"),
    ]
    body = 'm{y_a="early"} 1\n'
    assert labels_of(stored(body, metric_relabel_configs=rules), "m")[0]["a"] == "late"
    assert labels_of(stored(body, "2.42", metric_relabel_configs=rules), "m")[0]["a"] == "early"


def test_le_is_compared_as_a_number() -> None:
    result = stored('# TYPE h histogram\nh_bucket{le="1"} 5\nh_bucket{le="+Inf"} 6\nh_bucket{le="x"} 7\n')
    assert [result.value("h_bucket", le=1), result.value("h_bucket", le="1.00")] == [5, 5]
    assert result.value("h_bucket", le="Inf") == 6
    result.assert_not_stored("h_bucket", le="2")


def test_nan_is_nan_and_an_absent_label_is_empty() -> None:
    result = stored("a NaN\n")
    result.assert_stored("a", math.nan, env="")
    result.assert_stored("a", pytest.approx(math.nan, nan_ok=True))
    with pytest.raises(AssertionError, match=r"stored, and should not be: a\n    a\{instance=.*\} nan"):
        result.assert_not_stored("a", math.nan)


def test_many_candidates_are_cut() -> None:
    result = stored("".join(f'a{{n="{number}"}} 1\n' for number in range(30)))
    with pytest.raises(AssertionError, match=r"(?s)30 samples are a\n.*    and 10 more"):
        result.value("a")


def test_dropped_and_invalid_targets() -> None:
    drop = [RelabelRule(action="drop")]
    result = stored("a 1\n", relabel_configs=drop)
    assert (result.health, result.error, result.series) == ("unknown", "", [])
    with pytest.raises(AssertionError, match="target pg:9091 was dropped by relabel_configs"):
        result.assert_stored("a")
    result = stored("a 1\n", relabel_configs=[RelabelRule(target_label="__address__", replacement="")])
    assert (result.health, result.error) == ("unknown", "no address")


def test_too_many_targets() -> None:
    groups = [TargetGroup(targets=("a:1", "b:1"))]
    result = stored("a 1\n", target_limit=1, static_configs=groups)
    assert {scrape.error for scrape in result.targets} == {"target_limit exceeded (number of targets: 2, limit: 1)"}
    assert labels_of(result, "a") == []
    assert len(labels_of(result, "up")) == 2


def test_content_types() -> None:
    error = 'received unsupported Content-Type "text/html" and no fallback_scrape_protocol specified for target'
    assert stored("a 1\n", content_type="text/html").error == error
    assert stored("a 1\n", content_type="").error.startswith("non-compliant scrape target sending blank")
    assert stored("a 1\n", "2.53", content_type="text/html").error == ""
    assert stored("a 1\n", content_type="", fallback_scrape_protocol="PrometheusText1.0.0").error == ""
    assert stored("", content_type="text/html").error == ""


@pytest.mark.parametrize(
    "options",
    [
        {"content_type": "application/openmetrics-text; version=1.0.0"},
        {"content_type": "", "fallback_scrape_protocol": "PrometheusProto"},
        {"convert_classic_histograms_to_nhcb": True},
    ],
)
def test_left_out_series_are_reported(options: dict[str, Any]) -> None:
    with pytest.raises(Unsimulated):
        stored("a 1\n", **options)


def test_legacy_names() -> None:
    body = '{"a.b"} 1\n'
    assert stored(body).value("a.b") == 1
    assert stored(body, metric_name_validation_scheme="legacy").error == (
        'invalid metric name or label names: {__name__="a.b", instance="pg:9091", job="j"}'
    )


def test_accept_header_of_each_version() -> None:
    assert accept_header(ScrapeJob()) == (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,"
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
    )
    assert accept_header(ScrapeJob(version="2.53")) == (
        "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
    )
    job = ScrapeJob(scrape_protocols=("PrometheusProto", "PrometheusText1.0.0"), metric_name_validation_scheme="legacy")
    assert accept_header(job) == "text/plain;version=1.0.0;escaping=underscores;q=0.6,*/*;q=0.5"
