"""The Prometheus Operator's monitors, as pieces with one job for each endpoint.

Pushed labels depend on these fields: ``honorLabels``, misspelt and misplaced ones included, and the
``overrideHonorLabels`` of the Prometheus object. VictoriaMetrics' operator has monitors with the same fields.
"""

from __future__ import annotations

import re

from pytest_pushgateway.golang.yaml_v2 import MappingNode, ScalarNode, SequenceNode
from pytest_pushgateway.prometheus.forms.operator_jobs import (
    ENDPOINT_FIELDS,
    PREFIXES,
    RELABELINGS,
    SCRAPE_CONFIG_FIELDS,
    VM_RELABELINGS,
    configuration,
    pod_job,
    service_job,
    static_job,
)
from pytest_pushgateway.prometheus.forms.pieces import (
    Piece,
    Remark,
    at,
    get,
    is_true,
    items,
    key_node,
    keys,
    mapping,
    named,
    pairs,
    place,
    scalar,
    sequence,
    text_of,
)
from pytest_pushgateway.prometheus.model import OperatorEndpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_pushgateway.golang.position import Position
    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.prometheus.forms.operator_jobs import Field
    from pytest_pushgateway.prometheus.forms.pieces import FormReading, Source

    Override = tuple[str, Position] | None
    Path = tuple[str | int, ...]

ENDPOINTS = {
    "ServiceMonitor": "endpoints",
    "PodMonitor": "podMetricsEndpoints",
    "VMServiceScrape": "endpoints",
    "VMPodScrape": "podMetricsEndpoints",
}
KINDS = (*ENDPOINTS, "ScrapeConfig", "VMScrapeConfig")
_CHARTS_NAMES = {"honor_labels": "honorLabels", "scrape_interval": "interval", "scrape_timeout": "scrapeTimeout"}


def read_object(one: Node, source: Source, thing: str, reading: FormReading, *, override: Override) -> None:
    """Add the jobs of a monitor."""
    kind = text_of(get(one, "kind"))
    spec = get(one, "spec")
    namespace = text_of(get(one, "metadata", "namespace")) or "default"
    name = text_of(get(one, "metadata", "name")) or text_of(get(one, "metadata", "generateName")) or kind.lower()
    if isinstance(spec, MappingNode):
        strays = list(_strays_outside(one, kind))
        _add(spec, kind, namespace, name, source, thing, ("spec",), strays, reading, override)


def read_values(
    item: Node, kind: str, source: Source, thing: str, reading: FormReading, here: Path, override: Override
) -> None:
    """Add the jobs of a monitor that the values of kube-prometheus-stack hold: its spec and a name."""
    name = text_of(get(item, "name")) or kind.lower()
    strays = list(_strays(item, (), {ENDPOINTS[kind]}))
    thing = thing or f"{kind}/{name}"
    _add(item, kind, "default", name, source, thing, here, strays, reading, override, chart=True)


def read_chart(value: Node, source: Source, thing: str, reading: FormReading, here: Path) -> None:
    """Add the job of the monitor that chart prometheus-pushgateway makes, whose honorLabels are true unless written."""
    monitor = get(value, "serviceMonitor")
    if monitor is None or not is_true(get(monitor, "enabled")):
        return
    wanted = {"honorLabels", "interval", "scrapeTimeout", "metricRelabelings", "relabelings"}
    fields: list[Field] = [(key.value, node, key) for key, node in pairs(monitor) if key.value in wanted]
    if "honorLabels" not in keys(monitor):
        fields.append(("honorLabels", scalar("true", monitor, plain=True), None))
    selector = mapping([("matchLabels", mapping([("app.kubernetes.io/name", scalar("prometheus-pushgateway", monitor),
                                                  None)], monitor), None)], monitor)  # fmt: skip
    endpoint = mapping([("port", scalar("http", monitor), None), *fields], monitor)
    spec = mapping([("selector", selector, None), ("endpoints", sequence([endpoint], monitor), None)], monitor)
    name = "ServiceMonitor/prometheus-pushgateway"
    path = (*here, "serviceMonitor")
    namespace = text_of(get(monitor, "namespace")) or "default"
    job = service_job(spec, endpoint, "ServiceMonitor", namespace, "prometheus-pushgateway", 0, False)
    found = _monitor(name, place(*path), endpoint, _CHARTS_NAMES, None)
    reading.pieces.append(Piece(named(thing, *path), configuration([job], monitor), source, monitors=[found]))


