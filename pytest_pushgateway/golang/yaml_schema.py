"""YAML read strictly into plain values by a schema, with yaml.v2's words for what does not fit.

A schema is a type's name in the messages and, by key, how its value is read: another :class:`Table`, a
:class:`MapOf`, a :class:`ListOf`, or one of the scalars ``"string"``, ``"bool"``, ``"int"``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

from pytest_pushgateway.golang.yaml_v2 import deeper_than

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BOOLEANS = {"true": True, "yes": True, "on": True, "y": True, "false": False, "no": False, "off": False, "n": False}
_MAX_DEPTH = 200
"""Deepest nesting that is read: a web configuration needs four levels, and libyaml's binding takes stack for each."""
_TAGS = {"tag:yaml.org,2002:" + name: "!!" + name for name in ("str", "int", "float", "bool", "seq", "map")}


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


def load(text: bytes, schema: Table) -> dict[str, Any]:
    """Read the first document; an empty one is an empty dict. Raises YamlError."""
    if max(map(len, text.split(b"\n"))) > _MAX_DEPTH or text.count(b"[") + text.count(b"{") > _MAX_DEPTH:
        too_deep = deeper_than(_MAX_DEPTH, text)
        if too_deep is not None:
            raise YamlError(f"yaml: line {too_deep.line}: exceeded max depth of {_MAX_DEPTH}")
    loader = _LOADER(text)
    try:
        node = loader.get_node() if loader.check_node() else None
    except yaml.MarkedYAMLError as problem:
        raise YamlError(f"yaml: {_where(problem)}{problem.problem}") from None
    except yaml.YAMLError as problem:
        raise YamlError(f"yaml: {str(problem).splitlines()[0]}") from None
    finally:
        loader.dispose()
    if node is None:
        return {}
    errors: list[str] = []
    value = _read(node, schema, errors)
    if errors:
        raise YamlError("yaml: unmarshal errors:\n" + "\n".join(f"  {error}" for error in errors))
    return value or {}


def _where(problem: yaml.MarkedYAMLError) -> str:
    line = problem.problem_mark.line if problem.problem_mark else 0
    # As libyaml in Go: it counts from 0 here and leaves the first line out.
    return f"line {line}: " if line else ""


def _read(node: yaml.Node, schema: Schema, errors: list[str]) -> Any:
    if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null":
        return None
    if isinstance(schema, str):
        return _scalar(node, schema, errors)
    if isinstance(schema, ListOf):
        if isinstance(node, yaml.SequenceNode):
            return [_scalar(item, "string", errors) for item in node.value]
    elif isinstance(node, yaml.MappingNode):
        return _mapping(node, schema, errors)
    errors.append(_misfit(node, schema.name))
    return None


def _mapping(node: yaml.MappingNode, schema: Table | MapOf, errors: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        line = key_node.start_mark.line + 1
        if isinstance(schema, Table) and key not in schema.keys:
            errors.append(f"line {line}: field {key} not found in type {schema.name}")
        elif key in result:
            text = f"field {key} already set in type {schema.name}"
            errors.append(f"line {line}: " + (text if isinstance(schema, Table) else f'key "{key}" already set in map'))
        else:
            wanted = schema.keys[key] if isinstance(schema, Table) else schema.value
            result[key] = _read(value_node, wanted, errors)
    return {key: value for key, value in result.items() if value is not None or isinstance(schema, MapOf)}


def _scalar(node: yaml.Node, kind: str, errors: list[str]) -> Any:
    if isinstance(node, yaml.ScalarNode):
        text = str(node.value)
        if kind == "bool" and text.lower() in _BOOLEANS and not node.style:
            return _BOOLEANS[text.lower()]
        if kind == "int" and re.fullmatch(r"[+-]?[0-9]+", text) and not node.style:
            return int(text)
        if kind not in ("bool", "int"):
            return text
    errors.append(_misfit(node, kind))
    return None


def _misfit(node: yaml.Node, wanted: str) -> str:
    tag = _TAGS.get(node.tag, node.tag)
    shown = ""
    if isinstance(node, yaml.ScalarNode):
        text = str(node.value)
        shown = f" `{text if len(text) <= 10 else text[:7] + '...'}`"
    return f"line {node.start_mark.line + 1}: cannot unmarshal {tag}{shown} into {wanted}"
