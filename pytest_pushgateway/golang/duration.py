"""Durations as Go writes and reads them: the same texts as its ``time`` package gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from pytest_pushgateway.golang.strconv import quote, whole_number
from pytest_pushgateway.golang.utf8 import bytes_of

_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_DAYS = {"d": 24 * 3600 * 10**9, "w": 7 * 24 * 3600 * 10**9}
_DURATION_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")


def format_duration(seconds: float) -> str:
    """Format a duration in seconds as Go's ``Duration.String`` does: ``5m0s``, ``1.5s``, ``20ms``."""
    nanoseconds = round(seconds * 1e9)
    if nanoseconds == 0:
        return "0s"
    sign, nanoseconds = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    for limit, unit, suffix in ((10**3, 1, "ns"), (10**6, 10**3, "µs"), (10**9, 10**6, "ms")):
        if nanoseconds < limit:
            return sign + _scaled(nanoseconds, unit) + suffix
    minutes, nanoseconds = divmod(nanoseconds, 60 * 10**9)
    text = _scaled(nanoseconds, 10**9) + "s"
    if minutes:
        hours, minutes = divmod(minutes, 60)
        text = f"{hours}h{minutes}m{text}" if hours else f"{minutes}m{text}"
    return sign + text


def _scaled(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    fraction = str(rest).zfill(len(str(unit)) - 1).rstrip("0") if rest else ""
    return f"{whole}.{fraction}" if fraction else str(whole)


def parse_flag_duration(text: str) -> float:
    """Read a duration as a flag of kingpin 2.4 does: as Go's, with days and weeks; the result is in seconds.

    Raises:
        ValueError: with kingpin's words.
    """
    return _parse(text, _NANOSECONDS | _DAYS, lambda shown: f'"{shown}"')


def parse_duration(text: str) -> float:
    """Read a duration as Go's ``time.ParseDuration`` does; the result is in seconds.

    Raises:
        ValueError: with Go's words, such as ``time: missing unit in duration "5"``.
    """
    return _parse(text, _NANOSECONDS, lambda shown: quote(bytes_of(shown)))


def _parse(text: str, units: Mapping[str, int], quoted: Callable[[str], str]) -> float:
    original = quoted(text)
    invalid = ValueError(f"time: invalid duration {original}")
    at = 1 if text[:1] in ("+", "-") else 0
    if text[at:] == "0":
        return 0.0
    if at == len(text):
        raise invalid
    total = 0
    while at < len(text):
        part = _DURATION_PART.match(text, at)
        assert part is not None
        at = part.end()
        whole, fraction, unit = part.groups()
        if not whole and not fraction:
            raise invalid
        if not unit:
            raise ValueError(f"time: missing unit in duration {original}")
        if unit not in units:
            raise ValueError(f"time: unknown unit {quoted(unit)} in duration {original}")
        total += whole_number(whole) * units[unit]
        if fraction:
            fraction = fraction[:18]  # what comes behind is less than a nanosecond
            total += int(fraction) * units[unit] // 10 ** len(fraction)
        if total > 2**63 - (text[0] != "-"):
            raise invalid
    return (-total if text[0] == "-" else total) / 1e9
