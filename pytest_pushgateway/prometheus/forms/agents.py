"""Grafana Agent in static mode: instances with scrape jobs below ``metrics`` (``prometheus`` until v0.21)."""

from __future__ import annotations

from pytest_pushgateway.prometheus.forms.pieces import Piece, get, is_jobs, items, key_node, mapping, named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.prometheus.forms.pieces import FormReading, Source

_SECTIONS = ("metrics", "prometheus")


def _instances(root: Node) -> list[tuple[str, int, Node]]:
    return [
        (section, number, instance)
        for section in _SECTIONS
        for number, instance in enumerate(items(get(root, section, "configs")))
        if get(instance, "scrape_configs") is not None
    ]


def is_agent(root: Node) -> bool:
    """Return whether a document is a configuration of the agent."""
    return any(is_jobs(get(instance, "scrape_configs")) for _, _, instance in _instances(root))


def read(root: Node, source: Source, thing: str, reading: FormReading, *path: str | int) -> None:
    """Add the jobs of all instances, each with the agent's ``global``."""
    for section, number, instance in _instances(root):
        jobs = get(instance, "scrape_configs")
        assert jobs is not None
        fields = [("scrape_configs", jobs, key_node(instance, "scrape_configs"))]
        common = get(root, section, "global")
        if common is not None:
            fields.insert(0, ("global", _prometheus_part(common), key_node(get(root, section), "global")))
        name = named(thing, *path, section, "configs", number)
        reading.pieces.append(Piece(name, mapping(fields, instance), source, dialect="agent"))


def _prometheus_part(common: Node) -> Node:
    """Return the agent's ``global`` without what Prometheus has elsewhere."""
    fields = ("scrape_interval", "scrape_timeout", "evaluation_interval", "external_labels")
    found = [(name, get(common, name), key_node(common, name)) for name in fields]
    return mapping([(name, value, key) for name, value, key in found if value is not None], common)
