"""Verdicts on rule files: groups, rules, names, durations, templates and expressions, as Prometheus loads them.

Prometheus reads rule files with yaml.v3, whose type errors have other words than yaml.v2's, and reports every rule that
is wrong. Source: ``model/rulefmt`` of Prometheus 3.14, 3.5, 2.53 and 2.42.
"""

from __future__ import annotations

import re

from pytest_pushgateway.exposition.names import METRIC_NAME
from pytest_pushgateway.golang.yaml_v2 import (
    QUOTED,
    MappingNode,
    ScalarNode,
    SequenceNode,
    SyntaxProblem,
    integer_value,
    is_merge,
    merged,
    misfit,
    resolve,
    string_value,
)
from pytest_pushgateway.prometheus.decode import rule_documents
from pytest_pushgateway.prometheus.decode.decoder import Decoder, not_judged
from pytest_pushgateway.prometheus.decode.referenced_files import read, why
from pytest_pushgateway.prometheus.decode.spelling import hint
from pytest_pushgateway.prometheus.problems import Problem
from pytest_pushgateway.prometheus.rules.expressions import BadExpression, ExpressionUnjudged, check_expression
from pytest_pushgateway.prometheus.rules.templates import TemplateError, TemplateUnjudged, check_template
from pytest_pushgateway.prometheus.values import is_label_name, is_legacy_label_name, parse_duration, quote, reaches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pytest_pushgateway.golang.yaml_v2 import Node

_GROUP = {"name": "", "interval": "", "limit": "", "rules": "", "query_offset": "2.53", "labels": "3.0"}
_RULE = dict.fromkeys(("record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"), "")
"""The fields of a group and of a rule, each with the first release that has it."""


def check_rule_file(
    path: str, version: str, *, objects: bool = False
) -> tuple[list[Problem], list[dict[str, Any]], bytes, list[tuple[str, Node]]]:
    """Judge one rule file.

    Args:
        path: its path, which promtool prints before each line.
        version: the Prometheus version whose rules apply.
        objects: whether it may have PrometheusRules, which Prometheus itself does not read.

    Returns:
        The problems, the parts that were not judged, the file's bytes, and its documents with the names of their
        objects.

    """
    decoder = Decoder(path, version)
    documents: list[tuple[str, Node]] = []
    try:
        text = read(path)
    except OSError as error:
        return [Problem(why(error, path), file=path, rule="files")], [], b"", []
    try:
        decoder.take(text)
        documents = rule_documents.in_text(text, objects=objects)
        for name, root in documents:
            own = Decoder(path, version)
            own.take(text)
            own.unjudged = decoder.unjudged
            if not _is_null(root):
                check_rules(own, root)
            for problem in own.problems:
                problem.object = name or None
            decoder.problems += own.problems
    except SyntaxProblem as error:
        decoder.problems.append(
            Problem(str(error), file=path, position=error.position, rule="yaml", promtool=error.promtool)
        )
    except RecursionError:
        decoder.problems.append(Problem("the rule file is nested too deeply", file=path, rule="yaml"))
    for problem in decoder.problems:
        if problem.promtool:
            problem.promtool = f"{path}: {problem.promtool}"
    return decoder.problems, list(decoder.unjudged), text, documents


def check_rules(decoder: Decoder, root: Node) -> None:
    """Judge the groups of a document; problems and what is not judged are added to ``decoder``."""
    _File(decoder).check(root)


