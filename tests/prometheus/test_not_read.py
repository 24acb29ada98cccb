"""Rule files that are judged as such, and parts of files that are not judged: named, never passed over."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent, indent

import pytest

from pytest_pushgateway import load
from pytest_pushgateway.cli.check_config import main
from pytest_pushgateway.prometheus.lint.detection import detect
from tests import peers

RULES = """\
groups:
- name: nightly
  rules:
  - alert: TooOld
    expr: time() - push_time_seconds > 86400
"""
MONITOR = """\
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: pushgateway}
spec:
  selector: {matchLabels: {app: prometheus-pushgateway}}
  endpoints: [{port: http, honorLabels: true}]
"""


def custom(kind: str, group: str, spec: str = "groups: [{name: a, rules: [{alert: B, expr: c}]}]") -> str:
    return f"apiVersion: {group}\nkind: {kind}\nmetadata: {{name: backup}}\nspec:\n  {spec}\n"


def check(path: Path | str, *flags: str) -> int:
    return main([*flags, str(path)])


@pytest.fixture
def last_line(capsys: pytest.CaptureFixture[str]) -> object:
    return lambda: capsys.readouterr().out.splitlines()[-1]


def unjudged(text: str) -> list[str]:
    config = load("objects.yml", text=text)
    assert not config.problems
    return [one["section"] for one in config.unjudged]


@pytest.mark.parametrize(
    ("kind", "group"),
    [
        ("VMRule", "operator.victoriametrics.com/v1beta1"),
        ("VMProbe", "operator.victoriametrics.com/v1beta1"),
        ("AlertingRule", "loki.grafana.com/v1"),
        ("RecordingRule", "loki.grafana.com/v1"),
        ("Probe", "monitoring.coreos.com/v1"),
        ("ThanosRuler", "monitoring.coreos.com/v1"),
        ("PodMonitoring", "monitoring.googleapis.com/v1"),
        ("ClusterRules", "monitoring.googleapis.com/v1"),
        ("PrometheusServiceLevel", "sloth.slok.dev/v1"),
        ("Certificate", "cert-manager.io/v1"),
    ],
)
def test_objects_that_nothing_is_read_of_are_named(kind: str, group: str) -> None:
    assert unjudged(MONITOR + "---\n" + custom(kind, group)) == [f"{kind}/backup"]
    assert unjudged(custom(kind, group) + "---\n" + MONITOR) == [f"{kind}/backup"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\ndata: {nginx.conf: server}\n", "ConfigMap/other"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a.yml: '%'}\n", 'Secret/s, data."a.yml", which '),
        (MONITOR.replace("  endpoints", "  endpoint"), "ServiceMonitor/pushgateway"),
        ("apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nmetadata: {name: k}\nspec: {}\n", "Prometheus/k but"),
        ("some: [values]\n", "document 2"),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: inner}\ndata:\n  m.yaml: |\n" + indent(MONITOR, "    "),
            "ServiceMonitor/pushgateway",
        ),
    ],
)
def test_parts_that_cannot_be_read_are_named(text: str, named: str) -> None:
    (found,) = unjudged(f"{MONITOR}---\n{text}")
    assert found.startswith(named)


def test_objects_in_values_are_read() -> None:
    values = (
        "extraObjects:\n- "
        + indent(MONITOR, "  ").lstrip()
        + "- "
        + indent(custom("VMRule", "operator.victoriametrics.com/v1"), "  ").lstrip()
    )
    config = load("values.yml", text=values)
    assert [job.job_name for job in config.jobs] == ["serviceMonitor/default/pushgateway/0"]
    assert [one["section"] for one in config.unjudged] == ["VMRule/backup"]


def test_alertmanagers_configuration_is_not_prometheus() -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: main}\nstringData:\n  alertmanager.yaml: |\n"
    text += indent("global: {resolve_timeout: 5m}\nroute: {receiver: a}\nreceivers: [{name: a}]\n", "    ")
    named = 'Secret/main, stringData."alertmanager.yaml", a configuration of Alertmanager'
    assert unjudged(f"{MONITOR}---\n{text}") == [named]


def test_kubernetes_own_objects_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "all.yml"
    own = [f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: pg}}\n" for kind in ("Service", "Service", "Namespace")]
    path.write_text("---\n".join([MONITOR, *own]))
    assert check(path, "--fail-on=unjudged") == 0
    assert capsys.readouterr().out.endswith("no problems in 1 file; other objects: 2 Service, Namespace\n")
    assert check(path, "--format=json") == 0
    assert [one["section"] for one in json.loads(capsys.readouterr().out)["others"]] == [
        "Service/pg", "Service/pg", "Namespace/pg"
    ]  # fmt: skip


def test_many_names_are_bounded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maps = [f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{n}}}\ndata: {{a: b}}\n" for n in range(20)]
    path = tmp_path / "all.yml"
    path.write_text("---\n".join([MONITOR, *maps]))
    assert check(path) == 0
    assert capsys.readouterr().out.endswith("ConfigMap/c11 and 8 more\n")


def test_folder_names_the_rules_of_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "monitor.yml").write_text(MONITOR)
    (tmp_path / "vm.yml").write_text(custom("VMRule", "operator.victoriametrics.com/v1beta1"))
    (tmp_path / "loki.yml").write_text(custom("AlertingRule", "loki.grafana.com/v1"))
    (tmp_path / "istio.yml").write_text(custom("DestinationRule", "networking.istio.io/v1", "host: db"))
    (tmp_path / "web.yml").write_text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n")
    assert check(tmp_path) == 0
    assert "no problems in 3 files; not judged: AlertingRule/backup, VMRule/backup" in capsys.readouterr().out
    assert check(tmp_path, "--fail-on=unjudged") == 1


def test_documents_after_the_first_of_a_configuration_are_named() -> None:
    job = "scrape_configs: [{job_name: a, honor_labels: true, static_configs: [{targets: ['pg:9091']}]}]\n"
    later = ["documents after the first, which Prometheus does not read"]
    assert unjudged(f"{job}---\nscrape_config: []\n") == later
    assert unjudged(f"{job}---\n# nothing\n") == []
    assert unjudged(f"{RULES}---\n{RULES}") == later
    config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: p}\ndata:\n  prometheus.yml: |\n"
    assert unjudged(config_map + indent(f"{job}---\na: b\n", "    ")) == [
        f'ConfigMap/p, data."prometheus.yml", {later[0]}'
    ]


@pytest.mark.parametrize(
    ("wrong", "right", "place", "message"),
    [
        ("expr: time() - push", "expr: time() - - > push", "5:11", "could not parse expression: "),
        ("- name", "- Name", "2:3", "field Name not found in type rulefmt.RuleGroup"),
        ("  rules:", "  rule:", "3:3", "field rule not found in type rulefmt.RuleGroup"),
        ("groups:", "group:", "1:1", "field group not found in type rulefmt.RuleGroups"),
        ("groups:\n", "", "1:1", "cannot unmarshal !!seq into rulefmt.RuleGroups"),
        ("groups:", "namespace: a\ngroups:", "1:1", "field namespace not found in type rulefmt.RuleGroups"),
    ],
)
def test_rule_file_is_judged_as_one(
    wrong: str, right: str, place: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nightly.yml"
    path.write_text(RULES)
    assert check(path) == 0
    assert capsys.readouterr().out == "no problems in 1 rule file\n"
    path.write_text(RULES.replace(wrong, right))
    assert check(path) == 1
    printed = capsys.readouterr().out
    assert printed.startswith(f"{path}:{place}: error: {message}")
    assert printed.endswith(" error in 1 rule file\n") or " errors in 1 rule file" in printed


@pytest.mark.conformance
@pytest.mark.parametrize("wrong", ["- Name: a", "", "namespace: a"])
def test_rule_file_gets_promtools_words(wrong: str, tmp_path: Path) -> None:
    import subprocess

    path = tmp_path / "nightly.yml"
    path.write_text(f"{RULES}{wrong}\n" if wrong else dedent(RULES).replace("groups:\n", ""))
    done = subprocess.run(
        [peers.promtool_binary(), "check", "rules", "--lint=none", path], capture_output=True, text=True, check=False
    )
    told = {line.strip() for line in (done.stdout + done.stderr).splitlines()}
    found = [problem.promtool for problem in load(path, version="3.5").problems]
    assert found
    for line in found:
        assert line is not None
        assert line.removeprefix(f"{path}: ") in told or line in told


def test_rule_files_of_a_folder_are_judged_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "alerts.yml").write_text(RULES)
    (tmp_path / "other.yml").write_text(RULES.replace("nightly", "weekly"))
    (tmp_path / "prometheus.yml").write_text("rule_files: [alerts.yml]\nscrape_configs: [{job_name: a}]\n")
    (tmp_path / "template.yml").write_text("{{ if .Values.groups }}\ngroups: {{ .Values.groups }}\n{{ end }}\n")
    assert check(tmp_path, "--lint=none") == 0
    assert capsys.readouterr().out == "no problems in 1 file and 1 rule file\n"
    assert check(tmp_path / "alerts.yml", "--skip-others") == 0
    assert capsys.readouterr().out == "no problems in 1 rule file\n"


def test_rules_of_others_are_not_taken_for_prometheus() -> None:
    loki = RULES.replace("time() - push_time_seconds > 86400", '\'sum(rate({app="a"} |= "error" [5m])) > 1\'')
    assert unjudged(loki) == ["rules of Loki"]
    (problem,) = load("rules.yml", text="apiVersion: 1\ngroups: [{orgId: 1, name: a, folder: b, rules: []}]\n").problems
    assert problem.message.startswith("these are alert rules of Grafana")


def test_values_with_rules_of_a_chart_are_no_rule_file() -> None:
    config = load("values.yml", text="image: a\nalerts: [{alert: A, expr: b}]\nreplicas: 1\n")
    assert config.form == ""


def test_script_in_a_config_map_is_no_broken_configuration() -> None:
    script = "def push(\n    job_name: str,\n) -> None:\n    {\n"
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\ndata:\n  push.py: |\n" + indent(script, "    ")
    assert unjudged(f"{MONITOR}---\n{text}") == ['ConfigMap/s, data."push.py", which is not YAML']
    config = load("objects.yml", text=text.replace("push.py", "push.yml"))
    assert config.problems[0].rule == "yaml"


def test_jobs_of_a_chart_whose_name_is_left_empty_have_their_keys() -> None:
    jobs = """\
scrapeConfigs:
  gateway: {enabled: true, job_name: "", honor_labels: true, static_configs: [{targets: ["pushgateway:9091"]}]}
  none: {enabled: , job_name: none}
"""
    config = load("values.yml", text=jobs)
    assert [job.job_name for job in config.jobs] == ["gateway"]
    assert not config.problems


def test_exporters_on_the_port_are_perhaps_gateways() -> None:
    text = "scrape_configs: [{job_name: a-exporter, honor_labels: true, static_configs: [{targets: ['db:9091']}]}]"
    config = load("prometheus.yml", text=text)
    assert [one.level for one in detect(config, [])] == ["perhaps"]
    config = load("prometheus.yml", text=text.replace("a-exporter", "batch"))
    assert [one.level for one in detect(config, [])] == ["likely"]
