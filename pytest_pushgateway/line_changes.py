"""Differences between two texts, found in a time that grows no faster than the texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

_SHORT = 400
"""Lines that difflib may be given: it takes the square of their number at worst."""


def changed_lines(before: Sequence[str], after: Sequence[str], *, context: int = 0) -> list[str]:
    """Return the lines that differ, each with a minus or a plus before it.

    Args:
        before: the lines of one text.
        after: the lines of the other.
        context: lines shown around each difference, with a space before them; none are in long texts.
    """
    start = next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), None)
    if start is None:
        start = min(len(before), len(after))
    start = max(0, start - context)
    before, after = before[start:], after[start:]
    if len(before) + len(after) > _SHORT:
        return list(_walk(before, after))
    from difflib import unified_diff

    return [line for line in list(unified_diff(before, after, lineterm="", n=context))[2:] if line[:2] != "@@"]


def _walk(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """Walk along both; a line that both have is waited for, unless its place is another."""
    left, right = Counter(before), Counter(after)
    mine, other = 0, 0
    while mine < len(before) or other < len(after):
        if mine < len(before) and other < len(after) and before[mine] == after[other]:
            left[before[mine]] -= 1
            right[after[other]] -= 1
            mine, other = mine + 1, other + 1
        elif mine == len(before) or (other < len(after) and right[before[mine]] and not left[after[other]]):
            yield f"+{after[other]}"
            right[after[other]] -= 1
            other += 1
        else:
            # It is here only, or has another place there, which is shown when its turn comes.
            yield f"-{before[mine]}"
            left[before[mine]] -= 1
            mine += 1
