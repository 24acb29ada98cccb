"""The model that the wire formats share: metric families as they are pushed, stored and exposed.

Names, label values and help texts are ``bytes``, as the original's strings are: a label value may be invalid UTF-8.

A *series* is its rendered *prefix*: ``name{label="value",...}`` with the labels sorted by name, exactly as the text
format prints it under ``escaping=allow-utf-8`` (``{"a.b",label="value"}`` for a name outside the legacy character
set). The prefix is the identity of the series, the line's beginning in a scrape, and the only place where its labels
are kept; :func:`split_prefix` gives them back to whoever asks. For summaries and histograms it is the prefix of the
whole metric, without ``le`` or ``quantile``.
"""

from __future__ import annotations

from enum import IntEnum


class MetricType(IntEnum):
    """Metric types, numbered as in ``io.prometheus.client.MetricType``."""

    COUNTER = 0
    GAUGE = 1
    SUMMARY = 2
    UNTYPED = 3
    HISTOGRAM = 4
    GAUGE_HISTOGRAM = 5


Labels = tuple[tuple[bytes, bytes], ...]
"""Label pairs, sorted by name."""
