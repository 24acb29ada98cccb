"""The store: groups of metrics, what may stand in them, and what a scrape shows of them."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from pytest_pushgateway import threads
from pytest_pushgateway.exposition.model import MetricFamily, Parsed
from pytest_pushgateway.exposition.series import PackedSeries
from pytest_pushgateway.gateway.grouping_key import GroupingKey, group_path
from pytest_pushgateway.gateway.groups import (
    PUSH_FAILURE_TIME,
    PUSH_TIME,
    PUSH_TIMES,
    Collision,
    Poison,
    StoredFamily,
    StoredGroup,
    Verdict,
)
from pytest_pushgateway.gateway.store.conflicts import After, conflicts_after
from pytest_pushgateway.gateway.store.group_state import NOTHING, Delta, FamilyState, GroupState, Renewal, examine
from pytest_pushgateway.gateway.store.index import Counters, Index, Named
from pytest_pushgateway.gateway.store.self_metrics import SelfMetrics
from pytest_pushgateway.genuine import genuine
from pytest_pushgateway.golang.strconv import format_float
from pytest_pushgateway.later import later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytest_pushgateway.exposition.model import Memo, Value
    from pytest_pushgateway.exposition.negotiation import Format
    from pytest_pushgateway.gateway.persistence.persistence import Persistence
    from pytest_pushgateway.gateway.store.conflicts import Conflicts
    from pytest_pushgateway.gateway.store.merged_families import MergedFamilies

if TYPE_CHECKING:
    from pytest_pushgateway.gateway.store import conflict_text, merged_families, poison
else:
    conflict_text = later("pytest_pushgateway.gateway.store.conflict_text")
    poison = later("pytest_pushgateway.gateway.store.poison")
    merged_families = later("pytest_pushgateway.gateway.store.merged_families")


__all__ = [
    "Collision",
    "GatherError",
    "GroupingKey",
    "Poison",
    "Store",
    "StoredFamily",
    "StoredGroup",
    "Verdict",
    "group_path",
]

_generations = itertools.count()

TIMESTAMPS = "pushed metrics must not have timestamps"


_PUSHED_AGAIN = Verdict(True, matched=True)
"""Of every push that changes only values."""


class GatherError(Exception):
    """The stored metrics cannot be exposed together; ``str()`` gives the original's words."""


class _State:
    """All that a reset throws away."""

    __slots__ = ("exposed", "exposed_whole", "groups", "index", "learned", "scrape_lock", "serial")

    def __init__(self, counters: Counters, self_metrics: SelfMetrics) -> None:
        self.groups: dict[GroupingKey, GroupState] = {}
        self.serial = 0
        self.index = Index(counters, self_metrics.declared())
        self.learned: object = ()
        """The gateway's late families, as the index knows them."""
        self.scrape_lock = threads.Lock()
        self.exposed: MergedFamilies | None = None
        """The families of the last scrape; none before the first."""
        self.exposed_whole = True
        """Whether the sheets hold all changes of the index; not after a rendering that failed half-way."""


