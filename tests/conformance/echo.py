"""Our server and multiplexer with the handler of ``gohttp/main.go`` behind them: what it sees, in the same words.

Run as a script it serves alone, and logs its address as the original does.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from contextlib import suppress

from pytest_pushgateway import Settings
from pytest_pushgateway.gateway.app import answers
from pytest_pushgateway.gateway.app.multiplexer import Multiplexer
from pytest_pushgateway.gateway.builds import RELEASE
from pytest_pushgateway.gateway.http.head import Head
from pytest_pushgateway.gateway.http.host import Answer, Incoming
from pytest_pushgateway.gateway.http.input import BodyError
from pytest_pushgateway.gateway.http.listeners import open_listeners
from pytest_pushgateway.gateway.http.server import Server
from pytest_pushgateway.golang.strconv import quote
from pytest_pushgateway.golang.url import parse_target

SHOWN = 1000
_MULTIPLEXER = Multiplexer(b"", RELEASE)
_FRAMING = {"transfer-encoding", "content-length", "trailer"}


def _show(data: bytes) -> str:
    return f"{len(data)} bytes, {hashlib.sha256(data).hexdigest()}" if len(data) > SHOWN else quote(data)


def _headers(head: Head) -> dict[str, list[str]]:
    """Return the headers as Go's handler sees them: by canonical name, without those that the server has read."""
    seen: dict[str, list[str]] = {}
    for name, value in head.headers:
        lower = name.lower()
        if lower in ("host", "transfer-encoding") or (head.chunked and lower in _FRAMING):
            continue
        canonical = name if " " in name else "-".join(part.capitalize() for part in name.split("-"))
        values = seen.setdefault(canonical, [])
        if lower != "content-length" or not values:
            values.append(value)
    if seen.get("Pragma", [""])[0] == "no-cache" and "Cache-Control" not in seen:
        seen["Cache-Control"] = ["no-cache"]
    return seen


def echo(incoming: Incoming) -> Answer:
    """Answer what Go's ServeMux, or the handler behind it, does."""
    head = incoming.head
    if head.target == "*":
        if head.method == "OPTIONS":
            with suppress(BodyError):
                incoming.body.read()
            return Answer(200, [("Content-Length", "0")])
        return Answer(400, [] if head.http10 else [("Connection", "close")])
    target = parse_target(head.target.encode("latin-1"), head.method)
    found = _MULTIPLEXER.find(head.method, target)
    if found.pattern == "redirect":
        return answers.redirect(RELEASE.redirect, found.location, head.method)
    if found.pattern == "none":
        return answers.not_found()
    # As http.StripPrefix, which takes the prefix away as it was sent, too.
    sent = target.raw_path[len(target.path) - len(found.path) :] if found.pattern == "api" else target.raw_path
    url = target._replace(path=found.path, raw_path=sent).text()
    host = target.host or head.fields.get("host", "").encode("latin-1")
    length = -1 if head.chunked else head.content_length
    lines = [
        f"pattern {found.pattern}",
        f"method {head.method}",
        f"target {_show(head.target.encode('latin-1'))}",
        f"url {_show(url)}",
        f"path {_show(found.path)}",
        f"query {_show(target.query or b'')}",
        f"host {_show(host)}",
        f"length {length}",
    ]
    for name, values in sorted(_headers(head).items()):
        lines.append(f"header {quote(name.encode('latin-1'))}: {_show('|'.join(values).encode('latin-1'))}")
    if not found.path.startswith(b"/unread"):
        try:
            body, error = incoming.body.read(), "<nil>"
        except BodyError as problem:
            body, error = problem.partial, str(problem)
        lines += [f"body {_show(body)}", f"error {error}"]
    text = "\n".join(lines) + "\n"
    return Answer(200, [("Content-Type", "text/plain; charset=utf-8")], [text.encode("utf-8", "surrogateescape")])


def serve() -> Server:
    """Start the server on a free port."""
    server = Server(echo, open_listeners([("127.0.0.1", 0)]), limits=Settings(max_body_size=1 << 64))
    server.start()
    return server


if __name__ == "__main__":
    server = serve()
    sys.stderr.write(f'msg="Listening on" address=127.0.0.1:{server.port}\n')
    sys.stderr.flush()
    threading.Event().wait()
