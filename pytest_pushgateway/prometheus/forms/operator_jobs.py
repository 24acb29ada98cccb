"""The scrape jobs that the Prometheus Operator makes of its monitors.

Source: the configuration generator of prometheus-operator (``pkg/prometheus/promcfg.go``, read in August 2026), for one
shard. What has no bearing on labels and targets is left out: credentials, TLS, scrape classes.
"""

from __future__ import annotations

import re

from pytest_pushgateway.golang.yaml_v2 import MappingNode, ScalarNode
from pytest_pushgateway.prometheus.forms.pieces import (
    get,
    is_true,
    items,
    key_node,
    mapping,
    pairs,
    scalar,
    sequence,
    text_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.golang.yaml_v2 import Node

    Field = tuple[str, Node, Node | None]

PREFIXES = {
    "ServiceMonitor": "serviceMonitor",
    "PodMonitor": "podMonitor",
    "ScrapeConfig": "scrapeConfig",
    "VMServiceScrape": "serviceScrape",
    "VMPodScrape": "podScrape",
    "VMScrapeConfig": "scrapeConfig",
}
RELABELINGS = {"relabel_configs": "relabelings", "metric_relabel_configs": "metricRelabelings"}
VM_RELABELINGS = {"relabel_configs": "relabelConfigs", "metric_relabel_configs": "metricRelabelConfigs"}

ENDPOINT_FIELDS = {
    "honor_timestamps": "honorTimestamps",
    "track_timestamps_staleness": "trackTimestampsStaleness",
    "scrape_interval": "interval",
    "scrape_timeout": "scrapeTimeout",
    "metrics_path": "path",
    "params": "params",
    "scheme": "scheme",
    "follow_redirects": "followRedirects",
    "enable_http2": "enableHttp2",
    "proxy_url": "proxyUrl",
}
_LIMITS = {
    "sample_limit": "sampleLimit",
    "target_limit": "targetLimit",
    "label_limit": "labelLimit",
    "label_name_length_limit": "labelNameLengthLimit",
    "label_value_length_limit": "labelValueLengthLimit",
    "keep_dropped_targets": "keepDroppedTargets",
    "scrape_protocols": "scrapeProtocols",
    "fallback_scrape_protocol": "fallbackScrapeProtocol",
    "body_size_limit": "bodySizeLimit",
}
SCRAPE_CONFIG_FIELDS = {
    "honor_timestamps": "honorTimestamps",
    "track_timestamps_staleness": "trackTimestampsStaleness",
    "metrics_path": "metricsPath",
    "params": "params",
    "enable_compression": "enableCompression",
    "enable_http2": "enableHTTP2",
    "scrape_interval": "scrapeInterval",
    "scrape_timeout": "scrapeTimeout",
    "scheme": "scheme",
    "proxy_url": "proxyUrl",
}
_DISCOVERIES = {
    "static_configs": "staticConfigs",
    "file_sd_configs": "fileSDConfigs",
    "http_sd_configs": "httpSDConfigs",
    "dns_sd_configs": "dnsSDConfigs",
    "consul_sd_configs": "consulSDConfigs",
    "kubernetes_sd_configs": "kubernetesSDConfigs",
}
_DISCOVERY_FIELDS = {
    "static_configs": {"targets": "targets", "labels": "labels"},
    "file_sd_configs": {"files": "files", "refresh_interval": "refreshInterval"},
    "http_sd_configs": {"url": "url", "refresh_interval": "refreshInterval"},
    "dns_sd_configs": {"names": "names", "type": "type", "port": "port", "refresh_interval": "refreshInterval"},
    "consul_sd_configs": {"server": "server", "services": "services", "tags": "tags"},
    "kubernetes_sd_configs": {"role": "role", "namespaces": "namespaces", "selectors": "selectors"},
}
_RELABEL_FIELDS = {
    "source_labels": "sourceLabels",
    "separator": "separator",
    "target_label": "targetLabel",
    "regex": "regex",
    "modulus": "modulus",
    "replacement": "replacement",
    "action": "action",
}


def configuration(jobs: list[Node], like: Node) -> Node:
    """Return the configuration of the Operator's Prometheus: its intervals are 30 s by default."""
    thirty = scalar("30s", like)
    common = mapping([("scrape_interval", thirty, None), ("evaluation_interval", thirty, None)], like)
    return mapping([("global", common, None), ("scrape_configs", sequence(jobs, like), None)], like)


def _fields(node: Node, names: dict[str, str]) -> list[Field]:
    """Return the fields of a job that the object sets by the Operator's names; empty texts are not set."""
    found: list[Field] = []
    for name, theirs in names.items():
        value = get(node, theirs)
        if value is not None and not (isinstance(value, ScalarNode) and not value.value):
            if name == "scheme":
                value = scalar(text_of(value).lower(), value)
            found.append((name, value, key_node(node, theirs)))
    return found


def _honor(endpoint: Node, overridden: bool) -> Field:
    honor = get(endpoint, "honorLabels")
    on = is_true(honor) and not overridden
    like = endpoint if honor is None else honor
    return "honor_labels", scalar("true" if on else "false", like, plain=True), key_node(endpoint, "honorLabels")


class _Rules:
    """Relabel rules, all at the place of one node."""

    def __init__(self, like: Node) -> None:
        self.like = like
        self.nodes: list[Node] = []
        self.add(source_labels=["job"], target_label="__tmp_prometheus_job_name")

    def add(self, **fields: str | list[str]) -> None:
        made: list[Field] = []
        for name, value in fields.items():
            if isinstance(value, list):
                made.append((name, sequence([scalar(one, self.like) for one in value], self.like), None))
            else:
                made.append((name, scalar(value, self.like, plain=name == "modulus"), None))
        self.nodes.append(mapping(made, self.like))

    def keep(self, labels: list[str], regex: str, action: str = "keep") -> None:
        self.add(action=action, source_labels=labels, regex=regex)

    def copy(self, label: str, target: str, *, always: bool = True) -> None:
        if always:
            self.add(source_labels=[label], target_label=target)
        else:
            self.add(source_labels=[label], target_label=target, regex="(.+)", replacement="${1}")

    def written(self, rules: Node | None) -> None:
        """Add rules that the endpoint has itself, at their own places."""
        self.nodes += [_relabel_rule(rule) for rule in items(rules)]

    def shard(self) -> None:
        self.add(
            source_labels=["__address__", "__tmp_hash"],
            target_label="__tmp_hash",
            regex="(.+);",
            replacement="$1",
            action="replace",
        )
        self.add(source_labels=["__tmp_hash"], target_label="__tmp_hash", modulus="1", action="hashmod")
        self.keep(["__tmp_hash", "__tmp_disable_sharding"], "0;|.+;.+")


def _relabel_rule(rule: Node) -> Node:
    fields = []
    for name, value, key in _fields(rule, {**{name: name for name in _RELABEL_FIELDS}, **_RELABEL_FIELDS}):
        fields.append((name, scalar(text_of(value).lower(), value) if name == "action" else value, key))
    if get(rule, "replacement") is not None and not text_of(get(rule, "replacement")):
        fields.append(("replacement", scalar("", rule), None))
    return mapping(fields, rule)


def _selected(rules: _Rules, spec: Node, of: str) -> None:
    """Add the rules that keep what the selector selects: ``of`` is ``service`` or ``pod``."""
    prefix = f"__meta_kubernetes_{of}_label"
    selector = get(spec, "selector")
    rules.like = spec if selector is None else selector
    if text_of(get(spec, "selectorMechanism")) == "RoleSelector":
        return
    for key, value in sorted(pairs(get(selector, "matchLabels")), key=lambda pair: str(pair[0].value)):
        name = _label(key.value)
        rules.keep([f"{prefix}_{name}", f"{prefix}present_{name}"], f"({text_of(value)});true")
    for expression in items(get(selector, "matchExpressions")):
        name = _label(text_of(get(expression, "key")))
        wanted = "|".join(text_of(value) for value in items(get(expression, "values")))
        match text_of(get(expression, "operator")):
            case "In":
                rules.keep([f"{prefix}_{name}", f"{prefix}present_{name}"], f"({wanted});true")
            case "NotIn":
                rules.keep([f"{prefix}_{name}", f"{prefix}present_{name}"], f"({wanted});true", "drop")
            case "Exists":
                rules.keep([f"{prefix}present_{name}"], "true")
            case "DoesNotExist":
                rules.keep([f"{prefix}present_{name}"], "true", "drop")


def _selector(selector: Node | None) -> str:
    """Return a selector as kubectl writes it: ``app=pushgateway,tier in (a,b),!test``."""
    wanted = [(str(key.value), f"{key.value}={text_of(value)}") for key, value in pairs(get(selector, "matchLabels"))]
    for expression in items(get(selector, "matchExpressions")):
        key = text_of(get(expression, "key"))
        values = ",".join(sorted(text_of(value) for value in items(get(expression, "values"))))
        form = _EXPRESSIONS.get(text_of(get(expression, "operator")))
        if form is not None:
            wanted.append((key, form.format(key=key, values=values)))
    return ",".join(text for _, text in sorted(wanted, key=lambda pair: pair[0]))


_EXPRESSIONS = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}


