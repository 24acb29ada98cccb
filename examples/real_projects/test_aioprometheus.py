"""aioprometheus: `Pusher`. Its own tests push to a server of theirs that answers 200 to everything."""

from __future__ import annotations

import asyncio

import pytest
from aioprometheus import Counter, Gauge, Registry
from aioprometheus.pusher import Pusher


def registry_with(*collectors: Counter | Gauge) -> Registry:
    registry = Registry()
    for collector in collectors:
        registry.register(collector)
    return registry


def queue_length(value: float) -> Gauge:
    gauge = Gauge("queue_length", "Jobs that wait.", registry=Registry())
    gauge.set({"queue": "mail"}, value)
    return gauge


def test_gateway_reads_what_it_pushes(pushgateway) -> None:
    pusher = Pusher("worker", pushgateway.url, grouping_key={"instance": "db1/2"})

    asyncio.run(pusher.add(registry_with(queue_length(3))))

    pushgateway.assert_exposed("queue_length", 3, job="worker", instance="db1/2", queue="mail")


def test_replace_takes_away_what_is_not_pushed_again(pushgateway) -> None:
    pusher = Pusher("worker", pushgateway.url)
    jobs = Counter("jobs_total", "Jobs done.", registry=Registry())
    jobs.inc({"queue": "mail"})
    pushgateway.push("# TYPE jobs_total counter\njobs_total 1\n", job="worker")

    asyncio.run(pusher.replace(registry_with(queue_length(3))))

    pushgateway.assert_not_exposed("jobs_total")
    assert pushgateway.pushes[-1].method == "PUT"


def test_rejection_goes_unnoticed_unless_response_is_checked(pushgateway) -> None:
    pushgateway.push("# TYPE queue_length counter\nqueue_length 1\n", job="other")

    answer = asyncio.run(Pusher("worker", pushgateway.url).add(registry_with(queue_length(3))))

    assert answer.status == 400
    pushgateway.assert_rejected("is not a COUNTER", job="worker")
    pushgateway.assert_not_exposed("queue_length", job="worker")


def test_blank_in_job_arrives_as_plus(pushgateway) -> None:
    pusher = Pusher("nightly backup", pushgateway.url)

    asyncio.run(pusher.add(registry_with(queue_length(3))))

    assert pushgateway.pushes[0].job == "nightly+backup"


@pytest.mark.filterwarnings("ignore::pytest_pushgateway.UselessDeleteWarning")
def test_pushes_of_other_clients_cannot_be_deleted(pushgateway) -> None:
    pushgateway.push({"queue_length": 3}, job="nightly backup")

    asyncio.run(Pusher("nightly backup", pushgateway.url).delete())

    pushgateway.assert_exposed("queue_length", 3, job="nightly backup")
