"""Reading the text format 0.0.4: the fast path, and the strict parser for what it leaves."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_pushgateway.exposition.grouping_labels import grouping_labels
from pytest_pushgateway.exposition.model import Parsed
from pytest_pushgateway.exposition.text.building import Families
from pytest_pushgateway.exposition.text.fast_parser import parse_fast
from pytest_pushgateway.exposition.text.strict_parser import LineParser


def parse_strictly(body: bytes, grouping: Mapping[bytes, bytes] | None, *, utf8_names: bool = False) -> Parsed:
    """Read a body line by line through the strict parser alone: :func:`parse` without its fast path."""
    labels = None if grouping is None else grouping_labels(grouping)
    families = Families()
    parser = LineParser(families, utf8_names=utf8_names)
    lines = body.split(b"\n")
    last = lines.pop()
    number = 0
    for number, line in enumerate(lines, 1):
        parser.read(number, line + b"\n")
    parser.read(number + 1, last)
    return Parsed(families.finish(labels), parser.has_timestamps)


def parse(body: bytes, grouping: Mapping[bytes, bytes] | None, *, utf8_names: bool = False) -> Parsed:
    """Read a body of the text format 0.0.4, grouping labels merged into every series.

    Args:
        body: as sent, decoded from any content encoding.
        grouping: label names and values of the grouping key, ``job`` included; they override the series' own.
            None for what was not pushed: the labels stay as they are, no ``instance`` is added.
        utf8_names: accept quoted names of any UTF-8, as ``--push.enable-utf8-names`` does.

    Raises:
        ParseError: where the original refuses, in its words.
    """
    if grouping is None:
        return parse_strictly(body, None, utf8_names=utf8_names)
    fast = parse_fast(body, grouping_labels(grouping), utf8_names=utf8_names)
    return parse_strictly(body, grouping, utf8_names=utf8_names) if fast is None else fast
