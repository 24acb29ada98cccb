"""The state of one group in the store."""

from __future__ import annotations

from types import MappingProxyType

from pytest_pushgateway.exposition.labels import series_prefix
from pytest_pushgateway.exposition.long_strings import Longs
from pytest_pushgateway.exposition.model import MetricFamily, MetricType, part
from pytest_pushgateway.gateway.groups import PUSH_FAILURE_TIME, PUSH_TIME, PUSH_TIMES, StoredGroup
from pytest_pushgateway.golang.utf8 import is_utf8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.exposition.model import Memo
    from pytest_pushgateway.gateway.grouping_key import GroupingKey
    from pytest_pushgateway.gateway.groups import StoredFamily


_HELP = {
    PUSH_TIME: b"Last Unix time when changing this group in the Pushgateway succeeded.",
    PUSH_FAILURE_TIME: b"Last Unix time when changing this group in the Pushgateway failed.",
}


class FamilyState:
    """A family in a group, with what the verdict needs to know of it, counted once when it is pushed."""

    __slots__ = ("bad", "declared", "family", "missing_types", "stored")

    def __init__(self, stored: StoredFamily, missing_types: tuple[int, ...], bad: tuple[bytes, ...]) -> None:
        self.stored: StoredFamily = stored
        self.family: MetricFamily = stored.family
        self.declared: tuple[int, bytes | None] = (stored.family.type, stored.family.help)
        self.missing_types: tuple[int, ...] = missing_types
        """For each of the types from COUNTER to HISTOGRAM, how many series have no value of it."""
        self.bad: tuple[bytes, ...] = bad
        """Prefixes of the series with a label that cannot be exposed."""

    def same_declaration(self, other: FamilyState) -> bool:
        """Return whether two families can stand for each other in all questions of types and names."""
        return self.declared == other.declared and self.missing_types == other.missing_types


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


def _is_plain(name: bytes, value: bytes) -> bool:
    return not name.startswith(b"__") and is_utf8(value) and is_utf8(name)
