"""The series of one family in the order of a scrape, in blocks that keep their rendering.

A scrape of what has not changed hands out bytes that are there already; a push makes the blocks that it touches be
rendered again, and no others.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Mapping

from pytest_pushgateway.exposition.labels import sort_key
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


class RenderedBlock:
    """A run of neighbouring series."""

    __slots__ = ("rendered", "series")

    def __init__(self, series: list[Series]) -> None:
        self.series: list[Series] = series
        self.rendered: dict[Hashable, list[bytes]] = {}


class Blocks:
    """All series of a family. Used by one thread at a time."""

    def __init__(self, series: Iterable[Series]) -> None:
        self._blocks: list[RenderedBlock] = []
        self._firsts: list[Key] = []
        self._joined: dict[Hashable, list[bytes]] = {}
        self._fill(series)

    def __len__(self) -> int:
        return sum(len(block.series) for block in self._blocks)

    def _fill(self, series: Iterable[Series]) -> None:
        ordered = in_order(series)
        self._blocks = [RenderedBlock(ordered[start : start + SIZE]) for start in range(0, len(ordered), SIZE)]
        self._firsts = [place(block.series[0]) for block in self._blocks]
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
        if there:
            if series is None:
                del block.series[position]
            elif block.series[position][1] == series[1]:
                return
            else:
                block.series[position] = series
        elif series is None:
            return
        else:
            block.series.insert(position, series)
        block.rendered.clear()
        self._joined = {}
        if not block.series:
            del self._blocks[number], self._firsts[number]
        elif len(block.series) > 2 * SIZE:
            self._split(number)
        elif position == 0:
            self._firsts[number] = place(block.series[0])

    def _find(self, prefix: bytes) -> tuple[int, int, bool]:
        """Return in which block and where in it a series stands, or belongs, and whether it is there."""
        key = sort_key(prefix)
        number = max(bisect_left(self._firsts, key) - 1, 0)
        position = bisect_left(self._blocks[number].series, key, key=place)
        while True:
            series = self._blocks[number].series
            while position < len(series) and place(series[position]) == key:
                if series[position][0] == prefix:
                    return number, position, True
                position += 1
            following = number + 1
            if position < len(series) or following == len(self._blocks) or self._firsts[following] != key:
                return number, position, False
            number, position = following, 0

    def _split(self, number: int) -> None:
        series = self._blocks[number].series
        halves = [RenderedBlock(series[:SIZE]), RenderedBlock(series[SIZE:])]
        self._blocks[number : number + 1] = halves
        self._firsts[number : number + 1] = [place(block.series[0]) for block in halves]

    def render(self, form: Hashable, render: Callable[[list[Series]], list[bytes]]) -> list[bytes]:
        """Return the rendered blocks in order, in pieces; ``render`` is called for those not yet rendered in this form.

        A block is one piece, unless it has long strings.
        """
        joined = self._joined.get(form)
        if joined is None:
            joined = [piece for block in self._blocks for piece in self._rendered(block, form, render)]
            if len(self._joined) >= _FORMS:
                self._joined = {}
            self._joined[form] = joined
        return joined

    @staticmethod
    def _rendered(block: RenderedBlock, form: Hashable, render: Callable[[list[Series]], list[bytes]]) -> list[bytes]:
        pieces = block.rendered.get(form)
        if pieces is None:
            if len(block.rendered) >= _FORMS:
                block.rendered.clear()
            pieces = block.rendered[form] = render(block.series)
        return pieces

    def series(self) -> list[Series]:
        """Return all series in order."""
        return [series for block in self._blocks for series in block.series]
