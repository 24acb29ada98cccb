"""Expectations of assertions, and the samples that meet them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_pushgateway.exposition.samples import Line, lines
from pytest_pushgateway.golang.utf8 import bytes_of, text_of
from pytest_pushgateway.later import later
from pytest_pushgateway.matchers import (
    ANY,
    check_labels,
    check_name,
    check_value,
    label_matches,
    value_matches,
)

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

    from pytest_pushgateway.exposition.labels import Labels
    from pytest_pushgateway.exposition.model import MetricFamily
    from pytest_pushgateway.harness import wording
    from pytest_pushgateway.harness.journal.journal import Journalled
    from pytest_pushgateway.harness.journal.requests import Push
else:
    wording = later("pytest_pushgateway.harness.wording")

SUFFIXES = ("_bucket", "_sum", "_count")

Lookup = Callable[[bytes], "Iterable[tuple[Labels, MetricFamily]]"]
"""From a family's name to its pieces and the grouping key of each."""


class Expected(NamedTuple):
    """A sample that an assertion asks for: its name or its family's, a value or `ANY`, and some of its labels."""

    name: str | None
    value: Any
    labels: Mapping[str, Any]
    """Label names, each with its matcher."""

    def __str__(self) -> str:
        """Return the expectation as the text format would write it, in brief."""
        text = self.name or "any sample"
        if self.labels:
            text += "{" + ",".join(name + wording.show_matcher(wanted) for name, wanted in self.labels.items()) + "}"
        return wording.brief(text if self.value is ANY else f"{text} {wording.show_value(self.value)}")

    def families(self) -> list[bytes]:
        """Return the names of the families that may hold the sample."""
        assert_name = self.name or ""
        names = [bytes_of(assert_name)]
        for suffix in SUFFIXES:
            if assert_name.endswith(suffix):
                names.append(names[0][: -len(suffix)])
        return names

    def named(self, family: MetricFamily) -> list[Line]:
        """Return the samples of a family that have the name: all of them where it is the family's."""
        samples = lines(family)
        if self.value is ANY and text_of(family.name) == self.name:
            return samples
        return [sample for sample in samples if sample.name == self.name]

    def labels_match(self, labels: Mapping[str, str]) -> bool:
        """Return whether ``labels`` have all that is expected."""
        return all(label_matches(name, value, labels.get(name)) for name, value in self.labels.items())

    def value_matches(self, value: float) -> bool:
        """Return whether ``value`` is the expected one; NaN equals NaN."""
        return value_matches(self.value, value)

    def matches(self, sample: Line | Sample) -> bool:
        """Return whether a sample of the name is the expected one."""
        return self.labels_match(sample.labels) and self.value_matches(sample.value)


class Candidate(NamedTuple):
    """A sample of the expected name and the grouping key that it was pushed under."""

    key: Labels
    family: bytes
    """The family's name."""
    sample: Line

    def __str__(self) -> str:
        return wording.brief(wording.show_sample(self.sample), 200)


def expected(
    gateway: Journalled,
    name: str | None,
    value: Any,
    labels: Mapping[str, object] | None,
    label_values: Mapping[str, object],
    *,
    named: bool = True,
) -> Expected:
    """Return the expectation that the arguments of an assertion state.

    Args:
        gateway: the one that is asked.
        name: the metric's name; None for any.
        value: a number, an object that compares with one, or `ANY`.
        labels: matchers by label name.
        label_values: the same, as given by keyword.
        named: whether there must be a name.

    Raises:
        TypeError: a name is not a string, the value never one of a sample's, a label's matcher never its text, or a
            label is given twice or by a word that is never a label.
        ValueError: a name is empty, a selector, or otherwise not a metric's.

    """
    __tracebackhide__ = True
    if named or name is not None:
        check_name(name, utf8=gateway._utf8_names, known=gateway._knows)
    check_value(value)
    return Expected(name, value, check_labels(labels, label_values))


def expected_key(labels: Mapping[str, object] | None, label_values: Mapping[str, object], example: str) -> Expected:
    """Return the grouping key, or the part of one, that the arguments of a method state.

    Raises:
        TypeError: it is empty although ``example`` shows how to give it, or a matcher is never the text of a label.

    """
    __tracebackhide__ = True
    key = check_labels(labels, label_values)
    if example and not key:
        raise TypeError(
            f"{example.partition('(')[0]}() takes the grouping key, such as {example.partition('(')[2][:-1]}"
        )
    return Expected(None, ANY, key)


def is_key(expectation: Expected, key: Mapping[str, str]) -> bool:
    """Return whether a grouping key is exactly the one expected; an empty label of it is there."""
    wanted = expectation.labels
    return key.keys() == wanted.keys() and all(label_matches(name, wanted[name], key[name]) for name in wanted)


def candidates(expectation: Expected, lookup: Lookup) -> list[Candidate]:
    """Return all samples of the expected name; no other series is visited."""
    found: list[Candidate] = []
    for name in expectation.families():
        for key, piece in lookup(name):
            found += [Candidate(key, name, sample) for sample in expectation.named(piece)]
    return found


def carried(expectation: Expected, push: Push) -> list[tuple[Candidate, Push]]:
    """Return the samples of the expected name in a push."""
    families = push._parsed
    key = push._request.key or ()

    def lookup(name: bytes) -> list[tuple[Labels, MetricFamily]]:
        return [(key, families[name])] if name in families else []

    return [(candidate, push) for candidate in candidates(expectation, lookup)]


def carries(expectation: Expected, push: Push) -> bool:
    """Return whether a push holds the expected sample; without name and value also whether its key has the labels."""
    if expectation.name is not None:
        return any(expectation.matches(each.sample) for each, _ in carried(expectation, push))
    if expectation.value is ANY and expectation.labels_match(push.grouping_key):
        return True
    return any(expectation.matches(line) for family in push._parsed.values() for line in lines(family))
