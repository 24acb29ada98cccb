"""The labels of pushed series, as the original changes them: the grouping key wins, ``instance`` is always there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pytest_pushgateway.exposition.labels import Labels
from pytest_pushgateway.exposition.long_strings import LONGEST, Longs
from pytest_pushgateway.golang.utf8 import is_utf8


def grouping_labels(grouping: Mapping[bytes, bytes]) -> Labels:
    """Return a grouping key's labels sorted by name."""
    return tuple(sorted(grouping.items()))


def merge(labels: Iterable[tuple[bytes, bytes]], grouping: Labels | None) -> Labels:
    """Merge a metric's labels with its grouping key's, sorted by name.

    Grouping labels override, and ``instance=""`` is added where neither has an instance. Of several labels of one name,
    which only protobuf can bring, the first is overridden and the others stay. Without a grouping key, for what is read
    from a scrape, the labels stay as they are.
    """
    if grouping is None:
        return tuple(sorted(labels, key=_name))
    left = dict(grouping)
    merged = [(name, left.pop(name) if name in left else value) for name, value in labels]
    merged += left.items()
    if all(name != b"instance" for name, _ in merged):
        merged.append((b"instance", b""))
    merged.sort(key=_name)
    return tuple(merged)


def _name(label: tuple[bytes, bytes]) -> bytes:
    return label[0]


def is_suspect(labels: Labels, longs: Longs, *, has_summary: bool = False) -> bool:
    """Return whether labels need the consistency check's look at each of them.

    Suspect are names that are reserved, empty or not UTF-8, values that are not UTF-8, one name twice, and ``quantile``
    on a summary. ``longs`` are the long strings of the same push.
    """
    previous = None
    for name, value in labels:
        if name == previous or not name or name.startswith(b"__") or (has_summary and name == b"quantile"):
            return True
        for text in (name, value):
            if not (is_utf8(text) if len(text) <= LONGEST else longs[text].once(is_utf8)):
                return True
        previous = name
    return False
