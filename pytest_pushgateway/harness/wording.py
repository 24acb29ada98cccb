"""Formats the lines of a message: printable, and short enough to read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_pushgateway.golang.strconv import format_float
from pytest_pushgateway.golang.utf8 import bytes_of
from pytest_pushgateway.matchers import shown

if TYPE_CHECKING:
    from typing import Any

    from prometheus_client.samples import Sample

    from pytest_pushgateway.exposition.samples import Line

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
    """Return at most `LINES` lines; the last counts the lines that were left out."""
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


def show_key(key: dict[str, str]) -> str:
    """Return a grouping key as messages show it: ``job="backup", instance="db1"``, the job first."""
    names = sorted(key, key=lambda name: (name != "job", name))
    return ", ".join(f"{name}={quote(key[name])}" for name in names) or "no grouping key"


def show_matcher(wanted: Any) -> str:
    """Return what a label must be, with the operator: ``="sda"``, ``=~"sd."``, ``=IsStr(...)``."""
    if isinstance(wanted, re.Pattern):
        return f"=~{quote(wanted.pattern)}"
    return f"={quote(text_of_plain(wanted))}" if is_plain(wanted) else f"={shown(wanted)}"


def show_matchers(labels: Mapping[str, Any]) -> str:
    """Return the labels of an expectation as messages show a grouping key, the job first."""
    names = sorted(labels, key=lambda name: (name != "job", name))
    return ", ".join(name + show_matcher(labels[name]) for name in names) or "no grouping key"


def is_plain(wanted: Any) -> bool:
    """Return whether a matcher is text or a number, and is shown as the text that it has."""
    return isinstance(wanted, (str, int, float))


def text_of_plain(wanted: Any) -> str:
    """Return the text of such a matcher."""
    return str.__str__(wanted) if isinstance(wanted, str) else str(wanted)


def quote(value: str) -> str:
    """Return a label value in double quotes, printable whatever it holds."""
    printable = bytes_of(value).decode("utf-8", "backslashreplace")
    escaped = printable.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + "".join(char if char.isprintable() else ascii(char)[1:-1] for char in escaped) + '"'


def show_value(value: Any) -> str:
    """Return a value as the gateway writes it, or the ``repr`` of what is not a number."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return format_float(float(value)).decode()
        except OverflowError:
            pass

    return brief(" ".join(repr(value).split()), 100)


def show_sample(sample: Line | Sample) -> str:
    """Return a sample as the text format writes it."""
    labels = ",".join(f"{name}={quote(value)}" for name, value in sample.labels.items())
    return f"{sample.name}{{{labels}}} {show_value(sample.value)}" if labels else f"{sample.name} {sample.value}"


SHOWN = 160
"""Characters of an error text that a line of a message shows; of its end too, where a verdict has its reason."""


KEY = 120
"""Characters of a grouping key that a line of a message shows."""


def shorten(text: str, limit: int = SHOWN) -> str:
    """Return one line of at most ``limit`` characters; where it has to lose some it keeps its end, the verdict."""
    return brief(" ".join(text.split()), limit)
