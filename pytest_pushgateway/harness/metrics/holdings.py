"""The groups that a gateway holds: its store in this process, or a copy of a store in another one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pytest_pushgateway.exposition.labels import Labels
    from pytest_pushgateway.exposition.model import MetricFamily
    from pytest_pushgateway.gateway.groups import Poison, StoredGroup


class Holdings(Protocol):
    """The groups of a gateway and the families in them."""

    def groups(self) -> Sequence[StoredGroup]:
        """Return all groups, the oldest first."""

    def families_named(self, name: bytes, /) -> Sequence[tuple[Labels, MetricFamily]]:
        """Return the families of this name, each with its group's key."""

    def names(self) -> Collection[bytes]:
        """Return the names of all families."""

    def poisoned(self) -> Poison | None:
        """Return what makes every push be refused and every scrape fail, and its cure; None if nothing does."""
