"""The state of one group in the store, and what a verdict needs to know of its families."""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType

from pytest_pushgateway.exposition.labels import series_prefix, split_prefix
from pytest_pushgateway.exposition.long_strings import Longs
from pytest_pushgateway.exposition.model import MetricFamily, MetricType, Mixed, Value, kinds, part
from pytest_pushgateway.exposition.series import apart
from pytest_pushgateway.gateway.groups import PUSH_FAILURE_TIME, PUSH_TIME, PUSH_TIMES, StoredFamily, StoredGroup
from pytest_pushgateway.golang.strconv import quote
from pytest_pushgateway.golang.utf8 import is_utf8, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_pushgateway.exposition.model import Memo
    from pytest_pushgateway.gateway.grouping_key import GroupingKey


CHECKED_TYPES = 5
"""Types from 0 (COUNTER) to 4 (HISTOGRAM) are held to their metrics; of gauge histograms and unknown numbers the
original asks nothing."""
NONE_MISSING = (0,) * CHECKED_TYPES
"""Of a family whose series have values of all types that are asked for."""

_HELP = {
    PUSH_TIME: b"Last Unix time when changing this group in the Pushgateway succeeded.",
    PUSH_FAILURE_TIME: b"Last Unix time when changing this group in the Pushgateway failed.",
}


Declared = tuple[int, bytes | None]
"""A type and a help text."""


class FamilyState:
    """A family in a group, with what the verdict needs to know of it, counted once when it is pushed."""

    __slots__ = ("_stored", "bad", "declared", "family", "holder", "missing_types", "pushed_at", "serial")

    def __init__(
        self, family: MetricFamily, pushed_at: float, missing_types: tuple[int, ...], bad: tuple[bytes, ...]
    ) -> None:
        self.family: MetricFamily = family
        self.pushed_at: float = pushed_at
        self.declared: Declared = _undescribed(family.type) if family.help is None else (family.type, family.help)
        self.missing_types: tuple[int, ...] = missing_types
        """For each of the types from COUNTER to HISTOGRAM, how many series have no value of it."""
        self.bad: tuple[bytes, ...] = bad
        """Prefixes of the series with a label that cannot be exposed."""
        self.holder: GroupState | None = None
        """The group that has it, while the index keeps nothing else of the name."""
        self.serial: int = 0
        """When the name appeared, while the index keeps nothing else of it."""
        self._stored: StoredFamily | None = None

    @property
    def stored(self) -> StoredFamily:
        """The family as readers get it; the same object until another is pushed."""
        if self._stored is None:
            self._stored = StoredFamily(self.family, self.pushed_at)
        return self._stored

    def renew(self, family: MetricFamily, pushed_at: float) -> None:
        """Take other values of the same series: a family with the same layout."""
        self.family, self.pushed_at, self._stored = family, pushed_at, None

    def same_declaration(self, other: FamilyState) -> bool:
        """Return whether two families can stand for each other in all questions of types and names."""
        return self.declared == other.declared and self.missing_types == other.missing_types


def examine(family: MetricFamily, pushed_at: float) -> FamilyState:
    """Count once what the verdict needs to know of a family; O(series)."""
    return FamilyState(family, pushed_at, _lacking(family), _bad(family) if family.suspects else ())


@lru_cache(maxsize=64)
def _undescribed(kind: int) -> tuple[int, None]:
    """Return the declaration of a family without help: one object, as there may be very many families."""
    return kind, None


def _lacking(family: MetricFamily) -> tuple[int, ...]:
    series = family.series
    if not series:
        return NONE_MISSING
    mixed = [value for _, value in apart(series) if value.__class__ is Mixed]
    if not mixed:
        return _lacking_all_but(next(iter(kinds(family.type, series[0][1]))), len(series))
    served = [0] * CHECKED_TYPES
    for _, value in series:
        for kind in kinds(family.type, value):
            served[kind] += 1
    return tuple(len(series) - count for count in served)


@lru_cache(maxsize=512)
def _lacking_all_but(kind: int, size: int) -> tuple[int, ...]:
    return tuple(0 if each == kind else size for each in range(CHECKED_TYPES))


def _bad(family: MetricFamily) -> tuple[bytes, ...]:
    suspects = set(family.suspects)
    return tuple(
        {prefix: None for prefix, value in family.series if prefix in suspects and _bad_label(family, prefix, value)}
    )


def label_problem(family: MetricFamily, prefix: bytes, value: Value) -> str | None:
    """Return the original's words on the first label of a series that cannot be exposed; None if all can."""
    found = _bad_label(family, prefix, value)
    if found is None:
        return None
    why, name, text = found
    if why == "twice":
        return f"has two or more labels with the same name: {text_of(name)}"
    if why == "name":
        return f"has a label with an invalid name: {text_of(name)}"
    if why == "quantile":
        return 'must not have an explicit "quantile" label'
    return f"has a label named {quote(name)} whose value is not utf8: {quote(text)}"


