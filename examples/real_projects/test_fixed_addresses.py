"""All of them with an address that the tests do not hand over: their default, or a name that does not resolve."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import prometheus_push_client
import pytest
from aioprometheus import Gauge as AioGauge
from aioprometheus import Registry
from aioprometheus.pusher import Pusher
from codecarbon import OfflineEmissionsTracker
from dagster import job, op
from dagster_prometheus import PrometheusResource
from prometheus_client import CollectorRegistry, Gauge
from prometheus_pusher import MonitoringAdapter
from scrapy import Spider
from scrapy.crawler import Crawler
from scrapy_prometheus import PrometheusStatsCollector
from snakemake_logger_plugin_prometheus import LogHandler, LogHandlerSettings

from pytest_pushgateway import Pushgateway

NAME = "pushgateway.monitoring.example:9091"


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    prometheus_push_client.Gauge("rows", "Rows.", registry=registry).set(7)
    return registry


@pytest.mark.filterwarnings("ignore:The save_to_:DeprecationWarning")
@pytest.mark.pushgateway(intercept="localhost:9091")
def test_codecarbon_with_its_default(pushgateway: Pushgateway) -> None:
    tracker = OfflineEmissionsTracker(
        country_iso_code="FRA", save_to_file=False, save_to_prometheus=True, project_name="training", log_level="error"
    )
    tracker.start()
    tracker.stop()

    assert pushgateway.assert_pushed("codecarbon_duration").value("codecarbon_duration") > 0
    assert {push.headers["Host"] for push in pushgateway.pushes} == {"localhost:9091"}


@pytest.mark.pushgateway(intercept="127.0.0.1:9091")
def test_scrapy_prometheus_with_its_default(pushgateway: Pushgateway) -> None:
    class Mail(Spider):
        name = "mail"

    stats, spider = PrometheusStatsCollector(Crawler(Mail)), Mail()
    stats.open_spider(spider)
    stats.inc_value("item_scraped_count", spider=spider)
    stats.close_spider(spider, "finished")

    (push,) = pushgateway.pushes
    assert push.job == "scrapy"
    assert push.headers["Host"] == "127.0.0.1:9091"


@pytest.mark.pushgateway(intercept=NAME)
def test_aioprometheus(pushgateway: Pushgateway) -> None:
    rows = AioGauge("rows", "Rows.", registry=(registry := Registry()))
    rows.set({}, 7)

    asyncio.run(Pusher("worker", f"http://{NAME}").add(registry))

    pushgateway.assert_pushed("rows", 7, job="worker")


@pytest.mark.filterwarnings("ignore:Class `PrometheusResource` is currently in beta")
@pytest.mark.pushgateway(intercept=NAME)
def test_dagster_prometheus(pushgateway: Pushgateway) -> None:
    @op
    def step(prometheus: PrometheusResource) -> None:
        Gauge("rows", "Rows.", registry=prometheus.registry).set(7)
        prometheus.push_to_gateway(job="etl")

    @job
    def one_step() -> None:
        step()

    one_step.execute_in_process(resources={"prometheus": PrometheusResource(gateway=NAME)})

    pushgateway.assert_pushed("rows", 7, job="etl")


@pytest.mark.pushgateway(intercept=f"http://{NAME}")
def test_prometheus_push_client(pushgateway: Pushgateway, registry: CollectorRegistry) -> None:
    url = f"http://{NAME}/metrics/job/worker"
    with prometheus_push_client.openmetrics_http_thread(url, verb="POST", period=60, registry=registry):
        pass

    pushgateway.assert_pushed("rows", 7, job="worker")


@pytest.mark.pushgateway(intercept=NAME)
def test_prometheus_pusher(pushgateway: Pushgateway, registry: CollectorRegistry) -> None:
    adapter = MonitoringAdapter()
    adapter.startup(NAME, "nightly", registry, is_enabled=True)
    adapter.send()

    pushgateway.assert_pushed("rows", 7, job="nightly")


@pytest.mark.pushgateway(intercept=NAME)
def test_snakemake_logger_plugin_prometheus(pushgateway: Pushgateway) -> None:
    settings = LogHandlerSettings(port=0, push_gateway=f"http://{NAME}", run_id="run-1")
    handler = LogHandler(SimpleNamespace(dryrun=False), settings)
    try:
        pushgateway.wait_for_push(run_id="run-1")
    finally:
        handler.close()
