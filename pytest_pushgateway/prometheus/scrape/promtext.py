"""The text format as Prometheus reads it, which is not how the Pushgateway does.

Prometheus has its own lexer for text format 0.0.4 and 1.0.0: it takes samples in any order, knows five metric
types, lets a TYPE line hold until the next one whatever its name, and stops at a NUL at the beginning of a line. Its
error messages become the ``lastError`` of the target. Source: ``model/textparse`` of Prometheus 3.5 and 2.53.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from pytest_pushgateway.exposition.names import LABEL_NAME, METRIC_NAME
from pytest_pushgateway.golang.strconv import format_float, parse_float, quote, whole_number
from pytest_pushgateway.prometheus.values import LATEST

TYPES = {b"counter", b"gauge", b"histogram", b"summary", b"untyped"}

_LABEL = rb'[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\n]*"'
_SIMPLE = re.compile(
    rb"(?P<series>(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>(?:" + _LABEL + rb"(?:," + _LABEL + rb")*,?)?)\})?)"
    rb"[ \t]+(?P<value>[^{ \t\n]+)(?:[ \t]+(?P<time>[0-9]+))?[ \t]*\n"
)
"""A sample as exporters write it; everything else goes through the lexer."""
_PAIR = re.compile(rb'([a-zA-Z_][a-zA-Z0-9_]*)="([^"]*)"')


class ExpositionError(ValueError):
    """The exposition is not one that Prometheus reads; the text is Prometheus's."""


class ScrapedSample(NamedTuple):
    """One sample as exposed, before anything is done to its labels.

    ``series`` is its text up to the value, by which Prometheus recognises it in the next scrape; ``labels`` are the
    pairs as written, sorted by name, with ``__name__``, empty values kept. ``timestamp`` is milliseconds since 1970.
    Invalid UTF-8 in a quoted name arrives as lone surrogates.
    """

    series: bytes
    labels: tuple[tuple[str, str], ...]
    value: float
    timestamp: int | None


def read(body: bytes, *, prometheus_version: str = LATEST) -> Iterator[ScrapedSample]:
    """Read the samples of an exposition in the text format, in order.

    Raises:
        ExpositionError: Prometheus rejects a line; the samples before it have been yielded.

    """
    return _Reader(body, normalises=not prometheus_version.startswith("2.")).samples()


