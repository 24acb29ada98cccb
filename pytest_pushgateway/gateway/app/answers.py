"""Answers as Go's net/http and httprouter phrase them."""

from __future__ import annotations

from pytest_pushgateway.gateway.http.host import Answer, HeaderLines
from pytest_pushgateway.golang.utf8 import bytes_of

_TEXT: HeaderLines = [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")]
_REASONS = {301: b"Moved Permanently", 307: b"Temporary Redirect"}


def error(status: int, text: str, headers: HeaderLines | None = None) -> Answer:
    """Return what Go's ``http.Error`` sends: plain text with a final newline, not to be sniffed."""
    body = bytes_of(text) + b"\n"
    return Answer(status, [*(headers or []), *_TEXT], [body], text)


def not_found() -> Answer:
    """Return the 404 of every unknown path."""
    return error(404, "404 page not found")


def not_allowed(allow: str) -> Answer:
    """Return httprouter's 405."""
    return error(405, "Method Not Allowed", [("Allow", allow)])


def redirect(status: int, location: bytes, method: str) -> Answer:
    """Return what Go's ``http.Redirect`` sends: a body for GET alone, non-ASCII bytes escaped in the header alone."""
    escaped = "".join(f"%{byte:x}" if byte >= 0x80 else chr(byte) for byte in location)
    headers: HeaderLines = [("Location", escaped)]
    if method in ("GET", "HEAD"):
        headers.append(("Content-Type", "text/html; charset=utf-8"))
    if method != "GET":
        return Answer(status, headers)
    shown = (
        location.replace(b"&", b"&amp;")
        .replace(b"<", b"&lt;")
        .replace(b">", b"&gt;")
        .replace(b'"', b"&#34;")
        .replace(b"'", b"&#39;")
    )
    return Answer(status, headers, [b'<a href="' + shown + b'">' + _REASONS[status] + b"</a>.\n\n"])
