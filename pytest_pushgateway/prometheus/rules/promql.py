"""PromQL moved in time: an expression that gives at test time 0 what the original gives at a real moment.

A promtool unit test begins at time 0, and before version 3.9 there is no way to change that. So the expressions are
changed instead: whatever looks at absolute time gets the real beginning added. Only that much of PromQL is read here:
strings, comments, identifiers, brackets and numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<blank>\s+|\#[^\n]*)
    |(?P<string>"[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*'|`[^`]*`)
    |(?P<number>0[xX][0-9a-fA-F_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?(?![a-zA-Z0-9_.])
        |\d[0-9a-z]*)
    |(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)

_OF_NOW = {"minute", "hour", "month", "year", "day_of_week", "day_of_month", "day_of_year", "days_in_month"}
"""Functions that without an argument take the time of the evaluation."""


class Unmovable(ValueError):
    """The expression uses something whose result depends on absolute time in a way that cannot be made up for."""


class _Token(NamedTuple):
    kind: str
    text: str


_GROUPINGS = frozenset(("by", "without", "on", "ignoring", "group_left", "group_right"))
_KEYWORDS = _GROUPINGS | {"and", "or", "unless", "bool", "offset", "atan2", "inf", "nan", "start", "end"}


def metric_names(expression: str) -> set[str]:
    """Return the names of the series that an expression selects by name."""
    tokens = [
        _Token(match.lastgroup or "other", match[0])
        for match in _TOKEN.finditer(expression)
        if match.lastgroup != "blank"
    ]
    found = set()
    braces = 0
    position = 0
    while position < len(tokens):
        token = tokens[position]
        after = tokens[position + 1].text if position + 1 < len(tokens) else ""
        braces += {"{": 1, "}": -1, "[": 1, "]": -1}.get(token.text, 0) if token.kind == "other" else 0
        if token.kind == "name" and not braces:
            if token.text.lower() in _GROUPINGS and after == "(":
                position = _closing(tokens, position + 1)
            elif after != "(" and token.text.lower() not in _KEYWORDS:
                found.add(token.text)
        position += 1
    return found


def shift(expression: str, start: Decimal) -> str:
    """Return the expression that gives at time ``t`` what ``expression`` gives at ``start + t``, seconds.

    ``time()``, ``timestamp()``, the date functions without an argument and ``@ <number>`` are rewritten; all else stays
    as it was written.

    Raises:
        Unmovable: the expression cannot be shifted in time.

    """
    tokens = [_Token(match.lastgroup or "other", match[0]) for match in _TOKEN.finditer(expression)]
    return "".join(_shifted(tokens, start))


def _shifted(tokens: list[_Token], start: Decimal) -> Iterator[str]:
    position = 0
    while position < len(tokens):
        token = tokens[position]
        if token.kind == "name":
            if token.text == "ALERTS_FOR_STATE":
                raise Unmovable("ALERTS_FOR_STATE has a time as its value, which in a unit test counts from 0")
            opening = _next(tokens, position)
            if opening < len(tokens) and tokens[opening].text == "(" and _is_function(token.text):
                closing = _closing(tokens, opening)
                inside = tokens[opening + 1 : closing]
                yield from _call(token.text, inside, start)
                position = closing + 1
                continue
        elif token.text == "@":
            number = _next(tokens, position)
            sign = ""
            if number < len(tokens) and tokens[number].text in "+-":
                sign, number = tokens[number].text, _next(tokens, number)
            if number < len(tokens) and tokens[number].kind == "number":
                yield f"@ {Decimal(sign + tokens[number].text.replace('_', '')) - start:f}"
                position = number + 1
                continue
        yield token.text
        position += 1


def _is_function(name: str) -> bool:
    if name.startswith("ts_of_"):
        raise Unmovable(f"{name}() has a time as its value, which in a unit test counts from 0")
    return name in _OF_NOW or name in ("time", "timestamp")


def _call(name: str, inside: list[_Token], start: Decimal) -> Iterator[str]:
    empty = all(token.kind == "blank" for token in inside)
    if name == "time":
        yield f"(time() + {start})"
    elif name == "timestamp":
        yield "(timestamp("
        yield from _shifted(inside, start)
        yield f") + {start})"
    elif empty:
        yield f"{name}(vector(time() + {start}))"
    else:
        yield f"{name}("
        yield from _shifted(inside, start)
        yield ")"


def _next(tokens: list[_Token], position: int) -> int:
    position += 1
    while position < len(tokens) and tokens[position].kind == "blank":
        position += 1
    return position


def _closing(tokens: list[_Token], opening: int) -> int:
    """Return where the bracket at ``opening`` is closed; the end, where it is not (promtool will report that)."""
    depth = 0
    for position in range(opening, len(tokens)):
        if tokens[position].kind == "other":
            depth += {"(": 1, ")": -1}.get(tokens[position].text, 0)
            if depth == 0:
                return position
    return len(tokens)


_TEMPLATE_QUERY = re.compile(r"\bquery\b")


def check_template(text: str) -> None:
    """Refuse an annotation or label whose template asks Prometheus something that depends on absolute time.

    Raises:
        Unmovable: the template asks for the time.

    """
    if "{{" in text and _TEMPLATE_QUERY.search(text) and re.search(r"\btime(stamp)?\s*\(", text):
        raise Unmovable("a template queries time(), which in a unit test counts from 0")
