"""Says in the original's words why metrics cannot stand together, and with what they collide."""

from __future__ import annotations

from pytest_pushgateway.exposition.gofmt import metric_text, quote
from pytest_pushgateway.exposition.model import MetricFamily, MetricType, kinds, proto_type_name
from pytest_pushgateway.gateway.consistency import After, Conflicts
from pytest_pushgateway.gateway.groups import Collision, Group, GroupingKey, Held
from pytest_pushgateway.gateway.index import CHECKED_TYPES, Series, label_problem, pairs_around


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
        self._add("own", name, f"gathered metric family {label} {text}", self._standing(name, groups))
        return False

    def _free_of_suffixes(self, name: bytes) -> bool:
        """Look for a collision as the original does: the name as a suffixed one first, then as the base."""
        pairs = [pair for pair in pairs_around(name) if pair in self.conflicts.pairs]
        for base, other in pairs:
            if other == name and base in self.met:
                kind = self._kind(base, other)
                text = f"metric named {quote(name)} collides with previously collected {kind} named {quote(base)}"
                self._add("suffix", name, f"collected {text}", self._holders(base))
                return False
        for base, other in pairs:
            if base == name and other in self.met:
                kind = "histogram" if other.endswith(b"_bucket") else "histogram or summary"
                text = f"{kind} named {quote(name)} collides with previously collected metric named {quote(other)}"
                self._add("suffix", name, f"collected {text}", self._holders(other))
                return False
        return True

    def _kind(self, base: bytes, other: bytes) -> str:
        own = self.after.index.own.get(base)
        types = [own.type] if own else [kind for kind, _ in self.after.declared(base) or ()]
        if MetricType.SUMMARY in types and not other.endswith(b"_bucket"):
            return "summary"
        return "histogram"

    def _holders(self, name: bytes) -> list[Group]:
        return self._standing(name, [group for group, _ in self.after.members(name)])

    def _standing(self, name: bytes, groups: list[Group]) -> list[Group]:
        """Leave out the pushing group where it is the push itself that brings the family."""
        if name not in self.after.delta.added:
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
        for series in family.series:
            prefix, value = series
            if checked and kind not in kinds(family.type, value):
                others = [each for each, other in self.after.members(name) if other.family.type == kind]
                self._blame("type", family, group, series, f"is not a {proto_type_name(kind)}", others)
            elif prefix in bad:
                self._blame("label", family, group, series, label_problem(family, prefix, value) or "", [])
            elif prefix in shared:
                if prefix in self.seen:
                    problem = "was collected before with the same name and label values"
                    self._blame("duplicate", family, group, series, problem, shared[prefix])
                self.seen.add(prefix)

    def _blame(
        self, reason: str, family: MetricFamily, group: Group, series: Series, problem: str, others: list[Group]
    ) -> None:
        prefix, value = series
        text = f"collected metric {quote(family.name)} {{ {metric_text(prefix, family.type, value)}}} {problem}"
        self._add(reason, family.name, text, self._standing(family.name, [*others, group]), prefix)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