class _File:
    """One document of rules. Rules are judged where all groups could be decoded, as Prometheus does."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self.version = decoder.version
        self.rule_type = "rulefmt.RuleNode" if self.version.startswith("2.") else "rulefmt.Rule"

    def check(self, root: Node) -> None:
        decoder = self.decoder
        groups = self._list(self._struct(root, {"groups": ""}, "rulefmt.RuleGroups").get("groups"), "RuleGroup")
        decoded = [(node, self._struct(node, _GROUP, "rulefmt.RuleGroup")) for node in groups]
        rules = [[(one, self._rule(one)) for one in self._group(fields)] for _, fields in decoded]
        if decoder.problems:
            return
        seen: set[str] = set()
        for (node, fields), own in zip(decoded, rules, strict=True):
            name = _text(fields.get("name"))
            if not name:
                self._at(node, "Groupname must not be empty", node)
            if name in seen:
                self._at(node, f'groupname: "{name}" is repeated in the same file', node)
            seen.add(name)
            for label, value in _pairs(fields.get("labels")):
                if not self._is_label(label) or label == "__name__":
                    decoder.report(f"invalid label name: {label}", value)
            for number, (one, found) in enumerate(own, 1):
                title = _text(found.get("alert")) or _text(found.get("record"))
                _Rule(self, one, found, f"group {quote(name)}, rule {number}, {quote(title)}: ").check()

    def _at(self, node: Node, message: str, place: Node) -> None:
        """Report ``message``, before which promtool writes the line and the column of ``place``."""
        where = _place(place) if self.version.startswith("2.") else "0:0"  # 3.x loses the place of a group
        self.decoder.report(message, node, promtool=f"{where}: {message}")

    def _is_label(self, name: str) -> bool:
        return is_label_name(name, self.version)

    def _struct(self, node: Node, known: Mapping[str, str], go_type: str) -> dict[str, Node]:
        """Return the values of a mapping by key; unknown and repeated keys are errors."""
        decoder, found = self.decoder, dict[str, "Node"]()
        if node.__class__ is not MappingNode:
            if not _is_null(node):
                decoder.type_error(misfit(node, go_type), node)
            return found
        lines: dict[str, int] = {}
        for key, value in node.value:
            if is_merge(key):
                for below in merged(value):
                    found = {**self._struct(below, known, go_type), **found}
                continue
            name = str(key.value)
            if name in lines:
                decoder.type_error(f"mapping key {quote(name)} already defined at line {lines[name]}", key)
                continue
            lines[name] = key.start_mark.line + 1
            if name in known and (not known[name] or reaches(decoder.version, known[name])):
                found[name] = value
            elif name in known:
                line = f"line {lines[name]}: field {name} not found in type {go_type}"
                message = f"field {name} exists since {known[name]}, not in Prometheus {decoder.version}"
                decoder.report(message, key, promtool=line, hint=decoder.upgrade(known[name]))
            else:
                message = f"field {name} not found in type {go_type}"
                decoder.type_error(message, key, **hint(name, known, go_type))
        return found

    def _list(self, node: Node | None, element: str) -> list[Node]:
        if node is None or _is_null(node):
            return []
        if node.__class__ is SequenceNode:
            return [item for item in node.value if not _is_null(item)]  # yaml.v3 leaves null items out
        name = element if element == "RuleGroup" else self.rule_type.partition(".")[2]
        self.decoder.type_error(misfit(node, f"[]rulefmt.{name}"), node)
        return []

    def _group(self, fields: dict[str, Node]) -> list[Node]:
        """Check the types of a group's fields; return its rules."""
        self._string(fields.get("name"))
        for key in ("interval", "query_offset"):
            self.duration(fields.get(key))
        limit = fields.get("limit")
        if limit is not None and (
            limit.__class__ is not ScalarNode or integer_value(limit, -(1 << 63), (1 << 63) - 1) is None
        ):
            self.decoder.type_error(misfit(limit, "int"), limit)
        self._strings(fields.get("labels"))
        return self._list(fields.get("rules"), "Rule")

    def _rule(self, node: Node) -> dict[str, Node]:
        """Check the types of a rule's fields; return them."""
        fields = self._struct(node, _RULE, self.rule_type)
        for key in ("record", "alert", "expr"):
            if reaches(self.version, "3.0"):
                self._string(fields.get(key))
        for key in ("for", "keep_firing_for"):
            self.duration(fields.get(key))
        for key in ("labels", "annotations"):
            self._strings(fields.get(key))
        return fields

    def _string(self, node: Node | None) -> None:
        if node is not None and node.__class__ is not ScalarNode:
            self.decoder.type_error(misfit(node, "string"), node)

    def _strings(self, node: Node | None) -> None:
        if node is None or _is_null(node):
            return
        if node.__class__ is not MappingNode:
            self.decoder.type_error(misfit(node, "map[string]string"), node)
            return
        lines: dict[str, int] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in lines:
                self.decoder.type_error(f"mapping key {quote(name)} already defined at line {lines[name]}", key)
            lines[name] = key.start_mark.line + 1
            self._string(value)

    def duration(self, node: Node | None) -> None:
        """Check a duration, if there is one."""
        if node is None or _is_null(node):
            return
        if node.__class__ is not ScalarNode:
            self.decoder.type_error(misfit(node, "string"), node)
            return
        try:
            parse_duration(string_value(node), self.version)
        except ValueError as problem:
            self.decoder.report(str(problem), node)


