"""The head of an HTTP/1 request: from bytes to method, target, headers and framing, refusing what Go's server refuses.

Pure functions. Framing decides where the next request begins, so whatever two readers could understand differently
(two lengths, a coding besides ``chunked``, a space before a colon) is refused as Go 1.24 refuses it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pytest_pushgateway.genuine import genuine
from pytest_pushgateway.golang.url import is_target

_VERSION = re.compile(r"HTTP/([0-9])\.([0-9])")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z ]+")
_HOST = re.compile(r"[0-9A-Za-z!$%&()*+,\-.:;=\[\]'_~]*")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LENGTH = re.compile(r"[0-9]+")
_BLANKS = " \t"
_REMEMBERED = 128
"""Heads that are remembered: most clients send the very same bytes with every push."""
_USUAL = 2048
"""Bytes of the longest head that is remembered."""
_BRIEF = 16 << 10
"""Bytes of the longest body that is read, parsed and stored in a moment."""
_CHANGING = frozenset({"PUT", "POST", "DELETE"})
"""Methods of requests with short answers: a scrape may take a while to be made and sent."""
_OF_CHUNKS = frozenset({"transfer-encoding", "content-length", "trailer"})
"""Headers that Go takes away from a request in chunks."""
_UNFIT_FOR_TRAILERS = frozenset({"content-length", "transfer-encoding", "trailer"})

STATUS_LINES = {
    200: "200 OK",
    202: "202 Accepted",
    301: "301 Moved Permanently",
    307: "307 Temporary Redirect",
    400: "400 Bad Request",
    401: "401 Unauthorized",
    403: "403 Forbidden",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    408: "408 Request Timeout",
    413: "413 Request Entity Too Large",
    414: "414 Request URI Too Long",
    417: "417 Expectation Failed",
    418: "418 I'm a teapot",
    429: "429 Too Many Requests",
    431: "431 Request Header Fields Too Large",
    500: "500 Internal Server Error",
    501: "501 Not Implemented",
    503: "503 Service Unavailable",
}
"""Status lines as Go spells them: those that the gateway itself gives, and those that Python spells otherwise."""


def status_line(status: int) -> str:
    """Return the status line for any status, as Go's server writes it."""
    if status not in STATUS_LINES:
        from http import HTTPStatus

        try:
            STATUS_LINES[status] = f"{status} {HTTPStatus(status).phrase}"
        except ValueError:
            return f"{status} status code {status}"
    return STATUS_LINES[status]


class Refusal(Exception):
    """A request that cannot be served: ``line`` is the rest of the status line, ``text`` the body. Closes."""

    def __init__(self, line: str, text: str | None = None) -> None:
        super().__init__(line)
        self.status: int = int(line[:3])
        self.text: str = text or line
        self.response: bytes = (
            f"HTTP/1.1 {line}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n{text or line}"
        ).encode("latin-1")


def bad_request(detail: str = "") -> Refusal:
    """Return Go's answer to what it cannot parse, or parses and rejects with a reason."""
    return Refusal(f"400 Bad Request: {detail}" if detail else "400 Bad Request")


