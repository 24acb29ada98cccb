"""Configurations in the files that people really have: recognised by content, judged, and placed in the outer file."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from textwrap import dedent, indent

import pytest

from pytest_pushgateway import PrometheusConfig, Pushgateway, load
from pytest_pushgateway.cli.check_config import main

JOBS = """\
- job_name: pushgateway
  static_configs:
  - targets: ['pushgateway:9091']
"""
CONFIGURATION = f"scrape_configs:\n{JOBS}"
GOOD = CONFIGURATION.replace("  static", "  honor_labels: true\n  static")
BASE64 = base64.b64encode(CONFIGURATION.encode()).decode()


def outer(text: str, inner: str = "", depth: int = 4) -> str:
    """Return an outer file with ``inner`` for ``INNER``, indented."""
    return dedent(text).replace(" " * depth + "INNER\n", indent(inner, " " * depth))


CONFIG_MAP = outer(
    """\
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: prometheus-server
    data:
      notes.txt: "not: a configuration"
      prometheus.yml: |
        INNER
    """,
    CONFIGURATION,
)
SECRET = f"""\
apiVersion: v1
kind: Secret
metadata: {{name: extra}}
data:
  prometheus.yml: {BASE64}
"""

FORMS = {
    "a ConfigMap": (CONFIG_MAP, (9, 7), 'ConfigMap/prometheus-server, data."prometheus.yml", line 2'),
    "a ConfigMap in a key of another name": (
        CONFIG_MAP.replace("prometheus.yml", "config.yaml"),
        (9, 7),
        'ConfigMap/prometheus-server, data."config.yaml", line 2',
    ),
    "a ConfigMap with a quoted text": (
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: p}\ndata:\n  prometheus.yml: "scrape_configs:\\n'
        "- job_name: pushgateway\\n  static_configs: [{targets: ['pushgateway:9091']}]\\n\"\n",
        (5, 19),
        'ConfigMap/p, data."prometheus.yml", line 2',
    ),
    "a Secret": (SECRET, (5, 19), 'Secret/extra, data."prometheus.yml", line 2'),
    "a Secret with stringData": (
        outer(
            """\
            apiVersion: v1
            kind: Secret
            metadata: {name: extra}
            stringData:
              additional-scrape-configs.yaml: |-
                INNER
            """,
            JOBS,
        ),
        (6, 7),
        'Secret/extra, stringData."additional-scrape-configs.yaml", line 1',
    ),
    "a List": (
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Namespace\n- "
        + indent(CONFIG_MAP, "  ").lstrip(),
        (14, 9),
        'ConfigMap/prometheus-server, data."prometheus.yml", line 2',
    ),
    "several documents": (
        f"---\n# the namespace\napiVersion: v1\nkind: Namespace\nmetadata: {{name: m}}\n---\n{CONFIG_MAP}---\n",
        (15, 7),
        'ConfigMap/prometheus-server, data."prometheus.yml", line 2',
    ),
    "a Kubernetes object as JSON": (
        '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "p"},\n'
        ' "data": {"prometheus.yml": "scrape_configs:\\n- job_name: pushgateway\\n"}}\n',
        (2, 29),
        'ConfigMap/p, data."prometheus.yml", line 2',
    ),
    "values of chart prometheus": (
        outer("serverFiles:\n  prometheus.yml:\n    INNER\n", CONFIGURATION),
        (4, 7),
        'serverFiles."prometheus.yml"',
    ),
    "values of chart prometheus, a text": (
        outer("extraScrapeConfigs: |\n    INNER\n", JOBS),
        (2, 7),
        "extraScrapeConfigs, line 1",
    ),
    "values of chart prometheus, jobs by name": (
        "scrapeConfigs:\n  prometheus:\n    enabled: false\n    job_name: prometheus\n"
        "  pushgateway:\n    enabled: true\n    static_configs:\n    - targets: ['pushgateway:9091']\n",
        (6, 5),
        "scrapeConfigs",
    ),
    "values of a chart that has chart prometheus": (
        outer(
            "monitoring:\n  prometheus:\n    INNER\n",
            outer("serverFiles:\n  prometheus.yml:\n    INNER\n", JOBS).replace(
                "prometheus.yml:\n    -", "prometheus.yml:\n    scrape_configs:\n    -"
            ),
        ),
        (6, 11),
        'monitoring.prometheus.serverFiles."prometheus.yml"',
    ),
    "values of a chart with a whole configuration": (
        "replicas: 1\nconfig:\n  global: {scrape_interval: 15s}\n" + indent(CONFIGURATION, "  "),
        (5, 5),
        "config",
    ),
    "values of kube-prometheus-stack": (
        outer("prometheus:\n  prometheusSpec:\n    additionalScrapeConfigs:\n    INNER\n", JOBS),
        (4, 7),
        "prometheus.prometheusSpec.additionalScrapeConfigs",
    ),
    "a HelmRelease": (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: p}\nspec:\n  values:\n"
        + indent(f"extraScrapeConfigs: |\n{indent(JOBS, '  ')}", "    "),
        (7, 9),
        "HelmRelease/p, spec.values.extraScrapeConfigs, line 1",
    ),
    "an Application of Argo CD": (
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: p}\nspec:\n  source:\n    helm:\n"
        "      values: |\n"
        + indent(f"prometheus:\n  prometheusSpec:\n    additionalScrapeConfigs:\n{indent(JOBS, '    ')}", " " * 8),
        (11, 15),
        "Application/p, spec.source.helm.values, prometheus.prometheusSpec.additionalScrapeConfigs, line 4",
    ),
    "a list of jobs": (JOBS, (1, 3), None),
    "variables of a role of Ansible": (
        f"prometheus_version: 3.5.0\nprometheus_scrape_configs:\n{JOBS}",
        (3, 3),
        "prometheus_scrape_configs",
    ),
    "the OpenTelemetry Collector": (
        outer(
            "receivers:\n  prometheus/push:\n    config:\n      INNER\nexporters: {debug: {}}\nservice: {}\n",
            CONFIGURATION,
            6,
        ),
        (5, 9),
        'receivers."prometheus/push".config',
    ),
    "an OpenTelemetryCollector": (
        "apiVersion: opentelemetry.io/v1beta1\nkind: OpenTelemetryCollector\nmetadata: {name: c}\nspec:\n  config:\n"
        + indent(f"receivers:\n  prometheus:\n    config:\n{indent(CONFIGURATION, '      ')}service: {{}}\n", "    "),
        (10, 13),
        "OpenTelemetryCollector/c, spec.config.receivers.prometheus.config",
    ),
    "Grafana Agent": (
        "server: {}\nmetrics:\n  global: {scrape_interval: 15s, remote_write: []}\n  configs:\n  - name: default\n"
        + indent(CONFIGURATION, "    "),
        (7, 7),
        "metrics.configs[0]",
    ),
    "Grafana Agent before 0.21": (
        "prometheus:\n  configs:\n  - name: default\n" + indent(CONFIGURATION, "    "),
        (5, 7),
        "prometheus.configs[0]",
    ),
    "a VMAgent": (
        "apiVersion: operator.victoriametrics.com/v1beta1\nkind: VMAgent\nmetadata: {name: a}\nspec:\n"
        "  inlineScrapeConfig: |\n" + indent(JOBS, "    "),
        (6, 7),
        "VMAgent/a, spec.inlineScrapeConfig, line 1",
    ),
    "a Compose file": (
        outer(
            """\
            services:
              prometheus:
                image: prom/prometheus
                configs: [{source: prom, target: /etc/prometheus/prometheus.yml}]
            configs:
              prom:
                content: |
                  INNER
            """,
            CONFIGURATION,
            6,
        ),
        (9, 9),
        "configs.prom.content, line 2",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_are_judged_with_places_in_the_outer_file(form: str) -> None:
    text, place, inside = FORMS[form]
    config = load("file.yaml", text=text)
    (problem,) = config.problems
    assert problem.rule == "PG001"
    assert (problem.file, problem.line, problem.column) == ("file.yaml", *place)
    assert problem.object == inside
    (job,) = config.gateway_jobs()
    assert (job.job_name, job.position()) == ("pushgateway", place)


@pytest.mark.parametrize("form", FORMS)
def test_forms_with_honor_labels_have_no_problem(form: str) -> None:
    text = FORMS[form][0]
    text = re.sub(r"^( *)static_configs:\n", r"\1honor_labels: true\n\1static_configs:\n", text, flags=re.M)
    text = text.replace("static_configs: [{", "honor_labels: true\\n  static_configs: [{")
    text = text.replace('pushgateway\\n"', 'pushgateway\\n  honor_labels: true\\n"')
    text = text.replace(BASE64, base64.b64encode(GOOD.encode()).decode())
    assert load(text=text).problems == []


def test_fields_are_judged_in_every_piece_of_a_file() -> None:
    text = f"{CONFIG_MAP}---\n{SECRET}---\n".replace("static_configs:", "statik_configs:")
    text = text.replace(BASE64, base64.b64encode(CONFIGURATION.replace("static", "statik").encode()).decode())
    found = [
        (problem.line, problem.object)
        for problem in load(text=text, lint="none").problems
        if "statik_configs not found" in problem.message
    ]
    assert found == [
        (10, 'ConfigMap/prometheus-server, data."prometheus.yml", line 3'),
        (17, 'Secret/extra, data."prometheus.yml", line 3'),
    ]


def test_what_is_not_yaml_in_a_config_map_has_its_place() -> None:
    (problem,) = load(text=CONFIG_MAP.replace("  - targets:", "\t- targets:")).problems
    assert problem.rule == "yaml"
    assert (problem.line, problem.object) == (11, 'ConfigMap/prometheus-server, data."prometheus.yml"')


def test_templates_in_a_config_map_get_one_line() -> None:
    text = CONFIG_MAP.replace("      static", "      scrape_interval: '{{ .Values.interval }}'\n      static")
    (problem,) = load(text=text).problems
    assert problem.message.startswith("this is a Helm or Go template")
    assert (problem.line, problem.object) == (10, 'ConfigMap/prometheus-server, data."prometheus.yml", line 3')


def test_comments_for_the_linter_work_in_a_text() -> None:
    for comment in ("# pushgateway: not-a-gateway", "# pushgateway: ignore PG001"):
        assert load(text=CONFIG_MAP.replace("    - job", f"    {comment}\n    - job")).problems == []
        encoded = base64.b64encode(f"scrape_configs:\n{comment}\n{JOBS}".encode()).decode()
        assert load(text=SECRET.replace(BASE64, encoded)).problems == []


def test_files_that_a_configuration_names_are_not_looked_for_in_a_cluster() -> None:
    text = CONFIG_MAP.replace("    scrape_configs", "    rule_files: [/etc/config/alerts.yml]\n    scrape_configs")
    assert load(text=text, lint="none").problems == []


def test_helm_values_have_the_global_next_to_them() -> None:
    text = "server:\n  global: {scrape_interval: 10m}\nextraScrapeConfigs:\n" + JOBS
    config = load(text=text)
    assert config.jobs[0].scrape_interval == 600
    assert ("PG010", 2) in [(problem.rule, problem.line) for problem in config.problems]


def test_collectors_double_dollars_and_read_the_environment() -> None:
    text = FORMS["the OpenTelemetry Collector"][0].replace(
        "        static",
        "        scrape_interval: ${env:INTERVAL}\n        honor_labels: true\n"
        "        relabel_configs: [{source_labels: [a], target_label: b, replacement: 'x-$$1'}]\n        static",
    )
    config = load(text=text)
    assert config.problems == []
    assert config.jobs[0].relabel_configs[0].replacement == "x-$1"
    (unjudged,) = config.unjudged
    assert (unjudged["section"], unjudged["line"]) == ("a value from the environment", 6)


def test_vmagents_own_fields_are_noted_once() -> None:
    jobs = GOOD + dedent(
        """\
          stream_parse: true
          metric_relabel_configs:
          - {action: drop_metrics, regex: [a_total, b_total]}
          - {if: '{job="x"}', action: drop}
        """
    ).replace("\n", "\n  ").join(("  ", "")).rstrip(" ")
    (problem,) = load(text=jobs).problems
    assert problem.severity == "note"
    assert "read as a configuration of vmagent" in problem.message
    assert "Prometheus refuses them" in problem.message
    assert load(text=GOOD + "  labels: {a: b}\n").errors  # alone it is a mistake, not a sign of vmagent


UNREAD = {
    "Alloy": 'logging {\n  level = "info"\n}\n\nprometheus.scrape "pushgateway" {\n  targets = []\n}\n',
    "Jinja": "scrape_configs:\n{% for one in jobs %}\n- job_name: {{ one }}\n{% endfor %}\n",
    "Jinja that is YAML": 'global: {scrape_interval: "{{ interval | default(1) }}"}\nscrape_configs: []\n',
    "Helm": "scrape_configs:\n{{- range .Values.jobs }}\n- job_name: {{ .name }}\n{{- end }}\n",
    "Helm in a value": "scrape_configs:\n- job_name: a\n  scrape_interval: {{ .Values.interval }}\n",
    "Go": 'scrape_configs:\n- job_name: {{ env "JOB" }}\n',
    "ERB": "scrape_configs:\n<% jobs.each do |one| %>\n- job_name: <%= one %>\n<% end %>\n",
    "HCL": 'resource "kubernetes_config_map" "p" {\n  data = {\n    "prometheus.yml" = <<EOF\nglobal:\nEOF\n  }\n}\n',
    "Nomad": 'job "prometheus" {\n  group "m" {\n    task "p" {\n      template { data = "x" }\n    }\n  }\n}\n',
    "Nix": '{ config, pkgs, ... }:\n{\n  services.prometheus.scrapeConfigs = [ { job_name = "pushgateway"; } ];\n}\n',
    "Jsonnet": "local jobs = import 'jobs.libsonnet';\n{ scrape_configs: jobs }\n",
    "TOML": '[[inputs.prometheus]]\n  urls = ["http://pushgateway:9091/metrics"]\n',
    "variables": "global: {scrape_interval: ${INTERVAL}}\nscrape_configs: []\n",
}


@pytest.mark.parametrize("language", UNREAD)
def test_languages_that_are_not_read_get_one_line(language: str) -> None:
    (problem,) = load(text=UNREAD[language]).problems
    assert (problem.severity, problem.rule) == ("error", "form")
    assert problem.message.startswith("this is ")
    assert ": " in problem.message
    assert "\n" not in problem.message


def test_texts_with_braces_are_not_taken_for_templates() -> None:
    text = GOOD.replace("  static", "  params: {x: ['{{ $labels.job }}']}\n  static")
    assert load(text=text).problems == []
    broken = "scrape_configs:\n- job_name: 'a'b\n# {{ $labels.job }}\n"
    assert [problem.rule for problem in load(text=broken).problems] == ["yaml"]


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: pushgateway}\n",
        "services:\n  pushgateway:\n    image: prom/pushgateway\n",
        "receivers: {otlp: {}}\nservice: {}\n",
    ],
)
def test_forms_without_a_configuration_get_one_line(text: str) -> None:
    (problem,) = load(text=text).problems
    assert problem.rule == "form"
    assert "nothing in it configures what Prometheus scrapes" in problem.message


def test_files_of_other_programs_get_one_line() -> None:
    values = "".join(f"{name}: 1\n" for name in ("replicaCount", "image", "nameOverride", "serviceMonitor"))
    (problem,) = load("values.yaml", text=values).problems
    assert problem.message.startswith(
        "this is not a configuration: Prometheus knows none of its 4 fields (replicaCount, "
    )
    promtail = "server: {}\npositions: {}\nclients: []\nscrape_configs:\n- job_name: a\n"
    (problem,) = load("values.yaml", text=promtail).problems
    assert "a configuration of Promtail" in problem.message
    assert len(load("values.yaml", text="scrape_confgs: []\nglobl: {}\nalertin: {}\n").problems) == 3
    (problem,) = load("values.yaml", text=f"{values}global: {{imageRegistry: x}}\n").problems
    assert problem.rule == "form"
    assert len(load("values.yaml", text=f"{values}global: {{scrape_interval: 1m}}\n").problems) == 4
    chart = f"global: {{imageRegistry: x}}\nconfig:\n{indent(CONFIGURATION, '  ')}"
    assert [problem.rule for problem in load("values.yaml", text=chart).problems] == ["PG001"]


def test_pages_about_yaml_are_markdown_and_commented_yaml_is_not() -> None:
    def notes(path: str, text: str) -> list[str]:
        return [problem.rule for problem in load(path, text=text).problems if problem.severity == "note"]

    assert notes("README.md", "# Title\n\ntext\n") == ["markdown"]
    assert notes("page.yml", "# Title\n\nSee [this](x).\n\n```yaml\na: b\n```\n") == ["markdown"]
    commented = "## Jobs\n# see [the manual](https://example.org)\n## More\nscrape_configs:\n- job_nam: a\n"
    assert notes("prometheus.yml", commented) == []


def test_folders_take_every_form_and_leave_out_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {
        "good.yml": GOOD,
        "config-map.yaml": CONFIG_MAP,
        "deployment.yaml": "apiVersion: apps/v1\nkind: Deployment\n",
        "workflow.yml": "jobs: {build: {}}\n",
        "template.yaml": UNREAD["Helm"],
        "config.alloy": UNREAD["Alloy"],
        "main.tf": 'resource "a" "b" {}\n',
    }
    Path("folder").mkdir()
    for name, text in files.items():
        Path("folder", name).write_text(text)
    assert main(["folder"]) == 1
    printed = capsys.readouterr().out
    assert "folder/config-map.yaml:9:7: error: honor_labels is not set" in printed
    assert '  in:   ConfigMap/prometheus-server, data."prometheus.yml", line 2\n' in printed
    assert "folder/template.yaml:2:1: note: this is a Helm or Go template" in printed
    assert "folder/config.alloy:1:1: note: this is an Alloy configuration" in printed
    assert printed.endswith("1 error, 2 notes in 4 files\n")


def test_hooks_skip_the_files_that_configure_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("deployment.yaml").write_text("apiVersion: apps/v1\nkind: Deployment\n")
    Path("prometheus.yml").write_text("scrape_config: []\n")
    assert main(["--skip-others", "deployment.yaml", "prometheus.yml"]) == 1
    assert capsys.readouterr().out.endswith("1 error in 1 file\n")


def test_config_maps_are_scraped_like_the_file_in_them(pushgateway: Pushgateway) -> None:
    pushgateway.push("rows 7\n", job="nightly", grouping_key={"instance": "db1"})
    config: PrometheusConfig = load(text=CONFIG_MAP.replace("    - job", "    - honor_labels: true\n      job"))
    config.scrape(pushgateway).assert_stored("rows", 7, job="nightly", instance="db1")
