"""The three parsers, each fed with bytes: what it refuses in its own words is fine, anything else is a crash."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pytest_pushgateway.exposition.model import ParseError, RenderError
from pytest_pushgateway.exposition.protobuf.writer import render_family
from pytest_pushgateway.exposition.text import reader as text_reader
from pytest_pushgateway.exposition.text import writer as text_writer
from pytest_pushgateway.gateway.app.access.web_config import WebConfig
from pytest_pushgateway.gateway.app.push_body import parse_push
from pytest_pushgateway.gateway.log import silent

Target = Callable[[bytes], None]

GROUPING = {b"job": b"j", b"a": b"%s", b"instance": b"\xc3\xa9"}
PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"


class Disagreement(Exception):
    """The fast path and the strict parser do not read a body alike."""


def parse_text(body: bytes) -> None:
    """Read a body with the fast path and with the strict parser, and write what was read."""
    for utf8_names in (False, True):
        outcomes = []
        for parse in (text_reader.parse, text_reader.parse_strictly):
            try:
                parsed = parse(body, GROUPING, utf8_names=utf8_names)
            except ParseError as error:
                outcomes.append(str(error))
            else:
                outcomes.append(repr(parsed))
                text_writer.render_text(list(parsed.families.values()))
        if outcomes[0] != outcomes[1]:
            raise Disagreement(outcomes)


def parse_protobuf(body: bytes) -> None:
    """Read a body as a push of protobuf does, and write what was read in both formats."""
    try:
        parsed = parse_push((body,), PROTOBUF, GROUPING, utf8_names=True)
    except ParseError:
        return
    for family in parsed.families.values():
        for write in (render_family, lambda family: text_writer.render_text([family])):
            with suppress(RenderError):
                write(family)


_DIRECTORY = tempfile.TemporaryDirectory(prefix="stress-")
atexit.register(_DIRECTORY.cleanup)
_CONFIGURATION = Path(_DIRECTORY.name, "web.yml")


def start_with_web_configuration(content: bytes) -> None:
    """Start with a web configuration file of this content, as far as the first connection."""
    _CONFIGURATION.write_bytes(content)
    try:
        WebConfig(str(_CONFIGURATION), silent)
    except ValueError:
        return


TARGETS: dict[str, Target] = {
    "text": parse_text,
    "protobuf": parse_protobuf,
    "web_config": start_with_web_configuration,
}
