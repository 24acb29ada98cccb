"""TLS for the server; imported only where it is asked for, as ``ssl`` takes a while to import."""

from __future__ import annotations

import ssl
from typing import Any

LOOKS_PLAIN = frozenset({b"GET /", b"HEAD ", b"POST ", b"PUT /", b"OPTIO"})
"""First bytes by which Go knows that a client speaks plain HTTP on a TLS port."""

PLAIN_ON_TLS = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
"""What Go answers then."""


def server_context(tls: Any) -> ssl.SSLContext:
    """Return the context of the ``tls`` setting: a context as it is, or made from paths ``(cert, key[, ca])``.

    The CA is what clients trust; the server does not need it. Raises OSError for files that cannot be loaded.
    """
    if isinstance(tls, ssl.SSLContext):
        return tls
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls[0], tls[1])
    return context
