"""The contents of a configuration, typed, and the place of each problem."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_pushgateway import PrometheusConfig, load

SEED = """\
global:
  scrape_interval: 15s

scrape_configs:
  - job_name: 'prometheus'
    scrape_interval: 5s
    static_configs:
      - targets: ['localhost:9090']

  - job_name: 'node_exporter'
    scrape_interval: 5s
    static_configs:
      - targets: ['localhost:9100']

  - job_name: 'pushgateway'
    honor_labels: true
    static_configs:
      - targets: ['localhost:9091']
"""


def read(text: str | bytes, **options: object) -> PrometheusConfig:
    return load(text=text, lint="none", **options)  # type: ignore[arg-type]


def shown(config: PrometheusConfig) -> list[str]:
    return [str(problem) for problem in config.problems]


def test_job_is_typed() -> None:
    config = read(SEED)
    assert config.problems == []
    assert config.errors == []
    assert [job.job_name for job in config.jobs] == ["prometheus", "node_exporter", "pushgateway"]
    job = config.job("pushgateway")
    assert job.honor_labels is True
    assert job.honor_timestamps is True
    assert job.scrape_interval == 15.0
    assert job.scrape_timeout == 10.0
    assert job.metrics_path == "/metrics"
    assert job.scheme == "http"
    assert job.targets == ["localhost:9091"]
    assert job.relabel_configs == ()
    assert config.job("prometheus").scrape_timeout == 5.0
    assert repr(config) == "<PrometheusConfig <text>: 3 jobs, 0 problems>"


def test_everything_knows_its_place() -> None:
    job = read(SEED).job("pushgateway")
    assert job.position() == (15, 5)
    assert job.key_position("honor_labels") == (16, 5)
    assert job.position("honor_labels") == (16, 19)
    assert job.position("scheme") is None
    assert job.written("honor_labels")
    assert not job.written("scheme")
    (group,) = job.static_configs
    assert group.target_positions == ((18, 19),)


def test_labels_have_places() -> None:
    text = "scrape_configs:\n- job_name: a\n  static_configs:\n  - targets: [x]\n    labels: {env: prod}\n"
    (group,) = read(text).job("a").static_configs
    assert group.labels == {"env": "prod"}
    assert group.label_positions == {"env": ((5, 14), (5, 19))}


def test_unknown_job_raises_lookup_error_with_known_ones() -> None:
    with pytest.raises(LookupError, match=r"no scrape job 'gateway' .* 'prometheus', 'node_exporter', 'pushgateway'"):
        read(SEED).job("gateway")


def test_limits_and_schemes_are_inherited() -> None:
    config = read(
        "global:\n  sample_limit: 5\n  body_size_limit: 1KiB\n  metric_name_validation_scheme: legacy\n"
        "scrape_configs:\n- job_name: a\n- job_name: b\n  sample_limit: 7\n"
    )
    assert config.problems == []
    assert [job.sample_limit for job in config.jobs] == [5, 7]
    assert config.job("a").body_size_limit == 1024
    assert config.job("a").metric_name_validation_scheme == "legacy"
    assert config.job("a").metric_name_escaping_scheme == "underscores"
    assert config.global_.sample_limit == 5


def test_relabel_rules_are_typed() -> None:
    config = read(
        "scrape_configs:\n- job_name: a\n  metric_relabel_configs:\n"
        "  - {source_labels: [x, y], regex: '(.*)z', target_label: t}\n  - {action: DROP, regex: }\n"
    )
    first, second = config.job("a").metric_relabel_configs
    assert first.source_labels == ("x", "y")
    assert (first.regex, first.separator, first.replacement, first.action) == ("(.*)z", ";", "$1", "replace")
    assert (second.regex, second.action) == ("", "drop")
    assert first.position("target_label") == (4, 59)


def test_http_settings_are_typed() -> None:
    config = read(
        "scrape_configs:\n- job_name: a\n  bearer_token: t\n  proxy_url: http://p\n- job_name: b\n"
        "  authorization: {credentials: x}\n  tls_config: {insecure_skip_verify: yes}\n- job_name: c\n"
        "  basic_auth: {username: u, password: p}\n  follow_redirects: false\n"
    )
    first, second, third = (job.http for job in config.jobs)
    assert first.authorization == {"type": "Bearer", "credentials": "t"}
    assert first.proxy_url == "http://p"
    assert second.authorization == {"type": "Bearer", "credentials": "x"}
    assert second.tls_config == {"insecure_skip_verify": True}
    assert third.basic_auth == {"username": "u", "password": "p"}
    assert third.follow_redirects is False


def test_discoveries_are_kept_as_written() -> None:
    config = read(
        "scrape_configs:\n- job_name: a\n  consul_sd_configs:\n  - server: c:8500\n    services: [pushgateway]\n"
    )
    (discovery,) = config.job("a").discoveries
    assert discovery.kind == "consul"
    assert discovery.settings == {"server": "c:8500", "services": ["pushgateway"]}
    assert config.unjudged == []


def test_every_unjudged_section_is_named_once() -> None:
    pods = "kubernetes_sd_configs: [{role: pod, selectors: [{role: pod, label: 'app in (a'}]}]"
    config = read(
        f"scrape_configs:\n- {{job_name: a, {pods}}}\n- {{job_name: b, {pods}}}\n"
        "- {job_name: c, ec2_sd_configs: [{port: 9}]}\n",
        version="3.5",
    )
    assert config.unjudged == [
        {"section": "kubernetes_sd_configs.selectors", "file": "", "line": 2, "column": 64},
        {"section": "ec2_sd_configs without a region", "file": "", "line": 4, "column": 34},
    ]


def test_target_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('[{"targets": ["a:9091"], "labels": {"env": "x"}}]')
    (tmp_path / "t.yml").write_text("- targets: [b:9091]\n")
    path = tmp_path / "prometheus.yml"
    path.write_text("scrape_configs:\n- job_name: a\n  file_sd_configs:\n  - files: ['t.*', 't.yml', 't*.json']\n")
    config = load(path, lint="none")
    assert [problem.message for problem in config.problems] == ['path name "t.*" is not valid for file discovery']
    path.write_text("scrape_configs:\n- job_name: a\n  file_sd_configs:\n  - files: ['t.yml', 't*.json']\n")
    job = load(path, lint="none").job("a")
    assert job.targets == ["b:9091", "a:9091"]
    assert job.groups[1].labels == {"env": "x"}
    assert job.groups[1].target_positions == ((1, 15),)


@pytest.mark.parametrize(
    ("version", "message"),
    [("3.5", "unexpected end of JSON input"), ("2.53", "invalid character ' ' in literal true (expecting 'e')")],
)
def test_target_file_ends_within_a_word(tmp_path: Path, version: str, message: str) -> None:
    """In promtool's words, of either version, where no newline ends the file."""
    (tmp_path / "t.json").write_text("[tru")
    path = tmp_path / "prometheus.yml"
    path.write_text("scrape_configs:\n- job_name: a\n  file_sd_configs:\n  - files: [t.json]\n")
    (problem,) = load(path, lint="none", version=version).problems
    assert message in problem.message