class Head:
    """Request line, headers and framing of a request. Requests with the same bytes share one, so nothing changes it.

    Args:
        method: as sent.
        target: raw, latin-1.
        http10: whether the client speaks HTTP/1.0.
        headers: as sent, latin-1; values without the blanks around them.
        fields: the first value of each header by lower-case name: what Go's ``Header.Get`` returns.
        content_length: bytes; 0 if none is given.
        chunked: whether the body comes in chunks.
        close: whether the client wants the connection closed after the answer.
        expects_continue: whether it waits for ``100 Continue``.
        expects_else: whether it expects something that nobody knows: 417.

    Attributes:
        brief: whether what it asks for is done in a moment: a deletion, or a push of a short body as it is.
        size: bytes of the request without its URL, as client_golang approximates them: each header's name counts once.
        from_browser: whether a browser sent it, as far as headers show.
    """

    __slots__ = (
        "brief",
        "chunked",
        "close",
        "content_length",
        "expects_continue",
        "expects_else",
        "fields",
        "from_browser",
        "headers",
        "http10",
        "method",
        "size",
        "target",
    )

    def __init__(
        self,
        method: str,
        target: str,
        http10: bool,
        headers: list[tuple[str, str]],
        fields: dict[str, str],
        content_length: int,
        chunked: bool,
        close: bool,
        expects_continue: bool,
        expects_else: bool,
    ) -> None:
        self.method: str = method
        self.target: str = target
        self.http10: bool = http10
        self.headers: list[tuple[str, str]] = headers
        self.fields: dict[str, str] = fields
        self.content_length: int = content_length
        self.chunked: bool = chunked
        self.close: bool = close
        self.expects_continue: bool = expects_continue
        self.expects_else: bool = expects_else
        self.brief: bool = (
            content_length <= _BRIEF and method in _CHANGING and not chunked and "content-encoding" not in fields
        )
        self.size: int = self._approximate_size()
        # To a name that was rebound, over plain HTTP, browsers send no Sec-Fetch header and, with GET, no Origin.
        self.from_browser: bool = (
            "origin" in fields
            or fields.get("user-agent", "").startswith("Mozilla/")
            or any(name.startswith("sec-fetch-") for name in fields)
        )

    def _approximate_size(self) -> int:
        headers, fields = self.headers, self.fields
        size = len(self.method) + 8 + sum(map(len, fields)) + sum([len(value) for _, value in headers])
        if "host" in fields:
            size -= 4
        if self.chunked:
            size -= sum(map(len, fields.keys() & _OF_CHUNKS))
            return size - sum(len(value) for name, value in headers if name.lower() in _OF_CHUNKS)
        if len(fields) < len(headers):
            # Of equal lengths one is left.
            lengths = [len(value) for name, value in headers if name.lower() == "content-length"]
            size -= sum(lengths[1:])
        return size + self.content_length


def find_head(buffer: bytes | bytearray, start: int = 0) -> int:
    """Return where the head ends (after its blank line), searching from ``start``; -1 if the end is not there yet."""
    crlf = buffer.find(b"\n\r\n", start)
    bare = buffer.find(b"\n\n", start, crlf + 1 if crlf >= 0 else len(buffer))
    if bare >= 0:
        return bare + 2
    return crlf + 3 if crlf >= 0 else -1


def parse_head(raw: bytes, *, max_headers: int, max_request_line: int, lax_content_length: bool = False) -> Head:
    """Parse a request's head, blank line included; ``lax_content_length`` takes an empty length for 0.

    Raises:
        Refusal: the head is malformed, with Go's answer, or exceeds a limit: 414 or 431.

    """
    parse = _parse_usual if len(raw) <= _USUAL else _parse
    return parse(raw, max_headers, max_request_line, lax_content_length)


def _parse(raw: bytes, max_headers: int, max_request_line: int, lax_content_length: bool) -> Head:
    text = raw.decode("latin-1")
    lines = text.split("\r\n")
    stray = text.count("\r") > text.count("\n")
    if text.count("\n") != len(lines) - 1:
        lines = [line[:-1] if line.endswith("\r") else line for line in text.split("\n")]
        stray = any("\r" in line for line in lines)
    if len(lines[0]) > max_request_line:
        raise Refusal(STATUS_LINES[414])
    method, target, major, minor = parse_request_line(lines[0])
    lines = lines[1:-2]
    folded = "\n " in text or "\n\t" in text
    headers, fields = _headers(_unfold(lines) if folded else lines, max_headers, folded=folded)
    if stray or _CONTROL.search(text):
        raise bad_request()
    http10 = (major, minor) == (1, 0)
    content_length, chunked = _framing(headers, fields, codings=(major, minor) >= (1, 1), lax=lax_content_length)
    upgrade = (method, target, major, minor) == ("PRI", "*", 2, 0)
    if major != 1 and not upgrade:
        raise Refusal("505 HTTP Version Not Supported: unsupported protocol version")
    host = fields.get("host")
    if (
        host is None
        and not http10
        and not (upgrade and fields.keys() <= (_UNFIT_FOR_TRAILERS if chunked else frozenset()))
        and method != "CONNECT"
    ):
        raise bad_request("missing required Host header")
    if host is not None and not _HOST.fullmatch(host):
        raise bad_request("malformed Host header")
    for name in fields:
        if " " in name:
            raise bad_request("invalid header name")
    connection = fields.get("connection")
    close = http10
    if connection is not None:
        # As Go: among all values options end at commas; in the first, which alone speaks for HTTP/1.0, at blanks too.
        first = re.split(r"[ \t,]+", connection.lower())
        if http10:
            close = "keep-alive" not in first
        else:
            listed = ",".join(value.lower() for name, value in headers if name.lower() == "connection").split(",")
            close = "close" in first or "close" in (option.strip(_BLANKS) for option in listed)
    if "transfer-encoding" in fields and (http10 or "content-length" in fields):
        # Unlike Go: a proxy in front may see the request end elsewhere, so nothing may follow it (RFC 9112, 6.1).
        close = True
    expect = fields.get("expect")
    expects_continue = expect is not None and "100-continue" in re.split(r"[ \t,]+", expect.lower())
    return Head(
        method=method,
        target=target,
        http10=http10,
        headers=headers,
        fields=fields,
        content_length=content_length,
        chunked=chunked,
        close=close,
        expects_continue=expects_continue and not http10,
        expects_else=bool(expect) and not expects_continue,
    )


