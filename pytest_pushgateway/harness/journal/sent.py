"""The families of a push before the grouping key's labels replaced their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_pushgateway.exposition.content_coding import decode
from pytest_pushgateway.exposition.model import ParseError
from pytest_pushgateway.exposition.text.reader import parse as parse_text
from pytest_pushgateway.gateway.app.push_body import is_protobuf

if TYPE_CHECKING:
    from pytest_pushgateway.exposition.model import MetricFamily
    from pytest_pushgateway.harness.journal.requests import Push


def as_sent(push: Push) -> dict[bytes, MetricFamily]:
    """Return the families of a push by name, without the grouping key's labels; none where it could not be read."""
    if not push._parsed:
        return {}
    try:
        body = decode(push.body, push._request.header("content-encoding"))
        if is_protobuf(push.content_type):
            from pytest_pushgateway.exposition.protobuf.reader import parse as parse_protobuf

            return parse_protobuf(body, None).families
        return parse_text(body, None, utf8_names=True).families
    except ParseError:  # the gateway read it: its own limit is not the reader's business
        return dict(push._parsed)