class Store:
    """Groups of metrics, changed by pushes and deletions. Safe to use from many threads.

    Args:
        self_metrics: the gateway's own metrics, which share the namespace.
        clock: seconds since the epoch.
        persistence: where the groups are kept over a restart; what it holds is read here.
        kept: groups to begin with.
    """

    def __init__(
        self,
        *,
        self_metrics: SelfMetrics,
        clock: Callable[[], float] = time.time,
        persistence: Persistence | None = None,
        kept: Iterable[StoredGroup] = (),
    ) -> None:
        self.generation: int = next(_generations)
        """Another number after each reset; no two stores of a process share one."""
        self.counters: Counters = Counters()
        self._self_metrics = self_metrics
        self_metrics.reset(self.generation)
        self._clock = clock
        self._persistence = persistence
        # Taken again by its holder where the persistence asks for all groups before it keeps a change.
        self._lock = threads.RLock()
        self._state = _State(self.counters, self_metrics)
        self._freed: threads.Event | None = None
        """Set when all that resets threw away is freed."""
        self._fill((group.key, stored) for group in kept for stored in group.families.values())
        if persistence is not None:
            self._fill(persistence.load())
            persistence.follow(self.groups, self._lock)

    # Changes.

    def push(
        self,
        key: GroupingKey,
        parsed: Parsed,
        *,
        replace: bool,
        check: bool = True,
        generation: int | None = None,
    ) -> Verdict:
        """Store pushed families in a group if they can stand with all others.

        As Pushgateway 1.11: a rejected push stores nothing but ``push_failure_time_seconds``, creating the group if
        there is none, and is never accepted while the gateway is poisoned. Costs what is pushed and what it replaces,
        and the conflicts that exist.

        Args:
            key: the group's labels, sorted.
            parsed: the body; its series carry the grouping labels already.
            replace: PUT: families of the group that the push does not carry are removed. POST: they stay.
            check: refuse what would make the next scrape fail. Timestamps are refused in any case.
            generation: the generation that the request belongs to; if it is over, nothing is done.
        """
        now = self._clock()
        if parsed.memo is not None and parsed.memo.digest:
            verdict = self._push_again(key, parsed, now, replace=replace, generation=generation)
            if verdict is not None:
                return verdict
        held = {name: examine(family, now) for name, family in parsed.families.items()}
        with self._lock:
            if self._is_over(generation):
                return Verdict(False, stale=True)
            state = self._state
            self._learn(state)
            group = state.groups.get(key)
            created = group is None
            if group is None:
                group = GroupState(key, state.serial)
            if parsed.has_timestamps:
                verdict = Verdict(False, TIMESTAMPS)
            else:
                delta = self._delta(group, held, replace, now)
                verdict = self._judge(state, delta) if check else Verdict(True)
            if verdict.accepted:
                group.memo = parsed.memo
                verdict.removed = tuple(name for name in delta.removed if name not in delta.added)
            else:
                delta = self._failure(group, now)
            if (unkept := self._keep(delta)) is not None:
                return Verdict(False, unkept=unkept)
            verdict.created = created
            verdict.matched = not created
            if created:
                state.serial += 1
                state.groups[key] = group
            self._apply(state, delta, consistent=verdict.accepted and check)
        self._written()
        return verdict

    def _push_again(
        self, key: GroupingKey, parsed: Parsed, now: float, *, replace: bool, generation: int | None
    ) -> Verdict | None:
        """Take a push that changes only values of its group; return None if it is not one.

        The names, declarations and labels of all that is held stay as they are. If nothing is in conflict, nothing will
        be, and no index changes.
        """
        with self._lock:
            if self._is_over(generation):
                return Verdict(False, stale=True)
            state = self._state
            self._learn(state)
            group = state.groups[key] if key in state.groups else None  # noqa: SIM401
            if group is None or state.index.has_conflicts:
                return None
            families = {**parsed.families, PUSH_TIME: group.time_family(PUSH_TIME, format_float(now))}
            if not group.has_series_of(families, whole=replace):
                return None
            renewal = Renewal(group, families, now)
            if (unkept := self._keep(renewal)) is not None:
                return Verdict(False, unkept=unkept)
            group.memo = parsed.memo
            self._apply(state, renewal)
        self._written()
        return _PUSHED_AGAIN

    def delete(self, key: GroupingKey, *, generation: int | None = None) -> Verdict:
        """Remove a group. Never refused, as in the original; ``matched`` is whether the group was there."""
        with self._lock:
            if self._is_over(generation):
                return Verdict(False, stale=True)
            group = self._state.groups.get(key)
            if group is not None:
                delta = Delta(group, dict(group.families), {})
                if (unkept := self._keep(delta)) is not None:
                    return Verdict(False, unkept=unkept)
                del self._state.groups[key]
                self._learn(self._state)
                self._apply(self._state, delta)
        # Also if there was nothing to remove: what removed it may not be in the file yet.
        self._written()
        return Verdict(True, matched=group is not None)

    def wipe(self, *, generation: int | None = None) -> Verdict:
        """Remove all groups."""
        with self._lock:
            if self._is_over(generation):
                return Verdict(False, stale=True)
            persistence = self._persistence
            if persistence is not None and persistence.required:
                if (unkept := persistence.keep_wiped()) is not None:
                    return Verdict(False, unkept=unkept)
            elif persistence is not None:
                persistence.forget_all()
            old = self._state
            self._state = _State(self.counters, self._self_metrics)
        self._written()
        matched = bool(old.groups)
        self._free(old)
        return Verdict(True, matched=matched)

    def reset(self, besides: deque[Any] | None = None) -> int:
        """Start over with nothing held and no requests counted; requests of the old generation no longer count.

        Costs the same whatever is held: another thread frees it.

        Args:
            besides: objects that the same thread frees: a second one would double the cost.

        Returns:
            The new generation.

        """
        with self._lock:
            old = self._state
            generation = self.generation = next(_generations)
            self._self_metrics.reset(generation)
            self._state = _State(self.counters, self._self_metrics)
            if self._persistence is not None:
                self._persistence.forget_all()
        self._written()
        self._free(old, besides)
        return generation

    def attach(self, persistence: Persistence) -> None:
        """Keep what stands, and what comes, in a file that is new."""
        persistence.load()
        persistence.follow(self.groups, self._lock)
        with self._lock:
            self._persistence = persistence
            for group in self._state.groups.values():
                persistence.mark(group.key, group.stored().families)
        self._written()

    def close(self) -> None:
        """Wait for the thread that frees what a reset threw away. Does not close the persistence."""
        if self._freed is not None:
            self._freed.wait()

    # Reading.

    def groups(self) -> list[StoredGroup]:
        """Return all groups as they are, in the order in which they were created."""
        with self._lock:
            return [group.stored() for group in self._state.groups.values()]

    def group(self, key: GroupingKey) -> StoredGroup | None:
        """Return the group with exactly this key, or None."""
        with self._lock:
            group = self._state.groups.get(key)
            return group.stored() if group is not None else None

    def remembered(self, key: GroupingKey) -> Memo | None:
        """Return what the parser remembers of a group's last push. Takes no lock: a push must not rely on it."""
        try:
            return self._state.groups[key].memo
        except KeyError:
            return None

    def series(self, key: GroupingKey, name: bytes) -> Sequence[tuple[bytes, Value]] | None:
        """Return the series of a group's family. Takes no lock: a push must not rely on it."""
        try:
            return self._state.groups[key].families[name].family.series
        except KeyError:
            return None

    def families_named(self, name: bytes) -> list[tuple[GroupingKey, MetricFamily]]:
        """Return the families of a name with their groups' keys. Costs those families only."""
        with self._lock:
            index = self._state.index
            sole = index.sole(name)
            if sole is not None and sole.holder is not None:
                return [(sole.holder.key, sole.family)]
            named = index.named(name)
            if named is None:
                return []
            return [(group.key, held.family) for group, held in named.members.items()]

    def names(self) -> Collection[bytes]:
        """Return the names of all pushed families: a live view."""
        return _Names(self)

    def poisoned(self) -> Poison | None:
        """Return what makes every push be refused and every scrape fail, and its cure; None if nothing does."""
        with self._lock:
            self._learn(self._state)
            if not conflicts_after(After(self._state.index, NOTHING)):
                return None

            return poison.find_poison(self._state.index)

    def gather(self, form: Format) -> list[bytes]:
        """Return the whole exposition in pieces: one consistent state, the gateway's own metrics included.

        Raises:
            GatherError: what is held is inconsistent; the original answers 500.
        """
        own = self._self_metrics.families()
        while True:
            state = self._state
            with state.scrape_lock:
                with self._lock:
                    if state is not self._state:
                        continue  # a reset came between
                    self._learn(state)
                    self._refuse_conflicts(state)
                    changes = merged_families.take_changes(state.index, not state.exposed_whole)
                    state.exposed_whole = False
                if state.exposed is None:
                    state.exposed = merged_families.MergedFamilies(self.counters)
                state.exposed.update(changes, own)
                state.exposed_whole = True
                return state.exposed.render(form)

    def _refuse_conflicts(self, state: _State) -> None:
        after = After(state.index, NOTHING)
        conflicts = conflicts_after(after)
        if conflicts:
            raise GatherError(_explained(after, conflicts)[0])

    # Parts of the above. The lock is held.

    def _is_over(self, generation: int | None) -> bool:
        return generation is not None and generation != self.generation

    def _learn(self, state: _State) -> None:
        late = self._self_metrics.late()
        if late is not state.learned:
            state.index.learn(family for family in late if family.name not in state.index.own)
            state.learned = late

    def _delta(self, group: GroupState, held: dict[bytes, FamilyState], replace: bool, now: float) -> Delta:
        added = held
        added[PUSH_TIME] = examine(group.time_family(PUSH_TIME, format_float(now)), now)
        if PUSH_FAILURE_TIME not in group.families:
            added[PUSH_FAILURE_TIME] = examine(group.time_family(PUSH_FAILURE_TIME, b"0"), now)
        if replace:
            removed = {name: there for name, there in group.families.items() if name in added or name not in PUSH_TIMES}
        else:
            removed = {name: group.families[name] for name in added if name in group.families}
        return Delta(group, removed, added)

    def _failure(self, group: GroupState, now: float) -> Delta:
        added = {PUSH_FAILURE_TIME: examine(group.time_family(PUSH_FAILURE_TIME, format_float(now)), now)}
        if PUSH_TIME not in group.families:
            added[PUSH_TIME] = examine(group.time_family(PUSH_TIME, b"0"), now)
        return Delta(group, {name: group.families[name] for name in added if name in group.families}, added)

    def _judge(self, state: _State, delta: Delta) -> Verdict:
        after = After(state.index, delta)
        conflicts = conflicts_after(after)
        if not conflicts:
            return Verdict(True)
        return Verdict(False, *_explained(after, conflicts))

    def _apply(self, state: _State, change: Delta | Renewal, *, consistent: bool = False) -> None:
        persistence = self._persistence
        try:
            if isinstance(change, Renewal):
                state.index.renew(change)
            else:
                state.index.apply(change, consistent=consistent)
            if persistence is not None and not persistence.required:
                assert change.group is not None
                persistence.mark(change.group.key, change.stored())
        except BaseException:
            if persistence is not None:
                persistence.distrust()
            raise

    def _keep(self, change: Delta | Renewal) -> str | None:
        """Write a change that is about to be made, where that is required; return why it is not in the file."""
        if self._persistence is None or not self._persistence.required:
            return None
        assert change.group is not None
        return self._persistence.keep(change.group.key, change.stored())

    def _fill(self, families: Iterable[tuple[GroupingKey, StoredFamily]]) -> None:
        state = self._state
        for key, stored in families:
            held = examine(stored.family, stored.pushed_at)
            group = state.groups.get(key)
            if group is None:
                group = state.groups[key] = GroupState(key, state.serial)
                state.serial += 1
            state.index.apply(Delta(group, {}, {stored.family.name: held}))

    # Outside the lock.

    def _written(self) -> None:
        if self._persistence is not None:
            self._persistence.written()

    def _free(self, old: _State, besides: deque[Any] | None = None) -> None:
        names = old.index.names
        if besides or len(names) > _FREED_AT_ONCE or any(_objects(there) > _FREED_AT_ONCE for there in names.values()):
            done = threads.Event()
            with self._lock:
                before, self._freed = self._freed, done
            threads.Thread(lambda: _dismantle(old, besides, before, done), "pushgateway-free").start()


