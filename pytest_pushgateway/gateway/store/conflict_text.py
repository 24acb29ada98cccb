"""Explains conflicts of metrics, and what they collide with, in the original's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from pytest_pushgateway.exposition.model import MetricFamily, MetricType, kinds, proto_type_name
from pytest_pushgateway.exposition.protobuf.text import metric_text
from pytest_pushgateway.gateway.grouping_key import GroupingKey
from pytest_pushgateway.gateway.groups import Collision
from pytest_pushgateway.gateway.store.conflicts import After, Conflicts
from pytest_pushgateway.gateway.store.group_state import CHECKED_TYPES, Declared, FamilyState, GroupState, label_problem
from pytest_pushgateway.gateway.store.index import (
    SUFFIXES,
    Series,
    fits,
    pairs_around,
)
from pytest_pushgateway.golang.strconv import quote
from pytest_pushgateway.golang.utf8 import text_of

_LONGEST = 1 << 20
"""Characters that the words on all conflicts may take; those beyond are only counted. The first is always there."""
_GROUPS = 100
"""Groups that are named as what one series collides with."""


class Explained(NamedTuple):
    """The faults found, one by one, and the number of those left out."""

    collisions: list[Collision]
    more: int

    def text(self) -> str:
        """Put the original's words together as it does."""
        count = len(self.collisions) + self.more
        if count == 1:
            return self.collisions[0].text
        listed = "".join(f"\n* {each.text}" for each in self.collisions)
        return f"{count} error(s) occurred:{listed}" + (f"\n* and {self.more} more" if self.more else "")


def explain(after: After, conflicts: Conflicts) -> Explained:
    """Return the original's text on the conflicts when it meets the groups in order of age, the pushing one last.

    Some conflicts it meets in another order only: then a group that brings one to light comes first. Costs the
    conflicts.
    """
    explanation = _Explanation(after, conflicts, None)
    for leader in () if explanation.collisions else _leaders(after, conflicts):
        explanation = _Explanation(after, conflicts, leader)
        if explanation.collisions:
            break
    return Explained(explanation.collisions, explanation.more)


def _leaders(after: After, conflicts: Conflicts) -> Iterator[GroupState]:
    """Yield one group for each thing that is declared for a name in conflict."""
    for name in [*conflicts.clashing, *(base for base, _ in conflicts.pairs)]:
        seen = set()
        for group, held in after.members(name):
            if held.declared not in seen:
                seen.add(held.declared)
                yield group