class _Reader:
    def __init__(self, body: bytes, *, normalises: bool) -> None:
        self.text = body + b"\n"
        self.normalises = normalises
        self.type = b""
        self.lexer = _Lexer(self.text)
        self.start = 0

    def samples(self) -> Iterator[ScrapedSample]:
        text, lexer = self.text, self.lexer
        while True:
            match = _SIMPLE.match(text, lexer.position)
            if match is None:
                exposed = self._next()
                if exposed is None:
                    return
                yield from exposed
                continue
            self.start = match.start()
            lexer.position = match.end()
            pairs = [("__name__", match["name"].decode())]
            if match["labels"]:
                for name, value in _PAIR.findall(match["labels"]):
                    pairs.append((name.decode(), self._value(name, value)))
                pairs.sort(key=_by_name)
            yield ScrapedSample(
                match["series"],
                tuple(pairs),
                self._float(match["value"], match.end("value")),
                self._time(match["time"], match.end("time")),
            )

    def _value(self, name: bytes, value: bytes) -> str:
        if b"\\" in value:
            value = _unescape(value)
        try:
            text = value.decode()
        except UnicodeDecodeError:
            quoted = quote(b'"' + value + b'"')
            raise ExpositionError(f"invalid UTF-8 label value: {quoted}") from None
        if self.normalises and (name, self.type) in ((b"le", b"histogram"), (b"quantile", b"summary")):
            return normalise_float(text)
        return text

    def _float(self, token: bytes, end: int) -> float:
        value = parse_float(token)
        if value is not None and not any(char in token for char in b"pP_"):
            return value
        if any(char in token for char in b"pP_"):
            problem = "unsupported character in float"
        else:
            range_error = re.fullmatch(rb"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", token)
            problem = f"strconv.ParseFloat: parsing {quote(token)}: " + (
                "value out of range" if range_error else "invalid syntax"
            )
        raise ExpositionError(f"{problem} while parsing: {self._quoted(end)}")

    def _time(self, token: bytes | None, end: int) -> int | None:
        if token is None:
            return None
        number = whole_number(token.decode())
        if number >= 1 << 63:
            raise ExpositionError(
                f"strconv.ParseInt: parsing {quote(token)}: value out of range while parsing: {self._quoted(end)}"
            )
        return number

    def _quoted(self, end: int) -> str:
        return quote(self.text[self.start : end])

    def _error(self, expected: str, token: str) -> ExpositionError:
        """Report an unexpected token, with the one character after it that Prometheus shows too."""
        end = self.lexer.position + 1
        got = quote(self.text[self.lexer.start : end])
        return ExpositionError(f'{expected}, got {got} ("{token}") while parsing: {self._quoted(end)}')

    def _next(self) -> list[ScrapedSample] | None:
        """Read one entry with the lexer: its sample, or nothing for comments and the like; ``None`` at the end."""
        self.start = self.lexer.position
        token = self.lexer.next()
        if token == "EOF":
            return None
        if token == "LINEBREAK":
            return []
        if token in ("HELP", "TYPE"):
            self._metadata(token)
            return []
        if token == "COMMENT":
            self._expect(self.lexer.next(), "LINEBREAK", "linebreak expected after comment")
            return []
        if token == "BOPEN":
            name, pairs = self._label_values(None)
            token = self.lexer.next_after_series()
        elif token == "MNAME":
            # Blanks before a name become part of it: the name is cut from the beginning of the entry.
            name, pairs = self.text[self.start : self.lexer.position], []
            self.lexer.series_end = self.lexer.position
            token = self.lexer.next()
            if token == "BOPEN":
                name, pairs = self._label_values(name)
                token = self.lexer.next_after_series()
        else:
            raise self._error("expected a valid start token", token)
        if name is None:
            raise ExpositionError(f"metric name not set while parsing: {self._quoted(self.lexer.position)}")
        return [self._sample(name, pairs, token)]

    def _sample(self, name: bytes, pairs: list[tuple[bytes, bytes]], token: str) -> ScrapedSample:
        lexer = self.lexer
        series = self.text[self.start : lexer.series_end]
        self._expect(token, "VALUE", "expected value after metric")
        value = self._float(self.text[lexer.start : lexer.position], lexer.position)
        timestamp = None
        token = lexer.next()
        if token == "TIMESTAMP":
            timestamp = self._time(self.text[lexer.start : lexer.position], lexer.position)
            self._expect(lexer.next(), "LINEBREAK", "expected next entry after timestamp")
        else:
            self._expect(token, "LINEBREAK", "expected timestamp or new record")
        labels = [("__name__", _unescape(name).decode(errors="surrogateescape"))]
        for key, text in pairs:
            labels.append((_unescape(key).decode(errors="surrogateescape"), self._value(key, text)))
        return ScrapedSample(series, tuple(sorted(labels, key=_by_name)), value, timestamp)

    def _expect(self, token: str, wanted: str, expected: str) -> None:
        if token != wanted:
            raise self._error(expected, token)

    def _metadata(self, kind: str) -> None:
        token = self.lexer.next()
        self._expect(token, "MNAME", f"expected metric name after {kind}")
        self.lexer.next()  # always a text, if only an empty one
        text = self.text[self.lexer.start : self.lexer.position][1:]
        if kind == "TYPE":
            if text not in TYPES:
                raise ExpositionError(f"invalid metric type {quote(text)}")
            self.type = text
        else:
            try:
                text.decode()
            except UnicodeDecodeError:
                raise ExpositionError(f"help text {quote(text)} is not a valid utf8 string") from None
        self._expect(self.lexer.next(), "LINEBREAK", "linebreak expected after metadata")

    def _label_values(self, name: bytes | None) -> tuple[bytes | None, list[tuple[bytes, bytes]]]:
        lexer, text = self.lexer, self.text
        pairs: list[tuple[bytes, bytes]] = []
        token = lexer.next()
        while token != "BCLOSE":
            if token not in ("LNAME", "QSTRING"):
                raise self._error("expected label name", token)
            quoted = token == "QSTRING"
            key = text[lexer.start : lexer.position]
            if quoted:
                key = key[1:-1]
            token = lexer.next()
            if quoted and token in ("COMMA", "BCLOSE"):
                if name is not None:
                    raise ExpositionError(f"metric name already set while parsing: {self._quoted(lexer.position)}")
                name = key
                if token == "COMMA":
                    token = lexer.next()
                continue
            self._expect(token, "EQUAL", "expected equal")
            self._expect(lexer.next(), "LVALUE", "expected label value")
            value = text[lexer.start : lexer.position]
            try:
                value.decode()
            except UnicodeDecodeError:
                raise ExpositionError(f"invalid UTF-8 label value: {quote(value)}") from None
            pairs.append((key, value[1:-1]))
            token = lexer.next()
            if token == "COMMA":
                token = lexer.next()
        lexer.series_end = lexer.position
        return name, pairs


