"""A server that exposes what a test gives it: one path per case, plain or under TLS, well-behaved or not."""

from __future__ import annotations

import base64
import gzip
import ssl
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Page:
    """The answer of one path. ``cut``: the body ends early; ``hang``: no answer before the server stops."""

    def __init__(
        self,
        body: bytes = b"",
        *,
        content_type: str | None = TEXT,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        gzipped: bool = False,
        cut: bool = False,
        hang: bool = False,
        user: str = "",
        needs: Mapping[str, str] | None = None,
    ) -> None:
        self.body = gzip.compress(body) if gzipped else body
        self.status = status
        self.headers = dict(headers or {})
        if content_type is not None:
            self.headers["Content-Type"] = content_type
        if gzipped:
            self.headers["Content-Encoding"] = "gzip"
        self.cut = cut
        self.hang = hang
        self.needs = dict(needs or {})
        if user:
            self.needs["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()


class Exposer:
    """Serves pages on a free port of 127.0.0.1, ``https`` with a context."""

    def __init__(self, pages: Mapping[str, Page], context: ssl.SSLContext | None = None) -> None:
        exposer = self
        self.stopped = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                exposer.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                pass  # clients that turn away from a certificate

        self.pages = pages
        self._server = Server(("127.0.0.1", 0), Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        self.host = "127.0.0.1"
        self.address = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Exposer:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        page = self.pages.get(handler.path) or Page(b"404 page not found\n", status=404, content_type="text/plain")
        if any(handler.headers.get(name) != value for name, value in page.needs.items()):
            page = Page(b"Unauthorized\n", status=401)
        if page.hang:
            self.stopped.wait()
            return
        handler.send_response(page.status)
        for name, value in page.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(page.body) + (100 if page.cut else 0)))
        handler.end_headers()
        handler.wfile.write(page.body)
        if page.cut:
            handler.close_connection = True
