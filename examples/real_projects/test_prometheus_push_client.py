"""prometheus-push-client: OpenMetrics over HTTP. Its own tests need a gateway that somebody has started, and sleep."""

from __future__ import annotations

import logging

import prometheus_push_client as ppc
import pytest
from prometheus_client import CollectorRegistry

from pytest_pushgateway import Pushgateway


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    ppc.Gauge("queue_length", "Jobs that wait.", labelnames=["queue"], registry=registry).labels("mail").set(3)
    ppc.Counter("jobs", "Jobs done.", registry=registry).inc(2)
    ppc.Histogram("job_seconds", "Seconds.", buckets=[1, 60], registry=registry).observe(7)
    return registry


def push_once(url: str, registry: CollectorRegistry, verb: str = "POST") -> None:
    """Start the client and end it at once: it pushes as it ends."""
    with ppc.openmetrics_http_thread(url, verb=verb, period=60, registry=registry):
        pass


def test_gateway_reads_its_openmetrics(pushgateway: Pushgateway, registry: CollectorRegistry) -> None:
    push_once(f"{pushgateway.url}/metrics/job/worker", registry)

    pushgateway.assert_exposed("queue_length", 3, job="worker", queue="mail")
    pushgateway.assert_exposed("jobs_total", 2, job="worker")
    pushgateway.assert_exposed("job_seconds_bucket", 1, job="worker", le=60)
    assert {family.name: family.type for family in pushgateway.families}["jobs_total"] == "counter"


def test_help_texts_are_lost_on_the_way(pushgateway: Pushgateway, registry: CollectorRegistry) -> None:
    push_once(f"{pushgateway.url}/metrics/job/worker", registry)

    assert {family.help for family in pushgateway.families} == {""}


def test_rejected_push_goes_unnoticed(
    pushgateway: Pushgateway, registry: CollectorRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    pushgateway.push("# TYPE queue_length counter\nqueue_length 1\n", job="other")
    with caplog.at_level(logging.DEBUG, "prometheus.batch"):
        push_once(f"{pushgateway.url}/metrics/job/worker", registry)

    pushgateway.assert_rejected("is not a COUNTER", job="worker")
    assert caplog.records == []


def test_bare_gateway_url_is_not_accepted(pushgateway: Pushgateway, registry: CollectorRegistry) -> None:
    push_once(pushgateway.url, registry)

    pushgateway.assert_not_pushed()
    pushgateway.assert_rejected("the path of a push is /metrics/job/JOB", status=405)
