"""What users write, for the type checkers: every public name with the type it must have. Never run."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal

import prometheus_client
from prometheus_client.samples import Sample
from typing_extensions import assert_type
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response

from pytest_pushgateway import (
    Clock,
    Delete,
    Family,
    Fault,
    Group,
    LintProblem,
    MakePushgateway,
    Problem,
    PrometheusConfig,
    PrometheusServer,
    Push,
    Pushgateway,
    PushRejected,
    Request,
    RuleTest,
    Scrape,
    ScrapeJob,
    ScrapeResult,
    Snapshot,
)


def where(gateway: Pushgateway) -> None:
    assert_type(gateway.url, str)
    assert_type(gateway.address, str)
    assert_type(gateway.host, str)
    assert_type(gateway.port, int)
    assert_type(gateway.persistence_file, str)
    assert_type(gateway.ca_file, "str | None")


def exposed(gateway: Pushgateway) -> None:
    assert_type(gateway.groups, list[Group])
    assert_type(gateway.group(job="backup").grouping_key, dict[str, str])
    assert_type((gateway.groups[0].push_time, gateway.groups[0].push_failure_time), tuple[float, float])
    assert_type((gateway.groups[0].families, gateway.groups[0].samples), tuple[tuple[Family, ...], tuple[Sample, ...]])
    assert_type(gateway.families, tuple[Family, ...])
    assert_type(gateway.families[0].to_metric(), prometheus_client.Metric)
    assert_type(gateway.samples, tuple[Sample, ...])
    assert_type(gateway.value("backup_bytes", disk="sda"), float)
    assert_type(gateway.get_sample_value("backup_bytes", {"disk": "sda"}), "float | None")
    assert_type(gateway.scrape(accept=None), Scrape)
    assert_type((gateway.scrape().text, gateway.scrape().content_type), tuple[str, str])
    assert_type(gateway.scrape().headers, Headers)
    assert_type((gateway.scrape().families, gateway.scrape().samples), tuple[tuple[Family, ...], tuple[Sample, ...]])
    assert_type(gateway.snapshot("backup_*", job="backup"), Snapshot)
    assert_type(gateway.family("backup_bytes"), Family)
    assert_type(gateway.groups[0].value("backup_bytes", disk="sda"), float)
    assert_type(gateway.assert_exposed_text("backup_bytes 7", "backup_*"), Literal[True])


def happened(gateway: Pushgateway) -> None:
    assert_type(gateway.pushes, list[Push])
    assert_type((gateway.requests, gateway.journal), tuple[list[Request], list[Request]])
    push = gateway.wait_for_push("backup_bytes", count=2, timeout=1.5, labels={"le": 1}, disk="sda")
    assert_type(push, Push)
    assert_type((push.number, push.method, push.job, push.status), tuple[int, str, str, int])
    assert_type((push.body, push.content_type, push.error, push.fault), "tuple[bytes, str, str | None, str | None]")
    assert_type((push.at, push.origin), tuple[float, str])
    assert_type((push.grouping_key, push.headers), tuple[dict[str, str], Headers])
    assert_type(push.families, tuple[Family, ...])
    assert_type((push.value("backup_bytes"), gateway.pushed_values("backup_bytes")), tuple[float, list[float]])
    gateway.wait_for_push("backup_bytes", 7, after=push, timeout="1m30s")
    assert_type(gateway.wait_until(lambda: True, timeout=timedelta(seconds=5)), bool)
    assert_type(gateway.wait_until(lambda: gateway.pushes[0]), Push)
    try:
        gateway.push("backup_bytes x", job="backup")
    except PushRejected as rejected:
        assert_type((rejected.push, rejected.status), tuple[Push, int])


async def status() -> int:
    return 200


async def awaited(gateway: Pushgateway) -> None:
    assert_type(await gateway.async_wait_for_push("backup_bytes"), Push)
    assert_type(await gateway.async_wait_until(lambda: gateway.pushes), list[Push])
    assert_type(await gateway.async_wait_until(status), int)


def asserted(gateway: Pushgateway) -> None:
    assert_type(gateway.assert_exposed("backup_bytes", 1024, job="backup", disk=re.compile("sd.")), Sample)
    assert_type(gateway.assert_pushed("backup_bytes", object(), labels={"job": "backup"}), Push)
    assert_type(gateway.assert_not_exposed("backup_errors_total"), Literal[True])
    assert_type(gateway.assert_not_pushed(), Literal[True])
    assert_type(gateway.assert_deleted(job="backup"), Delete)
    assert_type(gateway.assert_rejected(re.compile("type"), status=400, job="backup"), Push)
    assert_type(gateway.assert_rejected(method="PUT"), Push)
    assert_type(gateway.assert_rejected(status=401, method="DELETE", job="backup"), Delete)
    assert_type(gateway.assert_no_rejections(), Literal[True])


def prepared(gateway: Pushgateway, registry: prometheus_client.CollectorRegistry) -> None:
    assert_type(gateway.push("backup_bytes 7\n", job="backup"), Push)
    gateway.push(registry, "backup", {"instance": "db1"}, method="POST", check=False)
    gateway.push(gateway.families, job="backup")
    gateway.push({"backup_bytes": 7}, job="backup")
    gateway.clock.freeze(1700000000.0)
    gateway.clock.freeze(datetime.now())
    gateway.clock.freeze()
    gateway.clock.advance(3600)
    gateway.clock.advance(timedelta(hours=1))
    with gateway.clock.freeze("2026-01-01T00:00:00Z") as clock, gateway.clock.advance("1h30m"):
        assert_type(clock, Clock)
    gateway.clock.resume()
    with gateway.faults.error(503, times=2, when=lambda request: request.job == "backup") as fault:
        assert_type(fault, Fault)
        assert_type(fault.hits, int)
    gateway.faults.delay(1.5).remove()
    gateway.faults.delay("1.5s").remove()
    assert_type(gateway.faults.respond([503, None, (429, "slow down", {"Retry-After": "7"})], times=2), Fault)
    gateway.faults.respond(lambda request: 503 if request.job == "backup" else None)
    gateway.faults.respond(Response("slow down", 429), methods="PUT")
    gateway.faults.hang(after=True)
    gateway.faults.disconnect()
    gateway.faults.truncate(10)
    gateway.faults.refuse()
    gateway.faults.clear()
    gateway.restart()
    gateway.crash()
    gateway.stop()
    assert_type(gateway.start(), Pushgateway)
    gateway.reset()
    assert_type(gateway.lint(), list[LintProblem])


def made(make_pushgateway: MakePushgateway) -> None:
    assert_type(make_pushgateway(port=0, lint=True), Pushgateway)
    with Pushgateway(journal_limit=5) as gateway:
        assert_type(gateway, Pushgateway)


def read(
    prometheus_config: Callable[..., PrometheusConfig],
    prometheus_server: Callable[..., PrometheusServer],
    gateway: Pushgateway,
) -> None:
    config = prometheus_config("prometheus.yml", check=False)
    assert_type(config.scrape(gateway), ScrapeResult)
    assert_type(config.jobs, list[ScrapeJob])
    assert_type(config.problems, list[Problem])
    assert_type(config.rules(gateway), RuleTest)
    assert_type(prometheus_server(config, gateway), PrometheusServer)


def wrong(gateway: Pushgateway, anything: Any) -> None:
    gateway.value(7)  # type: ignore[arg-type]
    gateway.assert_rejected(status="400")  # type: ignore[call-overload]
    gateway.faults.error("503")  # type: ignore[arg-type]
    gateway.push(7, job="backup")  # type: ignore[arg-type]
    gateway.no_such_thing()  # type: ignore[attr-defined]
