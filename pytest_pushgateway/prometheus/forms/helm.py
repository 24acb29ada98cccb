"""Values of Helm charts that have scrape jobs: prometheus, kube-prometheus-stack, and Ansible's variables like them.

The keys are looked for at any depth: charts are parts of others, and releases hold values.
"""

from __future__ import annotations

from pytest_pushgateway.golang.utf8 import bytes_of
from pytest_pushgateway.golang.yaml_v2 import MappingNode, ScalarNode, SequenceNode
from pytest_pushgateway.prometheus.decode import rule_documents
from pytest_pushgateway.prometheus.forms import operator
from pytest_pushgateway.prometheus.forms.collector import unescape
from pytest_pushgateway.prometheus.forms.pieces import (
    RULES,
    Piece,
    get,
    is_jobs,
    items,
    jobs_only,
    key_node,
    keys,
    mapping,
    named,
    pairs,
    sequence,
    text_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.prometheus.forms.pieces import FormReading, Source

    Inner = Callable[[Node, bytes, str, str], None]

_DEEPEST = 8
_JOBS = frozenset(("extraScrapeConfigs", "additionalScrapeConfigs", "prometheus_scrape_configs"))
_MONITORS = {"additionalServiceMonitors": "ServiceMonitor", "additionalPodMonitors": "PodMonitor"}
_RULES = frozenset(("additionalPrometheusRules", "additionalPrometheusRulesMap"))
_KNOWN = frozenset(
    (*_JOBS, *_MONITORS, *_RULES, "serverFiles", "scrapeConfigs", "prometheusSpec", "prometheus-pushgateway")
)


def has_values(root: Node) -> bool:
    """Return whether a document has a key of a chart that configures scraping."""
    return any(True for _ in _known(root, ()))


def _known(node: Node, path: tuple[str | int, ...]) -> Iterator[tuple[Node, Node, tuple[str | int, ...]]]:
    """Yield the mappings with known keys: the mapping, the value, and the path of the value."""
    if len(path) > _DEEPEST:
        return
    if isinstance(node, SequenceNode):
        for number, item in enumerate(node.value):
            if isinstance(item, MappingNode):
                yield from _known(item, (*path, number))
    for key, value in pairs(node):
        here = (*path, key.value)
        if key.value == "scrape_configs" and path and is_jobs(value):
            yield node, value, here
            continue
        if key.value in _KNOWN and _fits(key.value, value):
            yield node, value, here
            if key.value != "prometheusSpec":
                continue
        if isinstance(value, (MappingNode, SequenceNode)):
            yield from _known(value, here)


def _fits(name: str, value: Node) -> bool:
    """Return whether the value of a known key is what a chart expects there."""
    if name == "scrapeConfigs":
        return any("job_name" in keys(job) or "static_configs" in keys(job) for _, job in pairs(value))
    if name in _JOBS:
        return is_jobs(value) or (isinstance(value, ScalarNode) and "job_name" in value.value)
    if name in _MONITORS:
        return any(get(item, "endpoints") is not None or get(item, "podMetricsEndpoints") is not None
                   for item in items(value))  # fmt: skip
    if name in _RULES:
        return any(isinstance(item, MappingNode) for item in _rule_objects(value).values())
    if name == "prometheus-pushgateway":
        return get(value, "serviceMonitor") is not None
    return isinstance(value, MappingNode)


def read(root: Node, source: Source, thing: str, reading: FormReading, inner: Inner, *path: str | int) -> None:
    """Add the jobs and monitors that the values below ``root`` have."""
    found = list(_known(root, path))
    specs = (value for _, value, here in found if here[-1] == "prometheusSpec")
    overrides = (operator.override_of(spec, source, named(thing, "prometheusSpec")) for spec in specs)
    override = next((one for one in overrides if one is not None), None)
    for parent, value, here in found:
        name = named(thing, *here)
        match here[-1]:
            case "scrape_configs":
                _configuration(parent, value, source, named(thing, *here[:-1]), reading, here)
            case "serverFiles":
                _server_files(parent, value, source, thing, reading, inner, here)
            case "scrapeConfigs":
                _keyed_jobs(parent, value, source, name, reading)
            case "prometheusSpec":
                operator.read_override(value, source, thing, reading, here)
            case "prometheus-pushgateway":
                operator.read_chart(value, source, thing, reading, here)
            case "additionalServiceMonitors" | "additionalPodMonitors":
                for number, item in enumerate(items(value)):
                    kind = _MONITORS[str(here[-1])]
                    operator.read_values(item, kind, source, thing, reading, (*here, number), override)
            case "additionalPrometheusRules" | "additionalPrometheusRulesMap":
                for place, item in _rule_objects(value).items():
                    piece = Piece(named(thing, *here, place), rule_documents.of_values(item), source, kind=RULES)
                    reading.pieces.append(piece)
            case _:
                _jobs(parent, value, source, name, reading, inner)


def _configuration(
    parent: Node, jobs: Node, source: Source, name: str, reading: FormReading, here: tuple[str | int, ...]
) -> None:
    """Add a configuration within values, as charts of VictoriaMetrics and of the Collector have it."""
    dialect = "helm"
    if "receivers" in here:
        dialect = "collector"
        unescape(jobs)
    fields = [("scrape_configs", jobs, key_node(parent, "scrape_configs"))]
    common = get(parent, "global")
    if isinstance(common, MappingNode):
        fields.insert(0, ("global", common, key_node(parent, "global")))
    reading.pieces.append(Piece(name, mapping(fields, parent), source, dialect=dialect))


def _jobs(parent: Node, value: Node, source: Source, name: str, reading: FormReading, inner: Inner) -> None:
    if isinstance(value, ScalarNode):
        inner(value, bytes_of(text_of(value)), name, "scrape_configs.yml")
    else:
        reading.pieces.append(Piece(name, _with_global(parent, jobs_only(value)), source, dialect="helm"))


def _keyed_jobs(parent: Node, value: Node, source: Source, name: str, reading: FormReading) -> None:
    """Add jobs that are a mapping, as in chart prometheus since v26: the key names a job whose name is left empty."""
    jobs = []
    for key, job in pairs(value):
        if "enabled" in keys(job) and text_of(get(job, "enabled")).lower() in ("false", "", "null", "~"):
            continue
        own = ("enabled", "job_name") if not text_of(get(job, "job_name")) else ("enabled",)
        fields = [(one.value, field, one) for one, field in pairs(job) if one.value not in own]
        if "job_name" in own:
            fields.insert(0, ("job_name", key, key))
        jobs.append(mapping(fields, job))
    if jobs:
        root = _with_global(parent, jobs_only(sequence(jobs, value)))
        reading.pieces.append(Piece(name, root, source, dialect="helm"))


def _with_global(parent: Node, root: Node) -> Node:
    """Give a configuration the ``server.global`` next to its key."""
    common = get(parent, "server", "global")
    if isinstance(common, MappingNode):
        root.value.insert(0, (key_node(get(parent, "server"), "global"), common))
    return root


def _server_files(
    parent: Node,
    value: Node,
    source: Source,
    thing: str,
    reading: FormReading,
    inner: Inner,
    here: tuple[str | int, ...],
) -> None:
    for key, file in pairs(value):
        name = named(thing, *here, key.value)
        if isinstance(file, ScalarNode):
            inner(file, bytes_of(text_of(file)), name, key.value)
        elif {"scrape_configs", "rule_files", "global"} & keys(file):
            root = mapping([(one.value, field, one) for one, field in pairs(file)], file)
            if "global" not in keys(file):
                root = _with_global(parent, root)
            reading.pieces.append(Piece(name, root, source, dialect="helm"))
        elif "groups" in keys(file) or (rule_documents.is_rule_file(key.value) and keys(file)):
            reading.pieces.append(Piece(name, file, source, kind=RULES))


def _rule_objects(value: Node) -> dict[str | int, Node]:
    """Return the rule files that the charts make PrometheusRules of, by their place: a name, or a number in a list."""
    return {key.value: item for key, item in pairs(value)} or dict(enumerate(items(value)))
