"""A stage that plays the gateway to the page: it serves the page, the original's API from data that a test sets, and
the state. What a gateway would answer in rare situations (failing persistence, a poisoned store, 20,000 series, native
histograms) is set here in a line; the tests in test_with_gateway.py use the gateway itself.
"""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from pytest_pushgateway.gateway.app import page as ui

NOW = 1_700_000_000.0
FLAGS = {
    "persistence.file": "",
    "persistence.interval": "5m0s",
    "web.enable-admin-api": "false",
    "web.listen-address": "127.0.0.1:9091",
    "web.telemetry-path": "/metrics",
}
BUILD = {
    "branch": "HEAD",
    "buildDate": "",
    "buildUser": "",
    "goVersion": "CPython 3.11.2",
    "revision": "",
    "version": "9",
}


def metric(labels: dict[str, str], value: str) -> dict[str, Any]:
    return {"labels": labels, "value": value}


def family(kind: str, metrics: list[dict[str, Any]], help: str = "", at: float = NOW - 30) -> Any:
    """Build a family of the API; ``Any``, so that ``**{name: family(...)}`` is nothing but families to mypy."""
    stamp = datetime.fromtimestamp(at, timezone.utc).isoformat()
    return {"time_stamp": stamp, "type": kind, **({"help": help} if help else {}), "metrics": metrics}


def group(labels: dict[str, str], /, pushed: float = NOW - 30, failed: float = 0.0, **families: Any) -> dict[str, Any]:
    """Build a group of the API. Every metric gets the group's labels, and ``instance=""`` where it has none."""
    own = {
        "push_time_seconds": family("GAUGE", [metric({}, repr(pushed))]),
        "push_failure_time_seconds": family("GAUGE", [metric({}, repr(failed))]),
    }
    for content in (*families.values(), *own.values()):
        for one in content["metrics"]:
            one["labels"] = {"instance": "", **one["labels"], **labels}
    return {"labels": labels, "last_push_successful": failed <= pushed, **own, **families}


class Stage:
    """A server whose ``groups`` and ``state`` the test sets; ``play()`` makes a change visible to the page."""

    def __init__(self) -> None:
        self.groups: list[dict[str, Any]] = []
        self.state = ui.PageState(revision="0", now=NOW, start_time=NOW - 3725)
        self.flags = dict(FLAGS)
        self.seen: list[tuple[str, str]] = []
        self.answers: dict[tuple[str, str], int] = {}
        self.silent = False

    def play(self, *groups: dict[str, Any], **state: Any) -> None:
        """Show other groups, under a new revision; or change the state alone."""
        if groups:
            self.groups = list(groups)
            state.setdefault("revision", str(int(self.state.revision) + 1))
        self.state = replace(self.state, **state)

    def count(self, path: str) -> int:
        """Tell how often the page asked for a path."""
        return sum(target == path for _, target in self.seen)

    def answer(self, method: str, path: str) -> tuple[int, list[tuple[str, str]], bytes]:
        if method != "GET":
            return self.answers.get((method, path), 404), [], b""
        page = ui.respond(path, lambda: self.state)
        if page is not None:
            return page.status, list(page.headers), b"".join(page.blocks)
        data: Any = {
            "/api/v1/metrics": self.groups,
            "/api/v1/status": {"build_information": BUILD, "flags": self.flags, "start_time": "2023-11-14T22:00:00Z"},
        }.get(path)
        if data is None:
            return 404, [], b"404 page not found\n"
        return 200, [("Content-Type", "application/json")], json.dumps({"status": "success", "data": data}).encode()

    def __enter__(self) -> Stage:
        stage = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def handle_one(self) -> None:
                path = self.path.partition("?")[0]
                stage.seen.append((self.command, path))
                status, headers, body = (503, [], b"") if stage.silent else stage.answer(self.command, path)
                self.send_response(status)
                for name, value in (*headers, ("Content-Length", str(len(body)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_DELETE = handle_one

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
