"""Takes out of an answer what is random in the original, and nothing else: the rest is compared byte for byte.

Random there: dates and times; the values of the gateway's metrics; one space or two between prototext fields and
the no-break space of protobuf errors (chosen per binary build); the order of several errors in one answer; the order
of the groups in the JSON API; build information.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from tests.conformance import protowire
from tests.conformance.wire import Answer

OWN_FAMILY = re.compile(r"(go|process|pushgateway)_")
_OWN = re.compile(rb"(?:go|process|pushgateway)_")
_PUSH_TIMES = (b"push_time_seconds", b"push_failure_time_seconds")
DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
_TIME_STAMP = re.compile(rb'"(time_stamp|start_time)":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)"')
_TIME_VALUE = re.compile(rb"1\.[7-9]\d*e\+09")
_CHUNKED_FROM, _DIGITS_OF_TIMES = 2048, 1024
"""Go sends longer answers in chunks; how long those with times in them are depends on trailing zeros."""
_ERRORS = re.compile(rb"(\d+ error\(s\) occurred:\n)(.*?)(\n*)\Z", re.DOTALL)


def describe(answer: Answer, *, page: bool = False, keep: Sequence[str] = ()) -> str:
    """Render an answer so that equal renderings mean equal behaviour."""
    if answer.status == 0:
        return f"({answer.reason})"
    lines = [f"{answer.protocol} {answer.status} {answer.reason}"]
    if page:
        return f"{lines[0]}\n{answer.header('Content-Type')}"
    lines += [f"{name}: {_header(name, value, answer)}" for name, value in answer.headers]
    content = _body(answer, keep)
    if content.startswith(b"Requesting termination"):
        # The shutdown that it asks for may overtake it, and then announces that the connection closes.
        lines = [line for line in lines if line != "Connection: close"]
    if _is_json(answer) and abs(len(content) - _CHUNKED_FROM) < _DIGITS_OF_TIMES:
        lines = [line for line in lines if not line.startswith(("Transfer-Encoding: ", "Content-Length: "))]
    return "\n".join(lines) + "\n\n" + content.decode("utf-8", "backslashreplace")


def _header(name: str, value: str, answer: Answer) -> str:
    if name in ("Date", "Last-Modified") and DATE.fullmatch(value):
        return "<date>"
    # The framing itself has proved such a length right, and the digits of a time, or how many spaces a build prints
    # between the fields of a message, are nobody's business.
    if name == "Content-Length" and answer.status != 405 and (_is_json(answer) or b"{" in answer.body):
        return "<length>"
    return value


def _is_json(answer: Answer) -> bool:
    return answer.header("Content-Type") == "application/json"


def _body(answer: Answer, keep: Sequence[str]) -> bytes:
    content = answer.decoded
    kind = answer.header("Content-Type")
    if answer.status >= 400:
        return error(content)
    if kind.startswith("text/plain; version="):
        return exposition(content, keep)
    if kind.startswith("application/vnd.google.protobuf"):
        if "encoding=delimited" in kind:
            return protowire.describe(content, _is_foreign, keep).encode()
        return prototext(content, keep, compact="compact" in kind)
    if _is_json(answer):
        return api(content)
    return content


def error(content: bytes) -> bytes:
    """Normalise an error text."""
    content = content.replace("proto:\u00a0".encode(), b"proto: ")
    content = re.sub(rb"(?<=[\w\"}]) {2}(?=\w)", b" ", content)
    content = re.sub(rb'("push_(?:failure_)?time_seconds" \{.*?gauge:\{value:)[^}]*(?=\}\})', rb"\1<time>", content)
    if found := _ERRORS.search(content):
        errors = sorted(re.split(rb"\n(?=\* )", found[2]))
        content = content[: found.start()] + found[1] + b"\n".join(errors) + found[3]
    return content


def _is_foreign(family: bytes, labels: bytes) -> bool:
    """Tell a pushed series from the gateway's, which have no job."""
    return not _OWN.match(family) or b'job="' in labels


