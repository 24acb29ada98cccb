"""The verdict: a pure function of the indexes and of what a push changes.

As Pushgateway 1.11, which gathers everything it would hold after a push and refuses the push if that fails; here only
what the push touches is looked at, and what stood in conflict before. Where the original's answer depends on the order
in which it walks a map, this one is strict and deterministic: what stands comes first, the push is blamed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pytest_pushgateway.exposition.series import PackedSeries
from pytest_pushgateway.gateway.store.group_state import Declared, Delta, FamilyState, GroupState
from pytest_pushgateway.gateway.store.index import (
    Index,
    Named,
    Side,
    clashes,
    collides,
    pairs_around,
)
from pytest_pushgateway.gateway.store.packed_members import has_twice


class Conflicts:
    """All conflicts of a state."""

    __slots__ = ("bad", "clashing", "duplicates", "pairs")

    def __init__(self) -> None:
        self.clashing: dict[bytes, None] = {}
        self.pairs: dict[tuple[bytes, bytes], None] = {}
        self.duplicates: dict[bytes, tuple[bytes, list[GroupState]]] = {}
        """Series, with the family's name and the owners in order, the pushing group last."""
        self.bad: dict[tuple[bytes, GroupState], FamilyState] = {}

    def __bool__(self) -> bool:
        return bool(self.clashing or self.pairs or self.duplicates or self.bad)


class After:
    """The state as it would be after a change."""

    def __init__(self, index: Index, delta: Delta) -> None:
        self.index = index
        self.delta = delta

    def touches(self, name: bytes) -> bool:
        """Return whether the pushing group's family of a name leaves or is replaced, or comes new."""
        return name in self.delta.added or name in self.delta.removed

    def declared(self, name: bytes) -> Mapping[Declared, int] | None:
        """Return how many families of a name declare what; None if there is no such family."""
        declared = self.index.declared(name)
        if name not in self.delta.changed:
            return declared
        counts = dict(declared or {})
        for families, step in ((self.delta.added, 1), (self.delta.removed, -1)):
            held = families.get(name)
            if held is not None:
                counts[held.declared] = counts.get(held.declared, 0) + step
        return {each: count for each, count in counts.items() if count} or None

    def missing_types(self, name: bytes) -> tuple[int, ...]:
        """Return for each type how many series of a name have no value of it."""
        missing_types = self.index.missing_types(name)
        if name not in self.delta.changed:
            return missing_types
        counts = list(missing_types)
        for families, step in ((self.delta.added, 1), (self.delta.removed, -1)):
            held = families.get(name)
            if held is not None:
                counts = [count + step * each for count, each in zip(counts, held.missing_types, strict=True)]
        return tuple(counts)

    def side(self, name: bytes) -> Side:
        """Return what a name stands for."""
        return self.declared(name), self.index.own.get(name)

    def members(self, name: bytes) -> Iterator[tuple[GroupState, FamilyState]]:
        """Yield the families of a name, the pushed one last."""
        named = self.index.named(name)
        if named:
            for group, held in named.members.items():
                if group is not self.delta.group or not self.touches(name):
                    yield group, held
        if name in self.delta.added and self.delta.group is not None:
            yield self.delta.group, self.delta.added[name]


def conflicts_after(after: After) -> Conflicts:
    """Find every conflict of a state. Costs what the change touches and the conflicts that exist."""
    index, changed = after.index, after.delta.changed
    found = Conflicts()
    found.clashing.update((name, None) for name in index.clashing if name not in changed)
    found.pairs.update((pair, None) for pair in index.pairs if pair[0] not in changed and pair[1] not in changed)
    for name in changed:
        declared = after.declared(name)
        if declared and clashes(declared, after.missing_types(name), index.own.get(name)):
            found.clashing[name] = None
        for pair in pairs_around(name):
            # One of the two standing for nothing is the rule; it is settled without counting what is declared.
            if all(index.knows(each) or each in after.delta.added for each in pair) and collides(
                pair, *map(after.side, pair)
            ):
                found.pairs[pair] = None
    _find_duplicates(after, found)
    _find_bad(after, found)
    return found


def _find_duplicates(after: After, found: Conflicts) -> None:
    index, delta = after.index, after.delta
    for prefix, name in index.duplicates.items():
        owners = _owners(index.named(name), prefix)
        if after.touches(name):
            owners = [owner for owner in owners if owner is not delta.group]
        if len(owners) > 1:
            found.duplicates[prefix] = (name, owners)
    group = delta.group
    for name, held in delta.added.items():
        assert group is not None
        if _stay(delta.removed.get(name), held) and not index.duplicates:
            continue
        series = held.family.series
        index.counters.series_visited += len(series)
        named = index.named(name) if index.has_others(name, group) else None
        packed_elsewhere = named.packed.holders(group, series) if named and named.packed.size else {}
        owners_of = named.owners if named else {}
        only_here = not owners_of and not packed_elsewhere
        if only_here and not has_twice(series):
            continue
        # Of packed series, which may be many, only those that may be there twice are remembered.
        repeated = series.prefixes.repeated if isinstance(series, PackedSeries) else None
        seen: set[bytes] = set()
        for prefix, _ in series:
            owner = owners_of[prefix] if prefix in owners_of else packed_elsewhere.get(prefix)
            if prefix in seen or (owner is not None and owner is not group):
                others = [each for each in _owners(named, prefix) if each is not group]
                if prefix in packed_elsewhere:
                    others.append(packed_elsewhere[prefix])
                known = found.duplicates.get(prefix, (name, others))[1]
                if (others or prefix in seen) and known[-1:] != [group]:
                    found.duplicates[prefix] = (name, [*known, group])
            if repeated is None or hash(prefix) in repeated:
                seen.add(prefix)


def _stay(old: FamilyState | None, new: FamilyState) -> bool:
    """Return whether the series are those of before."""
    return old is not None and new.family.layout is not None and new.family.layout is old.family.layout


def _owners(named: Named | None, prefix: bytes) -> list[GroupState]:
    owner = named.owners.get(prefix) if named is not None else None
    if owner is None:
        return []
    return list(owner) if isinstance(owner, list) else [owner]


def _find_bad(after: After, found: Conflicts) -> None:
    delta = after.delta
    for (name, group), held in after.index.bad.items():
        if group is not delta.group or not after.touches(name):
            found.bad[name, group] = held
    if delta.group is not None:
        found.bad.update(((name, delta.group), held) for name, held in delta.added.items() if held.bad)
