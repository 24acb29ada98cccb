"""The strict reader of the text format: the verdicts and the words of the original's, byte for byte.

It reads line by line and keeps what the original keeps between lines: the current family, the current metric and the
labels that identify a summary or histogram. A line whose braces hold no metric name goes on with the metric of the line
before; that is the original's behaviour and nobody's intention.
"""

from __future__ import annotations

import math
import re
from typing import NoReturn

from pytest_pushgateway.exposition.labels import unescape_value
from pytest_pushgateway.exposition.model import HISTOGRAM_TYPES, MetricType, ParseError
from pytest_pushgateway.exposition.names import LABEL_NAME, METRIC_NAME
from pytest_pushgateway.exposition.text.building import Families, FamilyBuilder, Metric, identity_of
from pytest_pushgateway.golang.strconv import parse_float, parse_int, quote, quote_rune
from pytest_pushgateway.golang.utf8 import is_utf8

_BLANKS = re.compile(rb"[ \t]*")
_TOKEN = re.compile(rb"[^ \t\n]*")
_METRIC_CHARACTERS = re.compile(rb"[a-zA-Z0-9_:]*")
_LABEL_CHARACTERS = re.compile(rb"[a-zA-Z0-9_]*")
_PLAIN_RUN = re.compile(rb'[^"\\\n]*')
_HELP_RUN = re.compile(rb"[^\\\n]*")
_LEGACY_METRIC = re.compile(METRIC_NAME.encode())
_LEGACY_LABEL = re.compile(LABEL_NAME.encode())

_NEWLINE, _TAB, _SPACE, _QUOTE, _HASH, _COMMA = b'\n\t "#,'
_EQUALS, _OPEN, _CLOSE, _BACKSLASH = b"={}\\"

_TYPE_NAMES = {
    "COUNTER": MetricType.COUNTER,
    "GAUGE": MetricType.GAUGE,
    "SUMMARY": MetricType.SUMMARY,
    "UNTYPED": MetricType.UNTYPED,
    "HISTOGRAM": MetricType.HISTOGRAM,
    "GAUGE_HISTOGRAM": MetricType.GAUGE_HISTOGRAM,
    "GAUGEHISTOGRAM": MetricType.GAUGE_HISTOGRAM,
}

_UNSTARTED = "invalid metric name"
"""Said where the original dies of a nil pointer instead of answering: braces without a name before any metric."""


