"""The fast path of the text parser.

Most lines of a body have the *shape* of the line before: the same name and label names, other values. A line is split
at its quotes; the odd pieces are the label values, the even ones the shape. A shape is examined once and gives a
template into which values are filled, grouping labels merged and labels sorted. So the prefix of a series is made
without its labels ever being objects.

Whatever is not plain goes to the strict parser, line by line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.exposition.grouping_labels import merge
from pytest_pushgateway.exposition.labels import Labels, spell_name, spell_value
from pytest_pushgateway.exposition.long_strings import LONGEST, Long, Longs, Wide, widen
from pytest_pushgateway.exposition.model import MetricType, Value
from pytest_pushgateway.exposition.names import LABEL_NAME
from pytest_pushgateway.exposition.text.building import Families, FamilyBuilder, Metric, identity_of
from pytest_pushgateway.golang.strconv import format_float, parse_float

if TYPE_CHECKING:
    from pytest_pushgateway.exposition.text.strict_parser import LineParser

# A shape stands here with its values taken out, and ends where the one blank before the number begins.
_SHAPE = re.compile(
    rb"[ \t]*([a-zA-Z_:][a-zA-Z0-9_:]*)[ \t]*"
    rb'(?:\{[ \t]*((?:[a-zA-Z_][a-zA-Z0-9_]*[ \t]*=[ \t]*""[ \t]*(?:,[ \t]*|(?=\})))*)\}[ \t]*)?'
)
_LONGEST = 4096
"""Bytes of a shape: none of a real program is longer, and each is looked at once."""

_HUGE = 1 << 16
"""Bytes of a line that is cut into pieces with care."""

_USUAL = 256
"""Bytes of a shape that is remembered from one push to the next."""
_LABEL_NAME = re.compile(LABEL_NAME.encode())

# Numbers that Go writes as they are here (group 2), or without ".0" (group 1): no more than 15 digits, which a float
# holds exactly, and an exponent from -4 to 5.
_CANONICAL = re.compile(
    rb"(-?(?:[1-9][0-9]{0,5}|0))(?:\.0)?|(-?(?:[1-9][0-9]{0,5}\.[0-9]{0,8}[1-9]|0\.0{0,3}[1-9](?:[0-9]{0,9}[1-9])?))"
)

_COMMENT = re.compile(rb"# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) ([^ \t\\][^\\]*)")
_TYPES = {kind.name.lower().encode(): kind for kind in MetricType}

_REMEMBERED = 5_000
"""Numbers that are remembered, as many come again and again."""

_SHAPES = 2_000
"""Shapes that are remembered: families follow each other, as a rule."""

_SIMPLE = (MetricType.COUNTER, MetricType.GAUGE, MetricType.UNTYPED)

_Pick = Callable[[list[bytes]], object]
_Append = Callable[[tuple[bytes, Value]], None]
_Shape = tuple[int, "bytes | None", "_Pick | None", "_Append | _Compound"]
"""Number of pieces; template (none for summaries and histograms); what picks values; what takes the series."""


_Template = tuple[bytes, list[int], dict[bytes, Long]]
"""A prefix with ``%b`` for each value of the line that stays; where those are in the pieces; the long strings in it."""


Numbered = Iterable[tuple[int, bytes]]
"""Lines without their newlines, and their numbers."""


class FastParser:
    """Reads lines that stand for themselves into families that a strict parser shares, to which it leaves the others.

    Args:
        families: what was read.
        grouping: the labels that are merged into all series; nothing in them may need a closer look.
        strict: returns the parser that reads what is not plain.
    """

    def __init__(self, families: Families, grouping: Labels, strict: Callable[[], LineParser]) -> None:
        self._grouping = grouping
        self._has_short_grouping = sum(len(name) + len(value) for name, value in grouping) <= LONGEST
        self._families = families
        self._strict = strict
        self._shapes: dict[tuple[bytes, ...], _Shape] = {}
        self._numbers: dict[bytes, bytes] = {}
        self._templates: dict[tuple[bytes, ...], _Template] = {}
        self._compound: tuple[_Compound, list[bytes]] | None = None
        """The last line of a summary or histogram, where the strict parser has not seen it."""

    def read(self, lines: Numbered, *, escapes: bool, long_lines: bool) -> None:
        """Read lines, none of which begins with a brace.

        Args:
            lines: valid UTF-8, each followed by a newline in the body.
            escapes: whether there may be a backslash in one.
            long_lines: whether there may be long strings in one.

        Raises:
            ParseError: as the strict parser, which has seen the line in question.
        """
        known_shape = self._shapes.get
        known_number = self._numbers.get
        for number, line in lines:
            if long_lines and len(line) > _HUGE:
                # Each cut copies what may be megabytes.
                pieces = line.split(b'"')
                pieces[-1], _, token = pieces[-1].rpartition(b" ")
            else:
                head, _, token = line.rpartition(b" ")
                pieces = head.split(b'"')
            shape = known_shape(tuple(pieces[::2]))
            if shape is None:
                if line.startswith(b"#"):
                    pieces = []
                    self._comment(number, line)
                    continue
                if not line.strip(b" \t"):
                    continue
                shape = self._examine(pieces)
            value = known_number(token)
            if value is None:
                value = self._number(token)
            if shape is None or value is None or (escapes and b"\\" in line) or len(pieces) != shape[0]:
                pieces = []
                line += b"\n"  # each copy of a long line that is held counts
                self._read_strictly(number, line)
                continue
            _, template, pick, take = shape
            if long_lines and template is not None and pick and len(line) > LONGEST:
                self._take_long(shape, pieces, value)
            elif template is not None:
                take((template % pick(pieces) if pick else template, value))  # type: ignore[arg-type,call-arg]
            elif take(pieces, value):  # type: ignore[arg-type,call-arg]
                self._compound = take, pieces  # type: ignore[assignment]
            else:
                self._read_strictly(number, line + b"\n")

    def leave(self) -> None:
        """Bring the strict parser up to date: it goes on with the next line."""
        if self._compound is not None:
            compound, pieces = self._compound
            compound.recall(self._strict(), pieces)
            self._compound = None

    def _comment(self, number: int, line: bytes) -> None:
        """Take a HELP or TYPE line as everybody writes it; leave others to the strict parser."""
        usual = _COMMENT.fullmatch(line)
        if usual is not None:
            family, _ = self._families.of(usual[2])
            if usual[1] == b"HELP" and family.help is None:
                family.help = usual[3]
                return
            if usual[1] == b"TYPE" and family.type is None and usual[3] in _TYPES:
                family.type = _TYPES[usual[3]]
                return
        if b"HELP" in line or b"TYPE" in line:
            self._read_strictly(number, line + b"\n")

    def _read_strictly(self, number: int, line: bytes) -> None:
        self.leave()
        self._strict().read(number, line)

    def _number(self, token: bytes) -> bytes | None:
        canonical = _CANONICAL.fullmatch(token)
        if canonical:
            written: bytes = canonical[1] or canonical[2]
        else:
            value = parse_float(token)
            if value is None:
                return None
            written = format_float(value)
        if len(self._numbers) >= _REMEMBERED:
            self._numbers.clear()
        self._numbers[token] = written
        return written

    def _examine(self, pieces: list[bytes]) -> _Shape | None:
        """Look at the shape of a line; remember and return it if lines of it need no closer look."""
        outline = b'""'.join(pieces[::2])
        looked_at = (_usual if len(outline) <= _USUAL else _look_at)(outline)
        if looked_at is None or not len(pieces) & 1:
            return None
        metric, names = looked_at
        family, suffix = self._families.of(metric)
        if family.type is None:
            family.type = MetricType.UNTYPED
        shape: _Shape
        if family.type in _SIMPLE:
            template, positions, longs = self._template(metric, names)
            take: _Append = _Widened(family.series.append, longs) if longs else family.series.append
            shape = (len(pieces), template, itemgetter(*positions) if positions else None, take)
        else:
            shape = (len(pieces), None, None, _Compound(self._families, family, suffix, names))
        if names:
            if len(self._shapes) >= _SHAPES:
                self._shapes.clear()
            self._shapes[tuple(pieces[::2])] = shape
        return shape

    def _take_long(self, shape: _Shape, pieces: list[bytes], number: bytes) -> None:
        """Take a line with values that may be long."""
        _, template, pick, take = shape
        assert template is not None
        assert pick is not None
        picked: Any = pick(pieces)
        own: dict[bytes, Long] = {}
        longs = self._families.longs
        values = [spell_value(value, longs, own) for value in ([picked] if isinstance(picked, bytes) else picked)]
        prefix = template % tuple(values)
        taker: Any = take
        taker((widen(prefix, own) if own else prefix, number))

    def _template(self, name: bytes, names: tuple[bytes, ...]) -> _Template:
        known = self._templates.get(names)
        if known is None:
            if self._has_short_grouping and sum(map(len, names)) <= LONGEST:
                known = _usual_template(names, self._grouping)
            else:
                known = _label_template(names, self._grouping, self._families.longs)
            self._templates[names] = known
        labels, positions, longs = known
        if len(name) <= LONGEST:
            return name + labels, positions, longs
        used = dict(longs)
        return spell_name(name, self._families.longs, used) + labels, positions, used


def _label_template(names: tuple[bytes, ...], grouping: Labels, longs: Longs) -> _Template:
    """Return the template of the labels of a shape, whatever the metric."""
    positions = {label: 2 * index + 1 for index, label in enumerate(names)}
    labels, picked = [], []
    used: dict[bytes, Long] = {}
    given = dict(grouping)
    for label, value in merge([(label, b"") for label in names], grouping):
        name = spell_name(label, longs, used)
        if label in positions and label not in given:
            labels.append(name + b'="%b"')  # legacy, as the shape is
            picked.append(positions[label])
        else:
            labels.append((name + b'="' + spell_value(value, longs, used) + b'"').replace(b"%", b"%%"))
    template = b"{" + b",".join(labels) + b"}"
    return template if picked else template.replace(b"%%", b"%"), picked, used


@lru_cache(maxsize=512)
def _usual_template(names: tuple[bytes, ...], grouping: Labels) -> _Template:
    """Return the template of labels that are short: most pushes have those of the push before."""
    return _label_template(names, grouping, Longs())


class _Widened:
    """Takes series in whose template long strings stand."""

    def __init__(self, take: _Append, longs: dict[bytes, Long]) -> None:
        self._take = take
        self._longs = longs

    def __call__(self, series: tuple[bytes, Value]) -> None:
        prefix, value = series
        longs = {**self._longs, **prefix.longs} if isinstance(prefix, Wide) else self._longs
        self._take((widen(prefix, longs), value))


class _Compound:
    """Takes the lines of one shape that belong to a summary or histogram."""

    __slots__ = ("_bounds", "_families", "_family", "_is_summary", "_metrics", "_names", "_pick", "_special", "_suffix")

    def __init__(self, families: Families, family: FamilyBuilder, suffix: bytes, names: Sequence[bytes]) -> None:
        self._families = families
        self._family = family
        self._suffix = suffix
        self._is_summary = family.type is MetricType.SUMMARY
        special = b"quantile" if self._is_summary else b"le"
        self._special = 2 * names.index(special) + 1 if special in names else None
        self._names = [(name, 2 * index + 1) for index, name in enumerate(names) if name != special]
        self._pick: _Pick = itemgetter(*[position for _, position in self._names]) if self._names else _nothing
        self._bounds: dict[bytes, float] = {}
        self._metrics: dict[object, Metric] = {}

    def __call__(self, pieces: list[bytes], number: bytes) -> bool:
        """Take a line; false if the strict parser must read it, to refuse it."""
        value = float(number)
        if value < 0 and not self._is_summary:
            return False
        bound = math.nan
        if self._special is not None:
            text = pieces[self._special]
            known = self._bounds.get(text)
            if known is None:
                known = parse_float(text)
                if known is None:
                    return False
                self._bounds[text] = known
            bound = known
        values = self._pick(pieces)
        metric = self._metrics.get(values)
        if metric is None:
            metric = self._metrics[values] = self._identified(pieces)
        if self._is_summary:
            metric.add_to_summary(self._suffix, bound, value)
        else:
            metric.add_to_histogram(self._suffix, bound, value)
        return True

    def _identified(self, pieces: list[bytes]) -> Metric:
        """Ask for the metric of these labels, which lines of other shapes and the strict parser's share."""
        metric = Metric()
        metric.labels = tuple([(name, pieces[position]) for name, position in self._names])
        identity = identity_of([(b"__name__", self._family.name), *metric.labels])
        return self._families.identified(self._family, identity, metric)

    def recall(self, strict: LineParser, pieces: list[bytes]) -> None:
        """Tell the strict parser what it would remember of a line."""
        identity = {b"__name__": self._family.name}
        identity.update((name, pieces[position]) for name, position in self._names)
        bound = math.nan if self._special is None else self._bounds[pieces[self._special]]
        strict.recall(identity, *((bound, math.nan) if self._is_summary else (math.nan, bound)))


def _look_at(outline: bytes) -> tuple[bytes, tuple[bytes, ...]] | None:
    """Return the names of metric and labels in a shape; None if its lines need a closer look."""
    match = _SHAPE.fullmatch(outline) if len(outline) <= _LONGEST else None
    if match is None:
        return None
    names = tuple(_LABEL_NAME.findall(match[2])) if match[2] else ()
    if len(set(names)) < len(names) or any(name.startswith(b"__") for name in names):
        return None
    return match[1], names


_usual = lru_cache(maxsize=512)(_look_at)
"""The same for shapes that are short; most pushes have those of the push before."""


def _nothing(_pieces: list[bytes]) -> None:
    return None
