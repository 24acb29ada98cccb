"""TLS versions by their names, and Go's words for a connection that did not come about, or broke off."""

from __future__ import annotations

import ssl

VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
"""Versions as configurations of Prometheus and of the exporter toolkit name them."""

_THEIR_ALERT = ("tlsv13 alert ", "tlsv1 alert ", "sslv3 alert ")

_AT_THE_END = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""An end without a goodbye is the first, or looks like an orderly end, which is the second: Python 3.11.0 to 3.11.2 ask
OpenSSL 3 for that, and if their context is set not to, they raise a plain ``SSLError`` with a reason."""


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
