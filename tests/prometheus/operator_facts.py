"""The jobs that the Prometheus Operator makes of monitors: facts of its golden files (``pkg/prometheus/testdata``).

Each case is called like its golden file. A relabel rule is ``action labels ~ regex -> target = replacement``, without
the prefix ``__meta_kubernetes_`` and without defaults.
"""

from __future__ import annotations

from textwrap import dedent, indent
from typing import NamedTuple

from pytest_pushgateway.prometheus.model import RelabelRule

OVERRIDE = """\
---
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {name: test}
spec: {overrideHonorLabels: true}
"""


class Case(NamedTuple):
    """A monitor and the job that the Operator makes of it."""

    text: str
    role: str | None
    rules: list[str]
    honor_labels: bool = False
    honor_timestamps: bool = True
    selectors: tuple[str, ...] = ()
    metric_rules: tuple[str, ...] = ()


def monitor(kind: str, spec: str, name: str = "test") -> str:
    """Return a monitor in the namespace ``default``."""
    return (
        f"apiVersion: monitoring.coreos.com/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: default}}\n"
        f"spec:\n{indent(dedent(spec), '  ')}"
    )


def fact(rule: RelabelRule) -> str:
    """Return a rule in short."""
    names = ";".join(name.replace("__meta_kubernetes_", "") for name in rule.source_labels)
    if rule.action in ("keep", "drop"):
        return f"{rule.action} {names} ~ {rule.regex}"
    if rule.action == "hashmod":
        return f"hashmod {names} % {rule.modulus} -> {rule.target_label}"
    matching = "" if rule.regex == "(.*)" else f" ~ {rule.regex}"
    replacing = "" if rule.replacement in ("$1", "${1}") else f" = {rule.replacement}"
    return f"{rule.action} {names}{matching} -> {rule.target_label}{replacing}"


SHARD = [
    "replace __address__;__tmp_hash ~ (.+); -> __tmp_hash",
    "hashmod __tmp_hash % 1 -> __tmp_hash",
    "keep __tmp_hash;__tmp_disable_sharding ~ 0;|.+;.+",
]
"""The Operator writes $(SHARD) where 0 is, which its reloader replaces."""


def service(*keep: str, labels: tuple[str, ...] = (), own: tuple[str, ...] = (), port: str = "web", of: str = "endpoint"
            ) -> list[str]:  # fmt: skip
    """Return the rules of an endpoint of a ServiceMonitor."""
    address = f"{of}_address_target_kind;{of}_address_target_name"
    return [
        "replace job -> __tmp_prometheus_job_name",
        *keep,
        f"keep {of}_port_name ~ {port}",
        f"replace {address} ~ Node;(.*) -> node",
        f"replace {address} ~ Pod;(.*) -> pod",
        "replace namespace -> namespace",
        "replace service_name -> service",
        "replace pod_name -> pod",
        "replace pod_container_name -> container",
        "drop pod_phase ~ (Failed|Succeeded)",
        *(f"replace service_label_{name} ~ (.+) -> {name}" for name in labels),
        "replace service_name -> job",
        f"replace  -> endpoint = {port}",
        *own,
        *SHARD,
    ]


def pod(*keep: str, labels: tuple[str, ...] = (), running: bool = True, endpoint: str = "") -> list[str]:
    """Return the rules of an endpoint of a PodMonitor called ``test``."""
    return [
        "replace job -> __tmp_prometheus_job_name",
        *(["drop pod_phase ~ (Failed|Succeeded)"] if running else []),
        *keep,
        "replace namespace -> namespace",
        "replace pod_container_name -> container",
        "replace pod_name -> pod",
        *(f"replace pod_label_{name} ~ (.+) -> {name}" for name in labels),
        "replace  -> job = default/test",
        *([f"replace  -> endpoint = {endpoint}"] if endpoint else []),
        *SHARD,
    ]


FOO = "keep service_label_foo;service_labelpresent_foo ~ (bar);true"
ALPHA = "keep service_label_alpha;service_labelpresent_alpha ~ (beta|gamma);true"
GROUP = "keep pod_label_group;pod_labelpresent_group ~ (group1);true"
SELECTOR = """\
    selector:
      matchLabels: {foo: bar}
      matchExpressions: [{key: alpha, operator: In, values: [beta, gamma]}]
"""
HONORING = """\
    targetLabels: [example, env]
    endpoints: [{port: web, interval: 30s, honorLabels: true}]
"""
OWN_RULES = """\
    selector: {matchLabels: {foo: bar}}
    endpoints:
    - port: https-metrics
      honorLabels: true
      interval: 30s
      relabelings:
      - action: Replace
        sourceLabels: [__address__]
        regex: (.+)(?::d+)
        replacement: $1:9537
        targetLabel: __address__
      - {action: replace, replacement: crio, targetLabel: job}
      metricRelabelings: [{action: Drop, sourceLabels: [__name__], regex: tasks_state}]
"""


def pod_endpoint(fields: str) -> str:
    """Return the spec of a PodMonitor with one endpoint."""
    return f"    selector: {{matchLabels: {{group: group1}}}}\n    podMetricsEndpoints: [{{interval: 30s, {fields}}}]\n"


