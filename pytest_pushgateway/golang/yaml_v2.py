"""YAML with the line and column of everything, and yaml.v2's rules for what a scalar means.

Prometheus reads its configuration with Go's yaml.v2, a port of libyaml. PyYAML binds libyaml itself, so the syntax
and its error messages are the same; the *meaning* of scalars is yaml.v2's own (``yes`` is a boolean, ``1_000`` an
integer, ``"true"`` none), so PyYAML's resolver is switched off and :func:`resolve` does that work.

Only the first document of a stream is read, as in Prometheus. A document larger than :data:`MAX_SIZE` or nested
deeper than :data:`MAX_DEPTH` is refused before any memory is spent on it.
"""

from __future__ import annotations

import re

import yaml
from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from pytest_pushgateway.golang.position import Position
from pytest_pushgateway.golang.utf8 import bytes_of, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Node: TypeAlias = yaml.nodes.Node

__all__ = [
    "MAX_DEPTH",
    "MAX_SIZE",
    "MappingNode",
    "Node",
    "ScalarNode",
    "SequenceNode",
    "SyntaxProblem",
    "TooDeep",
    "anchor",
    "compose",
    "compose_all",
    "deeper_than",
    "integer_value",
    "is_merge",
    "is_null",
    "merged",
    "misfit",
    "position",
    "resolve",
    "string_value",
]

if not TYPE_CHECKING:
    Node = yaml.nodes.Node

MAX_SIZE = 8 * 1024 * 1024
"""Largest document that is read, in bytes. The largest configurations in the wild are about a tenth of it."""

MAX_DEPTH = 500
"""Deepest nesting that is read. A Prometheus configuration needs nine levels."""

PLAIN = "?"
QUOTED = "!"
"""What :class:`_Loader` puts in place of the tag of a scalar that has none, by its style."""

_STR, _NULL, _BOOL, _INT, _FLOAT, _TIMESTAMP, _BINARY = (
    f"tag:yaml.org,2002:{name}" for name in ("str", "null", "bool", "int", "float", "timestamp", "binary")
)


class SyntaxProblem(ValueError):
    """The text is not YAML, or none that is safe to read.

    ``str()`` is libyaml's problem, ``yaml: `` before it; ``promtool`` is the same as promtool prints it, with Go's
    line number (one less than the true one for errors of the parser, none on the first line).
    """

    def __init__(self, problem: str, at: Position | None = None, promtool: str | None = None) -> None:
        super().__init__(f"yaml: {problem}" if not problem.startswith("yaml:") else problem)
        self.position = at
        self.promtool: str = promtool if promtool is not None else str(self)


_Parser: Any = None
if hasattr(yaml, "cyaml"):
    _Parser = getattr(yaml.cyaml, "CParser", None)


class _NoResolver:
    """Replaces PyYAML's resolver: distinguishes plain scalars from others and nothing else, at a third of the time."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        return PLAIN if implicit is True or (implicit and implicit[0]) else QUOTED

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """Do nothing: there are no path resolvers."""

    def ascend_resolver(self) -> None:
        """Do nothing: there are no path resolvers."""

    def check_resolver_prefix(self, *_: Any) -> bool:
        return False


class _PureLoader(_NoResolver, yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer):
    """Where PyYAML was built without libyaml: the same nodes, other words for some errors, a tenth of the speed."""

    def __init__(self, stream: bytes) -> None:
        yaml.reader.Reader.__init__(self, stream)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)
        yaml.composer.Composer.__init__(self)

    def dispose(self) -> None:
        """Do nothing: only libyaml's parser holds its own memory."""


_Loader: Any = _PureLoader
if _Parser is not None:

    class _FastLoader(_NoResolver, _Parser):  # type: ignore[misc]
        def __init__(self, stream: bytes) -> None:
            _Parser.__init__(self, stream)

    _Loader = _FastLoader


_VERSION_DIRECTIVE = rb"(?:\xef\xbb\xbf)?(?:[ \t]*(?:#[^\n]*)?\r?\n)*%YAML\s+(?!1\.1\s)"


