"""The series of a family, and the memory that they take: a large family's are packed.

As Python objects, the prefix, the number and the pair of a short line take five times the line. So a large family holds
texts: the prefixes of a thousand series in one, their numbers in another. They are taken apart where they are read, a
thousand at a time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, compress, islice
from operator import is_

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable
    from typing import overload

    from pytest_pushgateway.exposition.model import Value

    Pair = tuple[bytes, Value]
    Before = Callable[[bytes], Sequence[Pair] | None]
    """Returns the series that a group has in the family of a name, if any."""
    _Series = Sequence[Pair]
else:
    # Whether an object is one is asked in each push; of an abstract class that takes long.
    _Series = object

WEIGHT_OF_SERIES = 200
WEIGHT_OF_FAMILY = 1200
"""Memory that a series and a family take beside their names and labels, bytes: objects and entries of indexes. An
estimate, the same for all formats, bounds what a push may take."""

NAMED = 1000
"""Series of a family that came again and are kept, for an error to name them; others are only counted."""

PACKED_FROM = 1000
"""Series of a family that is packed; a smaller one is faster as it is."""
PACKED_IN_LARGE_BODIES_FROM = 5
"""The same for a family of a large body: there may be very many of them. A smaller one takes no less memory packed."""
BLOCK = 1000
"""Series that are packed together, at most."""
SMALL = 100
"""Series of a small family, which is searched as it is; series that are packed together at least, if more may come."""


class Prefixes:
    """The prefixes of packed series. Series of equal prefixes with other numbers share them.

    Args:
        blocks: prefixes, one a line; a list where one of them holds long strings, or a value is not a number.
        sizes: how many prefixes each block has.
        hashes: the hash of each. Those of a small family are not kept.
    """

    __slots__ = ("_hashes", "_runs", "blocks", "repeated", "size", "sizes")

    def __init__(self, blocks: list[bytes | list[bytes]], sizes: list[int], hashes: array[int]) -> None:
        # Tuples: there may be very many small families.
        self.blocks: tuple[bytes | list[bytes], ...] = tuple(blocks)
        self.size: int = len(hashes)
        self.sizes: tuple[int, ...] = tuple(sizes)
        is_small = self.size <= SMALL
        self.repeated: frozenset[int] = _NONE if is_small and len(set(hashes)) == self.size else _repeated(hashes)[0]
        """Hashes that are there more than once; a prefix that is there twice has one of them."""
        self._hashes = None if is_small else hashes
        self._runs: Sequence[tuple[int, int, int]] = ()
        """Blocks whose hashes are sorted together: the first, and where their hashes begin and end."""

    def __contains__(self, prefix: bytes) -> bool:
        """Return whether a prefix is there. Costs a search by its hash, and a look at the blocks where that is."""
        hashed, hashes = hash(prefix), self._hashes
        if hashes is None:
            return any(_is_in(prefix, block) for block in self.blocks)
        runs = self._sorted_runs(hashes)
        for number, (first, start, end) in enumerate(runs):
            position = bisect_left(hashes, hashed, start, end)
            if position < end and hashes[position] == hashed:
                behind = runs[number + 1][0] if number + 1 < len(runs) else len(self.blocks)
                if any(_is_in(prefix, block) for block in self.blocks[first:behind]):
                    return True
        return False

    def common(self, other: Prefixes) -> set[int]:
        """Return the hashes that both have."""
        found: set[int] = set()
        fewer, more = sorted((self, other), key=lambda each: each.size)
        for start in range(0, fewer.size, _CHECKED_AT_ONCE):
            found |= set(fewer.hashes()[start : start + _CHECKED_AT_ONCE]).intersection(more.hashes())
        return found

    def hashes(self) -> array[int]:
        """Return the hashes of all, in no order."""
        if self._hashes is not None:
            return self._hashes
        from array import array

        return array("q", map(hash, chain.from_iterable(map(_prefixes, self.blocks))))

    def _sorted_runs(self, hashes: array[int]) -> Sequence[tuple[int, int, int]]:
        # Seldom asked for. Sorting all hashes at once would keep other threads waiting.
        if not self._runs:
            runs, first, start, end = [], 0, 0, 0
            for number, size in enumerate(self.sizes, 1):
                end += size
                if end - start >= _SORTED_AT_ONCE or number == len(self.sizes):
                    hashes[start:end] = type(hashes)("q", sorted(hashes[start:end]))
                    runs.append((first, start, end))
                    first, start = number, end
            self._runs = runs
        return self._runs


_NONE: frozenset[int] = frozenset()


def _is_in(prefix: bytes, block: bytes | list[bytes]) -> bool:
    if isinstance(block, bytes):
        return prefix in block and prefix in block.split(b"\n")
    return prefix in block


def _repeated(hashes: array[int]) -> tuple[frozenset[int], int]:
    """Return the hashes that are there more than once, and how many there are beyond the different ones."""
    repeated: set[int] = set()
    surplus = 0
    # In parts, by one byte of each, so that few are objects at once.
    parts = next(parts for parts in (1, 2, 4, 8) if parts == 8 or len(hashes) <= parts * _CHECKED_AT_ONCE)
    bytewise = bytes(memoryview(hashes).cast("B")[:: hashes.itemsize])
    for part in range(parts):
        in_part = bytewise.translate(bytes([byte % parts == part for byte in range(256)]))
        more = in_part.count(1) - len(set(compress(hashes, in_part)))
        if more:
            surplus += more
            counted = Counter(compress(hashes, in_part))
            repeated.update(one for one, number in counted.items() if number > 1)
    return frozenset(repeated), surplus


_SORTED_AT_ONCE = 1 << 14
"""Hashes that are sorted in one go, and a block's more at most."""
_CHECKED_AT_ONCE = 1 << 15
"""Hashes that are objects at once, if there are no more than eight times as many."""


