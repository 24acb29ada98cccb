"""Attributes that are replaced for a while, and put back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Patches:
    """Attributes of classes and modules that are replaced until `undo`."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []
        self._checks: list[Callable[[], bool]] = []

    def __bool__(self) -> bool:
        return bool(self._undo)

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Replace an attribute."""
        own = name in vars(owner)
        before = vars(owner).get(name)
        setattr(owner, name, value)

        def undo() -> None:
            if vars(owner).get(name) is not value:
                return  # patched again since: that calls ours, which changes nothing
            if own:
                setattr(owner, name, before)
            else:
                delattr(owner, name)

        self._undo.append(undo)
        self._checks.append(lambda: vars(owner).get(name) is value)

    def call_at_end(self, function: Callable[[], None]) -> None:
        """Call a function when the attributes are put back."""
        self._undo.append(function)

    def are_in_place(self) -> bool:
        """Return whether all attributes are still those that were set."""
        return all(check() for check in self._checks)

    def undo(self) -> None:
        """Restore the attributes that are still those that were set."""
        while self._undo:
            self._undo.pop()()
        self._checks.clear()