class TooDeep(SyntaxProblem):
    """The text is nested deeper than is read; ``position`` is where."""


def compose(text: bytes, depth: int = MAX_DEPTH) -> Node | None:
    """Return the root node of the first document in ``text``; ``None`` if it is empty.

    Raises:
        SyntaxProblem: the text is not YAML.
        TooDeep: it is nested deeper than ``depth`` levels.

    """
    found = _composed(text, depth, all_documents=False)
    return found[0] if found else None


def compose_all(text: bytes) -> list[Node]:
    """Return the root nodes of all documents in ``text``, those that are empty left out.

    Raises:
        SyntaxProblem: a document is not YAML.

    """
    return _composed(text, MAX_DEPTH, all_documents=True)


def _composed(text: bytes, depth: int, *, all_documents: bool) -> list[Node]:
    if len(text) > MAX_SIZE:
        raise SyntaxProblem(f"the document is larger than {MAX_SIZE} bytes, more are not read")
    if max(map(len, text.split(b"\n"))) > depth // 2 or text.count(b"[") + text.count(b"{") > depth:
        # Every level takes a bracket, or two columns of a line for two of them.
        too_deep = deeper_than(depth, text, all_documents=all_documents)
        if too_deep is not None:
            raise TooDeep(f"more than {depth} levels of nesting", too_deep)
    directive = re.match(_VERSION_DIRECTIVE, text)
    if directive:
        raise SyntaxProblem("found incompatible YAML document", Position(directive[0].count(b"\n") + 1, 1))
    loader = None
    try:
        loader = _Loader(text)
        found: list[Node] = []
        while (all_documents or not found) and loader.check_node():
            found.append(loader.get_node())
        return found
    except yaml.MarkedYAMLError as error:
        raise _marked(error, text) from None
    except yaml.reader.ReaderError as error:
        raise _unreadable(error, text) from None
    finally:
        if loader is not None:
            loader.dispose()


def deeper_than(limit: int, text: bytes, *, all_documents: bool = False) -> Position | None:
    """Return the place at which the first document of ``text`` (or any) exceeds ``limit`` levels of nesting.

    A syntax error before that place is not reported: composing the same text meets it again.
    """
    try:
        return _deeper_than(limit, text, all_documents)
    except yaml.MarkedYAMLError as error:
        if "nesting depth" not in str(error.problem):
            return None
        # Since 6.0.4 PyYAML's libyaml has a limit too. Its scanner reads ahead for a possible key and meets that limit
        # before it returns the events of any smaller depth: it returns them if the text ends there.
        beyond: Any = error.problem_mark
    except yaml.YAMLError:
        return None
    before = b"".join(text.splitlines(keepends=True)[: beyond.line])
    rest = text[len(before) :].decode("utf-8", "replace")[: beyond.column]
    try:
        return _deeper_than(limit, before + rest.encode(), all_documents) or _at(beyond)
    except yaml.YAMLError:
        return _at(beyond)


def _deeper_than(limit: int, text: bytes, all_documents: bool) -> Position | None:
    depth = 0
    loader = _Loader(text)
    try:
        while loader.check_event():
            event = loader.get_event()
            if isinstance(event, yaml.events.CollectionStartEvent):
                depth += 1
                if depth > limit:
                    return _at(event.start_mark)
            elif isinstance(event, yaml.events.CollectionEndEvent):
                depth -= 1
            elif isinstance(event, yaml.events.DocumentEndEvent) and not all_documents:
                break
        return None
    finally:
        loader.dispose()


def _at(mark: Any) -> Position:
    return Position(mark.line + 1, mark.column + 1)


