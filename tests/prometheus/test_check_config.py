"""The command ``check-config``: arguments, output, exit status."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_pushgateway.cli.check_config import main
from pytest_pushgateway.prometheus.problems import RULE_NAMES

GOOD = "scrape_configs:\n- job_name: pushgateway\n  honor_labels: true\n  static_configs: [{targets: ['pg:9091']}]\n"
LOST = "scrape_configs:\n- job_name: pushgateway\n  static_configs:\n  - targets: ['pg:9091']\n"
BROKEN = "scrape_configs:\n- job_name: a\n  honor_label: true\n"
UNJUDGED = """\
- job_name: b
  kubernetes_sd_configs:
  - role: pod
    selectors: [{role: pod, label: "app in (a, b)"}]
"""
SLOW = GOOD.replace("honor", "scrape_interval: 3m\n  honor")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in {"good.yml": GOOD, "lost.yml": LOST, "broken.yml": BROKEN, "slow.yml": SLOW}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_good_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["good.yml"]) == 0
    assert capsys.readouterr() == ("no problems in 1 file\n", "")


@pytest.mark.usefixtures("folder")
def test_text_shows_the_line_the_labels_and_the_fix(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lost.yml"]) == 1
    assert capsys.readouterr().out == (
        "lost.yml:2:3: error: honor_labels is not set on gateway job 'pushgateway' "
        "(it is called 'pushgateway') [PG001]\n"
        "  2 | - job_name: pushgateway\n"
        "    |   ^\n"
        '  so:   pushed as records_processed{instance="db1", job="backup"}\n'
        '        stored as records_processed{exported_instance="db1", exported_job="backup", instance="pg:9091", '
        'job="pushgateway"}\n'
        "  fix:  set honor_labels: true; this renames series: "
        "dashboards and rules on exported_job or exported_instance\n"
        "        must then use job and instance. If it is not a gateway: # pushgateway: not-a-gateway in the job\n"
        "\n"
        "1 error in 1 file\n"
    )


@pytest.mark.usefixtures("folder")
def test_lint_none_runs_only_promtool(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--lint", "none", "lost.yml"]) == 0
    assert main(["--lint=none", "broken.yml"]) == 1
    assert capsys.readouterr().out.splitlines()[1:4] == [
        "broken.yml:3:3: error: field honor_label not found in type config.ScrapeConfig (job 'a')",
        "  3 |   honor_label: true",
        "    |   ^",
    ]


@pytest.mark.usefixtures("folder")
def test_notes_do_not_fail_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["slow.yml"]) == 0
    assert "no problems" in capsys.readouterr().out
    assert main(["--lint", "strict", "slow.yml"]) == 0
    assert "1 note in 1 file" in capsys.readouterr().out
    assert main(["--lint", "strict", "--fail-on", "note", "slow.yml"]) == 1
    assert main(["--fail-on=error", "lost.yml"]) == 1


@pytest.mark.usefixtures("folder")
def test_rules_can_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--ignore", "PG010,PG001", "lost.yml"]) == 0
    assert main(["--ignore=PG026", "broken.yml"]) == 1
    assert "did you mean" not in capsys.readouterr().out


@pytest.mark.usefixtures("folder")
def test_gateway_can_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    Path("other.yml").write_text(LOST.replace("pushgateway", "other").replace("pg:9091", "o:1"))
    assert main(["other.yml"]) == 0
    assert main(["--gateway", "o:1", "other.yml"]) == 1
    assert "it is the gateway o:1" in capsys.readouterr().out


@pytest.mark.usefixtures("folder")
def test_unchecked_jobs_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    Path("other.yml").write_text(LOST.replace("pushgateway", "other").replace("pg:9091", "o:1"))
    Path("perhaps.yml").write_text(LOST.replace("pushgateway", "other").replace("pg:9091", "o:9091"))
    unsaid = "no job was recognised as a gateway's"
    cases = {
        ("other.yml",): f"{unsaid}; name it with --gateway=HOST:PORT or --gateway=JOB",
        ("perhaps.yml",): f"{unsaid}, though 'other' may be: port 9091; name it with "
        "--gateway=HOST:PORT or --gateway=JOB",
        ("--gateway=o:2", "other.yml"): "no job scrapes the gateway o:2 that --gateway names, "
        "and none looks like a gateway's",
    }
    for arguments, said in cases.items():
        assert main(arguments) == 0
        assert capsys.readouterr().out.splitlines() == ["no problems in 1 file", said]
    for arguments in (("other.yml", "good.yml"), ("--lint=none", "other.yml"), ("--format=github", "other.yml")):
        main(arguments)
        assert unsaid not in capsys.readouterr().out


@pytest.mark.usefixtures("folder")
def test_unchecked_jobs_are_named_in_one_bounded_line(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = "".join(
        f"- job_name: {'x' * 300}{number}\n  static_configs: [{{targets: ['o:9091']}}]\n" for number in range(200)
    )
    Path("many.yml").write_text(f"scrape_configs:\n{jobs}")
    main(["many.yml"])
    line = capsys.readouterr().out.splitlines()[-1]
    assert "and 195 more may be: port 9091; " in line
    assert len(line) < 600


@pytest.mark.usefixtures("folder")
def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    Path("k.yml").write_text(BROKEN + UNJUDGED)
    assert main(["--format", "json", "k.yml"]) == 1
    answer = json.loads(capsys.readouterr().out)
    (problem,) = answer["problems"]
    assert problem == {
        "file": "k.yml",
        "line": 3,
        "column": 3,
        "severity": "error",
        "rule": "config",
        "message": "field honor_label not found in type config.ScrapeConfig",
        "job": "a",
        "object": None,
        "consequence": None,
        "fix": None,
        "hint": "did you mean 'honor_labels'?",
        "hint_rule": "PG026",
        "promtool": "line 3: field honor_label not found in type config.ScrapeConfig",
        "source": "  honor_label: true",
    }
    assert answer["unjudged"] == [
        {"section": "kubernetes_sd_configs.selectors", "file": "k.yml", "line": 7, "column": 16}
    ]


@pytest.mark.usefixtures("folder")
def test_parts_that_are_not_judged_are_named_under_every_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    Path("clean.yml").write_text(GOOD + UNJUDGED)
    Path("wrong.yml").write_text(BROKEN + UNJUDGED)
    assert main(["clean.yml"]) == 0
    assert capsys.readouterr().out == "no problems in 1 file; not judged: kubernetes_sd_configs.selectors\n"
    assert main(["clean.yml", "wrong.yml", "good.yml"]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "1 error in 3 files; not judged: kubernetes_sd_configs.selectors"
    assert main(["--format=github", "clean.yml"]) == 0
    assert capsys.readouterr().out == (
        "::notice file=clean.yml,line=8,col=16,title=Not judged::kubernetes_sd_configs.selectors\n"
    )


@pytest.mark.usefixtures("folder")
def test_parts_that_are_not_judged_can_fail(capsys: pytest.CaptureFixture[str]) -> None:
    Path("clean.yml").write_text(GOOD + UNJUDGED)
    assert main(["--fail-on=note", "clean.yml"]) == 0
    assert main(["--fail-on=unjudged", "clean.yml"]) == 1
    assert main(["--fail-on=unjudged", "good.yml"]) == 0
    assert main(["--fail-on=unjudged", "lost.yml"]) == 1
    assert "not judged" not in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.usefixtures("folder")
def test_annotations(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--format", "github", "broken.yml", "good.yml"]) == 1
    assert capsys.readouterr().out == (
        "::error file=broken.yml,line=3,col=3,title=Prometheus configuration::"
        "field honor_label not found in type config.ScrapeConfig%0Adid you mean 'honor_labels'?\n"
    )


@pytest.mark.usefixtures("folder")
def test_patterns_and_folders(capsys: pytest.CaptureFixture[str]) -> None:
    Path("sub/deep").mkdir(parents=True)
    Path("sub/deep/prometheus.yaml").write_text(GOOD)
    Path("sub/compose.yml").write_text("services: {}\n")
    Path("sub/.hidden").mkdir()
    Path("sub/.hidden/p.yml").write_text(BROKEN)
    assert main(["g*.yml", "sub", "good.yml"]) == 0
    assert capsys.readouterr().out == "no problems in 2 files\n"


def test_standard_input(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "t.yml").write_text("- targets: [x]\n")
    text = "scrape_configs:\n- job_name: a\n  file_sd_configs: [{files: [t.yml]}]\n  x: y\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["-"]) == 1
    assert capsys.readouterr().out.startswith("<stdin>:4:3: error: field x not found")


@pytest.mark.usefixtures("folder")
def test_no_files(capsys: pytest.CaptureFixture[str]) -> None:
    Path("r.yml").write_text("rule_files: [missing.yml]\n")
    assert main(["r.yml"]) == 1
    assert '"missing.yml" does not point to an existing file' in capsys.readouterr().out
    assert main(["--no-files", "r.yml"]) == 0


@pytest.mark.usefixtures("folder")
def test_versions(capsys: pytest.CaptureFixture[str]) -> None:
    Path("v.yml").write_text("scrape_configs:\n- job_name: a\n  scrape_classic_histograms: true\n")
    assert main(["v.yml"]) == 1
    assert main(["--prometheus-version=2.53", "v.yml"]) == 0
    assert main(["--prometheus-version", "2.42", "v.yml"]) == 1


@pytest.mark.usefixtures("folder")
def test_metrics_at_hand(capsys: pytest.CaptureFixture[str]) -> None:
    Path("m.txt").write_text('# TYPE x gauge\nx{env="a",job="b"} 1\n')
    Path("e.yml").write_text(GOOD.replace("['pg:9091']", "['pg:9091'], labels: {env: prod}"))
    assert main(["e.yml"]) == 0
    assert main(["--metrics", "m.txt", "e.yml"]) == 1
    assert "[PG005]" in capsys.readouterr().out


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "no file given"),
        (["--what", "good.yml"], "unknown flag --what"),
        (["good.yml", "--lint"], "--lint needs a value"),
        (["--lint=all", "good.yml"], "--lint must be one of none, default, strict, not 'all'"),
        (["--no-files=1", "good.yml"], "--no-files takes no value"),
        (["nothing*.yml"], "no file matches nothing*.yml"),
        (["empty"], "no Prometheus configuration in empty"),
        (["--ignore", "PG001,PG01", "good.yml"], f"--ignore: unknown rule 'PG01'; the rules are {RULE_NAMES}"),
        (["--ignore=PG999", "good.yml"], "--ignore: unknown rule 'PG999'"),
        (["--rules", "nothing.yml", "good.yml"], "--rules: no file matches 'nothing.yml'"),
        (["--rules=nothing*.yml", "good.yml"], "--rules: no file matches 'nothing*.yml'"),
        (["--rules=no[", "good.yml"], "--rules: no[: "),
        (["--metrics", "nothing", "good.yml"], "--metrics: cannot read nothing: No such file or directory, try"),
        (["--metrics", "good.yml", "good.yml"], "--metrics: good.yml holds no metrics: "),
    ],
)
def test_unusable_arguments(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"pytest-pushgateway check-config: error: {reason}")


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "--fail-on=warning" in capsys.readouterr().out


@pytest.mark.usefixtures("folder")
def test_missing_file_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--", "-x.yml"]) == 1
    assert capsys.readouterr().out.startswith("-x.yml: error: open -x.yml: no such file or directory\n")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("folder")
def test_colours_only_on_a_terminal_and_never_with_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    def printed(stream: io.StringIO) -> str:
        monkeypatch.setattr(sys, "stdout", stream)
        main(["lost.yml"])
        return stream.getvalue()

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;31merror\x1b[0m" in printed(Terminal())
    assert "\x1b" not in printed(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in printed(Terminal())


@pytest.mark.usefixtures("folder")
def test_long_and_unprintable_lines_are_cut(capsys: pytest.CaptureFixture[str]) -> None:
    Path("long.yml").write_text("scrape_configs: [{job_name: a, params: {a: ['" + "x" * 5000 + "']}, nonsense: 1}]\n")
    assert main(["long.yml"]) == 1
    assert max(map(len, capsys.readouterr().out.splitlines())) < 200
    Path("odd.yml").write_text("a: \x1b[31m\n")
    assert main(["odd.yml"]) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_nothing_is_imported_before_it_is_needed(folder: Path) -> None:
    unwanted = ["argparse", "dataclasses", "inspect", "re2", "difflib", "urllib.request", "prometheus_client"]
    code = (
        "import sys; from pytest_pushgateway.cli.check_config import main; main(['good.yml']);"
        f"print([name for name in {unwanted} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
