"""The pieces of a file judged one by one, and put together into the configuration that the file gives."""

from __future__ import annotations

import re
from functools import partial

from pytest_pushgateway.golang.position import Position
from pytest_pushgateway.golang.yaml_v2 import SyntaxProblem, is_null
from pytest_pushgateway.later import later
from pytest_pushgateway.prometheus.decode import rule_documents
from pytest_pushgateway.prometheus.decode.decoder import Decoder, not_judged
from pytest_pushgateway.prometheus.forms import dialects, unread
from pytest_pushgateway.prometheus.forms.pieces import RULES, move
from pytest_pushgateway.prometheus.lint.comments import ignored
from pytest_pushgateway.prometheus.parts import Part
from pytest_pushgateway.prometheus.problems import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.prometheus.configuration import Configuration
    from pytest_pushgateway.prometheus.forms.pieces import FormReading, Piece, Remark
    from pytest_pushgateway.prometheus.rules import rule_checks
else:
    rule_checks = later("pytest_pushgateway.prometheus.rules.rule_checks")


_RULES_OF_LOKI = "rules of Loki"
_OF_OTHERS = frozenset((_RULES_OF_LOKI, dialects.ENVIRONMENT))
"""Parts without a verdict that no promtool has one on."""


def judge(
    config: Configuration,
    reading: FormReading,
    judge_piece: Callable[[Configuration, Piece], None],
    *,
    lint: bool,
) -> None:
    """Fill ``config`` with the jobs and problems of all pieces.

    ``judge_piece`` decodes and lints one piece as a configuration, with places in the text
    that the piece was read from. ``lint`` means that lint rules are wanted.
    """
    seen: set[tuple[int | None, int | None, str]] = set()
    first = True
    for piece in reading.pieces:
        part = type(config)(config.path, piece.source.text if piece.whole else b"", config.version)
        part.texts = {config.path: piece.source.text}
        if piece.kind == RULES:
            _judge_rules(part, piece)
            loads = not part.errors
        else:
            judge_piece(part, piece)
            loads = not part.errors
            dialects.forgive(part, piece.dialect)
            if part.problems:
                unread.explain(part)
        for problem in part.problems:
            if piece.whole and piece.source.is_file and piece.kind == RULES and problem.promtool:
                problem.promtool = f"{config.path}: {problem.promtool}"  # as promtool check rules has it
            _place(problem, piece)
            key = (problem.line, problem.column, problem.message)
            if key not in seen:
                seen.add(key)
                config.problems.append(problem)
        unjudged = [_moved(one, piece) for one in part.unjudged]
        config.unjudged += unjudged
        if unjudged and loads and piece.root is not None and not _OF_OTHERS & {one["section"] for one in unjudged}:
            rules = piece.kind == RULES
            place = partial(_placed, piece)
            config.parts.append(Part(piece.root, rules=rules, file=config.path, unjudged=unjudged, place=place))
        move(piece)
        if piece.kind == RULES:
            continue
        if first:
            config.document, first = part.document, False
        else:
            config.document.jobs += part.document.jobs
            config.document.alertmanagers += part.document.alertmanagers
    for remark in reading.remarks:
        if lint or not remark.rule.startswith("PG"):
            _remark(config, remark)
    config.form = reading.form
    for found, into in ((reading.unjudged, config.unjudged), (reading.others, config.others)):
        into += [{"section": name, "file": config.path, "line": at.line, "column": at.column} for name, at in found]
    if not reading.pieces and not reading.remarks and not reading.of_metrics:
        message = f"this is {reading.form}, and nothing in it configures what Prometheus scrapes"
        hint = "check the file that has the scrape jobs"
        config.problems.append(Problem(f"{message}: {hint}", file=config.path, position=Position(1, 1), rule="form"))


def _judge_rules(part: Configuration, piece: Piece) -> None:
    """Judge a piece as a rule file, unless its expressions are another program's, or have to be rendered."""
    decoder = Decoder(part.path, part.version)
    decoder.take(piece.source.text)
    part.unjudged, part.problems = decoder.unjudged, decoder.problems
    expressions = list(rule_documents.expressions(piece.root))
    of_loki = next((one for one in expressions if rule_documents.is_logql(one)), None)
    if of_loki is not None:
        not_judged(decoder, of_loki, _RULES_OF_LOKI)
        return
    unrendered = next((one for one in expressions if rule_documents.is_template(one)), None)
    found = unread.template(piece.source.text, _marked_lines(piece, unrendered)) if unrendered is not None else None
    if found is not None:
        part.problems.append(Problem(found.message, file=part.path, position=found.at, rule="form"))
        return
    try:
        if piece.root is not None and not is_null(piece.root):
            rule_checks.check_rules(decoder, piece.root)
    except SyntaxProblem as error:
        decoder.problems.append(Problem(str(error), file=part.path, position=error.position, rule="yaml"))
    except RecursionError:
        decoder.problems.append(Problem("the rules are nested too deeply", file=part.path, rule="yaml"))


def _marked_lines(piece: Piece, expression: Node) -> set[int]:
    """Return the lines of an expression, from 1, that have a mark of a template."""
    first, last = expression.start_mark.line, expression.end_mark.line
    lines = piece.source.text.split(b"\n")[first : last + 1]
    return {first + number for number, line in enumerate(lines, 1) if re.search(rb"\{\{|\$\{|<%", line)}


def _place(problem: Problem, piece: Piece) -> None:
    """Move a problem to its place in the file, and name the object; a text's own line is named with it."""
    problem.object = piece.name or None
    if problem.line is not None:
        at, problem.object = _placed(piece, Position(problem.line, problem.column or 1))
        if not piece.source.is_file:
            problem.line, problem.column = at


def _placed(piece: Piece, own: Position) -> tuple[Position, str | None]:
    if piece.source.is_file:
        return own, piece.name or None
    return piece.source.outer(own), f"{piece.name}, line {own.line}"


def _moved(unjudged: dict[str, Any], piece: Piece) -> dict[str, Any]:
    line, column = unjudged["line"], unjudged["column"]
    if not (isinstance(line, int) and isinstance(column, int)):
        return unjudged
    at = piece.source.outer(Position(line, column))
    return {**unjudged, "line": at.line, "column": at.column}


def _remark(config: Configuration, remark: Remark) -> None:
    problem = Problem(
        remark.message,
        file=config.path,
        position=remark.at,
        severity=remark.severity,
        rule=remark.rule,
        consequence=remark.consequence,
        fix=remark.fix,
    )
    problem.object = remark.name or None
    if not ignored(config, problem, None):
        config.problems.append(problem)