def _label(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)


def _running(rules: _Rules, endpoint: Node) -> None:
    if text_of(get(endpoint, "filterRunning")).lower() != "false":
        rules.keep(["__meta_kubernetes_pod_phase"], "(Failed|Succeeded)", "drop")


def service_job(
    spec: Node, endpoint: Node, kind: str, namespace: str, name: str, number: int, overridden: bool
) -> Node:
    """Return the job of an endpoint of a ServiceMonitor: of the pods behind the services that its selector names."""
    role = "endpointslice" if text_of(get(spec, "serviceDiscoveryRole")) == "EndpointSlice" else "endpoints"
    rules = _Rules(endpoint)
    _selected(rules, spec, "service")
    rules.like = endpoint
    port = text_of(get(endpoint, "port"))
    target_port = get(endpoint, "targetPort")
    stem = "endpoint" if role == "endpoints" else "endpointslice"
    if port:
        rules.keep([f"__meta_kubernetes_{stem}_port_name"], port)
    elif target_port is not None and text_of(target_port):
        by = "number" if target_port.tag == "?" and text_of(target_port).isdecimal() else "name"
        rules.keep([f"__meta_kubernetes_pod_container_port_{by}"], text_of(target_port))
    address = [f"__meta_kubernetes_{stem}_address_target_kind", f"__meta_kubernetes_{stem}_address_target_name"]
    for what in ("Node", "Pod"):
        rules.add(
            source_labels=address,
            separator=";",
            regex=f"{what};(.*)",
            replacement="${1}",
            target_label=what.lower(),
        )
    rules.copy("__meta_kubernetes_namespace", "namespace")
    rules.copy("__meta_kubernetes_service_name", "service")
    rules.copy("__meta_kubernetes_pod_name", "pod")
    rules.copy("__meta_kubernetes_pod_container_name", "container")
    _running(rules, endpoint)
    for label in items(get(spec, "targetLabels")):
        own = _label(text_of(label))
        rules.copy(f"__meta_kubernetes_service_label_{own}", own, always=False)
    _pod_target_labels(rules, spec)
    rules.add(source_labels=["__meta_kubernetes_service_name"], target_label="job", replacement="${1}")
    _job_label(rules, spec, "service")
    if port or (target_port is not None and text_of(target_port)):
        rules.add(target_label="endpoint", replacement=port or text_of(target_port))
    return _job(spec, endpoint, kind, f"{namespace}/{name}/{number}", role, namespace, rules, overridden)


