"""Reading a body that differs from the group's last one only in its numbers, as the next push of most jobs does.

A digest of the lines without their numbers is remembered. If the next body has the same one, its series are those that
the group has already, with the numbers that were taken out.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby, islice

from pytest_pushgateway.exposition.model import REMEMBERED_FROM, SIMPLE_TYPES, Memo, MetricFamily, Parsed, Value
from pytest_pushgateway.exposition.series import PackedSeries
from pytest_pushgateway.exposition.text.reader import parse_pieces
from pytest_pushgateway.golang.strconv import format_float, parse_float

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.exposition.series import Before

_OPENING = 8
"""Lines that are compared before a body is remembered as a whole."""
MISSES = 3
"""Bodies in a row that begin alike and go on differently, after which no more are compared."""
_LONGEST_LINE = 1 << 20
_FEW = 5000
"""Numbers that may be objects all at once."""

_OTHER = rb"[+-]?(?:[0-9.]+(?:[eE][+-]?[0-9]+)?|[iI]nf|[nN]a[nN])"
# Group 1 is a number that Go writes as it is here, perhaps without ".0"; group 2 is any other.
NUMBER = re.compile(
    rb" (?:((?:-?(?:[1-9][0-9]{0,5}|0)(?=(?:\.0)?\n)"
    rb"|-?(?:[1-9][0-9]{0,5}\.[0-9]{0,8}[1-9]|0\.0{0,3}[1-9](?:[0-9]{0,9}[1-9])?)(?=\n)))(?:\.0)?|(" + _OTHER + rb"))\n"
)
SAMPLE_NAME = re.compile(rb"^[ \t]*([^ \t{#\n][^ \t{\n]*)", re.MULTILINE)
NUMBERED_COMMENT = re.compile(rb"^[ \t]*#[^\n]* " + _OTHER + rb"$", re.MULTILINE)


def parse_remembering(
    pieces: Iterable[bytes],
    grouping: Mapping[bytes, bytes],
    memo: Memo | None,
    *,
    utf8_names: bool = False,
    largest: int | None = None,
    before: Before | None = None,
) -> Parsed:
    """Read a push as :func:`parse_pieces` does, and in a fraction of the time if it is like the one before.

    Args:
        pieces: of the body.
        grouping: label names and values of the grouping key.
        memo: of the group's last push, if any.
        utf8_names: accept quoted names of any UTF-8.
        largest: bytes that what was read may take when it is stored, roughly.
        before: the series of the group, whose text those that come again share.

    Returns:
        The families; ``memo`` is what to remember for the next push.

    Raises:
        ParseError: if the original refuses, in its words.
        PushTooLarge: it would take more than ``largest``.
    """

    def parse(body: Iterable[bytes]) -> Parsed:
        return parse_pieces(body, grouping, utf8_names=utf8_names, largest=largest, before=before)

    ahead = _Ahead(pieces)
    opening = _opening(ahead)
    if opening is None:
        return parse(ahead.rest())
    if memo is None or memo.opening != opening or memo.misses >= MISSES:
        parsed = parse(ahead.rest())
        parsed.memo = memo if memo is not None and memo.opening == opening else Memo(opening)
        return parsed
    if memo.digest and (again := _read_again(ahead, memo)) is not None:
        return again
    recorder = _Recorder()
    parsed = parse(recorder.watch(ahead.rest()))
    parsed.memo = recorder.memo(parsed, opening, memo.misses + 1)
    return parsed


class _Ahead:
    """Pieces that can be looked at before they are read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._whole = pieces if isinstance(pieces, tuple) else None
        self._pieces = iter(pieces)
        self._kept: deque[bytes] = deque()
        self._problem: Exception | None = None
        self.size = 0
        """Bytes that were looked at."""

    def look(self) -> Iterator[bytes]:
        """Yield all pieces; they can be read afterwards. Ends before an exception is due."""
        yield from tuple(self._kept)
        try:
            for piece in self._pieces:
                self._kept.append(piece)
                self.size += len(piece)
                yield piece
        except Exception as problem:
            self._problem = problem

    @property
    def broken(self) -> bool:
        """Whether what was looked at ended in an exception."""
        return self._problem is not None

    def rest(self) -> Iterable[bytes]:
        """Return the pieces to read, those looked at included; they raise what the given ones raise."""
        return self._read() if self._whole is None else self._whole

    def _read(self) -> Iterator[bytes]:
        while self._kept:
            yield self._kept.popleft()
        problem, self._problem = self._problem, None
        if problem is not None:
            try:
                raise problem
            finally:
                del problem  # its traceback has this frame: a cycle would keep what was read
        yield from self._pieces


def _opening(ahead: _Ahead) -> bytes | None:
    """Return a digest of a body's first lines without their numbers; None if it is short, or its lines are long."""
    begun = b""
    for piece in ahead.look():
        begun += piece
        if len(begun) >= REMEMBERED_FROM:
            break
    lines = begun[:REMEMBERED_FROM].split(b"\n", _OPENING)
    if len(begun) < REMEMBERED_FROM or len(lines) <= _OPENING:
        return None
    skeleton = _Skeleton()
    skeleton.take(b"\n".join([*lines[:-1], b""]))
    return skeleton.digest()


