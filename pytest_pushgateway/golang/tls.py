"""Go's words for a TLS connection that did not come about or broke off, whichever OpenSSL and Python meet it."""

from __future__ import annotations

import ssl

_THEIR_ALERT = ("tlsv13 alert ", "tlsv1 alert ", "sslv3 alert ")

_AT_THE_END = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""An end without a goodbye is the first, or looks like an orderly end, which is the second: Python 3.11.0 to 3.11.2 ask
OpenSSL 3 for that, and where a context of theirs is told not to, they raise a plain ``SSLError`` with a reason."""


def problem_text(problem: OSError | ValueError) -> str:
    """Return what crypto/tls reports where Python raises ``problem``; of an error that is not TLS's, its own text."""
    if not isinstance(problem, ssl.SSLError):
        return str(problem)
    if isinstance(problem, _AT_THE_END) or problem.reason == "UNEXPECTED_EOF_WHILE_READING":
        return "EOF"
    reason = (problem.reason or str(problem)).lower().replace("_", " ")
    for prefix in _THEIR_ALERT:
        if reason.startswith(prefix):
            return f"remote error: tls: {reason.removeprefix(prefix)}"
    return f"tls: {reason}"
