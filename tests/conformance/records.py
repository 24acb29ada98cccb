"""Records: a record is a named scenario of raw requests, and the vocabulary to write one in a line or two."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

Headers = Mapping[str, str] | Sequence[tuple[str, str]]

PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"


@dataclass(frozen=True)
class Request:
    """Bytes to send over their own connection, and how to look at what comes back."""

    data: bytes
    method: str
    answers: int = 1
    half_close: bool = False
    plain: bool = False
    page: bool = False
    """Whether the answer is part of the web page, which is each program's own: only status and type are compared."""
    keep: tuple[str, ...] = ()
    """Families of the gateway's metrics that stay in the comparison."""
    counted: bool = True
    """Whether the report counts it: the looks that the runner adds are not."""

    def __str__(self) -> str:
        head = self.data if len(self.data) <= 600 else self.data[:600] + b"..."
        return head.decode("utf-8", "backslashreplace").replace("\r\n", "\n")


class Action(enum.Enum):
    """What happens to the program itself between two requests."""

    RESTART = "stopped with SIGTERM and started again"
    INTERRUPT = "stopped with SIGINT and started again"
    KILL = "killed and started again"
    AWAIT_FILE = "has written its persistence file since its last push"
    ENDED = "has ended by itself"


@dataclass(frozen=True)
class CopyFile:
    """A file in either program's working directory takes the content of another."""

    source: str
    target: str


Step = Request | Action | CopyFile


@dataclass(frozen=True)
class Record:
    """A scenario: it starts on an emptied gateway run with ``flags`` and ends with the ``look``."""

    name: str
    steps: tuple[Step, ...]
    flags: str = "default"
    look: tuple[Request, ...] = ()
    fresh: bool = False
    """Whether it needs programs that served nothing before."""
    logs: bool = False
    """Whether the programs' logs are compared as well (implies fresh programs)."""

    @property
    def all_steps(self) -> tuple[Step, ...]:
        return self.steps + self.look


def to_bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def request(
    method: str,
    target: str | bytes,
    body: str | bytes | None = None,
    headers: Headers = (),
    *,
    protocol: str = "HTTP/1.1",
    page: bool = False,
    keep: Sequence[str] = (),
) -> Request:
    """Build one well-framed request: ``Host: localhost``, the given headers, ``Content-Length`` if it has a body."""
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
    lines = [to_bytes(method) + b" " + to_bytes(target) + b" " + protocol.encode(), b"Host: localhost"]
    lines += [to_bytes(name) + b": " + to_bytes(value) for name, value in pairs]
    content = b""
    if body is not None:
        content = to_bytes(body)
        lines.append(b"Content-Length: %d" % len(content))
    data = b"\r\n".join(lines) + b"\r\n\r\n" + content
    return Request(data, method, page=page, keep=tuple(keep))


def get(target: str | bytes, headers: Headers = (), **more: object) -> Request:
    return request("GET", target, None, headers, **more)  # type: ignore[arg-type]


def put(target: str | bytes, body: str | bytes = b"", headers: Headers = ()) -> Request:
    return request("PUT", target, body, headers)


def post(target: str | bytes, body: str | bytes = b"", headers: Headers = ()) -> Request:
    return request("POST", target, body, headers)


def delete(target: str | bytes, headers: Headers = ()) -> Request:
    return request("DELETE", target, None, headers)


MARKER = b"GET /-/healthy HTTP/1.1\r\nHost: marker\r\nConnection: close\r\n\r\n"


def raw(data: str | bytes, *, method: str = "", marker: bool = False, **more: object) -> Request:
    """Send ``data`` verbatim; with ``marker`` a further request shows whether the connection stays open."""
    content = to_bytes(data)
    verb = method or content.split(b" ", 1)[0].decode("latin-1")
    if marker:
        return Request(content + MARKER, verb, answers=2, **more)  # type: ignore[arg-type]
    return Request(content, verb, **more)  # type: ignore[arg-type]


def chunked(method: str, target: str, pieces: Sequence[str | bytes], headers: Headers = ()) -> Request:
    """Build a request whose body travels in chunks."""
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
    head = request(method, target, None, [*pairs, ("Transfer-Encoding", "chunked")]).data
    body = b"".join(b"%x\r\n%b\r\n" % (len(to_bytes(piece)), to_bytes(piece)) for piece in pieces)
    return Request(head + body + b"0\r\n\r\n", method)


def scrape(
    accept: str | None = None, headers: Headers = (), *, path: str = "/metrics", keep: Sequence[str] = ()
) -> Request:
    """Build a scrape, with an ``Accept`` header where one is given."""
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
    if accept is not None:
        pairs.insert(0, ("Accept", accept))
    return request("GET", path, None, pairs, keep=keep)


def api(path: str = "/api/v1/metrics") -> Request:
    return request("GET", path)


LOOK = (replace(scrape(), counted=False), replace(api(), counted=False))
"""What is compared at the end of a record: everything a scrape shows and everything the API knows."""

NO_LOOK: tuple[Request, ...] = ()


def looks(prefix: str = "", *, telemetry: str = "/metrics", headers: Headers = ()) -> tuple[Request, ...]:
    """Build the look at a gateway with other paths."""
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
    return (
        replace(request("GET", prefix + telemetry, None, pairs), counted=False),
        replace(request("GET", prefix + "/api/v1/metrics", None, pairs), counted=False),
    )


def record(
    name: str,
    *steps: Step,
    flags: str = "default",
    look: tuple[Request, ...] | None = None,
    fresh: bool = False,
    logs: bool = False,
) -> Record:
    return Record(name, steps, flags, LOOK if look is None else look, fresh or logs, logs)
