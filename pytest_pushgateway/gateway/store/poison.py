"""A poisoned gateway: its groups in conflict, and the deletions that cure it.

A push that the original refuses still creates its group, with two gauges that may collide with another group's; from
then on it refuses every push and fails every scrape until that group is deleted.
"""

from __future__ import annotations

from pytest_pushgateway.gateway.groups import PUSH_TIME, Poison
from pytest_pushgateway.gateway.store.conflict_text import explain
from pytest_pushgateway.gateway.store.conflicts import After, Conflicts, conflicts_after
from pytest_pushgateway.gateway.store.group_state import NOTHING, GroupState
from pytest_pushgateway.gateway.store.index import Index


def find_poison(index: Index) -> Poison | None:
    """Return the conflicts that exist; None if there are none."""
    after = After(index, NOTHING)
    conflicts = conflicts_after(after)
    if not conflicts:
        return None
    explained = explain(after, conflicts)
    groups = sorted(_concerned(after, conflicts), key=lambda group: group.serial)
    cure = sorted(_Cure(after, conflicts).chosen, key=lambda group: group.serial)
    return Poison(
        explained.text(),
        tuple(explained.collisions),
        tuple(group.key for group in groups),
        tuple(group.key for group in cure),
    )


def _concerned(after: After, conflicts: Conflicts) -> set[GroupState]:
    groups = {group for _, group in conflicts.bad}
    groups.update(group for _, owners in conflicts.duplicates.values() for group in owners)
    for name in [*conflicts.clashing, *(name for pair in conflicts.pairs for name in pair)]:
        groups.update(group for group, _ in after.members(name))
    return groups


class _Cure:
    """Chooses groups to delete, as few and as little missed as a walk through the conflicts can find."""

    def __init__(self, after: After, conflicts: Conflicts) -> None:
        self.after = after
        self.chosen: set[GroupState] = {group for _, group in conflicts.bad}
        for name in conflicts.clashing:
            self._end_clash(name)
        for pair in conflicts.pairs:
            self._end_pair(*pair)
        for _, owners in conflicts.duplicates.values():
            left = [group for group in dict.fromkeys(owners) if group not in self.chosen]
            kept = min(left, key=_worth, default=None)
            twice = kept is not None and owners.count(kept) > 1
            self.chosen.update(group for group in left if group is not kept or twice)

    def _end_clash(self, name: bytes) -> None:
        own = self.after.index.own.get(name)
        members = [(group, held) for group, held in self.after.members(name) if group not in self.chosen]
        kinds = dict.fromkeys(held.family.type for _, held in members)
        if own is not None:
            kinds = {own.type: None}

        def misfits(kind: int) -> set[GroupState]:
            return {
                group
                for group, held in members
                if held.family.type != kind
                or any(held.missing_types[kind : kind + 1])
                or (own is not None and held.family.help != own.help and not own.predefined)
            }

        self.chosen |= min((misfits(kind) for kind in kinds), key=len, default=set())

    def _end_pair(self, base: bytes, other: bytes) -> None:
        own = self.after.index.own
        sides = [
            {group for group, _ in self.after.members(name) if group not in self.chosen}
            for name in (other, base)
            if name not in own
        ]
        if all(sides):
            self.chosen |= min(sides, key=len)


def _worth(group: GroupState) -> tuple[bool, int]:
    """Order groups by how much they would be missed: those with an accepted push first, then the older ones."""
    held = group.families.get(PUSH_TIME)
    return held is None or held.family.series[0][1] == b"0", group.serial
