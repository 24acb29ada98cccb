"""Service discovery: static groups, and every other kind by the table of fields."""

from __future__ import annotations

import re
from functools import lru_cache

from pytest_pushgateway.golang.yaml_v2 import MappingNode, ScalarNode, SequenceNode, is_null, string_value
from pytest_pushgateway.prometheus.decode.decoder import BAD, Fields, a_list, label_set, nothing, strings, struct
from pytest_pushgateway.prometheus.decode.fields.structs import decoder_of
from pytest_pushgateway.prometheus.decode.fields.table import discoveries
from pytest_pushgateway.prometheus.model import Discovery, TargetGroup
from pytest_pushgateway.prometheus.values import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.prometheus.decode.decoder import Decoder, FieldDecoder, Struct

_GROUP_TYPE = 'struct { Targets []string "yaml:\\"targets\\""; Labels model.LabelSet "yaml:\\"labels\\"" }'
_GROUP = Fields(targets=strings, labels=label_set)


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


def _discovery(kind: str, name: str, version: str) -> FieldDecoder:
    """Return what decodes ``<kind>_sd_configs``, whose struct is ``name``."""
    decode = decoder_of(f"*{name}", version)
    typed = kind in ("file", "http", "dns")

    def one(decoder: Decoder, node: Node) -> Any:
        found = decode(decoder, node)
        if found is BAD or found is None:
            return found
        return Discovery(kind=kind, settings=dict(found) if typed else plain(node), node=node)

    return a_list(one, f"[]*{name}")


@lru_cache(maxsize=4)
def fields(version: str) -> Fields:
    """Return every key that discovers targets, inline in a scrape job and in an Alertmanager."""
    known, others = discoveries(version)
    result = Fields(static_configs=groups)
    for key, name in known.items():
        result[key] = _discovery(key.removesuffix("_sd_configs"), name, version)
    result.others = others
    return result


def collect(decoder: Decoder, found: Struct) -> tuple[list[TargetGroup], list[Discovery]]:
    """Return the static groups, numbered, and the other discoveries of a job; report null items."""
    static: list[TargetGroup] = []
    others: list[Discovery] = []
    for key in found:
        if key not in fields(decoder.version):
            continue
        items = found[key] or ()
        if None in items:
            node = found.null_in(key)
            decoder.report(f"empty or null section in {key}", node)
        for item in items:
            if isinstance(item, TargetGroup):
                item.source = str(len(static))
                static.append(item)
            elif item is not None:
                others.append(item)
    return static, others


def plain(node: Node, depth: int = 0) -> Any:
    """Return the section of a discovery as dicts, lists and strings, to a harmless depth."""
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
