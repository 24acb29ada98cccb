"""The answer to a scrape: its format and its packing by what the request accepts."""

from __future__ import annotations

from pytest_pushgateway.gateway.app import answers
from pytest_pushgateway.gateway.http.host import Answer
from pytest_pushgateway.gateway.store.store import GatherError
from pytest_pushgateway.later import later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_pushgateway.exposition import negotiation, packing
    from pytest_pushgateway.gateway.http.head import Head
    from pytest_pushgateway.gateway.log import Log
    from pytest_pushgateway.gateway.store.store import Store
else:
    # `serve` answers a probe before it needs a format.
    negotiation = later("pytest_pushgateway.exposition.negotiation")
    packing = later("pytest_pushgateway.exposition.packing")

_PACKED_AT_ONCE = 32 << 20
"""Bytes of a scrape that is packed before it is sent."""


def scrape(store: Store, head: Head, log: Log) -> Answer:
    """Return the answer to a GET of the telemetry path.

    Args:
        store: is gathered.
        head: of the request; its Accept and Accept-Encoding headers count.
        log: gets the reason if the store cannot be gathered.

    Returns:
        The exposition, or 500 with the reason.

    """
    form = negotiation.negotiate(head.fields.get("accept"))
    try:
        gathered = store.gather(form)
    except GatherError as problem:
        log("error", f"error gathering metrics: {problem}")
        return answers.error(500, f"An error has occurred while serving metrics:\n\n{problem}")
    blocks: Iterable[bytes] = gathered
    headers = [("Content-Type", form.content_type)]
    codings = [value for name, value in head.headers if name.lower() == "accept-encoding"]
    if negotiation.accepts_gzip(*codings):
        headers.append(("Content-Encoding", "gzip"))
        packed = packing.gzipped(gathered)
        # A long scrape is packed while it is sent: even packed it may be long.
        blocks = list(packed) if sum(map(len, gathered)) <= _PACKED_AT_ONCE else packed
    # The original's own metrics are already more than it sends in one piece.
    return Answer(200, headers, blocks, streamed=True)
