"""Sessions: two test runs on one gateway would empty it under each other."""

from __future__ import annotations

from pytest_pushgateway import threads
from pytest_pushgateway.monotonic import monotonic
from pytest_pushgateway.testapi.problems import ApiProblem

LEASE = 60.0
"""Seconds from its last request until a session counts as over."""
HEADER = "Pushgateway-Session"
"""Names the session of a request."""


class Sessions:
    """The session that has the gateway, if one does: from its first reset until it ends or falls silent."""

    def __init__(self) -> None:
        self._lock = threads.Lock()
        self._name = ""
        self._seen = 0.0
        self._displaced: set[str] = set()
        """Sessions that fell silent, and lost the gateway to another one."""

    def begin(self, name: str) -> None:
        """Give the gateway to a session; with an empty name only check that it is free.

        Raises:
            ApiProblem: 423, another one has it and is alive.

        """
        with self._lock:
            self._refuse(name)
            self._displaced.discard(name)
            if name:
                if self._name not in ("", name):
                    self._displaced.add(self._name)
                self._name, self._seen = name, monotonic()

    def check(self, name: str, *, changes: bool) -> None:
        """Note a sign of life of a session; requests without a name are let through.

        Raises:
            ApiProblem: 423, it would change the gateway of another session, or it has lost the gateway to one.

        """
        with self._lock:
            if name and name == self._name:
                self._seen = monotonic()
            elif name in self._displaced:
                raise ApiProblem(
                    423,
                    f"the session {name!r} sent no request for {LEASE:.0f} s, and has lost this gateway to the session "
                    f"{self._name!r}; give each run its own gateway",
                )
            elif name and changes:
                self._refuse(name)

    def end(self, name: str) -> None:
        """Take the gateway from a session, if it is the one that has it."""
        with self._lock:
            if name == self._name:
                self._name = ""

    def _refuse(self, name: str) -> None:
        silent = monotonic() - self._seen
        if self._name and name != self._name and silent < LEASE:
            raise ApiProblem(
                423,
                f"the session {self._name!r} has this gateway, and sent a request {silent:.0f} s ago; give each run "
                f"its own gateway, wait until that one has ended, or end it by POST /v1/reset with "
                f'{{"session": "{self._name}", "end": true}}',
            )
