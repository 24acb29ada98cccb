"""Rules about the labels that would be stored: honor_labels, static labels, several gateways."""

from __future__ import annotations

import re

from pytest_pushgateway.golang.regexp import BadRegexp, Unjudged, matches
from pytest_pushgateway.prometheus.lint.canonical_pushes import BODY, METRIC, PUSHERS, push_through, series_of
from pytest_pushgateway.prometheus.lint.detection import LIKELY, SURE, says_gateway
from pytest_pushgateway.prometheus.scrape.relabel import LabelBuilder, Relabeler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_pushgateway.golang.position import Position
    from pytest_pushgateway.prometheus.lint.context import Context, Finding
    from pytest_pushgateway.prometheus.lint.detection import Detected
    from pytest_pushgateway.prometheus.model import RelabelRule, ScrapeJob
    from pytest_pushgateway.prometheus.scrape.targets import Target

_JOB_KEYS = frozenset(
    (
        "honor_labels",
        "honor_timestamps",
        "scrape_interval",
        "scrape_timeout",
        "metrics_path",
        "scheme",
        "params",
        "basic_auth",
        "tls_config",
        "relabel_configs",
        "metric_relabel_configs",
    )
)


def honor_labels_missing(context: Context, one: Detected) -> Iterator[Finding]:
    """PG001: pushed ``job`` and ``instance`` are renamed, and every alert on them goes dark."""
    job = one.job
    if job.honor_labels or _misplaced(job, "honor_labels"):
        return
    sample = 'records_processed{instance="db1", job="backup"}'
    gateways = _gateway_targets(context, one)
    instance = gateways[0].labels.get("instance", "") if gateways else "<the gateway>"
    result = (
        f'records_processed{{exported_instance="db1", exported_job="backup", instance="{instance}", '
        f'job="{job.job_name}"}}'
    )
    if job.metric_relabel_configs:
        outcome = push_through(job)
        if outcome is not None:
            stored = outcome.named(METRIC)
            if {labels.get("job") for labels in stored} == set(PUSHERS) or not stored:
                return
    written = job.written("honor_labels")
    at = job.position("honor_labels") or job.position()
    severity = "error" if one.level == SURE and not written else "warning"
    fix = "set honor_labels: true"
    if len(gateways) < len(context.targets(job)):
        fix = "give the gateway its own job, with honor_labels: true"
    yield context.find(
        "PG001",
        severity,
        f"honor_labels is {'false' if written else 'not set'} on gateway job {job.job_name!r} ({one.reason})",
        at,
        job,
        consequence=f"pushed as {sample}\nstored as {result}",
        fix=f"{fix}; this renames series: dashboards and rules on exported_job or exported_instance\n"
        "must then use job and instance. If it is not a gateway: # pushgateway: not-a-gateway in the job",
    )


def _misplaced(job: ScrapeJob, key: str) -> bool:
    return any(key in group.labels for group in job.static_configs)


def settings_among_labels(context: Context, one: Detected) -> Iterator[Finding]:
    """PG003: a setting of the job written under ``labels`` is only a label."""
    job = one.job
    for group in job.static_configs:
        for name, value in group.labels.items():
            if name in _JOB_KEYS:
                yield context.find(
                    "PG003",
                    "error",
                    f"{name} is below 'labels': there it is a label, not a setting of the job",
                    group.label_positions[name][0],
                    job,
                    consequence=f'every series gets {name}="{value}", and the job keeps its default',
                    fix=f"move {name} up to the job, next to static_configs",
                )


def overridden_labels(context: Context, one: Detected) -> Iterator[Finding]:
    """PG004: a target's ``job`` or ``instance`` never reaches pushed series under ``honor_labels``."""
    job = one.job
    if not job.honor_labels:
        return
    places: list[tuple[str, Position | None]] = []
    for group in job.static_configs:
        places += [(name, group.label_positions[name][0]) for name in ("job", "instance") if name in group.labels]
    for rule in job.relabel_configs:
        if rule.action == "replace" and rule.target_label in ("job", "instance"):
            places.append((rule.target_label, rule.position("target_label")))
    for name, at in places:
        yield context.find(
            "PG004",
            "note",
            f"label {name} of the target does not reach pushed series: honor_labels keeps the pushed one",
            at,
            job,
            consequence="it only labels the gateway's own metrics (instance is there in every group, if need be empty)"
            if name == "instance"
            else "it only labels the gateway's own metrics",
            fix="use a label of another name",
            strict=True,
        )


def contested_labels(context: Context, one: Detected) -> Iterator[Finding]:
    """PG005: a static label that pushers use as well. Needs the gateway's metrics."""
    job = one.job
    names = {name for group in job.static_configs for name in group.labels if not name.startswith("__")}
    names -= {"job", "instance"} | _JOB_KEYS
    if not names or context.metrics is None:
        return
    pushed = {found.decode() for found in re.findall(rb'[{,]([a-zA-Z_][a-zA-Z0-9_]*)="[^"]', context.metrics)}
    for group in job.static_configs:
        for name in sorted(names & pushed & set(group.labels)):
            consequence = f"the pushed {name} becomes exported_{name}"
            if job.honor_labels:
                consequence = f"series that are pushed with {name} keep their own value, the others get the target's"
            yield context.find(
                "PG005",
                "warning",
                f"label {name} is set on the target, and pushers use it too",
                group.label_positions[name][0],
                job,
                consequence=consequence,
                fix="give the target's label another name",
            )