class LineParser:
    """Reads line after line into :class:`Families`, which whoever reads the other lines may share."""

    def __init__(self, families: Families, *, utf8_names: bool = False) -> None:
        self.has_timestamps: bool = False
        self._families = families
        self._utf8_names = utf8_names
        self._number = 0
        self._family: FamilyBuilder | None = None
        self._metric: Metric | None = None
        self._pending: dict[bytes, bytes] = {}
        self._identity: dict[bytes, bytes] | None = None
        self._quantile = math.nan
        self._bucket = math.nan
        self._suffix = b""
        self._masked = b""
        """The line with its escapes masked, so that a backslash left in it begins none."""

    def recall(self, identity: dict[bytes, bytes], quantile: float, bucket: float) -> None:
        """Go on as if the last line of a summary or histogram had been read here."""
        self._identity, self._quantile, self._bucket = identity, quantile, bucket

    def read(self, number: int, line: bytes) -> None:
        """Read line ``number`` (from 1), its newline included; without one the body ends in it.

        Raises:
            ParseError: as the original refuses.
        """
        self._number = number
        self._masked = _mask(line)
        try:
            self._read(line)
        except IndexError:
            self._fail("unexpected end of input stream")

    def _fail(self, message: str) -> NoReturn:
        raise ParseError(f"text format parsing error in line {self._number}: {message}", self._number)

    # Wherever line[position] is read below, an IndexError means that the body ended before the line did.

    def _read(self, line: bytes) -> None:
        position = _after_blanks(line, 0)
        if position == len(line) or line[position] == _NEWLINE:
            return
        if line[position] == _HASH:
            self._comment(line, position + 1)
            return
        braced = line[position] == _OPEN
        if not braced:
            name, position = self._name(line, position, _METRIC_CHARACTERS, "metric")
            if not name:
                self._fail("invalid metric name")
            self._start_metric(name)
            position = _after_blanks(line, position)
        family = self._family
        if family is not None and (family.type is MetricType.SUMMARY or family.type in HISTOGRAM_TYPES):
            self._identity = {b"__name__": family.name}
            self._quantile = self._bucket = math.nan
        if line[position] == _OPEN:
            position = self._labels(line, position + 1, braced)
        self._value(line, position)

    # Comments

    def _comment(self, line: bytes, position: int) -> None:
        position = _after_blanks(line, position)
        keyword, position = _token(line, position)
        if line[position] == _NEWLINE:
            return
        if keyword not in (b"HELP", b"TYPE"):
            _require_newline(line)
            return
        position = _after_blanks(line, position)
        name, position = self._name(line, position, _METRIC_CHARACTERS, "metric")
        if line[position] == _NEWLINE:
            return
        if line[position] not in (_SPACE, _TAB):
            self._fail("invalid metric name in comment")
        family = self._set_family(name)
        position = _after_blanks(line, position)
        if line[position] == _NEWLINE:
            return
        if keyword == b"HELP":
            if family.help is not None:
                self._fail(f"second HELP line for metric name {quote(family.name)}")
            family.help = self._help(line, position)
        else:
            self._type(family, line, position)

    def _help(self, line: bytes, position: int) -> bytes:
        text, position = self._run(_HELP_RUN, line, position)
        self._refuse_escape(line, position)
        return text

    def _run(self, pattern: re.Pattern[bytes], line: bytes, position: int) -> tuple[bytes, int]:
        """Read a run of characters and escapes; return it, its escapes undone, and where it ends."""
        run = pattern.match(self._masked, position)
        assert run is not None
        return unescape_value(line[position : run.end()]), run.end()

    def _refuse_escape(self, line: bytes, position: int) -> None:
        if self._masked[position] == _BACKSLASH:
            self._fail(f"invalid escape sequence '\\{chr(line[position + 1])}'")

    def _type(self, family: FamilyBuilder, line: bytes, position: int) -> None:
        if family.type is not None:
            self._fail(f"second TYPE line for metric name {quote(family.name)}, or TYPE reported after samples")
        family.type = self._type_named(_rest(line, position))

    def _type_named(self, word: bytes) -> MetricType:
        # Character by character: Go's upper case never makes two characters of one.
        upper = "".join(c.upper() if len(c.upper()) == 1 else c for c in word.decode("utf-8", "replace"))
        if upper not in _TYPE_NAMES:
            self._fail(f"unknown metric type {quote(word)}")
        return _TYPE_NAMES[upper]

    # Names

    def _name(self, line: bytes, position: int, characters: re.Pattern[bytes], what: str) -> tuple[bytes, int]:
        """Read a name that may have one quoted stretch at its end; it is empty if no name begins."""
        if 0x30 <= line[position] <= 0x39:
            return b"", position
        run = characters.match(line, position)
        assert run is not None
        if line[run.end()] != _QUOTE:
            return run[0], run.end()
        quoted, position = self._run(_PLAIN_RUN, line, run.end() + 1)
        self._refuse_escape(line, position)
        name = run[0] + quoted
        if line[position] == _NEWLINE:
            self._fail(f"{what} name {quote(name)} contains unescaped new-line")
        _ = line[position + 1]
        return name, position + 1

    def _valid(self, name: bytes, legacy: re.Pattern[bytes]) -> bool:
        return is_utf8(name) and name != b"" if self._utf8_names else legacy.fullmatch(name) is not None

    def _set_family(self, name: bytes) -> FamilyBuilder:
        self._suffix = b""
        if not self._valid(name, _LEGACY_METRIC):
            self._fail(f"invalid metric name {quote(name)}")
        self._family, self._suffix = self._families.of(name)
        return self._family

    def _start_metric(self, name: bytes) -> None:
        family = self._set_family(name)
        if family.type is None:
            family.type = MetricType.UNTYPED
        self._families.settle()
        self._metric = Metric()

    # Labels

    def _labels(self, line: bytes, position: int, braced: bool) -> int:
        """Read labels from behind the opening brace; return where the value begins."""
        named = False
        while True:
            position = _after_blanks(line, position)
            if line[position] == _CLOSE:
                return self._close(line, position)
            name, position = self._name(line, position, _LABEL_CHARACTERS, "label")
            if not name:
                self._fail(f"invalid label name for metric {self._family_name()}")
            position = _after_blanks(line, position)
            if line[position] == _EQUALS:
                position = self._label(line, position + 1, name)
                if line[position] == _CLOSE:
                    return self._close(line, position)
            elif not braced:
                self._fail(f"expected '=' after label name, found {quote_rune(line[position])}")
            elif named:
                self._fail(f"multiple metric names for metric {self._family_name()}")
            elif line[position] == _COMMA:
                self._start_metric(name)
                named = True
            elif line[position] == _CLOSE:
                self._start_metric(name)
                return self._close(line, position)
            else:
                self._fail(f"unexpected end of metric name {quote_rune(line[position])}")
            position += 1

    def _family_name(self) -> str:
        return quote(self._family.name if self._family else b"")

    def _close(self, line: bytes, position: int) -> int:
        if self._family is None or self._metric is None:
            self._fail(_UNSTARTED)
        labels = self._metric.labels
        if not isinstance(labels, list):
            labels = self._metric.labels = [*labels]
        labels.extend(self._pending.items())
        self._pending = {}
        position = _after_blanks(line, position + 1)
        _ = line[position]
        return position

    def _label(self, line: bytes, position: int, name: bytes) -> int:
        """Read a label from behind its equals sign; return the position of the comma or brace behind it."""
        if name == b"__name__":
            self._fail('label name "__name__" is reserved')
        if not self._valid(name, _LEGACY_LABEL):
            self._fail(f"invalid label name {quote(name)}")
        kind = self._family.effective_type if self._family else MetricType.COUNTER
        is_quantile = kind is MetricType.SUMMARY and name == b"quantile"
        is_bound = kind in HISTOGRAM_TYPES and name == b"le"
        if not is_quantile and not is_bound and name in self._pending:
            self._fail(f"duplicate label names for metric {self._family_name()}")
        position = _after_blanks(line, position)
        if line[position] != _QUOTE:
            self._fail(f"expected '\"' at start of label value, found {quote_rune(line[position])}")
        value, position = self._label_value(line, position + 1)
        if not is_utf8(value):
            self._fail(f"invalid label value {quote(value)}")
        if is_quantile:
            self._quantile = self._float_label("quantile", value)
        elif is_bound:
            self._bucket = self._float_label("le", value)
        else:
            self._pending[name] = value
            if kind is MetricType.SUMMARY or kind in HISTOGRAM_TYPES:
                if self._identity is None:
                    self._fail(_UNSTARTED)
                self._identity[name] = value
        position = _after_blanks(line, position)
        if line[position] not in (_COMMA, _CLOSE):
            self._fail(f"unexpected end of label value {quote(value)}")
        return position

    def _label_value(self, line: bytes, position: int) -> tuple[bytes, int]:
        value, position = self._run(_PLAIN_RUN, line, position)
        self._refuse_escape(line, position)
        if line[position] == _NEWLINE:
            self._fail(f"label value {quote(value)} contains unescaped new-line")
        return value, position + 1

    def _float_label(self, name: str, text: bytes) -> float:
        value = parse_float(text)
        if value is None:
            self._fail(f"expected float as value for '{name}' label, got {quote(text)}")
        return value

    # Values

    def _value(self, line: bytes, position: int) -> None:
        family, metric = self._family, self._metric
        assert family is not None
        assert metric is not None
        kind = family.effective_type
        if kind is MetricType.SUMMARY or kind in HISTOGRAM_TYPES:
            metric = self._families.identified(
                family, identity_of(self._identity.items() if self._identity else ()), metric
            )
        else:
            self._families.begin(family, metric)
        self._metric = metric
        token, position = _token(line, position)
        after = line[position]
        value = parse_float(token)
        if value is None:
            self._fail(f"expected float as value, got {quote(token)}")
        if kind is MetricType.SUMMARY:
            metric.add_to_summary(self._suffix, self._quantile, value)
        elif kind in HISTOGRAM_TYPES:
            what = metric.add_to_histogram(self._suffix, self._bucket, value)
            if what:
                self._fail(f"negative {what} for histogram {quote(family.name)}")
        else:
            metric.put(kind, value)
        if after != _NEWLINE:
            self._timestamp(line, position)

    def _timestamp(self, line: bytes, position: int) -> None:
        position = _after_blanks(line, position)
        token, position = _token(line, position)
        _ = line[position]
        if parse_int(token) is None:
            self._fail(f"expected integer as timestamp, got {quote(token)}")
        rest = _rest(line, position)
        if rest:
            self._fail(f"spurious string after timestamp: {quote(rest)}")
        self.has_timestamps = True


def _mask(line: bytes) -> bytes:
    """Put other bytes in place of the escapes that the original knows.

    Pairs of backslashes are taken from the left: the first of a run always begins an escape. What stands outside of
    names, values and help texts is refused before it matters.
    """
    if b"\\" not in line:
        return line
    return line.replace(b"\\\\", b"  ").replace(b"\\n", b"  ").replace(b'\\"', b"  ")


def _after_blanks(line: bytes, position: int) -> int:
    if line[position : position + 1] not in (b" ", b"\t"):
        return position
    blanks = _BLANKS.match(line, position)
    assert blanks is not None
    return blanks.end()


def _token(line: bytes, position: int) -> tuple[bytes, int]:
    token = _TOKEN.match(line, position)
    assert token is not None
    return token[0], token.end()


def _rest(line: bytes, position: int) -> bytes:
    """Return the rest of the line; the original loses backslashes here."""
    _require_newline(line)
    return line[position:-1].replace(b"\\", b"")


def _require_newline(line: bytes) -> None:
    if line[-1] != _NEWLINE:
        raise IndexError
