"""The body of a push: its content type, and which error the original would have met first.

The original reads and parses in one stream. Here both are done one after the other, so where the stream breaks, what
came before is parsed to see whether the parser would have given up earlier.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pytest_pushgateway.exposition.model import Parsed, ParseError
from pytest_pushgateway.exposition.text import parse as parse_text

_PROTOBUF = "application/vnd.google.protobuf"
_MESSAGE = "io.prometheus.client.MetricFamily"
_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER = re.compile(rf'\s*;\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))', re.ASCII)
_END = re.compile(r"\s*(?:;\s*)?")


def is_protobuf(content_type: str) -> bool:
    """Tell whether a push is parsed as delimited protobuf; everything else is parsed as text.

    As Go's ``mime.ParseMediaType``: a header that is malformed anywhere is no protobuf.
    """
    media_type, semicolon, rest = content_type.partition(";")
    if media_type.strip().lower() != _PROTOBUF:
        return False
    rest = semicolon + rest
    parameters: dict[str, str] = {}
    position = 0
    while match := _PARAMETER.match(rest, position):
        name, quoted, token = match[1].lower(), match[2], match[3]
        if name in parameters:
            return False
        parameters[name] = token if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        position = match.end()
    if not _END.fullmatch(rest, position):
        return False
    return parameters.get("encoding") == "delimited" and parameters.get("proto") == _MESSAGE


def parse_push(
    body: bytes, content_type: str, grouping: Mapping[bytes, bytes], *, utf8_names: bool, broken: str | None = None
) -> Parsed:
    """Parse a push's decoded body.

    ``broken`` is why the stream ended early: its text is the answer unless the lines before it are wrong themselves.
    Raises ParseError.
    """
    if is_protobuf(content_type):
        from pytest_pushgateway.exposition.protobuf import parse as parse_protobuf

        if broken is not None:
            raise ParseError(broken)
        return parse_protobuf(body, grouping)
    if broken is not None:
        parse_text(body[: body.rfind(b"\n") + 1], grouping, utf8_names=utf8_names)
        raise ParseError(broken)
    return parse_text(body, grouping, utf8_names=utf8_names)
