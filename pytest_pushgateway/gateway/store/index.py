"""The indexes that make a verdict cost what the push costs: by name, by series, and the conflicts that exist.

Everything here is changed under the store's lock only. What each push looks up is looked up with ``in`` and brackets:
where another thread has put it there, ``get()`` of the free-threaded Python 3.13 takes the dictionary's lock twice and
gives the processor away forty times.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from pytest_pushgateway.exposition.model import MetricType, Value
from pytest_pushgateway.exposition.series import PackedSeries
from pytest_pushgateway.gateway.store.go_runtime_names import SelfFamily
from pytest_pushgateway.gateway.store.group_state import (
    CHECKED_TYPES,
    NONE_MISSING,
    Declared,
    Delta,
    FamilyState,
    GroupState,
    Renewal,
)
from pytest_pushgateway.gateway.store.packed_members import NONE_PACKED, PackedMembers, has_twice

Series = tuple[bytes, Value]

SUFFIXES: dict[int, tuple[bytes, ...]] = {
    MetricType.SUMMARY: (b"_count", b"_sum"),
    MetricType.HISTOGRAM: (b"_count", b"_sum", b"_bucket"),
}
ALL_SUFFIXES = (b"_count", b"_sum", b"_bucket")

FEW = 16
"""Series that are looked at again at any time."""

_WHOLESALE = 64
"""A sheet with fewer changes than this is always brought up to date piecemeal."""


class Counters:
    """The work that was done, for tests of complexity."""

    __slots__ = ("lines_rendered", "series_visited")

    def __init__(self) -> None:
        self.series_visited: int = 0
        self.lines_rendered: int = 0


class Named:
    """All families of one name, over all groups."""

    __slots__ = ("declared", "members", "missing_types", "owners", "packed", "pending", "serial")

    def __init__(self, serial: int) -> None:
        self.serial: int = serial
        self.members: dict[GroupState, FamilyState] = {}
        self.declared: defaultdict[Declared, int] = defaultdict(int)
        self.missing_types: tuple[int, ...] = NONE_MISSING
        self.owners: dict[bytes, GroupState | list[GroupState]] = {}
        """Which group a series belongs to; a list if it is there twice. Not those of ``packed`` families."""
        self.packed: PackedMembers = NONE_PACKED
        """Families that share no series with any other, nor have one twice: looked through where one may be shared."""
        self.pending: dict[bytes, Series | None] | None = None
        """The series changed since the last scrape, None for a removed one; None altogether if there are too many."""

    @property
    def size(self) -> int:
        """The number of series."""
        return len(self.owners) + self.packed.size

    def types(self) -> list[int]:
        """Return the types declared, in the order in which they appeared."""
        return list(dict.fromkeys(kind for kind, _ in self.declared))


class Index:
    """Names, series and standing conflicts of one state of the store.

    The conflicts are kept as they arise, whatever brought them: a push is accepted exactly when the state, less what
    it replaces, with what it pushes has none.
    """

    def __init__(self, counters: Counters, own: Mapping[bytes, SelfFamily]) -> None:
        self.counters = counters
        self.names: dict[bytes, Named | FamilyState] = {}
        """All families of a name; the family itself while there is one, and no scrape or group has asked for more."""
        self.own: dict[bytes, SelfFamily] = dict(own)
        """The gateway's own families, those reserved for Go's runtime among them."""
        self.clashing: dict[bytes, None] = {}
        """Names whose families disagree with each other, with their own metrics, or with an own family."""
        self.pairs: dict[tuple[bytes, bytes], None] = {}
        """Names of a summary or histogram, each with a name that is the first with a suffix."""
        self.duplicates: dict[bytes, bytes] = {}
        """Series that more than one group, or one group twice, holds, and their family's name."""
        self.bad: dict[tuple[bytes, GroupState], FamilyState] = {}
        """Families with series that cannot be exposed."""
        self.touched: dict[bytes, None] = {}
        """Names changed since the last scrape."""
        self._serial = 0

    def apply(self, delta: Delta, *, consistent: bool = False) -> None:
        """Make a change, whether or not it leaves conflicts. Costs the series that leave and that come.

        Args:
            delta: the change.
            consistent: the verdict has found that no conflict is left, the old ones included.
        """
        group = delta.group
        assert group is not None
        for name, held in delta.removed.items():
            new = delta.added.get(name)
            if new is None:
                self._forget(name, group, held)
                del group.families[name]
            else:
                self._replace(name, group, held, new, consistent=consistent)
        for name, held in delta.added.items():
            if name not in delta.removed:
                self._admit(name, group, held, consistent=consistent)
            group.families[name] = held
        group.snapshot = None
        if consistent:
            self.clashing.clear()
            self.pairs.clear()
        else:
            self._judge_again(delta.changed)

    def renew(self, renewal: Renewal) -> None:
        """Put other values in place of a group's. Nothing is in conflict before, so nothing is afterwards."""
        group = renewal.group
        for name, family in renewal.families.items():
            held = group.families[name]
            self._note_values(name, group, held.family.series, family.series)
            held.renew(family, renewal.pushed_at)
        group.snapshot = None

    @property
    def has_conflicts(self) -> bool:
        """Whether anything is in conflict."""
        return bool(self.clashing or self.pairs or self.duplicates or self.bad)

    def named(self, name: bytes) -> Named | None:
        """Return the families of a name, or None."""
        if name not in self.names:
            return None
        there = self.names[name]
        if isinstance(there, FamilyState):
            group, sole = there.holder, there
            assert group is not None
            there = self.names[name] = Named(sole.serial)
            self._declare(name, there, group, sole)
            self._enter(name, there, group, sole.family.series, consistent=True)
        return there

    def sole(self, name: bytes) -> FamilyState | None:
        """Return the only family of a name, while the index keeps nothing else of the name."""
        there = self.names[name] if name in self.names else None  # noqa: SIM401
        return there if isinstance(there, FamilyState) else None

    def declared(self, name: bytes) -> Mapping[Declared, int] | None:
        """Return each declaration of a name with the number of its families; None if there is no such family."""
        sole = self.sole(name)
        if sole is not None:
            return {sole.declared: 1}
        named = self.named(name)
        return None if named is None else named.declared

    def missing_types(self, name: bytes) -> tuple[int, ...]:
        """Return for each type how many series of a name have no value of it."""
        there = self.names[name] if name in self.names else None  # noqa: SIM401
        return NONE_MISSING if there is None else there.missing_types

    def has_others(self, name: bytes, group: GroupState) -> bool:
        """Return whether another group has a family of a name."""
        sole = self.sole(name)
        if sole is not None:
            return sole.holder is not group
        named = self.named(name)
        return named is not None and not (len(named.members) == 1 and group in named.members)

    def learn(self, families: Iterable[SelfFamily]) -> None:
        """Take in own families that have appeared since."""
        for family in families:
            self.own[family.name] = family
            self.touched[family.name] = None
            self._judge_again([family.name])

    def _admit(self, name: bytes, group: GroupState, held: FamilyState, *, consistent: bool) -> None:
        if name not in self.names:
            self._serial += 1
            if _can_be_sole(held, consistent=consistent):
                self._put_sole(name, group, held, self._serial)
                return
            self.names[name] = Named(self._serial)
        named = self.named(name)
        assert named is not None
        self._declare(name, named, group, held)
        series = held.family.series
        self._enter(name, named, group, series, consistent=consistent)
        self._note(name, named, ((each[0], each) for each in series))

    def _put_sole(self, name: bytes, group: GroupState, held: FamilyState, serial: int) -> None:
        held.holder, held.serial = group, serial
        self.names[name] = held
        self.touched[name] = None

    def _enter(
        self, name: bytes, named: Named, group: GroupState, series: Sequence[Series], *, consistent: bool
    ) -> None:
        """Note whose the series of a family are."""
        owners = named.owners
        if not (consistent and isinstance(series, PackedSeries)):
            self.counters.series_visited += len(series)
        if not consistent:
            self._unpack_those_with(named, group, series)
        if isinstance(series, PackedSeries) and (
            consistent or not (series.prefixes.repeated or (owners and any(prefix in owners for prefix, _ in series)))
        ):
            if named.packed is NONE_PACKED:
                named.packed = PackedMembers()
            named.packed.add(group, series)
            return
        for prefix, _ in series:
            if prefix in owners:
                self._share(name, named, prefix, group)
            else:
                owners[prefix] = group

    def _unpack_those_with(self, named: Named, group: GroupState, series: Sequence[Series]) -> None:
        """Enter packed families of other groups as others are where they have one of these series."""
        for other in dict.fromkeys(named.packed.holders(group, series).values()):
            packed = named.packed.remove(other)
            self.counters.series_visited += len(packed)
            named.owners.update((prefix, other) for prefix, _ in packed)

    def _leave(self, named: Named, group: GroupState, series: Sequence[Series]) -> None:
        """Undo :meth:`_enter`."""
        self.counters.series_visited += len(series)
        if group in named.packed.members:
            named.packed.remove(group)
            return
        for prefix, _ in series:
            self._release(named, prefix, group)

    def _forget(self, name: bytes, group: GroupState, held: FamilyState) -> None:
        if self.names[name] is held:
            del self.names[name]
            self.touched[name] = None
            return
        named = self.named(name)
        assert named is not None
        self._retract(name, named, group, held)
        if not named.members:
            del self.names[name]
            for prefix in [each for each, owner in self.duplicates.items() if owner == name]:
                del self.duplicates[prefix]
            self.touched[name] = None
            return
        series = held.family.series
        self._leave(named, group, series)
        self._note(name, named, ((prefix, None) for prefix, _ in series))

    def _replace(
        self, name: bytes, group: GroupState, held: FamilyState, new: FamilyState, *, consistent: bool
    ) -> None:
        keeps_layout = self._keeps_layout(held, new)
        if self.names[name] is held and (keeps_layout or _can_be_sole(new, consistent=consistent)):
            self._put_sole(name, group, new, held.serial)
            return
        named = self.named(name)
        assert named is not None
        if keeps_layout:
            named.members[group] = new
            self._note_values(name, group, held.family.series, new.family.series)
            return
        old, series = held.family.series, new.family.series
        # Others keep their order among those who have the same series.
        at_once = group in named.packed.members or (isinstance(series, PackedSeries) and not self.duplicates)
        before: dict[bytes, Value] = {}
        after: dict[bytes, Value] = {}
        if at_once:
            twice = has_twice(old) or has_twice(series)
        else:
            before, after = dict(old), dict(series)
            twice = len(before) < len(old) or len(after) < len(series)
        if twice:
            self._forget(name, group, held)
            self._admit(name, group, new, consistent=consistent)
            return
        if held.same_declaration(new) and not (held.bad or new.bad):
            named.members[group] = new
        else:
            self._declare(name, named, group, new)
            self._retract(name, named, group, held)
        if at_once:
            self._replace_all(name, named, group, old, series, consistent=consistent)
        else:
            if not consistent:
                self._unpack_those_with(named, group, series)
            self._replace_some(name, named, group, before, after, series)

    def _replace_all(
        self,
        name: bytes,
        named: Named,
        group: GroupState,
        old: Sequence[Series],
        new: Sequence[Series],
        *,
        consistent: bool,
    ) -> None:
        """Replace all series at once: to compare them one by one would take more memory than they do."""
        few = len(old) + len(new) <= _worthwhile(named)
        self._leave(named, group, old)
        self._enter(name, named, group, new, consistent=consistent)
        if not few:
            named.pending = None
        changes: dict[bytes, Series | None] = {}
        if named.pending is not None:
            before = dict(old)
            changes = {each[0]: each for each in new if before.pop(each[0], None) != each[1]}
            changes.update(dict.fromkeys(before))
        self._note(name, named, changes.items())

    def _replace_some(
        self,
        name: bytes,
        named: Named,
        group: GroupState,
        before: dict[bytes, Value],
        after: dict[bytes, Value],
        new: Sequence[Series],
    ) -> None:
        """Replace the series that are not the same; none is there twice."""
        self.counters.series_visited += len(before) + len(new)
        changes: dict[bytes, Series | None] = {}
        for prefix in before.keys() - after.keys():
            self._release(named, prefix, group)
            changes[prefix] = None
        owners = named.owners
        for each in new:
            prefix, value = each
            old = before.get(prefix)
            if old is None:
                if prefix in owners:
                    self._share(name, named, prefix, group)
                else:
                    owners[prefix] = group
                changes[prefix] = each
            elif old != value:
                changes[prefix] = each
        self._note(name, named, changes.items())

    def _keeps_layout(self, held: FamilyState, new: FamilyState) -> bool:
        """Return whether only values change."""
        same = new.family.layout is not None and new.family.layout is held.family.layout
        return same and held.same_declaration(new) and not (held.bad or new.bad or self.duplicates)

    def _note_values(self, name: bytes, group: GroupState, before: Sequence[Series], after: Sequence[Series]) -> None:
        """Note the values that change; the series stay."""
        named = self.names[name]
        if isinstance(named, FamilyState):
            self.touched[name] = None
            return
        self.counters.series_visited += len(after)
        if isinstance(after, PackedSeries):
            named.packed.replace(group, after)
        if named.pending is None:
            self.touched[name] = None
        elif isinstance(after, PackedSeries) and isinstance(before, PackedSeries):
            self._note(name, named, ((each[0], each) for each in after.changes(before)))
        else:
            changed = (each for old, each in zip(before, after, strict=True) if old[1] != each[1])
            self._note(name, named, ((each[0], each) for each in changed))

    def _declare(self, name: bytes, named: Named, group: GroupState, held: FamilyState) -> None:
        named.declared[held.declared] += 1
        if held.missing_types is not NONE_MISSING:
            named.missing_types = tuple(map(int.__add__, named.missing_types, held.missing_types))
        named.members[group] = held
        if held.bad:
            self.bad[name, group] = held

    def _retract(self, name: bytes, named: Named, group: GroupState, held: FamilyState) -> None:
        named.declared[held.declared] -= 1
        if not named.declared[held.declared]:
            del named.declared[held.declared]
        if held.missing_types is not NONE_MISSING:
            named.missing_types = tuple(map(int.__sub__, named.missing_types, held.missing_types))
        if named.members[group] is held:
            del named.members[group]
        if held.bad and self.bad.get((name, group)) is held:
            del self.bad[name, group]

    def _share(self, name: bytes, named: Named, prefix: bytes, group: GroupState) -> None:
        owner = named.owners[prefix]
        if isinstance(owner, list):
            owner.append(group)
        else:
            named.owners[prefix] = [owner, group]
        self.duplicates[prefix] = name
        named.pending = None

    def _release(self, named: Named, prefix: bytes, group: GroupState) -> None:
        owner = named.owners[prefix]
        if not isinstance(owner, list):
            del named.owners[prefix]
            return
        owner.remove(group)
        if len(owner) == 1:
            named.owners[prefix] = owner[0]
            del self.duplicates[prefix]
        named.pending = None

    def _note(self, name: bytes, named: Named, changes: Iterable[tuple[bytes, Series | None]]) -> None:
        """Note the changed series for the next scrape, until there are too many; None for a removed one."""
        self.touched[name] = None
        if named.pending is None:
            return
        most = _worthwhile(named)
        for prefix, each in changes:
            named.pending[prefix] = each
            if len(named.pending) > most:
                named.pending = None
                return

    def _judge_again(self, names: Iterable[bytes]) -> None:
        for name in names:
            declared, own = self.declared(name), self.own.get(name)
            if declared is not None and clashes(declared, self.missing_types(name), own):
                self.clashing[name] = None
            else:
                self.clashing.pop(name, None)
            for pair in pairs_around(name):
                if all(self.knows(each) for each in pair) and collides(pair, *map(self._side, pair)):
                    self.pairs[pair] = None
                else:
                    self.pairs.pop(pair, None)

    def knows(self, name: bytes) -> bool:
        """Return whether a name is taken."""
        return name in self.names or name in self.own

    def _side(self, name: bytes) -> Side:
        return self.declared(name), self.own.get(name)


