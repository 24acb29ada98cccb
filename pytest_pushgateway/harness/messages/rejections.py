"""Pushes that were rejected: why, what they collided with, and which of them were rejected for one reason."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from pytest_pushgateway.harness.journal.requests import Delete, Push, Request, name_of
from pytest_pushgateway.harness.messages.failures import late
from pytest_pushgateway.harness.messages.history import is_poison, provenance, reason
from pytest_pushgateway.harness.messages.listing import KEPT, count
from pytest_pushgateway.harness.wording import message, shorten


def rejections(
    pushes: Sequence[Push], requests: Sequence[Request], dropped: int, left_running: Sequence[str] | None
) -> str:
    """Return which pushes were rejected though none should be; of ``dropped`` more no more is known."""
    lines: list[str] = []
    for alike in by_cause(pushes, requests):
        lines += rejection(alike, requests)
    number = len(pushes) + dropped
    gone = [f"  {count(dropped, 'push')} that the journal dropped, the oldest: {KEPT}"] if dropped else []
    first = f"expected no rejected push, but there {'is one' if number == 1 else f'are {number}'}:"
    return message(first, gone, lines, late(left_running))


def rejection(alike: Sequence[Push], requests: Sequence[Request]) -> list[str]:
    """Return the lines that explain pushes rejected for one reason: that, what the first collides with, how many."""
    push = alike[0]
    lines = [f"  {name_of(push)} was answered {push.status}: {shorten(reason(push), 240)}"]
    lines += [f"    {line}" for line in [*provenance(push, requests)[:4], *aftermath(push, requests)]]
    if len(alike) > 1:
        last = name_of(alike[-1])
        others = f"{count(len(alike) - 1, 'more push')}, the last " if len(alike) > 2 else ""
        lines.append(f"    for the same reason: {others}{last}")
    return lines


def by_cause(pushes: Iterable[Push], requests: Sequence[Request]) -> list[list[Push]]:
    """Return rejected pushes, those that were rejected for the same reason together.

    The same reason is the same error, whatever numbers it holds, or the same collision. What a poisoned gateway
    refused has another reason once a deletion came between.
    """
    deletions = [entry._order for entry in requests if isinstance(entry, Delete) and entry.matched]
    found: dict[object, list[Push]] = {}
    for push in pushes:
        found.setdefault(_cause(push, deletions), []).append(push)
    return list(found.values())


def _cause(push: Push, deletions: Sequence[int]) -> object:
    if not push._collisions:
        return push.status, re.sub(r"\d+", "#", push.error or "")
    poisoned = any(is_poison(collision, push) for collision in push._collisions)
    since = bisect_left(deletions, push._order) if poisoned else None
    return push.status, since, tuple((each.reason, each.name) for each in push._collisions)


def aftermath(push: Push, requests: Sequence[Request]) -> list[str]:
    """Return how the client followed a redirect, if it did without the push's body or as something else."""
    if push.location is None:
        return []
    follower = push._followed_by
    if push._emptied and follower is not None:
        end = "emptied the group" if follower.method == "PUT" else "stored nothing"
        return [f"{name_of(follower)} followed without the body, was answered {follower.status}, and {end}"]
    for later in requests:
        if later._order > push._order and later.method in ("GET", "HEAD") and push._leads_to(later):
            return [f"the client followed with {later.method}, {later.outcome}: nothing was stored"]
    return []
