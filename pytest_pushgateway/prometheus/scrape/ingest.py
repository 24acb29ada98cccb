"""The series that Prometheus stores of one scraped body: labels, relabelling, limits, duplicates, the report series.

Pure functions from (job, target, body) to series; nothing here opens a socket. The scrape is the first one of the
target: ``scrape_series_added`` counts every series. Source: ``scrape/scrape.go`` of Prometheus 3.5, 2.53 and 2.42.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from pytest_pushgateway.exposition.names import METRIC_NAME
from pytest_pushgateway.prometheus.scrape.promtext import ExpositionError, read
from pytest_pushgateway.prometheus.scrape.relabel import (
    LabelBuilder,
    LabelPairs,
    Relabeler,
    Step,
    older_than,
)
from pytest_pushgateway.prometheus.values import LATEST, is_label_name, is_legacy_label_name, quote

if TYPE_CHECKING:
    from pytest_pushgateway.prometheus.model import ScrapeJob
    from pytest_pushgateway.prometheus.scrape.targets import Target

_LEGACY_METRIC_NAME = re.compile(METRIC_NAME)
_AHEAD = 10 * 60 * 1000
"""Milliseconds that a timestamp may be ahead of the clock."""
_BEHIND = 60 * 60 * 1000
"""Milliseconds that a timestamp may be behind: half of the head block's range."""

_TEXT_TYPES = ("text/plain",)
_OTHER_TYPES = ("application/openmetrics-text", "application/vnd.google.protobuf")
_PROTOCOL_TYPES = {
    "PrometheusText0.0.4": "text/plain",
    "PrometheusText1.0.0": "text/plain",
    "OpenMetricsText0.0.1": "application/openmetrics-text",
    "OpenMetricsText1.0.0": "application/openmetrics-text",
    "PrometheusProto": "application/vnd.google.protobuf",
}


REPORT = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)
"""The series that Prometheus adds to every scrape."""
EXTRA_REPORT = ("scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes")
"""The series that ``extra_scrape_metrics`` adds to those."""


class Unsimulated(Exception):
    """The job asks for something this simulation leaves out; the text says what."""


class Stored(NamedTuple):
    """One stored sample.

    Attributes:
        labels: pairs of name and value, ``__name__`` included.
        value: the sample's value.
        timestamp: milliseconds since 1970; None for the time of the scrape.

    """

    labels: LabelPairs
    value: float
    timestamp: int | None = None