class _Explanation:
    """A walk through the families in conflict; a family that is refused as a whole is not there for those after it."""

    def __init__(self, after: After, conflicts: Conflicts, leader: GroupState | None) -> None:
        self.after = after
        self.conflicts = conflicts
        self.leader = leader
        self.collisions: list[Collision] = []
        self.more = 0
        self.length = 0
        """Characters of the words so far."""
        self.met: set[bytes] = set()
        self.seen: set[bytes] = set()
        self.shared: dict[bytes, dict[bytes, dict[GroupState, None]]] = {}
        for prefix, (name, owners) in conflicts.duplicates.items():
            self.shared.setdefault(name, {})[prefix] = dict.fromkeys(owners)
        self.bad: dict[bytes, list[GroupState]] = {}
        for name, group in conflicts.bad:
            self.bad.setdefault(name, []).append(group)
        self.added = {name: number for number, name in enumerate(after.delta.added)}
        for name in self._names():
            if self._may_stand(name):
                self.met.add(name)
                self._series(name)

    def _names(self) -> list[bytes]:
        conflicts = self.conflicts
        names = dict.fromkeys(conflicts.clashing)
        names.update((name, None) for pair in conflicts.pairs for name in pair)
        names.update(dict.fromkeys(self.shared))
        names.update(dict.fromkeys(self.bad))
        self.met.update(name for name in names if name in self.after.index.own)
        return sorted((name for name in names if self.after.declared(name)), key=self._place)

    def _place(self, name: bytes) -> tuple[object, ...]:
        """Return when the walk comes upon a name: with the first of the groups that have it, what stands first."""
        named = self.after.index.named(name)
        if named is None:
            assert self.after.delta.group is not None
            return self._age(self.after.delta.group), True, self.added[name]
        if self.leader is not None and self.leader in named.members:
            return self._age(self.leader), False, named.serial
        return self._age(next(group for group, _ in self.after.members(name))), False, named.serial

    def _add(self, reason: str, name: bytes, text: str, groups: list[GroupState], prefix: bytes = b"") -> None:
        if self.length >= _LONGEST:
            self.more += 1
            return
        keys: dict[GroupingKey, None] = dict.fromkeys(group.key for group in groups)
        self.length += len(text)
        self.collisions.append(Collision(reason, name, prefix, text, tuple(keys)))

    def _may_stand(self, name: bytes) -> bool:
        own = self.after.index.own.get(name)
        if own is None:
            return self._free_of_suffixes(name)
        kind, help_text = first = self._declared(name)
        if fits(first, own):
            return True
        if (help_text or b"") != own.help and not own.predefined:
            problem = f"has help {quote(help_text or b'')} but should have {quote(own.help)}"
        else:
            problem = f"has type {proto_type_name(kind)} but should have {proto_type_name(own.type)}"
        groups = [group for group, held in self.after.members(name) if not fits(held.declared, own)]
        self._add("own", name, f"gathered metric family {text_of(name)} {problem}", self._standing(name, groups))
        return False

    def _declared(self, name: bytes) -> Declared:
        """Return what the first of the families of a name declares."""
        declared = list(self.after.declared(name) or ())
        if len(declared) > 1:
            held_by = dict(self.after.members(name))
            return held_by[self._in_order(held_by)[0]].declared
        return declared[0]

    def _type(self, name: bytes) -> int:
        """Return the type that the families of a name are held to."""
        own = self.after.index.own.get(name)
        return own.type if own is not None else self._declared(name)[0]

    def _free_of_suffixes(self, name: bytes) -> bool:
        """Look for a collision as the original does: the name as a suffixed one first, then as the base."""
        pairs = [pair for pair in pairs_around(name) if pair in self.conflicts.pairs]
        for base, other in pairs:
            if other == name and base in self.met and self._takes_up(base, other):
                kind = "summary" if self._type(base) == MetricType.SUMMARY else "histogram"
                text = f"metric named {quote(name)} collides with previously collected {kind} named {quote(base)}"
                self._add("suffix", name, f"collected {text}", self._holders(base))
                return False
        for base, other in pairs:
            if base == name and other in self.met and self._takes_up(base, other):
                kind = "histogram" if other.endswith(b"_bucket") else "histogram or summary"
                text = f"{kind} named {quote(name)} collides with previously collected metric named {quote(other)}"
                self._add("suffix", name, f"collected {text}", self._holders(other))
                return False
        return True

    def _takes_up(self, base: bytes, other: bytes) -> bool:
        return other[len(base) :] in SUFFIXES.get(self._type(base), ())

    def _holders(self, name: bytes) -> list[GroupState]:
        return self._standing(name, [group for group, _ in self.after.members(name)])

    def _standing(self, name: bytes, groups: list[GroupState]) -> list[GroupState]:
        """Leave out the pushing group where it is the push itself that brings the family."""
        if name not in self.after.delta.added:
            return groups
        return [group for group in groups if group is not self.after.delta.group]

    def _series(self, name: bytes) -> None:
        kind = self._type(name)
        missing_types = 0 <= kind < CHECKED_TYPES and self.after.missing_types(name)[kind] > 0
        shared = self.shared.get(name, {})
        if missing_types:
            concerned = {group for group, _ in self.after.members(name)}
        else:
            concerned = {group for owners in shared.values() for group in owners}
            concerned.update(self.bad.get(name, ()))
        fitting = (group for group, held in self.after.members(name) if held.family.type == kind)
        others = list(islice(fitting, _GROUPS)) if missing_types else []
        for group in self._in_order(concerned):
            held = self._held(name, group)
            if (missing_types and held.missing_types[kind]) or held.bad or shared:
                self._family(kind, group, held, others, shared)

    def _in_order(self, groups: Iterable[GroupState]) -> list[GroupState]:
        """Sort groups by age, the one that pushes last."""
        return sorted(groups, key=self._age)

    def _age(self, group: GroupState) -> tuple[bool, bool, int]:
        return group is not self.leader, group is self.after.delta.group, group.serial

    def _held(self, name: bytes, group: GroupState) -> FamilyState:
        if group is self.after.delta.group and name in self.after.delta.added:
            return self.after.delta.added[name]
        named = self.after.index.named(name)
        assert named is not None
        return named.members[group]

    def _family(
        self,
        kind: int,
        group: GroupState,
        held: FamilyState,
        fitting: list[GroupState],
        shared: dict[bytes, dict[GroupState, None]],
    ) -> None:
        family = held.family
        checked = 0 <= kind < CHECKED_TYPES and held.missing_types[kind] > 0
        bad = set(held.bad)
        for series in family.series:
            prefix, value = series
            if checked and kind not in kinds(family.type, value):
                self._blame("type", family, group, series, f"is not a {proto_type_name(kind)}", fitting)
            elif prefix in bad:
                self._blame("label", family, group, series, "", [])
            elif prefix in shared:
                if prefix in self.seen:
                    problem = "was collected before with the same name and label values"
                    self._blame("duplicate", family, group, series, problem, shared[prefix])
                self.seen.add(prefix)
        if shared and not checked:
            # They were dropped where the body was read.
            self.more += family.repeated

    def _blame(
        self,
        reason: str,
        family: MetricFamily,
        group: GroupState,
        series: Series,
        problem: str,
        others: Iterable[GroupState],
    ) -> None:
        if self.length >= _LONGEST:
            self.more += 1
            return
        prefix, value = series
        problem = problem or label_problem(family, prefix, value) or ""
        text = f"collected metric {quote(family.name)} {{ {metric_text(prefix, family.type, value)}}} {problem}"
        self._add(reason, family.name, text, self._standing(family.name, [*islice(others, _GROUPS), group]), prefix)