class _Skeleton:
    """A body without its numbers, which are kept apart."""

    def __init__(self) -> None:
        from hashlib import blake2b

        self._hash = blake2b(digest_size=32)
        self._pending: list[bytes] = []
        self.values: list[list[bytes] | bytes] = []
        """The numbers as Go writes them, of each piece; as one text, one a line, if they may be many: few objects."""
        self.count = 0
        """How many numbers there are."""
        self.readable = True
        """Whether all of them are numbers."""

    @property
    def unended(self) -> int:
        """Bytes of the last line that has not ended."""
        return sum(map(len, self._pending))

    def take(self, piece: bytes) -> bytes:
        """Take a piece; return the whole lines that it completes."""
        end = piece.rfind(b"\n") + 1
        if not end:
            self._pending.append(piece)
            return b""
        text = b"".join([*self._pending, piece[:end]])
        self._pending = [piece[end:]]
        parts = NUMBER.split(text)
        self._hash.update(b"\0".join(parts[::3]))
        values = parts[1::3]
        if None in values:
            values = [value or self._written(other) for value, other in zip(values, parts[2::3], strict=True)]
        if values:
            self.values.append(b"\n".join(values) if self.values or len(values) > _FEW else values)
            self.count += len(values)
        return text

    def _written(self, token: bytes) -> bytes:
        number = as_go_writes(token)
        self.readable = self.readable and number is not None
        return number or b""

    def digest(self) -> bytes:
        """Return the digest of all whole lines."""
        return self._hash.digest()


def _read_again(ahead: _Ahead, memo: Memo) -> Parsed | None:
    """Read a body whose lines are those of the remembered one; None if they are not."""
    skeleton = _Skeleton()
    for piece in ahead.look():
        skeleton.take(piece)
        if ahead.size > 2 * memo.size or skeleton.count > memo.count:
            return None
    same = skeleton.digest() == memo.digest and skeleton.count == memo.count
    if not same or ahead.broken or skeleton.unended or not skeleton.readable:
        return None
    pieces = map(_separate, skeleton.values)
    values = iter(next(pieces)) if len(skeleton.values) == 1 else chain.from_iterable(pieces)
    parsed = Parsed(with_numbers(memo.families, values))
    parsed.memo = Memo(memo.opening)
    parsed.memo.digest, parsed.memo.count, parsed.memo.size = memo.digest, memo.count, ahead.size
    parsed.memo.families = parsed.families
    return parsed


class _Prefixes:
    """The layout of a family that is not packed."""

    __slots__ = ("prefixes",)

    def __init__(self, prefixes: list[bytes]) -> None:
        self.prefixes = prefixes


def with_numbers(families: Mapping[bytes, MetricFamily], numbers: Iterator[bytes]) -> dict[bytes, MetricFamily]:
    """Return families with the same series and other numbers, in the same order."""
    found: dict[bytes, MetricFamily] = {}
    for name, like in families.items():
        series: Sequence[tuple[bytes, Value]]
        if isinstance(like.series, PackedSeries):
            series = like.series.with_numbers(numbers)
        else:
            assert isinstance(like.layout, _Prefixes)
            prefixes = like.layout.prefixes
            series = list(zip(prefixes, islice(numbers, len(prefixes)), strict=True))
        found[name] = MetricFamily(name, like.type, like.help, series, layout=like.layout)
    return found


def can_be_remembered(parsed: Parsed, runs: list[tuple[bytes, int]]) -> bool:
    """Return whether each line of a body is one series, and families follow each other.

    Args:
        parsed: the body.
        runs: the names of its samples, and how many lines in a row have each.
    """
    families = parsed.families
    return (
        not parsed.has_timestamps
        and runs == [(name, len(family.series)) for name, family in families.items()]
        and all(
            family.type in SIMPLE_TYPES and not family.suspects and not family.repeated for family in families.values()
        )
    )


def remember(memo: Memo, parsed: Parsed, digest: bytes, count: int) -> None:
    """Remember the lines of a body, by their digest, and that its families have these series."""
    memo.digest, memo.count, memo.families = digest, count, parsed.families
    for family in parsed.families.values():
        packed = isinstance(family.series, PackedSeries)
        family.layout = object() if packed else _Prefixes([prefix for prefix, _ in family.series])


def as_go_writes(token: bytes) -> bytes | None:
    """Return a number as Go writes it; None if it is not a number."""
    number = parse_float(token)
    return None if number is None else format_float(number)


def _separate(values: list[bytes] | bytes) -> list[bytes]:
    return values.split(b"\n") if isinstance(values, bytes) else values


class _Recorder:
    """Notes what is to be remembered of a body while it is read."""

    def __init__(self) -> None:
        self._skeleton = _Skeleton()
        self._runs: list[tuple[bytes, int]] = []
        """Names of samples, and how many lines in a row have each."""
        self._count = self._size = 0
        self._fit = True

    def watch(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the pieces, and look at each."""
        for piece in pieces:
            self._size += len(piece)
            if self._fit:
                self._note(piece)
            yield piece

    def _note(self, piece: bytes) -> None:
        text = self._skeleton.take(piece)
        self._count += self._skeleton.count
        self._skeleton.count = 0
        self._skeleton.values.clear()
        # A comment's number would pass for a sample's, and a NUL for the place of a number.
        comment = b"#" in text and NUMBERED_COMMENT.search(text) is not None
        if self._skeleton.unended > _LONGEST_LINE or b"\0" in text or comment or not self._skeleton.readable:
            self._fit = False
            self._skeleton = _Skeleton()
            return
        for name, alike in groupby(SAMPLE_NAME.findall(text)):
            number = len(list(alike))
            if self._runs and self._runs[-1][0] == name:
                number += self._runs.pop()[1]
            self._runs.append((name, number))

    def memo(self, parsed: Parsed, opening: bytes, misses: int) -> Memo:
        """Return what to remember: all of it if each line is one series, and families follow each other."""
        memo = Memo(opening, misses)
        whole = self._fit and not self._skeleton.unended and self._count == sum(number for _, number in self._runs)
        if whole and can_be_remembered(parsed, self._runs):
            remember(memo, parsed, self._skeleton.digest(), self._count)
            memo.size = self._size
        else:
            memo.misses = MISSES
        return memo