_BLANK = re.compile(rb"[ \t]*")
_NAME = re.compile(METRIC_NAME.encode())
_LABEL_NAME = re.compile(LABEL_NAME.encode())
_STRING = re.compile(rb'"[^\\"]*(?:\\[^\n][^\\"]*)*"')
_WORD = re.compile(rb"[^{ \t\n]+")
_DIGITS = re.compile(rb"[0-9]+")
_KEYWORD = re.compile(rb"#[ \t]+(?P<word>HELP|TYPE)[ \t]+")
_COMMENT = re.compile(rb"#[^\n]*")
_LINE = re.compile(rb"[^\n]*")

_LABEL_TOKENS = {b"}": "BCLOSE", b"=": "EQUAL", b",": "COMMA"}


class _Lexer:
    """Prometheus's lexer: ``start`` and ``position`` enclose the last token, ``state`` is for the tokens after it."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.start = 0
        self.position = 0
        self.series_end = 0
        self.state = "init"

    def next(self) -> str:
        """Return the kind of the next token, blanks left out."""
        if self.state != "text":
            blank = _BLANK.match(self.text, self.position)
            self.position = blank.end() if blank else self.position
        self.start = self.position
        if self.position >= len(self.text):
            return "EOF"
        token: str = getattr(self, f"_in_{self.state}")(self.text[self.position : self.position + 1])
        return token

    def next_after_series(self) -> str:
        """Return the token after a closing brace, where a value is due."""
        self.state = "value"
        return self.next()

    def _take(self, pattern: re.Pattern[bytes], token: str, state: str) -> str | None:
        match = pattern.match(self.text, self.position)
        if match is None:
            return None
        self.position, self.state = match.end(), state
        return token

    def _take_char(self, token: str, state: str) -> str:
        self.position, self.state = self.position + 1, state
        return token

    def _in_init(self, char: bytes) -> str:
        if char == b"\n":
            return self._take_char("LINEBREAK", "init")
        if char == b"{":
            return self._take_char("BOPEN", "labels")
        if char == b"\0":
            return "EOF"
        keyword = _KEYWORD.match(self.text, self.position)
        if keyword:
            self.position, self.state = keyword.end(), "metadata"
            return keyword["word"].decode()
        return self._take(_COMMENT, "COMMENT", "init") or self._take(_NAME, "MNAME", "value") or "INVALID"

    def _in_metadata(self, char: bytes) -> str:
        return self._take(_STRING, "MNAME", "text") or self._take(_NAME, "MNAME", "text") or self._unfinished(char)

    def _in_text(self, char: bytes) -> str:
        self._take(_LINE, "TEXT", "init")
        return "TEXT"

    def _in_labels(self, char: bytes) -> str:
        if char in _LABEL_TOKENS:
            return self._take_char(_LABEL_TOKENS[char], "equal" if char == b"=" else "labels")
        return (
            self._take(_LABEL_NAME, "LNAME", "labels")
            or self._take(_STRING, "QSTRING", "labels")
            or self._unfinished(char)
        )

    def _in_equal(self, char: bytes) -> str:
        return self._take(_STRING, "LVALUE", "labels") or self._unfinished(char)

    def _in_value(self, char: bytes) -> str:
        if char == b"{":
            return self._take_char("BOPEN", "labels")
        return self._take(_WORD, "VALUE", "time") or "INVALID"

    def _in_time(self, char: bytes) -> str:
        if char == b"\n":
            return self._take_char("LINEBREAK", "init")
        return self._take(_DIGITS, "TIMESTAMP", "time") or "INVALID"

    def _unfinished(self, char: bytes) -> str:
        if char == b'"':
            self.position = len(self.text)  # the lexer went to the end in search of the closing quote
        return "INVALID"


def _by_name(pair: tuple[str, str]) -> str:
    return pair[0]


_ESCAPE = re.compile(rb'\\(["\\n])')


def _unescape(text: bytes) -> bytes:
    return _ESCAPE.sub(lambda match: b"\n" if match[1] == b"n" else match[1], text) if b"\\" in text else text


def normalise_float(text: str) -> str:
    """Write a ``le`` or ``quantile`` as Prometheus 3 stores it: ``1`` as ``1.0``; any other text stays as it is."""
    value = parse_float(text.encode())
    if value is None:
        return text
    if math.isinf(value) or math.isnan(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "0.0"
    formatted = format_float(value).decode()
    return formatted if "e" in formatted or "." in formatted else formatted + ".0"
