"""Documents of rules, wherever they stand: which mappings are some, and what in them is not for Prometheus.

A rule file has ``groups`` at its top, a PrometheusRule of the Operator has them in ``spec``.
"""

from __future__ import annotations

import re

from pytest_pushgateway.golang.yaml_v2 import PLAIN, MappingNode, ScalarNode, SequenceNode, compose, compose_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_pushgateway.golang.yaml_v2 import Node

_RULE = frozenset(("alert", "record", "expr"))
_OF_GRAFANA = frozenset(("apiVersion", "orgId", "folder"))
_NAME = re.compile(
    r"(?:\A|[/_.-])(?:(?:alerts?|alerting|records?|recording|rules?)\.ya?ml|rules|alerts)\Z", re.IGNORECASE
)
_WRITTEN = re.compile(r"^groups[ ]*:|^[ ]*-[ ]+(?:alert|record)[ ]*:", re.MULTILINE)
_STRING = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?|`[^`]*`?|#[^\n]*")
"""A string or a comment. One that is not closed ends with its line: the time stays linear."""
_LOGQL = re.compile(r"\}\s*(?:\|[=~>]?|!=\s*\"|!~\s*\"|!>)")
"""The characters that follow a selector in LogQL, and never in PromQL."""
_UNRENDERED = re.compile(r"\{\{|\$\{|<%")


def is_object(root: Node | None) -> bool:
    """Return whether a document is a PrometheusRule."""
    kind = _get(root, "kind")
    return isinstance(kind, ScalarNode) and kind.value == "PrometheusRule" and _get(root, "apiVersion") is not None


def of_object(root: Node) -> Node | None:
    """Return the rules of a PrometheusRule, without the field of groups that only Thanos reads."""
    spec = _get(root, "spec")
    for group in _items(_get(spec, "groups")):
        if isinstance(group, MappingNode):
            group.value = [pair for pair in group.value if pair[0].value != "partial_response_strategy"]
    return spec


def of_values(item: Node) -> Node:
    """Return the rules of a PrometheusRule that a chart makes of ``item``, which has its name and labels too."""
    if not isinstance(item, MappingNode):
        return item
    others = ("name", "additionalLabels", "additionalAnnotations")
    return MappingNode(
        PLAIN, [pair for pair in item.value if pair[0].value not in others], item.start_mark, item.end_mark
    )


def in_text(text: bytes, *, objects: bool) -> list[tuple[str, Node]]:
    """Return the documents of rules in a file, each with the name of its object.

    That is the file itself, without a name, unless ``objects`` are wanted and it has PrometheusRules.

    Raises:
        SyntaxProblem: the file is not YAML.

    """
    if objects and b"PrometheusRule" in text:
        known = [one for document in compose_all(text) for one in (document, *_items(_get(document, "items")))]
        found = [one for one in known if is_object(one)]
        if found:
            return [(_name_of(one), spec) for one in found if (spec := of_object(one)) is not None]
    root = compose(text)
    return [] if root is None else [("", root)]


def _name_of(root: Node) -> str:
    name = _get(_get(root, "metadata"), "name")
    return f"PrometheusRule/{name.value}" if isinstance(name, ScalarNode) else "PrometheusRule"


def has_rules(root: Node) -> bool:
    """Return whether a mapping is a rule file by what it holds; Grafana's rules are not."""
    groups = _items(_get(root, "groups"))
    if any(_keys(one) & _OF_GRAFANA for one in (root, *groups)):
        return False
    return any(_keys(rule) & _RULE for group in groups for rule in _items(_get(group, "rules")))


def is_bare(root: Node) -> bool:
    """Return whether a document is a rule file by its content, though ``groups`` may be misspelt or missing."""
    if _keys(root) == {"groups"} or has_rules(root):
        return not is_of_grafana(root)
    if isinstance(root, MappingNode) and len(root.value) > 1:
        return False
    below = root.value[0][1] if isinstance(root, MappingNode) and root.value else root
    found = _items(below)
    return any(_is_rule(one) or any(_is_rule(rule) for rule in _items(_get(one, "rules"))) for one in found)


def _is_rule(node: Node) -> bool:
    return "expr" in _keys(node) and bool(_keys(node) & {"alert", "record"})


def is_of_grafana(root: Node) -> bool:
    """Return whether a document provisions alert rules of Grafana."""
    groups = _items(_get(root, "groups"))
    return bool(groups) and any(_keys(one) & _OF_GRAFANA for one in (root, *groups)) and not is_object(root)


def is_rule_file(name: str) -> bool:
    """Return whether a file is a rule file by its name, as charts and manuals have it."""
    return _NAME.search(name) is not None


def are_rules(name: str, text: str) -> bool:
    """Return whether a file is a rule file by its name and a glance at its text."""
    if not (is_rule_file(name) or name.endswith(".rules")):
        return False
    return _WRITTEN.search(text) is not None and re.search(r"^[ ]*(?:apiVersion|orgId)", text, re.MULTILINE) is None


def expressions(root: Node | None) -> Iterator[Node]:
    """Yield the expressions of all rules in a document."""
    for group in _items(_get(root, "groups")):
        for rule in _items(_get(group, "rules")):
            expression = _get(rule, "expr")
            if isinstance(expression, ScalarNode):
                yield expression


def is_logql(expression: Node) -> bool:
    """Return whether an expression is one of Loki's, whose rule files look like Prometheus's."""
    return _LOGQL.search(_STRING.sub('""', str(expression.value))) is not None


def is_template(expression: Node) -> bool:
    """Return whether an expression has to be rendered before Prometheus can read it."""
    return _UNRENDERED.search(_STRING.sub('""', str(expression.value))) is not None


def _get(node: Node | None, name: str) -> Node | None:
    pairs: list[tuple[Node, Node]] = node.value if isinstance(node, MappingNode) else []
    return next((value for key, value in pairs if key.value == name), None)


def _items(node: Node | None) -> list[Node]:
    return list(node.value) if isinstance(node, SequenceNode) else []


def _keys(node: Node | None) -> set[object]:
    return (
        {key.value for key, _ in node.value if isinstance(key, ScalarNode)} if isinstance(node, MappingNode) else set()
    )
