"""A stage that plays the gateway to the page: it serves the page, and groups and a state that a test sets.

What a gateway would answer in rare situations (failing persistence, a poisoned store, 20,000 series, native histograms)
is set here in a line; the tests in test_with_gateway.py use the gateway itself.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from pytest_pushgateway.exposition.labels import Labels
from pytest_pushgateway.gateway.app import page as ui
from pytest_pushgateway.gateway.app.json_api import WrittenGroup
from pytest_pushgateway.gateway.app.page.changes import Changes
from pytest_pushgateway.gateway.app.page.state import PageState
from pytest_pushgateway.gateway.groups import StoredGroup

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


Answer = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers and body."""


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


def written(group: dict[str, Any]) -> WrittenGroup:
    """Return a group of the API as the gateway writes it for the page."""
    key: Labels = tuple(sorted((name.encode(), value.encode()) for name, value in group["labels"].items()))
    times = [float(group[name]["metrics"][0]["value"]) for name in ("push_time_seconds", "push_failure_time_seconds")]
    families: Any = {
        name.encode(): (content, [json.dumps(content).encode()])
        for name, content in group.items()
        if name not in ("labels", "last_push_successful")
    }
    return WrittenGroup(StoredGroup(key, {}, *times), families, [])


class Stage:
    """A server whose ``groups`` and ``state`` the test sets; ``play()`` makes a change visible to the page."""

    def __init__(self) -> None:
        self.groups: list[dict[str, Any]] = []
        self._written: dict[int, tuple[dict[str, Any], WrittenGroup]] = {}
        self.state = PageState(revision="0", now=NOW, start_time=NOW - 3725)
        self.flags = dict(FLAGS)
        self.changes = self.begin()
        self.seen: list[tuple[str, str]] = []
        self.answers: dict[tuple[str, str], int] = {}
        self.silent = False
        self.hold_series = False
        """Whether an answer waits for `release` where the series begin."""
        self.cut = False
        """Whether it ends there."""
        self.held = threading.Event()

    def play(self, *groups: dict[str, Any], **state: Any) -> None:
        """Show other groups, under a new revision; or change the state alone."""
        if groups:
            self.groups = list(groups)
            state.setdefault("revision", str(int(self.state.revision) + 1))
        self.state = replace(self.state, **state)

    def begin(self) -> Changes:
        """Return what a gateway knows after a start."""
        status = {"build_information": BUILD, "flags": self.flags, "start_time": "2023-11-14T22:00:00Z"}
        return Changes(self.written, json.dumps(status).encode())

    def written(self) -> dict[Labels, WrittenGroup]:
        """Return the groups; the same objects for those that stayed."""
        for group in self.groups:
            if id(group) not in self._written:
                self._written[id(group)] = group, written(group)
        groups = [self._written[id(group)][1] for group in self.groups]
        return {each.group.key: each for each in groups}

    def release(self) -> None:
        """Let answers that wait go on."""
        self.hold_series = False
        self.held.set()

    def restart(self) -> None:
        """Forget what pages know, as another process would."""
        self.changes = self.begin()

    def count(self, path: str) -> int:
        """Tell how often the page asked for a path."""
        return sum(target == path for _, target in self.seen)

    def answer(self, method: str, target: str, headers: Mapping[str, str]) -> Answer:
        path, _, query = target.partition("?")
        if method != "GET":
            return self.answers.get((method, path), 404), [], b""
        gzip = "gzip" in headers.get("Accept-Encoding", "") and not (self.hold_series or self.cut)
        asked = ui.Asked(path, query.removeprefix("since="), gzip, headers.get("If-None-Match", ""))
        answer = ui.respond(asked, lambda: self.state, lambda: self.changes)
        if answer is None:
            return 404, [], b"404 page not found\n"
        return answer.status, list(answer.headers), b"".join(answer.blocks)

    def __enter__(self) -> Stage:
        stage = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def handle_one(self) -> None:
                path = self.path.partition("?")[0]
                stage.seen.append((self.command, path))
                silent: Answer = (503, [], b"")
                status, headers, body = (
                    silent if stage.silent else stage.answer(self.command, self.path, dict(self.headers))
                )
                self.send_response(status)
                for name, value in (*headers, ("Content-Length", str(len(body)))):
                    self.send_header(name, value)
                self.end_headers()
                held = path == "/-/state/changes" and status == 200 and b"\n{" in body
                head, rest = body, b""
                if held and (stage.hold_series or stage.cut):
                    end = body.index(b"\n{") + 1
                    head, rest = body[:end], body[end:]
                self.wfile.write(head)
                if rest and stage.cut:
                    self.close_connection = True
                elif rest:
                    stage.held.wait(30)
                    self.wfile.write(rest)

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
        self.held.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
