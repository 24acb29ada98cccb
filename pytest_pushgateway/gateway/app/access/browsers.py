"""Requests of browsers that a gateway refuses: any web page can make a browser send some, without its user's knowledge.

Nothing here concerns other clients: requests without the headers that identify a browser are not looked at.
"""

from __future__ import annotations

from collections.abc import Collection

from pytest_pushgateway.gateway.app import answers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.gateway.http.head import Head
    from pytest_pushgateway.gateway.http.host import Answer

_GUARDED = frozenset({"push", "delete", "wipe", "quit", "state"})
"""Handlers that change something, and the one that is not the original's."""


def refuse(head: Head, handler: str, own_hosts: Collection[str] | None) -> Answer | None:
    """Return the answer to a browser whose request is refused; None for everything else.

    Args:
        head: the request's.
        handler: which of the gateway's handlers would answer.
        own_hosts: names under which a gateway on the loopback interface is reached, besides ``localhost`` and
            addresses; None if other machines can reach it, which may use any name.
    """
    if not head.from_browser:
        return None
    fields = head.fields
    if handler in _GUARDED and fields.get("sec-fetch-site", "").lower() == "cross-site":
        return answers.error(403, "a web page of another site asked for this; use the gateway's own page, or a client")
    if own_hosts is None:
        return None
    name = _name(_authority(head.target) or fields.get("host", ""))
    if _is_local(name) or name in own_hosts:
        return None
    return answers.error(
        403, f'the host "{name}" is not one of this gateway, which only this machine can reach; use localhost'
    )


def _name(host: str) -> str:
    """Return the name in a Host header, without the port."""
    if host.startswith("["):
        return host.partition("]")[0][1:].lower()
    return host.partition(":")[0].rstrip(".").lower()


def _is_local(name: str) -> bool:
    """Return whether a name never reaches a name server: it is an address, or browsers resolve it themselves."""
    is_address = ":" in name or (name.replace(".", "").isdigit() and name.count(".") == 3)
    return not name or is_address or name == "localhost" or name.endswith(".localhost")


def _authority(url: str) -> str:
    """Return host and port of an absolute URL; empty for a path. In a request it goes before the Host header."""
    scheme, separator, rest = url.partition("://")
    if not separator or "/" in scheme:
        return ""
    return rest.partition("/")[0].rpartition("@")[2]


def own_hosts(addresses: Collection[object], named: Collection[str]) -> set[str] | None:
    """Return the names of a gateway that listens only on the loopback interface; None for any other gateway.

    Args:
        addresses: those of its listeners, as ``getsockname()`` returns it.
        named: hosts, with or without a port, and URLs in its options.
    """
    for address in addresses:
        host = address[0] if isinstance(address, tuple) else None
        if not (isinstance(host, str) and (host.startswith("127.") or host == "::1")):
            return None
    return {_name(_authority(each) or each) for each in named}
