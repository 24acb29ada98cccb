"""The fields of every section of a configuration, by release: one decoder for all of them, made from a table.

``table.py`` knows the fields and their Go types. The decoders of types are here; ``discovery_checks.py`` and
``section_checks.py`` have the conditions.
"""

from __future__ import annotations

from functools import lru_cache

from pytest_pushgateway.golang.yaml_v2 import MappingNode, ScalarNode, is_null, resolve
from pytest_pushgateway.prometheus.decode import relabel_rules
from pytest_pushgateway.prometheus.decode.decoder import (
    BAD,
    Fields,
    a_list,
    a_map,
    a_string,
    any_map,
    boolean,
    duration,
    external_labels,
    floating,
    integer,
    integer64,
    label_set,
    nothing,
    remote_url,
    secret,
    size,
    string,
    string_map,
    strings,
    struct,
    unsigned,
    unsigned64,
    url,
)
from pytest_pushgateway.prometheus.decode.fields.discovery_checks import DISCOVERY_CHECKS
from pytest_pushgateway.prometheus.decode.fields.enumerations import ENUMERATIONS
from pytest_pushgateway.prometheus.decode.fields.section_checks import SECTION_CHECKS
from pytest_pushgateway.prometheus.decode.fields.table import HTTP_CLIENT, at, life, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.prometheus.decode.decoder import Decoder, FieldDecoder

_proxy_header = a_map(string, a_list(secret, "[]config.Secret"), "config.ProxyHeader")


def _headers(decoder: Decoder, node: Node) -> Any:
    if node.__class__ is ScalarNode and resolve(node)[1] is None:
        return None
    one = _struct("config.Header", "config.Header", decoder.version)
    return a_map(string, one, "config.Headers", "*config.Headers")(decoder, node)


_TYPES: dict[str, FieldDecoder] = {
    "string": string,
    "bool": boolean,
    "*bool": boolean,
    "int": integer,
    "int64": integer64,
    "uint": unsigned,
    "uint64": unsigned64,
    "float64": floating,
    "[]string": strings,
    "map[string]string": string_map,
    "map[string]any": any_map,
    "model.Duration": duration,
    "model.LabelSet": label_set,
    "units.Base2Bytes": size,
    "url.Values": a_map(string, strings, "url.Values"),
    "labels.Labels": external_labels,
    "config.Secret": secret,
    "config.URL": url,
    "*config.URL": remote_url,
    "config.ProxyHeader": _proxy_header,
    "config.Header": _proxy_header,  # its name before 2.53; the struct of that name is newer
    "*config.Headers": _headers,
    "config.ScrapeProtocol": a_string("config.ScrapeProtocol"),
    "[]*relabel.Config": relabel_rules.rules,
    **ENUMERATIONS,
}


@lru_cache(maxsize=512)
def decoder_of(go_type: str, version: str) -> FieldDecoder:
    """Return what decodes a Go type of the table, for the rules of ``version``.

    Raises:
        KeyError: neither the table nor this module knows the type.

    """
    if go_type in _TYPES:
        return _TYPES[go_type]
    alias = table()["lists"].get(go_type)
    if alias is not None:
        return a_list(decoder_of(alias.removeprefix("[]"), version), go_type)
    if go_type.startswith("[]"):
        return a_list(decoder_of(go_type.removeprefix("[]"), version), go_type)
    return _struct(go_type.removeprefix("*"), go_type, version)


@lru_cache(maxsize=512)
def _struct(name: str, go_type: str, version: str) -> FieldDecoder:
    printed = at(table()["structs"][name]["printed"], version) or name
    checks = DISCOVERY_CHECKS.get(name) or SECTION_CHECKS.get(name, ())

    def decode(decoder: Decoder, node: Node) -> Any:
        if node.__class__ is not MappingNode and is_null(node):
            return nothing(decoder, node, go_type)
        found = struct(decoder, node, fields_of(name, version), printed)
        if found is not BAD and not found.bad:
            for check in checks:
                if check(decoder, found):
                    break
        return found

    return decode


@lru_cache(maxsize=512)
def fields_of(name: str, version: str) -> Fields:
    """Return the fields of the struct ``name`` that ``version`` has, those of an inline HTTP client among them."""
    known, others = Fields(), dict[str, str]()
    for field, entry in table()["structs"][name]["fields"].items():
        go_type = at(entry, version)
        if field == "":
            if go_type is not None:
                client = fields_of(HTTP_CLIENT, version)
                known.update(client)
                others.update(client.others)
        elif go_type is not None:
            known[field] = decoder_of(go_type, version)
        else:
            others[field] = life(entry, version)
    known.others = others
    return known
