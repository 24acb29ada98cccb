"""Verdicts on PromQL by ``promql-parser`` (extra ``promql``), behind a guard.

The parser agrees with Prometheus on nearly everything, but its texts are not Prometheus's, it has no positions, and it
ends the process on expressions that are nested too deeply. Functions are judged by a list for each release, regular
expressions by RE2's rules, and syntax that the parser reads otherwise than Prometheus is not judged.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pytest_pushgateway.golang.regexp import BadRegexp, Unjudged, validate
from pytest_pushgateway.prometheus.values import reaches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST_DEPTH = 200
_MOST_OPERATORS = 500
_MOST_BYTES = 20_000

_SINCE = {
    "limitk": "2.54",
    "limit_ratio": "2.54",
    "histogram_stddev": "2.47",
    "histogram_stdvar": "2.47",
    "mad_over_time": "2.49",
    "sort_by_label": "2.49",
    "sort_by_label_desc": "2.49",
    "histogram_avg": "2.51",
    "info": "2.55",
    "double_exponential_smoothing": "3.0",
    "ts_of_last_over_time": "3.5",
    "ts_of_max_over_time": "3.5",
    "ts_of_min_over_time": "3.5",
    "first_over_time": "3.7",
    "ts_of_first_over_time": "3.7",
    "histogram_quantiles": "3.11",
    "end": "3.12",
    "range": "3.12",
    "start": "3.12",
    "step": "3.12",
    "max_of": "3.13",
    "min_of": "3.13",
    "start_timestamp": "3.14",
}
"""The functions and aggregations that are newer than 2.42."""
_EXPERIMENTAL = frozenset(
    (
        *("limitk", "limit_ratio", "mad_over_time", "sort_by_label", "sort_by_label_desc", "info"),
        *("double_exponential_smoothing", "ts_of_last_over_time", "ts_of_max_over_time", "ts_of_min_over_time"),
        *("ts_of_first_over_time", "histogram_quantiles", "end", "range", "start", "step", "max_of", "min_of"),
        "start_timestamp",
    )
)
_STRING = r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`]*`"
_TOKENS = re.compile(rf"(?P<string>{_STRING})|#[^\n]*|(?P<matcher>=~|!~)\s*(?P<regex>{_STRING})", re.DOTALL)
_CALL = re.compile(r"(?<![\w:@])(?<!@ )([a-z_]\w*)\s*\(", re.ASCII)
_OTHERWISE = re.compile(
    r"\d_\d|\b(?:anchored|smoothed|fill|fill_left|fill_right)\b|\[[^\]]*[-+*/%^(][^\]]*\]"
    r"|\boffset\s*-?\s*(?:\(|\w+\s*[-+*/(])",
    re.IGNORECASE,
)
"""Syntax that this release or another reads, and the parser does not: ``1_000``, arithmetic in durations."""
_NOT_IN_2 = re.compile(r"\[\s*\d+(?:\.\d+)?\s*[\]:]|\boffset\s+-?\d+(?:\.\d+)?(?![\w.])|\{\s*\"|,\s*\"|''\s*[=!]")


class ExpressionUnjudged(Exception):
    """An expression is not judged; the text has the reason."""


class BadExpression(ValueError):
    """Prometheus refuses the expression."""


_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


@lru_cache(maxsize=1)
def _parser() -> Callable[[str], object] | None:
    try:
        import promql_parser
    except ImportError:
        return None
    parse: Callable[[str], object] = promql_parser.parse
    return parse


def check_expression(text: str, version: str) -> None:
    """Judge one expression by the rules of ``version``.

    Raises:
        BadExpression: Prometheus refuses it.
        ExpressionUnjudged: the parser is missing, or the expression is not judged.

    """
    parse = _parser()
    if parse is None:
        raise ExpressionUnjudged("install the extra promql")
    bare = _without_strings(text)
    _guard(text, bare)
    for pattern in _regular_expressions(text):
        try:
            validate(pattern, version)
        except BadRegexp as problem:
            raise BadExpression(str(problem)) from None
        except Unjudged as problem:
            raise ExpressionUnjudged(str(problem)) from None
    if _OTHERWISE.search(bare) or (version.startswith("2.") and _NOT_IN_2.search(bare)):
        raise ExpressionUnjudged("syntax that not every release reads")
    _check_functions(bare, version)
    try:
        parse(text)
    except ValueError as problem:
        message = str(problem).partition("\n")[0]
        if message.startswith("illegal regex") or re.match(r"unknown function with name '(holt_winters)'", message):
            raise ExpressionUnjudged("syntax that the parser does not read") from None
        raise BadExpression(f"{message} (promql-parser)") from None


def _guard(text: str, bare: str) -> None:
    depth = deepest = 0
    for letter in bare:
        depth += (letter in "([{") - (letter in ")]}")
        deepest = max(deepest, depth)
    operators = len(re.findall(r"[-+*/%^]|[=!<>]=?|\b(?:and|or|unless|atan2)\b", bare))
    if deepest > _MOST_DEPTH or operators > _MOST_OPERATORS or len(text.encode("utf-8", "replace")) > _MOST_BYTES:
        raise ExpressionUnjudged("too long or nested too deeply")


def _without_strings(text: str) -> str:
    """Return the expression with empty strings and without comments."""
    return _TOKENS.sub(lambda one: '""' if one["string"] or one["regex"] else " ", text)


def _regular_expressions(text: str) -> Iterator[str]:
    for one in _TOKENS.finditer(text):
        if one["regex"]:
            inner = one["regex"][1:-1]
            if one["regex"][0] != "`":
                if re.search(r"\\[^\\\"'nrtabfv]", inner):
                    continue  # Go's other escapes are left to the parser
                inner = re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), inner)
            yield inner


def _check_functions(bare: str, version: str) -> None:
    for found in _CALL.finditer(bare):
        name = found[1]
        since = _SINCE.get(name)
        if name == "holt_winters" and reaches(version, "3.0"):
            raise BadExpression(
                'unknown function with name "holt_winters": since 3.0 it is double_exponential_smoothing'
            )
        if since is not None and not reaches(version, since):
            raise BadExpression(f"{name}() exists since {since}, not in Prometheus {version}")
        if name in _EXPERIMENTAL:
            raise BadExpression(f"{name}() is experimental and must be enabled with --enable-feature")