class PackedSeries(_Series):
    """The series of a large family: prefixes with their values, in little memory. Frozen.

    Args:
        prefixes: the prefixes.
        numbers: the values of each block of them: as text, one a line, or a list where the block of prefixes is one.
    """

    __slots__ = ("numbers", "prefixes")

    def __init__(self, prefixes: Prefixes, numbers: list[bytes | list[Value]]) -> None:
        self.prefixes: Prefixes = prefixes
        self.numbers: tuple[bytes | list[Value], ...] = tuple(numbers)

    def __len__(self) -> int:
        return self.prefixes.size

    def __iter__(self) -> Iterator[Pair]:
        return chain.from_iterable(map(_pairs, self.prefixes.blocks, self.numbers))

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int) -> Pair: ...

        @overload
        def __getitem__(self, index: slice) -> Sequence[Pair]: ...

    def __getitem__(self, index: int | slice) -> Pair | Sequence[Pair]:
        if isinstance(index, slice):
            return list(self)[index]
        if index < 0:
            index += len(self)
        if index >= 0:
            for block, size in enumerate(self.prefixes.sizes):
                if index < size:
                    return list(_pairs(self.prefixes.blocks[block], self.numbers[block]))[index]
                index -= size
        raise IndexError("series index out of range")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (PackedSeries, list)):
            return NotImplemented
        return len(self) == len(other) and all(one == another for one, another in zip(self, other, strict=True))

    def __repr__(self) -> str:
        return repr(list(self))

    def unpacked(self) -> Iterator[Pair]:
        """Yield the series of the blocks that are lists: no other has long strings or values but numbers."""
        for prefixes, numbers in zip(self.prefixes.blocks, self.numbers, strict=True):
            if isinstance(prefixes, list):
                yield from _pairs(prefixes, numbers)

    def blocks(self) -> Iterator[list[Pair]]:
        """Yield the series block by block."""
        for prefixes, numbers in zip(self.prefixes.blocks, self.numbers, strict=True):
            yield list(_pairs(prefixes, numbers))

    def with_numbers(self, numbers: Iterator[bytes]) -> PackedSeries:
        """Return series of the same prefixes with the next of other numbers."""
        packed: list[bytes | list[Value]] = []
        for prefixes, size in zip(self.prefixes.blocks, self.prefixes.sizes, strict=True):
            taken = list(islice(numbers, size))
            packed.append(b"\n".join(taken) if isinstance(prefixes, bytes) else [*taken])
        return PackedSeries(self.prefixes, packed)

    def changes(self, before: PackedSeries) -> Iterator[Pair]:
        """Yield the series whose values are not what they were in ``before``, which has the same prefixes."""
        for prefixes, numbers, old in zip(self.prefixes.blocks, self.numbers, before.numbers, strict=True):
            if numbers != old:
                pairs = zip(_pairs(prefixes, numbers), _values(old), strict=True)
                yield from (pair for pair, value in pairs if pair[1] != value)


def columns(series: Sequence[Pair]) -> Iterator[tuple[bytes, bytes] | None]:
    """Yield the series block by block as prefixes, one a line, and their numbers; None for a block that is a list."""
    if not isinstance(series, PackedSeries):
        packer = Packer()
        packer.take(series)
        series = packer.finish()
    for prefixes, numbers in zip(series.prefixes.blocks, series.numbers, strict=True):
        yield (prefixes, numbers) if isinstance(prefixes, bytes) and isinstance(numbers, bytes) else None


def as_lines(prefixes: bytes, numbers: bytes) -> bytes:
    """Return a block as text: in each line a prefix, a blank and its number; no newline after the last."""
    return b"\n".join(map(b" ".join, zip(prefixes.split(b"\n"), numbers.split(b"\n"), strict=True)))


def _values(numbers: bytes | list[Value]) -> Sequence[Value]:
    return numbers.split(b"\n") if isinstance(numbers, bytes) else numbers


def _prefixes(prefixes: bytes | list[bytes]) -> list[bytes]:
    return prefixes.split(b"\n") if isinstance(prefixes, bytes) else prefixes