class TargetScrape:
    """The outcome of scraping one target.

    Attributes:
        target: the target, with its labels before and after relabelling.
        health (str): ``"up"``, ``"down"`` or ``"unknown"`` (not scraped, because dropped or invalid).
        error (str): the error in Prometheus's words, or empty.
        stored (list[Stored]): the samples in the order in which they came, ``up`` and ``scrape_*`` at the end.
        body (bytes): the body of the gateway's answer.
        scraped (int): the number of samples, as ``scrape_samples_scraped`` counts them.
        kept (int): as ``scrape_samples_post_metric_relabeling`` counts them.
        added (int): as ``scrape_series_added`` counts them.
        duration (float): seconds that the scrape took.
        repeated (list[Stored]): samples that Prometheus drops because their series already has one in this scrape.
        out_of_bounds (list[Stored]): samples that it drops because their timestamp is too old or too far in the future.

    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.health = "unknown"
        self.error: str = target.error
        self.stored: list[Stored] = []
        self.body = b""
        self.scraped = 0
        self.kept = 0
        self.added = 0
        self.duration: float = 0.0
        self.repeated: list[Stored] = []
        self.out_of_bounds: list[Stored] = []


class Ingester:
    """A scrape job's rules for samples, compiled."""

    def __init__(self, job: ScrapeJob) -> None:
        self.job = job
        self.version: str = job.version
        self.relabeler: Relabeler = Relabeler.of(job, job.metric_relabel_configs)
        if job.convert_classic_histograms_to_nhcb:
            raise Unsimulated(
                f"job {job.job_name!r}: convert_classic_histograms_to_nhcb stores native histograms, "
                "which this simulation does not make"
            )

    def report(self, target: Target, error: str, *, duration: float = 0.0) -> TargetScrape:
        """Return what is stored when there was no body: the report series alone. ``error`` is the reason."""
        return self._finish(TargetScrape(target), error, {}, duration)

    def ingest(
        self, target: Target, body: bytes, content_type: str, *, now: float, duration: float = 0.0
    ) -> TargetScrape:
        """Return what is stored of ``body``, scraped at ``now`` (Unix time in seconds) within ``duration`` seconds."""
        scrape = TargetScrape(target)
        scrape.body = body
        accepted: dict[tuple[LabelPairs, int | None], Stored] = {}
        error = ""
        if body or self.version.startswith("2."):
            error = self._content_type_error(content_type) or self._append(scrape, accepted, body, round(now * 1000))
        return self._finish(scrape, error, {} if error else accepted, duration)

    def _content_type_error(self, content_type: str) -> str:
        media_type = content_type.partition(";")[0].strip().lower()
        fallback = self.job.fallback_scrape_protocol
        if media_type in _OTHER_TYPES:
            raise Unsimulated(f"the target answered with {content_type!r}; this simulation reads the text format only")
        if media_type in _TEXT_TYPES or self.version.startswith("2."):
            return ""
        if fallback:
            if _PROTOCOL_TYPES.get(fallback) in _OTHER_TYPES:
                raise Unsimulated(f"fallback_scrape_protocol {fallback}: this simulation reads the text format only")
            return ""
        if not content_type:
            problem = "non-compliant scrape target sending blank Content-Type"
        else:
            problem = f"received unsupported Content-Type {quote(content_type)}"
        return f"{problem} and no fallback_scrape_protocol specified for target"

    def _append(
        self,
        scrape: TargetScrape,
        accepted: dict[tuple[LabelPairs, int | None], Stored],
        body: bytes,
        now: int,
    ) -> str:
        """Take every sample of ``body``; return the error for which Prometheus discards them all, ``""`` for none."""
        finds_repeats = not older_than(self.version, 2, 52)
        seen: dict[bytes, LabelPairs] = {}
        dropped: set[bytes] = set()
        limit, appended, over_limit = self.job.sample_limit, 0, False
        try:
            for exposed in read(body, prometheus_version=self.version):
                scrape.scraped += 1
                series, value = exposed.series, exposed.value
                timestamp = exposed.timestamp if self.job.honor_timestamps else None
                if series in dropped:
                    continue
                known = series in seen
                if known:
                    labels = seen[series]
                else:
                    builder = self.mutate(exposed.labels, scrape.target.labels)
                    if builder is None or not len(builder):
                        dropped.add(series)
                        continue
                    labels = builder.labels()
                    error = self._label_error(labels) or _repeated_name(exposed.labels, builder)
                    if error:
                        return error
                sample = Stored(labels, value, timestamp)
                added = False
                if known and finds_repeats and timestamp is None:
                    scrape.repeated.append(sample)
                else:
                    appended += 1
                    over_limit = over_limit or 0 < limit < appended
                    if timestamp is not None and not now - _BEHIND <= timestamp <= now + _AHEAD:
                        scrape.out_of_bounds.append(sample)
                    else:
                        added = True
                        if accepted.setdefault((labels, timestamp), sample) is not sample:
                            scrape.repeated.append(sample)
                if not known:
                    seen[series] = labels
                    scrape.added += added and not over_limit
                scrape.kept += 1
        except ExpositionError as problem:
            return str(problem)
        return "sample limit exceeded" if over_limit else ""

    def mutate(self, exposed: LabelPairs, target: Mapping[str, str]) -> LabelBuilder | None:
        """Return the labels of a sample after target labels and metric relabelling; ``None`` if a rule drops it."""
        builder = self.with_target_labels(exposed, target)
        return builder if self.relabeler.process(builder) else None

    def steps(self, exposed: LabelPairs, target: Mapping[str, str]) -> tuple[LabelPairs, list[Step]]:
        """Return the labels before metric relabelling, and what each rule did to them."""
        builder = self.with_target_labels(exposed, target)
        return builder.labels(), self.relabeler.steps(builder)

    def with_target_labels(self, exposed: LabelPairs, target: Mapping[str, str]) -> LabelBuilder:
        """Return the labels of a sample with those of the target, by ``honor_labels``."""
        builder = LabelBuilder(exposed)
        if self.job.honor_labels:
            present = {name for name, _ in exposed}  # an empty value is present, too
            for name, value in sorted(target.items()):
                if name not in present:
                    builder.set(name, value)
        else:
            before = dict(exposed)
            conflicts = []
            for name, value in sorted(target.items()):
                if before.get(name):
                    conflicts.append((name, before[name]))
                builder.set(name, value)
            self._rename(builder, conflicts, present=before.keys() | target.keys())
        if self.version.startswith("2."):
            builder.rebase()
        return builder

    def _rename(self, builder: LabelBuilder, conflicts: list[tuple[str, str]], *, present: Iterable[str]) -> None:
        taken = set(present) if older_than(self.version, 2, 43) else None
        for name, value in sorted(conflicts, key=lambda conflict: len(conflict[0])):
            renamed = f"exported_{name}"
            # 2.42 passes over a label that was exposed without a value, later versions take its place.
            while renamed in taken if taken is not None else builder.get(renamed):
                renamed = f"exported_{renamed}"
            builder.set(renamed, value)
            if taken is not None:
                taken.add(renamed)

    def _label_error(self, labels: LabelPairs) -> str:
        present = dict(labels)
        name = present.get("__name__")
        if name is None:
            return "missing metric name (__name__ label)"
        legacy = self.version.startswith("2.") or self.job.metric_name_validation_scheme == "legacy"
        is_name = is_legacy_label_name if legacy else is_label_name
        if not all(is_name(label) and _is_text(value) for label, value in labels) or (
            legacy and not _LEGACY_METRIC_NAME.fullmatch(name)
        ):
            return f"invalid metric name or label names: {format_labels(labels, self.version)}"
        return self._limit_error(labels, name)

    def _limit_error(self, labels: LabelPairs, metric: str) -> str:
        job = self.job
        if 0 < job.label_limit < len(labels):
            return (
                f"label_limit exceeded (metric: {metric:.50}, number of labels: {len(labels)}, "
                f"limit: {job.label_limit})"
            )
        if not job.label_name_length_limit and not job.label_value_length_limit:
            return ""
        for name, value in labels:
            length = len(name.encode())
            if 0 < job.label_name_length_limit < length:
                return (
                    f"label_name_length_limit exceeded (metric: {metric:.50}, label name: {name:.50}, "
                    f"length: {length}, limit: {job.label_name_length_limit})"
                )
            length = len(value.encode())
            if 0 < job.label_value_length_limit < length:
                return (
                    f"label_value_length_limit exceeded (metric: {metric:.50}, label name: {name:.50}, "
                    f"value: {quote(value[:50])}, length: {length}, limit: {job.label_value_length_limit})"
                )
        return ""

    def _finish(
        self,
        scrape: TargetScrape,
        error: str,
        accepted: dict[tuple[LabelPairs, int | None], Stored],
        duration: float,
    ) -> TargetScrape:
        scrape.health = "down" if error else "up"
        scrape.error = error
        scrape.duration = duration
        names: tuple[str, ...] = REPORT
        values = [0.0 if error else 1.0, duration, float(scrape.scraped), float(scrape.kept), float(scrape.added)]
        if self.job.extra_scrape_metrics:
            names += EXTRA_REPORT
            values += [scrape.target.timeout, float(self.job.sample_limit), float(len(scrape.body))]
        for name, value in zip(names, values, strict=True):
            labels = _report_labels(name, scrape.target.labels)
            # A pushed metric called up, with the target's own labels, came first and stays.
            accepted.setdefault((labels, None), Stored(labels, value))
        scrape.stored = list(accepted.values())
        return scrape


