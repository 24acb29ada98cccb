"""A promtool unit test to keep: the timeline as input series, the questions with their answers as expectations."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.prometheus.rules.promtool import Firing, Vector, eval_time
from pytest_pushgateway.prometheus.scrape.ingest import selector
from pytest_pushgateway.prometheus.values import format_duration

if TYPE_CHECKING:
    from pytest_pushgateway.prometheus.rules.rule_files import RuleFile


def write_unit_test(
    path: str,
    group: dict[str, Any],
    rule_files: Sequence[RuleFile],
    evaluation_interval: float,
    answers: Iterable[tuple[Vector | Firing, Any]],
) -> list[str]:
    """Write the test file, and beside it the rule files that had to be changed; return all paths."""
    import yaml

    directory = os.path.dirname(path)
    stem = os.path.basename(path).partition(".")[0]
    written = [path]
    names = []
    for number, one in enumerate(rule_files, 1):
        if one.moved == one.text:
            names.append(os.path.relpath(one.path, directory or "."))
            continue
        names.append(f"{stem}.rules-{number}.yml")
        copy = os.path.join(directory, names[-1])
        with open(copy, "w", encoding="utf-8") as opened:
            opened.write(
                f"# A copy of {os.path.basename(one.path)} for a unit test that begins at time 0.\n{one.moved}"
            )
        written.append(copy)
    tests = dict(group)
    for question, answer in answers:
        if isinstance(question, Vector):
            tests.setdefault("promql_expr_test", []).append(_vector(question, answer))
        else:
            tests.setdefault("alert_rule_test", []).append(_firing(question, answer))
    document = {
        "rule_files": names,
        "evaluation_interval": format_duration(evaluation_interval),
        "tests": [tests],
    }
    with open(path, "w", encoding="utf-8") as opened:
        yaml.safe_dump(document, opened, sort_keys=False, allow_unicode=True, width=120)
    return written


def _vector(question: Vector, answer: list[tuple[dict[str, str], float]]) -> dict[str, Any]:
    test: dict[str, Any] = {"expr": question.expression, "eval_time": eval_time(question.at)}
    if answer:
        test["exp_samples"] = [{"labels": selector(tuple(labels.items())), "value": value} for labels, value in answer]
    return test


def _firing(question: Firing, answer: list[tuple[dict[str, str], dict[str, str]]]) -> dict[str, Any]:
    test: dict[str, Any] = {"eval_time": eval_time(question.at), "alertname": question.name}
    if answer:
        test["exp_alerts"] = []
        for labels, annotations in answer:
            rest = {name: value for name, value in labels.items() if name != "alertname"}
            alert: dict[str, Any] = {"exp_labels": rest}
            if annotations:
                alert["exp_annotations"] = annotations
            test["exp_alerts"].append(alert)
    return test
