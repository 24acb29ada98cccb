"""Rules about alerts, for the rule files that are given with ``--rules``."""

from __future__ import annotations

import os
import re

from pytest_pushgateway.golang.yaml_v2 import SyntaxProblem, position
from pytest_pushgateway.prometheus.decode import rule_documents
from pytest_pushgateway.prometheus.decode.referenced_files import glob, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from os import PathLike

    from pytest_pushgateway.golang.position import Position
    from pytest_pushgateway.prometheus.lint.context import Context, Finding

_WANTED = (
    (re.compile(r"push_time_seconds"), "the age of the last push (time() - push_time_seconds > ...)"),
    (re.compile(r"push_failure_time_seconds"), "failed pushes (push_failure_time_seconds > push_time_seconds)"),
    (re.compile(r"\bup\b|\babsent"), "a gateway that is gone (up == 0, absent(up{...}))"),
)
_OWN = re.compile(
    r"(?:up|scrape_\w+|go_\w+|process_\w+|promhttp_\w+|pushgateway_\w+|ALERTS\w*|push_(?:failure_)?time_seconds)\Z"
)
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)?\{([^{}]*)\}")


def check(context: Context, rules: Iterable[str | PathLike[str]]) -> Iterator[Finding]:
    """PG029 and PG030, where rule files were given and there is a gateway job."""
    files = list(_files(rules))
    if not files or not context.gateway_jobs:
        return
    refused = {(one.file, one.line, one.column) for one in context.config.problems if one.severity == "error"}
    expressions = [(path, at, text) for path in files for at, text in _expressions(path) if (path, *at) not in refused]
    for pattern, what in _WANTED:
        if not any(pattern.search(text) for _, _, text in expressions):
            yield context.find(
                "PG029",
                "note",
                f"no rule asks for {what}",
                context.gateway_jobs[0].position(),
                context.gateway_jobs[0],
                consequence="nobody is told",
                fix="add an alert",
                strict=True,
            )
    yield from _never_matching(context, expressions)


def _never_matching(context: Context, expressions: list[tuple[str, Position, str]]) -> Iterator[Finding]:
    honoring = all(job.honor_labels for job in context.gateway_jobs)
    names = {job.job_name for job in context.gateway_jobs}
    for path, at, text in expressions:
        if honoring and re.search(r"\bexported_(?:job|instance)\b", text):
            yield context.find(
                "PG030",
                "note",
                "exported_job and exported_instance are not there: the gateway's job has honor_labels: true",
                at,
                file=path,
                consequence="the expression finds nothing",
                fix="use job and instance",
                strict=True,
            )
        for metric, matchers in _SELECTOR.findall(text):
            job = re.search(r'(?<!\w)job\s*=\s*"([^"]*)"', matchers)
            if honoring and metric and not _OWN.match(metric) and job and job[1] in names:
                yield context.find(
                    "PG030",
                    "note",
                    f"{metric}{{job=\"{job[1]}\"}}: pushed metrics have the pusher's job, not the scrape job's",
                    at,
                    file=path,
                    consequence="the expression finds nothing",
                    fix="name the job that pushes",
                    strict=True,
                )


def _files(rules: Iterable[str | PathLike[str]]) -> Iterator[str]:
    for one in rules:
        path = os.fspath(one)
        yield from glob(path)


def _expressions(path: str) -> Iterator[tuple[Position, str]]:
    try:
        documents = rule_documents.in_text(read(path), objects=True)
    except (OSError, SyntaxProblem):
        return
    for _, root in documents:
        for expression in rule_documents.expressions(root):
            yield position(expression), str(expression.value)
