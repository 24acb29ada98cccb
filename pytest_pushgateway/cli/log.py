"""The log of ``serve``: logfmt and JSON lines in the original's form."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from contextlib import suppress
from functools import lru_cache

from pytest_pushgateway import threads
from pytest_pushgateway.gateway.log import Log
from pytest_pushgateway.golang.strconv import quote
from pytest_pushgateway.golang.utf8 import bytes_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LEVELS = ("debug", "info", "warn", "error")
FORMATS = ("logfmt", "json")
_SHORT = 200
"""Characters of a text that is remembered as it was quoted."""


def make_log(level: str = "info", form: str = "logfmt") -> Log:
    """Return a log that writes lines of at least ``level`` to standard error, safe to use from threads.

    A line that cannot be written is lost: the reader is gone, the disk is full, standard error is closed.
    """
    threshold = LEVELS.index(level)
    lock = threading.Lock()
    render = _json if form == "json" else _logfmt

    def log(level: str, message: str, **fields: Any) -> None:
        if LEVELS.index(level) < threshold:
            return
        line = render(_moment(time.time()), level, _caller(), message, fields)
        if sys.stderr is None:
            return
        threads.about_to_wait()  # for a terminal, or a pipe that nobody reads
        # Past Python's buffer, which keeps what cannot be written and fails with it again when the process ends.
        with lock, suppress(OSError):
            os.write(sys.stderr.fileno(), f"{line}\n".encode("utf-8", "backslashreplace"))

    return log


def _moment(at: float) -> str:
    seconds, milliseconds = divmod(int(at * 1000), 1000)
    return f"{_second(seconds)}.{milliseconds:03d}Z"


@lru_cache(2)
def _second(seconds: int) -> str:
    # datetime's import takes 2 ms of a start.
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _caller() -> str:
    frame = sys._getframe(2)
    name = frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
    return f"{name}:{frame.f_lineno}"


def _logfmt(moment: str, level: str, caller: str, message: str, fields: dict[str, Any]) -> str:
    rest = "".join([f" {name}={_quote(value)}" for name, value in fields.items()])
    return f"ts={moment} level={level} caller={_quote(caller)} msg={_quote(message)}{rest}"


def _quote(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _quoted(text) if len(text) <= _SHORT else _quoted.__wrapped__(text)


@lru_cache(64)  # the same few values come with each push that is kept in a file
def _quoted(text: str) -> str:
    # As Go's slog: a backslash by itself needs no quotes, letters of any script do not, other blanks than a space do.
    if text.replace("\x7f", "").isprintable() and text and not any(mark in text for mark in ' ="'):
        return text
    return quote(bytes_of(text))


def _json(moment: str, level: str, caller: str, message: str, fields: dict[str, Any]) -> str:
    import json

    pairs = {"ts": moment, "level": level, "caller": caller, "msg": message, **fields}
    line = json.dumps(pairs, separators=(",", ":"), ensure_ascii=False, default=str)
    # As Go: what is not UTF-8 is replaced, and what JavaScript takes for the end of a line is escaped.
    return (
        re.sub("[\udc80-\udcff]", "\N{REPLACEMENT CHARACTER}", line)
        .replace("\u2028", r"\u2028")
        .replace("\u2029", r"\u2029")
    )