def _report_labels(name: str, target: Mapping[str, str]) -> LabelPairs:
    """Return the labels of ``up`` and its like: the target's, less those that look like a moved one.

    Prometheus makes room under ``exported_<label>`` for every label of the target, which takes away a target label of
    that name that came before.
    """
    builder = LabelBuilder([("__name__", name)])
    for label, value in sorted(target.items()):
        builder.delete(f"exported_{label}")
        builder.set(label, value)
    return builder.labels()


def _is_text(value: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in value)


def _repeated_name(exposed: LabelPairs, builder: LabelBuilder) -> str:
    """Return the storage's error for a label name that was exposed twice and that no rule has touched."""
    names = [name for name, _ in exposed]
    if len(set(names)) == len(names):
        return ""
    for name in names:
        if names.count(name) > 1 and builder.untouched(name):
            return f'label name "{name}" is not unique: invalid sample'
    return ""


def format_labels(labels: Iterable[tuple[str, str]], version: str = LATEST) -> str:
    """Write a label set as Prometheus does in messages: ``{__name__="up", job="a"}``; 2.x quotes no name."""
    plain = version.startswith("2.")
    pairs = [f"{name if plain or is_legacy_label_name(name) else quote(name)}={quote(value)}" for name, value in labels]
    return "{" + ", ".join(pairs) + "}"


def selector(labels: LabelPairs) -> str:
    """Write a label set as PromQL does: ``up{job="a"}``, or ``{"a.b",c="d"}`` for names that need quotes."""
    pairs = dict(labels)
    name = pairs.pop("__name__", "")
    parts = [
        f"{label if is_legacy_label_name(label) else quote(label)}={quote(value)}" for label, value in pairs.items()
    ]
    if not name or is_legacy_label_name(name.replace(":", "_")):
        return f"{name}{{{','.join(parts)}}}"
    return "{" + ",".join([f"__name__={quote(name)}", *parts]) + "}"
