"""The command that explains a scrape."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_pushgateway.cli import main

from .exposer import Exposer, Page

CONFIG = """\
scrape_configs:
  - job_name: pushgateway
    relabel_configs:
      - {source_labels: [__address__], regex: '(.*):.*', target_label: host}
      - {action: keep, source_labels: [host], regex: pushgateway}
    metric_relabel_configs:
      - {action: drop, source_labels: [__name__], regex: push_.*}
      - {source_labels: [exported_job], regex: (.+), target_label: job}
      - {action: labeldrop, regex: exported_.*}
      - {action: lowercase, source_labels: [env], target_label: env}
      - {action: keepequal, source_labels: [env], target_label: env}
    static_configs:
      - targets: ['pushgateway:9091', 'other:9091']
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "prometheus.yml"
    path.write_text(CONFIG)
    return path


def test_every_series_and_every_rule(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = tmp_path / "metrics"
    metrics.write_text(
        'backup{instance="",job="b",env="Prod"} 1\nbackup{job="b",env="prod"} 2\npush_time_seconds 1e9\n'
    )
    assert main(["explain", str(config), "--job", "pushgateway", "--metrics", str(metrics)]) == 0
    addresses = ('__address__="pushgateway:9091"', '__address__="other:9091"')
    rest = (
        '__always_scrape_classic_histograms__="false", __convert_classic_histograms_to_nhcb__="false", '
        '__metrics_path__="/metrics", __scheme__="http", __scrape_interval__="1m", '
        '__scrape_native_histograms__="false", __scrape_timeout__="10s"'
    )
    assert (
        capsys.readouterr().out
        == f"""\
job "pushgateway" ({config}:2), honor_labels: false, read as Prometheus 3.14

target pushgateway:9091
  discovered    {{{addresses[0]}, {rest}, job="pushgateway"}}
  relabel_configs 1 (replace of __address__ to host, line 4): adds host="pushgateway"
  relabel_configs 2 (keep of host, line 5): no change, "pushgateway" matches "pushgateway"
  target labels {{host="pushgateway", instance="pushgateway:9091", job="pushgateway"}}
  scraped       http://pushgateway:9091/metrics

  backup{{env="Prod",instance="",job="b"}} 1
      with the target's labels  adds exported_job="b", adds host="pushgateway", \
instance="" becomes "pushgateway:9091", job="b" gives way to "pushgateway"
      metric_relabel_configs 1 (drop of __name__, line 7): no change, "backup" does not match "push_.*"
      metric_relabel_configs 2 (replace of exported_job to job, line 8): job="pushgateway" becomes "b"
      metric_relabel_configs 3 (labeldrop, line 9): removes exported_job="b"
      metric_relabel_configs 4 (lowercase of env to env, line 10): env="Prod" becomes "prod"
      metric_relabel_configs 5 (keepequal of env to env, line 11): no change, "prod" is the value of env
      stored: backup{{env="prod",host="pushgateway",instance="pushgateway:9091",job="b"}} 1

  backup{{env="prod",job="b"}} 2
      with the target's labels  adds exported_job="b", adds host="pushgateway", \
adds instance="pushgateway:9091", job="b" gives way to "pushgateway"
      metric_relabel_configs 1 (drop of __name__, line 7): no change, "backup" does not match "push_.*"
      metric_relabel_configs 2 (replace of exported_job to job, line 8): job="pushgateway" becomes "b"
      metric_relabel_configs 3 (labeldrop, line 9): removes exported_job="b"
      metric_relabel_configs 4 (lowercase of env to env, line 10): no change, "prod" is there already
      metric_relabel_configs 5 (keepequal of env to env, line 11): no change, "prod" is the value of env
      not stored: backup{{env="Prod",instance="",job="b"}} came first and became the same series

  push_time_seconds 1e+09
      with the target's labels  adds host="pushgateway", adds instance="pushgateway:9091", adds job="pushgateway"
      metric_relabel_configs 1 (drop of __name__, line 7): drops it, "push_time_seconds" matches "push_.*"

  up{{host="pushgateway",instance="pushgateway:9091",job="pushgateway"}} 1
  scrape_samples_scraped{{host="pushgateway",instance="pushgateway:9091",job="pushgateway"}} 3
  scrape_samples_post_metric_relabeling{{host="pushgateway",instance="pushgateway:9091",job="pushgateway"}} 2
  scrape_series_added{{host="pushgateway",instance="pushgateway:9091",job="pushgateway"}} 2

target other:9091
  discovered    {{{addresses[1]}, {rest}, job="pushgateway"}}
  relabel_configs 1 (replace of __address__ to host, line 4): adds host="other"
  relabel_configs 2 (keep of host, line 5): drops it, "other" does not match "pushgateway"
  not scraped   dropped by relabel_configs
"""
    )


def test_example_without_metrics(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(
        "scrape_configs: [{job_name: pushgateway, honor_labels: true, static_configs: [{targets: ['pg:9091']}]}]"
    )
    assert main(["explain", str(config)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("No --metrics given: this explains an example of two pushes.\njob")
    assert '      stored: backup_bytes{instance="db1",job="backup"} 2048\n' in out
    assert '      with the target\'s labels  removes instance=""\n' in out
    assert "      with the target's labels  nothing changes\n" in out


def test_failing_scrape(config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a 1\nb one\n")))
    assert main(["explain", str(config), "--metrics", "-", "--target", "pushgateway:1"]) == 1
    out = capsys.readouterr().out
    assert "  the scrape fails and nothing of it is stored: strconv.ParseFloat: parsing" in out
    assert '      would be stored: a{host="pushgateway",instance="pushgateway:1",job="pushgateway"} 1\n' in out
    assert "  the rest is not read\n" in out
    assert '  up{host="pushgateway",instance="pushgateway:1",job="pushgateway"} 0\n' in out


def test_no_label_left_and_an_invalid_target(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(
        "scrape_configs: [{job_name: a, metric_relabel_configs: [{action: labeldrop, regex: '.*'}], "
        "relabel_configs: [{target_label: __scrape_timeout__, source_labels: [t], regex: (.+)}], "
        "static_configs: [{targets: [a], labels: {t: 5m}}, {targets: [b]}]}]"
    )
    assert main(["explain", str(config)]) == 1
    captured = capsys.readouterr()
    assert "scrape timeout cannot be greater than scrape interval" in captured.err
    assert main(["explain", str(config), "--target", "b"]) == 1
    config.write_text(config.read_text().replace("{targets: [a], labels: {t: 5m}}, ", ""))
    assert main(["explain", str(config)]) == 0
    assert "      dropped: no label is left\n" in capsys.readouterr().out


def test_from_a_running_gateway(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Exposer({"/metrics": Page(b"a 1\n")}) as exposer:
        url = f"http://{exposer.address}/metrics"
        main(["explain", str(config), "--metrics", url])
        assert "  a 1\n" in capsys.readouterr().out
        assert main(["explain", str(config), "--metrics", f"{url}/x"]) == 2
    assert "explain: error: server returned HTTP status 404 Not Found" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--job", "other"], "no scrape job 'other'"),
        (["--metrics", "/nothing"], "cannot read /nothing: No such file or directory\n"),
        (["--prometheus-version", "1.0"], "unknown Prometheus version '1.0'"),
        (["--unknown"], "explain: error: unknown flag --unknown, try --help\n"),
    ],
)
def test_unusable_arguments(
    config: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(config), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_job_and_targets_are_listed(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("scrape_configs: [{job_name: a}, {job_name: b}]")
    assert main(["explain", str(config)]) == 2
    assert "name the job with --job JOB; none looks like a gateway's; there are: 'a', 'b'" in capsys.readouterr().err
    assert main(["explain", str(config), "--job", "a"]) == 2
    assert "no target of job 'a' is known: it has none" in capsys.readouterr().err


def test_invalid_configuration(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("scrape_configs: [{job_name: ''}]")
    assert main(["explain", str(config)]) == 1
    assert "job_name is empty" in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--help"]) == 0
    assert "usage: pytest-pushgateway explain" in capsys.readouterr().out


DISCOVERED = """\
scrape_configs:
  - job_name: pushgateway
    honor_labels: true
    kubernetes_sd_configs: [{role: pod}]
    relabel_configs:
      - {source_labels: [__meta_kubernetes_namespace], target_label: namespace}
"""


def test_discovered_targets_are_named_with_their_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "prometheus.yml"
    path.write_text(DISCOVERED)
    assert main(["explain", str(path)]) == 2
    assert "its targets come from kubernetes_sd_configs; name them: --target 'HOST:PORT,__meta_...=value'" in (
        capsys.readouterr().err
    )
    labels = "__meta_kubernetes_namespace=web,team=a,b"
    assert main(["explain", str(path), "--target", f"pg:9091,{labels}", "--target=other:9091"]) == 0
    printed = capsys.readouterr().out
    assert 'target labels {instance="pg:9091", job="pushgateway", namespace="web", team="a,b"}' in printed
    assert 'target labels {instance="other:9091", job="pushgateway"}' in printed
    assert main(["explain", str(path), "--target=pg:9091,namespace"]) == 2
    assert "--target: 'namespace' must be LABEL=VALUE" in capsys.readouterr().err


def test_push_times_of_a_group_are_shown_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "prometheus.yml"
    path.write_text(
        DISCOVERED.replace("kubernetes_sd_configs: [{role: pod}]", "static_configs: [{targets: ['pg:9091']}]")
    )
    assert main(["explain", str(path)]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n  push_time_seconds{") == 2
    assert "push_failure_time_seconds" not in printed
    rule = "    metric_relabel_configs: [{source_labels: [__name__], regex: push_failure.*, action: drop}]\n"
    path.write_text(path.read_text() + rule)
    assert main(["explain", str(path)]) == 0
    assert capsys.readouterr().out.count("\n  push_failure_time_seconds{") == 2


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make standard output a terminal of a width."""

    def be_a_terminal(columns: int) -> None:
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)

    return be_a_terminal


def test_colours_and_columns_on_a_terminal(
    config: Path, terminal: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(config), "--job", "pushgateway"]) == 0
    plain = capsys.readouterr().out
    terminal(90)
    assert main(["explain", str(config), "--job", "pushgateway"]) == 0
    coloured = capsys.readouterr().out
    assert "\x1b[1mtarget pushgateway:9091\x1b[0m" in coloured
    assert "\x1b[32m      stored: " in coloured
    shown = re.sub(r"\x1b\[\d*m", "", coloured)
    assert "".join(shown.split()) == "".join(plain.split())
    assert max(map(len, shown.splitlines())) <= 90


@pytest.mark.parametrize("columns", [20, 60, 120, 200, 1000])
def test_columns_follow_the_width_of_the_terminal(
    columns: int, config: Path, terminal: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    terminal(columns)
    assert main(["explain", str(config), "--job", "pushgateway"]) == 0
    shown = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out)
    blocks = [block.splitlines()[1:] for block in shown.split("\n\n") if "with the target's labels" in block]
    assert blocks
    if columns >= 120:
        for block in blocks:
            # All results begin in one column.
            starts = {match.end() for line in block if (match := re.match(r" +\S.*?(?<=[:s])  +", line))}
            assert len(starts) == 1
    assert max(len(line) for line in shown.splitlines()) <= max(columns, 120)


def test_dull_terminal_has_columns_without_colours(
    config: Path,
    terminal: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    terminal(90)
    monkeypatch.setenv("NO_COLOR", "1")
    assert main(["explain", str(config), "--job", "pushgateway"]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert max(map(len, printed.splitlines())) <= 90