def several_gateways(context: Context, one: Detected) -> Iterator[Finding]:
    """PG006: two gateways in one job write the same series, and their values flap."""
    job = one.job
    if not job.honor_labels or len(job.targets) < 2:
        return
    targets = _gateway_targets(context, one)

    stored = {target.host: series_of(target) for target in targets}
    for number, second in enumerate(targets):
        for first in targets[:number]:
            if first.host == second.host or not stored[first.host] & stored[second.host]:
                continue
            yield context.find(
                "PG006",
                "warning",
                f"{first.host} and {second.host}: one honor_labels job scrapes both, and no label tells them apart",
                _place_of(job, second) or job.position(),
                job,
                consequence="a group that was pushed to both is one series with two values in turn; "
                "one that was deleted from one remains in the other",
                fix="scrape one gateway, or give each target its own label (static_configs, labels: {gateway: a})",
            )
            return


def _gateway_targets(context: Context, one: Detected) -> list[Target]:
    """Return the targets of a job that are gateways: all, or those that are known to be if there are others."""
    targets = context.targets(one.job)
    named = [target for target in targets if says_gateway(target.host)]
    if named and not says_gateway(one.job.job_name):
        return named
    if one.level == LIKELY:
        return [target for target in targets if target.host.endswith(":9091") or says_gateway(target.host)]
    ports = {target.host.rpartition(":")[2] for target in named or targets}
    return [target for target in targets if target.host.rpartition(":")[2] in ports or target in named]


def _place_of(job: ScrapeJob, target: Target) -> Position | None:
    address = target.discovered.get("__address__")
    for group in job.static_configs:
        for written, at in zip(group.targets, group.target_positions, strict=True):
            if written == address:
                return at
    return None


def same_gateway_twice(context: Context) -> Iterator[Finding]:
    """PG007: two honor_labels jobs scrape one gateway, so that every series is written twice."""
    seen: dict[str, ScrapeJob] = {}
    if len(context.gateway_jobs) < 2:
        return
    for one in context.detected:
        job = one.job
        if one.level not in (SURE, LIKELY) or not job.honor_labels:
            continue
        if any(rule.action in ("keep", "drop") for rule in job.metric_relabel_configs):
            continue
        for target in _gateway_targets(context, one):
            first = seen.setdefault(target.url, job)
            if first is not job:
                yield context.find(
                    "PG007",
                    "warning",
                    f"{target.url} is scraped by job {first.job_name!r} too",
                    _place_of(job, target) or job.position(),
                    job,
                    consequence="with honor_labels both jobs write the same series: twice the samples, "
                    "and duplicates where their times meet",
                    fix="keep one of the two jobs",
                )


def identity_dropped(context: Context, one: Detected) -> Iterator[Finding]:
    """PG008: metric relabelling removes what distinguishes pushed groups, or the metric's name."""
    job = one.job
    suspects = [rule for rule in job.metric_relabel_configs if rule.action in ("labeldrop", "labelkeep")]
    if not suspects:
        return

    vital = ["__name__", "job"] if job.honor_labels else ["__name__", "exported_job"]
    body: str | bytes = BODY
    if context.metrics is not None:
        vital.append("instance" if job.honor_labels else "exported_instance")
        body = context.metrics
    outcome = push_through(job, body)
    if outcome is None:
        return
    distinct = {tuple(sorted(labels.items())) for labels in outcome.series}
    before = push_through(_without(job, suspects), body)
    if not outcome.error and (
        before is None or len(distinct) == len({tuple(sorted(x.items())) for x in before.series})
    ):
        return
    for rule in suspects:
        for name in vital:
            if _removes(rule, name, job.version):
                consequence = "series of different groups become one: all samples but one are dropped"
                if name == "__name__":
                    consequence = f"the scrape fails: {outcome.error or 'missing metric name (__name__ label)'}"
                yield context.find(
                    "PG008",
                    "error",
                    f"{rule.action} {rule.regex!r} removes {name} from pushed series",
                    rule.position("regex") or rule.position(),
                    job,
                    consequence=consequence,
                    fix="make the regular expression narrower",
                )
                break


def _without(job: ScrapeJob, rules: list[RelabelRule]) -> ScrapeJob:
    copy = type(job)()
    vars(copy).update(vars(job))
    copy.metric_relabel_configs = [rule for rule in job.metric_relabel_configs if rule not in rules]
    return copy


def _removes(rule: RelabelRule, name: str, version: str) -> bool:
    try:
        return matches(rule.regex, name, version) == (rule.action == "labeldrop")
    except (BadRegexp, Unjudged):
        return False


def push_times_dropped(context: Context, one: Detected) -> Iterator[Finding]:
    """PG009: without the push times nobody can alert on a pusher that fails or is gone."""
    job = one.job
    if not any(rule.action in ("keep", "drop") for rule in job.metric_relabel_configs):
        return

    outcome = push_through(job)
    if outcome is None or outcome.error:
        return
    lost = [name for name in ("push_time_seconds", "push_failure_time_seconds") if not outcome.named(name)]
    if lost:
        rule = _culprit(job, lost[0])
        yield context.find(
            "PG009",
            "note",
            f"metric relabelling drops {' and '.join(lost)}",
            rule.position() if rule else job.position("metric_relabel_configs"),
            job,
            consequence="no alert can tell that a job has stopped pushing or that its pushes fail",
            fix="keep them",
            strict=True,
        )


def _culprit(job: ScrapeJob, name: str) -> RelabelRule | None:
    builder = LabelBuilder({"__name__": name, "job": "backup"}.items())
    steps = Relabeler.of(job, job.metric_relabel_configs).steps(builder)
    return steps[-1].rule if steps and steps[-1].dropped else None


RULES = (
    honor_labels_missing,
    settings_among_labels,
    overridden_labels,
    contested_labels,
    several_gateways,
    identity_dropped,
    push_times_dropped,
)
