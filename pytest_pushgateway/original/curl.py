"""A request as a line for a shell."""

from __future__ import annotations

import base64

_LEFT_OUT = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "expect", "user-agent", "authorization")
)
_ORIGIN = "x-pytest-pushgateway-"


def as_curl(request: bytes) -> str:
    """Return the curl command that sends a request to a Pushgateway on its usual port.

    Passwords are left out. A body that is not text is given in base64.
    """
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    method, target = (*lines[0].split(" "), "", "")[:2]
    words = [f"curl -sS --path-as-is -X {method}"]
    chunked = False
    for line in lines[1:]:
        name, _, value = line.partition(":")
        chunked = chunked or (name.lower() == "transfer-encoding" and "chunked" in value.lower())
        if name.lower() not in _LEFT_OUT and not name.lower().startswith(_ORIGIN):
            words.append(f"-H {_quoted(f'{name}: {value.strip()}'.encode('latin-1'))}")
    body = _dechunked(body) if chunked else body
    before = ""
    if body:
        try:
            body.decode()
            words.append(f"--data-binary {_quoted(body)}")
        except UnicodeDecodeError:
            before = f"echo {base64.b64encode(body).decode()} | base64 -d | "
            words.append("--data-binary @-")
        if not any(word.lower().startswith(("-h 'content-type", "-h $'content-type")) for word in words):
            words.insert(1, "-H Content-Type:")
    return f"{before}{' '.join(words)} {_quoted(('http://127.0.0.1:9091' + target).encode('latin-1'))}"


def _quoted(text: bytes) -> str:
    shown = text.decode("utf-8", "surrogateescape")
    if shown.isprintable() and "'" not in shown:
        return f"'{shown}'"
    escaped = shown.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    plain = "".join(
        one if one.isprintable() else "".join(f"\\x{byte:02x}" for byte in one.encode("utf-8", "surrogateescape"))
        for one in escaped
    )
    return f"$'{plain}'"


def _dechunked(body: bytes) -> bytes:
    pieces = []
    at = 0
    while at < len(body):
        end = body.find(b"\r\n", at)
        if end < 0:
            end = len(body)
        try:
            length = int(body[at:end].partition(b";")[0], 16)
        except ValueError:
            break
        if not length:
            break
        pieces.append(body[end + 2 : end + 2 + length])
        at = end + 2 + length + 2
    return b"".join(pieces)
