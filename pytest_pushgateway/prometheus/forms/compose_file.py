"""Docker Compose files: a configuration in ``configs``, as ``content``."""

from __future__ import annotations

from pytest_pushgateway.golang.utf8 import bytes_of
from pytest_pushgateway.golang.yaml_v2 import MappingNode
from pytest_pushgateway.prometheus.forms.pieces import get, items, key_node, keys, named, pairs, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.prometheus.forms.pieces import FormReading, Source


def is_compose(root: Node) -> bool:
    """Return whether a document is a Compose file."""
    services = get(root, "services")
    if not isinstance(services, MappingNode):
        return False
    ways = ("image", "build", "extends", "command", "configs", "volumes")
    return any(key_node(service, way) is not None for _, service in pairs(services) for way in ways) or (
        bool(keys(root) & {"configs", "version", "networks", "volumes"})
    )


def read(root: Node, source: Source, reading: FormReading, inner: Callable[[Node, bytes, str, str], None]) -> None:
    """Add what the contents of ``configs`` hold, ``$$`` in them being ``$``."""
    for key, config in pairs(get(root, "configs")):
        content = get(config, "content")
        text = text_of(content)
        if content is not None and text:
            file = _mounted_as(root, key.value) or key.value
            before = len(reading.pieces)
            inner(content, bytes_of(text.replace("$$", "$")), named("", "configs", key.value, "content"), file)
            for piece in reading.pieces[before:]:
                piece.dialect = piece.dialect or "compose"


def _mounted_as(root: Node, name: str) -> str:
    """Return the path at which a service sees a config."""
    for _, service in pairs(get(root, "services")):
        for item in items(get(service, "configs")):
            if text_of(get(item, "source")) == name:
                return text_of(get(item, "target"))
    return ""
