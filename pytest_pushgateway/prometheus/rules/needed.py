"""The part of rules, series and time that has to be evaluated for a question.

promtool evaluates every rule at every interval from the beginning, about 0.1 ms each: over 7 days at 15 s that is 4 s a
rule. A question needs the rules that it is about, those that these name, and as much time as they look back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_pushgateway.prometheus.rules.promtool import Firing, Vector
from pytest_pushgateway.prometheus.values import parse_duration

if TYPE_CHECKING:
    from pytest_pushgateway.prometheus.rules.rule_files import Rule, RuleFile

LOOKBACK = 300.0
"""Seconds after which Prometheus takes a sample for stale by default."""

_NAME = re.compile(r"[a-zA-Z_:][\w:]*", re.ASCII)
_RANGE = re.compile(r"\[([^\]]*)\]|\boffset\s+(\S+)", re.IGNORECASE)
_NAMELESS = re.compile(r"(?<![\w:])\s*\{|__name__")
_ALERT_NAME = re.compile(r'\balertname\s*=\s*"([^"\\]*)"')


class Needed(NamedTuple):
    """The needs of questions: ``rules``, ``names`` of series, and how many seconds ``before`` them; None means all."""

    rules: list[Rule]
    names: set[str] | None
    before: float | None


def needed(questions: Sequence[Vector | Firing], rule_files: Iterable[RuleFile], interval: float) -> Needed:
    """Return what ``questions`` need of the rules, which are evaluated every ``interval`` seconds."""
    rules = [rule for one in rule_files for rule in one.rules]
    chosen: list[Rule] = []
    names: set[str] | None = set()
    before: float | None = 0.0
    for question in questions:
        if isinstance(question, Firing):
            start = [rule for rule in rules if rule.alert and rule.name == question.name]
            span: float | None = 0.0
            words: set[str] | None = set()
        else:
            span, words = _span(question.expression), _words(question.expression)
            start = _asked_for(question.expression, words, rules)
        found, longest, more = _closure(start, rules, interval)
        chosen += [rule for rule in found if rule not in chosen]
        before = None if before is None or span is None or longest is None else max(before, span + longest)
        names = None if names is None or words is None or more is None else names | words | more
    return Needed(chosen, names, before)


def stands_alone(rule: Rule, rule_files: Iterable[RuleFile]) -> bool:
    """Return whether the alerts of a rule are the series of its expression, which looks at no other rule."""
    words = _words(rule.expression)
    rules = [one for each in rule_files for one in each.rules]
    if words is None or rule.looks_anywhere or rule.has_values or "@" in rule.expression:
        return False
    return not _asked_for(rule.expression, words, rules)


def _asked_for(expression: str, words: set[str] | None, rules: list[Rule]) -> list[Rule]:
    """Return the rules whose series an expression looks at itself."""
    if words is None:
        return rules
    alerts = {rule.name for rule in rules if rule.alert} if words & {"ALERTS", "ALERTS_FOR_STATE"} else set()
    if expression.count("ALERTS") == len(_ALERT_NAME.findall(expression)):
        alerts &= set(_ALERT_NAME.findall(expression))
    return [rule for rule in rules if rule.name in (alerts if rule.alert else words)]


def _closure(start: list[Rule], rules: list[Rule], interval: float) -> tuple[list[Rule], float | None, set[str] | None]:
    """Return ``start`` and the rules that these look at; how far all look back; and the names of the series."""
    found: list[Rule] = []
    waiting = list(start)
    before: float | None = 0.0
    names: set[str] | None = set()
    while waiting:
        rule = waiting.pop()
        if rule in found:
            continue
        found.append(rule)
        span, words = _span(rule.expression), _words(rule.expression)
        if span is None or rule.looks_anywhere or (rule.wait and rule.keep):
            before = None  # also since keep_firing_for can join any number of outbreaks, and only one has waited
        elif before is not None:
            # The sum is more than any chain of rules needs.
            before += span + rule.wait + rule.keep + 2 * interval
        names = None if names is None or words is None or rule.looks_anywhere else names | words
        waiting += rules if rule.looks_anywhere else _asked_for(rule.expression, words, rules)
    return found, before, names


def _words(expression: str) -> set[str] | None:
    """Return every name in an expression, labels and functions included; None if a selector has no name."""
    return None if _NAMELESS.search(expression) else set(_NAME.findall(expression))


def _span(expression: str) -> float | None:
    """Return how far an expression looks back, in seconds; None if that is unknown."""
    if "@" in expression:
        return None
    total = LOOKBACK
    for within, offset in _RANGE.findall(expression):
        try:
            total += parse_duration((within or offset).strip(" )"))
        except ValueError:
            return None  # a subquery, a negative offset, an expression, or a bracket in a text
    return total


def only_rules(rule_file: RuleFile, rules: Sequence[Rule], moved: str) -> str | None:
    """Return ``moved``, the text of a rule file, with ``rules`` and no others; None if none of them is in it."""
    wanted = {(rule.group, rule.number) for rule in rules if rule in rule_file.rules}
    if len(wanted) == len(rule_file.rules):
        return moved
    if not wanted:
        return None
    import yaml

    document: dict[str, Any] = yaml.load(moved, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    groups = []
    for at, group in enumerate(document["groups"]):
        kept = [rule for number, rule in enumerate(group.get("rules") or ()) if (at, number) in wanted]
        if kept:
            groups.append({**group, "rules": kept})
    return str(yaml.dump({"groups": groups}, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False))
