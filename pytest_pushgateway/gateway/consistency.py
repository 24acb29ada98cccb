"""The verdict: a pure function of the indexes and of what a push changes.

As Pushgateway 1.11, which gathers everything it would hold after a push and refuses the push if that fails; here only
what the push touches is looked at, and what stood in conflict before. Where the original's answer depends on the order
in which it walks a map, this one is strict and deterministic: what stands comes first, the push is blamed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pytest_pushgateway.exposition.gofmt import metric_text, quote
from pytest_pushgateway.exposition.model import MetricType, Value, kinds, proto_type_name
from pytest_pushgateway.gateway.groups import Collision, Group, GroupingKey, Held
from pytest_pushgateway.gateway.index import (
    CHECKED_TYPES,
    Declared,
    Delta,
    Index,
    Named,
    Side,
    clashes,
    collides,
    label_problem,
    pairs_around,
)


@dataclass(slots=True)
class Conflicts:
    """All conflicts of a state."""

    clashing: dict[bytes, None] = field(default_factory=dict)
    pairs: dict[tuple[bytes, bytes], None] = field(default_factory=dict)
    duplicates: dict[bytes, tuple[bytes, list[Group]]] = field(default_factory=dict)
    """Series, with the family's name and the owners in order, the pushing group last."""
    bad: dict[tuple[bytes, Group], Held] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.clashing or self.pairs or self.duplicates or self.bad)


class After:
    """The state as it would be after a change."""

    def __init__(self, index: Index, delta: Delta) -> None:
        self.index = index
        self.delta = delta
        self.touched = dict.fromkeys([*delta.removed, *delta.added])

    def declared(self, name: bytes) -> dict[Declared, int] | None:
        """Return how many families of a name declare what; None if there is no such family."""
        named = self.index.names.get(name)
        if name not in self.touched:
            return named.declared if named else None
        counts = dict(named.declared) if named else {}
        for families, step in ((self.delta.added, 1), (self.delta.removed, -1)):
            held = families.get(name)
            if held is not None:
                declared = (held.family.type, held.family.help)
                counts[declared] = counts.get(declared, 0) + step
        return {each: count for each, count in counts.items() if count} or None

    def lacking(self, name: bytes) -> tuple[int, ...]:
        """Return for each type how many series of a name have no value of it."""
        named = self.index.names.get(name)
        counts = list(named.lacking) if named else [0] * CHECKED_TYPES
        for families, step in ((self.delta.added, 1), (self.delta.removed, -1)):
            held = families.get(name)
            if held is not None:
                counts = [count + step * each for count, each in zip(counts, held.lacking, strict=True)]
        return tuple(counts)

    def side(self, name: bytes) -> Side:
        """Return what a name stands for."""
        return self.declared(name), self.index.own.get(name)

    def members(self, name: bytes) -> Iterator[tuple[Group, Held]]:
        """Yield the families of a name, the pushed one last."""
        named = self.index.names.get(name)
        if named:
            for group, held in named.members.items():
                if group is not self.delta.group or name not in self.touched:
                    yield group, held
        if name in self.delta.added and self.delta.group is not None:
            yield self.delta.group, self.delta.added[name]


def conflicts_after(after: After) -> Conflicts:
    """Find every conflict of a state. Costs what the change touches and the conflicts that stand."""
    index, touched = after.index, after.touched
    found = Conflicts()
    found.clashing.update((name, None) for name in index.clashing if name not in touched)
    found.pairs.update((pair, None) for pair in index.pairs if pair[0] not in touched and pair[1] not in touched)
    for name in touched:
        declared = after.declared(name)
        if declared and clashes(declared, after.lacking(name), index.own.get(name)):
            found.clashing[name] = None
        for pair in pairs_around(name):
            base, other = pair
            # One of the two being unknown is the rule; it is settled without counting what is declared.
            if _known(after, base) and _known(after, other) and collides(pair, after.side(base), after.side(other)):
                found.pairs[pair] = None
    _find_duplicates(after, found)
    _find_bad(after, found)
    return found


def _known(after: After, name: bytes) -> bool:
    return name in after.index.own or name in after.delta.added or name in after.index.names


