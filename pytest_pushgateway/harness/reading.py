"""Reading the exposed metrics: groups, families, samples, values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_pushgateway.exposition.samples import lines
from pytest_pushgateway.golang.utf8 import bytes_of
from pytest_pushgateway.harness.errors import NotExposed
from pytest_pushgateway.harness.journal.journal import Journalled
from pytest_pushgateway.harness.matching import (
    Candidate,
    Expected,
    candidates,
    carried,
    expected,
    expected_key,
    is_key,
)
from pytest_pushgateway.later import later
from pytest_pushgateway.matchers import ANY, check_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Literal

    from prometheus_client.samples import Sample

    from pytest_pushgateway.harness import absence
    from pytest_pushgateway.harness.journal.requests import Push
    from pytest_pushgateway.harness.messages import failures
    from pytest_pushgateway.harness.metrics import family as metric_family
    from pytest_pushgateway.harness.metrics import group as merged_groups
    from pytest_pushgateway.harness.metrics import selection
    from pytest_pushgateway.harness.metrics import snapshot as snapshots
    from pytest_pushgateway.harness.metrics.family import Family
    from pytest_pushgateway.harness.metrics.group import Group
    from pytest_pushgateway.harness.metrics.holdings import Holdings
    from pytest_pushgateway.harness.metrics.snapshot import Snapshot
else:
    failures = later("pytest_pushgateway.harness.messages.failures")
    absence = later("pytest_pushgateway.harness.absence")
    merged_groups = later("pytest_pushgateway.harness.metrics.group")
    selection = later("pytest_pushgateway.harness.metrics.selection")
    snapshots = later("pytest_pushgateway.harness.metrics.snapshot")
    metric_family = later("pytest_pushgateway.harness.metrics.family")


class Reading(Journalled):
    """Reading what the gateway holds. The gateway's own metrics and ``push_time_seconds`` are left out."""

    @property
    def _store(self) -> Holdings:
        """The groups now; the test looks at them. A method asks once."""
        raise NotImplementedError

    @property
    def _seen(self) -> Holdings:
        """The groups as `_store` gave them last."""
        raise NotImplementedError

    def _look(self) -> None:
        """Note that the test looks at what was pushed.

        Raises:
            RuntimeError: there is nothing to look at: the gateway was never started, or runs in a parent process.

        """
        _ = self._store

    @property
    def groups(self) -> list[Group]:
        """The groups, as they are now."""
        return [merged_groups.Group(stored) for stored in self._store.groups()]

    def group(self, *, labels: Mapping[str, object] | None = None, **grouping_key: object) -> Group:
        """Return the group with exactly this grouping key.

        Args:
            labels: labels of the key that are not Python names.
            grouping_key: the grouping key, the job included.

        Returns:
            The group as it is now.

        Raises:
            NotExposed: there is none; the message lists the groups there are.

        """
        __tracebackhide__ = True
        expectation = expected_key(labels, grouping_key, 'group(job="backup")')
        groups = self.groups
        for group in groups:
            if is_key(expectation, group.grouping_key):
                return group
        raise NotExposed(failures.no_group(expectation, [group.grouping_key for group in groups]))

    @property
    def families(self) -> tuple[Family, ...]:
        """The metric families of all groups together, sorted by name."""
        return self._merged()

    def family(self, name: str, /) -> Family:
        """Return the metric family of this name, of all groups together.

        Args:
            name: the exact name.

        Returns:
            The family as it is now.

        Raises:
            NotExposed: there is none; the message lists similar names.

        """
        __tracebackhide__ = True
        expected(self, name, ANY, None, {})
        pieces = [piece for _, piece in self._store.families_named(bytes_of(name))]
        if not pieces:
            raise NotExposed(failures.no_family(name, self._seen))

        return metric_family.to_family(merged_groups.joined(pieces))

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The samples of all `families`."""
        return tuple(sample for family in self.families for sample in family.samples)

    def value(self, name: str, /, *, labels: Mapping[str, object] | None = None, **label_values: object) -> float:
        """Return the value of the one sample that has this name and these labels, perhaps among others.

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
        expectation = expected(self, name, ANY, labels, label_values)
        found = [each for each in self._candidates(expectation) if each.sample.name == name]
        matching = [each for each in found if expectation.labels_match(each.sample.labels)]
        if len(matching) == 1:
            return float(matching[0].sample.value)
        if matching:
            raise AssertionError(failures.not_one(expectation, matching))
        raise AssertionError(self._not_exposed(expectation, found))

    def get_sample_value(self, name: str, labels: Mapping[str, str] | None = None) -> float | None:
        """Return the value of the sample with exactly these labels, as a ``CollectorRegistry`` does.

        Args:
            name: the sample's exact name.
            labels: all its labels; ``instance=""``, which the gateway adds, may be left out.

        Returns:
            The value; None if there is no such sample.

        """
        __tracebackhide__ = True
        expectation = expected(self, name, ANY, labels, {})
        for each in self._candidates(expectation):
            actual = dict(each.sample.labels)
            if "instance" not in expectation.labels and actual.get("instance") == "":
                del actual["instance"]
            if each.sample.name == name and is_key(expectation, actual):
                return float(each.sample.value)
        return None

    def pushed_values(
        self, name: str, /, *, labels: Mapping[str, object] | None = None, **label_values: object
    ) -> list[float]:
        """Return the values that the application's accepted pushes of this test carried for this name, in their order.

        Args:
            name: the samples' exact name.
            labels: matchers of labels that are not Python names.
            label_values: matchers of labels; give enough of them if one push carries several such samples.

        Returns:
            The values; of a push with several such samples all of them.

        Raises:
            AssertionError: there are none and never could be, because no series of the name ever had a label
                that is asked for, or only a counter of the name with ``_total`` was there.

        """
        __tracebackhide__ = True
        expectation = expected(self, name, ANY, labels, label_values)
        found = [
            float(each.sample.value)
            for push in self._accepted()
            for each, _ in carried(expectation, push)
            if each.sample.name == name and expectation.matches(each.sample)
        ]
        if not found:
            self._prove(expectation, "pushed")
        return found

    def snapshot(self, *names: str, labels: Mapping[str, object] | None = None, **label_values: object) -> Snapshot:
        """Return the pushed metrics as text that stays equal between runs.

        Args:
            names: shell patterns; of metric families, or of samples, only those that one of them matches.
            labels: matchers of labels that are not Python names.
            label_values: matchers of labels; only samples that match all of them.

        Returns:
            The text, sorted; ``push_time_seconds`` is left out unless named, and ``*_created`` unless a pattern ends
            with it.

        Raises:
            AssertionError: it is empty, and could only be: no series ever had a label that is asked for, or only a
                counter of the name with ``_total`` was there.

        """
        __tracebackhide__ = True

        wanted = check_labels(labels, label_values)
        patterns = selection.check_patterns(names)
        kept = selection.selected(self._merged(names), patterns, wanted)
        if not kept:
            for name in names or (None,):
                self._prove(Expected(name if name and selection.is_plain_name(name) else None, ANY, wanted), "exposed")
        return snapshots.snapshot(kept)

    def _merged(self, also: Iterable[str] = ()) -> tuple[Family, ...]:
        return merged_groups.merge(self._store.groups(), [bytes_of(name) for name in also])

    def _accepted(self) -> list[Push]:
        self._look()
        return [push for push in self._journal.pushes() if push.accepted and push.origin == "application"]

    def _prove(self, expectation: Expected, done: Literal["exposed", "pushed"]) -> None:
        """Raise where it proves nothing that the expected sample was not found."""
        __tracebackhide__ = True
        journal = self._journal
        why = absence.doubt(expectation, self._seen, journal.pushes(), complete=not journal.dropped)
        if why is not None:
            raise AssertionError(failures.proves_nothing(expectation, done, why))

    def _knows(self, name: str) -> bool:
        return bool(self._store.families_named(bytes_of(name))) or super()._knows(name)

    def _candidates(self, expectation: Expected) -> list[Candidate]:
        if expectation.name is None:
            return [
                Candidate(group.key, name, sample)
                for group in self._store.groups()
                for name, stored in sorted(group.families.items())
                if name not in metric_family.OWN_GAUGES
                for sample in lines(stored.family)
            ]
        return candidates(expectation, self._store.families_named)

    def _not_exposed(self, expectation: Expected, found: list[Candidate]) -> str:
        requests, dropped = self._journal.requests(), self._journal.dropped
        return failures.not_exposed(expectation, found, self._seen, requests, dropped, self._notes())