def read_override(spec: Node | None, source: Source, thing: str, reading: FormReading, here: Path) -> None:
    """Remark that a Prometheus object lets no monitor honour labels."""
    key = key_node(spec, "overrideHonorLabels")
    if key is not None and is_true(get(spec, "overrideHonorLabels")):
        remark = Remark(
            "overrideHonorLabels: true makes the honorLabels of every monitor false",
            source.outer(at(key)),
            named(thing, *here),
            severity="warning",
            rule="PG027",
            consequence="pushed job, instance, namespace and pod are stored as exported_job, exported_instance, "
            "exported_namespace and exported_pod, whatever the gateway's monitor has",
            fix="remove it, or let a Prometheus without it scrape the gateway",
        )
        reading.remarks.append(remark)


def override_of(spec: Node | None, source: Source, thing: str) -> Override:
    """Return the place of ``overrideHonorLabels: true`` in a Prometheus object, if it is set."""
    key = key_node(spec, "overrideHonorLabels")
    if key is None or not is_true(get(spec, "overrideHonorLabels")):
        return None
    return thing, source.outer(at(key))


def _add(
    spec: Node,
    kind: str,
    namespace: str,
    name: str,
    source: Source,
    thing: str,
    here: Path,
    strays: list[tuple[str, Node]],
    reading: FormReading,
    override: Override,
    *,
    chart: bool = False,
) -> None:
    prefix = "" if chart else "spec."
    vm = kind.startswith("VM")
    relabelings = VM_RELABELINGS if vm else RELABELINGS
    if kind not in ENDPOINTS:
        monitor = _monitor(thing, place(*here), spec, {**SCRAPE_CONFIG_FIELDS, **relabelings}, override)
        monitor.strays += [(path, source.outer(at(key))) for path, key in strays]
        job = static_job(spec, f"{PREFIXES[kind]}/{namespace}/{name}", override is not None, relabelings)
        reading.pieces.append(Piece(thing, configuration([job], spec), source, monitors=[monitor]))
        return
    endpoints = ENDPOINTS[kind]
    for number, endpoint in enumerate(items(get(spec, endpoints))):
        if not isinstance(endpoint, MappingNode):
            continue
        path = (*here, endpoints, number)
        names = {**ENDPOINT_FIELDS, **relabelings, "honor_labels": "honorLabels"}
        monitor = _monitor(thing, place(*path), endpoint, names, override)
        own = [(f"{prefix}{endpoints}[{number}].{key}", node) for key, node in _strays(endpoint, (), set())]
        monitor.strays += [(path, source.outer(at(key))) for path, key in [*own, *strays]]
        make = pod_job if "Pod" in kind else service_job
        job = make(spec, endpoint, kind, namespace, name, number, override is not None)
        reading.pieces.append(Piece(named(thing, *path), configuration([job], endpoint), source, monitors=[monitor]))


def _monitor(thing: str, path: str, endpoint: Node, names: dict[str, str], override: Override) -> OperatorEndpoint:
    found = OperatorEndpoint(thing, path, {**names, "honor_labels": "honorLabels"})
    honor = get(endpoint, "honorLabels")
    if honor is not None:
        found.honor = text_of(honor) if isinstance(honor, ScalarNode) and honor.tag == "?" else repr(text_of(honor))
        found.honor_at = at(honor)
    found.override = override
    return found


_MEANT = re.compile(r"hono?u?rs?[-_ ]?labels?\Z", re.IGNORECASE)


def _strays(node: Node, path: Path, but: set[str]) -> Iterator[tuple[str, Node]]:
    """Yield the keys below ``node`` that mean honorLabels, misplaced or misspelt; ``but`` is left out."""
    for key, value in pairs(node):
        if _MEANT.match(key.value) and (path or key.value != "honorLabels"):
            yield place(*path, key.value), key
        elif key.value not in but and key.value != "params":
            yield from _strays_in(value, (*path, key.value))


def _strays_in(value: Node, path: Path) -> Iterator[tuple[str, Node]]:
    if isinstance(value, MappingNode):
        for key, below in pairs(value):
            if _MEANT.match(key.value):
                yield place(*path, key.value), key
            else:
                yield from _strays_in(below, (*path, key.value))
    elif isinstance(value, SequenceNode):
        for number, item in enumerate(value.value):
            yield from _strays_in(item, (*path, number))


def _strays_outside(one: Node, kind: str) -> Iterator[tuple[str, Node]]:
    """Yield the keys of an object that mean honorLabels and are outside its endpoints."""
    spec = get(one, "spec")
    for key, value in pairs(one):
        if _MEANT.match(key.value):
            yield key.value, key
        elif key.value == "spec":
            for path, found in _strays_in_spec(spec, kind):
                yield f"spec.{path}", found
        else:
            yield from _strays_in(value, (key.value,))


def _strays_in_spec(spec: Node | None, kind: str) -> Iterator[tuple[str, Node]]:
    for key, value in pairs(spec):
        if _MEANT.match(key.value):
            if kind in ENDPOINTS or key.value != "honorLabels":
                yield key.value, key
        elif key.value != ENDPOINTS.get(kind):
            yield from _strays_in(value, (key.value,))
