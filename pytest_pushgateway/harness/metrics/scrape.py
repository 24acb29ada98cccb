"""What a scrape of a gateway gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_pushgateway.harness.metrics.family import Family, to_family

if TYPE_CHECKING:
    from email.message import Message

    from prometheus_client.samples import Sample


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
        return f"<Scrape: {self.status}, {len(self.body)} bytes of {self.content_type or 'no type'}>"

    @property
    def content_type(self) -> str:
        """The answer's Content-Type."""
        return self.headers.get("Content-Type", "")

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "surrogateescape")

    @property
    def families(self) -> tuple[Family, ...]:
        """The metric families, in the order of the exposition.

        Raises:
            ValueError: the scrape failed, or the format is one that only people read.

        """
        if self._families is None:
            self._families = self._parse()
        return self._families

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The samples of all `families`."""
        return tuple(sample for family in self.families for sample in family.samples)

    def _parse(self) -> tuple[Family, ...]:
        if self.status != 200:
            raise ValueError(f"the scrape was answered {self.status}: {self.text.strip()}")
        if self.content_type.startswith("text/plain"):
            from pytest_pushgateway.exposition.text.reader import parse as parse_text

            parsed = parse_text(self.body, None, utf8_names=True)
        elif "encoding=delimited" in self.content_type:
            from pytest_pushgateway.exposition.protobuf.reader import parse as parse_protobuf

            parsed = parse_protobuf(self.body, None)
        else:
            raise ValueError(f"no families can be read from {self.content_type!r}: use .text")
        return tuple(to_family(family) for family in parsed.families.values())
