"""The body of a push: its content type, and the parser for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pytest_pushgateway.exposition.model import REMEMBERED_FROM, Memo, Parsed
from pytest_pushgateway.exposition.text.reader import parse_pieces
from pytest_pushgateway.later import later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.exposition.series import Before
    from pytest_pushgateway.exposition.text import again, short
else:
    short = later("pytest_pushgateway.exposition.text.short")
    again = later("pytest_pushgateway.exposition.text.again")

_PUSHED_ONCE = Memo(b"")
"""What is remembered of a group that got one short body."""
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

    As Go's ``mime.ParseMediaType``: a header that is malformed anywhere does not mean protobuf.
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
    pieces: Iterable[bytes],
    content_type: str,
    grouping: Mapping[bytes, bytes],
    memo: Memo | None = None,
    *,
    utf8_names: bool,
    largest: int | None = None,
    before: Before | None = None,
) -> Parsed:
    """Parse a push's decoded body.

    Args:
        pieces: of the body. They may raise :class:`ParseError`: what came before is parsed first.
        content_type: the header's value, or an empty string.
        grouping: label names and values of the grouping key.
        memo: what is remembered of the group's last push.
        utf8_names: accept quoted names of any UTF-8.
        largest: bytes that what was pushed may take when it is stored, roughly.
        before: the series of the group, whose text those that come again share.

    Raises:
        ParseError: if the original refuses, in its words.
        PushTooLarge: it would take more than ``largest``.
    """
    if is_protobuf(content_type):
        from pytest_pushgateway.exposition.protobuf.reader import parse_pieces as parse_protobuf

        return parse_protobuf(pieces, grouping, largest=largest)
    if isinstance(pieces, tuple) and sum(map(len, pieces)) < REMEMBERED_FROM:

        def parse() -> Parsed:
            return parse_pieces(pieces, grouping, utf8_names=utf8_names, largest=largest)

        if memo is not None and not memo.opening and len(pieces) == 1:
            return short.parse_again(pieces[0], memo, parse)
        # Only a group that is pushed to a second time will be pushed to again and again.
        parsed = parse()
        parsed.memo = _PUSHED_ONCE
        return parsed
    return again.parse_remembering(pieces, grouping, memo, utf8_names=utf8_names, largest=largest, before=before)