CASES = {
    "SettingHonorLabels": Case(
        monitor("ServiceMonitor", HONORING), "endpoints", service(labels=("example", "env")), honor_labels=True
    ),
    "HonorLabelsOverriding": Case(
        monitor("ServiceMonitor", HONORING) + OVERRIDE, "endpoints", service(labels=("example", "env"))
    ),
    "MatchExpressionsServiceMonitor": Case(
        monitor(
            "ServiceMonitor",
            "    selector: {matchExpressions: [{key: alpha, operator: In, values: [beta, gamma]}]}\n"
            "    endpoints: [{port: web, interval: 30s}]\n",
        ),
        "endpoints",
        service(ALPHA),
    ),
    "TestServiceMonitorWithDefaultServiceDiscoveryRole": Case(
        monitor("ServiceMonitor", f"{SELECTOR}    endpoints: [{{port: web}}]\n"), "endpoints", service(FOO, ALPHA)
    ),
    "TestServiceMonitorWithEndpointSliceAndPrometheusEndpoints": Case(
        monitor(
            "ServiceMonitor", f"{SELECTOR}    serviceDiscoveryRole: EndpointSlice\n    endpoints: [{{port: web}}]\n"
        ),
        "endpointslice",
        service(FOO, ALPHA, of="endpointslice"),
    ),
    "NoEnforcedNamespaceLabelServiceMonitor_Expected": Case(
        monitor("ServiceMonitor", OWN_RULES),
        "endpoints",
        service(
            FOO,
            own=("replace __address__ ~ (.+)(?::d+) -> __address__ = $1:9537", "replace  -> job = crio"),
            port="https-metrics",
        ),
        honor_labels=True,
        metric_rules=("drop __name__ ~ tasks_state",),
    ),
    "ServiceMonitorObjectWithMatchLabelSelector": Case(
        monitor(
            "ServiceMonitor",
            "    selectorMechanism: RoleSelector\n    selector: {matchLabels: {group: group1}}\n"
            "    endpoints: [{port: web}]\n",
        ),
        "endpoints",
        service(),
        selectors=("endpoints group=group1", "service group=group1"),
    ),
    "ServiceMonitorObjectWithSelectorAndMatchExpressionSelector": Case(
        monitor(
            "ServiceMonitor",
            "    selectorMechanism: RoleSelector\n    serviceDiscoveryRole: EndpointSlice\n    selector:\n"
            "      matchLabels: {group: group1}\n"
            "      matchExpressions: [{key: group, operator: In, values: [group2]}]\n    endpoints: [{port: web}]\n",
        ),
        "endpointslice",
        service(of="endpointslice"),
        selectors=("endpointslice group=group1,group in (group2)", "service group=group1,group in (group2)"),
    ),
    "SettingHonorTimestampsInPodMonitor": Case(
        monitor(
            "PodMonitor",
            "    podTargetLabels: [example, env]\n    podMetricsEndpoints: [{honorTimestamps: false, port: web}]\n",
        ),
        "pod",
        pod("keep pod_container_port_name ~ web", labels=("example", "env"), endpoint="web"),
        honor_timestamps=False,
    ),
    "PodMonitorPhaseFilter": Case(
        monitor("PodMonitor", "    podMetricsEndpoints: [{filterRunning: false, port: test}]\n"),
        "pod",
        pod("keep pod_container_port_name ~ test", running=False, endpoint="test"),
    ),
    "podMonitorObjectWithPodName": Case(
        monitor("PodMonitor", pod_endpoint("port: podname, portNumber: 1024, targetPort: '10240'")),
        "pod",
        pod(GROUP, "keep pod_container_port_name ~ podname", endpoint="podname"),
    ),
    "podMonitorObjectWithPortNumber": Case(
        monitor("PodMonitor", pod_endpoint("portNumber: 1024, targetPort: '10240'")),
        "pod",
        pod(GROUP, "keep pod_container_port_number ~ 1024", endpoint="10240"),
    ),
    "podMonitorObjectWithTargetPortInt": Case(
        monitor("PodMonitor", pod_endpoint("targetPort: 10240")),
        "pod",
        pod(GROUP, "keep pod_container_port_number ~ 10240", endpoint="10240"),
    ),
    "podMonitorObjectWithTargetPortString": Case(
        monitor("PodMonitor", pod_endpoint("targetPort: '10240'")),
        "pod",
        pod(GROUP, "keep pod_container_port_name ~ 10240", endpoint="10240"),
    ),
    "ScrapeConfigSpecConfig_WithJobNameAndRelabelConfig": Case(
        monitor(
            "ScrapeConfig",
            "    jobName: own\n    relabelings:\n    - {action: Replace, sourceLabels: [__address__], "
            "regex: '(.+)(?::d+)', replacement: $1:9537, targetLabel: __address__}\n",
        ),
        None,
        [
            "replace job -> __tmp_prometheus_job_name",
            "replace  -> job = own",
            "replace __address__ ~ (.+)(?::d+) -> __address__ = $1:9537",
        ],
    ),
    "ScrapeConfigSpecConfig_HonorLabels": Case(
        monitor("ScrapeConfig", "    honorLabels: true\n"),
        None,
        ["replace job -> __tmp_prometheus_job_name"],
        honor_labels=True,
    ),
}
