"""Target files in JSON, judged as Go's ``encoding/json`` does."""

from __future__ import annotations

from pytest_pushgateway.golang.json_syntax import find_error
from pytest_pushgateway.golang.position import Position
from pytest_pushgateway.golang.yaml_v2 import SequenceNode, SyntaxProblem, compose, position
from pytest_pushgateway.prometheus.model import TargetGroup
from pytest_pushgateway.prometheus.values import is_label_name, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytest_pushgateway.golang.yaml_v2 import Node


def load_groups(content: bytes, version: str) -> tuple[list[TargetGroup], tuple[str, Position | None] | None]:
    """Read a JSON list of target groups; with Go's error and its place for a bad one."""
    import json

    text = content.decode("utf-8", "replace")
    try:
        # Whole numbers as floats: Python refuses those of more than 4,300 digits.
        groups = json.loads(text, object_pairs_hook=_Object, parse_int=float, parse_constant=_refuse)
    except RecursionError:
        return [], ("exceeded max depth", None)
    except ValueError:
        return [], _syntax(text, version)
    if groups is None:
        return [], None
    if not isinstance(groups, list) or isinstance(groups, _Object):
        message = f"json: cannot unmarshal {_kind(groups)} into Go value of type []*targetgroup.Group"
        return [], (message, Position(1, 1))
    places = _places(content, len(groups))
    found = []
    for index, group in enumerate(groups):
        message = f"nil target group item found (index {index})" if group is None else _problem(group, version)
        if message:
            return [], (message, position(places[index]) if places else None)
        one = TargetGroup(node=places[index] if places else None)
        for name, value in group:
            if name.lower() == "targets":
                one.targets = tuple(item or "" for item in value or ())
            else:
                one.labels = {label: text or "" for label, text in value or ()}
        found.append(one)
    return found, None


def _places(content: bytes, count: int) -> list[Node]:
    """Return the groups as YAML nodes, of which JSON is nearly a part, for their lines and columns."""
    try:
        root = compose(content)
    except SyntaxProblem:
        return []
    return root.value if isinstance(root, SequenceNode) and len(root.value) == count else []


class _Object(list):  # type: ignore[type-arg]
    """The pairs of a JSON object, repeated names kept."""


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return "string" if isinstance(value, str) else "object" if isinstance(value, _Object) else "array"


_GROUP = 'struct { Targets []string "json:\\"targets\\""; Labels model.LabelSet "json:\\"labels\\"" }'


def _problem(group: Any, version: str) -> str:
    if not isinstance(group, _Object):
        return f"json: cannot unmarshal {_kind(group)} into Go value of type {_GROUP}"
    old = version.startswith("2.")  # built with an older Go, whose wording is another
    for name, value in group:
        if name.lower() == "targets":
            if value is not None and (not isinstance(value, list) or isinstance(value, _Object)):
                return f"json: cannot unmarshal {_kind(value)} into Go struct field .targets of type []string"
            for index, item in enumerate(value or ()):
                if item is not None and not isinstance(item, str):
                    place = "Go struct field .targets" if old else f".targets.{index}"
                    return f"json: cannot unmarshal {_kind(item)} into {place} of type string"
        elif name.lower() == "labels":
            message = _labels(value, version)
            if message:
                return message
        else:
            return f"json: unknown field {quote(name)}"
    return ""


def _labels(value: Any, version: str) -> str:
    old = version.startswith("2.")
    if value is None:
        return ""
    if not isinstance(value, _Object):
        place = "struct field .labels" if old else "value"
        return f"json: cannot unmarshal {_kind(value)} into Go {place} of type map[model.LabelName]model.LabelValue"
    for name, one in value:
        if one is not None and not isinstance(one, str):
            field = "labels" if old else name
            return f"json: cannot unmarshal {_kind(one)} into Go struct field .{field} of type model.LabelValue"
    bad = next((name for name, _ in value if not is_label_name(name, version)), None)
    return f"{quote(bad)} is not a valid label name" if bad is not None else ""


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON, though Python reads it")


def _syntax(text: str, version: str) -> tuple[str, Position]:
    """Return Go's error for what is not JSON; the second implementation reads for Prometheus 3."""
    error = find_error(text, old=version.startswith("2."))
    assert error is not None, text
    line_start = text.rfind("\n", 0, error.offset) + 1
    return str(error), Position(text.count("\n", 0, error.offset) + 1, error.offset - line_start + 1)
