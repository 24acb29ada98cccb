"""The lint rules: their words, their exceptions, and the ways to silence them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_pushgateway import Problem, Settings, load
from pytest_pushgateway.prometheus.problems import RULE_NAMES


def job(body: str = "", *, honor: bool = True, name: str = "pushgateway", targets: str = "['pg:9091']") -> str:
    text = f"- job_name: {name}\n" + ("  honor_labels: true\n" if honor else "")
    text += "".join(f"  {line}\n" for line in body.splitlines())
    return text + (f"  static_configs:\n  - targets: {targets}\n" if targets else "")


def lint(*jobs: str, before: str = "", **options: Any) -> list[Problem]:
    config = load(text=f"{before}scrape_configs:\n{''.join(jobs)}", files=False, **options)
    assert config.errors == []
    return config.problems


def found(*jobs: str, **options: Any) -> list[str]:
    return [f"{problem.rule} {problem.severity}" for problem in lint(*jobs, **options)]


class TestLabels:
    def test_missing_honor_labels_shows_stored_series(self) -> None:
        (problem,) = lint(job(honor=False))
        assert problem.message == "honor_labels is not set on gateway job 'pushgateway' (it is called 'pushgateway')"
        assert problem.consequence == (
            'pushed as records_processed{instance="db1", job="backup"}\n'
            'stored as records_processed{exported_instance="db1", exported_job="backup", instance="pg:9091", '
            'job="pushgateway"}'
        )
        assert (problem.line, problem.column, problem.job) == (2, 3, "pushgateway")

    def test_uncertain_gateway_is_a_warning(self) -> None:
        assert found(job("honor_labels: false", honor=False)) == ["PG001 warning"]
        labelled = job(honor=False, name="a", targets="['10.0.0.1:80']\n    labels: {app: pushgateway}")
        assert found(labelled) == ["PG001 warning"]

    def test_job_with_other_targets_should_be_split(self) -> None:
        (problem,) = lint(job(honor=False, name="all", targets="['prom:9090', 'pushgateway:9091']"))
        assert problem.fix is not None
        assert problem.fix.startswith("give the gateway its own job, with honor_labels: true;")
        assert problem.consequence is not None
        assert 'instance="pushgateway:9091"' in problem.consequence

    def test_relabelling_may_restore_the_labels(self) -> None:
        rules = """metric_relabel_configs:
