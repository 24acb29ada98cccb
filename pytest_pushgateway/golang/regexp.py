r"""Go's regular expressions, as far as relabelling needs them.

google-re2 reads the same language and is used where it is installed. Without it, Python's ``re`` serves the syntax
that both read alike (:func:`is_common`); for the rest the answer is :class:`Unjudged`, never a guess.

Validating is cheaper than compiling: a pattern in the common syntax that ``re`` compiles is one that Go compiles, so
that ``check-config`` imports google-re2 only for files with a pattern outside it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module

from pytest_pushgateway.golang.strconv import whole_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CLASS = r"\[\^?\]?(?:[^\\\[\]&|~\-]|-(?![-\[\\])|\\[^a-zA-Z0-9\s\x80-\U0010ffff]|\\[dDwWnrtf](?!-))*\]"
_TOKEN = re.compile(
    rf"""(?P<open>\((?:\?:|\?P<[A-Za-z_][A-Za-z0-9_]*>|(?!\?)))
    |(?P<close>\))
    |(?P<repeat>[*+?]\??(?![*+?{{])|\{{(?P<least>\d{{1,4}})(?:,(?P<most>\d{{0,4}}))?\}}\??(?![*+?{{]))
    |(?P<end>\$)
    |(?P<plain>[^\\()\[\]{{}}*+?$]+|\\[^a-zA-Z0-9\s\x80-\U0010ffff]|\\[dDwWbnrtf]|{_CLASS})""",
    re.VERBOSE,
)
_MAY_NOT_COMPILE = re.compile(r"(?:\A|[(|^$]|\\[bB])[*+?{]|\{|\(\?P|\[\^?\]|(?s:\[.*-)")
"""Not settled by tokens: repetitions of nothing and between bounds, names, brackets and ranges in classes."""
_LOOKAROUND = re.compile(r"\\Q|\\.|\[|(?P<found>\(\?(?:=|!|<=|<!|>|#|R|\d|&|P[>=]|\())", re.DOTALL)
_RE2_ALONE = re.compile(
    r"""\\Q.*?(?:\\E|\Z)
    |(?P<escape>\\(?:C|[^\x00-\x7f]))
    |\\.
    |\[\^?\]?(?:\[:\^?\w+:\]|\\[\x00-\x7f]|[^\\\]])*\]
    |(?P<name>\(\?P?<(?=[^>]*[^\x00-\x7f])\w+>)
    |(?P<repeat>\{(?:[1-9]\d{9,}(?:,\d*)?|\d+,[1-9]\d{9,})\})""",
    re.VERBOSE | re.DOTALL,
)
_RE2_ALONE_KINDS = {
    "escape": "invalid escape sequence",
    "name": "invalid named capture",
    "repeat": "invalid repeat count",
}
"""What RE2 takes: the escape ``\\C``, letters beyond ASCII in names and escaped, and repetitions too large to count,
which it takes for text."""

_MOST_REPEATS = 1000
"""Go's limit on a repetition, nested ones multiplied."""

_MOST_MEMORY = 64 * 1024 * 1024
"""Bytes that RE2 may take for a pattern too large for its usual 8 MiB: room for more steps than Go takes."""

_COMMON_DEPTH = 50
"""Deepest nesting of groups that needs no thought about anybody's limit."""

_DEEPEST = 998
"""Go's limit on nested capture groups, the anchors' own levels taken off (measured)."""


class BadRegexp(ValueError):
    """The pattern is not one that Go accepts; the text is Go's (``error parsing regexp: ...``)."""


class Unjudged(ValueError):
    """The pattern is outside the syntax that Python and Go read alike, and google-re2 is not installed."""

    def __init__(self, pattern: str) -> None:
        super().__init__(f"the regular expression {pattern!r} cannot be judged without google-re2")


def wrap(pattern: str, version: str = "3.5") -> str:
    """Return the expression that Prometheus compiles: anchored, and since 3.0 with a dot that matches newlines.

    The brackets are put around the text, not around a parsed expression: ``a)|(b`` becomes ``^(?s:a)|(b)$``, which is
    anchored at one end only. As in Prometheus.
    """
    return f"^(?{'' if version.startswith('2.') else 's'}:{pattern})$"


@lru_cache(maxsize=4096)
def is_common(pattern: str) -> bool:
    """Return whether Go and Python's ``re`` (with ASCII classes) read ``pattern`` alike, and ``re`` reads it quickly.

    Conservative: ``False`` does not mean that the pattern is invalid. Left out besides what the two read differently:
        ``$`` other
    than at the end of an alternative, and repetitions of groups that themselves repeat, for which ``re`` may take
    exponential time.
    """
    position, size, repeats = 0, len(pattern), 1
    groups: list[bool] = []  # for every open group: does it contain a repetition?
    closed_repeating = False  # the token before was the end of a group that contains one
    while position < size:
        found = _TOKEN.match(pattern, position)
        if found is None:
            return False
        position = found.end()
        kind = found.lastgroup if found["repeat"] is None else "repeat"
        was_closed, closed_repeating = closed_repeating, False
        if kind == "open":
            groups.append(False)
            if len(groups) > _COMMON_DEPTH:
                return False
        elif kind == "close":
            if not groups:
                return False
            closed_repeating = groups.pop()
            if closed_repeating and groups:
                groups[-1] = True
        elif kind == "repeat":
            if was_closed:
                return False
            repeats *= max(1, whole_number(found["most"] or found["least"] or "1"))
            if repeats > _MOST_REPEATS:
                return False
            if groups:
                groups[-1] = True
        elif kind == "end" and (groups or (position < size and pattern[position] != "|")):
            return False
    if groups:
        return False
    if _MAY_NOT_COMPILE.search(pattern) is None:
        return True
    try:
        re.compile(pattern, re.ASCII)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


@lru_cache(maxsize=1)
def _re2() -> Any:
    try:
        return import_module("re2")
    except ImportError:
        return None


@lru_cache(maxsize=4096)
def validate(pattern: str, version: str = "3.5") -> None:
    """Check that Prometheus accepts ``pattern`` in a relabel rule.

    Raises:
        BadRegexp: the pattern is invalid; with Go's message.
        Unjudged: it needs google-re2, which is not installed.

    """
    if is_common(pattern):
        return
    if _re2() is None:
        _refuse_lookaround(pattern)
        raise Unjudged(pattern)
    _compile_re2(pattern, version)


@lru_cache(maxsize=1024)
def compile_relabel(pattern: str, version: str = "3.5") -> Any:
    """Compile a relabel rule's regular expression, anchored as Prometheus does.

    The result is google-re2's or ``re``'s pattern: ``.search(text)`` gives a match with ``.group()``, or ``None``;
    ``.groupindex`` has the named groups. Use ``search``, not ``fullmatch``: the anchors are in the pattern.

    Raises:
        BadRegexp: the pattern is invalid; with Go's message.
        Unjudged: it needs google-re2, which is not installed.

    """
    if _re2() is not None:
        return _compile_re2(pattern, version)
    if not is_common(pattern):
        _refuse_lookaround(pattern)
        raise Unjudged(pattern)
    return _compile_common(pattern, version)


def matches(pattern: str, text: str, version: str = "3.5") -> bool:
    """Return whether a relabel rule's regular expression matches ``text``, without google-re2 where ``re`` will do.

    Raises:
        BadRegexp: the pattern is invalid; with Go's message.
        Unjudged: it needs google-re2, which is not installed.

    """
    if is_common(pattern):
        return _compile_common(pattern, version).search(text) is not None
    return compile_relabel(pattern, version).search(text) is not None


@lru_cache(maxsize=1024)
def _compile_common(pattern: str, version: str) -> re.Pattern[str]:
    return re.compile(rf"\A(?:{pattern})\Z", re.ASCII | (0 if version.startswith("2.") else re.DOTALL))


def _compile_re2(pattern: str, version: str) -> Any:
    re2 = _re2()
    options = re2.Options()
    options.log_errors = False
    wrapped = wrap(pattern, version)
    if len(pattern) > 2 * _DEEPEST and _depth(pattern) > _DEEPEST:
        raise BadRegexp(_go_error("expression nests too deeply", wrapped))
    try:
        try:
            compiled = re2.compile(wrapped, options)
        except re2.error as problem:
            if b"pattern too large" not in problem.args[0]:
                raise
            options.max_mem = _MOST_MEMORY
            compiled = re2.compile(wrapped, options)
    except re2.error as problem:
        reason = problem.args[0] if problem.args else b""
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise BadRegexp(_in_go_words(text, wrapped)) from None
    _refuse_what_re2_has_alone(pattern)
    return compiled


def _refuse_what_re2_has_alone(pattern: str) -> None:
    """Raise :class:`BadRegexp` for what RE2 compiles and Go does not."""
    for found in _RE2_ALONE.finditer(pattern):
        kind = _RE2_ALONE_KINDS.get(found.lastgroup or "")
        if kind:
            raise BadRegexp(_go_error(kind, found[0]))


def _depth(pattern: str) -> int:
    """Return how deeply brackets are nested, escapes left out: what Go's limit of 1,000 levels mostly counts."""
    deepest = depth = 0
    for bracket in re.findall(r"[()]", re.sub(r"\\.", "", pattern, flags=re.DOTALL)):
        depth += 1 if bracket == "(" else -1
        deepest = max(deepest, depth)
    return deepest


def _refuse_lookaround(pattern: str) -> None:
    """Raise :class:`BadRegexp` for what no RE2 knows whatever surrounds it: ``(?=``, ``(?!``, ``(?<=``, ``(?<!`` ..."""
    for found in _LOOKAROUND.finditer(pattern):
        if found[0] in (r"\Q", "["):
            return  # quoting and classes: what follows may be literal
        if found["found"]:
            text = f"^(?s:{pattern})$"[found.start() + 5 :] if found["found"].startswith("(?<") else found["found"][:3]
            kind = "invalid named capture" if found["found"].startswith("(?<") else "invalid or unsupported Perl syntax"
            raise BadRegexp(_go_error(kind, text))


def _go_error(kind: str, fragment: str) -> str:
    return f"error parsing regexp: {kind}: `{fragment}`"


_GO_KINDS = {
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "unexpected )": "unexpected )",
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid escape sequence": "invalid escape sequence",
    "invalid repetition size": "invalid repeat count",
    "invalid character class range": "invalid character class range",
    "invalid character class": "invalid character class",
    "invalid named capture group": "invalid named capture",
    "invalid UTF-8": "invalid UTF-8",
}


def _in_go_words(text: str, wrapped: str) -> str:
    if text.startswith("pattern too large"):
        return _go_error("expression too large", wrapped)
    kind, _, fragment = text.partition(": ")
    if kind == "invalid perl operator" and fragment in ("(?<=", "(?<!"):  # Go takes it for the start of a name
        return _go_error("invalid named capture", wrapped[wrapped.index(fragment) :])
    return _go_error(_GO_KINDS.get(kind, kind), fragment)