def pod_job(spec: Node, endpoint: Node, kind: str, namespace: str, name: str, number: int, overridden: bool) -> Node:
    """Return the job of an endpoint of a PodMonitor."""
    rules = _Rules(endpoint)
    _running(rules, endpoint)
    _selected(rules, spec, "pod")
    rules.like = endpoint
    port = text_of(get(endpoint, "port"))
    port_number = text_of(get(endpoint, "portNumber"))
    target_port = get(endpoint, "targetPort")
    if port:
        rules.keep(["__meta_kubernetes_pod_container_port_name"], port)
    elif port_number:
        rules.keep(["__meta_kubernetes_pod_container_port_number"], port_number)
    elif target_port is not None and text_of(target_port):
        by = "number" if target_port.tag == "?" and text_of(target_port).isdecimal() else "name"
        rules.keep([f"__meta_kubernetes_pod_container_port_{by}"], text_of(target_port))
    rules.copy("__meta_kubernetes_namespace", "namespace")
    rules.copy("__meta_kubernetes_pod_container_name", "container")
    rules.copy("__meta_kubernetes_pod_name", "pod")
    _pod_target_labels(rules, spec)
    rules.add(target_label="job", replacement=f"{namespace}/{name}")
    _job_label(rules, spec, "pod")
    if port or (target_port is not None and text_of(target_port)):
        rules.add(target_label="endpoint", replacement=port or text_of(target_port))
    return _job(spec, endpoint, kind, f"{namespace}/{name}/{number}", "pod", namespace, rules, overridden)