def exposition(content: bytes, keep: Sequence[str] = ()) -> bytes:
    """Drop the gateway's own series from a text exposition and blank the times of pushes."""
    kept: list[bytes] = []
    header: list[bytes] = []
    kept_names = {name.encode() for name in keep}
    for line in content.splitlines(keepends=True):
        if line.startswith((b"# HELP ", b"# TYPE ")):
            if line.startswith(b"# HELP ") or not (header and header[-1].startswith(b"# HELP ")):
                header = []
            header.append(line)
            if not _OWN.match(line[7:]) or line[7:].split(b" ", 1)[0] in kept_names:
                kept += header
                header = []
            continue
        if _is_foreign(line, line) or re.split(rb"[{ ]|_(?:sum|count)\b", line, maxsplit=1)[0] in kept_names:
            kept += header
            header = []
            if line.startswith((*_PUSH_TIMES, b'{"push_')):
                line = _TIME_VALUE.sub(b"<time>", line)
            kept.append(line)
    return b"".join(kept)


def prototext(content: bytes, keep: Sequence[str], *, compact: bool) -> bytes:
    """Do the same to the two prototext renderings; families stand apart by their first field."""
    families = re.split(rb"^(?=name:)", content, flags=re.MULTILINE)
    kept = []
    for family in families:
        family = re.sub(rb": {1,2}", b": ", family) if not compact else re.sub(rb" {2}", b" ", family)
        name = re.match(rb'name: ?"([^"]*)"', family)
        if name and _OWN.match(name[1]) and name[1].decode() not in keep:
            continue
        if name and name[1] in _PUSH_TIMES:
            family = _TIME_VALUE.sub(b"<time>", family)
        kept.append(family)
    return b"".join(kept)


def api(content: bytes) -> bytes:
    """Normalise a document of the JSON API, keeping its bytes: only times go, and groups are put in order."""
    content = _TIME_STAMP.sub(rb'"\1":"<time>"', content)
    document = json.loads(content)
    data = document.get("data")
    if isinstance(data, list):
        return _in_order(content)
    if isinstance(data, dict) and "build_information" in data:
        return _status(data, content)
    return content


def _in_order(content: bytes) -> bytes:
    """Sort the groups of ``/api/v1/metrics`` as the bytes they are, one a line."""
    text = content.decode()
    start = text.index('"data":[') + len('"data":[')
    decoder, groups, position = json.JSONDecoder(), [], start
    while text[position] != "]":
        _, end = decoder.raw_decode(text, position)
        groups.append(_push_times(text[position:end]))
        position = end + (text[end] == ",")
    return (text[:start] + "\n" + "\n".join(sorted(groups)) + "\n" + text[position:]).encode()


def _push_times(group: str) -> str:
    return re.sub(r'("push(?:_failure)?_time_seconds":\{"time_stamp".*?"value":")1\.[7-9]\d*e\+09', r"\1<time>", group)


def _status(data: dict[str, dict[str, str]], content: bytes) -> bytes:
    """Show the status document: build information by its keys, flags without Debian's own and the address."""
    flags = {name: value for name, value in data["flags"].items() if name != "web.local-assets"}
    if "web.listen-address" in flags:
        flags["web.listen-address"] = "<address>"
    lines = [" ".join(data), " ".join(data["build_information"]), *(f"{name}={value}" for name, value in flags.items())]
    lines.append(str(data["start_time"]))
    # The document is compact: no space follows a comma or a colon outside of a string.
    assert b'": ' not in content
    return "\n".join(lines).encode()


_LOG_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"
_BUILD = ("version", "build_context")


def log_lines(lines: Sequence[str], directory: str) -> list[str]:
    """Normalise log lines: the time, where in the source they come from, the port, and the name of the build.

    The lack of HTTP/2 is ours.
    """
    return [_log_line(line, directory) for line in lines]


def _log_line(line: str, directory: str) -> str:
    line = line.replace(directory, "<directory>")
    line = re.sub(r"127\.0\.0\.1:\d+", "<address>", line)
    line = line.replace('"TLS is enabled." http2=true', '"TLS is enabled." http2=false')
    if line.startswith("{"):
        fields = json.loads(line)
        if re.fullmatch(_LOG_TIME, fields.get("ts", "")):
            fields["ts"] = "<time>"
        for name in (*_BUILD, "caller"):
            if name in fields:
                fields[name] = "<build>"
        if "err" in fields:
            fields["err"] = error(fields["err"].encode()).decode()
        return json.dumps(fields)
    line = re.sub(rf"^ts={_LOG_TIME} ", "ts=<time> ", line)
    line = re.sub(r"caller=\S+ ", "caller=<build> ", line)
    line = re.sub(r'\b(version|build_context)="[^"]*"', r"\1=<build>", line)
    return error(line.encode()).decode()
