"""Decoding any Go structure from YAML nodes, with yaml.v2's rules and words.

A *field decoder* is a function ``(decoder, node) -> value``: it returns :data:`BAD` after reporting why it could not.
yaml.v2 knows two kinds of errors. Type errors (a wrong kind of scalar, an unknown or repeated field) are collected and
printed with their line. An error of a type's own decoding (a duration, a regular expression) ends the reading at
once, with neither line nor job. Here both are reported and reading goes on.
"""

from __future__ import annotations

from functools import lru_cache

from pytest_pushgateway.golang.yaml_aliases import Aliases
from pytest_pushgateway.golang.yaml_v2 import (
    PLAIN,
    QUOTED,
    MappingNode,
    ScalarNode,
    SequenceNode,
    integer_value,
    is_merge,
    is_null,
    merged,
    misfit,
    position,
    resolve,
    string_value,
)
from pytest_pushgateway.prometheus.decode.spelling import hint
from pytest_pushgateway.prometheus.problems import Problem
from pytest_pushgateway.prometheus.values import LATEST, is_label_name, parse_duration, parse_size, parse_url, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeAlias

    from pytest_pushgateway.golang.position import Position
    from pytest_pushgateway.golang.yaml_v2 import Node

    FieldDecoder: TypeAlias = Callable[["Decoder", Node], Any]

VERSIONS = ("2.42", "2.53", "3.5", LATEST)
"""The Prometheus versions whose rules are known, oldest first."""


class _Bad:
    def __repr__(self) -> str:
        return "BAD"


BAD: Any = _Bad()
"""Returned for what could not be decoded; the reason has been reported."""


class Struct(dict[str, "Any"]):
    """A decoded mapping: value by key, plus the node and the keys whose values were bad."""

    __slots__ = ("bad", "node", "nodes")

    def __init__(self, node: Node) -> None:
        self.node: Node = node
        self.nodes: dict[str, Node] = {}
        self.bad: set[str] | tuple[()] = ()

    def value_node(self, key: str) -> Node:
        """Return the node of the value of ``key``, or of the whole mapping if it was not written."""
        return self.nodes.get(key, self.node)

    def null_in(self, key: str) -> Node:
        """Return the first null item of the list ``key``."""
        found: Node = next(node for node in self.nodes[key].value if is_null(node))
        return found


class Fields(dict[str, "FieldDecoder"]):
    """A decoder for each field of a struct, and when the fields came or went that this version lacks."""

    others: Mapping[str, str] = {}

    def joined(self, more: Fields) -> Fields:
        """Return these fields and ``more``."""
        result = Fields({**self, **more})
        result.others = {**self.others, **more.others}
        return result

    def replaced(self, **decoders: FieldDecoder) -> Fields:
        """Return these fields, those that are named and there with other decoders."""
        result = Fields({name: decoders.get(name, decode) for name, decode in self.items()})
        result.others = self.others
        return result


class Decoder:
    """Collects problems and what is needed to word them: the file, the version, the job that is being read."""

    def __init__(self, file: str, version: str) -> None:
        self.file = file
        self.version = version
        self.problems: list[Problem] = []
        self.unjudged: list[dict[str, Any]] = []
        self.job: str | None = None
        self.text: bytes = b""
        self.aliases: bool = False
        self._counted = Aliases(b"")

    def take(self, text: bytes) -> None:
        """Note the text that is being decoded, and whether it may have aliases."""
        self.text = text
        self._counted = Aliases(text)
        self.aliases = self._counted.any

    def report(self, message: str, node: Node, **details: Any) -> Any:
        """Report an error that a Prometheus type raises; return :data:`BAD`."""
        details.setdefault("promtool", message)
        self.problems.append(Problem(message, file=self.file, position=position(node), job=self.job, **details))
        return BAD

    def type_error(self, message: str, node: Node, **details: Any) -> Any:
        """Report an error that yaml.v2 collects, with the line as it prints it; return :data:`BAD`."""
        return self.report(message, node, promtool=f"line {node.start_mark.line + 1}: {message}", **details)

    def wrong_kind(self, node: Node, go_type: str) -> Any:
        """Report that ``node`` cannot become a ``go_type``."""
        return self.type_error(misfit(node, go_type), node)

    def unknown(self, name: str, node: Node, known: Fields, go_type: str) -> None:
        """Report a field that ``go_type`` lacks in this version, with when it came, or what may have been meant."""
        line = f"line {node.start_mark.line + 1}: field {name} not found in type {go_type}"
        life = known.others.get(name)
        details: dict[str, Any] = hint(name, known, go_type)
        if life is None or ("hint" in details and not life.startswith("since")):
            self.type_error(f"field {name} not found in type {go_type}", node, **details)
            return
        if life.startswith("since"):
            details = {"hint": self.upgrade(life.removeprefix("since "))}
        self.report(f"field {name} exists {life}, not in Prometheus {self.version}", node, promtool=line, **details)

    def upgrade(self, release: str) -> str:
        """Return what to do where something is newer than the version asked for."""
        return f"run Prometheus {release} or newer, and judge by it: --prometheus-version={LATEST}"

    def enter(self, node: Node) -> bool:
        """Note that the collection ``node`` is being decoded, where the text has aliases.

        Raises:
            SyntaxProblem: aliases expand to too much.

        """
        return self._counted.enter(node)

    def leave(self, node: Node, again: bool) -> None:
        """Undo :meth:`enter`."""
        self._counted.leave(node, again)


