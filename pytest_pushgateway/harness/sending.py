"""The part of a `Pushgateway` that sends the test's own requests: straight to the gateway, past any proxy.

One request on its own connection, by HTTP/1.0, where the answer ends with the connection: the standard library's
client would cost a test's first push more than the push itself, for it imports TLS and mail.
"""

from __future__ import annotations

import _socket as socket  # what nobody replaces
import errno
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from pytest_pushgateway.gateway.grouping_key import group_path
from pytest_pushgateway.golang.url import join_host_port
from pytest_pushgateway.golang.utf8 import bytes_of
from pytest_pushgateway.harness.errors import PushgatewayError, PushRejected
from pytest_pushgateway.harness.journal.journal import Journalled
from pytest_pushgateway.harness.journal.requests import ORIGIN_HEADER, Push
from pytest_pushgateway.harness.metrics.text import body_of
from pytest_pushgateway.later import later
from pytest_pushgateway.matchers import label_text, shown

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from prometheus_client import CollectorRegistry, Metric

    from pytest_pushgateway.harness.metrics.family import Family
    from pytest_pushgateway.harness.metrics.scrape import Scrape
    from pytest_pushgateway.settings import Settings

    Metrics = (
        str | bytes | CollectorRegistry | Family | Metric | Iterable[Family] | Iterable[Metric] | Mapping[str, float]
    )
    from pytest_pushgateway.harness.messages import history
    from pytest_pushgateway.harness.metrics import scrape as scrapes
else:
    history = later("pytest_pushgateway.harness.messages.history")
    scrapes = later("pytest_pushgateway.harness.metrics.scrape")


TIMEOUT = 30.0
"""Seconds that a gateway may take for each piece of its answer."""
_RECEIVE = 65536


class Sending(Journalled):
    """Pushing and scraping over HTTP, past any proxy, authenticated; no fault meets these requests but ``refuse``."""

    @property
    def settings(self) -> Settings:
        """The options of the gateway."""
        raise NotImplementedError

    @property
    def _client(self) -> Sender:
        raise NotImplementedError

    @property
    def _prefix(self) -> str:
        raise NotImplementedError

    @property
    def _demands_certificate(self) -> bool:
        raise NotImplementedError

    def push(
        self,
        metrics: Metrics,
        /,
        job: str,
        grouping_key: Mapping[str, object] | None = None,
        *,
        method: str = "PUT",
        check: bool = True,
    ) -> Push:
        """Push metrics as the test's own, over HTTP.

        Args:
            metrics: text as the text format has it, bytes, a registry, metric families, or a mapping from a series
                (``backup_bytes`` or ``backup_bytes{disk="sda"}``) to a number.
            job: the job of the grouping key.
            grouping_key: further labels of the grouping key.
            method: ``"PUT"`` replaces the whole group, ``"POST"`` only the metrics of the same names.
            check: whether a rejection raises an exception.

        Returns:
            The push as the journal has it.

        Raises:
            PushRejected: the gateway rejected the push and ``check`` is true.
            ConnectionRefusedError: the gateway is stopped, or the fault ``refuse`` is active; the message names which.
            ConnectionError: the gateway demands a client certificate.
            OSError: the gateway cannot be reached for another reason.
            TypeError: the metrics, the job or a grouping label are of a kind that cannot be pushed.
            ValueError: the method is another, or ``grouping_key`` also has the job.

        """
        __tracebackhide__ = True
        if not isinstance(method, str) or method.upper() not in ("PUT", "POST"):
            raise ValueError(f"push() needs PUT or POST, not {method!r}")
        pairs = [(bytes_of(name), bytes_of(text)) for name, text in _grouping_labels(grouping_key).items()]
        path = self._prefix + group_path(((b"job", bytes_of(label_text("job", job))), *sorted(pairs)))
        mark = self._journal.expect_mark()
        headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8", ORIGIN_HEADER: mark}
        try:
            answer = self._ask(method.upper(), path, headers, body_of(metrics))
        finally:
            entry = self._journal.take_marked(mark)
        if not isinstance(entry, Push):
            if answer.status < 400:
                raise PushgatewayError(
                    "the gateway took the push as the application's, for this process was forked from the one that it "
                    "runs in and has no journal of it: push with an HTTP client here"
                )
            reason = answer.body.decode("utf-8", "replace").strip()
            raise PushgatewayError(
                f"the push did not reach the gateway's metrics: it answered {answer.status} {reason}"
            )
        if check and (answer.status >= 400 or entry.rejected):
            lines = [
                f"the gateway answered {entry.status}: {entry.error}",
                *history.provenance(entry, self._journal.requests()),
            ]
            raise PushRejected("\n".join(lines), entry)
        return entry

    def scrape(self, accept: str | None = None) -> Scrape:
        """GET the telemetry path, as Prometheus does.

        Args:
            accept: the Accept header; None to send none.

        Returns:
            The answer, whatever its status.

        Raises:
            ConnectionRefusedError: the gateway is stopped, or the fault ``refuse`` is active; the message names which.
            ConnectionError: the gateway demands a client certificate.
            OSError: the gateway cannot be reached for another reason.
            TypeError: ``accept`` is not text.

        """
        if accept is not None and not isinstance(accept, str):
            raise TypeError(f"accept must be text such as 'text/plain', not {shown(accept)}")
        mark = self._journal.expect_mark()
        headers = {ORIGIN_HEADER: mark}
        if accept is not None:
            headers["Accept"] = accept
        try:
            answer = self._ask("GET", self._prefix + self.settings.telemetry_path, headers)
        finally:
            self._journal.take_marked(mark)
        return scrapes.Scrape(answer.status, answer.header_lines, answer.body)

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> ClientAnswer:
        """Send a request; if no connection reaches the gateway raise the reason, whoever may listen on its port."""
        closed = self._closed()
        if closed is not None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"the gateway cannot be reached: {closed}")
        try:
            return self._client.request(method, path, headers, body)
        except OSError as error:
            if not self._demands_certificate:
                raise
            raise ConnectionError(
                "the gateway demands a client certificate, and what the test itself sends has none: use an HTTP client "
                "that presents one"
            ) from error


