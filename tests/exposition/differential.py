"""The same body to the real Pushgateway and to ours: status, words, scrape."""

from __future__ import annotations

import re

from pytest_pushgateway.exposition.escaping import ALLOW_UTF8, UNDERSCORES
from pytest_pushgateway.exposition.labels import sort_key
from pytest_pushgateway.exposition.model import Parsed, ParseError
from pytest_pushgateway.exposition.protobuf.text import metric_text
from pytest_pushgateway.exposition.text import reader as text_reader
from pytest_pushgateway.exposition.text import writer as text_writer
from pytest_pushgateway.golang.strconv import quote
from tests.exposition.oracle import Oracle

GROUPING = {b"job": b"j"}
INCONSISTENT = b"pushed metrics are invalid or inconsistent with existing metrics: "
TIMESTAMPS = INCONSISTENT + b"pushed metrics must not have timestamps\n"


def in_go_s_order(parsed: Parsed, escaping: str = UNDERSCORES) -> bytes:
    """Write what was parsed as a scrape of a gateway that holds nothing else."""
    families = [parsed.families[name] for name in sorted(parsed.families)]
    for family in families:
        family.series = sorted(family.series, key=lambda series: sort_key(series[0]))
    return text_writer.render_text(families, escaping)


def disagreement(oracle: Oracle, body: bytes, *, utf8_names: bool = False) -> str | None:
    """Push to the real gateway, parse with ours; return the difference, if there is one."""
    oracle.request("DELETE", "/metrics/job/j")
    answer = oracle.push(body)
    try:
        parsed = text_reader.parse(body, GROUPING, utf8_names=utf8_names)
    except ParseError as error:
        if answer.status == 0:
            return None  # the original died of a nil pointer
        if answer.status != 400 or answer.body.decode() != f"{error}\n":
            return f"ours refuses: {error!s}; theirs: {answer.status} {answer.body!r}"
        return None
    if answer.status == 200:
        accept = "text/plain;escaping=allow-utf-8" if utf8_names else ""
        theirs = oracle.pushed(accept)
        ours = in_go_s_order(parsed, ALLOW_UTF8 if utf8_names else UNDERSCORES)
        return None if ours == theirs else f"ours exposes {ours!r}; theirs {theirs!r}"
    if not answer.body.startswith(INCONSISTENT):
        return f"ours accepts; theirs: {answer.status} {answer.body!r}"
    if parsed.has_timestamps or answer.body == TIMESTAMPS:
        return None if parsed.has_timestamps and answer.body == TIMESTAMPS else f"timestamps: {answer.body!r}"
    return _unexplained(parsed, answer.body.decode())


def _unexplained(parsed: Parsed, error: str) -> str | None:
    """Check the metrics that an inconsistency names against what we parsed; return those that we do not have."""
    known = {
        (quote(family.name)[1:-1], metric_text(prefix, family.type, value))
        for family in parsed.families.values()
        for prefix, value in family.series
    }
    suspects = {prefix for family in parsed.families.values() for prefix in family.suspects}
    duplicates = any(
        len({prefix for prefix, _ in family.series}) < len(family.series) for family in parsed.families.values()
    )
    for name, metric, why in re.findall(r'collected metric "(.*?)" \{ (.*)\} (was|has|must|is) ', error):
        if (name, metric) not in known:
            return f"theirs names {name} {metric}; ours has {known}"
        if why == "was" and not duplicates:
            return f"ours sees no duplicate in {known}"
        if why in ("has", "must") and not suspects:
            return f"ours suspects nothing: {error}"
    if "collected metric " in error or "collected h" in error or "gathered" in error or not parsed.families:
        return None
    return f"not understood: {error}"