def _find_duplicates(after: After, found: Conflicts) -> None:
    index, delta = after.index, after.delta
    for prefix, name in index.duplicates.items():
        owners = _owners(index.names[name], prefix)
        if name in after.touched:
            owners = [owner for owner in owners if owner is not delta.group]
        if len(owners) > 1:
            found.duplicates[prefix] = (name, owners)
    group = delta.group
    for name, held in delta.added.items():
        assert group is not None
        series = held.family.series
        index.counters.series_visited += len(series)
        named = index.names.get(name)
        alone = named is None or (len(named.members) == 1 and group in named.members)
        if alone and (len(series) == 1 or len({prefix for prefix, _ in series}) == len(series)):
            continue
        owners_of = named.owners if named else {}
        seen: set[bytes] = set()
        for prefix, _ in series:
            owner = owners_of.get(prefix)
            if prefix in seen or (owner is not None and owner is not group):
                others = [each for each in _owners(named, prefix) if each is not group] if named else []
                known = found.duplicates.get(prefix, (name, others))[1]
                if others or prefix in seen:
                    found.duplicates[prefix] = (name, [*known, group])
            seen.add(prefix)


def _owners(named: Named, prefix: bytes) -> list[Group]:
    owner = named.owners.get(prefix)
    if owner is None:
        return []
    return list(owner) if isinstance(owner, list) else [owner]


def _find_bad(after: After, found: Conflicts) -> None:
    delta = after.delta
    for (name, group), held in after.index.bad.items():
        if group is not delta.group or name not in after.touched:
            found.bad[name, group] = held
    if delta.group is not None:
        found.bad.update(((name, delta.group), held) for name, held in delta.added.items() if held.bad)


def error_text(collisions: list[Collision]) -> str:
    """Put the original's words together as it does."""
    if len(collisions) == 1:
        return collisions[0].text
    return f"{len(collisions)} error(s) occurred:" + "".join(f"\n* {each.text}" for each in collisions)


def explain(after: After, conflicts: Conflicts) -> list[Collision]:
    """Say what the original says of the conflicts, in the order in which it would meet them.

    It walks the families one by one; a family that it refuses as a whole is not there for those that follow. Costs the
    conflicts.
    """
    return _Explanation(after, conflicts).collisions


