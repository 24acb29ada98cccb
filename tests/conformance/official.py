"""The official release's answers, recorded: a request to an emptied gateway, the answer, and the scrape after it.

Each record has its kind, a name, the flags besides ``--web.enable-admin-api``, the request's bytes, the answer and the
scrape. What differs from run to run was taken out when they were recorded, and is taken out of ours here likewise.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import socket
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pytest_pushgateway.gateway.gateway import Gateway

FILE = Path(__file__).with_name("official-1.11.3.json.gz")
_ADMIN = "--web.enable-admin-api"
_TIMEOUT = 20.0
_CUT = re.compile(r"<cut (\d+)>\Z")
_SEVERAL = " error(s) occurred:"
_DATE = re.compile(rb"(?<=\nDate: )[^\r\n]*GMT")
_OWN = re.compile(r"(?:# (?:HELP|TYPE) )?(?:go|process|promhttp|pushgateway)_")
_PUSH_TIME = re.compile(r"(?m)^(push_(?:failure_)?time_seconds\{[^\n]*\}) [1-9]\S*$")
_PUSH_TIME_TOLD = re.compile(r'("push_(?:failure_)?time_seconds" \{[^\n]*?gauge:\{value:)[1-9][^}]*')


@dataclass(frozen=True)
class Recorded:
    """One request, and what the release made of it."""

    kind: str
    name: str
    prefix: str
    request: bytes
    answer: str
    scrape_after: str

    @property
    def id(self) -> str:
        return f"{self.kind}: {self.name}"


def load(file: Path = FILE) -> list[Recorded]:
    """Return the records of a file."""
    recorded = []
    for fields in json.loads(gzip.decompress(file.read_bytes())):
        flags = [flag for flag in fields["flags"] if flag != _ADMIN]
        prefix = flags[0].removeprefix("--web.route-prefix=") if flags else ""
        request = base64.b64decode(fields["request"])
        recorded.append(
            Recorded(fields["kind"], fields["name"], prefix, request, fields["answer"], fields["scrape_after"])
        )
    return recorded


def play(record: Recorded, gateway: Gateway) -> tuple[str, str]:
    """Send a record's request to an emptied gateway; return the answer and the scrape after it, as recorded."""
    gateway.reset()
    answer = show_answer(_exchange(gateway.port, record.request))
    scrape = _exchange(gateway.port, f"GET {record.prefix}/metrics HTTP/1.0\r\n\r\n".encode())
    return answer, show_scrape(scrape.partition(b"\r\n\r\n")[2].decode("utf-8", "backslashreplace"))


def _exchange(port: int, request: bytes) -> bytes:
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT) as connection:
        try:
            connection.sendall(request)
            while data := connection.recv(65536):
                received += data
        except ConnectionError:
            pass
    return received


def show_answer(raw: bytes) -> str:
    """Return an answer as the records show it."""
    if not raw:
        return "(closed)"
    raw = _DATE.sub(b"<d>", raw)
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    if "Transfer-Encoding: chunked" in lines:
        lines.remove("Transfer-Encoding: chunked")
        body = _joined(body)
    if "Content-Encoding: gzip" in lines:
        body = zlib.decompress(body, 31)
    kind = next((line.partition(": ")[2] for line in lines if line.startswith("Content-Type: ")), "")
    shown = _shown_body(body, kind, ok=" 200 " in lines[0])
    if shown is None:
        shown = body.decode("utf-8", "backslashreplace")
        if _SEVERAL in shown:
            shown = _sorted_errors(shown)
            lines = ["Content-Length: <m>" if line.startswith("Content-Length: ") else line for line in lines]
    else:
        lines = [line for line in lines if not line.startswith("Content-Length: ")]
    return f"{lines[0]}\n" + "\n".join(lines[1:]) + f"\n\n{shown}"


def _sorted_errors(text: str) -> str:
    """Return a text of several errors, whose order is random there, with its lines sorted."""
    return _PUSH_TIME_TOLD.sub(r"\1<t>", "\n".join(sorted(text.split("\n"))))


def _joined(body: bytes) -> bytes:
    """Return what chunks hold."""
    joined = b""
    while True:
        size, _, rest = body.partition(b"\r\n")
        if int(size, 16) == 0:
            return joined
        joined += rest[: int(size, 16)]
        body = rest[int(size, 16) + 2 :]


def _shown_body(body: bytes, kind: str, *, ok: bool) -> str | None:
    """Return what stands for a body that differs from run to run; None for all others."""
    if ok and kind.startswith("text/html"):
        return "<page>"
    if kind.startswith("application/vnd.google.protobuf"):
        return "<protobuf>"
    if kind.startswith("text/plain; version="):
        return show_scrape(body.decode("utf-8", "backslashreplace"))
    if kind == "application/json":
        document = json.loads(body)
        data = document["data"]
        if isinstance(data, dict):
            data["build_information"] = data["flags"] = "<bi>"
            data["start_time"] = "<t>"
        return json.dumps(document, sort_keys=True)
    return None


def show_scrape(text: str) -> str:
    """Return an exposition without the gateway's own metrics and the times of pushes."""
    if _SEVERAL in text:
        return _sorted_errors(text)
    kept = "".join(line for line in text.splitlines(keepends=True) if not _OWN.match(line))
    return _PUSH_TIME.sub(r"\1 <t>", kept)


def equal(shown: str, recorded: str) -> bool:
    """Compare what came with what was recorded, where long texts were cut."""
    if cut := _CUT.search(recorded):
        return len(shown) == int(cut[1]) and shown.startswith(recorded[: cut.start()])
    return shown == recorded


DOCUMENTED: dict[str, Callable[[Recorded], bool]] = {
    "the web page": lambda record: record.answer.endswith("\n\n<page>"),
    "`{} 1` behind a line": lambda record: record.answer == "(closed)" and record.kind == "text bodies",
    "a protobuf message that claims": lambda record: record.answer == "(closed)" and record.kind == "protobuf push",
}
"""Kinds of differences that docs/deviations.md gives a reason for: some words of its row, and the records it covers."""


def documented(record: Recorded) -> str | None:
    """Return the words of the row that lets our answer to a record differ; None where it must be equal."""
    return next((words for words, covers in DOCUMENTED.items() if covers(record)), None)