_parse_usual = lru_cache(maxsize=_REMEMBERED)(_parse)


def parse_request_line(line: str) -> tuple[str, str, int, int]:
    """Return method, raw target and version.

    Raises:
        Refusal: the line is malformed.

    """
    method, space, rest = line.partition(" ")
    target, second, version = rest.partition(" ")
    match = _VERSION.fullmatch(version)
    if not (space and second and match and _TOKEN.fullmatch(method)):
        raise bad_request()
    if not is_target(target, method):
        raise bad_request()
    return method, target, int(match[1]), int(match[2])


def _unfold(lines: list[str]) -> list[str]:
    """Join folded header lines to what they continue, with one space as Go does; a blank at the end stays then."""
    logical: list[list[str]] = []
    for line in lines:
        if line[:1] not in (" ", "\t"):
            if ":" not in line:
                raise bad_request()
            logical.append([line.rstrip(_BLANKS)])
        elif logical:
            logical[-1].append(line.strip(_BLANKS))
        else:
            raise bad_request()
    return [" ".join(parts) for parts in logical]


def _headers(lines: list[str], limit: int, *, folded: bool) -> tuple[list[tuple[str, str]], dict[str, str]]:
    if len(lines) > limit:
        raise Refusal(STATUS_LINES[431])
    headers: list[tuple[str, str]] = []
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name):
            raise bad_request()
        value = value.lstrip(_BLANKS) if folded else value.strip(_BLANKS)
        headers.append((name, value))
        fields.setdefault(name.lower(), value)
    return headers, fields


def _framing(headers: list[tuple[str, str]], fields: dict[str, str], *, codings: bool, lax: bool) -> tuple[int, bool]:
    """Return the body's length in bytes and whether it is chunked, which wins, where the version has ``codings``."""
    single = len(headers) == len(fields)
    if "host" in fields and not single and sum(name.lower() == "host" for name, _ in headers) > 1:
        raise bad_request()
    chunked = "transfer-encoding" in fields and codings
    if chunked:
        asked = [value.lower() for name, value in headers if name.lower() == "transfer-encoding"]
        if asked != ["chunked"]:
            raise Refusal(STATUS_LINES[501], "Unsupported transfer encoding")
        trailers = ",".join(value.lower() for name, value in headers if name.lower() == "trailer").split(",")
        if not _UNFIT_FOR_TRAILERS.isdisjoint(name.strip(_BLANKS) for name in trailers):
            raise bad_request()
    if "content-length" not in fields:
        return 0, chunked
    # A length that is ignored is still rejected if it is invalid: a proxy in front may use it.
    length = fields["content-length"].rstrip(_BLANKS)
    if not single:
        others = {value.rstrip(_BLANKS) for name, value in headers if name.lower() == "content-length"}
        if others != {length}:
            raise bad_request()
    if lax and length == "":
        return 0, chunked
    if not _LENGTH.fullmatch(length) or len(length) > 19 or int(length) >= 1 << 63:
        raise bad_request()
    return (0 if chunked else int(length)), chunked


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(now: float) -> str:
    """Return ``now`` as an HTTP date."""
    year, month, day, hour, minute, second, weekday, _, _ = genuine.gmtime(now)
    return f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year} {hour:02}:{minute:02}:{second:02} GMT"
