"""The text format 0.0.4: read as the original reads it, written as it writes it."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_pushgateway.exposition.model import Parsed, ParseError, RenderError
from pytest_pushgateway.exposition.sanitise import grouping_labels
from pytest_pushgateway.exposition.text_parser import LineParser
from pytest_pushgateway.exposition.text_writer import render_block, render_header, render_series, render_text

__all__ = [
    "ParseError",
    "RenderError",
    "parse",
    "parse_strictly",
    "render_block",
    "render_header",
    "render_series",
    "render_text",
]


def parse_strictly(body: bytes, grouping: Mapping[bytes, bytes], *, utf8_names: bool = False) -> Parsed:
    """Read a body line by line through the strict parser alone: :func:`parse` without its fast path."""
    labels = grouping_labels(grouping)
    parser = LineParser(utf8_names=utf8_names)
    lines = body.split(b"\n")
    last = lines.pop()
    number = 0
    for number, line in enumerate(lines, 1):
        parser.read(number, line + b"\n")
    parser.read(number + 1, last)
    return Parsed(parser.finish(labels), parser.has_timestamps)


parse = parse_strictly