class ClientAnswer:
    """The answer of a gateway."""

    def __init__(self, raw: bytes) -> None:
        head, end, body = raw.partition(b"\r\n\r\n")
        self._lines = head.decode("latin-1").split("\r\n")
        self.body: bytes = body
        try:
            self.status: int = int(self._lines[0].split(" ", 2)[1])
        except (IndexError, ValueError):
            self.status = 0
        if not end or not self.status:
            raise ConnectionResetError("the gateway closed the connection without an answer")
        for line in self._lines:
            name, _, value = line.partition(": ")
            if name.lower() == "content-length" and len(body) < int(value):
                raise ConnectionResetError(f"the gateway closed the connection after {len(body)} of {value} bytes")

    @property
    def header_lines(self) -> list[tuple[str, str]]:
        """Names and values of its headers, in the order of the wire."""
        return [(name, value) for name, _, value in (line.partition(": ") for line in self._lines[1:])]


class Sender(Protocol):
    """The sender of a test's own requests to its gateway."""

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> ClientAnswer:
        """Send one request and return the answer.

        Raises:
            OSError: the gateway is stopped, refuses connections, or does not answer in time.

        """


class Client:
    """Sends requests to one gateway, authenticated where it asks for that."""

    def __init__(self, host: str, port: int, secure: bool, credentials: tuple[str, str] | None) -> None:
        self._host = host
        self._port = port
        self._secure = secure
        self._credentials = credentials

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> ClientAnswer:
        """Send one request on its own connection and return the answer.

        Raises:
            OSError: the gateway is stopped, refuses connections, or does not answer in time.

        """
        fields = {"Host": join_host_port(self._host, self._port), **headers}
        if body is not None:
            fields["Content-Length"] = str(len(body))
        if self._credentials is not None:
            import base64

            encoded = base64.b64encode(":".join(self._credentials).encode()).decode()
            fields["Authorization"] = f"Basic {encoded}"
        lines = [f"{method} {path} HTTP/1.0", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        connection: Any = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(TIMEOUT)
            connection.connect((self._host, self._port))
            if self._secure:
                connection = _trusting().wrap_socket(connection)
            connection.sendall("\r\n".join(lines).encode("latin-1") + (body or b""))
            pieces = []
            while piece := connection.recv(_RECEIVE):
                pieces.append(piece)
        finally:
            connection.close()
        return ClientAnswer(b"".join(pieces))


def _trusting() -> ssl.SSLContext:
    # The certificate is the test's own and the connection never leaves the machine: nothing to verify.
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _grouping_labels(grouping_key: Any) -> dict[str, str]:
    """Return the labels of a grouping key beside the job, as text."""
    __tracebackhide__ = True
    if grouping_key is not None and not isinstance(grouping_key, Mapping):
        raise TypeError(f"grouping_key must be a mapping from names to values, not {shown(grouping_key)}")
    found = {}
    for name, value in (grouping_key or {}).items():
        if not isinstance(name, str):
            raise TypeError(f"a label's name must be a string, not {shown(name)}")
        if name == "job":
            raise ValueError("the job is given twice, as job= and in grouping_key=")
        found[name] = label_text(name, value)
    return found
