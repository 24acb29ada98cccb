"""Kubernetes objects: those that hold texts, those that are monitors, and those that hold values of charts."""

from __future__ import annotations

import base64
import binascii
import re

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
_DEEPEST = 9
_OF_METRICS = re.compile(
    r"\A(?:[\w.-]*/)?(?:VM|\w*(?:Monitor|Scrape|Probe|Prometheus|ServiceLevel|Collector|AlertingRule|RecordingRule))"
    r"|\A[\w.-]*(?:monitor|prometheus|victoria|loki|grafana|observability|metric|alert|slo)[\w.-]*/\w*(?:Rule|Alert|Metrics)"
)
"""The groups and kinds of rules and monitors, whichever program they are for: Istio has rules for other things."""


def is_object(root: Node) -> bool:
    """Return whether a document is a Kubernetes object."""
    return {"kind", "apiVersion"} <= keys(root) and isinstance(get(root, "kind"), ScalarNode)


def within(root: Node) -> Iterator[Node]:
    """Yield the objects deep in a document that is not an object, nor a list of them: values with ``extraObjects``."""
    seen: set[int] = set()  # aliases can repeat a node any number of times
    waiting = [(root, 0, False)]
    while waiting:
        node, depth, named = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if is_object(node):
            # An object at the top, or in lists only, is read as a document; a reference to one has no content.
            if named and keys(node) & {"metadata", "spec", "data"}:
                yield node
            continue
        if depth < _DEEPEST:
            below = [(value, depth + 1, True) for _, value in pairs(node)]
            below += [(item, depth + 1, named) for item in items(node)]
            waiting += reversed(below)


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
        size = reading.size()
        _read_object(one, source, reading, inner)
        if reading.size() == size and not (source.is_file and waits(one)):
            _not_read(one, source, reading)


def waits(one: Node) -> bool:
    """Return whether an object is read by :func:`finish`."""
    kind = text_of(get(one, "kind"))
    return kind in operator.KINDS or kind in _PROMETHEUS


def _not_read(one: Node, source: Source, reading: FormReading) -> None:
    """Name an object that was not read. Kubernetes' own objects configure nothing, but for those that hold texts."""
    kind = text_of(get(one, "kind"))
    group = text_of(get(one, "apiVersion")).rpartition("/")[0]
    custom = "." in group and not group.endswith((".k8s.io", ".kubernetes.io"))
    place = object_name(one), source.outer(at(one))
    if custom or kind in ("ConfigMap", "Secret", "Kustomization"):
        reading.unjudged.append(place)
        reading.of_metrics |= custom and _OF_METRICS.match(f"{group}/{kind}") is not None
    else:
        reading.others.append(place)


def _read_object(one: Node, source: Source, reading: FormReading, inner: Inner) -> None:
    kind, thing = text_of(get(one, "kind")), object_name(one)
    if kind in ("ConfigMap", "Secret"):
        _data(one, kind, source, thing, reading, inner)
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


def _data(one: Node, kind: str, source: Source, thing: str, reading: FormReading, inner: Inner) -> None:
    for section in ("data", "stringData", "binaryData"):
        encoded = section == "binaryData" or (kind == "Secret" and section == "data")
        for key, value in pairs(get(one, section)):
            text = bytes_of(text_of(value))
            if encoded:
                try:
                    text = base64.b64decode(b"".join(text.split()), validate=True)
                except (binascii.Error, ValueError):
                    place = f"{named(thing, section, key.value)}, which is not base64"
                    reading.unjudged.append((place, source.outer(at(value))))
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
        size = reading.size()
        if kind in operator.KINDS:
            operator.read_object(one, source, thing, reading, override=override)
            if reading.size() == size:
                reading.unjudged.append((thing, source.outer(at(one))))
        elif kind in _PROMETHEUS:
            operator.read_override(get(one, "spec"), source, thing, reading, ("spec",))
            reading.unjudged.append((f"{thing} but for overrideHonorLabels", source.outer(at(one))))


def _top(document: Node) -> list[Node]:
    listed = [one for one in (document, *items(document)) if is_object(one)]
    return [*listed, *within(document)]
