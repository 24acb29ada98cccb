"""Labels: names, quoting, and the rendered prefix of a series."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_pushgateway.exposition.names import METRIC_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable


Labels = tuple[tuple[bytes, bytes], ...]
"""Label pairs, sorted by name."""


_LEGACY_NAME = re.compile(METRIC_NAME.encode())


_LABEL = re.compile(
    rb'(?:([a-zA-Z_:][a-zA-Z0-9_:]*)|"([^"\\]*(?:\\.[^"\\]*)*)")="([^"\\]*(?:\\.[^"\\]*)*)"[,}]',
    re.DOTALL,
)


_QUOTED = rb'(?s)"([^"\\]*(?:\\.[^"\\]*)*)"'


def is_legacy_name(name: bytes) -> bool:
    """Tell whether a metric or label name may stand unquoted; a colon is allowed in both, as in Go's writer."""
    return _LEGACY_NAME.fullmatch(name) is not None


def escape_value(value: bytes) -> bytes:
    """Escape a label value, or a quoted name, for the text format."""
    if b"\\" in value:
        value = value.replace(b"\\", b"\\\\")
    if b"\n" in value:
        value = value.replace(b"\n", b"\\n")
    return value.replace(b'"', b'\\"') if b'"' in value else value


def unescape_value(value: bytes) -> bytes:
    """Undo :func:`escape_value`; also for text from outside, whose escapes have been checked."""
    if b"\\" not in value:
        return value
    # Between escaped backslashes, which are taken from the left, every other one begins another escape.
    parts = value.split(b"\\\\")
    return b"\\".join([part.replace(b"\\n", b"\n").replace(b'\\"', b'"') for part in parts])


def render_name(name: bytes) -> bytes:
    """Write a name as it stands in a line: quoted where it is outside the legacy character set."""
    return name if is_legacy_name(name) else b'"' + escape_value(name) + b'"'


def render_prefix(name: bytes, labels: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Render what stands before the value in a line of the text format, names unescaped (``allow-utf-8``)."""
    pairs = [render_name(label) + b'="' + escape_value(value) + b'"' for label, value in labels]
    if name and not is_legacy_name(name):
        return b"{" + b",".join([render_name(name), *pairs]) + b"}"
    return name + b"{" + b",".join(pairs) + b"}" if pairs else name


def split_prefix(prefix: bytes) -> tuple[bytes, Labels]:
    """Give back the metric name and the labels from which a prefix was rendered."""
    name, brace, _ = prefix.partition(b"{")
    if not brace:
        return prefix, ()
    start = len(name) + 1
    if not name:
        quoted = re.compile(_QUOTED).match(prefix, start)
        if quoted and prefix[quoted.end() : quoted.end() + 1] != b"=":
            name = unescape_value(quoted[1])
            start = quoted.end() + 1
    labels = []
    for plain, quoted_name, value in _LABEL.findall(prefix, start):
        labels.append((plain or unescape_value(quoted_name), unescape_value(value)))
    return name, tuple(labels)


def sort_key(prefix: bytes) -> tuple[int, tuple[bytes, ...]]:
    """Return the key that gives Go's order of series within a family.

    That is the number of labels, then the label values in the order of the label names; the names do not count.
    """
    if b"\\" in prefix or b'{"' in prefix or b',"' in prefix:
        labels = split_prefix(prefix)[1]
        return len(labels), tuple([value for _, value in labels])
    values = prefix.split(b'"')[1::2]
    return len(values), tuple(values)
