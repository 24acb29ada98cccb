"""Kubernetes objects: those that hold texts, those that are monitors, and those that hold values of charts."""

from __future__ import annotations

import base64
import binascii

from pytest_pushgateway.golang.utf8 import bytes_of
from pytest_pushgateway.golang.yaml_v2 import MappingNode, ScalarNode
from pytest_pushgateway.prometheus.decode import rule_documents
from pytest_pushgateway.prometheus.forms import collector, helm, operator
from pytest_pushgateway.prometheus.forms.pieces import (
    RULES,
    Piece,
    Remark,
    at,
    get,
    items,
    keys,
    named,
    pairs,
    text_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.prometheus.forms.pieces import FormReading, Source

    Inner = Callable[[Node, bytes, str, str], None]

_VALUES = {
    "HelmRelease": (("spec", "values"),),
    "Application": (
        ("spec", "source", "helm", "valuesObject"),
        ("spec", "source", "helm", "values"),
        ("spec", "sources"),
    ),
    "ApplicationSet": (("spec", "template", "spec", "source", "helm"), ("spec", "template", "spec", "sources")),
    "HelmChart": (("spec", "valuesContent"),),
    "HelmChartConfig": (("spec", "valuesContent"),),
    "HelmChartInflationGenerator": (("valuesInline",),),
    "Kustomization": (("helmCharts",),),
}
"""The paths of the values of charts in objects, as mappings or as texts."""
_PROMETHEUS = ("Prometheus", "PrometheusAgent", "VMAgent")
_TEXTS = {
    "VMAgent": ("spec", "inlineScrapeConfig"),
    "VMSingle": ("spec", "inlineScrapeConfig"),
    "OpenTelemetryCollector": ("spec", "config"),
}


def is_object(root: Node) -> bool:
    """Return whether a document is a Kubernetes object."""
    return {"kind", "apiVersion"} <= keys(root) and isinstance(get(root, "kind"), ScalarNode)


def object_name(root: Node) -> str:
    """Return an object as kubectl names it: ``ConfigMap/prometheus``."""
    name = text_of(get(root, "metadata", "name")) or text_of(get(root, "metadata", "generateName"))
    kind = text_of(get(root, "kind"))
    return f"{kind}/{name}" if name else kind


def objects(root: Node) -> Iterator[Node]:
    """Yield an object, or those in a List or a Template."""
    inside = items(get(root, "items")) or items(get(root, "objects"))
    if inside and not text_of(get(root, "kind")).startswith("Config"):
        for item in inside:
            if is_object(item):
                yield from objects(item)
    else:
        yield root


def read(root: Node, source: Source, reading: FormReading, inner: Inner) -> None:
    """Add what an object, or a List of objects, has that Prometheus reads; monitors wait for :func:`finish`."""
    for one in objects(root):
        kind, thing = text_of(get(one, "kind")), object_name(one)
        if kind in ("ConfigMap", "Secret"):
            _data(one, kind, thing, inner)
        elif kind == "PrometheusRule":
            _rules(one, source, thing, reading)
        elif kind in _VALUES:
            for path in _VALUES[kind]:
                _values(get(one, *path), source, thing, path, reading, inner)
        elif kind in _TEXTS:
            _text_or_config(get(one, *_TEXTS[kind]), source, thing, _TEXTS[kind], reading, inner)


def _rules(one: Node, source: Source, thing: str, reading: FormReading) -> None:
    spec = rule_documents.of_object(one)
    if spec is None:
        message = f"{thing} has no spec, where the Operator looks for groups"
        reading.remarks.append(Remark(message, source.outer(at(one)), thing, rule="config"))
    else:
        reading.pieces.append(Piece(thing, spec, source, kind=RULES))


def _data(one: Node, kind: str, thing: str, inner: Inner) -> None:
    for section in ("data", "stringData", "binaryData"):
        encoded = section == "binaryData" or (kind == "Secret" and section == "data")
        for key, value in pairs(get(one, section)):
            text = bytes_of(text_of(value))
            if encoded:
                try:
                    text = base64.b64decode(b"".join(text.split()), validate=True)
                except (binascii.Error, ValueError):
                    continue
            if text:
                inner(value, text, named(thing, section, key.value), key.value)


def _values(
    node: Node | None, source: Source, thing: str, path: tuple[str, ...], reading: FormReading, inner: Inner
) -> None:
    if isinstance(node, ScalarNode):
        inner(node, bytes_of(text_of(node)), named(thing, *path), "values.yaml")
    elif node is not None:
        for number, item in enumerate(items(node)):
            text = get(item, "helm", "values")
            if isinstance(text, ScalarNode):
                inner(text, bytes_of(text_of(text)), named(thing, *path, number, "helm", "values"), "values.yaml")
        text = get(node, "values")
        if isinstance(text, ScalarNode):
            inner(text, bytes_of(text_of(text)), named(thing, *path, "values"), "values.yaml")
        helm.read(node, source, thing, reading, inner, *path)


def _text_or_config(
    node: Node | None, source: Source, thing: str, path: tuple[str, ...], reading: FormReading, inner: Inner
) -> None:
    if isinstance(node, MappingNode):
        if collector.is_collector(node):
            collector.read(node, source, thing, reading, *path)
    elif isinstance(node, ScalarNode):
        inner(node, bytes_of(text_of(node)), named(thing, *path), "")


def finish(documents: Sequence[Node], source: Source, reading: FormReading) -> None:
    """Add the jobs of the monitors in a file, now that all of its objects are known."""
    found = [one for document in documents for item in _top(document) for one in objects(item)]
    overrides = (
        operator.override_of(get(one, "spec"), source, object_name(one))
        for one in found
        if text_of(get(one, "kind")) in _PROMETHEUS
    )
    override = next((one for one in overrides if one is not None), None)
    for one in found:
        kind, thing = text_of(get(one, "kind")), object_name(one)
        if kind in operator.KINDS:
            operator.read_object(one, source, thing, reading, override=override)
        elif kind in _PROMETHEUS:
            operator.read_override(get(one, "spec"), source, thing, reading, ("spec",))


def _top(document: Node) -> list[Node]:
    return [document] if is_object(document) else [item for item in items(document) if is_object(item)]