class _Rule:
    """One rule of a group whose types are right."""

    def __init__(self, file: _File, node: Node, fields: dict[str, Node], before: str) -> None:
        self.file = file
        self.node = node
        self.fields = fields
        self.before = before
        self.record = _text(fields.get("record"))
        self.alert = _text(fields.get("alert"))

    def check(self) -> None:
        places = [_place(self.fields.get(key)) for key in ("record", "alert")]
        if self.record and self.alert:
            self._report("only one of 'record' and 'alert' must be set", "alert", f"{places[0]}: {places[1]}: ")
        if not self.record and not self.alert:
            self._report("one of 'record' or 'alert' must be set", "record", f"{places[0]}: {places[1]}: ")
        self._expression()
        if self.record:
            self._recording()
        for key in ("labels", "annotations"):
            self._names(key)
        if self.alert:
            for key in ("labels", "annotations"):
                self._templates(key)

    def _report(self, message: str, key: str, place: str) -> None:
        whole = self.before + message
        self.file.decoder.report(message, self.fields.get(key, self.node), promtool=place + whole)

    def _expression(self) -> None:
        node, decoder = self.fields.get("expr"), self.file.decoder
        text = _text(node)
        if not text:
            self._report("field 'expr' must be set in rule", "expr", f"{_place(node)}: ")
            return
        try:
            check_expression(text, self.file.version)
        except BadExpression as problem:
            # The parser's words are not Prometheus's.
            decoder.report(f"could not parse expression: {problem}", node or self.node, promtool=None)
        except ExpressionUnjudged as reason:
            not_judged(decoder, node or self.node, f"expressions of rules ({reason})")

    def _recording(self) -> None:
        place = f"{_place(self.fields.get('record'))}: "
        if _pairs(self.fields.get("annotations")):
            self._report("invalid field 'annotations' in recording rule", "annotations", place)
        for key in ("for", "keep_firing_for"):
            text = _text(self.fields.get(key))
            if text and parse_duration(text, self.file.version):
                self._report(f"invalid field '{key}' in recording rule", key, place)
        old = self.file.version.startswith("2.")
        if old and not re.fullmatch(METRIC_NAME, self.record):
            self._report(f"invalid recording rule name: {self.record}", "record", place)
        elif not old and ("{" in self.record or "}" in self.record):
            message = f"braces present in the recording rule name; should it be in expr?: {self.record}"
            self._report(message, "record", place)

    def _names(self, key: str) -> None:
        for name, value in _pairs(self.fields.get(key)):
            is_name = is_legacy_label_name(name) if self.file.version.startswith("2.") else bool(name)
            if not is_name or (key == "labels" and name == "__name__"):
                what = "label" if key == "labels" else "annotation"
                message = f"invalid {what} name: {name}"
                self.file.decoder.report(message, value, promtool=self.before + message)

    def _templates(self, key: str) -> None:
        for name, node in _pairs(self.fields.get(key)):
            text = _text(node)
            try:
                check_template(text, self.file.version)
            except TemplateError as problem:
                message = (
                    f"{key.removesuffix('s')} {quote(name)}: template: __alert_{self.alert}:{problem.line}: {problem}"
                )
                self.file.decoder.report(message, node, promtool=self.before + message)
            except TemplateUnjudged:
                not_judged(self.file.decoder, node, "templates of rules")


def _is_null(node: Node) -> bool:
    """Return whether ``node`` is null for yaml.v3: ``"null"`` in quotes is a text."""
    return node.__class__ is ScalarNode and node.tag != QUOTED and resolve(node)[1] is None


def _text(node: Node | None) -> str:
    return string_value(node) if node is not None and node.__class__ is ScalarNode else ""


def _pairs(node: Node | None) -> list[tuple[str, Node]]:
    if node is None or node.__class__ is not MappingNode:
        return []
    return [(str(key.value), value) for key, value in node.value]


def _place(node: Node | None) -> str:
    return f"{node.start_mark.line + 1}:{node.start_mark.column + 1}" if node is not None else "0:0"
