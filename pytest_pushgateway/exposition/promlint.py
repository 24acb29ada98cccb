"""The rules of promlint, by which ``promtool check metrics`` judges, in its words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pytest_pushgateway.exposition.labels import split_prefix
from pytest_pushgateway.exposition.model import MetricFamily, MetricType, proto_type_name

_BASE_UNITS = {
    **{unit: unit for unit in ("amperes", "bytes", "celsius", "grams", "joules", "kelvin", "meters", "metres")},
    **{unit: unit for unit in ("seconds", "volts")},
    **dict.fromkeys(("minutes", "hours", "days", "weeks"), "seconds"),
    **dict.fromkeys(("fahrenheit", "rankine"), "celsius"),
    **dict.fromkeys(("inches", "yards", "miles"), "meters"),
    **dict.fromkeys(("pounds", "ounces"), "grams"),
    "kelvins": "kelvin",
    "bits": "bytes",
    "calories": "joules",
}
_PREFIXED_UNIT = re.compile(
    "(?:pico|nano|micro|milli|centi|deci|deca|hecto|kilo|kibi|mega|mibi|giga|gibi|tera|tebi|peta|pebi)?"
    f"({'|'.join(_BASE_UNITS)})"
)
_ABBREVIATION = re.compile(r"_(?=(s|ms|us|ns|sec|b|kb|mb|gb|tb|pb|m|h|d)(?:_|$))")
_CAMEL_CASE = re.compile(r"[a-z][A-Z]")


@dataclass(frozen=True, order=True)
class PromlintProblem:
    """Something to improve in the family called ``metric``."""

    metric: str
    text: str


def lint(families: Iterable[MetricFamily]) -> list[PromlintProblem]:
    """Return promlint's problems, sorted by metric and text.

    The labels looked at are those of the families given: after a push these include the grouping key's.
    """
    problems = []
    for family in families:
        name = family.name.decode("utf-8", "replace")
        labels = [
            [label.decode("utf-8", "replace") for label, _ in split_prefix(prefix)[1]] for prefix, _ in family.series
        ]
        texts = [
            *_help(family),
            *_unit(name),
            *_counter(name, family.type),
            *_reserved(name, family.type, labels),
            *_type_in_name(name, family.type),
            *_characters(name, labels),
            *_duplicates(family),
        ]
        problems += [PromlintProblem(name, text) for text in texts]
    return sorted(problems)


def _help(family: MetricFamily) -> Iterator[str]:
    if not family.help:
        yield "no help text"


def _unit(name: str) -> Iterator[str]:
    for word in name.split("_"):
        match = _PREFIXED_UNIT.fullmatch(word)
        if match:
            # Only the first unit of a name counts, and a prefix makes even a base unit another unit.
            base = _BASE_UNITS[match[1]]
            if base != word:
                yield f'use base unit "{base}" instead of "{word}"'
            return


def _counter(name: str, family_type: int) -> Iterator[str]:
    has_suffix = name.endswith("_total")
    if family_type == MetricType.COUNTER and not has_suffix:
        yield 'counter metrics should have "_total" suffix'
    if family_type not in (MetricType.COUNTER, MetricType.UNTYPED) and has_suffix:
        yield 'non-counter metrics should not have "_total" suffix'


def _reserved(name: str, family_type: int, labels: list[list[str]]) -> Iterator[str]:
    if family_type == MetricType.UNTYPED:
        return
    is_histogram, is_summary = family_type == MetricType.HISTOGRAM, family_type == MetricType.SUMMARY
    if not is_histogram and name.endswith("_bucket"):
        yield 'non-histogram metrics should not have "_bucket" suffix'
    for suffix in ("_count", "_sum"):
        if not is_histogram and not is_summary and name.endswith(suffix):
            yield f'non-histogram and non-summary metrics should not have "{suffix}" suffix'
    for names in labels:
        for label in names:
            if label == "le" and not is_histogram:
                yield 'non-histogram metrics should not have "le" label'
            if label == "quantile" and not is_summary:
                yield 'non-summary metrics should not have "quantile" label'


def _type_in_name(name: str, family_type: int) -> Iterator[str]:
    word = proto_type_name(family_type).lower()
    if family_type != MetricType.UNTYPED and f"_{word}_" in f"{name.lower()}_":
        yield f"metric name should not include type '{word}'"


def _characters(name: str, labels: list[list[str]]) -> Iterator[str]:
    if ":" in name:
        yield "metric names should not contain ':'"
    if _CAMEL_CASE.search(name):
        yield "metric names should be written in 'snake_case' not 'camelCase'"
    for names in labels:
        for label in names:
            if _CAMEL_CASE.search(label):
                yield "label names should be written in 'snake_case' not 'camelCase'"
    for _ in {match[1] for match in _ABBREVIATION.finditer(name.lower())}:
        yield "metric names should not contain abbreviated units"


def _duplicates(family: MetricFamily) -> Iterator[str]:
    counts = Counter(prefix for prefix, _ in family.series)
    for count in counts.values():
        for _ in range(count - 1):
            yield "metric not unique"
