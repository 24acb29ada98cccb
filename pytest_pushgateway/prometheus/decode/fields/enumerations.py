"""Types with a fixed set of values: roles, versions, schemes, each value with the release that has it first."""

from __future__ import annotations

from pytest_pushgateway.golang.yaml_v2 import QUOTED, is_null
from pytest_pushgateway.prometheus.decode.decoder import BAD, a_string, nothing, string
from pytest_pushgateway.prometheus.values import quote, reaches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.prometheus.decode.decoder import Decoder, FieldDecoder


def unknown_value(decoder: Decoder, node: Node, text: str, values: Mapping[str, str], promtool: str) -> Any:
    """Report a value that ``values`` does not have, or has for newer releases only; return ``BAD``."""
    since = values.get(text, "")
    if since:
        return decoder.report(
            f"{quote(text)} exists since {since}, not in Prometheus {decoder.version}",
            node,
            promtool=promtool,
            hint=decoder.upgrade(since),
        )
    return decoder.report(promtool, node)


def has(values: Mapping[str, str], text: str, version: str) -> bool:
    """Return whether ``version`` takes ``text``."""
    return text in values and (not values[text] or reaches(version, values[text]))


def _enumeration(values: Mapping[str, str], message: str, go_type: str = "string") -> FieldDecoder:
    """Return a decoder of one of ``values``; ``message`` is Prometheus's, with the text as ``{text}`` or ``{quoted}``.

    Null is not asked, as in yaml.v2.
    """

    def decode(decoder: Decoder, node: Node) -> Any:
        if is_null(node):
            return node.value if node.tag == QUOTED else ""
        text = string(decoder, node, go_type)
        if text is BAD or has(values, text, decoder.version):
            return text
        return unknown_value(decoder, node, text, values, message.format(text=text, quoted=quote(text)))

    return decode


def _tls_version(decoder: Decoder, node: Node) -> Any:
    if is_null(node):
        return nothing(decoder, node, "config.TLSVersion") or ""
    text = string(decoder, node)
    if text is not BAD and text not in ("TLS10", "TLS11", "TLS12", "TLS13"):
        return decoder.report(f"unknown TLS version: {text}", node)
    return text


def _api_version(decoder: Decoder, node: Node) -> Any:
    if is_null(node):
        return node.value if node.tag == QUOTED else ""
    text = string(decoder, node, "config.plain")
    known = ("v1", "v2") if decoder.version.startswith("2.") else ("v2",)
    if text is not BAD and text not in known:
        return decoder.report(
            f"expected Alertmanager api version to be one of [{' '.join(known)}] but got {text}", node
        )
    return text


_HETZNER = _enumeration(dict.fromkeys(("robot", "hcloud"), ""), "unknown role {quoted}")

ENUMERATIONS: dict[str, FieldDecoder] = {
    "aws.Role": _enumeration(
        {"ec2": "", "ecs": "", "lightsail": "", "elasticache": "3.11", "msk": "3.10", "rds": "3.11"},
        "unknown AWS SD role {quoted}",
    ),
    "digitalocean.Role": _enumeration(
        dict.fromkeys(("droplets", "databases"), ""), "unknown DigitalOcean SD role {quoted}"
    ),
    "hetzner.Role": _HETZNER,
    "hetzner.role": _HETZNER,
    "kubernetes.Role": _enumeration(
        dict.fromkeys(("node", "pod", "service", "endpoints", "endpointslice", "ingress"), ""),
        "unknown Kubernetes SD role {quoted}",
    ),
    "openstack.Role": _enumeration(
        {"hypervisor": "", "instance": "", "loadbalancer": "3.2"}, "unknown OpenStack SD role {quoted}"
    ),
    "scaleway.role": _enumeration(dict.fromkeys(("instance", "baremetal"), ""), "unknown role {quoted}"),
    "config.AlertmanagerAPIVersion": _api_version,
    "config.TLSVersion": _tls_version,
    "config.TracingClientType": _enumeration(
        dict.fromkeys(("http", "grpc"), ""),
        "expected tracing client type to be to be http or grpc, but got {text}",
        "config.plain",
    ),
    "model.ValidationScheme": _enumeration(
        dict.fromkeys(("", "legacy", "utf8"), ""), "unrecognized ValidationScheme: {quoted}"
    ),
    # These are judged once everything is decoded, as in Prometheus.
    "config.RemoteWriteProtoMsg": a_string("config.RemoteWriteProtoMsg"),
    "remote.WriteMessageType": a_string("remote.WriteMessageType"),
    "config.translationStrategyOption": a_string("config.translationStrategyOption"),
    "otlptranslator.TranslationStrategyOption": a_string("otlptranslator.TranslationStrategyOption"),
}
"""The decoder of each type, by its Go name."""