def _can_be_sole(held: FamilyState, *, consistent: bool) -> bool:
    """Return whether the index need keep nothing else of a name, as long as this is its only family."""
    series = held.family.series
    if held.bad or not (len(series) <= FEW or isinstance(series, PackedSeries)):
        return False
    return consistent or not has_twice(series)


def _worthwhile(named: Named) -> int:
    """Return up to how many changed series a sheet is brought up to date piecemeal."""
    return _WHOLESALE + named.size // 2


Side = tuple["Iterable[Declared] | None", "SelfFamily | None"]
"""The meaning of a name: its declaration by pushes, None if nothing is pushed; and an own family."""


def clashes(declared: Iterable[Declared], missing_types: tuple[int, ...], own: SelfFamily | None) -> bool:
    """Return whether families of one name cannot be exposed as one.

    Where the original's answer depends on the order in which it walks its map, this is the strict one: every type
    declared must do.
    """
    for each in declared:
        if 0 <= each[0] < CHECKED_TYPES and missing_types[each[0]]:
            return True
        if own is not None and not fits(each, own):
            return True
    return False


def fits(declared: Declared, own: SelfFamily) -> bool:
    """Return whether a family can be exposed together with an own family of the same name.

    The help text of an own family that is there from the start replaces the pushed one.
    """
    return declared[0] == own.type and (own.predefined or (declared[1] or b"") == own.help)


def pairs_around(name: bytes) -> list[tuple[bytes, bytes]]:
    """Return the pairs of a base name and a suffixed name in which a name may collide."""
    pairs = [(name, name + suffix) for suffix in ALL_SUFFIXES]
    for suffix in ALL_SUFFIXES:
        if name.endswith(suffix) and len(name) > len(suffix):
            pairs.append((name[: -len(suffix)], name))
            break
    return pairs


def collides(pair: tuple[bytes, bytes], base: Side, other: Side) -> bool:
    """Return whether a suffixed name is one that a summary or histogram takes up."""
    base_declared, base_own = base
    other_declared, other_own = other
    if (base_declared is None and base_own is None) or (other_declared is None and other_own is None):
        return False
    if base_own is not None and other_own is not None:
        return False
    suffix = pair[1][len(pair[0]) :]
    types = {base_own.type} if base_own is not None else {kind for kind, _ in base_declared or ()}
    return any(suffix in SUFFIXES.get(kind, ()) for kind in types)
