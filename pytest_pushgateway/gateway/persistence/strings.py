"""The long strings of the rows: each is in the file once, as long as a row has its token."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping

from pytest_pushgateway.gateway.groups import StoredFamily
from pytest_pushgateway.gateway.persistence.notes import Place
from pytest_pushgateway.gateway.persistence.rows import LARGE, Keys, fill, long_strings

_INSERT = "INSERT OR REPLACE INTO strings (generation, token, value) VALUES (?, ?, ?)"
_FILL = "UPDATE strings SET value = ? WHERE generation = ? AND token = ?"
_DELETE = "DELETE FROM strings WHERE generation = ? AND token = ?"


class Strings:
    """Which rows of one generation have which long strings, by their tokens.

    A transaction works on a :meth:`draft`, which is thrown away if it fails.
    """

    def __init__(self, tokens: Mapping[Place, Collection[bytes]] | None = None) -> None:
        self._tokens: dict[Place, Collection[bytes]] = dict(tokens or {})
        self._rows: Counter[bytes] = Counter(token for each in self._tokens.values() for token in each)

        self._shared = False
        """Whether another object has the same dictionaries."""

    def draft(self) -> Strings:
        """Return a copy to work on. It costs the rows that have long strings, but only if such a row is written."""
        draft = Strings.__new__(Strings)
        draft._tokens, draft._rows, draft._shared = self._tokens, self._rows, True
        return draft

    def has_some(self, place: Place, stored: StoredFamily, keys: Keys) -> bool:
        """Return whether a row has long strings, or had some."""
        return place in self._tokens or bool(long_strings(keys, place, stored))

    def write(
        self,
        connection: sqlite3.Connection,
        generation: int,
        place: Place,
        stored: StoredFamily | None,
        keys: Keys,
    ) -> None:
        """Write the long strings of a row that are not in the file yet; remember those that it had before as unused.

        Args:
            connection: in the transaction that writes the row.
            generation: the row's own.
            place: where the family is.
            stored: the family; None if it is gone.
            keys: how grouping keys are written.

        Raises:
            sqlite3.Error: a string cannot be written; nothing is remembered of it.
        """
        longs = {} if stored is None else long_strings(keys, place, stored)
        if not longs and place not in self._tokens:
            return
        if self._shared:
            self._tokens, self._rows, self._shared = self._tokens.copy(), self._rows.copy(), False
        new = [long for token, long in longs.items() if token not in self._rows]
        connection.executemany(
            _INSERT, ((generation, long.token, long.raw if len(long.raw) < LARGE else b"") for long in new)
        )
        for long in new:
            if len(long.raw) >= LARGE:
                fill(connection, _FILL, long.raw, (generation, long.token))
        self._rows.update(longs.keys())
        self._rows.subtract(self._tokens.pop(place, ()))
        if longs:
            self._tokens[place] = tuple(longs)

    def sweep(self, connection: sqlite3.Connection, generation: int) -> None:
        """Remove the strings that no row has any more."""
        if self._shared:  # no row with one was written
            return
        unused = [token for token, rows in self._rows.items() if not rows]
        connection.executemany(_DELETE, ((generation, token) for token in unused))
        for token in unused:
            del self._rows[token]