def _marked(error: yaml.MarkedYAMLError, text: bytes) -> SyntaxProblem:
    """Put PyYAML's error in yaml.v2's words."""
    problem = str(error.problem or "unknown problem parsing YAML content")
    mark = error.problem_mark or error.context_mark
    at = _at(mark) if mark is not None else None
    if at is not None and problem.startswith("found undefined alias"):
        line_text = text.decode("utf-8", "replace").splitlines()[at.line - 1]
        name = re.match(r"[\w-]*", line_text[at.column :])
        return SyntaxProblem(f"unknown anchor '{name[0] if name else ''}' referenced", at)
    line = error.problem_mark.line if error.problem_mark is not None else 0
    if line:
        line += isinstance(error, yaml.scanner.ScannerError)
    elif error.context_mark is not None:
        line = error.context_mark.line
    return SyntaxProblem(problem, at, f"yaml: line {line}: {problem}" if line else f"yaml: {problem}")


def _unreadable(error: yaml.reader.ReaderError, text: bytes) -> SyntaxProblem:
    """Put an encoding error in yaml.v2's words, and find its line, which is in neither."""
    problem = str(error.reason)
    offset = error.position if isinstance(error.position, int) else 0
    if "UTF-8" in problem:
        try:
            text.decode("utf-8")
        except UnicodeDecodeError as invalid:
            offset = invalid.start
    line = text.count(b"\n", 0, offset) + 1
    column = offset - text.rfind(b"\n", 0, offset)
    return SyntaxProblem(problem, Position(line, column))


def position(node: Node) -> Position:
    """Return where ``node`` begins."""
    mark = node.start_mark
    return Position(mark.line + 1, mark.column + 1)


def anchor(text: bytes, node: Node) -> str:
    """Return the name of the anchor at ``node``, which only the text has."""
    mark = node.start_mark
    line = text.decode("utf-8", "replace").splitlines()[mark.line]
    found = re.search(r"&([\w-]+)", line[mark.column :])
    return found[1] if found else ""


def is_merge(node: Node) -> bool:
    """Return whether ``node`` is the merge key ``<<``."""
    return node.__class__ is ScalarNode and node.value == "<<" and node.tag in (PLAIN, "tag:yaml.org,2002:merge")


def is_null(node: Node) -> bool:
    """Return whether yaml.v2 takes ``node`` for null before it asks what it should become.

    ``"null"`` and ``"~"`` are null even in quotes (yaml.v2 looks at the text alone), ``Null`` and ``NULL`` are not.
    """
    if node.__class__ is not ScalarNode:
        return bool(node.tag == _NULL)
    if node.tag in (PLAIN, QUOTED):
        return node.value in ("null", "~") or (node.value == "" and node.tag == PLAIN)
    return bool(node.tag == _NULL)


_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"])
_FALSE = frozenset(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"])
_SPECIAL = {
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_GO_INT = r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]([0-7]+)|0([0-7]+)|(0|[1-9][0-9]*))\Z"
_FLOAT_TEXT = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z"
_DATE = (
    r"[0-9]{4}-(?:1[0-2]|0?[1-9])-(?:3[01]|[12][0-9]|0?[1-9])"
    r"(?:(?:[Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:[.,][0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2}))"
    r"|(?: [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:[.,][0-9]+)?))?\Z"
)


def resolve(node: ScalarNode) -> tuple[str, object]:
    """Return the short tag and the value that yaml.v2 gives a scalar: ``("!!int", 5)``, ``("!!str", "5")`` in quotes.

    Timestamps stay text. An explicit tag of another kind than the text is ``SyntaxProblem``, as in yaml.v2.
    """
    text: str = node.value
    tag: str = node.tag
    if tag in (QUOTED, _STR):
        return "!!str", text
    if tag == PLAIN:
        return _resolve_plain(text)
    if tag == _BINARY:
        return "!!binary", _binary(text)
    if tag not in (_BOOL, _INT, _FLOAT, _NULL, _TIMESTAMP):
        return (f"!!{tag[18:]}" if tag.startswith("tag:yaml.org,2002:") else tag), text
    found, value = _resolve_plain(text)
    wanted = f"!!{tag[18:]}"
    if wanted == "!!float" and found == "!!int":
        return wanted, float(value)  # type: ignore[arg-type]
    if wanted != found:
        raise SyntaxProblem(f"cannot decode {found} `{text}` as a {wanted}", position(node))
    return found, value


