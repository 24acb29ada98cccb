"""The top level of a configuration: conditions between sections, and Alertmanagers."""

from __future__ import annotations

import re
from functools import lru_cache

from pytest_pushgateway.golang.yaml_v2 import MappingNode, is_null
from pytest_pushgateway.prometheus.decode import discovery
from pytest_pushgateway.prometheus.decode import relabel_rules as relabel
from pytest_pushgateway.prometheus.decode.decoder import BAD, Struct, a_list, nothing, struct
from pytest_pushgateway.prometheus.decode.fields.enumerations import has, unknown_value
from pytest_pushgateway.prometheus.decode.fields.http_checks import check_client
from pytest_pushgateway.prometheus.decode.fields.structs import fields_of
from pytest_pushgateway.prometheus.decode.scrape_job import global_section, inherit, job
from pytest_pushgateway.prometheus.model import Global
from pytest_pushgateway.prometheus.values import quote, reaches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.prometheus.decode.decoder import Decoder, Fields
    from pytest_pushgateway.prometheus.model import RelabelRule, ScrapeJob

_GLOB = r"[^*]*(\*[^/]*)?\Z"


@lru_cache(maxsize=4)
def _alertmanager_fields(version: str) -> Fields:
    return fields_of("config.AlertmanagerConfig", version).joined(discovery.fields(version))


def _alertmanager(decoder: Decoder, node: Node) -> Any:
    if node.__class__ is not MappingNode and is_null(node):
        return nothing(decoder, node, "*config.AlertmanagerConfig")
    found = struct(decoder, node, _alertmanager_fields(decoder.version), "config.AlertmanagerConfig")
    if found is BAD:
        return BAD
    static, others = discovery.collect(decoder, found)
    check_client(decoder, found)
    if found.get("sigv4") is not None and any(
        found.get(name) is not None for name in ("basic_auth", "authorization", "oauth2")
    ):
        decoder.report(
            "at most one of basic_auth, authorization, oauth2, & sigv4 must be configured", found.value_node("sigv4")
        )
    if not found.get("relabel_configs") and "relabel_configs" not in found.bad:
        discovery.check_addresses(decoder, static)
    found["rules"] = relabel.check_rules(
        decoder, found, "relabel_configs", "empty or null Alertmanager target relabeling rule"
    )
    relabel.check_rules(decoder, found, "alert_relabel_configs", "empty or null Alertmanager alert relabeling rule")
    found["static"], found["others"] = static, others
    return found


@lru_cache(maxsize=4)
def _alerting_fields(version: str) -> Fields:
    alertmanagers = a_list(_alertmanager, "config.AlertmanagerConfigs")
    return fields_of("config.AlertingConfig", version).replaced(alertmanagers=alertmanagers)


def _alerting(decoder: Decoder, node: Node) -> Any:
    if node.__class__ is not MappingNode and is_null(node):
        return nothing(decoder, node, "config.AlertingConfig")
    found = struct(decoder, node, _alerting_fields(decoder.version), "config.plain")
    if found is not BAD:
        relabel.check_rules(decoder, found, "alert_relabel_configs", "empty or null alert relabeling rule")
    return found


@lru_cache(maxsize=4)
def _top_fields(version: str) -> Fields:
    own = {"global": global_section, "alerting": _alerting, "scrape_configs": a_list(job, "[]*config.ScrapeConfig")}
    return fields_of("config.Config", version).replaced(**own)


class Document:
    """The decoded main file."""

    def __init__(self) -> None:
        self.common: Global = Global()
        self.jobs: list[ScrapeJob] = []
        self.top: Struct | None = None
        self.alertmanagers: list[Struct] = []

    def strings_of(self, key: str) -> list[tuple[str, Node]]:
        """Return the items of a top-level list of strings with their nodes."""
        if self.top is None or not self.top.get(key):
            return []
        return list(zip(self.top[key], self.top.value_node(key).value, strict=False))


