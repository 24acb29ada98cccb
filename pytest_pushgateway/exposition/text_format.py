"""The text format 0.0.4: read as the original reads it, written as it writes it."""

from __future__ import annotations

from pytest_pushgateway.exposition.model import ParseError, RenderError
from pytest_pushgateway.exposition.text.reader import parse, parse_strictly
from pytest_pushgateway.exposition.text.writer import render_block, render_header, render_series, render_text

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
