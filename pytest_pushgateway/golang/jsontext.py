"""JSON as Go's encoding/json writes it: ``<``, ``>``, ``&`` and the line separators escaped, invalid UTF-8 replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pytest_pushgateway.golang.utf8 import text_of

_SPECIAL = re.compile("[<>&\\x00-\\x1f\\u2028\\u2029\\udc80-\\udcff]")
_PLAIN = re.compile(rb"[^\"\\<>&\x00-\x1f\x80-\xff]*")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if "\udc80" <= character <= "\udcff":
        return "\\ufffd"
    return _SHORT.get(character) or f"\\u{ord(character):04x}"


def is_plain(text: bytes) -> bool:
    """Return whether a string stands in JSON as it is."""
    return _PLAIN.fullmatch(text) is not None


def string(text: bytes) -> bytes:
    r"""Return a JSON string; each byte that is not UTF-8 becomes ``\ufffd``."""
    if is_plain(text):
        return b'"' + text + b'"'
    decoded = text_of(text).replace("\\", "\\\\").replace('"', '\\"')
    return b'"' + _SPECIAL.sub(_escape, decoded).encode() + b'"'


def content(text: bytes) -> bytes:
    """Return what stands between the quotes of a JSON string."""
    return string(text)[1:-1]


def object_of(members: Mapping[bytes, bytes]) -> bytes:
    """Return a JSON object of values that are JSON already, sorted by name as Go sorts a map."""
    return b"{" + b",".join(string(name) + b":" + members[name] for name in sorted(members)) + b"}"


def strings(members: Mapping[bytes, bytes]) -> bytes:
    """Return a JSON object of strings."""
    return object_of({name: string(value) for name, value in members.items()})
