"""Messages about a file that does not have everything: in the log once, and on the page as long as it lasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pytest_pushgateway import threads
from pytest_pushgateway.gateway.log import PERSISTED, Log

_TOLD = 20
"""Families that have a line each."""


class Trouble:
    """Why flushes fail, since when, and what the log knows of it."""

    def __init__(self, path: Path, log: Log, clock: Callable[[], float]) -> None:
        self.failing: str | None = None
        """Why the last flush failed; None if it did not."""
        self.since: float | None = None
        """When the present trouble began, Unix seconds; it means nothing while there is none."""
        self._file = str(path)
        self._log = log
        self._clock = clock
        self._told = False
        """Whether a loss was logged, and not yet its end."""

    def log(self, level: str, message: str, problem: str | None = None, **fields: str) -> None:
        """Write a line about the file."""
        said = {"file": self._file} if problem is None else {"err": problem, "file": self._file}
        self._log(level, message, **said, **fields)

    def failed(self, reason: str) -> None:
        """Say that a flush failed, unless the one before has failed as well."""
        if self.failing is None:
            self.unkept([reason])
        self.failing = reason

    def unkept(self, reasons: Sequence[str]) -> None:
        """Say what is not kept."""
        if reasons and not self._told:
            self._told = True
            self.since = self._clock()
        self.each("error persisting metrics", reasons, "more families cannot be kept")

    def each(self, message: str, problems: Sequence[str], more: str) -> None:
        """Write a line for each problem, and one for those that are too many."""
        for problem in problems[:_TOLD]:
            self.log("error", message, problem)
        if len(problems) > _TOLD:
            self.log("error", message, f"{len(problems) - _TOLD} {more}")

    def written(self) -> None:
        """Log a write, once its request is answered; at once if the end of a loss may be logged next."""
        if self._told:
            self._log_write()
        else:
            threads.after_the_answer(self._log_write)

    def _log_write(self) -> None:
        self.log("info", PERSISTED)

    def over(self, unkept: str | None) -> None:
        """Say that a flush has worked; if nothing is left that is not kept, that all is well again."""
        self.failing = None
        if self._told and unkept is None:
            self._told = False
            self.log("info", "persisting metrics works again")
