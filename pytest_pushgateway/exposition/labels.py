"""Labels: names, quoting, and the rendered prefix of a series."""

from __future__ import annotations

import re
from functools import cache

from pytest_pushgateway.exposition.long_strings import LONGEST, Long, Longs, Wide, expand, widen
from pytest_pushgateway.exposition.names import METRIC_NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


Labels = tuple[tuple[bytes, bytes], ...]
"""Label pairs, sorted by name."""


_LEGACY_NAME = re.compile(METRIC_NAME.encode())


_LABEL = (
    rb'(?s)(?:([a-zA-Z_:][a-zA-Z0-9_:]*|\\@[0-9a-f]{32})|"([^"\\]*(?:\\.[^"\\]*)*)")="([^"\\]*(?:\\.[^"\\]*)*)"[,}]'
)
_QUOTED = rb'(?s)"([^"\\]*(?:\\.[^"\\]*)*)"'


@cache
def _label() -> re.Pattern[bytes]:
    # Not at the top: a gateway without pushes does not need it.
    return re.compile(_LABEL)


def is_legacy_name(name: bytes) -> bool:
    """Return whether a metric or label name needs no quotes; a colon is allowed in both, as in Go's writer."""
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
    # Escaped backslashes are taken from the left; a NUL keeps their places, as no escape is written with one. Step by
    # step, so that only two copies are held at once: the value may be megabytes long.
    value = value.replace(b"\\\\", b"\\\0")
    value = value.replace(b"\\n", b"\n")
    value = value.replace(b'\\"', b'"')
    return value.replace(b"\\\0", b"\\")


def render_name(name: bytes) -> bytes:
    """Write a name as it is in a line: quoted where it is outside the legacy character set."""
    return name if is_legacy_name(name) else b'"' + escape_value(name) + b'"'


def render_prefix(name: bytes, labels: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Render the part before the value in a line of the text format, names unescaped (``allow-utf-8``)."""
    return put_together(
        render_name(name) if name else b"",
        [render_name(label) + b'="' + escape_value(value) + b'"' for label, value in labels],
    )


def series_prefix(name: bytes, labels: Labels, longs: Longs | None = None) -> bytes:
    """Return the prefix that a series is known by: as :func:`render_prefix`, but with tokens for long strings.

    ``longs`` are those of the same push.
    """
    pairs = []
    for label, value in labels:
        if len(value) > LONGEST or len(label) > LONGEST:
            return _wide_prefix(name, labels, Longs() if longs is None else longs)
        pairs.append(render_name(label) + b'="' + escape_value(value) + b'"')
    if len(name) > LONGEST:
        return _wide_prefix(name, labels, Longs() if longs is None else longs)
    return put_together(render_name(name) if name else b"", pairs)


def _wide_prefix(name: bytes, labels: Labels, longs: Longs) -> Wide:
    used: dict[bytes, Long] = {}
    pairs = [spell_name(label, longs, used) + b'="' + spell_value(value, longs, used) + b'"' for label, value in labels]
    return widen(put_together(spell_name(name, longs, used) if name else b"", pairs), used)


def spell_name(name: bytes, longs: Longs, used: dict[bytes, Long]) -> bytes:
    """Return a name as it is in a series' prefix; adds it to ``used``, by its token, if it is long."""
    if len(name) <= LONGEST:
        return render_name(name)
    long = longs[name]
    used[long.token] = long
    return long.token if long.once(is_legacy_name) else b'"' + long.token + b'"'


def spell_value(value: bytes, longs: Longs, used: dict[bytes, Long]) -> bytes:
    """Return a label value as it is in a series' prefix; adds it to ``used``, by its token, if it is long."""
    if len(value) <= LONGEST:
        return escape_value(value)
    long = longs[value]
    used[long.token] = long
    return long.token


def put_together(name: bytes, pairs: list[bytes]) -> bytes:
    """Return the prefix of a name and label pairs, all of them as they are in it."""
    if name.startswith(b'"'):
        return b"{" + b",".join([name, *pairs]) + b"}"
    return name + b"{" + b",".join(pairs) + b"}" if pairs else name


def full_prefix(prefix: bytes) -> bytes:
    """Return a series' prefix with everything written out, as :func:`render_prefix` does."""
    return b"".join(expand(prefix, prefix.longs, _as_it_is)) if isinstance(prefix, Wide) else prefix


def _as_it_is(long: Long, _before: bytes) -> bytes:
    return long.once(escape_value)


def split_prefix(prefix: bytes) -> tuple[bytes, Labels]:
    """Give back the metric name and the labels from which a prefix was rendered."""
    name, labels = spelled(prefix)
    if isinstance(prefix, Wide):
        longs = prefix.longs
        return _meant(name, longs), tuple([(_meant(label, longs), _meant(value, longs)) for label, value in labels])
    return unescape_value(name), tuple([(unescape_value(label), unescape_value(value)) for label, value in labels])


def spelled(prefix: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Return the metric name and the labels of a prefix as they are in it, escaped or as tokens, without quotes."""
    name, _, rest = take_name(prefix)
    labels = _label().findall(rest) if rest else []
    return name, [(plain or quoted, value) for plain, quoted, value in labels]


def take_name(prefix: bytes) -> tuple[bytes, bool, bytes]:
    """Take the metric name off a prefix.

    Returns:
        The name as it is there, without quotes; whether it has some; and the rest, from the first label to the
        closing brace.
    """
    name, _, rest = prefix.partition(b"{")
    if not name and rest.startswith(b'"'):
        quoted = re.match(_QUOTED, rest)
        if quoted and rest[quoted.end() : quoted.end() + 1] != b"=":
            return quoted[1], True, rest[quoted.end() + 1 :]
    return name, False, rest


def _meant(text: bytes, longs: Mapping[bytes, Long]) -> bytes:
    """Return the name or value that ``text`` is in a prefix."""
    long = longs.get(text)
    return unescape_value(text) if long is None else long.raw


def sort_key(prefix: bytes) -> tuple[int, tuple[bytes, ...]]:
    """Return the key that gives Go's order of series within a family.

    That is the number of labels, then the label values in the order of the label names; the names do not count.
    """
    if b"\\" in prefix or b'{"' in prefix or b',"' in prefix:
        labels = split_prefix(prefix)[1]
        return len(labels), tuple([value for _, value in labels])
    values = prefix.split(b'"')[1::2]
    return len(values), tuple(values)
