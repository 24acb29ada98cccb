"""Service discovery: static groups, files, HTTP and DNS are judged, the others only as far as they are lists."""

from __future__ import annotations

import re
from functools import lru_cache

from pytest_pushgateway.golang.yaml_v2 import MappingNode, ScalarNode, SequenceNode, is_null, string_value
from pytest_pushgateway.prometheus.decode import http_client
from pytest_pushgateway.prometheus.decode.decoder import (
    BAD,
    Struct,
    a_list,
    duration,
    fields,
    integer,
    label_set,
    list_only,
    nothing,
    string,
    strings,
    struct,
)
from pytest_pushgateway.prometheus.model import Discovery, TargetGroup
from pytest_pushgateway.prometheus.values import parse_url, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.prometheus.decode.decoder import Decoder, FieldDecoder, Fields, Table

_GROUP_TYPE = 'struct { Targets []string "yaml:\\"targets\\""; Labels model.LabelSet "yaml:\\"labels\\"" }'
_GROUP: Fields = {"targets": strings, "labels": label_set}
_FILE_NAME = r"[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)\Z"


def group(decoder: Decoder, node: Node) -> Any:
    """Decode one static target group; null is ``None``."""
    if node.__class__ is not MappingNode and is_null(node):
        return nothing(decoder, node, "*targetgroup.Group")
    found = struct(decoder, node, _GROUP, _GROUP_TYPE)
    if found is BAD or found.bad:
        return BAD
    result = TargetGroup()
    result.node = node
    result.targets = found.get("targets") or ()
    result.labels = found.get("labels") or {}
    return result


groups: FieldDecoder = a_list(group, "[]*targetgroup.Group")


def _judged(kind: str, table: Table, check: Callable[[Decoder, Struct], object]) -> FieldDecoder:
    @lru_cache(maxsize=4)
    def known(version: str) -> Fields:
        return fields(table, version)

    def one(decoder: Decoder, node: Node) -> Any:
        if node.__class__ is not MappingNode and is_null(node):
            return nothing(decoder, node, f"*{kind}.SDConfig")
        found = struct(decoder, node, known(decoder.version), f"{kind}.plain")
        if found is BAD:
            return BAD
        if not found.bad:
            check(decoder, found)
        return Discovery(kind=kind, settings=dict(found), node=node)

    return a_list(one, f"[]*{kind}.SDConfig")


def _check_file(decoder: Decoder, found: Struct) -> None:
    names = found.get("files") or ()
    if not names:
        decoder.report("file service discovery config must contain at least one path name", found.value_node("files"))
    for name, node in zip(names, found.value_node("files").value, strict=False):
        if not re.match(_FILE_NAME, name, re.DOTALL):
            decoder.report(f"path name {quote(name)} is not valid for file discovery", node)


def _check_http(decoder: Decoder, found: Struct) -> None:
    address = found.get("url") or ""
    node = found.value_node("url")
    try:
        scheme, host = parse_url(address)
    except ValueError as error:
        decoder.report(str(error), node)
        return
    if not address:
        decoder.report("URL is missing", node)
    elif scheme not in ("http", "https"):
        decoder.report("URL scheme must be 'http' or 'https'", node)
    elif not host:
        decoder.report("host is missing in URL", node)
    else:
        http_client.check_client(decoder, found)


def _check_dns(decoder: Decoder, found: Struct) -> None:
    kind = found.get("type", "SRV")
    if not found.get("names"):
        decoder.report("DNS-SD config must contain at least one SRV record name", found.value_node("names"))
    elif kind.upper() not in ("SRV", "A", "AAAA", "MX", "NS") or (kind.upper() == "NS" and decoder.version == "2.42"):
        decoder.report(f"invalid DNS-SD records type {kind}", found.value_node("type"))
    elif kind.upper() != "SRV" and not found.get("port"):
        decoder.report("a port is required in DNS-SD configs for all record types except SRV", found.value_node("type"))