def struct(decoder: Decoder, node: Node, known: Fields, go_type: str, into: Struct | None = None) -> Any:
    """Decode a mapping into a :class:`Struct`; unknown and repeated fields are errors."""
    if node.__class__ is not MappingNode:
        if node.__class__ is ScalarNode and resolve(node)[1] is None:
            return Struct(node)  # Null and NULL are null only to those who look twice: everything is empty
        return decoder.wrong_kind(node, go_type)
    result = Struct(node) if into is None else into
    again = decoder.aliases and decoder.enter(node)
    done = set()
    for key_node, value_node in node.value:
        name = key_node.value
        decode = known.get(name) if name.__class__ is str else None
        if decode is None or key_node.tag not in (PLAIN, QUOTED):
            if is_merge(key_node):
                for below in merged(value_node):
                    struct(decoder, below, known, go_type, result)
                continue
            name = string(decoder, key_node)
            if name is BAD:
                continue
            decode = known.get(name)
            if decode is None:
                decoder.unknown(name, key_node, known, go_type)
                continue
        if name in done:
            decoder.type_error(f"field {name} already set in type {go_type}", key_node)
            continue
        done.add(name)
        result.nodes[name] = value_node
        value = decode(decoder, value_node)
        if value is BAD:
            result.bad = {*result.bad, name}
        else:
            result[name] = value
    if decoder.aliases:
        decoder.leave(node, again)
    return result


def string(decoder: Decoder, node: Node, go_type: str = "string") -> Any:
    """Decode a string: any scalar keeps its text, null is ``""``."""
    if node.__class__ is not ScalarNode:
        return decoder.wrong_kind(node, go_type)
    if node.tag == QUOTED:
        return node.value
    return string_value(node)


def a_string(go_type: str) -> FieldDecoder:
    """Return a decoder of strings of the Go type ``go_type``."""

    def decode(decoder: Decoder, node: Node) -> Any:
        return string(decoder, node, go_type)

    return decode


secret: FieldDecoder = a_string("config.plain")


def boolean(decoder: Decoder, node: Node) -> Any:
    """Decode a boolean: ``yes``, ``on`` and ``y`` are true; a quoted ``"true"`` is not one."""
    if node.__class__ is ScalarNode:
        value = resolve(node)[1]
        if value is True or value is False:
            return value
        if value is None:
            return False
    return decoder.wrong_kind(node, "bool")


def _integer(decoder: Decoder, node: Node, go_type: str, least: int, most: int) -> Any:
    value = integer_value(node, least, most) if node.__class__ is ScalarNode else None
    return decoder.wrong_kind(node, go_type) if value is None else value


def unsigned(decoder: Decoder, node: Node) -> Any:
    """Decode an unsigned integer. A float loses its fraction, as in Go."""
    return _integer(decoder, node, "uint", 0, (1 << 64) - 1)


def unsigned64(decoder: Decoder, node: Node) -> Any:
    """Decode an unsigned integer that Go calls ``uint64``."""
    return _integer(decoder, node, "uint64", 0, (1 << 64) - 1)


def integer(decoder: Decoder, node: Node) -> Any:
    """Decode an integer."""
    return _integer(decoder, node, "int", -(1 << 63), (1 << 63) - 1)


def integer64(decoder: Decoder, node: Node) -> Any:
    """Decode an integer that Go calls ``int64``."""
    return _integer(decoder, node, "int64", -(1 << 63), (1 << 63) - 1)


def floating(decoder: Decoder, node: Node) -> Any:
    """Decode a float."""
    if node.__class__ is ScalarNode:
        tag, value = resolve(node)
        if value is None:
            return 0.0
        if tag in ("!!int", "!!float"):
            return float(value)  # type: ignore[arg-type]
    return decoder.wrong_kind(node, "float64")


@lru_cache(maxsize=256)
def _duration(text: str, version: str) -> float:
    return parse_duration(text, version)


