"""Rules about relabel rules that do not do what they look like."""

from __future__ import annotations

import re

from pytest_pushgateway.golang.regexp import BadRegexp, Unjudged, matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_pushgateway.golang.position import Position
    from pytest_pushgateway.prometheus.lint.context import Context, Finding
    from pytest_pushgateway.prometheus.lint.detection import Detected
    from pytest_pushgateway.prometheus.model import RelabelRule, ScrapeJob


def temporary_labels_stay(context: Context, one: Detected) -> Iterator[Finding]:
    """PG022: what metric relabelling writes into ``__tmp`` is stored, unlike in target relabelling."""
    rules = list(one.job.metric_relabel_configs)
    for number, rule in enumerate(rules):
        name = rule.target_label
        if rule.action in ("keep", "drop", "labeldrop", "labelkeep", "keepequal", "dropequal") or "$" in name:
            continue
        if not name.startswith("__") or name == "__name__" or rule.replacement == "":
            continue
        if any(_removes(later, name, one.job.version) for later in rules[number + 1 :]):
            continue
        yield context.find(
            "PG022",
            "warning",
            f"metric relabelling writes {name} and leaves it there",
            rule.position("target_label"),
            one.job,
            consequence=f"{name} is stored with every series: only labels of targets lose their '__' names",
            fix=f"end metric_relabel_configs with {{action: labeldrop, regex: {name}}}",
        )


def _removes(rule: RelabelRule, name: str, version: str) -> bool:
    if rule.action == "replace" and rule.target_label == name:
        return rule.replacement == ""
    try:
        if rule.action in ("labeldrop", "labelkeep"):
            return matches(rule.regex, name, version) == (rule.action == "labeldrop")
    except (BadRegexp, Unjudged):
        return True
    return False


def rules_without_effect(context: Context, one: Detected) -> Iterator[Finding]:
    """PG023: rules that never match, fields that are ignored, and ``$1x``, which names another group."""
    job = one.job
    for rule in (*job.relabel_configs, *job.metric_relabel_configs):
        yield from _never_matches(context, job, rule)
        if rule.target_label and rule.action in ("keep", "drop", "labelmap"):
            yield context.find(
                "PG023",
                "warning",
                f"target_label is ignored by {rule.action}",
                rule.position("target_label"),
                job,
                consequence=f"{rule.target_label} is not changed",
                fix="remove it, or write the rule that was meant",
            )
        yield from _lost_groups(context, job, rule)


def _never_matches(context: Context, job: ScrapeJob, rule: RelabelRule) -> Iterator[Finding]:
    if rule.action not in ("keep", "drop") or rule.source_labels:
        return
    try:
        if matches(rule.regex, "", job.version):
            return
    except (BadRegexp, Unjudged):
        return
    what = "targets" if rule in job.relabel_configs else "series"
    consequence = f"it drops all {what}" if rule.action == "keep" else "it drops nothing"
    yield context.find(
        "PG023",
        "warning",
        f"{rule.action} {rule.regex!r} has no source_labels, and matches nothing",
        rule.position("regex") or rule.position(),
        job,
        consequence=consequence,
        fix="list the labels to match in source_labels",
    )


def _lost_groups(context: Context, job: ScrapeJob, rule: RelabelRule) -> Iterator[Finding]:
    if rule.action not in ("replace", "labelmap"):
        return
    for key in ("replacement", "target_label"):
        text: str = getattr(rule, key)
        for found in re.finditer(r"(?<!\$)(?:\$\$)*\$(\d+)([A-Za-z_]\w*)", text):
            yield context.find(
                "PG023",
                "warning",
                f"${found[1]}{found[2]} in {key} refers to a group named '{found[1]}{found[2]}', which does not exist",
                rule.position(key),
                job,
                consequence="it is replaced with nothing",
                fix=f"${{{found[1]}}}{found[2]}",
            )


_INTERNAL = ("__address__", "__metrics_path__", "__scheme__", "__scrape_interval__", "__scrape_timeout__", "__name__")
_FREE = ("__meta_", "__param_", "__tmp", "__alerts_path__")


def misspelt_internal_labels(context: Context, one: Detected) -> Iterator[Finding]:
    """PG025: ``_address_`` and its like are labels as any other."""
    job = one.job
    for name, at in _label_names(job):
        meant = _meant(name)
        if meant:
            yield context.find(
                "PG025",
                "warning",
                f"{name} means nothing to Prometheus; did you mean {meant}?",
                at,
                job,
                consequence=f"{meant} is neither read nor set",
                fix=meant,
            )


def _label_names(job: ScrapeJob) -> Iterator[tuple[str, Position | None]]:
    for group in job.static_configs:
        for name in group.labels:
            yield name, group.label_positions[name][0]
    for rule in (*job.relabel_configs, *job.metric_relabel_configs):
        for name in rule.source_labels:
            yield name, rule.position("source_labels")
        if rule.target_label:
            yield rule.target_label, rule.position("target_label")


def _meant(name: str) -> str | None:
    if name in _INTERNAL or name.startswith(_FREE) or not name.startswith("_"):
        return None
    bare = name.strip("_")
    for known in _INTERNAL:
        if known.strip("_") == bare:
            return known
    if len(bare) < 6:
        return None
    from difflib import get_close_matches

    close = get_close_matches(bare, [known.strip("_") for known in _INTERNAL], n=1, cutoff=0.8)
    return f"__{close[0]}__" if close else None


RULES = (temporary_labels_stay, rules_without_effect, misspelt_internal_labels)
