"""The packed families of one name, and which of their series another group has too.

A series holds its grouping labels. So groups whose keys contradict each other share none, and only the others are
looked at: a push costs what it pushes, not what is stored.
"""

from __future__ import annotations

from pytest_pushgateway import threads
from pytest_pushgateway.exposition.series import PackedSeries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_pushgateway.exposition.model import Value
    from pytest_pushgateway.gateway.store.group_state import GroupState

    Names = tuple[bytes, ...]


class PackedMembers:
    """Packed families by their groups, which are kept apart by the names in their keys."""

    __slots__ = ("_by_names", "members", "size")

    def __init__(self) -> None:
        self.members: dict[GroupState, PackedSeries] = {}
        self._by_names: dict[Names, dict[GroupState, None]] = {}
        self.size: int = 0
        """The number of series."""

    def add(self, group: GroupState, series: PackedSeries) -> None:
        """Add the family of a group that has none here."""
        self.members[group] = series
        self._by_names.setdefault(_names(group), {})[group] = None
        self.size += len(series)

    def replace(self, group: GroupState, series: PackedSeries) -> None:
        """Put a family with the same prefixes in place of a group's, if that is here."""
        if group in self.members:
            self.members[group] = series

    def remove(self, group: GroupState) -> PackedSeries:
        """Remove and return the family of a group."""
        series = self.members.pop(group)
        names = _names(group)
        del self._by_names[names][group]
        if not self._by_names[names]:
            del self._by_names[names]
        self.size -= len(series)
        return series

    def holders(self, group: GroupState, series: Sequence[tuple[bytes, Value]]) -> dict[bytes, GroupState]:
        """Return which other groups have some of the series that ``group`` is to have, by their prefixes.

        Costs ``series``, for each group whose key agrees with that of ``group``, and what is found.
        """
        found: dict[bytes, GroupState] = {}
        if not self.members:
            return found
        for other in self._agreeing(group):
            threads.about_to_wait()  # a search in half a million series may take long
            held = self.members[other]
            found.update((prefix, other) for prefix in _common(held, series))
        return found

    def _agreeing(self, group: GroupState) -> Iterator[GroupState]:
        own, key = _names(group), dict(group.key)
        for names, groups in self._by_names.items():
            # Keys of the same names are the same, or contradict each other.
            if names != own:
                for other in groups:
                    if all(key.get(name, value) == value for name, value in other.key):
                        yield other


_SEARCHED_ONE_BY_ONE = 100
"""Series that are searched for one by one; for more, all that are held are looked at."""

NONE_PACKED = PackedMembers()
"""Stands for all that are empty: most names have no packed family."""


def _names(group: GroupState) -> Names:
    return tuple([name for name, _ in group.key])


def _common(held: PackedSeries, series: Sequence[tuple[bytes, Value]]) -> Iterator[bytes]:
    """Yield the prefixes that both have."""
    if isinstance(series, PackedSeries):
        hashes = held.prefixes.common(series.prefixes)
        candidates = [prefix for prefix, _ in series if hash(prefix) in hashes] if hashes else []
        if len(candidates) > _SEARCHED_ONE_BY_ONE:
            texts = set(candidates)
            yield from (prefix for prefix, _ in held if prefix in texts)
            return
    else:
        candidates = [prefix for prefix, _ in series]
    yield from (prefix for prefix in candidates if prefix in held.prefixes)


def has_twice(series: Sequence[tuple[bytes, Value]]) -> bool:
    """Return whether a family may have a series twice."""
    if isinstance(series, PackedSeries):
        return bool(series.prefixes.repeated)
    return len(series) > 1 and len({prefix for prefix, _ in series}) < len(series)
