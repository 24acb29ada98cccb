"""The outcome of a simulated scrape, queryable: values, assertions, and messages that say why one fails."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.prometheus.scrape.ingest import Ingester, Stored, TargetScrape

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

    from pytest_pushgateway.prometheus.model import ScrapeJob


class ScrapeResult:
    """What Prometheus has after scraping a job once; queryable like a scrape.

    ``job`` is the scrape job, ``targets`` one
    :class:`~pytest_pushgateway.prometheus.scrape.ingest.TargetScrape` for each
    target, dropped ones included, ``time`` the Unix time of the scrape in seconds.

    In all assertions labels match as a subset, values are ``str()``ed, ``""`` stands for a label that is not there,
    ``le`` and ``quantile`` compare as numbers, and NaN equals NaN.
    """

    def __init__(self, job: ScrapeJob, ingester: Ingester, scrapes: list[TargetScrape], now: float) -> None:
        self.job = job
        self.targets = scrapes
        self.time = now
        self._ingester = ingester

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
        """The labels of the target, without ``__*``. ``LookupError`` where the job has several: see :attr:`targets`."""
        __tracebackhide__ = True
        return dict(self._only().target.labels)

    @property
    def health(self) -> str:
        """``"up"``, ``"down"`` or ``"unknown"`` (not scraped: dropped or invalid). ``LookupError`` for several."""
        __tracebackhide__ = True
        return self._only().health

    @property
    def error(self) -> str:
        """What Prometheus shows as the target's last error, ``""`` for none. ``LookupError`` for several targets."""
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
        from prometheus_client.samples import Sample

        found = []
        for sample in sorted(self.stored, key=lambda sample: (dict(sample.labels)["__name__"], sample.labels)):
            labels = dict(sample.labels)
            name = labels.pop("__name__")
            at = self.time if sample.timestamp is None else sample.timestamp / 1000
            found.append(Sample(name, labels, sample.value, at))
        return found

    def value(self, name: str, /, *, labels: Mapping[str, object] | None = None, **label_values: object) -> float:
        """Return the value of the one stored sample that matches; ``AssertionError`` if none or several do."""
        __tracebackhide__ = True
        wanted = _wanted(labels, label_values)
        found = list(self._matching(name, wanted))
        if len(found) != 1:
            raise AssertionError(self._explain(f"{len(found)} samples are {_shown(name, wanted)}", name, wanted))
        return found[0].value

    def assert_stored(
        self, name: str, value: object = ..., /, *, labels: Mapping[str, object] | None = None, **label_values: object
    ) -> None:
        """Assert that a stored sample matches; ``value`` is anything with ``==``."""
        __tracebackhide__ = True
        wanted = _wanted(labels, label_values)
        if not any(_same(sample.value, value) for sample in self._matching(name, wanted)):
            text = _shown(name, wanted) + ("" if value is ... else f" {value!r}")
            raise AssertionError(self._explain(f"not stored: {text}", name, wanted))

    def assert_not_stored(
        self, name: str, value: object = ..., /, *, labels: Mapping[str, object] | None = None, **label_values: object
    ) -> None:
        """Assert that no stored sample matches."""
        __tracebackhide__ = True
        wanted = _wanted(labels, label_values)
        found = [sample for sample in self._matching(name, wanted) if _same(sample.value, value)]
        if found:
            lines = [f"stored, and should not be: {_shown(name, wanted)}", *(f"    {_line(one)}" for one in found)]
            raise AssertionError("\n".join(lines))

    def assert_up(self) -> None:
        """Assert that every target was scraped without an error."""
        __tracebackhide__ = True
        down = [scrape for scrape in self.targets if scrape.health != "up"]
        if down or not self.targets:
            raise AssertionError("\n".join([f"job {self.job.job_name!r}: not every target is up", *self._failures()]))

    def _matching(self, name: str, wanted: Mapping[str, object]) -> Iterator[Stored]:
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
                        f'{label}="{value}" was stored as exported_{label}="{value}": '
                        f"job {self.job.job_name!r} lacks honor_labels: true"
                    )
        return list(dict.fromkeys(hints)) or self._dropped_by(name)

    def _dropped_by(self, name: str) -> list[str]:
        """Name the metric relabel rules that drop or rename samples exposed under ``name``."""
        from pytest_pushgateway.prometheus.scrape.promtext import read

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


def _wanted(labels: Mapping[str, object] | None, label_values: Mapping[str, object]) -> dict[str, object]:
    __tracebackhide__ = True
    for word in ("name", "value"):
        if word in label_values:
            raise TypeError(
                f"{word}= is no label here: the name is given first and the value second, without a word; "
                f"a label called {word} is given as labels={{'{word}': {label_values[word]!r}}}"
            )
    return {**(labels or {}), **label_values}


def _matches(labels: Mapping[str, str], wanted: Mapping[str, object]) -> bool:
    return all(_same_label(name, labels.get(name, ""), str(value)) for name, value in wanted.items())


def _same_label(name: str, have: str, want: str) -> bool:
    if have == want or name not in ("le", "quantile"):
        return have == want
    try:
        return _same(float(have), float(want))
    except ValueError:
        return False


def _same(have: float, want: object) -> bool:
    if want is ...:
        return True
    return have == want or (isinstance(want, float) and math.isnan(want) and math.isnan(have))


def _shown(name: str, labels: Mapping[str, object]) -> str:
    pairs = ", ".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{pairs}}}" if pairs else name


def _line(sample: Stored) -> str:
    labels = dict(sample.labels)
    return f"{_shown(labels.pop('__name__'), labels)} {sample.value:g}"
