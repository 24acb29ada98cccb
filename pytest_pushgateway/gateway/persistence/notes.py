"""Notes of changes that the persistence file does not have yet, and of those that it cannot have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pytest_pushgateway import threads
from pytest_pushgateway.exposition.labels import render_prefix
from pytest_pushgateway.gateway.grouping_key import GroupingKey
from pytest_pushgateway.gateway.groups import StoredFamily

Place = tuple[GroupingKey, bytes]
"""The place of a family: its group and its name."""

Changes = Mapping[Place, StoredFamily | None]
"""Families by their places; None for one that is gone."""

LeftOut = Mapping[Place, Exception]
"""Why families could not be written, by their places."""

_Noted = dict[Place, StoredFamily | None]


class Unkept(NamedTuple):
    """A family that cannot be written."""

    stored: StoredFamily
    reason: str
    temporary: bool
    """Whether trying again may help."""


class Taken(NamedTuple):
    """The changes that one flush writes."""

    pending: Changes
    generation: int
    whole: bool
    """Write all that there is instead."""


class Unwritten:
    """The changes that are not in the file. Those that were taken stay noted until :meth:`done` marks them as written.

    Safe to use from many threads, but for :meth:`take` and :meth:`done`, which are for one at a time.
    """

    def __init__(self) -> None:
        self.generation: int = 0
        """Counts how often everything was forgotten."""
        self.whole = False
        """Whether the file cannot be trusted to have what was never noted, or was noted and done."""
        self.unkept: Mapping[Place, Unkept] = {}
        self._noted: _Noted = {}
        self._pending: _Noted = {}
        """Changes that were taken and are not written yet; older than those noted."""
        self._lock = threads.Lock()

    def add(self, key: GroupingKey, changed: Mapping[bytes, StoredFamily | None]) -> None:
        """Note families of a group that have changed; None for one that is gone."""
        with self._lock:
            self._noted.update([((key, name), stored) for name, stored in changed.items()])

    def forget_all(self) -> None:
        """Note that there is nothing any more."""
        nothing: tuple[_Noted, _Noted, Mapping[Place, Unkept]] = ({}, {}, {})
        with self._lock:
            self._noted, self._pending, self.unkept = nothing
            self.generation += 1

    def __bool__(self) -> bool:
        return self.whole or bool(self._noted or self._pending)

    def take(self, *, again: bool = False) -> Taken:
        """Return what is to be written now.

        Args:
            again: with what could not be written before, where trying again may help.
        """
        with self._lock:
            older = {place: one.stored for place, one in self.unkept.items() if one.temporary} if again else {}
            if older or self._pending:
                self._pending, self._noted = {**older, **self._pending, **self._noted}, {}
            else:
                self._pending, self._noted = self._noted, {}
            return Taken(self._pending, self.generation, self.whole)

    def done(
        self,
        written: Changes,
        generation: int,
        left_out: LeftOut,
        *,
        whole: bool,
    ) -> None:
        """Note that what was taken is in the file.

        Args:
            written: the families that were written.
            generation: the one that :meth:`take` had returned.
            left_out: those of ``written`` that could not be.
            whole: whether everything was written.
        """
        with self._lock:
            if generation != self.generation:
                return
            if self.unkept or left_out:
                unkept = {place: one for place, one in self.unkept.items() if not whole and place not in written}
                for place, error in left_out.items():
                    stored = written[place]
                    assert stored is not None
                    unkept[place] = Unkept(stored, explain(error), isinstance(error, MemoryError))
                self.unkept = unkept
            self._pending = {}

    def unkept_text(self) -> str | None:
        """Return what cannot be kept, and why; None if there is nothing."""
        unkept = self.unkept
        if not unkept:
            return None
        ((key, name), one) = next(iter(unkept.items()))
        more = f", and {len(unkept) - 1} more" if len(unkept) > 1 else ""
        return f"{tell_family(key, name)} cannot be kept: {one.reason}{more}"


def tell_family(key: GroupingKey, name: bytes) -> str:
    """Return the words for a family: its name and its group."""
    group = render_prefix(b"", key).decode("utf-8", "backslashreplace")
    text = f"the family '{name.decode('utf-8', 'backslashreplace')}' of {group}"
    return text if len(text) <= 300 else f"{text[:297]}..."


def explain(error: BaseException) -> str:
    """Return the text of an error; its kind if it has none."""
    return str(error) or type(error).__name__