- {source_labels: [exported_job], regex: (.+), target_label: job}
- {action: labeldrop, regex: exported_job}"""
        assert found(job(rules, honor=False)) == []
        assert found(job(rules.replace("target_label: job", "target_label: pushed_job"), honor=False)) != []

    def test_misplaced_honor_labels_is_one_finding(self) -> None:
        assert found(job(honor=False, targets="['pg:9091']\n    labels: {honor_labels: true}")) == ["PG003 error"]

    def test_two_gateways(self) -> None:
        assert found(job(targets="['pg1:9091', 'pg2:9091']")) == ["PG006 warning"]
        assert found(job(honor=False, targets="['pg1:9091', 'pg2:9091']")) == ["PG001 error"]
        labels = "['pg1:9091']\n    labels: {g: a}\n  - targets: ['pg2:9091']\n    labels: {g: b}"
        assert found(job(targets=labels)) == []
        assert found(job("metric_relabel_configs: [{action: labeldrop, regex: g}]", targets=labels)) == [
            "PG006 warning"
        ]

    def test_other_programs_are_not_a_second_gateway(self) -> None:
        assert found(job(name="all", targets="['node:9100', 'pushgateway:9091']")) == []

    def test_same_gateway_in_two_jobs(self) -> None:
        assert found(job(), job(name="pgw")) == ["PG007 warning"]
        assert found(job(), job("metrics_path: /x/metrics", name="pgw")) == []
        keep = "metric_relabel_configs: [{source_labels: [__name__], regex: a.*, action: keep}]"
        assert found(job(), job(keep, name="pgw")) == []
        assert found(job(), job(name="pgw", honor=False)) == ["PG001 error"]

    @pytest.mark.parametrize("regex", ["job", "j.*", "(job|pod)", "__name__"])
    def test_identity_must_stay(self, regex: str) -> None:
        assert found(job(f"metric_relabel_configs: [{{action: labeldrop, regex: {regex}}}]")) == ["PG008 error"]

    def test_identity_may_be_moved(self) -> None:
        rules = "[{source_labels: [job], target_label: batch}, {action: labeldrop, regex: job}]"
        assert found(job(f"metric_relabel_configs: {rules}")) == []
        assert found(job("metric_relabel_configs: [{action: labelkeep, regex: __name__|job|instance}]")) == []
        assert found(job("metric_relabel_configs: [{action: labelkeep, regex: __name__|instance}]")) == ["PG008 error"]

    def test_instance_counts_where_groups_differ_by_it(self) -> None:
        rules = "metric_relabel_configs: [{action: labeldrop, regex: instance}]"
        assert found(job(rules)) == []
        metrics = '# TYPE x gauge\nx{instance="a",job="b"} 1\nx{instance="c",job="b"} 1\n'
        assert found(job(rules), metrics=metrics) == ["PG008 error"]
        assert (
            found(job(rules), metrics=metrics.replace('"c"', '"a"', 1).replace('job="b"} 1\nx', 'job="d"} 1\nx')) == []
        )


class TestTransport:
    @staticmethod
    def gateway(scheme: str = "http", **settings: Any) -> SimpleNamespace:
        scrape = SimpleNamespace(text="# TYPE x gauge\nx 1\n")
        return SimpleNamespace(address="h:1", scheme=scheme, settings=Settings(**settings), scrape=lambda: scrape)

    def test_reachable_gateway_gives_its_path(self) -> None:
        assert found(job(), gateway=self.gateway()) == []
        (problem,) = lint(job(), gateway=self.gateway(telemetry_path="/m", route_prefix="/push"))
        assert problem.rule == "PG012"
        assert problem.fix == "metrics_path: /push/m"

    def test_reachable_gateway_gives_its_requirements(self) -> None:
        assert found(job(), gateway=self.gateway("https")) == ["PG015 warning"]
        assert found(job("scheme: https"), gateway=self.gateway()) == ["PG015 warning"]
        secret = self.gateway(basic_auth=("u", "p"))
        assert found(job(), gateway=secret) == ["PG015 warning"]
        assert found(job("basic_auth: {username: u, password: p}"), gateway=secret) == []

    def test_tls_settings_need_https(self) -> None:
        assert found(job("tls_config: {insecure_skip_verify: true}")) == ["PG015 warning"]
        assert found(job("tls_config: {insecure_skip_verify: true}\nscheme: https")) == []
        rule = "relabel_configs: [{target_label: __scheme__, replacement: https}]"
        assert found(job(f"tls_config: {{insecure_skip_verify: true}}\n{rule}")) == []
        assert found(job("basic_auth: {username: u, password: p}"), lint="strict") == ["PG015 note"]

    @pytest.mark.parametrize(
        ("path", "rules"),
        [
            ("/metrics", []),
            ("metrics", []),
            ("/metrics/job/x", ["PG013 error"]),
            ("/push/metrics/job@base64/eA", ["PG013 error"]),
            ("/metrics/jobs", []),
            ("/a b", ["PG013b error"]),
            ('""', ["PG013b error"]),
            ("/metrics?x=y", ["PG013b error"]),
        ],
    )
    def test_paths(self, path: str, rules: list[str]) -> None:
        assert found(job(f"metrics_path: {path}")) == rules

    @pytest.mark.parametrize(
        ("scheme", "rules"), [("HTTP", []), ("https", []), ("tcp", ["PG014 error"]), ('""', ["PG014 error"])]
    )
    def test_schemes(self, scheme: str, rules: list[str]) -> None:
        assert found(job(f"scheme: {scheme}")) == rules

    @pytest.mark.parametrize(
        ("target", "rule", "fix"),
        [
            ("pg:99999", "PG021 error", "write the port"),
            ("pg:http", "PG021 error", "write a number"),
            ("pg:9091 ", "PG021 error", "remove the space"),
            ("u@pg:9091", "PG021 error", "put user and password into basic_auth"),
            ("::1", "PG021 error", "[::1]:9091"),
            ("fe80::1:9091", "PG021 error", "[fe80::1]:9091"),
            ("${HOST}:9091", "PG021 warning", "write the address, or fill in the template before"),
            ("{{ host }}:9091", "PG021 warning", "write the address, or fill in the template before"),
        ],
    )
    def test_addresses(self, target: str, rule: str, fix: str) -> None:
        (problem,) = lint(job(targets=f"['{target}']"))
        assert f"{problem.rule} {problem.severity}" == rule
        assert problem.fix == fix

    def test_refused_targets_get_no_second_finding(self) -> None:
        for target in ("http://user@pg:9091/metrics", "https://pg:9091", "http://${HOST}:9091"):
            config = load(text=f"scrape_configs:\n{job(targets=repr([target]))}", files=False)
            assert config.errors != []
            assert [problem.rule for problem in config.problems if problem.rule == "PG021"] == []

    @pytest.mark.parametrize(
        ("target", "fix"),
        [("http:pg:9091", "write pg:9091, scheme: http"), ("pg:9091:9091", "write host:port")],
    )
    def test_colons_are_not_always_ipv6(self, target: str, fix: str) -> None:
        (problem,) = lint(job(targets=f"['{target}']"))
        assert (problem.rule, problem.fix) == ("PG021", fix)

    @pytest.mark.parametrize("target", ["pg", "pg:9091", "[::1]:9091", "10.0.0.1:9091", "pg:"])
    def test_good_addresses(self, target: str) -> None:
        assert found(job(targets=f"['{target}']")) == []

    def test_addresses_that_are_made_by_rules_are_not_judged(self) -> None:
        rule = "relabel_configs: [{target_label: __address__, replacement: 'pushgateway:9091'}]"
        assert found(job(rule, targets="['u@pg 1']")) == []


class TestRelabelling:
    def test_temporary_labels(self) -> None:
        write = "{source_labels: [a], target_label: __tmp_a}"
        assert found(job(f"metric_relabel_configs: [{write}]")) == ["PG022 warning"]
        everything = f"metric_relabel_configs: [{write}, {{action: labeldrop, regex: __.*}}]"
        assert found(job(everything)) == ["PG008 error"]
        assert found(job(f"metric_relabel_configs: [{write}, {{action: labeldrop, regex: __tmp.*}}]")) == []
        assert found(job(f"relabel_configs: [{write}]")) == []

    @pytest.mark.parametrize(
        "rule",
        [
            "{action: drop, regex: foo}",
            "{action: keep, source_labels: [job], regex: foo, target_label: x}",
            "{source_labels: [a], regex: (.*), target_label: b, replacement: $1_x}",
            "{source_labels: [a], regex: (.*), target_label: $1x, replacement: y}",
        ],
    )
    def test_rules_without_effect(self, rule: str) -> None:
        assert found(job(f"metric_relabel_configs: [{rule}]"))[:1] == ["PG023 warning"]

    @pytest.mark.parametrize(
        "rule",
        [
            "{source_labels: [a], regex: (.*), target_label: b, replacement: '${1}_x'}",
            "{source_labels: [a], regex: (.*), target_label: b, replacement: $1}",
            "{source_labels: [a], regex: (.*), target_label: b, replacement: $1-x}",
            "{source_labels: [a], regex: (.*), target_label: b, replacement: $$1x}",
            "{action: drop, source_labels: [a], regex: b}",
        ],
    )
    def test_rules_with_effect(self, rule: str) -> None:
        assert found(job(f"metric_relabel_configs: [{rule}]")) == []

    @pytest.mark.parametrize("name", ["_address_", "__adress__", "__metric_path__", "__address", "__schema__"])
    def test_misspelt_internal_labels(self, name: str) -> None:
        assert found(job(f"relabel_configs: [{{source_labels: [x], target_label: {name}}}]")) == ["PG025 warning"]

    @pytest.mark.parametrize("name", ["__tmp_x", "__meta_x", "__param_target", "_x", "address", "__host__"])
    def test_other_labels(self, name: str) -> None:
        assert found(job(f"relabel_configs: [{{source_labels: [x], target_label: {name}}}]")) == []


class TestSettings:
    def test_intervals(self) -> None:
        assert found(job("scrape_interval: 5m")) == ["PG010 warning"]
        assert found(job("scrape_interval: 299s")) == []
        assert found(job("scrape_interval: 3m"), lint="strict") == ["PG010 note"]
        assert found(job("scrape_interval: 2m"), lint="strict") == []
        assert found(job("scrape_interval: 500ms"), lint="strict") == ["PG011 note"]

    def test_global_interval_is_shown_at_its_line(self) -> None:
        (problem,) = lint(job(), before="global:\n  scrape_interval: 10m\n")
        assert (problem.rule, problem.line, problem.column) == ("PG010", 2, 20)

    def test_body_size(self) -> None:
        assert found(job("body_size_limit: 10B"), metrics="# TYPE x gauge\nx 1\n") == ["PG018 warning"]
        assert found(job("body_size_limit: 1KB"), metrics="# TYPE x gauge\nx 1\n") == []

    def test_strict_notes(self) -> None:
        body = "honor_timestamps: false\nsample_limit: 5\nlabel_limit: 5\nparams: {a: [b]}\n"
        body += "track_timestamps_staleness: true"
        rules = found(job(body), lint="strict")
        assert sorted(rules) == ["PG016 note", "PG017 note", "PG017 note", "PG017 note", "PG031 note"]
        assert found(job(body)) == []
        where = job(targets="['pg:9091']\n    labels: {instance: x}")
        assert found(where, lint="strict") == ["PG004 note"]
        relabelled = job("relabel_configs: [{target_label: instance, replacement: x}]")
        assert found(relabelled, lint="strict") == ["PG004 note"]

    def test_whole_file(self) -> None:
        other = job(name="A", targets="['x:1']")
        assert found(other, job(name="a", honor=False, targets="['x:1']"), lint="strict") == [
            "PG002 note",
            "PG028 note",
        ]
        federate = job("metrics_path: /federate", name="f", targets="['x:1']")
        assert found(federate, lint="strict") == []
        assert found(job(), lint="strict", before="global: {external_labels: {instance: x}}\n") == ["PG032 note"]
        assert found(job() + "---\na: b\n", lint="strict") == ["PG028 note"]
        assert found(job(), before="---\n", lint="strict") == []

    def test_invalid_jobs_report_nothing(self) -> None:
        body = "scheme: tcp\nmetrics_path: /a?b\nscrape_interval: 10m\nbody_size_limit: -1MB"
        assert found(job(body, name="node", honor=False, targets="['n:99999']")) == []


class TestRuleFiles:
    def test_rule_files_are_read(self, tmp_path: Path) -> None:
        path = tmp_path / "r.yml"
        path.write_text(
            "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: x{exported_job='b'} > 1\n"
            '  - alert: B\n    expr: backup_bytes{job="pushgateway"} < 5\n'
            '  - alert: C\n    expr: up{job="pushgateway"} == 0\n'
        )
        problems = lint(job(), lint="strict", rules=[path])
        assert [(one.rule, Path(one.file).name, one.line) for one in problems] == [
            ("PG029", "", 2),
            ("PG029", "", 2),
            ("PG030", "r.yml", 5),
            ("PG030", "r.yml", 7),
        ]

    def test_bad_rule_files_have_no_rules(self, tmp_path: Path) -> None:
        path = tmp_path / "r.yml"
        path.write_text("groups: [")
        config = load(text=f"scrape_configs:\n{job()}", lint="strict", rules=[path])
        assert {one.rule for one in config.problems} == {"PG029", "yaml"}


class TestSilencing:
    def test_on_the_line_above_it_and_for_the_job(self) -> None:
        assert found(job("scrape_interval: 5m # pushgateway: ignore PG010")) == []
        assert found(job("# pushgateway: ignore PG010\nscrape_interval: 5m")) == []
        assert found(job("scrape_interval: 5m", name="pushgateway # pushgateway: ignore PG010")) == []
        assert found("# pushgateway: ignore PG010, PG013b\n" + job("scrape_interval: 5m\nmetrics_path: /a?b")) == []
        assert found("# pushgateway: ignore\n" + job("scrape_interval: 5m\nmetrics_path: /a?b")) == []

    def test_other_rules_and_jobs_are_not_silenced(self) -> None:
        assert found(job("scrape_interval: 5m # pushgateway: ignore PG011")) == ["PG010 warning"]
        first = "# pushgateway: ignore PG010\n" + job()
        assert found(first, job("scrape_interval: 5m", name="pgw", targets="['x:1']")) == ["PG010 warning"]

    def test_text_is_not_a_comment(self) -> None:
        assert found(job("scrape_interval: 5m\nmetrics_path: '/x# pushgateway: ignore PG010'")) != []

    def test_by_option(self) -> None:
        assert found(job("scrape_interval: 5m"), ignore=["PG010"]) == []

    def test_misspelt_comment_silences_nothing(self) -> None:
        assert found(job("scrape_interval: 5m # pushgateway: ignore PG10")) == ["PG010 warning"]
        assert found(job("scrape_interval: 5m # pushgateway: ignored")) == ["PG010 warning"]
        assert found(job("scrape_interval: 5m # pushgateway: not-a-gateway-job")) == ["PG010 warning"]
        with pytest.raises(ValueError, match=f"unknown lint rule 'PG10'; they are called {RULE_NAMES}"):
            found(job("scrape_interval: 5m"), ignore=["PG10"])
        assert found(job("scrape_interval: 5m"), lint="none") == []
