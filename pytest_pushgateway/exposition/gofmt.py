"""How Go writes and reads numbers, strings and durations.

Every text that the original sends (answers, scrapes, JSON, logs) is made with Go's ``strconv``, ``fmt`` and ``time``
packages; these functions give the same bytes.
"""

from __future__ import annotations

import math
import re

from pytest_pushgateway.exposition.model import Histogram, MetricType, Mixed, Summary, Value, split_prefix

_FLOAT = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INFINITY = re.compile(rb"[+-]?inf(?:inity)?", re.IGNORECASE)
_INTEGER = re.compile(rb"[+-]?[0-9]+")

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
_DURATION_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")


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


def format_float_plain(value: float) -> bytes:
    """Format as ``strconv.FormatFloat(value, 'f', -1, 64)`` does: never an exponent."""
    if not math.isfinite(value):
        return _special(value)
    sign, digits, position = _digits(value)
    return (sign + _positional(digits, position)).encode()


def _positional(digits: str, position: int) -> str:
    if position < 0:
        return "0." + "0" * (-position - 1) + digits
    if len(digits) <= position + 1:
        return digits + "0" * (position + 1 - len(digits))
    return digits[: position + 1] + "." + digits[position + 1 :]


def parse_float(token: bytes) -> float | None:
    """Read a float as the original's text parser does; ``None`` where it refuses.

    That is ``strconv.ParseFloat`` without underscores and hexadecimal numbers. A number too large for a float is
    refused, one too small is zero.
    """
    if _FLOAT.fullmatch(token):
        value = float(token)
        return None if math.isinf(value) else value
    if _INFINITY.fullmatch(token):
        return -math.inf if token[:1] == b"-" else math.inf
    return math.nan if token.lower() == b"nan" else None


def parse_int(token: bytes) -> int | None:
    """Read a signed 64-bit decimal integer as ``strconv.ParseInt`` does; ``None`` where it refuses."""
    # The length is bounded before int() sees it: leading zeros apart, 19 digits are the most that fit.
    if not _INTEGER.fullmatch(token):
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


def _quote(text: str, delimiter: str) -> str:
    out = [delimiter]
    for character in text:
        code = ord(character)
        if character == delimiter:
            out.append("\\" + character)
        elif code in _SHORT_ESCAPES:
            out.append(_SHORT_ESCAPES[code])
        elif 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as surrogateescape keeps it
            out.append(f"\\x{code - 0xDC00:02x}")
        elif character.isprintable():
            out.append(character)
        elif code < 0x80:
            out.append(f"\\x{code:02x}")
        elif code < 0x10000:
            out.append(f"\\u{code:04x}")
        else:
            out.append(f"\\U{code:08x}")
    out.append(delimiter)
    return "".join(out)


def quote(text: bytes) -> str:
    """Quote as ``%q`` does a string: ``"a\\n\\xff"``."""
    return _quote(text.decode("utf-8", "surrogateescape"), '"')


def quote_rune(byte: int) -> str:
    """Quote as ``%q`` does a byte: the character of that number in single quotes."""
    return _quote(chr(byte), "'")


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


def parse_duration(text: str) -> float:
    """Read a duration as Go's ``time.ParseDuration`` does; the result is in seconds.

    Raises:
        ValueError: with Go's words, such as ``time: missing unit in duration "5"``.
    """
    original = quote(text.encode("utf-8", "surrogateescape"))
    invalid = ValueError(f"time: invalid duration {original}")
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0.0
    if not rest:
        raise invalid
    total = 0
    while rest:
        part = _DURATION_PART.match(rest)
        assert part is not None
        whole, fraction, unit = part.groups()
        if not whole and not fraction:
            raise invalid
        if not unit:
            raise ValueError(f"time: missing unit in duration {original}")
        if unit not in _NANOSECONDS:
            raise ValueError(
                f"time: unknown unit {quote(unit.encode('utf-8', 'surrogateescape'))} in duration {original}"
            )
        total += int(whole or 0) * _NANOSECONDS[unit]
        if fraction:
            total += int(fraction) * _NANOSECONDS[unit] // 10 ** len(fraction)
        if total > 2**63 - (text[0] != "-"):
            raise invalid
        rest = rest[part.end() :]
    return (-total if text[0] == "-" else total) / 1e9


def proto_float(value: float | bytes) -> str:
    """Format a float as Go's protobuf text format does: as ``'g', -1``, but ``nan`` and ``inf``."""
    text = (value if isinstance(value, bytes) else format_float(value)).decode()
    return _PROTO_SPECIAL.get(text, text)


_PROTO_SPECIAL = {"NaN": "nan", "+Inf": "inf", "-Inf": "-inf"}
_PROTO_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def proto_quote(text: bytes) -> str:
    """Quote a string as Go's protobuf text format does: control characters and bytes that are no UTF-8 escaped."""
    out = []
    for character in text.decode("utf-8", "surrogateescape"):
        code = ord(character)
        if character in _PROTO_ESCAPES:
            out.append(_PROTO_ESCAPES[character])
        elif code < 0x20 or code == 0x7F:
            out.append(f"\\x{code:02x}")
        elif 0x80 <= code <= 0x9F:
            out.append(f"\\u{code:04x}")
        elif 0xDC80 <= code <= 0xDCFF:
            out.append(f"\\x{code - 0xDC00:02x}")
        else:
            out.append(character)
    return '"' + "".join(out) + '"'


def metric_text(prefix: bytes, family_type: int, value: Value) -> str:
    """Write a series as the original's error texts show it: protobuf's text format on one line, two spaces apart.

    ``label:{name:"job"  value:"j"}  gauge:{value:1e+06}``. Whether Go puts one space or two depends on the build; the
    1.11.2 of reference has two.
    """
    fields = [
        f"label:{{name:{proto_quote(name)}  value:{proto_quote(text)}}}" for name, text in split_prefix(prefix)[1]
    ]
    if isinstance(value, Mixed):
        from pytest_pushgateway.exposition.protobuf import metric_fields

        fields += metric_fields(value.raw)
    elif isinstance(value, Summary):
        fields.append("summary:{" + "  ".join(_summary_fields(value)) + "}")
    elif isinstance(value, Histogram):
        fields.append("histogram:{" + "  ".join(_histogram_fields(value)) + "}")
    else:
        fields.append(f"{MetricType(family_type).name.lower()}:{{value:{proto_float(value)}}}")
    return "  ".join(fields)


def _summary_fields(summary: Summary) -> list[str]:
    fields = [f"sample_count:{summary.count}"] if summary.has_count else []
    if summary.has_sum:
        fields.append(f"sample_sum:{proto_float(summary.sum)}")
    fields += [
        f"quantile:{{quantile:{proto_float(rank)}  value:{proto_float(number)}}}" for rank, number in summary.quantiles
    ]
    return fields


def _histogram_fields(histogram: Histogram) -> list[str]:
    fields = []
    if histogram.whole_count is not None:
        fields.append(f"sample_count:{histogram.whole_count}")
    if isinstance(histogram.count, float):
        fields.append(f"sample_count_float:{proto_float(histogram.count)}")
    elif histogram.has_count:
        fields.append(f"sample_count:{histogram.count}")
    if histogram.has_sum:
        fields.append(f"sample_sum:{proto_float(histogram.sum)}")
    for bound, count in histogram.buckets:
        cumulative = (
            f"cumulative_count_float:{proto_float(count)}" if isinstance(count, float) else f"cumulative_count:{count}"
        )
        fields.append(f"bucket:{{{cumulative}  upper_bound:{proto_float(bound)}}}")
    return fields
