"""The Prometheus Operator's monitors: the jobs that it makes of them, and what becomes of pushed labels (PG027)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_pushgateway import PrometheusConfig, Pushgateway, load
from pytest_pushgateway.cli.explain import main as explain
from pytest_pushgateway.prometheus.lint.operator import example_target

from .operator_facts import CASES, OVERRIDE, fact, monitor

GOOD = """\
    selector: {matchLabels: {app: pushgateway}}
    endpoints:
    - port: http
      honorLabels: true
"""
PODS = """\
    selector: {matchLabels: {app: pushgateway}}
    podMetricsEndpoints:
    - port: http
      honorLabels: true
"""
STATIC = """\
    staticConfigs: [{targets: ['pushgateway:9091']}]
    honorLabels: true
"""


@pytest.mark.parametrize("name", CASES)
def test_jobs_are_those_of_the_operators_golden_files(name: str) -> None:
    case = CASES[name]
    (job,) = load(text=case.text, lint="none").jobs
    assert [fact(rule) for rule in job.relabel_configs] == case.rules
    assert [fact(rule) for rule in job.metric_relabel_configs] == list(case.metric_rules)
    assert (job.honor_labels, job.honor_timestamps) == (case.honor_labels, case.honor_timestamps)
    kind = case.text.split("kind: ")[1].split("\n")[0]
    ending = "" if kind == "ScrapeConfig" else "/0"
    assert job.job_name == f"{kind[0].lower()}{kind[1:]}/default/test{ending}"
    assert job.scrape_interval == 30
    if case.role is None:
        assert job.discoveries == []
        return
    (discovery,) = job.discoveries
    assert discovery.settings["role"] == case.role
    assert discovery.settings["namespaces"] == {"names": ["default"]}
    selectors = discovery.settings.get("selectors", [])
    assert tuple(f"{one['role']} {one['label']}" for one in selectors) == case.selectors


def problems(text: str, **options: str) -> list[str]:
    return [
        f"{problem.line} {problem.rule} {problem.severity}: {problem.message}"
        for problem in load(text=text, **options).problems  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize(
    ("kind", "spec"),
    [("ServiceMonitor", GOOD), ("PodMonitor", PODS), ("ScrapeConfig", STATIC), ("VMServiceScrape", GOOD),
     ("VMPodScrape", PODS)],
)  # fmt: skip
def test_honor_labels_is_missed_in_every_kind_of_monitor(kind: str, spec: str) -> None:
    assert problems(monitor(kind, spec, "pushgateway")) == []
    (problem,) = load(text=monitor(kind, spec.replace("honorLabels: true", ""), "pushgateway")).problems
    assert (problem.rule, problem.severity) == ("PG027", "error")
    assert problem.message.startswith("honorLabels is not set in spec")
    assert f"of {kind}/pushgateway, which scrapes a gateway" in problem.message
    assert problem.consequence is not None
    assert 'exported_instance="db1", exported_job="backup"' in problem.consequence


def test_stored_labels_are_shown_the_namespace_and_the_pod_included() -> None:
    (problem,) = load(text=monitor("ServiceMonitor", GOOD.replace("honorLabels: true", "interval: 1m"))).problems
    assert problem.consequence == (
        'pushed as records_processed{instance="db1", job="backup", namespace="shop", pod="backup-1"}\n'
        'stored as records_processed{container="pushgateway", endpoint="http", exported_instance="db1", '
        'exported_job="backup", exported_namespace="shop", exported_pod="backup-1", instance="10.0.0.9:9091", '
        'job="pushgateway", namespace="monitoring", pod="pushgateway-0", service="pushgateway"}'
    )
    assert problem.object == "ServiceMonitor/test, spec.endpoints[0]"


def test_whose_namespace_series_get_is_noted_in_the_strict_set() -> None:
    (problem,) = load(text=monitor("ServiceMonitor", GOOD), lint="strict").problems
    assert (problem.rule, problem.severity) == ("PG027", "note")
    assert problem.consequence is not None
    assert 'stored as records_processed{container="pushgateway", endpoint="http", job="backup", ' in problem.consequence


@pytest.mark.parametrize(
    ("before", "after", "path", "line"),
    [
        ("honorLabels: true", "honor_labels: true", "spec.endpoints[0].honor_labels", 8),
        ("honorLabels: true", "honourLabels: true", "spec.endpoints[0].honourLabels", 8),
        ("honorLabels: true", "honorlabels: true", "spec.endpoints[0].honorlabels", 8),
        ("honorLabels: true", "HonorLabels: true", "spec.endpoints[0].HonorLabels", 8),
        ("honorLabels: true", "basicAuth: {honorLabels: true}", "spec.endpoints[0].basicAuth.honorLabels", 8),
        (
            "honorLabels: true",
            "oauth2: {scopes: [{honorLabels: 1}]}",
            "spec.endpoints[0].oauth2.scopes[0].honorLabels",
            8,
        ),
        ("endpoints:\n", "honorLabels: true\n    endpoints:\n", "spec.honorLabels", 6),
        ("selector: {", "selector: {honor_labels: true, ", "spec.selector.honor_labels", 5),
        ("spec:\n", "honorLabels: true\nspec:\n", "honorLabels", 4),
        ("metadata: {", "metadata: {honorLabels: true, ", "metadata.honorLabels", 3),
    ],
)
def test_fields_that_clusters_drop_are_named(before: str, after: str, path: str, line: int) -> None:
    text = monitor("ServiceMonitor", GOOD, "pushgateway").replace("honorLabels: true", "honorLabels: true")
    if before != "honorLabels: true":
        text = text.replace("      honorLabels: true\n", "").replace("    honorLabels: true\n", "")
    found = problems(text.replace(before, after.replace("\n    ", "\n  "), 1))
    assert found == [f"{line} PG027 error: {path} is not a field of a ServiceMonitor: clusters drop it without a word"]


def test_texts_are_not_booleans() -> None:
    (found,) = problems(monitor("ServiceMonitor", GOOD.replace("true", "'true'")))
    assert "honorLabels must be true, not 'true', which clusters refuse, in spec.endpoints[0]" in found
    (found,) = problems(monitor("ServiceMonitor", GOOD.replace("true", "false")))
    assert "PG027 warning: honorLabels is false in spec.endpoints[0]" in found


def test_prometheus_may_override_it() -> None:
    (found,) = problems(OVERRIDE)
    assert found == "5 PG027 warning: overrideHonorLabels: true makes the honorLabels of every monitor false"
    assert problems(OVERRIDE.replace("true", "false")) != []  # there is nothing else in it
    both = problems(monitor("ServiceMonitor", GOOD) + OVERRIDE)
    assert any("overrideHonorLabels: true of Prometheus/test makes honorLabels of ServiceMonitor/test" in one
               for one in both)  # fmt: skip
    values = "prometheus:\n  prometheusSpec:\n    overrideHonorLabels: true\n"
    assert problems(values) == [
        "3 PG027 warning: overrideHonorLabels: true makes the honorLabels of every monitor false"
    ]


def test_other_monitors_and_probes_have_no_problem() -> None:
    other = GOOD.replace("pushgateway", "node-exporter").replace("      honorLabels: true\n", "")
    assert problems(monitor("ServiceMonitor", other)) == []
    probe = monitor("Probe", "    prober: {url: blackbox:9115}\n")
    assert problems(monitor("ServiceMonitor", GOOD) + "---\n" + probe) == []
    restored = GOOD.replace(
        "honorLabels: true",
        "metricRelabelings: [{sourceLabels: [exported_job], regex: (.+), targetLabel: job}]",
    )
    assert problems(monitor("ServiceMonitor", restored)) == []


@pytest.mark.parametrize("comment", ["pushgateway: not-a-gateway", "pushgateway: ignore PG027", "pushgateway: ignore"])
def test_comments_silence_the_rule(comment: str) -> None:
    text = monitor("ServiceMonitor", GOOD.replace("honorLabels: true", f"# {comment}\n      interval: 1m"))
    text = text.replace("  - port", f"  # {comment}\n  - port")
    assert problems(text) == []


def test_values_of_charts_have_monitors() -> None:
    values = (
        "prometheus:\n  additionalServiceMonitors:\n  - name: pushgateway\n    selector: {matchLabels: {app: pgw}}\n"
        "    endpoints:\n    - port: http\n"
    )
    (found,) = problems(values)
    assert found.startswith(
        "6 PG027 error: honorLabels is not set in prometheus.additionalServiceMonitors[0].endpoints"
    )
    assert problems(f"{values}      honorLabels: true\n") == []
    chart = "prometheus-pushgateway:\n  serviceMonitor:\n    enabled: true\n"
    assert problems(chart) == []
    (found,) = problems(f"{chart}    honorLabels: false\n")
    assert found.startswith("4 PG027 warning: honorLabels is false in prometheus-pushgateway.serviceMonitor")


def test_other_rules_speak_the_operators_names() -> None:
    spec = GOOD + "      interval: 10m\n      metricRelabelings: [{action: labeldrop, regex: job}]\n"
    found = problems(monitor("ServiceMonitor", spec))
    assert found[0].startswith("9 PG010 warning: interval 10m is not below")
    assert found[1].startswith("10 PG008 error: labeldrop 'job' removes job")


def test_errors_in_a_monitor_have_their_places() -> None:
    spec = GOOD + "      interval: soon\n      relabelings: [{sourceLabels: [a], regex: '(', targetLabel: b}]\n"
    (interval, regex) = load(text=monitor("ServiceMonitor", spec), lint="none").problems
    assert (interval.line, interval.column) == (9, 15)
    assert "not a valid duration" in interval.message
    assert regex.line == 10
    assert "missing closing )" in regex.message


def test_monitors_are_scraped_with_targets_that_a_cluster_would_find(pushgateway: Pushgateway) -> None:
    pushgateway.push("rows 7\n", job="nightly")
    config = load(text=monitor("ServiceMonitor", GOOD))
    stored = config.scrape(pushgateway, targets=[example_target(config.jobs[0])])
    stored.assert_stored("rows", 7, job="nightly", namespace="monitoring", pod="pushgateway-0", endpoint="http")


def test_explain_shows_each_rule_of_the_operator(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(str(tmp_path))
    with open("monitor.yaml", "w", encoding="utf-8") as file:
        file.write(monitor("ServiceMonitor", GOOD))
    assert explain(["--target=10.0.0.9:9091", "monitor.yaml"]) == 1
    assert "not scraped   dropped by relabel_configs" in capsys.readouterr().out


@pytest.mark.conformance
def test_real_prometheus_stores_the_same(pushgateway: Pushgateway, prometheus_server: Callable[..., object]) -> None:
    """Ten monitors at once: their jobs in a real Prometheus, with the targets that a cluster's discovery would find."""
    names = [name for name in CASES if not name.startswith("ScrapeConfig")][:12]
    texts = [
        CASES[name].text.replace("{name: test,", f"{{name: pushgateway-{number},") for number, name in enumerate(names)
    ]
    text = "---\n".join(one for one in texts if OVERRIDE not in one)
    config: PrometheusConfig = load(text=text, lint="none")
    assert len(config.gateway_jobs()) >= 10
    targets = [example_target(job) for job in config.jobs]
    pushgateway.push("rows 7\n", job="nightly", grouping_key={"namespace": "shop"})
    pushgateway.push("rows 8\n", job="hourly", grouping_key={"instance": "db1", "pod": "x"})
    server = prometheus_server(config, pushgateway, targets=targets)
    theirs = {tuple(sorted(one.labels.items())) for one in server.series("rows")}  # type: ignore[attr-defined]
    ours = {
        tuple(sorted(one.labels.items()))
        for job in config.jobs
        for one in config.scrape(pushgateway, job.job_name, targets=targets).series
        if one.name == "rows"
    }
    assert theirs == ours
    assert len(ours) >= 10
