"""Rule files, copied for a unit test with their expressions moved in time; all else stays as it was written."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from pytest_pushgateway.prometheus.rules.promql import Unmovable, check_template, shift
from pytest_pushgateway.prometheus.rules.promtool import RulesError
from pytest_pushgateway.prometheus.values import parse_duration, quote

_METRIC = re.compile(r"[a-zA-Z_:][\w:]*", re.ASCII)
_WORD = re.compile(r"[a-zA-Z_]\w*", re.ASCII)


class Rule(NamedTuple):
    """One rule: its group and its number in it, both from 0, its name, whether it is an alert, and its expression.

    ``wait`` and ``keep`` are the seconds of ``for`` and ``keep_firing_for``; ``looks_anywhere`` means that its
    templates query names that its expression does not have, ``has_values`` that its labels may have the value in them.
    """

    group: int
    number: int
    name: str
    alert: bool
    expression: str
    wait: float = 0.0
    keep: float = 0.0
    looks_anywhere: bool = False
    has_values: bool = False


class RuleFile:
    """One rule file.

    ``path`` is the original, ``text`` its content, ``moved`` the copy whose expressions begin at ``start`` (Unix time
    in seconds); the two are equal where nothing looks at absolute time. ``alerts`` are the names of its alerts in
    order, ``rules`` its rules, ``intervals`` the groups' own evaluation intervals in seconds. ``words`` are the labels
    that its rules add and all names in their expressions: a label that is not among them, nor one of a series, no alert
    has. ``expressions`` are the names of its alerts and records, each with the words of its expression.
    Files that are not rule files at all are left to promtool.

    Raises:
        RulesError: an expression cannot be shifted in time; with the file and line.

    """

    def __init__(self, path: str, text: str, start: Decimal) -> None:
        self.path = path
        self.text = text
        self.alerts: list[str] = []
        self.intervals: list[float] = []
        self.words: set[str] = set()
        self.expressions: list[tuple[str, set[str]]] = []
        self.rules: list[Rule] = []
        self._start = start
        self._edits: dict[int, tuple[int, str]] = {}
        self._read()
        self.moved: str = self._edited()

    def moved_to(self, start: Decimal) -> str:
        """Return the text whose expressions begin at ``start``, Unix time in seconds."""
        return self.moved if start == self._start else RuleFile(self.path, self.text, start).moved

    def _read(self) -> None:
        import yaml

        try:
            root = yaml.compose(self.text, Loader=yaml.SafeLoader)
        except yaml.YAMLError:
            return
        for place, group in enumerate(_items(_get(root, "groups"))):
            interval = _scalar(_get(group, "interval"))
            if interval:
                try:
                    self.intervals.append(parse_duration(interval))
                except ValueError:
                    return
            for number, rule in enumerate(_items(_get(group, "rules"))):
                self._rule(rule, place, number, _get(group, "labels"))

    def _rule(self, rule: Any, group: int, number: int, common: Any) -> None:
        """Add a rule of a group that has labels in ``common``."""
        alert = _scalar(_get(rule, "alert"))
        if alert:
            self.alerts.append(alert)
        expression = _get(rule, "expr")
        self.words.update(_WORD.findall(_scalar(expression)))
        name = alert or _scalar(_get(rule, "record"))
        self.expressions.append((name, set(_METRIC.findall(_scalar(expression)))))
        texts = {
            section: [
                (str(name.value), str(value.value)) for node in nodes for name, value in getattr(node, "value", ())
            ]
            for section, nodes in (
                ("labels", (common, _get(rule, "labels"))),
                ("annotations", (_get(rule, "annotations"),)),
            )
        }
        self.words.update(label for label, _ in texts["labels"])
        wait, keep = (_seconds(_scalar(_get(rule, key))) for key in ("for", "keep_firing_for"))
        anywhere = any(_ASKS.search(text) for _, text in texts["labels"] + texts["annotations"])
        has_values = any("{{" in text for _, text in texts["labels"])
        self.rules.append(Rule(group, number, name, bool(alert), _scalar(expression), wait, keep, anywhere, has_values))
        try:
            for _, template in texts["labels"] + texts["annotations"]:
                check_template(template)
            text = _scalar(expression)
            moved = shift(text, self._start)
        except Unmovable as problem:
            name = alert or _scalar(_get(rule, "record"))
            line = rule.start_mark.line + 1
            raise RulesError(f"{self.path}:{line}: rule {name!r} cannot be tested: {problem}") from None
        if moved != text:
            self._edits[expression.start_mark.index] = (expression.end_mark.index, moved)

    def _edited(self) -> str:
        pieces, position = [], 0
        for start, (end, moved) in sorted(self._edits.items()):
            old = self.text[start:end]
            anchor = old.split(None, 1)[0] + " " if old.startswith("&") else ""
            # The mark of a block scalar's end is at the beginning of the next line.
            pieces += [self.text[position:start], anchor, quote(moved), "\n" if old.endswith("\n") else ""]
            position = end
        return "".join([*pieces, self.text[position:]])


_ASKS = re.compile(r"\{\{.*(?:\bquery\b|\bActiveAt\b|\bactiveAt\b)", re.DOTALL)


def _seconds(text: str) -> float:
    try:
        return parse_duration(text) if text else 0.0
    except ValueError:
        return 0.0  # promtool complains of it


def _get(node: Any, key: str) -> Any:
    for name, value in node.value if _is(node, "mapping") else ():
        if name.value == key:
            return value
    return None


def _items(node: Any) -> Iterator[Any]:
    yield from node.value if _is(node, "sequence") else ()


def _scalar(node: Any) -> str:
    return str(node.value) if _is(node, "scalar") else ""


def _is(node: Any, kind: str) -> bool:
    return getattr(node, "id", None) == kind


def read_rule_files(patterns: Iterable[str | os.PathLike[str]], directory: str, start: Decimal) -> list[RuleFile]:
    """Read the rule files that ``patterns`` name, relative to ``directory``, each once.

    A pattern with a ``*`` may match nothing.

    Raises:
        RulesError: a file cannot be read.

    """
    found: dict[str, RuleFile] = {}
    for pattern in patterns:
        path = os.path.join(directory, pattern)
        for one in sorted(glob.glob(path)) if "*" in path else [path]:
            if one not in found:
                try:
                    with open(one, encoding="utf-8") as opened:
                        text = opened.read()
                except (OSError, UnicodeDecodeError) as problem:
                    raise RulesError(f"rule file {one} cannot be read: {problem}") from None
                found[one] = RuleFile(one, text, start)
    return list(found.values())
