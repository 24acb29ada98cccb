"""The outcome of a simulated scrape, queryable: values, assertions, and messages with the reason why one fails."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pytest_pushgateway.matchers import (
    ANY,
    accepts_everything,
    check_labels,
    check_name,
    check_value,
    label_matches,
    shown,
    value_matches,
)
from pytest_pushgateway.prometheus.scrape.ingest import Ingester, Stored, TargetScrape
from pytest_pushgateway.prometheus.scrape.promtext import read

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

    from pytest_pushgateway.prometheus.model import ScrapeJob


class Became(Protocol):
    """The lines of a gateway in a test about metrics that were pushed to it and are not stored."""

    def __call__(self, names: Collection[str], interval: float, start: float | None = None) -> list[str]:
        """Return lines of a message on metrics of these names; ``interval`` is seconds between two scrapes."""


class ScrapeResult:
    """What Prometheus has after scraping a job once; queryable like a scrape.

    Names, values and labels match as in the assertions on a gateway: labels as a subset, as they are or as text, ``""``
    for a label that is not there, regular expressions in full; ``le`` and ``quantile`` compare as numbers, and NaN
    equals NaN. A name is a series' name: a histogram itself has none.

    Attributes:
        job (ScrapeJob): the scrape job.
        targets (list[TargetScrape]): one for each target, dropped ones included.
        time (float): the time of the scrape, in seconds since 1970.

    """

    def __init__(self, job: ScrapeJob, ingester: Ingester, scrapes: list[TargetScrape], now: float) -> None:
        self.job = job
        self.targets = scrapes
        self.time = now
        self._ingester = ingester
        self._became: Became | None = None

    @property
    def active(self) -> list[TargetScrape]:
        """The targets that were scraped."""
        return [scrape for scrape in self.targets if scrape.health != "unknown"]

    def _only(self) -> TargetScrape:
        __tracebackhide__ = True
        among = self.active or self.targets
        if len(among) == 1:
            return among[0]
        names = ", ".join(scrape.target.discovered.get("__address__", "?") for scrape in among)
        raise LookupError(f"job {self.job.job_name!r} has {len(among)} targets ({names}); look at .targets")

    @property
    def target_labels(self) -> dict[str, str]:
        """The labels of the target, without ``__*``.

        Raises:
            LookupError: the job has several targets; look at ``targets``.

        """
        __tracebackhide__ = True
        return dict(self._only().target.labels)

    @property
    def health(self) -> str:
        """The target's health, ``"up"``, ``"down"`` or ``"unknown"`` (not scraped, because dropped or invalid).

        Raises:
            LookupError: the job has several targets; look at ``targets``.

        """
        __tracebackhide__ = True
        return self._only().health

    @property
    def error(self) -> str:
        """The target's last error in Prometheus's words, or an empty string.

        Raises:
            LookupError: the job has several targets; look at ``targets``.

        """
        __tracebackhide__ = True
        return self._only().error

    @property
    def stored(self) -> list[Stored]:
        """All stored samples of all targets; of a series that two targets write, the sample of the first."""
        found: dict[Any, Stored] = {}
        for scrape in self.targets:
            for sample in scrape.stored:
                found.setdefault((sample.labels, sample.timestamp), sample)
        return list(found.values())

    @property
    def series(self) -> list[Sample]:
        """All stored samples as prometheus_client's, ``up`` and ``scrape_*`` included, sorted by name and labels.

        Timestamps are seconds.
        """
        return [
            self._sample(sample)
            for sample in sorted(self.stored, key=lambda sample: (dict(sample.labels)["__name__"], sample.labels))
        ]

    def _sample(self, stored: Stored) -> Sample:
        from prometheus_client.samples import Sample

        labels = dict(stored.labels)
        name = labels.pop("__name__")
        at = self.time if stored.timestamp is None else stored.timestamp / 1000
        return Sample(name, labels, stored.value, at)

    def value(self, name: str, /, *, labels: Mapping[str, object] | None = None, **label_values: object) -> float:
        """Return the value of the one stored sample that matches.

        Args:
            name: the sample's exact name.
            labels: matchers of labels that are not Python names.
            label_values: matchers of labels; other labels may have any value.

        Returns:
            The value.

        Raises:
            AssertionError: none or several match; the message shows the candidates.

        """
        __tracebackhide__ = True
        wanted = self._wanted(name, ANY, labels, label_values)
        found = list(self._matching(name, wanted))
        if len(found) != 1:
            raise AssertionError(self._explain(f"{len(found)} samples are {_shown(name, wanted)}", name, wanted))
        return found[0].value

    def assert_stored(
        self, name: str, value: Any = ANY, /, *, labels: Mapping[str, object] | None = None, **label_values: object
    ) -> Sample:
        """Assert that a stored sample matches.

        Args:
            name: the sample's exact name.
            value: a number, or anything that compares with one, such as `pytest.approx`; by default any.
            labels: matchers of labels that are not Python names.
            label_values: matchers of labels; other labels may have any value.

        Returns:
            The first such sample.

        Raises:
            AssertionError: there is none; the message shows what became of the nearest one.

        """
        __tracebackhide__ = True
        wanted = self._wanted(name, value, labels, label_values)
        for sample in self._matching(name, wanted):
            if value_matches(value, sample.value):
                return self._sample(sample)
        text = _shown(name, wanted) + ("" if value is ANY else f" {shown(value)}")
        raise AssertionError(self._explain(f"not stored: {text}", name, wanted))

    def assert_not_stored(
        self, name: str, value: Any = ANY, /, *, labels: Mapping[str, object] | None = None, **label_values: object
    ) -> Literal[True]:
        """Assert that no stored sample matches.

        An assertion that could never have failed proves nothing. So it also fails if no series of that name has a label
        that is asked for, if only a counter of the name with ``_total`` or the parts of a histogram or summary are
        there, and if a target was not scraped.

        Args:
            name: the sample's exact name.
            value: a number, or anything that compares with one, such as `pytest.approx`; by default any.
            labels: matchers of labels that are not Python names.
            label_values: matchers of labels; other labels may have any value.

        Returns:
            True.

        Raises:
            AssertionError: a sample matches, or the assertion proves nothing.

        """
        __tracebackhide__ = True
        wanted = self._wanted(name, value, labels, label_values)
        found = [sample for sample in self._matching(name, wanted) if value_matches(value, sample.value)]
        if found:
            lines = [f"stored, and should not be: {_shown(name, wanted)}", *(f"    {_line(one)}" for one in found)]
            raise AssertionError("\n".join(lines))
        doubt = self._doubt(name, wanted)
        if doubt:
            raise AssertionError(f"{_shown(name, wanted)} is not stored, but that proves nothing: {doubt}")
        return True

    def assert_up(self) -> Literal[True]:
        """Assert that every target was scraped without an error.

        Returns:
            True.

        Raises:
            AssertionError: one was not; the message has the errors.

        """
        __tracebackhide__ = True
        down = [scrape for scrape in self.targets if scrape.health != "up"]
        if down or not self.targets:
            raise AssertionError("\n".join([f"job {self.job.job_name!r}: not every target is up", *self._failures()]))
        return True

    def _wanted(
        self, name: Any, value: Any, labels: Mapping[str, object] | None, label_values: Mapping[str, object]
    ) -> dict[str, Any]:
        __tracebackhide__ = True
        utf8 = not self.job.version.startswith("2.")
        check_name(name, utf8=utf8, known=lambda name: any(True for _ in self._matching(name, {})))
        check_value(value)
        return check_labels(labels, label_values)

    def _doubt(self, name: str, wanted: Mapping[str, Any]) -> str:
        """Return why it proves nothing that no sample matches, and the way out; ``""`` if it proves what it should."""
        known = {label for sample in self._matching(name, {}) for label, _ in sample.labels}
        if not known and self._failures():
            return "\n".join(["not every target was scraped; assert stored.health for that", *self._failures()])
        exposed = [labels for labels in self._exposed() if labels.get("__name__") == name]
        if not known and not exposed:
            return self._another_name(name)
        known |= {label for labels in exposed for label in labels}
        known |= {label for scrape in self.targets for label in scrape.target.labels}
        known |= {rule.target_label for rule in self.job.metric_relabel_configs}
        for label, one in wanted.items():
            if one == "" or accepts_everything(label, one):
                continue
            if re.sub(r"^(exported_)+", "", label) not in known:
                there = ", ".join(sorted(known - {"__name__", ""}))
                return (
                    f"no series of that name ever had a label {label}; labels there are: {there}\n"
                    f"If no series may have the label, use {label}=unittest.mock.ANY."
                )
        return ""

    def _another_name(self, name: str) -> str:
        for kind, suffixes in (("counter", ("_total",)), ("histogram|summary", ("_bucket", "_sum", "_count"))):
            family = name + "_total" if kind == "counter" else name
            pattern = (
                rb"(?m)^# TYPE " + re.escape(family.encode("utf-8", "surrogateescape")) + rb" (%b)$" % kind.encode()
            )
            if any(re.search(pattern, scrape.body) for scrape in self.active):
                names = {labels.get("__name__", "") for labels in self._exposed()}
                parts = [name + suffix for suffix in suffixes if name + suffix in names]
                return f"no series has that name; ask for {' or '.join(parts)}" if parts else ""
        return ""

    def _exposed(self) -> Iterator[dict[str, str]]:
        """Yield the labels of what was exposed, before anything was done to them."""
        for scrape in self.active:
            if not scrape.error:
                yield from (dict(each.labels) for each in read(scrape.body, prometheus_version=self.job.version))

    def _matching(self, name: str, wanted: Mapping[str, Any]) -> Iterator[Stored]:
        for sample in self.stored:
            labels = dict(sample.labels)
            if labels["__name__"] == name and _matches(labels, wanted):
                yield sample

    def _explain(self, headline: str, name: str, wanted: Mapping[str, object]) -> str:
        lines = [headline, *self._failures()]
        same_name = [sample for sample in self.stored if dict(sample.labels)["__name__"] == name]
        if same_name:
            lines.append(f"job {self.job.job_name!r} stores under that name:")
            lines += [f"    {_line(sample)}" for sample in same_name[:20]]
            if len(same_name) > 20:
                lines.append(f"    and {len(same_name) - 20} more")
        elif not self._failures():
            lines.append(f"job {self.job.job_name!r} stores nothing under that name")
        lines += self._hints(name, wanted, same_name)
        if self._became is not None:
            lines += self._became({name}, self.job.scrape_interval)
        return "\n".join(lines)

    def _failures(self) -> list[str]:
        lines = []
        for scrape in self.targets:
            address = scrape.target.discovered.get("__address__", "?")
            if scrape.error:
                lines.append(f"target {address} is {scrape.health}: {scrape.error}")
            elif scrape.health == "unknown":
                lines.append(f"target {address} was dropped by relabel_configs")
        return lines

    def _hints(self, name: str, wanted: Mapping[str, object], same_name: list[Stored]) -> list[str]:
        hints = []
        for sample in same_name:
            labels = dict(sample.labels)
            for label, value in wanted.items():
                if f"exported_{label}" in labels and _matches({label: labels[f"exported_{label}"]}, {label: value}):
                    hints.append(
                        f"{label}={_text(value)} was stored as exported_{label}={_text(value)}: "
                        f"job {self.job.job_name!r} lacks honor_labels: true"
                    )
        return list(dict.fromkeys(hints)) or self._dropped_by(name)

    def _dropped_by(self, name: str) -> list[str]:
        """Name the metric relabel rules that drop or rename samples exposed under ``name``."""
        found: dict[str, None] = {}
        for scrape in self.active:
            if scrape.error:
                continue
            for exposed in read(scrape.body, prometheus_version=self.job.version):
                if dict(exposed.labels).get("__name__") != name:
                    continue
                for step in self._ingester.steps(exposed.labels, scrape.target.labels)[1]:
                    renamed = any(label == "__name__" for label, _, _ in step.changes)
                    if step.dropped or renamed:
                        where = step.rule.position()
                        line = f", line {where.line}" if where else ""
                        verb = "drops" if step.dropped else "renames"
                        text = f"metric_relabel_configs rule {step.index + 1} ({step.rule.action}{line}) {verb} it"
                        found[text] = None
        return list(found)

    def __repr__(self) -> str:
        health = ", ".join(f"{one.target.discovered.get('__address__', '?')} {one.health}" for one in self.targets)
        return f"<ScrapeResult of job {self.job.job_name!r}: {health}; {len(self.stored)} samples>"


def _matches(labels: Mapping[str, str], wanted: Mapping[str, Any]) -> bool:
    return all(label_matches(name, one, labels.get(name)) for name, one in wanted.items())


def _text(wanted: Any) -> str:
    return f'"{wanted}"' if isinstance(wanted, (str, int, float)) else shown(wanted)


def _shown(name: str, labels: Mapping[str, object]) -> str:
    pairs = ", ".join(f"{label}={_text(value)}" for label, value in labels.items())
    return f"{name}{{{pairs}}}" if pairs else name


def _line(sample: Stored) -> str:
    labels = dict(sample.labels)
    return f"{_shown(labels.pop('__name__'), labels)} {sample.value:g}"