_OTHERS = {
    "azure": "azure",
    "consul": "consul",
    "digitalocean": "digitalocean",
    "docker": "moby.Docker",
    "dockerswarm": "moby.DockerSwarm",
    "ec2": "aws.EC2",
    "eureka": "eureka",
    "gce": "gce",
    "hetzner": "hetzner",
    "ionos": "ionos",
    "kubernetes": "kubernetes",
    "kuma": "xds.Kuma",
    "lightsail": "aws.Lightsail",
    "linode": "linode",
    "marathon": "marathon",
    "nerve": "zookeeper.Nerve",
    "nomad": "nomad",
    "openstack": "openstack",
    "ovhcloud": "ovhcloud",
    "puppetdb": "puppetdb",
    "scaleway": "scaleway",
    "serverset": "zookeeper.Serverset",
    "triton": "triton",
    "uyuni": "uyuni",
    "vultr": "vultr",
}
_SINCE = {"ovhcloud": "2.53", "stackit": "3.5"}

FIELDS: Table = {
    "static_configs": groups,
    "file_sd_configs": _judged("file", {"files": strings, "refresh_interval": duration}, _check_file),
    "http_sd_configs": _judged(
        "http", {**http_client.FIELDS, "url": string, "refresh_interval": duration}, _check_http
    ),
    "dns_sd_configs": _judged(
        "dns", {"names": strings, "refresh_interval": duration, "type": string, "port": integer}, _check_dns
    ),
    **{
        f"{kind}_sd_configs": (
            list_only(f"{go}SDConfig" if "." in go else f"{go}.SDConfig", f"{kind}_sd_configs"),
            _SINCE.get(kind, "2.42"),
        )
        for kind, go in _OTHERS.items()
    },
    "stackit_sd_configs": (list_only("stackit.SDConfig", "stackit_sd_configs"), "3.5"),
}
"""Every key that discovers targets, inline in a scrape job and in an Alertmanager."""


def collect(decoder: Decoder, found: Struct) -> tuple[list[TargetGroup], list[Discovery]]:
    """Return the static groups, numbered, and the other discoveries of a job; report null items."""
    static: list[TargetGroup] = []
    others: list[Discovery] = []
    for key in found:
        if key not in FIELDS:
            continue
        items = found[key] or ()
        if None in items:
            node = found.null_in(key)
            decoder.report(f"empty or null section in {key}", node)
        for item in items:
            if isinstance(item, TargetGroup):
                item.source = str(len(static))
                static.append(item)
            elif isinstance(item, Discovery):
                others.append(item)
            elif item is not None:
                others.append(Discovery(kind=key[: -len("_sd_configs")], settings=plain(item), node=item))
    return static, others


def plain(node: Node, depth: int = 0) -> Any:
    """Return the section of an unjudged discovery as dicts, lists and strings, to a harmless depth."""
    if node.__class__ is ScalarNode:
        return string_value(node)
    if depth > 8:
        return None
    if node.__class__ is SequenceNode:
        return [plain(item, depth + 1) for item in node.value[:1000]]
    return {str(key.value): plain(value, depth + 1) for key, value in node.value[:1000]}


def check_addresses(decoder: Decoder, found: list[TargetGroup]) -> None:
    """Report static targets that are URLs: what Prometheus checks at once where no rule could mend them."""
    for one in found:
        for target, node in zip(one.targets, one._value("targets"), strict=False):
            if "/" in target:
                decoder.report(f"{quote(target)} is not a valid hostname", node, **address_hint(target))


def address_hint(target: str) -> dict[str, str]:
    """Say where the parts of a URL belong that was written as a target."""
    found = re.match(r"(?:(https?)://)?([^/]*)(/.*)?\Z", target, re.IGNORECASE)
    if not found or not found[2]:
        return {}
    parts = [f"targets: [{found[2]!r}]"]
    if found[1]:
        parts.append(f"scheme: {found[1].lower()}")
    if found[3] and found[3] != "/":
        parts.append(f"metrics_path: {found[3]}")
    return {"hint": f"write {', '.join(parts)}", "hint_rule": "PG020"}
