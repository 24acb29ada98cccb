"""In words: what came in, what every rule did to it, what Prometheus stores."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from pytest_pushgateway.golang.strconv import format_float
from pytest_pushgateway.prometheus.scrape.ingest import (
    EXTRA_REPORT,
    REPORT,
    Ingester,
    TargetScrape,
    format_labels,
    selector,
)
from pytest_pushgateway.prometheus.scrape.promtext import ExpositionError, ScrapedSample, read
from pytest_pushgateway.prometheus.scrape.relabel import LabelBuilder, LabelPairs, Relabeler, Step
from pytest_pushgateway.prometheus.scrape.simulate import simulate
from pytest_pushgateway.prometheus.values import quote

if TYPE_CHECKING:
    from pytest_pushgateway.prometheus.model import RelabelRule, ScrapeJob

EXAMPLE = """\
# TYPE backup_bytes gauge
backup_bytes{instance="",job="backup"} 1024
backup_bytes{instance="db1",job="backup"} 2048
# TYPE push_failure_time_seconds gauge
push_failure_time_seconds{instance="",job="backup"} 0
push_failure_time_seconds{instance="db1",job="backup"} 0
# TYPE push_time_seconds gauge
push_time_seconds{instance="",job="backup"} 1.7e+09
push_time_seconds{instance="db1",job="backup"} 1.7e+09
"""
"""The text of a gateway after two pushes, one of them without an instance."""


def explain(
    job: ScrapeJob, body: str | bytes, *, targets: Iterable[Mapping[str, str] | str] | None = None
) -> tuple[str, bool]:
    """Return the explanation of scraping ``body`` with ``job``, and whether it succeeds (one is up, none down).

    ``targets`` replaces service discovery. Raises what :func:`~pytest_pushgateway.prometheus.scrape.simulate`
    raises.
    """
    result = simulate(job, body, targets=targets)
    where = job.position()
    place = f" ({job.file or 'line'}{':' if job.file else ' '}{where.line})" if where else ""
    honours = "true" if job.honor_labels else "false"
    lines = [f"job {quote(job.job_name)}{place}, honor_labels: {honours}, read as Prometheus {job.version}"]
    for scrape in result.targets:
        lines += ["", *_target(job, scrape)]
        if scrape.health != "unknown":
            lines += [f"  {line}" if line else "" for line in _samples(Ingester(job), scrape)]
    up = bool(result.active) and not any(scrape.error for scrape in result.targets)
    return "\n".join(lines) + "\n", up


def _target(job: ScrapeJob, scrape: TargetScrape) -> Iterator[str]:
    target = scrape.target
    yield f"target {target.discovered.get('__address__', '')}"
    yield f"  discovered    {format_labels(sorted(target.discovered.items()))}"
    steps = Relabeler.of(job, job.relabel_configs).steps(LabelBuilder(target.discovered.items()))
    for step in steps:
        yield f"  {_step('relabel_configs', step)}"
    if target.state == "active":
        yield f"  target labels {format_labels(sorted(target.labels.items()))}"
        yield f"  scraped       {target.url}"
    elif target.state == "invalid":
        yield f"  not scraped   {target.error}"
    else:
        yield "  not scraped   dropped by relabel_configs"


def _samples(ingester: Ingester, scrape: TargetScrape) -> Iterator[str]:
    if scrape.error:
        yield ""
        yield f"the scrape fails and nothing of it is stored: {scrape.error}"
    first: dict[LabelPairs, ScrapedSample] = {}
    exposed: list[ScrapedSample] = []
    broken = False
    try:
        exposed.extend(read(scrape.body, prometheus_version=ingester.version))
    except ExpositionError:
        broken = True
    explained = [(sample, list(_sample(ingester, scrape, sample, first))) for sample in exposed]
    fates = {_twin(sample, PUSH_TIME): _fate(lines) for sample, lines in explained if _name(sample) == PUSH_TIME}
    for sample, lines in explained:
        if _name(sample) == PUSH_FAILURE_TIME and fates.get(_twin(sample, PUSH_FAILURE_TIME)) == _fate(lines):
            continue  # its group's push_time_seconds shows the same
        yield ""
        yield from lines
    if broken:
        yield ""
        yield "the rest is not read"
    yield ""
    for stored in scrape.stored:
        labels = dict(stored.labels)
        if labels["__name__"] in (*REPORT[2:], *EXTRA_REPORT) or labels["__name__"] == "up":
            yield f"{_series(stored.labels)} {_value(stored.value)}"


PUSH_TIME, PUSH_FAILURE_TIME = "push_time_seconds", "push_failure_time_seconds"


def _name(sample: ScrapedSample) -> str:
    return dict(sample.labels).get("__name__", "")


def _twin(sample: ScrapedSample, name: str) -> LabelPairs:
    """Return the labels of a push time without its name."""
    return tuple(pair for pair in sample.labels if pair != ("__name__", name))


def _fate(lines: list[str]) -> list[str]:
    """Return what happens to a sample, without its name and value."""
    return [
        re.sub(r" \S+$", "", line.replace(PUSH_FAILURE_TIME, PUSH_TIME)) if "stored: " in line
        else line.replace(PUSH_FAILURE_TIME, PUSH_TIME)
        for line in lines[1:]
    ]  # fmt: skip


def _sample(
    ingester: Ingester, scrape: TargetScrape, exposed: ScrapedSample, first: dict[LabelPairs, ScrapedSample]
) -> Iterator[str]:
    target = scrape.target.labels
    timestamp = f" {exposed.timestamp}" if exposed.timestamp is not None else ""
    yield f"{_series(exposed.labels)} {_value(exposed.value)}{timestamp}"
    merged, steps = ingester.steps(exposed.labels, target)
    yield f"    with the target's labels  {_difference(exposed.labels, merged)}"
    for step in steps:
        yield f"    {_step('metric_relabel_configs', step)}"
    if steps and steps[-1].dropped:
        return
    labels = steps[-1].after if steps else merged
    if not labels:
        yield "    dropped: no label is left"
    elif labels in first and exposed.timestamp is None:
        yield f"    not stored: {_series(first[labels].labels)} came first and became the same series"
    else:
        first.setdefault(labels, exposed)
        verb = "would be stored" if scrape.error else "stored"
        yield f"    {verb}: {_series(labels)} {_value(exposed.value)}"


def _step(section: str, step: Step) -> str:
    where = step.rule.position()
    line = f", line {where.line}" if where else ""
    text = f"{section} {step.index + 1} ({_rule(step.rule)}{line}): "
    if step.dropped:
        return f"{text}drops it, {_condition(step)}"
    if step.changes:
        return text + ", ".join(_change(*change) for change in step.changes)
    return f"{text}no change, {_condition(step)}"


def _rule(rule: RelabelRule) -> str:
    parts = [rule.action]
    if rule.source_labels:
        parts.append(f"of {', '.join(rule.source_labels)}")
    if rule.target_label:
        parts.append(f"to {rule.target_label}")
    return " ".join(parts)


def _condition(step: Step) -> str:
    rule = step.rule
    if rule.action in ("labeldrop", "labelkeep", "labelmap"):
        return f"{'some' if step.matched else 'no'} label name matches {quote(rule.regex)}"
    if rule.action in ("keepequal", "dropequal"):
        return f"{quote(step.value)} is {'' if step.matched else 'not '}the value of {rule.target_label}"
    if rule.action in ("keep", "drop", "replace"):
        return f"{quote(step.value)} {'matches' if step.matched else 'does not match'} {quote(rule.regex)}"
    return f"{quote(step.value)} is there already"


def _change(name: str, before: str | None, after: str | None) -> str:
    if before is None:
        return f"adds {name}={quote(after or '')}"
    if after is None:
        return f"removes {name}={quote(before)}"
    return f"{name}={quote(before)} becomes {quote(after)}"


def _difference(exposed: LabelPairs, merged: LabelPairs) -> str:
    before, after = dict(exposed), dict(merged)
    parts = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        moved = f"exported_{name}"
        if old and new is not None and old in (after.get(moved), after.get(f"exported_{moved}")):
            parts.append(f"{name}={quote(old)} gives way to {quote(new)}")
        else:
            parts.append(_change(name, old, new))
    return ", ".join(parts) or "nothing changes"


def _series(labels: LabelPairs) -> str:
    text = selector(labels)
    return text[:-2] if text.endswith("{}") and len(text) > 2 else text


def _value(value: float) -> str:
    return format_float(value).decode()
