"""Is there an order of the requests, each between its beginning and its end, that explains all that was seen?

The search is Wing and Gong's with Lowe's memory of configurations: a set of requests that have taken effect and the
state that they lead to are looked at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

State = tuple["int | None", ...]
"""The value of each group; None where the group is not there."""


@dataclass(frozen=True)
class Operation:
    """One request, or a reset, as its client saw it."""

    kind: str
    """``write`` (of None: a deletion), ``read`` or ``reset``."""
    group: int
    value: int | None
    """What was written."""
    seen: State | None
    """What was read."""
    began: float
    ended: float
    """When the answer was there; of one without an answer, when it can have had its effect at the latest."""
    answered: bool = True

    def apply(self, state: State) -> State | None:
        """Return the state afterwards; None if what was read is not ``state``."""
        if self.kind == "read":
            return state if self.seen == state else None
        if self.kind == "reset":
            return (None,) * len(state)
        return (*state[: self.group], self.value, *state[self.group + 1 :])


def explain(history: Sequence[Operation], initial: State) -> list[Operation] | None:
    """Return an order that explains the history, None if there is none.

    All that was answered has had its effect; what was not may have had it.
    """
    operations = [one for one in history if one.answered or one.kind != "read"]
    needed = sum(1 << at for at, one in enumerate(operations) if one.answered)
    seen: set[tuple[int, State]] = set()
    stack: list[tuple[int, State, float, tuple[int, ...]]] = [(0, initial, -math.inf, ())]
    while stack:
        done, state, latest, order = stack.pop()
        if done & needed == needed:
            return [operations[at] for at in order]
        if (done, state) in seen:
            continue
        seen.add((done, state))
        waiting = [(at, one) for at, one in enumerate(operations) if not done >> at & 1]
        first_end = min(one.ended for _, one in waiting if one.answered)
        for at, one in waiting:
            if one.began > first_end or (not one.answered and one.ended < latest):
                continue
            after = one.apply(state)
            if after is not None:
                stack.append((done | 1 << at, after, max(latest, one.began), (*order, at)))
    return None
