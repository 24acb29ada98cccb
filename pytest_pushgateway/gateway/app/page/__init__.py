"""The web page at ``/`` and ``/status``: its files and their data.

The page is plain HTML, CSS and JavaScript modules. Its data is at ``-/state/changes``, which is ours, and whose form
`changes` documents. All its links are relative, so that route prefixes and reverse proxies need no configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from pytest_pushgateway.exposition.negotiation import accepts_gzip
from pytest_pushgateway.exposition.packing import gzipped
from pytest_pushgateway.gateway.app.page.assets import Asset, assets
from pytest_pushgateway.gateway.app.page.changes import Changes
from pytest_pushgateway.gateway.app.page.state import PageState, request_json, state_json
from pytest_pushgateway.gateway.http.host import Answer

if TYPE_CHECKING:
    from pytest_pushgateway.gateway.http.head import Head

_SAFETY = [
    (
        "Content-Security-Policy",
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
]
_JSON = "application/json"
_LINES = "application/x-ndjson"
_WORTH_PACKING = 1000
"""Bytes of an answer that is compressed."""


class Asked(NamedTuple):
    """A GET of the page, its files or its data."""

    path: str
    """Below the route prefix, beginning with ``/``, without the query."""
    since: str = ""
    """The token in the query."""
    gzip: bool = False
    """Whether the client takes gzip."""
    known: str = ""
    """Tags that the client has, as in its If-None-Match header."""

    @classmethod
    def by(cls, path: str, head: Head) -> Asked:
        """Return what a request asks for."""
        query = head.target.partition("?")[2].split("&")
        since = next((part[len("since=") :] for part in query if part.startswith("since=")), "")
        codings = [value for name, value in head.headers if name.lower() == "accept-encoding"]
        return cls(path, since, accepts_gzip(*codings), head.fields.get("if-none-match", ""))


def respond(asked: Asked, state: Callable[[], PageState], changes: Callable[[], Changes]) -> Answer | None:
    """Answer a request for the page.

    Args:
        asked: the request.
        state: returns the state of the gateway; called only if it is asked for.
        changes: returns what knows the changes; called only if they are asked for.

    Returns:
        The answer, or None if the path is not of the page.
    """
    path = asked.path
    if path in ("/", "/status"):
        return _file(assets().page, asked, "no-cache")
    if path == "/-/state":
        return _data(_JSON, [state_json(state())], asked)
    if path == "/-/state/changes":
        update = changes().since(asked.since, state())
        return _data(_LINES, [update.head, *update.groups], asked, lambda: changes().pack(update))
    if path.startswith("/-/state/"):
        found = request_json(path[len("/-/state/") :], state().requests)
        return None if found is None else _data(_JSON, [found], asked)
    if path.startswith("/static/"):
        return _static(path[len("/static/") :], asked)
    return None


def _data(
    content_type: str, blocks: list[bytes], asked: Asked, pack: Callable[[], list[bytes]] | None = None
) -> Answer:
    """Return an answer for this moment only, packed by ``pack`` if that is worth it."""
    headers = [("Content-Type", content_type), ("Cache-Control", "no-store"), *_SAFETY]
    if not asked.gzip or sum(map(len, blocks)) < _WORTH_PACKING:
        return Answer(200, headers, blocks)
    headers.append(("Content-Encoding", "gzip"))
    return Answer(200, headers, list(gzipped(blocks)) if pack is None else pack())


def _static(name: str, asked: Asked) -> Answer | None:
    # The page asks below the digest of all files, so that browsers may keep them for good.
    digest = assets().digest
    versioned = name.startswith(f"{digest}/")
    asset = assets().files.get(name[len(digest) + 1 :] if versioned else name)
    if asset is None:
        return None
    return _file(asset, asked, "private, max-age=31536000, immutable" if versioned else "no-cache")


def _file(asset: Asset, asked: Asked, caching: str) -> Answer:
    # Weak, since it names the file whether it is packed or not. The answer 304 has the headers of the answer 200.
    tag = f'W/"{assets().digest}"'
    headers = [("Cache-Control", caching), ("ETag", tag), ("Vary", "Accept-Encoding"), *_SAFETY]
    known = [one.strip().removeprefix("W/") for one in asked.known.split(",")]
    if "*" in known or tag.removeprefix("W/") in known:
        return Answer(304, headers)
    headers.append(("Content-Type", asset.content_type))
    if not asked.gzip:
        return Answer(200, headers, [asset.plain])
    return Answer(200, [*headers, ("Content-Encoding", "gzip")], [asset.packed])
