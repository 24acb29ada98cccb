"""Relabel rules: fields, and what each action needs and forbids, as in Prometheus's ``model/relabel``."""

from __future__ import annotations

import re

from pytest_pushgateway.golang.regexp import BadRegexp, Unjudged, validate
from pytest_pushgateway.golang.yaml_v2 import QUOTED, MappingNode, ScalarNode, is_null
from pytest_pushgateway.prometheus.decode.decoder import (
    BAD,
    Fields,
    Struct,
    a_list,
    label_name,
    nothing,
    string,
    struct,
    unsigned64,
)
from pytest_pushgateway.prometheus.model import RelabelRule
from pytest_pushgateway.prometheus.values import is_label_name, is_legacy_label_name, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.prometheus.decode.decoder import Decoder, FieldDecoder

_ON_VALUES = ("replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal")
ACTIONS = frozenset((*_ON_VALUES, "keep", "drop", "labelmap", "labeldrop", "labelkeep"))
_NEED_TARGET = frozenset(_ON_VALUES)
_LITERAL_TARGET = frozenset(_ON_VALUES[1:])
_TEMPLATE_2 = r"(?:[a-zA-Z_]|\$(?:\{\w+\}|\w))(?:\w|\$(?:\{\w+\}|\w))*\Z"
r"""Prometheus's pattern, ``(?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+``, so that ``re`` can match it in one way only."""


def _action(decoder: Decoder, node: Node) -> Any:
    if node.__class__ is ScalarNode and is_null(node):
        return node.value if node.tag == QUOTED else ""
    text = string(decoder, node)
    if text is BAD:
        return BAD
    if text.lower() not in ACTIONS:
        return decoder.report(f"unknown relabel action {quote(text)}", node)
    return text.lower()


def _regex(decoder: Decoder, node: Node) -> Any:
    if node.__class__ is ScalarNode and is_null(node) and node.tag != QUOTED:
        return None
    text = string(decoder, node)
    if text is BAD:
        return BAD
    try:
        validate(text, decoder.version)
    except BadRegexp as error:
        return decoder.report(str(error), node, **_regex_hint(text))
    except Unjudged as error:
        decoder.report(str(error), node, severity="note", promtool=None)
    return text


def _regex_hint(text: str) -> dict[str, str]:
    """Say what to write instead of what only backtracking engines have."""
    found = re.search(r"\(\?(?:!|=|<!|<=)|\\[1-9]|\(\?>|[*+?}]\+", text)
    if not found:
        return {}
    what = {"(?!": "negative look-ahead", "(?=": "look-ahead", "(?<!": "negative look-behind", "(?<=": "look-behind"}
    name = what.get(found[0], "a back-reference" if found[0][0] == "\\" else "an atomic or possessive group")
    instead = "match what is to be kept and use a group, or two rules"
    if "!" in found[0]:
        instead = "write two rules, a 'drop' of what must not match before a 'keep' of the rest"
    return {
        "hint": f"{name} at character {found.start() + 1}: RE2, which Prometheus uses, has none; {instead}",
        "hint_rule": "PG024",
    }


_FIELDS = Fields(
    source_labels=a_list(label_name, "model.LabelNames"),
    separator=string,
    regex=_regex,
    modulus=unsigned64,
    target_label=string,
    replacement=string,
    action=_action,
)


def _rule(decoder: Decoder, node: Node) -> Any:
    if node.__class__ is not MappingNode and is_null(node):
        return nothing(decoder, node, "*relabel.Config")
    found = struct(decoder, node, _FIELDS, "relabel.plain")
    if found is BAD:
        return BAD
    if node.__class__ is not MappingNode:
        found["action"] = ""
    if not found.bad:
        message, key = _check(found, is_old=decoder.version.startswith("2."))
        if message:
            decoder.report(message, found.value_node(key))
            return BAD
    rule = RelabelRule()
    rule.node = node
    vars(rule).update(found)
    if "regex" in found:
        rule.regex = found["regex"] or ""
    rule.source_labels = found.get("source_labels") or ()
    return BAD if found.bad else rule


def _check(rule: Struct, *, is_old: bool) -> tuple[str, str]:
    """Return the error for a rule in the order of Prometheus's ``Validate``, and the key to blame."""
    get = rule.get
    action, target = get("action", "replace"), get("target_label", "")
    separator, replacement = get("separator", ";"), get("replacement", "$1")
    if not action:
        return "relabel action cannot be empty", "action"
    if action == "hashmod" and not get("modulus"):
        return "relabel configuration for hashmod requires non-zero modulus", "modulus"
    if action in _NEED_TARGET and not target:
        return f"relabel configuration for {action} action requires 'target_label' value", "target_label"
    message, key = _name_error(action, target, replacement, is_old=is_old)
    if message:
        return message, key
    if action in _LITERAL_TARGET and action != "hashmod" and replacement != "$1":
        return f"'replacement' can not be set for {action} action", "replacement"
    if action in ("keepequal", "dropequal") and (
        "regex" in rule or get("modulus") or separator != ";" or replacement != "$1"
    ):
        return f"{action} action requires only 'source_labels' and `target_label`, and no other fields", "regex"
    if action in ("labeldrop", "labelkeep") and (
        get("source_labels") is not None or target or get("modulus") or separator != ";" or replacement != "$1"
    ):
        return f"{action} action requires only 'regex', and no other fields", "source_labels"
    return "", ""


def _name_error(action: str, target: str, replacement: str, *, is_old: bool) -> tuple[str, str]:
    """Return the error for a name that a rule gives, and its key.

    ``is_old`` is whether names are those of 2.x, which are also those of the ``legacy`` scheme.
    """
    is_name = is_legacy_label_name if is_old else is_label_name
    if action in _NEED_TARGET:
        template = is_old and action == "replace" and "$" in target
        if not (re.match(_TEMPLATE_2, target, re.ASCII) if template else is_name(target)):
            return f"{quote(target)} is invalid 'target_label' for {action} action", "target_label"
    elif action == "labelmap" and not (
        re.match(_TEMPLATE_2, replacement, re.ASCII) if is_old else is_name(replacement)
    ):
        return f"{quote(replacement)} is invalid 'replacement' for {action} action", "replacement"
    return "", ""


def check_legacy(decoder: Decoder, rules: Iterable[RelabelRule]) -> None:
    """Report the rules that the ``legacy`` scheme of names refuses, as Prometheus does since 3.7."""
    for rule in rules:
        message, key = _name_error(rule.action, rule.target_label, rule.replacement, is_old=True)
        if message:
            node = next((value for name, value in rule.node.value if name.value == key), rule.node)
            decoder.report(message, node)


rules: FieldDecoder = a_list(_rule, "[]*relabel.Config")


def check_rules(decoder: Decoder, section: Struct, key: str, message: str) -> tuple[RelabelRule, ...]:
    """Report null items of the rule list ``key`` and return the others."""
    found = section.get(key) or ()
    if None in found:
        decoder.report(message, section.null_in(key))
    return tuple(rule for rule in found if rule is not None)
