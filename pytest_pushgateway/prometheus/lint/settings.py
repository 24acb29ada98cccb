"""Rules about intervals, limits and other settings, and those about the file as a whole."""

from __future__ import annotations

import re

from pytest_pushgateway.golang.position import Position
from pytest_pushgateway.prometheus.values import format_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_pushgateway.prometheus.lint.context import Context, Finding
    from pytest_pushgateway.prometheus.lint.detection import Detected
    from pytest_pushgateway.prometheus.model import ScrapeJob

_STALE = 300.0
"""Prometheus forgets a sample after its lookback delta, five minutes unless a flag changes it."""


def interval(context: Context, one: Detected) -> Iterator[Finding]:
    """PG010 and PG011: too seldom, so that series have gaps; too often, for values that do not change."""
    job = one.job
    seconds = job.scrape_interval
    at, file = job.position("scrape_interval"), job.file
    if at is None and context.config.global_.written("scrape_interval"):
        at, file = context.config.global_.position("scrape_interval"), context.config.path
    at = at or job.position()
    shown = format_duration(seconds)
    if seconds >= _STALE:
        yield context.find(
            "PG010",
            "warning",
            f"scrape_interval {shown} is not below the 5m after which a sample is stale",
            at,
            job,
            file=file,
            consequence="series vanish between scrapes: graphs have gaps, alerts flap",
            fix="scrape_interval: 1m (2m at most, so that one scrape may fail)",
        )
    elif seconds > 120:
        yield context.find(
            "PG010",
            "note",
            f"scrape_interval {shown} leaves no room for a failed scrape before samples are stale after 5m",
            at,
            job,
            file=file,
            consequence="one failed scrape makes series vanish",
            fix="scrape_interval: 1m",
            strict=True,
        )
    elif 0 < seconds < 1:
        yield context.find(
            "PG011",
            "note",
            f"scrape_interval {shown}: the gateway repeats the last push in between",
            at,
            job,
            file=file,
            consequence="samples without new information",
            fix="scrape_interval: 15s to 1m",
            strict=True,
        )


def neutral_timestamps(context: Context, one: Detected) -> Iterator[Finding]:
    """PG016: a gateway exposes no timestamps."""
    if not one.job.honor_timestamps:
        yield context.find(
            "PG016",
            "note",
            "honor_timestamps: false changes nothing: the gateway refuses pushed timestamps and exposes none",
            one.job.position("honor_timestamps"),
            one.job,
            fix="remove it",
            strict=True,
        )


def limits(context: Context, one: Detected) -> Iterator[Finding]:
    """PG017 and PG018: limits that let one noisy pusher fail the scrape of all."""
    job = one.job
    keys = ("track_timestamps_staleness", "sample_limit", "label_limit")
    for key in keys:
        if job.written(key) and getattr(job, key):
            consequence = "one pusher that exceeds it fails the scrape for all"
            if key == "track_timestamps_staleness":
                consequence = "nothing: the gateway exposes no timestamps"
            yield context.find(
                "PG017",
                "note",
                f"{key} on a gateway job",
                job.position(key),
                job,
                consequence=consequence,
                fix="limit the pushers, or remove it",
                strict=True,
            )
    limit = job.body_size_limit
    if limit < 0:
        yield context.find(
            "PG018",
            "warning",
            f"body_size_limit is negative ({limit} bytes)",
            job.position("body_size_limit") or job.position(),
            job,
            consequence="nothing is limited: Prometheus takes a limit below zero for none",
            fix="write a size such as 50MB, or remove it",
        )
    elif limit and context.metrics is not None and len(context.metrics) >= limit:
        yield context.find(
            "PG018",
            "warning",
            f"body_size_limit is {limit} bytes, and the gateway exposes {len(context.metrics)}",
            job.position("body_size_limit") or job.position(),
            job,
            consequence="every scrape fails, and with it all pushes are lost: body size limit exceeded",
            fix="raise it",
        )


def useless_params(context: Context, one: Detected) -> Iterator[Finding]:
    """PG031: the gateway ignores queries."""
    if one.job.params:
        yield context.find(
            "PG031",
            "note",
            "params are set, and a gateway ignores them",
            one.job.key_position("params"),
            one.job,
            consequence="often left over from another exporter's job",
            fix="remove them",
            strict=True,
        )


def perhaps(context: Context, one: Detected) -> Iterator[Finding]:
    """PG019: port 9091 by itself means little, and so does a name that other programs have."""
    what = f"scrapes {one.reason}" if one.reason.startswith("port") else f"may scrape one ({one.reason})"
    yield context.find(
        "PG019",
        "note",
        f"job {one.job.job_name!r} {what}: is it a Pushgateway?",
        one.job.position(),
        one.job,
        fix="mark it with a comment: '# pushgateway: gateway' or '# pushgateway: not-a-gateway'",
        strict=True,
    )


def whole_file(context: Context) -> Iterator[Finding]:
    """PG002, PG028 and PG032."""
    yield from _honor_labels_elsewhere(context)
    yield from _second_document(context)
    yield from _names_that_differ_in_case(context)
    for name in ("job", "instance"):
        if name in context.config.global_.external_labels:
            yield context.find(
                "PG032",
                "note",
                f"external label {name} is hidden by the {name} of every series",
                context.config.global_.position("external_labels"),
                consequence="remote storage and Alertmanager get the series' own label",
                fix="give the external label another name",
                strict=True,
            )


def _honor_labels_elsewhere(context: Context) -> Iterator[Finding]:
    detected = {id(one.job) for one in context.detected}
    for job in context.config.jobs:
        federates = job.metrics_path.rstrip("/").endswith("/federate")
        if job.honor_labels and not federates and id(job) not in detected:
            yield context.find(
                "PG002",
                "note",
                f"honor_labels: true on job {job.job_name!r}, which scrapes neither a gateway nor /federate",
                job.position("honor_labels"),
                job,
                consequence="a target can take any job's or instance's name",
                fix="remove it, unless the exporter speaks for others",
                strict=True,
            )


def _second_document(context: Context) -> Iterator[Finding]:
    text = context.config.text
    found = re.search(rb"^---(?=\s)", text[4:], re.MULTILINE)
    if not found or not re.search(rb"^[^#\s-]", text[: found.start() + 4], re.MULTILINE):
        return
    yield context.find(
        "PG028",
        "note",
        "a second YAML document begins here, which Prometheus does not read",
        Position(text.count(b"\n", 0, found.start() + 4) + 1, 1),
        consequence="nothing below is in effect",
        fix="put it into a separate file, or join the documents",
        strict=True,
    )


def _names_that_differ_in_case(context: Context) -> Iterator[Finding]:
    seen: dict[str, ScrapeJob] = {}
    for job in context.config.jobs:
        first = seen.setdefault(job.job_name.lower(), job)
        if first is not job and first.job_name != job.job_name:
            yield context.find(
                "PG028",
                "note",
                f"job {job.job_name!r} and job {first.job_name!r} differ only in case",
                job.position("job_name"),
                job,
                consequence="two jobs, and alerts on one of them",
                fix="rename one",
                strict=True,
            )


RULES = (interval, neutral_timestamps, limits, useless_params)
