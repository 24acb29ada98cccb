"""Long names and label values: held once, with a token in their place in the prefixes of all series that have them.

Otherwise 10,000 short lines pushed under a job of 100 kB would take a gigabyte. A token is made of the string alone, so
that one series has one prefix, whoever pushes it; a backslash before an at sign is in no text that was escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from pytest_pushgateway.exposition.series import apart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from pytest_pushgateway.exposition.model import Value

    T = TypeVar("T")


LONGEST = 256
"""Bytes of the longest name or value that is written out in a prefix."""

# Between backslashes the second belongs to the first: there it begins no token.
_TOKEN = rb"(?<!\\)\\@[0-9a-f]{32}"


class Long:
    """A string with more than `LONGEST` bytes."""

    __slots__ = ("_known", "raw", "token")

    def __init__(self, raw: bytes) -> None:
        from hashlib import blake2b

        self.raw: bytes = raw
        self.token: bytes = b"\\@" + blake2b(raw, digest_size=16).hexdigest().encode()
        self._known: dict[Callable[[bytes], object], Any] = {}

    def once(self, function: Callable[[bytes], T]) -> T:
        """Return what a function makes of it, worked out once: it may be in the prefixes of many series."""
        known = self._known
        if function not in known:
            found = function(self.raw)
            # Most need no escapes: then nothing more is held.
            known[function] = self.raw if found == self.raw else found
        result: T = known[function]
        return result


class Longs(dict[bytes, Long]):
    """The long strings of one push, by what they are: equal ones are one."""

    def __missing__(self, raw: bytes) -> Long:
        long = self[raw] = Long(raw)
        return long


class Wide(bytes):
    """A prefix with tokens in it, equal to the same bytes; holds what they stand for."""

    longs: Mapping[bytes, Long]
    """By token."""


def widen(text: bytes, longs: Mapping[bytes, Long]) -> Wide:
    """Return a prefix with the long strings in it, by their tokens."""
    wide = Wide(text)
    wide.longs = longs
    return wide


def longs_in(series: Iterable[tuple[bytes, Value]]) -> dict[bytes, Long]:
    """Return the long strings in the prefixes of series, by their tokens."""
    longs: dict[bytes, Long] = {}
    for prefix, _ in apart(series):
        if isinstance(prefix, Wide):
            longs.update(prefix.longs)
    return longs


def tokens_in(text: bytes) -> list[bytes]:
    """Return the tokens in a prefix."""
    return re.findall(_TOKEN, text) if b"\\@" in text else []


Write = Callable[[Long, bytes], bytes]
"""Returns what is written for a long string; the text just before its token shows what it is there."""


def expand(text: bytes, longs: Mapping[bytes, Long], write: Write) -> list[bytes]:
    """Return a text in pieces, long strings in place of their tokens: each is one object, however often it is there.

    Args:
        text: what was written of prefixes; backslashes in other strings are escaped.
        longs: those that may be in it, by their tokens.
        write: returns each as the others in the text are written, as :meth:`Long.once` remembers it.
    """
    pieces = []
    start = 0
    for token in re.finditer(_TOKEN, text):
        if start < token.start():
            pieces.append(text[start : token.start()])
        pieces.append(write(longs[token[0]], text[max(0, token.start() - _CONTEXT) : token.start()]))
        start = token.end()
    if start < len(text):
        pieces.append(text[start:])
    return pieces


_CONTEXT = 10
"""Bytes before a token."""
