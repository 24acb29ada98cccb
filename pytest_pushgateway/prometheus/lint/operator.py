"""Rule about the Prometheus Operator's monitors: ``honorLabels`` on the endpoints that scrape a gateway."""

from __future__ import annotations

from pytest_pushgateway.golang.regexp import BadRegexp, Unjudged
from pytest_pushgateway.prometheus.lint.canonical_pushes import METRIC, PUSHERS, push_through
from pytest_pushgateway.prometheus.lint.detection import SURE
from pytest_pushgateway.prometheus.scrape.ingest import Ingester
from pytest_pushgateway.prometheus.scrape.targets import job_targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_pushgateway.prometheus.lint.context import Context, Finding
    from pytest_pushgateway.prometheus.lint.detection import Detected
    from pytest_pushgateway.prometheus.model import OperatorEndpoint, ScrapeJob

_PUSHED = 'records_processed{instance="db1", job="backup", namespace="shop", pod="backup-1"}'
_BODY = (
    '# TYPE records_processed gauge\nrecords_processed{instance="db1",job="backup",namespace="shop",pod="backup-1"} 1\n'
)
_BARE = '# TYPE records_processed gauge\nrecords_processed{instance="",job="backup"} 1\n'


def honor_labels_of_monitor(context: Context, one: Detected) -> Iterator[Finding]:
    """PG027: pushed labels lose against those that the Operator gives its targets."""
    job, monitor = one.job, one.job.monitor
    if monitor is None:
        return
    for path, at in monitor.strays:
        yield context.find(
            "PG027",
            "error",
            f"{path} is not a field of a {monitor.kind}: clusters drop it without a word",
            at,
            job,
            fix=f"write honorLabels: true in {monitor.path}",
        )
    if monitor.honor == "true" and monitor.override is not None:
        thing, at = monitor.override
        yield context.find(
            "PG027",
            "error",
            f"overrideHonorLabels: true of {thing} makes honorLabels of {monitor.thing} false ({one.reason})",
            at,
            job,
            consequence=_consequence(job),
            fix="remove overrideHonorLabels, or let a Prometheus without it scrape the gateway",
        )
    elif monitor.honor == "true":
        yield from _with_honor_labels(context, one, monitor)
    elif not monitor.strays and not _restored(job):
        yield _missing(context, one, monitor)


def _missing(context: Context, one: Detected, monitor: OperatorEndpoint) -> Finding:
    what, severity = "is not set", "error" if one.level == SURE else "warning"
    if monitor.honor in ("false", "False", "FALSE"):
        what, severity = "is false", "warning"
    elif monitor.honor is not None:
        what, severity = f"must be true, not {monitor.honor}, which clusters refuse,", "error"
    return context.find(
        "PG027",
        severity,
        f"honorLabels {what} in {monitor.path} of {monitor.thing}, which scrapes a gateway ({one.reason})",
        monitor.honor_at or one.job.position(),
        one.job,
        consequence=_consequence(one.job),
        fix=f"set honorLabels: true in {monitor.path}; this renames series: dashboards and rules on exported_job or\n"
        "exported_instance must then use job and instance. If it is not a gateway: # pushgateway: not-a-gateway in it",
    )


def _restored(job: ScrapeJob) -> bool:
    """Return whether metric relabelling gives pushed series their job back, or drops them."""
    if not job.metric_relabel_configs:
        return False
    outcome = push_through(job)
    if outcome is None:
        return False
    stored = outcome.named(METRIC)
    return not stored or {labels.get("job") for labels in stored} == set(PUSHERS)


def _consequence(job: ScrapeJob) -> str | None:
    stored = _stored(job, _BODY)
    return f"pushed as {_PUSHED}\nstored as {stored}" if stored else None


def _with_honor_labels(context: Context, one: Detected, monitor: OperatorEndpoint) -> Iterator[Finding]:
    """Note whose namespace and pod series get that are pushed without."""
    stored = _stored(one.job, _BARE)
    if stored is None or "namespace=" not in stored:
        return
    yield context.find(
        "PG027",
        "note",
        "series that are pushed without a namespace or a pod get the gateway's own",
        monitor.honor_at,
        one.job,
        consequence=f'pushed as records_processed{{instance="", job="backup"}}\nstored as {stored}',
        fix="in metricRelabelings, drop namespace, pod, service, container and endpoint, or let pushers push their own",
        strict=True,
    )


def _stored(job: ScrapeJob, body: str) -> str | None:
    """Return the series that ``body`` becomes, scraped from a target such as the Operator's monitors find."""
    try:
        targets = [target for target in job_targets(job, [example_target(job)]) if target.state == "active"]
        if not targets:
            targets = [target for target in job_targets(job) if target.state == "active"]
        for target in targets[:1]:
            scrape = Ingester(job).ingest(target, body.encode(), "text/plain; version=0.0.4", now=0.0)
            for sample in scrape.stored:
                if dict(sample.labels).get("__name__") == METRIC:
                    rest = (f'{name}="{value}"' for name, value in sample.labels if name != "__name__")
                    return f"{METRIC}{{{', '.join(rest)}}}"
    except (BadRegexp, Unjudged, KeyError):
        pass
    return None


def example_target(job: ScrapeJob) -> dict[str, str]:
    """Return a target as a cluster's discovery finds it, with the labels that the ``keep`` rules of ``job`` ask for."""
    labels = {
        "__address__": "10.0.0.9:9091",
        "__meta_kubernetes_namespace": "monitoring",
        "__meta_kubernetes_service_name": "pushgateway",
        "__meta_kubernetes_pod_name": "pushgateway-0",
        "__meta_kubernetes_pod_container_name": "pushgateway",
        "__meta_kubernetes_pod_phase": "Running",
    }
    for rule in job.relabel_configs:
        if rule.action == "keep" and all(name.startswith("__meta_") for name in rule.source_labels):
            wanted = rule.regex.replace("(", "").replace(")", "")
            parts = wanted.split(";") if ";" in wanted else [wanted]
            for name, value in zip(rule.source_labels, parts, strict=False):
                labels.setdefault(name, value.split("|")[0].replace("\\", ""))
    return labels


RULES = (honor_labels_of_monitor,)
