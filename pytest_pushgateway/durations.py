"""Spans and moments of time as a test gives them: numbers of seconds, timedeltas, ``"1h30m"``, datetimes, RFC 3339."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    Duration = float | str | timedelta
    Moment = float | str | datetime

_UNITS = {
    "y": 365 * 86400.0,
    "w": 7 * 86400.0,
    "d": 86400.0,
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ns": 1e-9,
}
"""Units of Prometheus and of Go, in falling order, with their seconds."""

_PART = r"(?a:(\d+(?:\.\d*)?|\.\d+)([a-zµμ]+))"
_WHOLE = rf"([-+]?)((?:{_PART})+)"
_RFC3339 = r"(?a)(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:([Zz])|([-+]\d\d:\d\d))?"
_EXAMPLE = 'a number of seconds, a timedelta or a text such as "1h30m"'


def seconds(value: Any, what: str, *, negative: bool = False) -> float:
    """Return a span of time in seconds.

    Args:
        value: a number of seconds, a timedelta, or a text such as ``"1h30m"``, ``"1.5s"`` or ``"2d"``.
        what: what it is for, as messages name it.
        negative: whether it may be less than zero.

    Raises:
        TypeError: ``value`` is of another type.
        ValueError: the text is not a duration, or the span is not finite, or negative where it must not be.

    """
    __tracebackhide__ = True
    if isinstance(value, str):
        found = _parse(value, what)
    elif hasattr(value, "total_seconds"):
        found = float(value.total_seconds())
    elif isinstance(value, bool) or not hasattr(type(value), "__float__"):
        raise TypeError(f"{what} must be {_EXAMPLE}, not {value!r}")
    else:
        found = float(value)
    if not abs(found) < float("inf"):
        raise ValueError(f"{what} must be finite, not {value!r}")
    if found < 0 and not negative:
        raise ValueError(f"{what} must not be negative, got {value!r}")
    return found


def _parse(text: str, what: str) -> float:
    __tracebackhide__ = True
    if text == "0":
        return 0.0
    whole = re.fullmatch(_WHOLE, text)
    parts = re.findall(_PART, text) if whole is not None else []
    units = [unit for _, unit in parts]
    order = [list(_UNITS).index(unit) for unit in units if unit in _UNITS]
    if len(order) != len(units) or not parts or order != sorted(set(order)):
        raise ValueError(f"{what} must be {_EXAMPLE}, not {text!r}{_hint(text, units)}")
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return -total if text.startswith("-") else total


def _hint(text: str, units: list[str]) -> str:
    try:
        float(text)
    except ValueError:
        pass
    else:
        return f"; did you mean {text.strip()!r} with a unit, such as '{text.strip()}s'?"
    unknown = [unit for unit in units if unit not in _UNITS]
    if unknown:
        return f"; its unit {unknown[0]!r} is unknown, the units are y, w, d, h, m, s, ms, us and ns"
    return "; give each unit once, the largest first" if units else ""


def moment(value: Any, what: str) -> float:
    """Return a moment as Unix time in seconds.

    Args:
        value: a number of seconds, a datetime (a naive one is local time), or a text as RFC 3339 has it.
        what: how messages begin, such as "freeze() takes".

    Raises:
        TypeError: ``value`` is of another type.
        ValueError: the text is not of RFC 3339, or the number is not finite.

    """
    __tracebackhide__ = True
    usage = f'{what} Unix time in seconds, a datetime or a text such as "2026-01-01T00:00:00Z"'
    if isinstance(value, str):
        return _parse_rfc3339(value, usage)
    if hasattr(value, "timestamp") and hasattr(value, "tzinfo"):
        return float(value.timestamp())
    if isinstance(value, bool) or not hasattr(type(value), "__float__"):
        raise TypeError(f"{usage}, not {value!r}")
    found = float(value)
    if not abs(found) < float("inf"):
        raise ValueError(f"{usage}, not {value!r}")
    return found


def _parse_rfc3339(text: str, usage: str) -> float:
    __tracebackhide__ = True
    from datetime import datetime

    found = re.fullmatch(_RFC3339, text)
    if found is None:
        raise ValueError(f"{usage}, not {text!r}")
    day, clock, fraction, utc, offset = found.groups()
    if not (utc or offset):
        raise ValueError(f"{usage}, not {text!r}; add Z for UTC, or an offset such as +01:00")
    try:
        whole = datetime.fromisoformat(f"{day}T{clock}{offset or '+00:00'}")
    except ValueError as error:
        raise ValueError(f"{usage}, not {text!r}: {error}") from None
    return whole.timestamp() + float(f"0.{fraction or 0}")
