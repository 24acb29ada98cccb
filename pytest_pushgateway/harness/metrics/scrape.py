"""The result of scraping a gateway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_pushgateway.exposition.text.reader import parse as parse_text
from pytest_pushgateway.golang.utf8 import text_of
from pytest_pushgateway.harness.metrics.family import Family, to_family

if TYPE_CHECKING:
    from prometheus_client.samples import Sample
    from werkzeug.datastructures import Headers


class Scrape:
    """The answer to a GET of the telemetry path, the gateway's own metrics included.

    Attributes:
        status (int): 200, or 500 where the gateway is poisoned.
        body (bytes): the answer's body.

    """

    def __init__(self, status: int, header_lines: Sequence[tuple[str, str]], body: bytes) -> None:
        self.status = status
        self._header_lines = header_lines
        self.body = body
        self._families: tuple[Family, ...] | None = None

    def __repr__(self) -> str:
        return f"<Scrape: {self.status}, {len(self.body)} bytes of {self.content_type or 'no type'}>"

    @property
    def headers(self) -> Headers:
        """The answer's headers, as a werkzeug ``Headers``."""
        from werkzeug.datastructures import Headers

        return Headers(list(self._header_lines))

    @property
    def content_type(self) -> str:
        """The answer's Content-Type."""
        return next((value for name, value in self._header_lines if name.lower() == "content-type"), "")

    @property
    def text(self) -> str:
        """The body as text."""
        return text_of(self.body)

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
            parsed = parse_text(self.body, None, utf8_names=True)
        elif "encoding=delimited" in self.content_type:
            from pytest_pushgateway.exposition.protobuf.reader import parse as parse_protobuf

            parsed = parse_protobuf(self.body, None)
        else:
            raise ValueError(f"no families can be read from {self.content_type!r}: use .text")
        return tuple(to_family(family) for family in parsed.families.values())