def _explained(after: After, conflicts: Conflicts) -> tuple[str, tuple[Collision, ...]]:
    """Return the original's words on conflicts, and the conflicts one by one."""
    explained = conflict_text.explain(after, conflicts)
    return explained.text(), tuple(explained.collisions)


_FREED_AT_ONCE = 500
"""A state with more names, or more series of one name, than this is freed by its own thread,
this many at a time."""


def _objects(there: Named | FamilyState) -> int:
    """Return how many series there are of a name as objects."""
    if isinstance(there, Named):
        return len(there.owners)
    return 0 if isinstance(there.family.series, PackedSeries) else len(there.family.series)


_PAUSE = 0.0002
"""Seconds."""


def _dismantle(state: _State, besides: deque[Any] | None, before: threads.Event | None, done: threads.Event) -> None:
    """Free a state piece by piece, pausing now and then, so that nobody waits long for this thread."""
    genuine.sleep(_PAUSE)
    if before is not None:
        before.wait()
    while besides:
        besides.popleft()
        if len(besides) % _FREED_AT_ONCE == 0:
            genuine.sleep(_PAUSE)
    with state.scrape_lock:
        sheets = state.exposed.clear() if state.exposed is not None else {}
    state.groups.clear()
    holders: list[dict[bytes, Any]] = [sheets, state.index.names]
    freed = 0
    while holders:
        while holders[-1]:
            _, last = holders[-1].popitem()
            if isinstance(last, Named):
                last.members.clear()
                holders.append(last.owners)
            freed += 1
            if freed % _FREED_AT_ONCE == 0:
                genuine.sleep(_PAUSE)
        holders.pop()
    del state, sheets
    done.set()


class _Names(Collection[bytes]):
    """The names of all pushed families."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __contains__(self, name: object) -> bool:
        return name in self._store._state.index.names

    def __len__(self) -> int:
        return len(self._store._state.index.names)

    def __iter__(self) -> Iterator[bytes]:
        with self._store._lock:
            return iter(list(self._store._state.index.names))
