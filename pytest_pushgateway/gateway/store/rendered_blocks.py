"""The series of one family in the order of a scrape, in blocks that keep their rendering.

A scrape of what has not changed hands out bytes that are there already; a push makes the blocks that it touches be
rendered again, and no others.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import chain

from pytest_pushgateway.exposition import series as packing
from pytest_pushgateway.exposition.labels import sort_key
from pytest_pushgateway.exposition.series import PackedSeries
from pytest_pushgateway.gateway.store.index import Series

SIZE = 128
"""Series in a block when it is made. It is split at twice as many."""

_FORMS = 2
"""The number of renderings that are kept; a gateway is seldom scraped in more formats than text and protobuf."""

Key = tuple[int, tuple[bytes, ...]]


def place(series: Series) -> Key:
    """Return where a series stands in its family, in Go's order; label names do not count, so that two may stand alike.

    Such ones keep the order in which they came, as in the original as long as there are few.
    """
    return sort_key(series[0])


_AS_SORTED = bytes([0 if byte == 0x22 else byte + 1 if byte < 0x22 else byte for byte in range(256)])
"""Makes the quotation mark that ends a value the least of all bytes and keeps the order of the others."""


def in_order(series: Iterable[Series]) -> list[Series]:
    """Sort series by :func:`place`; many at once where all have the same label names, as is the rule."""
    unsorted = list(series)
    joined = b"\n".join([prefix for prefix, _ in unsorted])
    if len(unsorted) < SIZE or b"\\" in joined or b'{"' in joined or b',"' in joined:
        return sorted(unsorted, key=place)
    between = joined.split(b'"')[::2]
    labels, rest = divmod(len(between) - 1, len(unsorted))
    if rest or any(len(set(between[number:-1:labels])) > 1 for number in range(1, labels + 1)):
        return sorted(unsorted, key=place)
    keys = joined.translate(_AS_SORTED).split(b"\x0b")  # what a newline has become
    return [unsorted[number] for number in sorted(range(len(keys)), key=keys.__getitem__)]


def sorted_lines(parts: Iterable[Sequence[Series]]) -> list[bytes] | None:
    """Return all series as lines without newlines, from the last one to the first, translated by `_AS_SORTED`.

    For packed series, which take several times the memory as pairs. None where `in_order` must look at each of them:
    their label names differ, or are quoted, values have escapes, or are not numbers.
    """
    shapes: set[tuple[bytes, ...]] = set()
    lines: list[bytes] = []
    for block in chain.from_iterable(map(packing.columns, parts)):
        if block is None:
            return None
        prefixes, numbers = block
        between = prefixes.split(b'"')[::2]
        labels, rest = divmod(len(between) - 1, prefixes.count(b"\n") + 1)
        if rest or not labels or b"\\" in prefixes or b'{"' in prefixes or b',"' in prefixes:
            return None
        if any(len(set(between[number:-1:labels])) > 1 for number in range(1, labels + 1)):
            return None
        shapes.add(tuple(between[:labels]))
        lines += packing.as_lines(prefixes, numbers).translate(_AS_SORTED).split(_NEWLINE)
    if len(shapes) > 1:
        return None
    # No prefix is the beginning of another, so that the numbers do not count.
    lines.sort(reverse=True)
    return lines


_AS_THEY_WERE = bytes(_AS_SORTED.index(byte) for byte in range(256))
_NEWLINE = b"\n".translate(_AS_SORTED)


def as_lines(series: list[Series]) -> bytes | None:
    """Return the lines of series that need no care: values that are numbers, and names that no escaping changes.

    None if they need some.
    """
    try:
        text = b"".join([b"%b %b\n" % each for each in series])  # type: ignore[str-format]  # TypeError is the point
    except TypeError:
        return None
    return text if _is_plain(text) else None


def _is_plain(text: bytes) -> bool:
    # A quoted name begins after a brace or comma; a negative zero is written without its sign.
    return not (b'{"' in text or b',"' in text or b" -0\n" in text)


def _from_lines(lines: bytes) -> list[Series]:
    series: list[Series] = []
    for line in lines.split(b"\n")[:-1]:
        prefix, _, number = line.rpartition(b" ")
        series.append((prefix, number))
    return series


class RenderedBlock:
    """A run of neighbouring series, as pairs or as the lines of their text.

    Args:
        held: the series; None for those in the lines.
        lines: the lines, if there are any.
    """

    __slots__ = ("held", "lines", "rendered")

    def __init__(self, held: list[Series] | None, lines: bytes | None = None) -> None:
        self.held: list[Series] | None = held
        self.lines: bytes | None = lines
        self.rendered: dict[Hashable, list[bytes]] = {}

    def series(self) -> list[Series]:
        """Return the series, not to be changed."""
        return _from_lines(self.lines or b"") if self.held is None else self.held

    def open(self) -> list[Series]:
        """Return the series; :meth:`changed` is to be called after a change."""
        if self.held is None:
            self.held = self.series()
        return self.held

    def changed(self) -> None:
        """Forget what was rendered."""
        self.lines = None
        self.rendered.clear()

    def close(self) -> None:
        """Keep lines instead of pairs where that is possible."""
        if self.lines is None and self.held is not None:
            lines = as_lines(self.held)
            # Long strings are not in the text.
            self.lines = None if lines is None or b"\\@" in lines else lines
        if self.lines is not None:
            self.held = None


class Blocks:
    """All series of a family. Used by one thread at a time."""

    def __init__(self, series: Iterable[Series]) -> None:
        self._blocks: list[RenderedBlock] = []
        self._firsts: list[Key] = []
        self._joined: dict[Hashable, list[bytes]] = {}
        self._packed = False
        """Whether blocks are kept as lines."""
        self._fill(series)

    @classmethod
    def of(cls, parts: Sequence[Sequence[Series]]) -> Blocks:
        """Return all series of several parts; if one is packed, they are in little memory here too."""
        if not any(isinstance(part, PackedSeries) for part in parts):
            return cls(chain.from_iterable(parts))
        lines = sorted_lines(parts)
        blocks = cls(chain.from_iterable(parts) if lines is None else ())
        blocks._packed = True
        while lines:
            text = _NEWLINE.join([*lines[: -SIZE - 1 : -1], b""]).translate(_AS_THEY_WERE)
            del lines[-SIZE:]
            blocks._blocks.append(RenderedBlock(None, text) if _is_plain(text) else RenderedBlock(_from_lines(text)))
            blocks._firsts.append(sort_key(text[: text.index(b"\n")].rpartition(b" ")[0]))
        return blocks

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def _fill(self, series: Iterable[Series]) -> None:
        ordered = in_order(series)
        self._blocks = [RenderedBlock(ordered[start : start + SIZE]) for start in range(0, len(ordered), SIZE)]
        self._firsts = [place(block.series()[0]) for block in self._blocks]
        self._joined = {}

    def update(self, changes: Mapping[bytes, Series | None]) -> None:
        """Bring series in, change their values, or take them out (None)."""
        for prefix, series in changes.items():
            self._change(prefix, series)

    def _change(self, prefix: bytes, series: Series | None) -> None:
        if not self._blocks:
            if series is not None:
                self._fill([series])
            return
        number, position, there = self._find(prefix)
        block = self._blocks[number]
        held = block.open()
        if there:
            if series is None:
                del held[position]
            elif held[position][1] == series[1]:
                return
            else:
                held[position] = series
        elif series is None:
            return
        else:
            held.insert(position, series)
        block.changed()
        self._joined = {}
        if not held:
            del self._blocks[number], self._firsts[number]
        elif len(held) > 2 * SIZE:
            self._split(number)
        elif position == 0:
            self._firsts[number] = place(held[0])

    def _find(self, prefix: bytes) -> tuple[int, int, bool]:
        """Return in which block and where in it a series stands, or belongs, and whether it is there."""
        key = sort_key(prefix)
        number = max(bisect_left(self._firsts, key) - 1, 0)
        position = bisect_left(self._blocks[number].open(), key, key=place)
        while True:
            series = self._blocks[number].open()
            while position < len(series) and place(series[position]) == key:
                if series[position][0] == prefix:
                    return number, position, True
                position += 1
            following = number + 1
            if position < len(series) or following == len(self._blocks) or self._firsts[following] != key:
                return number, position, False
            number, position = following, 0

    def _split(self, number: int) -> None:
        series = self._blocks[number].open()
        halves = [RenderedBlock(series[:SIZE]), RenderedBlock(series[SIZE:])]
        self._blocks[number : number + 1] = halves
        self._firsts[number : number + 1] = [place(series[0]), place(series[SIZE])]

    def render(
        self, form: Hashable, render: Callable[[list[Series]], list[bytes]], as_lines: bool = False
    ) -> list[bytes]:
        """Return the rendered blocks in order, in pieces. A block is one piece, unless it has long strings.

        Args:
            form: names the form.
            render: is called for blocks that are not yet rendered in this form.
            as_lines: whether blocks that are kept as lines are rendered already.
        """
        joined = self._joined.get(form)
        if joined is None:
            joined = [piece for block in self._blocks for piece in self._rendered(block, form, render, as_lines)]
            if len(self._joined) >= _FORMS:
                self._joined = {}
            self._joined[form] = joined
        return joined

    def _rendered(
        self, block: RenderedBlock, form: Hashable, render: Callable[[list[Series]], list[bytes]], as_lines: bool
    ) -> list[bytes]:
        if self._packed:
            block.close()
            if as_lines and block.lines is not None:
                return [block.lines]
        pieces = block.rendered.get(form)
        if pieces is None:
            if len(block.rendered) >= _FORMS:
                block.rendered.clear()
            pieces = block.rendered[form] = render(block.series())
        return pieces

    def series(self) -> list[Series]:
        """Return all series in order."""
        return [series for block in self._blocks for series in block.series()]
