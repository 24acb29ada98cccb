"""Whether a socket has something to read, asked without taking it and without waiting longer than is wanted."""

from __future__ import annotations

import selectors
import socket

SELECTOR: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.SelectSelector)
"""Needs no descriptor; Windows has only the other one, which is slower with many sockets."""
_AT_ONCE = getattr(socket, "MSG_DONTWAIT", 0)
"""Windows does not have it, and there a socket that is ready does not wait either."""


def wait_until_ready(sock: socket.socket, seconds: float, *, to_write: bool = False) -> bool:
    """Wait until a socket can be read from, or written to.

    Args:
        sock: the socket; its own timeout does not matter.
        seconds: how long to wait at most.
        to_write: wait until bytes can be sent, not until some have come.

    Returns:
        Whether it is ready; the end of its stream counts, too.
    """
    with SELECTOR() as selector:
        selector.register(sock, selectors.EVENT_WRITE if to_write else selectors.EVENT_READ)
        return bool(selector.select(seconds))


def has_unread(sock: socket.socket) -> bool:
    """Return whether bytes wait in a socket; the end of its stream does not count, and a closed socket has none."""
    try:
        # Asked first, because a socket with a timeout waits for it in recv(), whatever the flags say.
        if not wait_until_ready(sock, 0):
            return False
        # Not SSLSocket.recv, which takes bytes away to decrypt them.
        return bool(socket.socket.recv(sock, 1, socket.MSG_PEEK | _AT_ONCE))
    except (OSError, ValueError):
        return False
