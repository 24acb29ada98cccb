"""HTTPS to an intercepted name: clients trust the gateway's certificate authority."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from typing import Any

from pytest_pushgateway.interception.addresses import canonical

_trusted: list[tuple[frozenset[str], str]] = []
"""Hosts, and the file of the authority that their certificate is of."""
_undo: list[Callable[[], None]] = []
"""The steps that restore the patched methods."""


def trust(hosts: Collection[str], ca_file: str) -> Callable[[], None]:
    """Have contexts that verify certificates trust an authority when they are about to talk to one of these hosts.

    A context that has done so keeps the authority, since OpenSSL cannot forget one; that of a test vouches for no other
    host. Returns a function that ends it.
    """
    import ssl

    entry = (frozenset(hosts), ca_file)
    _trusted.append(entry)
    if not _undo:
        _patch(ssl.SSLContext)

    def end() -> None:
        _trusted[:] = [one for one in _trusted if one is not entry]
        while _undo and not _trusted:
            _undo.pop()()

    return end


def _patch(context_class: Any) -> None:
    """Patch the methods by which a context becomes a connection."""
    for name, place in (("wrap_socket", 4), ("wrap_bio", 3)):
        _replace(context_class, name, place)


def _replace(context_class: Any, name: str, place: int) -> None:
    before = vars(context_class)[name]

    @functools.wraps(before)
    def wrap(self: Any, *args: Any, **kwargs: Any) -> Any:
        _extend(self, kwargs.get("server_hostname", args[place] if len(args) > place else None))
        return before(self, *args, **kwargs)

    def undo() -> None:
        if vars(context_class)[name] is wrap:  # else patched again since, by a method that calls this one
            setattr(context_class, name, before)

    setattr(context_class, name, wrap)
    _undo.append(undo)


def _extend(context: Any, host: Any) -> None:
    if not isinstance(host, (str, bytes)) or not context.verify_mode:
        return
    name = canonical(host)
    for hosts, ca_file in list(_trusted):
        if name in hosts:
            context.load_verify_locations(ca_file)
