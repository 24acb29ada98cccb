"""Advice on configurations that promtool accepts and a gateway's user regrets: rules PG001 ...

A rule is a generator of problems, in the module of its subject and in that module's ``RULES``. Rules run on jobs that
are surely or likely a gateway's (``detection``), whatever the set; what is reported of it is decided here.
"""

from __future__ import annotations

import re

from pytest_pushgateway.later import later
from pytest_pushgateway.prometheus.lint.comments import ignored
from pytest_pushgateway.prometheus.lint.context import Context
from pytest_pushgateway.prometheus.lint.detection import PERHAPS, detect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from os import PathLike

    from pytest_pushgateway.prometheus.configuration import Configuration

    # Imported when a job is a gateway's: most files of a repository have none.
    from pytest_pushgateway.prometheus.lint import alerts, labels, operator, relabelling, settings, transport
    from pytest_pushgateway.prometheus.lint.context import Finding
    from pytest_pushgateway.prometheus.lint.detection import Detected
    from pytest_pushgateway.prometheus.problems import Problem
else:
    alerts = later("pytest_pushgateway.prometheus.lint.alerts")
    labels = later("pytest_pushgateway.prometheus.lint.labels")
    operator = later("pytest_pushgateway.prometheus.lint.operator")
    relabelling = later("pytest_pushgateway.prometheus.lint.relabelling")
    settings = later("pytest_pushgateway.prometheus.lint.settings")
    transport = later("pytest_pushgateway.prometheus.lint.transport")


def check(
    config: Configuration,
    lint: str,
    gateways: Sequence[object] = (),
    rules: Iterable[str | PathLike[str]] = (),
    metrics: bytes | None = None,
) -> list[Problem]:
    """Return what the rules of the set ``lint`` (``default`` or ``strict``) find.

    ``metrics`` is what the gateway exposes; a ``Pushgateway`` among ``gateways`` has them itself. ``rules`` are rule
    files, or patterns of them.
    """
    detected = detect(config, gateways)
    strict = lint == "strict"
    if not detected and not strict:
        return []
    context = Context(config, detected, gateways, metrics)
    found: list[Finding] = []
    for one in detected:
        if one.level == PERHAPS:
            found += settings.perhaps(context, one)
            continue
        if one.job.monitor is not None:
            found += _of_monitor(context, one)
            continue
        for module in (labels, transport, relabelling, settings):
            for rule in module.RULES:
                found += rule(context, one)
    if context.gateway_jobs:
        found += labels.same_gateway_twice(context)
    if strict and not any(one.job.monitor for one in detected):
        found += settings.whole_file(context)
        found += alerts.check(context, rules)
    return [one.problem for one in found if (strict or not one.strict) and not ignored(config, one.problem, one.job)]


def _of_monitor(context: Context, one: Detected) -> list[Finding]:
    """Return what the rules find that make sense for a job of the Operator's, in the Operator's names."""
    names = one.job.monitor.names if one.job.monitor is not None else {}
    rules = (
        *operator.RULES,
        labels.identity_dropped,
        labels.push_times_dropped,
        relabelling.temporary_labels_stay,
        settings.interval,
        settings.neutral_timestamps,
        settings.limits,
    )
    found = [finding for rule in rules for finding in rule(context, one)]
    pattern = re.compile("|".join(rf"\b{name}\b" for name in names))
    for finding in found:
        problem = finding.problem
        if problem.rule != "PG027":
            problem.message = pattern.sub(lambda match: names[match[0]], problem.message)
            problem.fix = problem.fix and pattern.sub(lambda match: names[match[0]], problem.fix)
    return found