def duration(decoder: Decoder, node: Node) -> Any:
    """Decode a duration into seconds; null is 0."""
    if node.__class__ is ScalarNode and is_null(node):
        if node.tag == QUOTED:  # "null" in quotes is not asked as a duration, but no null either
            return decoder.report(f"not a valid duration string: {quote(node.value)}", node)
        return 0.0
    text = string(decoder, node)
    if text is BAD:
        return BAD
    try:
        return _duration(text, decoder.version)
    except ValueError as error:
        return decoder.report(str(error), node)


def size(decoder: Decoder, node: Node) -> Any:
    """Decode a size into bytes; null is 0."""
    if node.__class__ is not ScalarNode:
        return decoder.wrong_kind(node, "units.Base2Bytes")
    if node.tag == PLAIN and resolve(node)[1] is None:
        return 0
    try:
        return parse_size(node.value)
    except ValueError as error:
        return decoder.report(str(error), node)


def remote_url(decoder: Decoder, node: Node) -> Any:
    """Decode a URL that Go holds by a pointer."""
    return url(decoder, node, "*config.URL")


def url(decoder: Decoder, node: Node, go_type: str = "config.URL") -> Any:
    """Decode a URL; null is ``None``, any other text itself if Go can parse it."""
    if is_null(node):
        return nothing(decoder, node, go_type)
    text = string(decoder, node)
    if text is BAD:
        return BAD
    try:
        parse_url(text)
    except ValueError as error:
        return decoder.report(str(error), node)
    return text


def label_name(decoder: Decoder, node: Node) -> Any:
    """Decode the name of a label."""
    if node.__class__ is ScalarNode and is_null(node):
        return node.value if node.tag == QUOTED else ""
    name = string(decoder, node)
    if name is not BAD and not is_label_name(name, decoder.version):
        return decoder.report(f"{quote(name)} is not a valid label name", node)
    return name


def nothing(decoder: Decoder, node: Node, go_type: str) -> Any:
    """Return ``None`` for a null ``node``. In quotes ``"null"`` and ``"~"`` are texts, which ``go_type`` cannot take.

    yaml.v2 asks no type to decode them, as for null, and only then notices.
    """
    return decoder.wrong_kind(node, go_type) if node.tag == QUOTED else None


def a_list(element: FieldDecoder, go_type: str) -> FieldDecoder:
    """Return a decoder of lists into tuples; null is ``None``. Elements that cannot be decoded are left out."""

    def decode(decoder: Decoder, node: Node) -> Any:
        if node.__class__ is not SequenceNode:
            if node.__class__ is ScalarNode and resolve(node)[1] is None:
                return None
            return decoder.wrong_kind(node, go_type)
        again = decoder.aliases and decoder.enter(node)
        found = [element(decoder, item) for item in node.value]
        if decoder.aliases:
            decoder.leave(node, again)
        if BAD in found:
            found = [item for item in found if item is not BAD]
        return tuple(found)

    return decode


strings: FieldDecoder = a_list(string, "[]string")


def a_map(key: FieldDecoder, value: FieldDecoder, go_type: str, outer: str = "") -> FieldDecoder:
    """Return a decoder of free mappings into dicts; null is ``None``. A repeated key is an error.

    ``outer`` is the type that yaml.v2 names for a quoted ``"null"``, where that is another.
    """

    def decode(decoder: Decoder, node: Node, into: dict[Any, Any] | None = None) -> Any:
        if node.__class__ is not MappingNode:
            if node.__class__ is ScalarNode and resolve(node)[1] is None:
                return None
            return decoder.wrong_kind(node, outer if outer and is_null(node) else go_type)
        again = decoder.aliases and decoder.enter(node)
        result: dict[Any, Any] = {} if into is None else into
        for key_node, value_node in node.value:
            if is_merge(key_node):
                for below in merged(value_node):
                    decode(decoder, below, result)
                continue
            name = key(decoder, key_node)
            found = value(decoder, value_node) if name is not BAD else BAD
            if found is BAD:
                continue
            if name in result:
                decoder.type_error(f"key {quote(name)} already set in map", value_node)
            else:
                result[name] = found
        if decoder.aliases:
            decoder.leave(node, again)
        return result

    return decode


def _anything(decoder: Decoder, node: Node) -> Any:
    return node


any_map: FieldDecoder = a_map(string, _anything, "map[string]interface {}")
external_labels: FieldDecoder = a_map(string, string, "map[string]string", "labels.Labels")
string_map: FieldDecoder = a_map(string, string, "map[string]string")
label_set: FieldDecoder = a_map(label_name, a_string("model.LabelValue"), "model.LabelSet")


def not_judged(decoder: Decoder, node: Node, section: str) -> None:
    """Note that ``section``, which begins at ``node``, was read but not judged; once a file is enough."""
    at: Position = position(node)
    if not any(one["section"] == section and one["file"] == decoder.file for one in decoder.unjudged):
        decoder.unjudged.append({"section": section, "file": decoder.file, "line": at.line, "column": at.column})
