"""What a scrape of a gateway gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_pushgateway.exposition.model import Family

if TYPE_CHECKING:
    from email.message import Message


class Scrape:
    """The answer to a GET of the telemetry path, the gateway's own metrics included.

    Attributes:
        status: 200, or 500 where the gateway is poisoned.
        headers: the answer's headers.
        body: the answer's body.

    """

    def __init__(self, status: int, headers: Message, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self._families: tuple[Family, ...] | None = None

    def __repr__(self) -> str:
        return f"<Scrape: {self.status}, {len(self.body)} bytes of {self.headers.get('Content-Type')}>"

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "surrogateescape")
