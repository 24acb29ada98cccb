"""prometheus-pusher: `MonitoringAdapter`, in its words lifecycle-safe. A mock can only say that it was called."""

from __future__ import annotations

import logging

import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_pusher import MonitoringAdapter

from pytest_pushgateway import MakePushgateway, Pushgateway


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("rows", "Rows.", registry=registry).set(7)
    return registry


def adapter(gateway: Pushgateway, registry: CollectorRegistry, **options: object) -> MonitoringAdapter:
    adapter = MonitoringAdapter()
    adapter.startup(gateway.address, "nightly", registry, is_enabled=True, **options)
    return adapter


@pytest.mark.pushgateway(basic_auth=("pusher", "secret"))
def test_gateway_accepts_it(pushgateway: Pushgateway, registry: CollectorRegistry) -> None:
    adapter(pushgateway, registry, user="pusher", password="secret").send()

    pushgateway.assert_exposed("rows", 7, job="nightly")


def test_broken_gateway_is_logged_and_survived(
    pushgateway: Pushgateway, registry: CollectorRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    monitoring = adapter(pushgateway, registry)
    for fault in (pushgateway.faults.error(503), pushgateway.faults.disconnect(), pushgateway.faults.truncate(5)):
        with fault, caplog.at_level(logging.ERROR):
            monitoring.send()
        assert fault.hits == 1
    assert len(caplog.records) == 3


def test_last_changes_are_not_pushed_at_the_end(pushgateway: Pushgateway, registry: CollectorRegistry) -> None:
    monitoring = adapter(pushgateway, registry)
    monitoring.serve(worker_timeout=60)
    pushgateway.wait_for_push("rows")
    Gauge("errors", "Errors.", registry=registry).set(1)

    monitoring.shutdown()

    assert len(pushgateway.pushes) == 1
    pushgateway.assert_not_exposed("errors")


def test_untrusted_certificate_is_accepted(
    make_pushgateway: MakePushgateway, registry: CollectorRegistry, certificate: tuple[str, str]
) -> None:
    gateway = make_pushgateway(tls=certificate)

    adapter(gateway, registry, ssl_verify=True).send()
    gateway.assert_not_pushed()
    adapter(gateway, registry).send()
    gateway.assert_pushed("rows", 7)
