"""Names outside the legacy character set, as a scrape's escaping scheme has them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial

from pytest_pushgateway.exposition.labels import (
    Labels,
    is_legacy_name,
    put_together,
    render_prefix,
    spelled,
    split_prefix,
    unescape_value,
)
from pytest_pushgateway.exposition.long_strings import Wide, widen
from pytest_pushgateway.golang.utf8 import text_of

ALLOW_UTF8 = "allow-utf-8"
UNDERSCORES = "underscores"
DOTS = "dots"
VALUES = "values"


_LONG = 256
"""Names with more bytes than this are not remembered: an attacker could fill memory with them."""

# Compiled with their first use, as few gateways ever need them.
_UNFIT = r"\A[0-9]|[^a-zA-Z0-9_:]"
_UNFIT_OR_DOT = r"\A[0-9]|[^a-zA-Z0-9_:.]"


def escape_name(name: bytes, escaping: str) -> bytes:
    """Escape a metric or label name by one of the schemes that a scrape can negotiate.

    Bytes that are no UTF-8 count as U+FFFD each.
    """
    if escaping == ALLOW_UTF8 or not name or is_legacy_name(name):
        return name
    return _remembered(name, escaping) if len(name) <= _LONG else _escape(name, escaping)


def _escape(name: bytes, escaping: str) -> bytes:
    text = text_of(name)
    if escaping == UNDERSCORES:
        return re.sub(_UNFIT, "_", text).encode()
    text = text.replace("_", "__")
    if escaping == DOTS:
        return re.sub(_UNFIT_OR_DOT, "__", text).replace(".", "_dot_").encode()
    return ("U__" + re.sub(_UNFIT, _code, text)).encode()


_remembered = lru_cache(maxsize=4096)(_escape)


def _code(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"_{0xFFFD if 0xDC80 <= code <= 0xDCFF else code:x}_"


def unescape_name(name: bytes) -> bytes:
    """Undo the ``values`` scheme (``U__a_2e_b`` for ``a.b``); a malformed name is given back as it is."""
    if not name.startswith(b"U__"):
        return name
    out = []
    pieces = iter(name[3:].split(b"_"))
    out.append(next(pieces))
    for code in pieces:
        after = next(pieces, None)
        if after is None:
            return name
        if code:
            character = _code_point(code)
            if character is None:
                return name
            out.append(character)
        else:
            out.append(b"_")
        out.append(after)
    return b"".join(out)


def _code_point(digits: bytes) -> bytes | None:
    # Setting bit 5 is how Go lowers the digits before it looks at them.
    lowered = bytes(digit | 0x20 for digit in digits)
    if len(lowered) > 5 or lowered.strip(b"0123456789abcdef"):
        return None
    try:
        return chr(int(lowered, 16)).encode()
    except UnicodeEncodeError:  # a surrogate
        return None


def escape_labels(labels: Labels, escaping: str) -> Labels:
    """Escape the label names; their order stays that of the unescaped names."""
    return tuple((escape_name(name, escaping), value) for name, value in labels)


def escape_prefix(prefix: bytes, escaping: str) -> bytes:
    """Render a prefix, which names everything unescaped, under an escaping scheme."""
    if escaping == ALLOW_UTF8 or not (b'{"' in prefix or b',"' in prefix):
        return prefix
    if isinstance(prefix, Wide):
        return _escape_wide(prefix, escaping)
    name, labels = split_prefix(prefix)
    return render_prefix(escape_name(name, escaping), escape_labels(labels, escaping))


def _escape_wide(prefix: Wide, escaping: str) -> Wide:
    name, labels = spelled(prefix)

    def escaped(text: bytes) -> bytes:
        # A token stays, without quotes: the name that it stands for is escaped where it is written out.
        return text if text in prefix.longs else escape_name(unescape_value(text), escaping)

    pairs = [escaped(label) + b'="' + value + b'"' for label, value in labels]
    return widen(put_together(escaped(name), pairs), prefix.longs)


NAME_ESCAPERS: dict[str, Callable[[bytes], bytes]] = {
    each: partial(escape_name, escaping=each) for each in (ALLOW_UTF8, UNDERSCORES, DOTS, VALUES)
}
"""What escapes the name of a `Long`, which remembers it by the function."""
