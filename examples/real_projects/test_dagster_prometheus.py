"""dagster-prometheus: `PrometheusResource`. Its own tests fill its registry and push nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from dagster import job, op
from dagster_prometheus import PrometheusResource
from prometheus_client import Counter, Gauge

from pytest_pushgateway import Pushgateway

pytestmark = pytest.mark.filterwarnings("ignore:Class `PrometheusResource` is currently in beta")


def run(gateway: str, body: Callable[[PrometheusResource], None], **options: int) -> bool:
    """Run a job of one step, which gets the resource, and tell whether it succeeded."""

    @op
    def step(prometheus: PrometheusResource) -> None:
        body(prometheus)

    @job
    def one_step() -> None:
        step()

    resources = {"prometheus": PrometheusResource(gateway=gateway, **options)}
    return one_step.execute_in_process(resources=resources, raise_on_error=False).success


def push_rows(prometheus: PrometheusResource) -> None:
    Gauge("rows", "Rows.", registry=prometheus.registry).set(7)
    prometheus.push_to_gateway(job="etl/nightly", grouping_key={"asset": "orders"})


def test_slash_in_job_arrives(pushgateway: Pushgateway) -> None:
    assert run(pushgateway.address, push_rows)

    pushgateway.assert_exposed("rows", 7, job="etl/nightly", asset="orders")


def test_counter_restarts_with_each_execution(pushgateway: Pushgateway) -> None:
    def count(prometheus: PrometheusResource) -> None:
        Counter("runs", "Runs.", registry=prometheus.registry).inc()
        prometheus.pushadd_to_gateway(job="etl")

    assert run(pushgateway.address, count)
    assert run(pushgateway.address, count)

    assert len(pushgateway.pushes) == 2
    pushgateway.assert_exposed("runs_total", 1, job="etl")


def test_hanging_gateway_fails_run_after_timeout(pushgateway: Pushgateway) -> None:
    with pushgateway.faults.hang() as fault:
        assert not run(pushgateway.address, push_rows, timeout=1)
    assert fault.hits == 1
    pushgateway.assert_not_exposed()


def test_delete_takes_the_whole_grouping_key(pushgateway: Pushgateway) -> None:
    def push_and_delete(prometheus: PrometheusResource) -> None:
        push_rows(prometheus)
        prometheus.delete_from_gateway(job="etl/nightly", grouping_key={"asset": "orders"})

    assert run(pushgateway.address, push_and_delete)

    pushgateway.assert_deleted(job="etl/nightly", asset="orders")


@pytest.mark.filterwarnings("ignore::pytest_pushgateway.UselessDeleteWarning")
def test_delete_by_job_only_succeeds_and_deletes_nothing(pushgateway: Pushgateway) -> None:
    def push_and_delete(prometheus: PrometheusResource) -> None:
        push_rows(prometheus)
        prometheus.delete_from_gateway(job="etl/nightly")

    assert run(pushgateway.address, push_and_delete)

    pushgateway.assert_exposed("rows", 7, job="etl/nightly", asset="orders")
