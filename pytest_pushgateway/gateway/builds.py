"""Builds of the original that answer differently: whose answers a gateway gives.

Users meet the official release, and that is what a gateway follows. The other builds are there so that the conformance
suite can hold each answer to a binary that it can install; no option leads to them.
"""

from __future__ import annotations

from enum import IntEnum


class Build(IntEnum):
    """A build of the original, by the minor version of the Go release whose rules for HTTP it has."""

    DEBIAN = 21
    """Debian's, whatever Go built it: its compatibility settings are those of Go 1.21."""
    GO_1_25 = 25
    """1.11.2 as released, and Debian's under ``GODEBUG=httpmuxgo121=0,httplaxcontentlength=0``."""
    RELEASE = 26
    """1.11.3 as released."""

    @property
    def cleans_decoded_path(self) -> bool:
        """Whether the multiplexer is the older one, which undoes percent-encoding before it cleans a path."""
        return self < 22

    @property
    def redirect(self) -> int:
        """The status of the multiplexer's redirects."""
        return 307 if self >= 26 else 301

    @property
    def redirects_connect_to_host(self) -> bool:
        """Whether a CONNECT to a host, which has no path, is redirected to ``/``."""
        return 22 <= self < 26

    @property
    def lax_content_length(self) -> bool:
        """Whether ``Content-Length:`` without a value is taken for 0."""
        return self < 22


RELEASE = Build.RELEASE
FOLLOWED = "1.11.3"
"""The release that is followed."""
