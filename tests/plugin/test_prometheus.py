"""The fixtures for the other side of the scrape: a configuration, and a real Prometheus."""

from __future__ import annotations

import os

import pytest

CONFIG = """
scrape_configs:
- job_name: pushgateway
  honor_labels: true
  static_configs:
  - targets: ["pushgateway:9091"]
"""


def test_a_configuration_by_path_and_by_text(project: pytest.Pytester) -> None:
    project.path.joinpath("prometheus.yml").write_text(CONFIG)
    project.mkdir("elsewhere")
    project.makepyfile(
        f"""
        import os

        def test_path(prometheus_config, monkeypatch):
            monkeypatch.chdir("elsewhere")
            assert prometheus_config("prometheus.yml").jobs[0].honor_labels is True

        def test_text(prometheus_config):
            assert prometheus_config(text={CONFIG!r}).jobs[0].job_name == "pushgateway"
        """
    )

    project.runpytest("-W", "error").assert_outcomes(passed=2)


def test_an_invalid_configuration_fails_the_test_with_its_problems(project: pytest.Pytester) -> None:
    broken = CONFIG.replace("honor_labels: true", "honour_labels: true")
    project.makepyfile(
        f"""
        def test_checked(prometheus_config):
            prometheus_config(text={broken!r})

        def test_unchecked(prometheus_config):
            assert prometheus_config(text={broken!r}, check=False).errors
        """
    )
    result = project.runpytest("-W", "error")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["invalid Prometheus configuration *:", "*honour_labels*"])
    result.stdout.no_fnmatch_line("*plugin.py*")


def test_without_the_program_the_test_is_skipped(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("PROMETHEUS_BINARY", "PROMTOOL_BINARY", "PROMTOOL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", str(project.path))
    project.makepyfile(
        f"""
        def test_server(prometheus_server, prometheus_config, pushgateway):
            prometheus_server(prometheus_config(text={CONFIG!r}), pushgateway)

        def test_rules(prometheus_config, pushgateway):
            prometheus_config(text={CONFIG!r}).rules(pushgateway)
        """
    )
    result = project.runpytest("-rs")

    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines_random(["SKIPPED*no prometheus on PATH*", "SKIPPED*no promtool on PATH*"])


@pytest.mark.conformance
def test_one_real_prometheus_for_all_tests(project: pytest.Pytester) -> None:
    if not os.environ.get("PROMETHEUS_BINARY"):
        pytest.skip("PROMETHEUS_BINARY does not name a file")
    project.makepyfile(
        f"""
        servers = []

        def test_stored(prometheus_server, prometheus_config, pushgateway):
            server = prometheus_server(prometheus_config(text={CONFIG!r}), pushgateway)
            pushgateway.push("backup_bytes 7\\n", job="backup")
            pushgateway.wait_until(lambda: server.query('backup_bytes{{job="backup"}}'), timeout=30)
            assert not server.query('backup_bytes{{exported_job!=""}}')
            servers.append(server)

        def test_same(prometheus_server, prometheus_config, pushgateway):
            assert prometheus_server(prometheus_config(text={CONFIG!r}), pushgateway) is servers[0]
        """
    )

    project.runpytest("-W", "error").assert_outcomes(passed=2)