def _pairs(prefixes: bytes | list[bytes], numbers: bytes | list[Value]) -> Iterable[Pair]:
    return zip(_prefixes(prefixes), _values(numbers), strict=True)


_REOPENED = 2
"""A last block that is not full is filled up if it has this many times the series that come, at most."""


class Packer:
    """Series that are being packed, one after the other.

    Args:
        begun: to begin with.
        before: that are replaced. Most of them come again, and their text is not needed twice.
    """

    __slots__ = ("_before", "_blocks", "_hashes", "_numbers", "_sizes", "size")

    def __init__(self, begun: PackedSeries | None = None, before: PackedSeries | None = None) -> None:
        from array import array

        self._before = None if before is None else before.prefixes
        self._blocks: list[bytes | list[bytes]] = []
        self._numbers: list[bytes | list[Value]] = []
        self._sizes: list[int] = []
        self._hashes = array("q")
        self.size: int = 0
        """The number of series."""
        if begun is not None:
            self._blocks += begun.prefixes.blocks
            self._numbers += begun.numbers
            self._sizes += begun.prefixes.sizes
            self._hashes = begun.prefixes.hashes()
            self.size = begun.prefixes.size

    def take(self, series: Sequence[Pair]) -> None:
        """Add series."""
        last = self._sizes[-1] if self._sizes else BLOCK
        if last < BLOCK and last <= max(SMALL - len(series), _REOPENED * len(series)):
            # Families may take turns, and short blocks would take more than they hold. A family that is read in one go
            # has full blocks, wherever its lines were cut: equal lines make equal blocks.
            series = [*_pairs(self._blocks.pop(), self._numbers.pop()), *series]
            size = self._sizes.pop()
            self.size -= size
            del self._hashes[-size:]
        for start in range(0, len(series), BLOCK):
            self._take_block(series[start : start + BLOCK])

    def _take_block(self, series: Sequence[Pair]) -> None:
        prefixes = [prefix for prefix, _ in series]
        values = [value for _, value in series]
        self._hashes.extend(map(hash, prefixes))
        self._sizes.append(len(series))
        self.size += len(series)
        if set(map(type, prefixes)) == {bytes} == set(map(type, values)):
            self._blocks.append(self._shared(b"\n".join(prefixes)))
            self._numbers.append(b"\n".join(values))  # type: ignore[arg-type]
        else:
            self._blocks.append(prefixes)
            self._numbers.append(values)

    def _shared(self, block: bytes) -> bytes:
        """Return the block before in the same place if it is equal."""
        place = len(self._blocks)
        if self._before is not None and place < len(self._before.blocks):
            before = self._before.blocks[place]
            if isinstance(before, bytes) and before == block:
                return before
        return block

    def weight(self) -> int:
        """Return how many bytes the prefixes have."""
        return sum(len(block) if isinstance(block, bytes) else sum(map(len, block)) for block in self._blocks)

    def thin(self) -> int:
        """Drop series that came again but for the first `NAMED`; return how many were dropped."""
        repeated, surplus = _repeated(self._hashes)
        if surplus <= NAMED:
            return 0
        fresh = Packer()
        seen: set[bytes] = set()
        again = 0
        kept: list[Pair] = []
        for each in chain.from_iterable(map(_pairs, self._blocks, self._numbers)):
            prefix = each[0]
            if hash(prefix) in repeated:
                if prefix in seen:
                    again += 1
                    if again > NAMED:
                        continue
                seen.add(prefix)
            kept.append(each)
            if len(kept) == BLOCK:
                fresh.take(kept)
                kept = []
        fresh.take(kept)
        dropped = self.size - fresh.size
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))
        return dropped

    def finish(self) -> PackedSeries:
        """Return all series."""
        before = self._before
        if before is not None and before.size == self.size and all(map(is_, self._blocks, before.blocks)):
            return PackedSeries(before, self._numbers)
        return PackedSeries(Prefixes(self._blocks, self._sizes, self._hashes), self._numbers)


def is_large(number: int, *, in_large_body: bool = False) -> bool:
    """Return whether a family with this number of series is packed."""
    return number >= PACKED_FROM or (in_large_body and number >= PACKED_IN_LARGE_BODIES_FROM)


def pack(series: list[Pair], *, in_large_body: bool = False) -> Sequence[Pair]:
    """Return series packed if there are many."""
    if not is_large(len(series), in_large_body=in_large_body):
        return series
    packer = Packer()
    packer.take(series)
    return packer.finish()


def in_blocks(series: Sequence[Pair]) -> Iterable[Sequence[Pair]]:
    """Return series in parts that take little memory as objects: all at once, or block by block if packed."""
    return series.blocks() if isinstance(series, PackedSeries) else (series,)


def apart(series: Iterable[Pair]) -> Iterable[Pair]:
    """Return the series among which are all that have long strings, or values but numbers."""
    return series.unpacked() if isinstance(series, PackedSeries) else series
