"""Mistakes in what a test asks of Prometheus's side: an error or a failure, never an assertion that passes."""

from __future__ import annotations

import re
from typing import Any
from unittest import mock

import pytest

from pytest_pushgateway import ScrapeResult
from pytest_pushgateway.prometheus.model import RelabelRule

from .test_simulate import stored

BODY = """\
# TYPE rows gauge
rows{disk="sda",instance="",job="nightly"} 7
# TYPE errors_total counter
errors_total{instance="",job="nightly"} 1
# TYPE seconds histogram
seconds_bucket{instance="",job="nightly",le="+Inf"} 1
seconds_sum{instance="",job="nightly"} 3
seconds_count{instance="",job="nightly"} 1
"""


@pytest.fixture
def result() -> ScrapeResult:
    return stored(BODY, honor_labels=True)


@pytest.mark.parametrize("method", ["assert_stored", "assert_not_stored", "value"])
@pytest.mark.parametrize(
    ("name", "labels", "error", "hint"),
    [
        ('rows{job="nightly"}', {}, ValueError, 'give its labels as arguments: "rows", job="nightly"'),
        ("sum(rows)", {}, ValueError, "only Prometheus evaluates PromQL"),
        ("", {}, ValueError, "must not be empty"),
        (7, {}, TypeError, "a metric's name is a string"),
        ("rows", {"job": None}, TypeError, 'job="" asks for series without the label'),
        ("rows", {"job": ["nightly"]}, TypeError, 're.compile("a|b")'),
        ("rows", {"job": b"nightly"}, TypeError, "decode it"),
        ("rows", {"timeout": 5}, TypeError, "timeout= is not a label here"),
        ("rows", {"grouping_key": {"job": "nightly"}}, TypeError, "grouping_key= is not a label"),
        ("rows", {"labels": "job"}, TypeError, "labels must be a mapping"),
        ("rows", {"__name__": "rows"}, ValueError, "__name__ is not a label here"),
    ],
)
def test_mistakes_of_form(
    result: ScrapeResult, method: str, name: Any, labels: Any, error: type[Exception], hint: str
) -> None:
    with pytest.raises(error, match=re.escape(hint)):
        getattr(result, method)(name, **labels)


@pytest.mark.parametrize("value", ["7", b"7", None, [7], True, len, {"job": "nightly"}])
@pytest.mark.parametrize("method", ["assert_stored", "assert_not_stored"])
def test_invalid_values(result: ScrapeResult, method: str, value: Any) -> None:
    with pytest.raises(TypeError, match=r"value must be|give labels by name"):
        getattr(result, method)("rows", value)


def test_names_are_of_the_legacy_kind_before_prometheus_3() -> None:
    assert stored(BODY, honor_labels=True).assert_not_stored("my.rows")
    with pytest.raises(ValueError, match="did you mean 'my_rows'"):
        stored(BODY, "2.53", honor_labels=True).assert_not_stored("my.rows")


def test_labels_match_as_on_a_gateway(result: ScrapeResult) -> None:
    sample = result.assert_stored("rows", 7, job=re.compile("night.*"), disk=mock.ANY, instance="")
    assert (sample.name, sample.value, sample.labels) == ("rows", 7, {"disk": "sda", "job": "nightly"})
    assert result.assert_not_stored("rows", job=re.compile("night")) is True
    assert result.assert_not_stored("rows", instance=mock.ANY) is True
    assert result.assert_up() is True
    with pytest.raises(AssertionError, match=r"not stored: rows\{job=re.compile\('night'\)\}"):
        result.assert_stored("rows", job=re.compile("night"))


def test_label_missing_on_series_of_name(result: ScrapeResult) -> None:
    with pytest.raises(AssertionError) as caught:
        result.assert_not_stored("rows", jobb="nightly")
    assert str(caught.value).splitlines() == [
        'rows{jobb="nightly"} is not stored, but that proves nothing: no series of that name ever had a label jobb; '
        "labels there are: disk, instance, job",
        "If no series may have the label, use jobb=unittest.mock.ANY.",
    ]
    assert result.assert_not_stored("rows", jobb=mock.ANY)
    assert result.assert_not_stored("rows", job="weekly", jobb="")
    assert result.assert_not_stored("files", jobb="nightly")


def test_labels_that_the_scrape_may_have_given_are_known(result: ScrapeResult) -> None:
    assert result.assert_not_stored("rows", exported_job="nightly")
    assert result.assert_not_stored("rows", exported_exported_instance="db1")
    drop = RelabelRule(action="labeldrop", regex="disk")
    assert stored(BODY, honor_labels=True, metric_relabel_configs=[drop]).assert_not_stored("rows", disk="sda")
    mark = RelabelRule(source_labels=("__name__",), regex="errors.*", target_label="team", replacement="a")
    assert stored(BODY, honor_labels=True, metric_relabel_configs=[mark]).assert_not_stored("rows", team="a")


@pytest.mark.parametrize(
    ("name", "parts"),
    [("errors", "errors_total"), ("seconds", "seconds_bucket or seconds_sum or seconds_count")],
)
def test_family_is_not_a_series(result: ScrapeResult, name: str, parts: str) -> None:
    with pytest.raises(AssertionError, match=f"that proves nothing: no series has that name; ask for {parts}$"):
        result.assert_not_stored(name)
    assert result.assert_not_stored("rows_total")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"content_type": "text/html"}, "is down: received unsupported Content-Type"),
        ({"sample_limit": 1}, "is down: sample limit exceeded"),
        ({"relabel_configs": [RelabelRule(action="drop")]}, "was dropped by relabel_configs"),
    ],
)
def test_unscraped_target_proves_nothing(options: Any, why: str) -> None:
    with pytest.raises(AssertionError, match=f"(?s)assert stored.health for that\n.*{why}"):
        stored(BODY, **options).assert_not_stored("rows")
    if "relabel_configs" not in options:
        assert stored(BODY, **options).assert_not_stored("up", 1)
