"""Numbers and strings as Go writes and reads them.

Every text that the original sends (answers, scrapes, JSON, logs) is made with Go's ``strconv`` and ``fmt`` packages;
these functions give the same bytes.
"""

from __future__ import annotations

import math
import re
from functools import cache

from pytest_pushgateway.golang.utf8 import text_of

_FLOAT = rb"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_INFINITY = rb"(?i)[+-]?inf(?:inity)?"
_INTEGER = rb"[+-]?[0-9]+"

_SHORT_ESCAPES = {
    0x07: "\\a",
    0x08: "\\b",
    0x09: "\\t",
    0x0A: "\\n",
    0x0B: "\\v",
    0x0C: "\\f",
    0x0D: "\\r",
    0x5C: "\\\\",
}


def whole_number(digits: str) -> int:
    """Return what decimal digits are, however many; none are 0.

    More than 40, leading zeros apart, are 10**40, which is beyond every limit. ``int()`` refuses more than 4,300 since
    Python 3.10.7 and 3.11, with an error about the interpreter.
    """
    digits = digits.lstrip("0")
    return int(digits or 0) if len(digits) <= 40 else 10**40


@cache
def _float() -> re.Pattern[bytes]:
    # Not at the top: a gateway without pushes does not need it.
    return re.compile(_FLOAT)


def _digits(value: float) -> tuple[str, str, int]:
    """Return sign, shortest significant digits and decimal exponent of the first digit of a finite number."""
    mantissa, _, exponent = repr(value).partition("e")
    sign = ""
    if mantissa[0] == "-":
        sign, mantissa = "-", mantissa[1:]
    whole, _, fraction = mantissa.partition(".")
    if fraction == "0":
        fraction = ""
    digits = whole + fraction
    position = len(whole) - 1 + int(exponent or 0)
    stripped = digits.lstrip("0")
    position -= len(digits) - len(stripped)
    stripped = stripped.rstrip("0")
    return (sign, stripped, position) if stripped else (sign, "0", 0)


def _special(value: float) -> bytes:
    if value != value:
        return b"NaN"
    return b"+Inf" if value > 0 else b"-Inf"


def format_float(value: float) -> bytes:
    """Format as ``strconv`` does with ``'g', -1`` and ``%v``: ``1e+06``, ``0.5``, ``NaN``, ``+Inf``, ``-0``."""
    if 1e-4 <= value < 1e16:
        # The common numbers, quickly. Python and Go write those below a million alike, but for Python's ".0".
        text = repr(value)
        if value < 1e6:
            return (text[:-2] if text.endswith(".0") else text).encode()
        whole, _, fraction = text.partition(".")
        mantissa = f"{whole[0]}.{whole[1:]}{fraction}".rstrip("0").rstrip(".")
        return f"{mantissa}e+{len(whole) - 1:02d}".encode()
    if not math.isfinite(value):
        return _special(value)
    sign, digits, position = _digits(value)
    if -4 <= position < 6:
        return (sign + _positional(digits, position)).encode()
    fraction = "." + digits[1:] if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{'-' if position < 0 else '+'}{abs(position):02d}".encode()


def _positional(digits: str, position: int) -> str:
    if position < 0:
        return "0." + "0" * (-position - 1) + digits
    if len(digits) <= position + 1:
        return digits + "0" * (position + 1 - len(digits))
    return digits[: position + 1] + "." + digits[position + 1 :]


def parse_float(token: bytes) -> float | None:
    """Read a float as the original's text parser does; ``None`` if it refuses.

    That is ``strconv.ParseFloat`` without underscores and hexadecimal numbers. A number too large for a float is
    refused, one too small is zero.
    """
    if _float().fullmatch(token):
        value = float(token)
        return None if math.isinf(value) else value
    if re.fullmatch(_INFINITY, token):
        return -math.inf if token[:1] == b"-" else math.inf
    return math.nan if token.lower() == b"nan" else None


def parse_int(token: bytes) -> int | None:
    """Read a signed 64-bit decimal integer as ``strconv.ParseInt`` does; ``None`` if it refuses."""
    # The length is bounded before int() sees it: leading zeros apart, 19 digits are the most that fit.
    if not re.fullmatch(_INTEGER, token):
        return None
    digits = token.lstrip(b"+-").lstrip(b"0")
    if len(digits) > 19:
        return None
    value = int(digits or b"0")
    if token[:1] == b"-":
        value = -value
    return value if -(2**63) <= value < 2**63 else None


def to_uint64(value: float) -> int:
    """Convert as ``uint64(value)`` does on amd64, out-of-range numbers included."""
    if value < 2.0**63:
        return int(value) % 2**64 if value >= -(2.0**63) else 2**63
    if value < 2.0**64:
        return int(value)
    return 2**63


class _Escapes(dict[int, str]):
    """What ``%q`` writes for a character, as :meth:`str.translate` asks for it: once for each of the common ones."""

    def __init__(self, delimiter: str) -> None:
        super().__init__({**_SHORT_ESCAPES, ord(delimiter): "\\" + delimiter})

    def __missing__(self, code: int) -> str:
        written = _escaped(code)
        if code < 0x100:
            self[code] = written
        return written


def _escaped(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as surrogateescape keeps it
        return f"\\x{code - 0xDC00:02x}"
    if chr(code).isprintable():
        return chr(code)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_IN_STRINGS = _Escapes('"')
_IN_RUNES = _Escapes("'")


def quote(text: bytes) -> str:
    r"""Quote as ``%q`` does a string: ``"a\n\xff"``."""
    return '"' + text_of(text).translate(_IN_STRINGS) + '"'


def quote_rune(byte: int) -> str:
    """Quote as ``%q`` does a byte: the character of that number in single quotes."""
    return "'" + chr(byte).translate(_IN_RUNES) + "'"
