"""What the store holds and what it answers: groups, the families in them, verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from pytest_pushgateway.exposition.model import Labels, MetricFamily, MetricType, part, render_prefix
from pytest_pushgateway.gateway.urls import escape

GroupingKey = Labels
"""Sorted label pairs, ``job`` among them. ``{job}`` and ``{job, instance=""}`` are two groups."""

PUSH_TIME = b"push_time_seconds"
PUSH_FAILURE_TIME = b"push_failure_time_seconds"
PUSH_TIMES = (PUSH_TIME, PUSH_FAILURE_TIME)

_HELP = {
    PUSH_TIME: b"Last Unix time when changing this group in the Pushgateway succeeded.",
    PUSH_FAILURE_TIME: b"Last Unix time when changing this group in the Pushgateway failed.",
}


class StoredFamily(NamedTuple):
    """A family as it stands in a group; ``pushed_at`` is the time of the push that brought it, seconds."""

    family: MetricFamily
    pushed_at: float


class StoredGroup(NamedTuple):
    """A group as it stood at one moment. Times are seconds since the epoch, 0 where nothing succeeded or failed yet."""

    key: GroupingKey
    families: Mapping[bytes, StoredFamily]
    push_time: float
    push_failure_time: float


class Collision(NamedTuple):
    """One reason why the metrics cannot stand together.

    ``reason`` is one of

    * ``duplicate``: a series with the same name and labels is there already;
    * ``type``: families of one name disagree on their type;
    * ``suffix``: a name is that of a summary or histogram with ``_sum``, ``_count`` or ``_bucket`` added;
    * ``own``: the name is one of the gateway's own metrics, with another type or help;
    * ``label``: the series by itself has a label that cannot be exposed.
    """

    reason: str
    name: bytes
    prefix: bytes
    """The series that is blamed; empty where a family as a whole is."""
    text: str
    """The original's words for it."""
    keys: tuple[GroupingKey, ...] = ()
    """The groups that stand in the way (for a poisoned gateway: that hold the conflict); none for own metrics."""


@dataclass(slots=True, eq=False, repr=False)
class Verdict:
    """What became of a push, a deletion or a wipe."""

    accepted: bool
    error: str | None = None
    """The original's words, after ``pushed metrics are invalid or inconsistent with existing metrics: ``."""
    collisions: tuple[Collision, ...] = ()
    removed: tuple[bytes, ...] = ()
    """Names of the families that a PUT removed and does not carry."""
    created: bool = False
    """The group was not there before; a rejected push creates it, too."""
    matched: bool = False
    """The group, or for a wipe any group, was there before."""
    stale: bool = False
    """The request belongs to a generation that is over: nothing was done."""


class Poison(NamedTuple):
    """Why every push is refused and every scrape fails, and what cures it."""

    error: str
    """The text of the failing scrape."""
    collisions: tuple[Collision, ...]
    groups: tuple[GroupingKey, ...]
    """The groups that stand in conflict, oldest first."""
    cure: tuple[GroupingKey, ...]
    """The groups whose deletion ends it; empty when only a new set of own metrics could."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The path to send DELETE to, for each group of the cure, below the route prefix."""
        return tuple(group_path(key) for key in self.cure)


def group_path(key: GroupingKey) -> str:
    """Return the URL path of a group, below the route prefix: ``/metrics/job/backup/instance/db1``.

    Values that a path segment cannot carry, or that a proxy might fold, are written as ``@base64``.
    """
    labels = dict(key)
    job = labels.pop(b"job", b"")
    return "/metrics" + "".join(_segment(name, value) for name, value in [(b"job", job), *labels.items()])


def _segment(name: bytes, value: bytes) -> str:
    label = escape(name, safe="").decode()
    if value in (b"", b".", b"..") or b"/" in value or not _is_utf8(value):
        import base64

        encoded = base64.urlsafe_b64encode(value).rstrip(b"=").decode() or "="
        return f"/{label}@base64/{encoded}"
    return f"/{label}/{escape(value, safe='').decode()}"


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


class Held:
    """A family in a group, with what the verdict needs to know of it, counted once when it is pushed."""

    __slots__ = ("bad", "declared", "family", "lacking", "stored")

    def __init__(self, stored: StoredFamily, lacking: tuple[int, ...], bad: tuple[bytes, ...]) -> None:
        self.stored: StoredFamily = stored
        self.family: MetricFamily = stored.family
        self.declared: tuple[int, bytes | None] = (stored.family.type, stored.family.help)
        self.lacking: tuple[int, ...] = lacking
        """For each of the types from COUNTER to HISTOGRAM, how many series have no value of it."""
        self.bad: tuple[bytes, ...] = bad
        """Prefixes of the series with a label that cannot be exposed."""

    def declares_as(self, other: Held) -> bool:
        """Tell whether two families can stand for each other in all questions of types and names."""
        return self.declared == other.declared and self.lacking == other.lacking


class Group:
    """A group while the store works on it. Compared and hashed by identity."""

    __slots__ = ("_prefixes", "families", "key", "serial", "snapshot")

    def __init__(self, key: GroupingKey, serial: int) -> None:
        self.key: GroupingKey = key
        self.serial: int = serial
        self.families: dict[bytes, Held] = {}
        self.snapshot: StoredGroup | None = None
        self._prefixes: dict[bytes, bytes] | None = None

    def time_family(self, name: bytes, value: bytes) -> MetricFamily:
        """Return ``push_time_seconds`` or ``push_failure_time_seconds`` of this group with the value given."""
        if self._prefixes is None:
            labels = dict(self.key)
            labels.setdefault(b"instance", b"")
            pairs = sorted(labels.items())
            self._prefixes = {each: render_prefix(each, pairs) for each in PUSH_TIMES}
        prefix = self._prefixes[name]
        suspects = [] if all(_is_plain(*pair) for pair in self.key) else [prefix]
        return MetricFamily(name, int(MetricType.GAUGE), _HELP[name], [(prefix, value)], suspects)

    def stored(self) -> StoredGroup:
        """Return the group as it stands now; the same object until it changes."""
        if self.snapshot is None:
            families = {name: held.stored for name, held in self.families.items()}
            times = [self._time(name) for name in PUSH_TIMES]
            self.snapshot = StoredGroup(self.key, MappingProxyType(families), *times)
        return self.snapshot

    def _time(self, name: bytes) -> float:
        """Return what a gauge of this name says; an application may have pushed a ``push_failure_time_seconds``."""
        held = self.families.get(name)
        if held is None or not held.family.series:
            return 0.0
        value = part(MetricType.GAUGE, held.family.series[0][1]) if held.family.type == MetricType.GAUGE else None
        return float(value) if isinstance(value, bytes) else 0.0


def _is_plain(name: bytes, value: bytes) -> bool:
    return not name.startswith(b"__") and (value.isascii() or _is_utf8(value)) and (name.isascii() or _is_utf8(name))
