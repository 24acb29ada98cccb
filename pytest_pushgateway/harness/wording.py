"""How texts become lines of a message: printable, and no longer than a reader bears."""

from __future__ import annotations

from collections.abc import Sequence

LINES = 40
WIDTH = 300
_END = 60
"""Characters that a shortened text keeps of its end: a verdict, a value, where long ones differ."""


def brief(text: str, limit: int = 160) -> str:
    """Return one printable line of at most ``limit`` characters; what is too long loses its middle."""
    line = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    if len(line) <= limit:
        return line
    end = min(_END, limit // 2)
    return f"{line[: limit - end - 3]}...{line[-end:]}"


def message(first: str, *parts: Sequence[str]) -> str:
    """Join the parts of a message, at most `LINES` lines, each of at most `WIDTH` characters."""
    lines = [first]
    for part in parts:
        lines += part
    return "\n".join(brief(line, WIDTH) for line in bounded(lines))


def bounded(lines: list[str]) -> list[str]:
    """Return at most `LINES` lines; the last says how many more there are."""
    return [*lines[: LINES - 1], f"... and {len(lines) - LINES + 1} more lines"] if len(lines) > LINES else lines


def apart(actual: str, wanted: str) -> tuple[str, str]:
    """Return two texts in brief, cut so that the first character in which they differ is still to be seen."""
    if max(len(actual), len(wanted)) <= 100:
        return actual, wanted
    at = next((n for n, (one, other) in enumerate(zip(actual, wanted, strict=False)) if one != other), None)
    start = max(0, (min(len(actual), len(wanted)) if at is None else at) - 40)
    return _window(actual, start), _window(wanted, start)


def _window(text: str, start: int) -> str:
    return f"{'...' if start else ''}{text[start : start + 80]}{'...' if len(text) > start + 80 else ''}"