def _resolve_plain(text: str) -> tuple[str, object]:
    if text in _NULLS:
        return "!!null", None
    if text in _TRUE:
        return "!!bool", True
    if text in _FALSE:
        return "!!bool", False
    first = text[0]
    if text in _SPECIAL:
        return "!!float", _SPECIAL[text]
    if first == ".":
        return ("!!float", float(text)) if re.match(_FLOAT_TEXT, text, re.ASCII) else ("!!str", text)
    if first not in "+-0123456789":
        return ("!!merge", text) if text == "<<" else ("!!str", text)
    if re.match(_DATE, text, re.ASCII):
        return "!!timestamp", text
    return _number(text)


def _number(text: str) -> tuple[str, object]:
    plain = text.replace("_", "")
    found = re.match(_GO_INT, plain, re.ASCII)
    if found:
        sign, sixteen, two, eight, octal, ten = found.groups()
        digits, base = next((d, b) for d, b in ((ten, 10), (sixteen, 16), (two, 2), (eight, 8), (octal, 8)) if d)
        value = int(digits, base) if len(digits) < 80 else 1 << 65
        if sign == "-":
            value = -value
        if -(1 << 63) <= value < (1 << 63) or (sign == "" and value < 1 << 64):
            return "!!int", value
    if re.match(_FLOAT_TEXT, plain, re.ASCII):
        number = float(plain)
        if abs(number) != float("inf"):
            return "!!float", number
    return "!!str", text


def _binary(text: str) -> str:
    import base64
    import binascii

    try:
        data = base64.b64decode(re.sub(r"[\r\n]", "", text), validate=True)
    except (binascii.Error, ValueError):
        raise SyntaxProblem("!!binary value contains invalid base64 data") from None
    return text_of(data)


def string_value(node: ScalarNode) -> str:
    """Return a scalar as yaml.v2 decodes it into a string: any kind keeps its text, null is ``""``."""
    tag = node.tag
    text: str = node.value
    if tag == QUOTED:
        return text
    if tag == PLAIN:
        return "" if text in _NULLS else text
    found, value = resolve(node)
    return "" if value is None else str(value) if found == "!!binary" else text


def merged(node: Node) -> list[Node]:
    """Return the mappings that ``<<: node`` merges, in the order in which they take effect.

    Raises:
        SyntaxProblem: the node cannot be merged.

    """
    if node.__class__ is MappingNode:
        return [node]
    if node.__class__ is SequenceNode and all(item.__class__ is MappingNode for item in node.value):
        return list(reversed(node.value))
    raise SyntaxProblem("map merge requires map or sequence of maps as the value", position(node))


def integer_value(node: ScalarNode, least: int, most: int) -> int | None:
    """Return a scalar as yaml.v2 decodes it into an integer, floats without their fraction; None if it cannot."""
    tag, value = resolve(node)
    if value is None:
        return 0
    if tag == "!!int" and least <= value <= most:  # type: ignore[operator]
        return value  # type: ignore[return-value]
    if tag == "!!float" and value <= float(most):  # type: ignore[operator]
        return _truncated(value, least, most)  # type: ignore[arg-type]
    return None


def _truncated(value: float, least: int, most: int) -> int:
    """Return what Go makes of a float: without its fraction; beyond 64 bits 2^63, as its compiler for amd64 does."""
    if least < 0:
        return max(least, int(value)) if -(2.0**63) <= value < 2.0**63 else least
    return int(value) & most if -(2.0**63) <= value < 2.0**64 else 1 << 63


def misfit(node: Node, go_type: str) -> str:
    """Return yaml.v2's words for a node that cannot become a ``go_type``, without its line."""
    if node.__class__ is SequenceNode:
        return f"cannot unmarshal !!seq into {go_type}"
    if node.__class__ is MappingNode:
        return f"cannot unmarshal !!map into {go_type}"
    tag, _ = resolve(node)  # type: ignore[arg-type]
    text = bytes_of(node.value)
    if len(text) > 10:
        text = text[:7] + b"..."
    return f"cannot unmarshal {tag} `{text.decode('utf-8', 'replace')}` into {go_type}"
