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


def test_configuration_from_path_or_text(project: pytest.Pytester) -> None:
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


def test_invalid_configuration_fails_test_with_its_problems(project: pytest.Pytester) -> None:
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
    result.stdout.no_fnmatch_line("*pytest_pushgateway/plugin/*")


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
    result.stdout.fnmatch_lines_random(
        [
            "SKIPPED [[]1] test_*_skipped.py:2: no prometheus on PATH; install it, or name it "
            "in PROMETHEUS_BINARY or with --pushgateway-prometheus",
            "SKIPPED [[]1] test_*_skipped.py:5: no promtool on PATH; install it, or name it "
            "in PROMTOOL_BINARY or with --pushgateway-promtool",
        ]
    )


def asks_for_programs(project: pytest.Pytester) -> None:
    project.makepyfile(
        f"""
        def test_server(prometheus_server, prometheus_config, pushgateway):
            prometheus_server(prometheus_config(text={CONFIG!r}), pushgateway)

        def test_rules(prometheus_config, pushgateway):
            rules = prometheus_config(text={CONFIG!r}).rules(pushgateway)
            assert rules.promtool.endswith("tools/promtool")
        """
    )


def test_options_name_the_programs(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMTOOL_BINARY", "/of/the/environment")
    monkeypatch.setenv("PROMETHEUS_BINARY", "/of/the/environment")
    tool = project.mkdir("tools") / "promtool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    asks_for_programs(project)
    result = project.runpytest(
        "-rs", "--pushgateway-promtool=tools/promtool", "--pushgateway-prometheus", "tools/prometheus"
    )

    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [f"SKIPPED*: prometheus is not at '{project.path}/tools/prometheus', which --pushgateway-prometheus names"]
    )


def test_ini_file_names_programs(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project.path))
    monkeypatch.delenv("PROMETHEUS_BINARY", raising=False)
    folder = project.mkdir("below")
    folder.joinpath("pytest.ini").write_text(
        "[pytest]\npushgateway_promtool = tools/promtool\npushgateway_prometheus = prom\n"
    )
    asks_for_programs(project)
    result = project.runpytest("-rs", "-c", "below/pytest.ini")

    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines_random(
        [
            "SKIPPED*: prometheus is not at 'prom', which the ini option pushgateway_prometheus names",
            f"SKIPPED*: promtool is not at '{folder}/tools/promtool', which the ini option pushgateway_promtool names",
        ]
    )


def test_failure_shows_test_and_not_library(project: pytest.Pytester) -> None:
    tool = project.path / "promtool"
    tool.write_text("#!/bin/sh\necho nothing of use\n")
    tool.chmod(0o755)
    project.makepyfile(
        f"""
        import pytest

        @pytest.fixture
        def config(prometheus_config):
            return prometheus_config(text={CONFIG!r})

        def test_stored(config, pushgateway):
            config.scrape(pushgateway).assert_stored("rows")

        def test_value(config, pushgateway):
            config.scrape(pushgateway).value("rows")

        def test_job(config):
            config.job("backup")

        def test_no_alert(config, pushgateway):
            config.rules(pushgateway).assert_firing("TooOld")

        def test_no_answer(config, pushgateway):
            config.rules(pushgateway).query("up")
        """
    )
    result = project.runpytest("--pushgateway-promtool=./promtool")

    result.assert_outcomes(failed=5)
    result.stdout.fnmatch_lines(
        [
            "E * AssertionError: not stored: rows",
            "E * AssertionError: 0 samples are rows",
            "E * LookupError: no scrape job 'backup' in the configuration; there are: 'pushgateway'",
            "E * LookupError: no alert is called 'TooOld'; the rule files have: none",
            "E *RulesError: nothing of use",
        ]
    )
    result.stdout.no_fnmatch_line("*pytest_pushgateway/prometheus*")


def test_misspelt_program_is_an_error(project: pytest.Pytester) -> None:
    result = project.runpytest("--pushgateway-promtol=x")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unknown option --pushgateway-promtol; did you mean '--pushgateway-promtool'?"])


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