class _Explanation:
    def __init__(self, after: After, conflicts: Conflicts) -> None:
        self.after = after
        self.conflicts = conflicts
        self.collisions: list[Collision] = []
        self.met: set[bytes] = set()
        self.seen: set[bytes] = set()
        for name in self._names():
            if self._may_stand(name):
                self.met.add(name)
                self._series(name)

    def _names(self) -> list[bytes]:
        conflicts = self.conflicts
        names = dict.fromkeys(conflicts.clashing)
        names.update((name, None) for pair in conflicts.pairs for name in pair)
        names.update((name, None) for name, _ in conflicts.duplicates.values())
        names.update((name, None) for name, _ in conflicts.bad)
        self.met.update(name for name in names if name in self.after.index.own)
        pushed = {name: place for place, name in enumerate(self.after.delta.added)}

        def place(name: bytes) -> tuple[int, int]:
            named = self.after.index.names.get(name)
            if named and any(group is not self.after.delta.group for group in named.members):
                return 0, named.serial
            return 1, pushed.get(name, 0)

        return sorted((name for name in names if self.after.declared(name)), key=place)

    def _add(self, reason: str, name: bytes, text: str, groups: list[Group], prefix: bytes = b"") -> None:
        keys: dict[GroupingKey, None] = dict.fromkeys(group.key for group in groups)
        self.collisions.append(Collision(reason, name, prefix, text, tuple(keys)))

    def _may_stand(self, name: bytes) -> bool:
        own = self.after.index.own.get(name)
        declared = self.after.declared(name) or {}
        if own is None:
            return self._free_of_suffixes(name)
        helps = [text for _, text in declared if text != own.help and not own.predefined]
        types = [kind for kind, _ in declared if kind != own.type]
        label = _text(name)
        if helps:
            text = f"has help {quote(helps[0])} but should have {quote(own.help)}"
        elif types:
            text = f"has type {proto_type_name(types[0])} but should have {proto_type_name(own.type)}"
        else:
            return True
        groups = [
            group
            for group, held in self.after.members(name)
            if held.family.type != own.type or (held.family.help != own.help and not own.predefined)
        ]
        self._add("own", name, f"gathered metric family {label} {text}", self._standing(groups))
        return False

    def _free_of_suffixes(self, name: bytes) -> bool:
        for base, other in self.conflicts.pairs:
            if other == name and base in self.met:
                kind = self._kind(base, other)
                text = (
                    f"collected metric named {quote(name)} collides with previously collected {kind} "
                    f"named {quote(base)}"
                )
                self._add("suffix", name, text, self._holders(base))
                return False
        for suffix, kind in ((b"_count", ""), (b"_sum", ""), (b"_bucket", "histogram")):
            if (name, name + suffix) in self.conflicts.pairs and name + suffix in self.met:
                text = (
                    f"collected {kind or 'histogram or summary'} named {quote(name)} collides with previously "
                    f"collected metric named {quote(name + suffix)}"
                )
                self._add("suffix", name, text, self._holders(name + suffix))
                return False
        return True

    def _kind(self, base: bytes, other: bytes) -> str:
        own = self.after.index.own.get(base)
        types = [own.type] if own else [kind for kind, _ in self.after.declared(base) or ()]
        if MetricType.SUMMARY in types and not other.endswith(b"_bucket"):
            return "summary"
        return "histogram"

    def _holders(self, name: bytes) -> list[Group]:
        return self._standing([group for group, _ in self.after.members(name)])

    def _standing(self, groups: list[Group]) -> list[Group]:
        """Leave out the group that pushes, unless nobody else is concerned."""
        if self.after.delta.group is None:
            return groups
        return [group for group in groups if group is not self.after.delta.group]

    def _series(self, name: bytes) -> None:
        kind = self._strict_type(name)
        lacking = 0 <= kind < CHECKED_TYPES and self.after.lacking(name)[kind] > 0
        shared = {each: owners for each, (of, owners) in self.conflicts.duplicates.items() if of == name}
        if lacking:
            held_by = dict(self.after.members(name))
        else:
            concerned = {group for owners in shared.values() for group in owners}
            concerned.update(group for of, group in self.conflicts.bad if of == name)
            held_by = {group: self._held(name, group) for group in self._in_order(concerned)}
        for group, held in held_by.items():
            if (lacking and held.lacking[kind]) or held.bad or shared:
                self._family(name, kind, group, held, shared)

    def _in_order(self, groups: set[Group]) -> list[Group]:
        return sorted(groups, key=lambda group: (group is self.after.delta.group, group.serial))

    def _held(self, name: bytes, group: Group) -> Held:
        if group is self.after.delta.group and name in self.after.delta.added:
            return self.after.delta.added[name]
        return self.after.index.names[name].members[group]

    def _strict_type(self, name: bytes) -> int:
        """Return the type that the families of a name are held to: the first that some series cannot serve."""
        own = self.after.index.own.get(name)
        if own is not None:
            return own.type
        types = list(dict.fromkeys(kind for kind, _ in self.after.declared(name) or ()))
        lacking = self.after.lacking(name)
        return next((kind for kind in types if 0 <= kind < CHECKED_TYPES and lacking[kind]), types[0])

    def _family(self, name: bytes, kind: int, group: Group, held: Held, shared: dict[bytes, list[Group]]) -> None:
        family = held.family
        checked = 0 <= kind < CHECKED_TYPES and held.lacking[kind] > 0
        bad = set(held.bad)
        for prefix, value in family.series:
            if checked and kind not in kinds(family.type, value):
                others = [each for each, other in self.after.members(name) if other.family.type == kind]
                self._blame("type", name, group, prefix, value, family.type, f"is not a {proto_type_name(kind)}", others)
            elif prefix in bad:
                problem = label_problem(family, prefix, value) or ""
                self._blame("label", name, group, prefix, value, family.type, problem, [])
            elif prefix in shared:
                if prefix in self.seen:
                    others = [each for each in shared[prefix] if each is not group]
                    text = "was collected before with the same name and label values"
                    self._blame("duplicate", name, group, prefix, value, family.type, text, others)
                self.seen.add(prefix)

    def _blame(
        self,
        reason: str,
        name: bytes,
        group: Group,
        prefix: bytes,
        value: Value,
        family_type: int,
        problem: str,
        others: list[Group],
    ) -> None:
        text = f"collected metric {quote(name)} {{ {metric_text(prefix, family_type, value)}}} {problem}"
        standing = self._standing(others)
        if self.after.delta.group is None or group is not self.after.delta.group:
            standing = [*standing, group] if group not in standing else standing
        self._add(reason, name, text, standing, prefix)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
