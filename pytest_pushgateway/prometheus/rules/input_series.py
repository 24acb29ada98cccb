"""From what a gateway exposed over time to the input series of a promtool unit test.

A scrape happens at the beginning and then at every interval, as regular as no real Prometheus is; what was exposed only
between two scrapes is never seen, as in reality.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pytest_pushgateway.exposition.model import ScrapeText
from pytest_pushgateway.prometheus.scrape.ingest import EXTRA_REPORT, REPORT, Ingester, selector
from pytest_pushgateway.prometheus.scrape.relabel import LabelPairs

if TYPE_CHECKING:
    from pytest_pushgateway.prometheus.scrape.targets import Target

MOST_SCRAPES = 2_000_000

Scraped = dict[LabelPairs, float]


def timeline_of(snapshots: Iterable[tuple[float, str | bytes | None]]) -> list[ScrapeText]:
    """Return the snapshots in order. Where the clock was set back, time begins there, with what was exposed then."""
    found: list[ScrapeText] = []
    for time, text in snapshots:
        if found and time < found[-1].time:
            found = []
        found.append(ScrapeText(time, text.encode() if isinstance(text, str) else text))
    if not found:
        raise ValueError("the timeline is empty")
    return found


class Scrapes:
    """All scrapes of some targets along a timeline.

    ``interval`` is seconds. ``start`` is the moment of the first scrape, the first snapshot's.
    """

    def __init__(
        self, timeline: Sequence[ScrapeText], jobs: Sequence[tuple[Ingester, Sequence[Target]]], interval: float
    ) -> None:
        self.timeline = timeline
        self.jobs = jobs
        self.interval = interval
        self.start: float = timeline[0].time
        self._scraped: dict[bytes | None, Scraped] = {}

    def input_series(
        self, until: float, since: float = 0.0, names: Collection[str] | None = None
    ) -> list[dict[str, str]]:
        """Return promtool's ``input_series`` from ``since`` to ``until``, seconds after the start.

        ``since`` is the moment of a scrape; ``names`` are the series that are needed, None for all. Raises
        ``ValueError`` where that would be too many scrapes.
        """
        count = math.floor(until / self.interval) + 1
        if count > MOST_SCRAPES:
            raise ValueError(f"{count} scrapes at an interval of {self.interval:g} s are too many to simulate")
        values: dict[LabelPairs, _Values] = {}
        before: Scraped = {}
        known: set[LabelPairs] = set()  # a failed scrape makes Prometheus forget nothing
        for first, last, scraped in self._segments(count):
            exposed = {labels for labels in scraped if dict(labels)["__name__"] not in (*REPORT, *EXTRA_REPORT)}
            added = len(exposed - known)
            known = exposed or known
            for labels, value in scraped.items():
                series = values.setdefault(labels, _Values())
                series.absent_until(first)
                if dict(labels)["__name__"] == "scrape_series_added":
                    series.add(float(added), 1)
                    series.add(0.0, last - first)
                else:
                    series.add(value, last - first + 1)
            for labels in before.keys() - scraped.keys():
                values[labels].add_stale()
            before = scraped
        first = round(since / self.interval)
        return [
            {"series": selector(labels), "values": text}
            for labels, series in values.items()
            if names is None or dict(labels)["__name__"] in names
            for text in [series.text(first)]
            if text
        ]

    def label_names(self) -> set[str]:
        """Return the names of all labels that a scrape of the timeline gives a series."""
        return {name for each in self.timeline for labels in self._scrape(each.text) for name, _ in labels}

    def names(self) -> set[str]:
        """Return the names of all series that a scrape of the timeline stores."""
        return {dict(labels)["__name__"] for each in self.timeline for labels in self._scrape(each.text)}

    def _segments(self, count: int) -> Iterable[tuple[int, int, Scraped]]:
        """Yield the numbers of the first and the last scrape that see the same, and what they see."""
        times = [snapshot.time - self.start for snapshot in self.timeline]
        number = 0
        while number < count:
            # A scrape at the very moment of a push sees it.
            index = bisect_right(times, number * self.interval + 1e-9) - 1
            after = times[index + 1] if index + 1 < len(times) else math.inf
            last = count - 1 if math.isinf(after) else math.ceil((after - 1e-9) / self.interval) - 1
            last = max(number, min(last, count - 1))
            yield number, last, self._scrape(self.timeline[index].text)
            number = last + 1

    def _scrape(self, text: bytes | None) -> Scraped:
        if text not in self._scraped:
            found: Scraped = {}
            for ingester, targets in self.jobs:
                for target in targets:
                    if target.state != "active":
                        continue
                    if text is None:
                        scrape = ingester.report(target, "connection refused")
                    else:
                        scrape = ingester.ingest(target, text, "text/plain; version=0.0.4", now=self.start)
                    for sample in scrape.stored:
                        found.setdefault(sample.labels, sample.value)
            self._scraped[text] = found
        return self._scraped[text]


class _Values:
    """The values of one series in promtool's notation: ``1x3 _x2 5 stale``."""

    def __init__(self) -> None:
        self.count = 0
        self._runs: list[tuple[str, int]] = []

    def add(self, value: float, times: int) -> None:
        if times:
            self._append(number(value), times)

    def add_stale(self) -> None:
        self._append("stale", 1)

    def absent_until(self, count: int) -> None:
        if count > self.count:
            self._append("_", count - self.count)

    def _append(self, text: str, times: int) -> None:
        self.count += times
        if self._runs and self._runs[-1][0] == text:
            times += self._runs.pop()[1]
        self._runs.append((text, times))

    def text(self, first: int = 0) -> str:
        """Return the values from the scrape number ``first`` on, empty if nothing is left."""
        parts: list[str] = []
        for text, times in self._from(first):
            if times == 1 or not text[-1].isdigit():  # only numbers and gaps can be repeated, not NaN
                parts += [f"_x{times}"] if text == "_" else [text] * times
            else:
                parts.append(f"{text}x{times - 1}")
        return " ".join(parts)

    def _from(self, first: int) -> Iterator[tuple[str, int]]:
        for text, times in self._runs:
            left = times - first
            first = max(0, -left)
            if left > 0:
                yield text, left


def number(value: float) -> str:
    """Write a value as promtool's series notation reads it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
