"""The OpenTelemetry Collector's configuration: its Prometheus receivers have scrape jobs."""

from __future__ import annotations

from pytest_pushgateway.golang.yaml_v2 import MappingNode, ScalarNode, SequenceNode
from pytest_pushgateway.prometheus.forms.pieces import Piece, get, keys, named, pairs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.prometheus.forms.pieces import FormReading, Source

_RECEIVERS = ("prometheus", "prometheus_simple", "prometheusexec")
_SIBLINGS = frozenset(("service", "exporters", "processors", "extensions", "connectors"))


def is_collector(root: Node) -> bool:
    """Return whether a document is a collector's configuration."""
    known = keys(root)
    return "receivers" in known and isinstance(get(root, "receivers"), MappingNode) and bool(known & _SIBLINGS)


def read(root: Node, source: Source, thing: str, reading: FormReading, *path: str | int) -> None:
    """Add the configurations of all Prometheus receivers, ``$$`` in them being ``$``."""
    for key, receiver in pairs(get(root, "receivers")):
        if key.value.partition("/")[0] not in _RECEIVERS:
            continue
        config = get(receiver, "config")
        if isinstance(config, MappingNode):
            unescape(config)
            name = named(thing, *path, "receivers", key.value, "config")
            reading.pieces.append(Piece(name, config, source, dialect="collector"))


def unescape(root: Node) -> None:
    """Make ``$`` of every ``$$`` in the scalars below ``root``."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, ScalarNode):
            node.value = node.value.replace("$$", "$")
        elif isinstance(node, SequenceNode):
            waiting += node.value
        elif isinstance(node, MappingNode):
            waiting += [value for _, value in node.value]
