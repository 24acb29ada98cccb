"""What an assertion expects, and which samples are it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_pushgateway.exposition.samples import Line, lines, text_of
from pytest_pushgateway.harness.wording import decode, quote, show_sample, show_value

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

    from pytest_pushgateway.exposition.labels import Labels
    from pytest_pushgateway.exposition.model import MetricFamily
    from pytest_pushgateway.harness.journal.requests import Push

ANY: Any = ...
"""The value of an expectation that takes any value."""

SUFFIXES = ("_bucket", "_sum", "_count")
NUMERIC_LABELS = ("le", "quantile")

Lookup = Callable[[bytes], "Iterable[tuple[Labels, MetricFamily]]"]
"""From a family's name to its pieces and the grouping key of each."""


class Expected(NamedTuple):
    """A sample that an assertion asks for: its name or its family's, a value or `ANY`, and some of its labels."""

    name: str | None
    value: Any
    labels: Mapping[str, str]

    def __str__(self) -> str:
        """Return the expectation as the text format would write it, in brief."""
        from pytest_pushgateway.harness.wording import brief

        text = self.name or "any sample"
        if self.labels:
            text += "{" + ",".join(f"{name}={quote(value)}" for name, value in self.labels.items()) + "}"
        return brief(text if self.value is ANY else f"{text} {show_value(self.value)}")

    def families(self) -> list[bytes]:
        """Return the names of the families that may hold the sample."""
        assert_name = self.name or ""
        names = [assert_name.encode("utf-8", "surrogateescape")]
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
        """Tell whether ``labels`` have all that is expected."""
        return all(label_matches(name, value, labels.get(name)) for name, value in self.labels.items())

    def value_matches(self, value: float) -> bool:
        """Tell whether ``value`` is the expected one; NaN equals NaN."""
        if self.value is ANY:
            return True
        if isinstance(self.value, float) and math.isnan(self.value):
            return math.isnan(value)
        return bool(self.value == value)

    def matches(self, sample: Line | Sample) -> bool:
        """Tell whether a sample of the name is the expected one."""
        return self.labels_match(sample.labels) and self.value_matches(sample.value)


class Candidate(NamedTuple):
    """A sample of the expected name and the grouping key that it was pushed under."""

    key: Labels
    family: bytes
    """The family's name."""
    sample: Line

    def __str__(self) -> str:
        from pytest_pushgateway.harness.wording import brief

        return brief(show_sample(self.sample), 200)


def expected(
    name: str | None, value: Any, labels: Mapping[str, object] | None, label_values: Mapping[str, object]
) -> Expected:
    """Return the expectation that the arguments of an assertion state.

    Raises:
        TypeError: a name is no string, the value a mapping, a label given twice or by a word that is no label's.

    """
    __tracebackhide__ = True
    if name is not None and not isinstance(name, str):
        raise TypeError(f"a metric's name is a string, not {name!r}")
    if isinstance(value, Mapping):
        raise TypeError(f"after the name comes the value; labels are given by name or as labels={value!r}")
    for word in ("name", "value"):
        if word in label_values:
            raise TypeError(
                f"{word}= is no label here: the name is given first and the value second, without a word; "
                f"a label called {word} is given as labels={{'{word}': {label_values[word]!r}}}"
            )
    given = dict(labels or {})
    for twice in given.keys() & label_values.keys():
        raise TypeError(f"label {twice!r} is given twice, in labels= and as an argument")
    given.update(label_values)
    return Expected(name, value, {label: str(wanted) for label, wanted in given.items()})


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


def label_matches(name: str, wanted: str, actual: str | None) -> bool:
    """Tell whether a label has the value asked for; ``le`` and ``quantile`` compare as numbers."""
    if actual is None or wanted == actual:
        return wanted == actual
    if name in NUMERIC_LABELS:
        try:
            return float(wanted) == float(actual)
        except ValueError:
            return False
    return False


def differences(expectation: Expected, candidate: Candidate) -> list[str]:
    """Return what keeps a candidate from being the expected sample, one short text for each difference."""
    from pytest_pushgateway.harness.wording import apart, brief

    key = {decode(name) for name, _ in candidate.key}
    texts = []
    for name, wanted in expectation.labels.items():
        actual = candidate.sample.labels.get(name)
        if label_matches(name, wanted, actual):
            continue
        if actual is None:
            texts.append(f"it has no label {brief(name)}, expected {quote(apart('', wanted)[1])}")
            continue
        if name == "instance" and not actual and name not in key:
            texts.append(f"it was pushed without instance, expected {quote(apart(actual, wanted)[1])}")
            continue
        found, sought = (quote(text) for text in apart(actual, wanted))
        where = "it is in another group:" if name in key else "label"
        texts.append(f"{where} {brief(name)} is {found}, expected {sought}")
    if not expectation.value_matches(candidate.sample.value):
        texts.append(f"value is {show_value(candidate.sample.value)}, expected {show_value(expectation.value)}")
    return texts