def test_missing_target_file_is_a_note(tmp_path: Path) -> None:
    path = tmp_path / "prometheus.yml"
    path.write_text("scrape_configs:\n- job_name: a\n  file_sd_configs:\n  - files: [t.yml]\n")
    config = load(path, lint="none")
    (problem,) = config.problems
    assert problem.severity == "note"
    assert problem.message == f'file "{tmp_path}/t.yml" for file_sd in scrape job "a" does not exist'
    assert (problem.line, problem.column) == (4, 13)
    assert config.errors == []


def test_all_problems_are_reported_with_line_column_and_job() -> None:
    config = read(
        "scrape_configs:\n- job_name: a\n  honor_label: true\n  scrape_interval: often\n  sample_limit: x\n"
        "- job_name: a\n  relabel_configs:\n  - regex: '('\n    target_label: y\n"
    )
    assert shown(config) == [
        "3:3: error: field honor_label not found in type config.ScrapeConfig (job 'a')",
        "4:20: error: not a valid duration string: \"often\" (job 'a')",
        "5:17: error: cannot unmarshal !!str `x` into uint (job 'a')",
        "6:13: error: found multiple scrape configs with job name \"a\" (job 'a')",
        "8:12: error: error parsing regexp: missing closing ): `^(?s:()$` (job 'a')",
    ]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("honor_label", "did you mean 'honor_labels'?"),
        ("honorLabels", "did you mean 'honor_labels'? Prometheus itself does not read the operator's camelCase"),
        ("static_config", "did you mean 'static_configs'?"),
        ("target_groups", "'target_groups' was removed in Prometheus 1.0; it is called 'static_configs' now"),
        ("metrics-path", "did you mean 'metrics_path'?"),
    ],
)
def test_unknown_field_gets_a_suggestion(name: str, hint: str) -> None:
    (problem,) = read(f"scrape_configs:\n- job_name: a\n  {name}: []\n").problems
    assert problem.hint == hint
    assert problem.hint_rule == "PG026"


