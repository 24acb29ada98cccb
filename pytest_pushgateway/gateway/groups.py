"""The values of the store: groups, the families in them, verdicts."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_pushgateway.exposition.model import MetricFamily
from pytest_pushgateway.gateway.grouping_key import group_path
from pytest_pushgateway.light import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.gateway.grouping_key import GroupingKey

PUSH_TIME = b"push_time_seconds"
PUSH_FAILURE_TIME = b"push_failure_time_seconds"
PUSH_TIMES = (PUSH_TIME, PUSH_FAILURE_TIME)


class StoredFamily(NamedTuple):
    """A family as it is in a group; ``pushed_at`` is the time of the push that brought it, seconds."""

    family: MetricFamily
    pushed_at: float


class StoredGroup(NamedTuple):
    """A group as it was at one moment. Times are seconds since the epoch, 0 if nothing succeeded or failed yet."""

    key: GroupingKey
    families: Mapping[bytes, StoredFamily]
    push_time: float
    push_failure_time: float


class Collision(NamedTuple):
    """One reason for which metrics collide.

    ``reason`` is one of

    * ``duplicate``: a series with the same name and labels is there already;
    * ``type``: families of one name disagree on their type;
    * ``suffix``: a name is that of a summary or histogram with ``_sum``, ``_count`` or ``_bucket`` added;
    * ``own``: the name is that of a metric of the gateway itself, with another type or help;
    * ``label``: the series by itself has a label that cannot be exposed.
    """

    reason: str
    name: bytes
    prefix: bytes
    """The series that is blamed; empty if a family as a whole is."""
    text: str
    """The original's words for it."""
    keys: tuple[GroupingKey, ...] = ()
    """The groups that it collides with, 100 at most (for a poisoned gateway: that hold the conflict); none for own
    metrics."""


class Verdict:
    """The outcome of a push, a deletion or a wipe.

    Args:
        accepted: whether it took effect.
        error: the original's words, after ``pushed metrics are invalid or inconsistent with existing metrics: ``.
        collisions: why it was rejected, one by one.
        removed: names of the families that a PUT removed and does not carry.
        created: the group was not there before; a rejected push also creates it.
        matched: the group, or for a wipe any group, was there before.
        stale: the request belongs to a generation that is over: nothing was done.
        unkept: why the persistence file cannot keep the change, where it must: nothing was done.
    """

    __slots__ = ("accepted", "collisions", "created", "error", "matched", "removed", "stale", "unkept")

    def __init__(
        self,
        accepted: bool,
        error: str | None = None,
        collisions: tuple[Collision, ...] = (),
        removed: tuple[bytes, ...] = (),
        created: bool = False,
        matched: bool = False,
        stale: bool = False,
        unkept: str | None = None,
    ) -> None:
        self.accepted: bool = accepted
        self.error: str | None = error
        self.collisions: tuple[Collision, ...] = collisions
        self.removed: tuple[bytes, ...] = removed
        self.created: bool = created
        self.matched: bool = matched
        self.stale: bool = stale
        self.unkept: str | None = unkept


class Poison(NamedTuple):
    """Why every push is refused and every scrape fails, and what cures it."""

    error: str
    """The text of the failing scrape."""
    collisions: tuple[Collision, ...]
    groups: tuple[GroupingKey, ...]
    """The groups in conflict, oldest first."""
    cure: tuple[GroupingKey, ...]
    """The groups whose deletion ends it; empty when only a new set of own metrics could."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The path to send DELETE to, for each group of the cure, below the route prefix."""
        return tuple(group_path(key) for key in self.cure)
