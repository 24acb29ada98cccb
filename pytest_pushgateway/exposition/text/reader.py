"""Reading the text format 0.0.4 in pieces: the fast path, and the strict parser for what it leaves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from io import BytesIO
from itertools import chain
from typing import TYPE_CHECKING, NoReturn

from pytest_pushgateway.exposition.grouping_labels import grouping_labels, is_suspect, merge
from pytest_pushgateway.exposition.labels import Labels
from pytest_pushgateway.exposition.long_strings import LONGEST, Longs
from pytest_pushgateway.exposition.model import Parsed, ParseError, PushTooLarge
from pytest_pushgateway.exposition.series import WEIGHT_OF_SERIES
from pytest_pushgateway.exposition.text.building import Families
from pytest_pushgateway.exposition.text.fast_parser import FastParser
from pytest_pushgateway.golang.utf8 import is_utf8
from pytest_pushgateway.later import later

if TYPE_CHECKING:
    from pytest_pushgateway.exposition.series import Before
    from pytest_pushgateway.exposition.text import strict_parser
    from pytest_pushgateway.exposition.text.strict_parser import LineParser
else:
    strict_parser = later("pytest_pushgateway.exposition.text.strict_parser")

_PIECE = 256 << 10
"""Bytes that are read at once: others get their turn in between."""
_GATHERED = 16
"""Pieces of one line that may wait to be joined."""
_HELD = 1000
"""Lines after a sample that may wait for what comes next."""
_THINNED = 200_000
"""Lines after which series that came again are dropped."""
_UNPACKED = 4000
"""Lines after which series of large families are packed."""
_LARGE = 20_000
"""Lines of a large body, whose small families are packed too."""


def parse_strictly(body: bytes, grouping: Mapping[bytes, bytes] | None, *, utf8_names: bool = False) -> Parsed:
    """Read a body line by line through the strict parser alone: :func:`parse` without its fast path."""
    reader = _Reader(None if grouping is None else grouping_labels(grouping), utf8_names=utf8_names, strictly=True)
    return reader.read(cut(body))


def parse(body: bytes, grouping: Mapping[bytes, bytes] | None, *, utf8_names: bool = False) -> Parsed:
    """Read a body of the text format 0.0.4, grouping labels merged into every series.

    Args:
        body: as sent, decoded from any content encoding.
        grouping: label names and values of the grouping key, ``job`` included; they override the series' own.
            None for metrics that were not pushed: the labels stay as they are, no ``instance`` is added.
        utf8_names: accept quoted names of any UTF-8, as ``--push.enable-utf8-names`` does.

    Raises:
        ParseError: if the original refuses, in its words.
    """
    return parse_pieces(cut(body), grouping, utf8_names=utf8_names)


def parse_pieces(
    pieces: Iterable[bytes],
    grouping: Mapping[bytes, bytes] | None,
    *,
    utf8_names: bool = False,
    largest: int | None = None,
    before: Before | None = None,
) -> Parsed:
    """Read a body as :func:`parse` does, piece by piece: what is wrong is found before more of it is asked for.

    Args:
        pieces: of the body, of any length; a :class:`ParseError` that they raise is raised here, unless what came
            before it is wrong already.
        grouping: as for :func:`parse`.
        utf8_names: as for :func:`parse`.
        largest: bytes that what was read may take when it is stored, roughly.
        before: the series of the group, whose text those that come again share.

    Raises:
        ParseError: if the original refuses, in its words.
        PushTooLarge: it would take more than ``largest``.
    """
    labels = None if grouping is None else grouping_labels(grouping)
    strictly = labels is None or _are_suspect(labels)
    return _Reader(labels, utf8_names=utf8_names, strictly=strictly, largest=largest, before=before).read(pieces)


def _are_suspect(grouping: Labels) -> bool:
    if all(len(name) <= LONGEST and len(value) <= LONGEST for name, value in grouping):
        return _remembered(grouping)
    return is_suspect(merge((), grouping), Longs())


@lru_cache(maxsize=256)
def _remembered(grouping: Labels) -> bool:
    return is_suspect(merge((), grouping), Longs())


def cut(body: bytes) -> Iterable[bytes]:
    """Return a body in pieces for :func:`parse_pieces`."""
    if len(body) <= _PIECE:
        return (body,)
    return (body[start : start + _PIECE] for start in range(0, len(body), _PIECE))


class _Strict:
    """The strict parser of a body, made for the first line that needs it: most bodies have none."""

    def __init__(self, families: Families, *, utf8_names: bool) -> None:
        self._families = families
        self._utf8_names = utf8_names
        self.parser: LineParser | None = None

    def __call__(self) -> LineParser:
        if self.parser is None:
            self.parser = strict_parser.LineParser(self._families, utf8_names=self._utf8_names)
        return self.parser


class _Reader:
    def __init__(
        self,
        grouping: Labels | None,
        *,
        utf8_names: bool,
        strictly: bool,
        largest: int | None = None,
        before: Before | None = None,
    ) -> None:
        self._families = Families(grouping, before)
        self._strict = _Strict(self._families, utf8_names=utf8_names)
        self._fast = None if strictly or grouping is None else FastParser(self._families, grouping, self._strict)
        self._lines = 0
        """The number of lines."""
        self._held: list[tuple[int, bytes]] = []
        """The last sample, and the lines after it: if a line begins with a brace, the strict parser must know them."""
        self._unthinned = self._kept = 0
        self._unpacked = self._known = 0
        self._grouping = grouping
        self._largest = largest
        self._weight = 0

    def read(self, pieces: Iterable[bytes]) -> Parsed:
        if isinstance(pieces, tuple) and len(pieces) == 1 and len(pieces[0]) <= _PIECE:
            self._read_whole(pieces[0])
        else:
            self._read_pieces(pieces)
        strict = self._strict.parser
        has_timestamps = strict is not None and strict.has_timestamps
        # Both hold metrics, which take much memory before they are finished.
        self._fast = self._strict.parser = None
        del strict
        return Parsed(self._families.finish(), has_timestamps)

    def _read_whole(self, body: bytes) -> None:
        """Read a body that is one piece, as most are."""
        lines = body.split(b"\n")
        last = lines.pop()
        self._lines = len(lines)
        if self._lines > _HELD:
            self._weigh(len(body), self._lines)
        if self._fast is None or _has_braces_first(body) or not is_utf8(body):
            self._read_strictly(enumerate(lines, 1))
        elif lines:
            self._read_fast(enumerate(lines, 1), _longest(lines), escapes=b"\\" in body)
        if last:
            self._strict().read(self._lines + 1, last)

    def _read_pieces(self, pieces: Iterable[bytes]) -> None:
        following = iter(pieces)
        pending = _Pending()
        while True:
            try:
                piece = next(following, None)
            except ParseError as broken:
                self._break_off(pending.take(), broken)
            if piece is None:
                break
            end = piece.rfind(b"\n") + 1
            if not end:
                if not pending and _begins_wrongly(piece):
                    self._end(piece)
                pending.add(piece)
                continue
            pending.add(piece[:end])
            rest = piece[end:]
            del piece
            # No variable holds the text: the reader may free it.
            self._read_lines(pending.take())
            if rest:
                pending.add(rest)
        self._end(pending.take())

    def _break_off(self, last: bytes, broken: ParseError) -> NoReturn:
        """Say what is wrong where the body broke: something before that place, or else why it did."""
        try:
            self._end(last)
        except ParseError as found:
            # The body's end is not its end.
            if not str(found).endswith("unexpected end of input stream"):
                raise
        try:
            raise broken
        finally:
            del broken  # its traceback has this frame: a cycle would keep what was read

    def _read_lines(self, text: bytes) -> None:
        """Read whole lines."""
        first, number = self._lines + 1, text.count(b"\n")
        self._lines += number
        if not text.strip(b"\n"):
            return
        self._weigh(len(text), number)
        strictly = self._fast is None or _has_braces_first(text) or not is_utf8(text)
        blanks, escapes = b"\n\n" in text, b"\\" in text
        lines = text.split(b"\n")
        del text  # it may be one long line
        lines.pop()
        if strictly:
            self._read_strictly(chain(self._take_kept(), enumerate(lines, first)))
        else:
            self._read_fast_but_last(lines, first, blanks=blanks, escapes=escapes)
        self._unpacked += number
        if self._unpacked >= max(_UNPACKED, self._known):
            self._families.of_large_body = self._lines >= _LARGE
            self._known = self._families.pack()
            self._unpacked = 0
        self._unthinned += number
        if self._unthinned >= max(_THINNED, self._kept):
            self._kept = self._families.thin()
            self._unthinned = 0

    def _read_fast_but_last(self, lines: list[bytes], first: int, *, blanks: bool, escapes: bool) -> None:
        """Read lines that stand for themselves, and hold the last sample and what comes after it."""
        last = len(lines) - 1
        while last >= 0 and not _is_sample(lines[last]):
            last -= 1
        after = [(first + at, line) for at, line in enumerate(lines[last + 1 :], last + 1) if _matters(line)]
        if last >= 0:
            held, self._held = self._held, [(first + last, lines[last])]
            del lines[last:]
            numbered: Iterable[tuple[int, bytes]] = enumerate(lines, first)
            if blanks:
                numbered = [each for each in numbered if each[1]]
            escapes = escapes or any(b"\\" in line for _, line in held)
            longest = max(_longest(lines), _longest(line for _, line in held))
            self._read_fast(chain(held, numbered), longest, escapes=escapes)
        self._held += after
        if len(self._held) > _HELD:
            self._read_strictly(self._take_kept())

    def _take_kept(self) -> list[tuple[int, bytes]]:
        if self._fast is not None:
            self._fast.leave()
        held, self._held = self._held, []
        return held

    def _read_strictly(self, lines: Iterable[tuple[int, bytes]]) -> None:
        read = self._strict().read
        for number, line in lines:
            if line:
                line += b"\n"  # what was without is freed
                read(number, line)

    def _end(self, last: bytes) -> None:
        """Read what was held, and the last line, which has no newline."""
        if self._fast is None or _has_braces_first(last):
            self._read_strictly(self._take_kept())
        elif self._held:
            held, self._held = self._held, []
            self._read_fast(_taken(held), _longest(line for _, line in held), escapes=True)
        if last:
            self._strict().read(self._lines + 1, last)

    def _read_fast(self, numbered: Iterable[tuple[int, bytes]], longest: int, *, escapes: bool) -> None:
        assert self._fast is not None
        self._fast.read(numbered, escapes=escapes, long_lines=longest > LONGEST)

    def _weigh(self, size: int, lines: int) -> None:
        """Refuse a push whose lines, this many and this long in all, would be too much."""
        if self._largest is None:
            return
        labels = sum(min(len(name), LONGEST) + min(len(value), LONGEST) for name, value in self._grouping or ())
        more = size + lines * (WEIGHT_OF_SERIES + labels)
        self._weight += more
        if self._weight > self._largest:
            # Series that came again were dropped meanwhile.
            weight = self._families.weight() + more
            if weight > self._largest:
                raise PushTooLarge(self._largest)
            # Not to be weighed again before there can be much more.
            self._weight = max(weight, self._largest * 3 // 4)


class _Pending:
    """The beginning of a line that has not ended: it may be megabytes long, and is held once."""

    __slots__ = ("_many", "_pieces")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._many: BytesIO | None = None

    def __bool__(self) -> bool:
        return bool(self._pieces) or self._many is not None

    def add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        if len(self._pieces) > _GATHERED:
            self._gather()

    def _gather(self) -> BytesIO:
        if self._many is None:
            self._many = BytesIO()
        self._many.writelines(self._pieces)
        self._pieces.clear()
        return self._many

    def take(self) -> bytes:
        """Return all of it; nothing is left."""
        if self._many is None:
            text = b"".join(self._pieces)
            self._pieces.clear()
            return text
        many, self._many = self._gather(), None
        return many.getvalue()  # not a copy


def _taken(held: list[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Yield what is in a list, and hold none of it any longer."""
    held.reverse()
    while held:
        yield held.pop()


def _longest(lines: Iterable[bytes]) -> int:
    return max(map(len, lines), default=0)


def _has_braces_first(text: bytes) -> bool:
    """Return whether a line begins with a brace: it may go on with the metric of the line before."""
    if text[:1] == b"{" or b"\n{" in text:
        return True
    blanks = text[:1] in (b" ", b"\t") or b"\n " in text or b"\n\t" in text
    return blanks and re.search(rb"(?:\A|\n)[ \t]*\{", text) is not None


def _begins_wrongly(line: bytes) -> bool:
    """Return whether no line can begin so: the rest of it need not be waited for."""
    first = line.lstrip(b" \t")[:1]
    return first != b"" and not (first.isalpha() or first in b'_:"{#')


def _is_sample(line: bytes) -> bool:
    return line.lstrip(b" \t")[:1] not in (b"", b"#")


def _matters(line: bytes) -> bool:
    return b"HELP" in line or b"TYPE" in line
