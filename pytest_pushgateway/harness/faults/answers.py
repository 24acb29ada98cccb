"""The answers that a fault gives in the gateway's place: one, one after the other, or as a function decides."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_pushgateway import threads
from pytest_pushgateway.matchers import shown

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from pytest_pushgateway.harness.journal.requests import Request

    Fields = Mapping[str, str] | Iterable[tuple[str, str]]
    Answer = int | tuple[int, str | bytes] | tuple[int, str | bytes, Fields] | Response | None
    Answers = Answer | Iterable[Answer] | Callable[[Request], Answer]

_FORMS = "a status, (status, body), (status, body, headers), werkzeug's Response, or None for the gateway's own"
_NOT_IN_ORDER = (str, bytes, bytearray, Mapping, set, frozenset)


class Reply(NamedTuple):
    """An answer, ready to be sent."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]


class Exhausted(Exception):
    """All answers have been given."""


class Replies:
    """The answers of a fault, request by request.

    ``count`` is the number of answers, where they are a sequence; ``name`` is how reports call them.
    If ``is_written``, then ``written`` is the answer to all requests, or the list of answers.

    Raises:
        TypeError: it is none of the forms of an answer, of several, or of a function.
        ValueError: there are none, or a status is not one.

    """

    def __init__(self, answers: Any) -> None:
        __tracebackhide__ = True
        self.count: int | None = None
        self._lock = threads.Lock()
        self._function: Callable[[Request], Any] | None = None
        self._coming: Iterator[Any] | None = None
        self._always: Reply | None = None
        self.is_written: bool = False
        self.written: Reply | list[Reply | None] | None = None
        self.name: str = shown(answers, 60)
        if _is_answer(answers):
            self.written = self._always = read_answer(answers)
            self.is_written = True
            self.name = self.name if self._always is None or isinstance(answers, tuple) else str(self._always.status)
        elif callable(answers) and not isinstance(answers, type):
            self._function = _checked_function(answers)
            self.name = str(getattr(answers, "__qualname__", self.name)).rpartition("<locals>.")[2]
        elif isinstance(answers, (list, tuple)):
            replies = [read_answer(answer) for answer in answers]
            if not replies:
                raise ValueError("respond() needs an answer; it was given none")
            self.count = len(replies)
            self._coming = iter(replies)
            self.is_written, self.written = True, replies
        elif isinstance(answers, Iterable) and not isinstance(
            answers, (str, bytes, bytearray, Mapping, set, frozenset)
        ):
            self._coming = map(read_answer, iter(answers))
            self.name = type(answers).__name__
        else:
            raise TypeError(
                "respond() takes an answer, an iterable of answers or a function of the request, "
                f"not {shown(answers)}; an answer is {_FORMS}"
            )

    def next(self, request: Request) -> Reply | None:
        """Return the answer to a request; None for the gateway's own.

        Raises:
            Exhausted: all have been given.
            TypeError: what came is not an answer.

        """
        if self._function is not None:
            return read_answer(self._function(request))
        if self._coming is None:
            return self._always
        with self._lock:
            try:
                reply: Reply | None = next(self._coming)
            except StopIteration:
                raise Exhausted from None
        return reply


def _checked_function(function: Any) -> Callable[[Request], Any]:
    __tracebackhide__ = True
    from inspect import iscoroutinefunction

    if iscoroutinefunction(function):
        raise TypeError(f"respond() takes a plain function, as a thread of the gateway calls it, not {shown(function)}")
    return function  # type: ignore[no-any-return]


def _is_answer(value: Any) -> bool:
    if value is None or isinstance(value, int) or _is_response(value):
        return True
    return (
        isinstance(value, tuple)
        and len(value) in (2, 3)
        and isinstance(value[0], int)
        and isinstance(value[1], (str, bytes, bytearray))
    )


def _is_response(value: Any) -> bool:
    kind: Any = getattr(sys.modules.get("werkzeug.wrappers"), "Response", None)
    return kind is not None and isinstance(value, kind)


def read_answer(answer: Any) -> Reply | None:
    """Return an answer in the form in which it is sent; None for the gateway's own.

    Raises:
        TypeError: it is none of the forms of an answer.
        ValueError: its status is not one, or a header holds a line's end.

    """
    __tracebackhide__ = True
    if answer is None:
        return None
    if _is_response(answer):
        fields = [(name, value) for name, value in answer.headers.items() if name.lower() != "content-length"]
        return Reply(read_status(answer.status_code), answer.get_data(), read_fields(fields))
    if hasattr(answer, "__await__"):
        if hasattr(answer, "close"):
            answer.close()
        raise TypeError(f"an answer is {_FORMS}, not {shown(answer)}; nobody awaits it")
    if not _is_answer(answer):
        raise TypeError(f"an answer is {_FORMS}, not {shown(answer)}")
    status, body, headers = (*answer, None, None)[:3] if isinstance(answer, tuple) else (answer, None, None)
    return reply(status, body, headers)


def reply(status: Any, body: Any, headers: Any) -> Reply:
    """Return the answer with this status; the body is the status's phrase unless one is given.

    Raises:
        TypeError: the body is not text or bytes, the headers not pairs of text.
        ValueError: the status is not one, or a header holds a line's end.

    """
    __tracebackhide__ = True
    read_status(status)
    if body is None:
        body = f"{_phrase(status)}\n"
    if not isinstance(body, (str, bytes, bytearray)):
        raise TypeError(f"the body of an answer is text or bytes, not {shown(body)}")
    fields = read_fields(headers)
    if not any(name.lower() == "content-type" for name, _ in fields):
        fields = (*fields, ("Content-Type", "text/plain; charset=utf-8"))
    return Reply(int(status), body.encode() if isinstance(body, str) else bytes(body), fields)


def read_status(status: Any) -> int:
    """Return a status.

    Raises:
        ValueError: it is not one.

    """
    __tracebackhide__ = True
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 999:
        raise ValueError(f"a status has three digits and is at least 200, not {status!r}")
    return int(status)


def read_fields(headers: Any) -> tuple[tuple[str, str], ...]:
    """Return the fields of headers, in their order.

    Raises:
        TypeError: they are not pairs of text; a number will do as a value.
        ValueError: one holds a line's end.

    """
    __tracebackhide__ = True
    pairs = headers.items() if hasattr(headers, "items") else headers
    if isinstance(pairs, (str, bytes)):
        raise TypeError(f"headers are a mapping from names to values, not {shown(headers)}")
    found = []
    for pair in pairs or ():
        name, value = pair if isinstance(pair, tuple) and len(pair) == 2 else (None, pair)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"headers are a mapping from names to values, both text, not {shown(headers)}")
        if any(letter in name + value for letter in "\r\n\0"):
            raise ValueError(f"a header must not hold a line's end: {name!r}: {value!r}")
        found.append((name, value))
    return tuple(found)


def _phrase(status: int) -> str:
    from http import HTTPStatus

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"status {status}"
