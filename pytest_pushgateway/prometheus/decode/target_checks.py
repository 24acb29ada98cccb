"""Static targets through relabelling, as ``promtool check config`` runs them.

Imported only where relabelling may change the verdict.
"""

from __future__ import annotations

from pytest_pushgateway.golang.regexp import BadRegexp, Unjudged, matches
from pytest_pushgateway.prometheus.scrape.relabel import LabelBuilder, Relabeler
from pytest_pushgateway.prometheus.scrape.targets import HISTOGRAM_LABELS, Target, discovered_labels
from pytest_pushgateway.prometheus.values import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.prometheus.decode.decoder import Struct
    from pytest_pushgateway.prometheus.model import RelabelRule, ScrapeJob, TargetGroup

_VITAL = ("__address__", "__scrape_interval__", "__scrape_timeout__", "__scheme__")


def target_errors(job: ScrapeJob, groups: Iterable[TargetGroup]) -> list[tuple[str, Node]]:
    """Return Prometheus's error for the first bad target of each group, with the target's node."""
    found: list[tuple[str, Node]] = []
    rules_matter = any(_may_change(rule, job.version) for rule in job.relabel_configs)
    rules_matter |= job.version.startswith("2.") and job.scheme not in ("http", "https", "")
    for group in groups:
        plain = not any(name.startswith("__") for name in group.labels)
        if plain and not rules_matter and all(target and "/" not in target for target in group.targets):
            continue
        nodes = group._value("targets")
        for index, target in enumerate(group.targets):
            error = _error(job, target, group)
            if error:
                node = nodes[index] if index < len(nodes) else group.node
                found.append((f"instance {index} in group {group.source}: {error}", node))
                break
    return found


def _may_change(rule: RelabelRule, version: str) -> bool:
    """Return whether a rule may change what makes a target valid. Dropping a target never makes it invalid."""
    if rule.action in ("keep", "drop", "keepequal", "dropequal"):
        return False
    try:
        if rule.action == "labeldrop":
            return any(matches(rule.regex, name, version) for name in _VITAL)
        if rule.action == "labelkeep":
            return not all(matches(rule.regex, name, version) for name in _VITAL)
    except (BadRegexp, Unjudged):
        return False
    if rule.action == "labelmap" or "$" in rule.target_label:
        return True
    return rule.target_label in _VITAL or rule.target_label in HISTOGRAM_LABELS


def _error(job: ScrapeJob, target: str, group: TargetGroup) -> str:
    try:
        relabeler = Relabeler.of(job, job.relabel_configs)
    except (BadRegexp, Unjudged):
        return ""
    labels = discovered_labels(job, {"__address__": target}, group.labels, version=job.version)
    return Target(job, labels, relabeler, version=job.version).error


def alertmanager_errors(found: Struct, groups: Iterable[TargetGroup], version: str) -> list[tuple[str, Node]]:
    """Return Prometheus's error for the first bad Alertmanager of each group, with its node."""
    errors: list[tuple[str, Node]] = []
    try:
        relabeler = Relabeler(found["rules"], prometheus_version=version)
    except (BadRegexp, Unjudged):
        return errors
    path = f"/{(found.get('path_prefix') or '').strip('/')}/api/{found.get('api_version') or 'v2'}/alerts"
    for group in groups:
        for target, node in zip(group.targets, group._value("targets"), strict=False):
            labels = {
                **group.labels,
                "__address__": target,
                "__scheme__": found.get("scheme") or "http",
                "__alerts_path__": path.replace("//", "/"),
            }
            builder = LabelBuilder(labels.items())
            if relabeler.process(builder) and "/" in builder.get("__address__"):
                errors.append((f"{quote(builder.get('__address__'))} is not a valid hostname", node))
                break
    return errors