def _pod_target_labels(rules: _Rules, spec: Node) -> None:
    for label in items(get(spec, "podTargetLabels")):
        own = _label(text_of(label))
        rules.copy(f"__meta_kubernetes_pod_label_{own}", own, always=False)


def _job_label(rules: _Rules, spec: Node, of: str) -> None:
    label = text_of(get(spec, "jobLabel"))
    if label:
        rules.copy(f"__meta_kubernetes_{of}_label_{_label(label)}", "job", always=False)


def _job(
    spec: Node,
    endpoint: Node,
    kind: str,
    name: str,
    role: str,
    namespace: str,
    rules: _Rules,
    overridden: bool,
) -> Node:
    relabelings = VM_RELABELINGS if kind.startswith("VM") else RELABELINGS
    rules.written(get(endpoint, relabelings["relabel_configs"]))
    rules.shard()
    discovery: list[Field] = [("role", scalar(role, endpoint), None)]
    if not is_true(get(spec, "namespaceSelector", "any")):
        chosen = items(get(spec, "namespaceSelector", "matchNames")) or [scalar(namespace, endpoint)]
        discovery.append(("namespaces", mapping([("names", sequence(chosen, endpoint), None)], endpoint), None))
    if text_of(get(spec, "selectorMechanism")) == "RoleSelector":
        label = scalar(_selector(get(spec, "selector")), endpoint)
        roles = [role] if role == "pod" else [role, "service"]
        chosen = [mapping([("role", scalar(one, endpoint), None), ("label", label, None)], endpoint) for one in roles]
        discovery.append(("selectors", sequence(chosen, endpoint), None))
    attach = get(spec, "attachMetadata")
    if isinstance(attach, MappingNode):
        node = scalar("true" if is_true(get(attach, "node")) else "false", attach, plain=True)
        discovery.append(("attach_metadata", mapping([("node", node, None)], attach), None))
    fields: list[Field] = [
        ("job_name", scalar(f"{PREFIXES[kind]}/{name}", endpoint), None),
        _honor(endpoint, overridden),
        *_fields(endpoint, ENDPOINT_FIELDS),
        *_fields(spec, _LIMITS),
        ("kubernetes_sd_configs", sequence([mapping(discovery, endpoint)], endpoint), None),
        ("relabel_configs", sequence(rules.nodes, endpoint), key_node(endpoint, relabelings["relabel_configs"])),
    ]
    return mapping([*fields, *_metric_relabelings(endpoint, relabelings)], endpoint)


def _metric_relabelings(node: Node, names: dict[str, str]) -> list[Field]:
    theirs = names["metric_relabel_configs"]
    written = get(node, theirs)
    if written is None or not items(written):
        return []
    rules = sequence([_relabel_rule(rule) for rule in items(written)], written)
    return [("metric_relabel_configs", rules, key_node(node, theirs))]


def static_job(spec: Node, name: str, overridden: bool, relabelings: dict[str, str]) -> Node:
    """Return the job of a ScrapeConfig."""
    rules = _Rules(spec)
    own = get(spec, "jobName")
    if own is not None:
        rules.add(target_label="job", action="replace", replacement=text_of(own))
    rules.written(get(spec, relabelings["relabel_configs"]))
    fields: list[Field] = [("job_name", scalar(name, spec), None)]
    if get(spec, "honorLabels") is not None:
        fields.append(_honor(spec, overridden))
    fields += [*_fields(spec, SCRAPE_CONFIG_FIELDS), *_fields(spec, _LIMITS)]
    for ours, theirs in _DISCOVERIES.items():
        found = get(spec, theirs)
        if found is not None and items(found):
            groups = [mapping(_fields(item, _DISCOVERY_FIELDS[ours]), item) for item in items(found)]
            fields.append((ours, sequence(groups, found), key_node(spec, theirs)))
    relabel = ("relabel_configs", sequence(rules.nodes, spec), key_node(spec, relabelings["relabel_configs"]))
    return mapping([*fields, relabel, *_metric_relabelings(spec, relabelings)], spec)
