"""The top level of a configuration, and what it says about Alertmanagers and remote storage.

Relabel rules, HTTP clients and static targets of those are judged with the same decoders as a job's; the rest of
those sections is read but not judged, so that nothing is refused that Prometheus would take.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pytest_pushgateway.golang.yaml_v2 import QUOTED, MappingNode, is_null
from pytest_pushgateway.prometheus.decode import discovery, http_client
from pytest_pushgateway.prometheus.decode import relabel_rules as relabel
from pytest_pushgateway.prometheus.decode.decoder import (
    BAD,
    Struct,
    a_list,
    boolean,
    duration,
    fields,
    label_set,
    mapping_only,
    nothing,
    remote_url,
    string,
    string_map,
    strings,
    struct,
    unsigned64,
)
from pytest_pushgateway.prometheus.decode.scrape_job import global_section, inherit, job
from pytest_pushgateway.prometheus.model import Global
from pytest_pushgateway.prometheus.values import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.prometheus.decode.decoder import Decoder, Fields, Table
    from pytest_pushgateway.prometheus.model import ScrapeJob

_GLOB = r"[^*]*(\*[^/]*)?\Z"
_jobs = a_list(job, "[]*config.ScrapeConfig")


def _api_version(decoder: Decoder, node: Node) -> Any:
    if is_null(node):
        return node.value if node.tag == QUOTED else ""
    text = string(decoder, node)
    known = ("v1", "v2") if decoder.version.startswith("2.") else ("v2",)
    if text is not BAD and text not in known:
        return decoder.report(
            f"expected Alertmanager api version to be one of [{' '.join(known)}] but got {text}", node
        )
    return text


_ALERTMANAGER: Table = {
    **http_client.FIELDS,
    **discovery.FIELDS,
    "sigv4": (mapping_only("sigv4.plain", "alerting.alertmanagers.sigv4"), "2.53"),
    "scheme": string,
    "path_prefix": string,
    "timeout": duration,
    "api_version": _api_version,
    "relabel_configs": relabel.rules,
    "alert_relabel_configs": (relabel.rules, "2.53"),
}


def _alertmanager(decoder: Decoder, node: Node) -> Any:
    if node.__class__ is not MappingNode and is_null(node):
        return nothing(decoder, node, "*config.AlertmanagerConfig")
    found = struct(decoder, node, _versioned("alertmanager", decoder.version), "config.AlertmanagerConfig")
    if found is BAD:
        return BAD
    static, others = discovery.collect(decoder, found)
    http_client.check_client(decoder, found)
    if (
        found.get("sigv4") is not None
        and not is_null(found["sigv4"])
        and http_client.count(*(found.get(name) is not None for name in ("basic_auth", "authorization", "oauth2")))
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


_ALERTING: Table = {
    "alert_relabel_configs": relabel.rules,
    "alertmanagers": a_list(_alertmanager, "config.AlertmanagerConfigs"),
}


def _alerting(decoder: Decoder, node: Node) -> Any:
    if node.__class__ is not MappingNode and is_null(node):
        return nothing(decoder, node, "config.AlertingConfig")
    found = struct(decoder, node, _versioned("alerting", decoder.version), "config.plain")
    if found is not BAD:
        relabel.check_rules(decoder, found, "alert_relabel_configs", "empty or null alert relabeling rule")
    return found


_REMOTE: Table = {
    **http_client.FIELDS,
    "url": remote_url,
    "remote_timeout": duration,
    "headers": string_map,
    "name": string,
}
_REMOTE_WRITE: Table = {
    **_REMOTE,
    "write_relabel_configs": relabel.rules,
    "send_exemplars": boolean,
    "send_native_histograms": boolean,
    "round_robin_dns": (boolean, "3.5"),
    "protobuf_message": (string, "3.5"),
    "queue_config": mapping_only("config.QueueConfig", "remote_write.queue_config"),
    "metadata_config": mapping_only("config.MetadataConfig", "remote_write.metadata_config"),
    "sigv4": mapping_only("sigv4.plain", "remote_write.sigv4"),
    "azuread": (mapping_only("azuread.plain", "remote_write.azuread"), "2.53"),
    "google_iam": (mapping_only("googleiam.Config", "remote_write.google_iam"), "3.5"),
}
_REMOTE_READ: Table = {
    **_REMOTE,
    "chunked_read_limit": (unsigned64, "3.5"),
    "read_recent": boolean,
    "required_matchers": label_set,
    "filter_external_labels": boolean,
}


def _remote(kind: str, go_type: str) -> Any:
    def decode(decoder: Decoder, node: Node) -> Any:
        if node.__class__ is not MappingNode and is_null(node):
            return nothing(decoder, node, f"*config.{go_type}")
        found = struct(decoder, node, _versioned(kind, decoder.version), "config.plain")
        if found is BAD:
            return BAD
        if found.get("url") is None and "url" not in found.bad:
            decoder.report(f"url for {kind} is empty", found.value_node("url"))
        relabel.check_rules(
            decoder, found, "write_relabel_configs", "empty or null relabeling rule in remote write config"
        )
        http_client.check_client(decoder, found)
        return found

    return decode


_TOP: Table = {
    "global": global_section,
    "runtime": (mapping_only("config.RuntimeConfig", "runtime"), "2.53"),
    "alerting": _alerting,
    "rule_files": strings,
    "scrape_config_files": (strings, "2.53"),
    "scrape_configs": _jobs,
    "storage": mapping_only("config.StorageConfig", "storage"),
    "tracing": mapping_only("config.plain", "tracing", "config.TracingConfig"),
    "remote_write": a_list(_remote("remote_write", "RemoteWriteConfig"), "[]*config.RemoteWriteConfig"),
    "remote_read": a_list(_remote("remote_read", "RemoteReadConfig"), "[]*config.RemoteReadConfig"),
    "otlp": (mapping_only("config.plain", "otlp", "config.OTLPConfig"), "3.5"),
}
_TABLES = {
    "alertmanager": _ALERTMANAGER,
    "alerting": _ALERTING,
    "remote_write": _REMOTE_WRITE,
    "remote_read": _REMOTE_READ,
    "top": _TOP,
}


@lru_cache(maxsize=32)
def _versioned(table: str, version: str) -> Fields:
    return fields(_TABLES[table], version)


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
    top = struct(decoder, root, _versioned("top", decoder.version), "config.plain")
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
    alerting = top.get("alerting")
    if alerting:
        items = alerting.get("alertmanagers") or ()
        if None in items:
            null = alerting.null_in("alertmanagers")
            decoder.report("empty or null Alertmanager section, on which Prometheus crashes", null, promtool=None)
        document.alertmanagers = [one for one in items if one is not None]
    return document


def finish_jobs(
    decoder: Decoder, jobs: list[ScrapeJob], common: Global, names: dict[str, str], place: str = ""
) -> None:
    """Let ``jobs``, read from ``place``, inherit from ``global``, and report names used twice.

    ``names`` says where each name was seen first, ``""`` for the same file.
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