def test_look_ahead_gets_an_alternative() -> None:
    text = "scrape_configs:\n- job_name: a\n  relabel_configs:\n  - regex: 'x(?!foo).*'\n    target_label: y\n"
    (problem,) = read(text).problems
    assert problem.message == "error parsing regexp: invalid or unsupported Perl syntax: `(?!`"
    assert (problem.line, problem.column) == (4, 12)
    assert problem.hint_rule == "PG024"
    assert problem.hint == (
        "negative look-ahead at character 2: RE2, which Prometheus uses, has none; "
        "write two rules, a 'drop' of what must not match before a 'keep' of the rest"
    )


def test_url_as_target_is_split() -> None:
    text = "scrape_configs:\n- job_name: a\n  static_configs:\n  - targets: ['https://pg:9091/x/metrics']\n"
    (problem,) = read(text).problems
    assert problem.message == '"https://pg:9091/x/metrics" is not a valid hostname'
    assert problem.hint == "write targets: ['pg:9091'], scheme: https, metrics_path: /x/metrics"
    assert problem.hint_rule == "PG020"


def test_problems_of_an_included_file_name_that_file(tmp_path: Path) -> None:
    (tmp_path / "more.yml").write_text("scrape_configs:\n- job_name: b\n  nonsense: 1\n")
    path = tmp_path / "prometheus.yml"
    path.write_text("scrape_config_files: [more.yml]\nscrape_configs: [{job_name: a}]\n")
    config = load(path, lint="none")
    assert shown(config) == [
        f"{tmp_path}/more.yml:3:3: error: field nonsense not found in type config.ScrapeConfig (job 'b')"
    ]
    assert [job.job_name for job in config.jobs] == ["a", "b"]
    assert config.job("b").file == f"{tmp_path}/more.yml"


def test_versions_differ() -> None:
    text = "scrape_configs:\n- job_name: a\n  {0}: true\n"
    assert read(text.format("scrape_classic_histograms"), version="2.53").problems == []
    assert read(text.format("scrape_classic_histograms"), version="2.42").problems != []
    (problem,) = read(text.format("scrape_classic_histograms")).problems
    assert problem.hint == "since Prometheus 3.0 it is called 'always_scrape_classic_histograms'"
    assert read("scrape_configs:\n- job_name: a\n  scrape_interval: 1x\n", version="2.42").problems[0].message == (
        'not a valid duration string: "1x"'
    )
    labels = "scrape_configs:\n- job_name: a\n  static_configs: [{targets: [x], labels: {a-b: c}}]\n"
    assert read(labels).problems == []
    assert read(labels, version="2.42").problems[0].message == '"a-b" is not a valid label name'


def test_rules_of_2_42() -> None:
    def message(body: str) -> str:
        (problem,) = read(f"scrape_configs:\n- job_name: a\n  {body}\n", version="2.42").problems
        return problem.message

    assert message("basic_auth: {username: a, password: b, password_file: c}") == (
        "at most one of basic_auth password & password_file must be configured"
    )
    assert message("tls_config: {cert_file: /x}") == 'client cert file "/x" specified without client key file'
    assert message("oauth2: {client_id: a, token_url: 'http://x'}") == (
        "either oauth2 client_secret or client_secret_file must be configured"
    )
    assert message("proxy_connect_header: {X: [y]}") == (
        "if proxy_connect_header is configured proxy_url must also be configured"
    )


def test_invalid_options() -> None:
    with pytest.raises(ValueError, match=re.escape("unknown Prometheus version '2.0'; known are 2.42, 2.53, 3.5")):
        load(text="", version="2.0")
    with pytest.raises(ValueError, match="unknown lint set 'all'"):
        load(text="", lint="all")
    with pytest.raises(TypeError):
        load()