def _bad_label(family: MetricFamily, prefix: bytes, value: Value) -> tuple[str, bytes, bytes] | None:
    """Return the first label that cannot be exposed, and why; to word it takes longer than to find it."""
    previous = b""
    for name, text in split_prefix(prefix)[1]:
        if name == previous:
            return "twice", name, text
        if name.startswith(b"__") or not is_utf8(name):
            return "name", name, text
        if name == b"quantile" and MetricType.SUMMARY in kinds(family.type, value):
            return "quantile", name, text
        if not is_utf8(text):
            return "value", name, text
        previous = name
    return None


class GroupState:
    """A group while the store works on it. Compared and hashed by identity."""

    __slots__ = ("_time_series", "families", "key", "memo", "serial", "snapshot")

    def __init__(self, key: GroupingKey, serial: int) -> None:
        self.key: GroupingKey = key
        self.serial: int = serial
        self.families: dict[bytes, FamilyState] = {}
        self.snapshot: StoredGroup | None = None
        self.memo: Memo | None = None
        """The parser's memory of the last body."""
        self._time_series: dict[bytes, tuple[bytes, list[bytes]]] | None = None
        """The prefixes of `PUSH_TIMES`, and which of them are suspect."""

    def time_family(self, name: bytes, value: bytes) -> MetricFamily:
        """Return ``push_time_seconds`` or ``push_failure_time_seconds`` of this group with the value given."""
        if self._time_series is None:
            labels = dict(self.key)
            labels.setdefault(b"instance", b"")
            pairs = tuple(sorted(labels.items()))
            longs = Longs()
            plain = all(_is_plain(*pair) for pair in self.key)
            prefixes = {each: series_prefix(each, pairs, longs) for each in PUSH_TIMES}
            self._time_series = {each: (prefix, [] if plain else [prefix]) for each, prefix in prefixes.items()}
        prefix, suspects = self._time_series[name]
        # The prefix is the layout, too: with each push only the value changes.
        return MetricFamily(name, int(MetricType.GAUGE), _HELP[name], [(prefix, value)], suspects, layout=prefix)

    def has_series_of(self, families: Mapping[bytes, MetricFamily], *, whole: bool) -> bool:
        """Return whether the families pushed have the series that the group has already, by their layouts.

        Args:
            families: those of a push, ``push_time_seconds`` among them.
            whole: whether the group has no others.
        """
        held = self.families  # with both push times since the first push
        if whole and len(held) != len(families) + (PUSH_FAILURE_TIME not in families):
            return False
        for name, family in families.items():
            if name not in held or family.layout is None or family.layout is not held[name].family.layout:
                return False
        return True

    def stored(self) -> StoredGroup:
        """Return the group as it is now; the same object until it changes."""
        if self.snapshot is None:
            families = {name: held.stored for name, held in self.families.items()}
            times = [self._time(name) for name in PUSH_TIMES]
            self.snapshot = StoredGroup(self.key, MappingProxyType(families), *times)
        return self.snapshot

    def _time(self, name: bytes) -> float:
        """Return the value of a gauge of this name; an application may have pushed a ``push_failure_time_seconds``."""
        held = self.families.get(name)
        if held is None or not held.family.series:
            return 0.0
        value = part(MetricType.GAUGE, held.family.series[0][1]) if held.family.type == MetricType.GAUGE else None
        return float(value) if isinstance(value, bytes) else 0.0


class Delta:
    """The changes of a push or deletion: families that leave ``group``, and families that come into it."""

    __slots__ = ("added", "changed", "group", "removed")

    def __init__(
        self, group: GroupState | None, removed: dict[bytes, FamilyState], added: dict[bytes, FamilyState]
    ) -> None:
        self.group: GroupState | None = group
        self.removed: dict[bytes, FamilyState] = removed
        self.added: dict[bytes, FamilyState] = added
        self.changed: dict[bytes, None] = {name: None for name in removed if name not in added}
        """The names for which something else is declared than before: the others can cause no clash of types or names
        that was not there."""
        for name, held in added.items():
            old = removed.get(name)
            if old is None or not old.same_declaration(held):
                self.changed[name] = None

    def stored(self) -> dict[bytes, StoredFamily | None]:
        """Return the families as they are kept; None for one that leaves."""
        changed: dict[bytes, StoredFamily | None] = dict.fromkeys(self.removed)
        changed.update((name, held.stored) for name, held in self.added.items())
        return changed


NOTHING = Delta(None, {}, {})


class Renewal:
    """The change of a push that has the series of its group again: families with the same layouts as those there."""

    __slots__ = ("families", "group", "pushed_at")

    def __init__(self, group: GroupState, families: Mapping[bytes, MetricFamily], pushed_at: float) -> None:
        self.group: GroupState = group
        self.families: Mapping[bytes, MetricFamily] = families
        self.pushed_at: float = pushed_at

    def stored(self) -> dict[bytes, StoredFamily | None]:
        """Return the families as they are kept."""
        return {name: StoredFamily(family, self.pushed_at) for name, family in self.families.items()}


def _is_plain(name: bytes, value: bytes) -> bool:
    return not name.startswith(b"__") and is_utf8(value) and is_utf8(name)
