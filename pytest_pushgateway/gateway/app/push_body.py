"""The body of a push: its content type, and which error the original would have met first.

The original reads, decodes and parses in one stream. Here it is done one after the other, so where the stream breaks,
what came before is parsed to see whether the parser would have given up earlier.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_pushgateway.exposition.content_coding import first_error
from pytest_pushgateway.exposition.model import Parsed
from pytest_pushgateway.exposition.text.reader import parse as parse_text

if TYPE_CHECKING:
    from pytest_pushgateway.exposition.content_coding import EncodingError

_PROTOBUF = "application/vnd.google.protobuf"
_MESSAGE = "io.prometheus.client.MetricFamily"
_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER = rf'(?a)\s*;\s*({_TOKEN})\s*=\s*(?:"([^"]*)"|({_TOKEN}))'
"""A parameter whose escapes are masked."""
_ESCAPED = r'\\([()<>@,;:\\"/\[\]?=])'
"""Go takes a backslash as an escape only where one is needed."""
_END = r"\s*(?:;\s*)?"


def is_protobuf(content_type: str) -> bool:
    """Return whether a push is parsed as delimited protobuf; everything else is parsed as text.

    As Go's ``mime.ParseMediaType``: a header that is malformed anywhere is no protobuf.
    """
    media_type, semicolon, rest = content_type.partition(";")
    if media_type.strip().lower() != _PROTOBUF:
        return False
    rest = semicolon + rest
    parameters: dict[str, str] = {}
    position = 0
    parameter = re.compile(_PARAMETER)
    masked = rest.replace("\\\\", "[[").replace('\\"', "[[")
    while match := parameter.match(masked, position):
        name, token = match[1].lower(), match[3]
        value = token if match[2] is None else re.sub(_ESCAPED, r"\1", rest[match.start(2) : match.end(2)])
        if parameters.setdefault(name, value) != value:
            return False
        position = match.end()
    if not re.fullmatch(_END, rest[position:]):
        return False
    return parameters.get("encoding") == "delimited" and parameters.get("proto") == _MESSAGE


def parse_push(
    body: bytes, content_type: str, grouping: Mapping[bytes, bytes], broken: EncodingError | None, *, utf8_names: bool
) -> Parsed:
    """Parse a push's decoded body.

    ``broken`` is why the stream ended early, if it did: what came before it is parsed first.
    Raises ParseError.
    """

    def parse(data: bytes) -> Parsed:
        if is_protobuf(content_type):
            from pytest_pushgateway.exposition.protobuf.reader import parse as parse_protobuf

            return parse_protobuf(data, grouping)
        return parse_text(data, grouping, utf8_names=utf8_names)

    if broken is not None:
        raise first_error(broken, parse)
    return parse(body)
