"""YAML read strictly into plain values by a schema, with yaml.v2's words for what does not fit.

A schema is a type's name in the messages and, by key, how its value is read: another :class:`Table`, a
:class:`MapOf`, a :class:`ListOf`, or one of the scalars ``"string"``, ``"bool"``, ``"int"``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pytest_pushgateway.golang.yaml_v2 import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    SyntaxProblem,
    TooDeep,
    anchor,
    compose,
    integer_value,
    is_merge,
    is_null,
    merged,
    misfit,
    resolve,
    string_value,
)

_MAX_DEPTH = 200
"""Deepest nesting that is read: a web configuration needs four levels, and libyaml's binding takes stack for each."""
_INT64 = 1 << 63


@dataclass(frozen=True)
class Table:
    """A mapping with known keys."""

    name: str
    keys: Mapping[str, Schema]


@dataclass(frozen=True)
class MapOf:
    """A mapping from any string to strings."""

    name: str
    value: str = "string"


@dataclass(frozen=True)
class ListOf:
    """A sequence of strings."""

    name: str = "[]string"


Schema: TypeAlias = "Table | MapOf | ListOf | str"


class YamlError(ValueError):
    """The text is no YAML, or does not fit the schema; ``str()`` in yaml.v2's words, lines from 1."""


class _ContainsItself(Exception):
    """A mapping is merged into itself."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.node = node


def load(text: bytes, schema: Table) -> dict[str, Any]:
    """Read the first document; an empty one is an empty dict. Raises YamlError."""
    errors: list[str] = []
    try:
        node = compose(text, _MAX_DEPTH)
        value = None if node is None else _read(node, schema, errors)
    except TooDeep as problem:
        line = problem.position.line if problem.position else 0
        raise YamlError(f"yaml: line {line}: exceeded max depth of {_MAX_DEPTH}") from None
    except SyntaxProblem as problem:
        raise YamlError(problem.promtool) from None
    except _ContainsItself as problem:
        raise YamlError(f"yaml: anchor '{anchor(text, problem.node)}' value contains itself") from None
    if errors:
        raise YamlError("yaml: unmarshal errors:\n" + "\n".join(f"  {error}" for error in errors))
    return value or {}


def _read(node: Node, schema: Schema, errors: list[str]) -> Any:
    if isinstance(node, ScalarNode) and (resolve(node)[1] is None if isinstance(schema, Table) else is_null(node)):
        return None
    if isinstance(schema, str):
        return _scalar(node, schema, errors)
    if isinstance(schema, ListOf):
        if isinstance(node, SequenceNode):
            return [_scalar(item, "string", errors) for item in node.value]
    elif isinstance(node, MappingNode):
        return _mapping(node, schema, errors)
    errors.append(f"line {node.start_mark.line + 1}: {misfit(node, schema.name)}")
    return None


def _mapping(node: MappingNode, schema: Table | MapOf, errors: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in _items(node, (node,)):
        key = _scalar(key_node, "string", errors)
        line = key_node.start_mark.line + 1
        if key is None:
            continue
        if isinstance(schema, Table) and key not in schema.keys:
            errors.append(f"line {line}: field {key} not found in type {schema.name}")
        elif key in result:
            text = f"field {key} already set in type {schema.name}"
            errors.append(f"line {line}: " + (text if isinstance(schema, Table) else f'key "{key}" already set in map'))
        else:
            wanted = schema.keys[key] if isinstance(schema, Table) else schema.value
            result[key] = _read(value_node, wanted, errors)
    return {key: value for key, value in result.items() if value is not None or isinstance(schema, MapOf)}


def _items(node: Node, within: tuple[Node, ...]) -> Iterator[tuple[Node, Node]]:
    for key_node, value_node in node.value:
        if is_merge(key_node):
            for one in merged(value_node):
                if one in within:
                    raise _ContainsItself(one)
                yield from _items(one, (*within, one))
        else:
            yield key_node, value_node


def _scalar(node: Node, kind: str, errors: list[str]) -> Any:
    if isinstance(node, ScalarNode):
        if kind not in ("bool", "int"):
            return string_value(node)
        value = resolve(node)[1] if kind == "bool" else integer_value(node, -_INT64, _INT64 - 1)
        if value is not None and (kind == "int" or isinstance(value, bool)):
            return value
    errors.append(f"line {node.start_mark.line + 1}: {misfit(node, kind)}")
    return None
