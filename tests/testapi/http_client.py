"""A client of the test API that knows nothing of the package, and checks each answer against the description."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .schema import problems
from .served import Served


class Answer(NamedTuple):
    """The status and the body of an answer."""

    status: int
    body: Any
    headers: http.client.HTTPMessage


class ApiClient:
    """Calls one test API on one connection."""

    def __init__(self, served: Served) -> None:
        parts = urlsplit(served.control)
        self.served = served
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        self.description = self.call("GET", "/v1/openapi.json", described=False).body

    def call(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        described: bool = True,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request; ``body`` is sent as JSON, text as it is."""
        content = body if body is None or isinstance(body, str) else json.dumps(body)
        self._connection.request(method, target, content, headers or {})
        response = self._connection.getresponse()
        raw = response.read().decode()
        kind = response.headers.get("Content-Type", "")
        answer = Answer(response.status, json.loads(raw) if "json" in kind else raw, response.headers)
        if described:
            self._check(method, target.partition("?")[0], answer, kind)
        return answer

    def get(self, target: str) -> Any:
        """Return the body of a 200."""
        answer = self.call("GET", target)
        assert answer.status == 200, answer
        return answer.body

    def detail(self, method: str, target: str, body: Any = None, status: int = 400) -> str:
        """Return the detail of a problem."""
        answer = self.call(method, target, body)
        assert answer.status == status, answer
        detail: str = answer.body["detail"]
        return detail

    def _check(self, method: str, path: str, answer: Answer, kind: str) -> None:
        if path.startswith("/v1/faults/"):
            path = "/v1/faults/{id}"
        operation = self.description["paths"][path][method.lower()]
        described = operation["responses"].get(str(answer.status), operation["responses"]["default"])
        if "content" not in described:
            assert answer.body == ""
            return
        assert kind.partition(";")[0] in described["content"], (kind, described)
        schema = described["content"][kind.partition(";")[0]]["schema"]
        assert problems(answer.body, schema, self.description) == []

    def push(self, body: str, path: str = "/metrics/job/backup", method: str = "PUT") -> int:
        """Push as an application does, or delete."""
        connection = http.client.HTTPConnection("127.0.0.1", self.served.port, timeout=60)
        connection.request(method, path, body if method != "DELETE" else None)
        status = connection.getresponse().status
        connection.close()
        return status

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def client_of(served: Served) -> Iterator[ApiClient]:
    client = ApiClient(served)
    try:
        yield client
    finally:
        client.close()
