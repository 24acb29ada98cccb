"""Keeping web pages away from the test API: a developer has a browser open at the same time."""

from __future__ import annotations

import _socket as socket  # a test replaces the other one
from collections.abc import Mapping
from contextlib import suppress

from pytest_pushgateway.testapi.problems import ApiProblem

_PRIVATE = (".localhost", ".local", ".internal", ".test", ".svc")
"""Ends of names that have addresses in private networks only."""


def refuse_browsers(fields: Mapping[str, str], own_hosts: frozenset[str]) -> None:
    """Refuse what a page in a browser sends, and what reaches this address by a name that a stranger may have given it.

    Args:
        fields: the request's headers by their lower-case names.
        own_hosts: the names that its options give the gateway.

    Raises:
        ApiProblem: 403.

    """
    site = fields.get("sec-fetch-site", "none")
    if site != "none" or "origin" in fields:
        raise ApiProblem(403, "the test API answers programs, not pages in a browser; call it with curl, for example")
    host = host_of(fields.get("host", ""))
    private = host.endswith(_PRIVATE) or "." not in host or _is_address(host)
    if not private and host not in own_hosts:
        raise ApiProblem(
            403,
            f"the Host header names {host!r}, which any stranger can point at this machine; use an IP address or "
            "a name without a dot, or give it in --test.advertise-address",
        )


def host_of(authority: str) -> str:
    """Return the host of ``host:port``, without the brackets of an IPv6 address, in lower case."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    return authority.rpartition(":")[0].lower() if ":" in authority else authority.lower()


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError, ValueError):
            socket.inet_pton(family, host)
            return True
    return False
