"""Series as a test writes them, compared with samples: keys of a mapping, and a block of the text format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_pushgateway.exposition.labels import render_name
from pytest_pushgateway.exposition.model import ParseError
from pytest_pushgateway.exposition.samples import Line, lines
from pytest_pushgateway.exposition.text.reader import parse
from pytest_pushgateway.golang.strconv import format_float
from pytest_pushgateway.golang.utf8 import bytes_of, text_of
from pytest_pushgateway.harness.wording import brief, quote, show_value
from pytest_pushgateway.line_changes import changed_lines
from pytest_pushgateway.matchers import NUMERIC_LABELS, check_value, shown

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

    from pytest_pushgateway.harness.metrics.family import Family

_CREATED = "_created"
_COMMENT = r"#\s*(HELP|TYPE)\s+(\"(?:[^\"\\]|\\.)*\"|\S+)[ \t]*(.*)"


class Series(NamedTuple):
    """The identity of a series: not the order of its labels, nor an empty instance, nor how a bound is spelled."""

    name: str
    labels: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        """Return it as the text format writes it, without ``instance=""``."""
        inner = ",".join(f"{render(name)}={quote(value)}" for name, value in self.labels)
        return f"{render(self.name)}{{{inner}}}" if inner else render(self.name)


def render(name: str) -> str:
    """Return a name as the text format has it, quoted where it must be."""
    return text_of(render_name(bytes_of(name)))


def series_of(sample: Line | Sample) -> Series:
    """Return the series of a sample."""
    kept = ((name, _canonical(name, value)) for name, value in sample.labels.items())
    return Series(sample.name, tuple(sorted(pair for pair in kept if pair != ("instance", ""))))


def _canonical(name: str, value: str) -> str:
    if name in NUMERIC_LABELS:
        try:
            return format_float(float(value)).decode()
        except ValueError:
            pass
    return value


def is_created(sample_name: str, named: Callable[[str], bool]) -> bool:
    """Return whether a sample is a creation time that nobody named: it differs from run to run."""
    return sample_name.endswith(_CREATED) and not named(sample_name)


# The keys of a mapping


def read_mapping(mapping: Mapping[Any, Any]) -> dict[Series, tuple[str, Any]]:
    """Return the series of a mapping from series to values, each with its key as written and its value.

    Raises:
        TypeError: a key is not text, or a value is never one of a sample's.
        ValueError: a key is not a series, or two are the same one.

    """
    __tracebackhide__ = True
    found: dict[Series, tuple[str, Any]] = {}
    for key, value in mapping.items():
        series = parse_series(key)
        try:
            check_value(value)
        except TypeError as error:
            hint = "; a grouping key compares with group.grouping_key" if isinstance(value, str) else ""
            problem = f"a group compares with a mapping from series to values, but of {key!r} {error}{hint}"
            raise TypeError(problem) from None
        if series in found:
            raise ValueError(f"{key!r} and {found[series][0]!r} are the same series")
        found[series] = key, value
    return found


def parse_series(text: Any) -> Series:
    """Read a series as the text format writes it.

    Raises:
        TypeError: it is not text.
        ValueError: it is not a series.

    """
    __tracebackhide__ = True
    problem = f"""a series is text such as 'rows{{disk="sda",job="backup"}}', not {shown(text)}"""
    if not isinstance(text, str):
        raise TypeError(problem)
    try:
        parsed = parse(bytes_of(f"{text} 0\n"), None, utf8_names=True)
    except ParseError as error:
        raise ValueError(f"{problem}: {error}") from None
    found = [line for family in parsed.families.values() for line in lines(family)]
    if len(found) != 1 or parsed.has_timestamps:
        raise ValueError(problem)
    return series_of(found[0])


# A block of the text format


class Block(NamedTuple):
    """A block of the text format: values by series, and the types and help texts that it states."""

    values: dict[Series, float]
    types: dict[str, str]
    helps: dict[str, str]

    @property
    def names(self) -> set[str]:
        """The names of its series, and those that its comments speak of."""
        return {series.name for series in self.values} | self.types.keys() | self.helps.keys()


def read_block(text: Any) -> Block:
    """Read a block of the text format, indented or not.

    Raises:
        TypeError: it is not text.
        ValueError: it is not of the text format, has timestamps, or no series.

    """
    __tracebackhide__ = True
    if not isinstance(text, str):
        raise TypeError(f"a block of the text format is a string, not {shown(text)}")
    written = [line.lstrip(" \t") for line in text.replace("\r\n", "\n").split("\n")]
    comments = [line for line in written if line.startswith("#")]
    bare = [line for line in written if line and not line.startswith("#")]
    _parse(written)
    parsed = _parse(bare)  # without their types, histograms are as many series as they have lines
    values: dict[Series, float] = {}
    for line in (line for family in parsed for line in lines(family)):
        series = series_of(line)
        if series in values:
            raise ValueError(f"the block has {series} twice")
        values[series] = line.value
    if not values:
        raise ValueError("the block has no series; that nothing is exposed is what assert_not_exposed() asserts")
    found = [match.groups() for match in (re.match(_COMMENT, line) for line in comments) if match is not None]
    types = {_unquoted(name): rest.strip().lower() for kind, name, rest in found if kind == "TYPE"}
    helps = {_unquoted(name): rest.strip() for kind, name, rest in found if kind == "HELP"}
    return Block(values, types, helps)


def _parse(written: Iterable[str]) -> Iterable[Any]:
    __tracebackhide__ = True
    body = "\n".join([*written, ""])
    try:
        parsed = parse(bytes_of(body), None, utf8_names=True)
    except ParseError as error:
        raise ValueError(f"the block is not of the text format: {error}") from None
    if parsed.has_timestamps:
        raise ValueError("the block has timestamps, and what is pushed has none; leave them out")
    return parsed.families.values()


def _unquoted(name: str) -> str:
    return re.sub(r"\\(.)", r"\1", name[1:-1]) if name.startswith('"') else name


def changes(block: Block, families: Iterable[Family]) -> list[str]:
    """Return how what is exposed differs from a block: its lines with ``-``, those exposed instead with ``+``.

    Of ``families`` only the series that are to be compared are there. Their types and help texts are compared where the
    block has them.
    """
    expected = _Lines()
    for series, value in block.values.items():
        expected.add_sample(series, value)
    actual = _Lines()
    for family in families:
        for sample in family.samples:
            actual.add_sample(series_of(sample), float(sample.value))
        if family.name in block.types:
            actual.add_comment("TYPE", family.name, family.type)
        if family.name in block.helps:
            actual.add_comment("HELP", family.name, _escaped(family.help))
    for name, word in block.types.items():
        expected.add_comment("TYPE", name, "untyped" if word == "unknown" else word)
    for name, text in block.helps.items():
        expected.add_comment("HELP", name, text)
    return expected.changes_to(actual)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").strip()


class _Lines:
    """Lines in an order that does not depend on how they came."""

    def __init__(self) -> None:
        self._found: list[tuple[tuple[Any, ...], str]] = []

    def add_sample(self, series: Series, value: float) -> None:
        labels = dict(series.labels)
        bounds = [float(labels.pop(name)) if _is_number(labels.get(name)) else 0.0 for name in NUMERIC_LABELS]
        order = (series.name, 2, sorted(labels.items()), *bounds, str(series))
        self._found.append((order, f"{series} {show_value(value)}"))

    def add_comment(self, kind: str, name: str, text: str) -> None:
        self._found.append(((name, ("HELP", "TYPE").index(kind)), f"# {kind} {render(name)} {text}".rstrip()))

    def changes_to(self, other: _Lines) -> list[str]:
        before, after = ([line for _, line in sorted(each._found)] for each in (self, other))
        return [brief(line, 300) for line in changed_lines(before, after, context=1)]


def _is_number(text: str | None) -> bool:
    try:
        float(text or "")
    except ValueError:
        return False
    return True