def decode_document(decoder: Decoder, root: Node | None) -> Document:
    """Decode a whole configuration; an empty one is valid."""
    document = Document()
    if root is None or is_null(root):
        return document
    top = struct(decoder, root, _top_fields(decoder.version), "config.plain")
    if top is BAD:
        return document
    document.top = top
    if top.get("global") is not None:
        document.common = top["global"]
    for key, what in (("rule_files", "rule"), ("scrape_config_files", "scrape config")):
        for path, node in document.strings_of(key):
            if not re.match(_GLOB, path):
                decoder.report(f"invalid {what} file path {quote(path)}", node)
    items = top.get("scrape_configs") or ()
    if None in items:
        null = top.null_in("scrape_configs")
        decoder.report("empty or null scrape config section", null)
    document.jobs = [item for item in items if item is not None]
    finish_jobs(decoder, document.jobs, document.common, {})
    for kind in ("remote_write", "remote_read"):
        _check_remote(decoder, top, kind)
    if reaches(decoder.version, "3.7") and document.common.metric_name_validation_scheme == "legacy":
        relabel.check_legacy(decoder, _other_rules(top))
    alerting = top.get("alerting")
    if alerting:
        items = alerting.get("alertmanagers") or ()
        if None in items:
            null = alerting.null_in("alertmanagers")
            decoder.report("empty or null Alertmanager section, on which Prometheus crashes", null, promtool=None)
        document.alertmanagers = [one for one in items if one is not None]
    _check_strategy(decoder, top.get("otlp"), document.common)
    return document


def _other_rules(top: Struct) -> Iterator[RelabelRule]:
    """Return the relabel rules of alerting and of remote storage."""
    alerting = top.get("alerting") or {}
    sections = [alerting, *(alerting.get("alertmanagers") or ()), *(top.get("remote_write") or ())]
    for section in sections:
        for key in ("alert_relabel_configs", "relabel_configs", "write_relabel_configs"):
            yield from (rule for rule in (section or {}).get(key) or () if rule is not None)


_STRATEGIES = {
    "": "",
    "UnderscoreEscapingWithSuffixes": "",
    "NoUTF8EscapingWithSuffixes": "",
    "NoTranslation": "3.4",
    "UnderscoreEscapingWithoutSuffixes": "3.6",
}


def _check_strategy(decoder: Decoder, otlp: Struct | None, common: Global) -> None:
    """Check the translation of OTLP's names, which Prometheus does after everything else."""
    text = otlp.get("translation_strategy") if otlp is not None else None
    if otlp is None or text is None:
        return
    node = otlp.value_node("translation_strategy")
    if not has(_STRATEGIES, text, decoder.version):
        unknown_value(decoder, node, text, _STRATEGIES, f"unsupported OTLP translation strategy {quote(text)}")
    elif text.startswith("No") and common.metric_name_validation_scheme == "legacy":
        decoder.report(f"OTLP translation strategy {quote(text)} is not allowed when UTF8 is disabled", node)


def finish_jobs(
    decoder: Decoder, jobs: list[ScrapeJob], common: Global, names: dict[str, str], place: str = ""
) -> None:
    """Let ``jobs``, read from ``place``, inherit from ``global``, and report names used twice.

    ``names`` has the file in which each name was seen first, ``""`` for the same file.
    """
    for one in jobs:
        inherit(decoder, one, common)
        if one.job_name in names:
            decoder.job = one.job_name
            first = names[one.job_name]
            ending = f", first found in {first}" if first else ""
            decoder.report(
                f"found multiple scrape configs with job name {quote(one.job_name)}{ending}",
                one.found.value_node("job_name"),
            )
            decoder.job = None
        elif one.job_name:
            names[one.job_name] = place


def _check_remote(decoder: Decoder, top: Struct, kind: str) -> None:
    items = top.get(kind) or ()
    label = kind.replace("_", " ")
    if None in items:
        null = top.null_in(kind)
        decoder.report(f"empty or null {label} config section", null)
    names = set()
    for item in items:
        name = item.get("name") if item is not None else None
        if name and name in names:
            decoder.report(f"found multiple {label} configs with job name {quote(name)}", item.value_node("name"))
        names.add(name)
