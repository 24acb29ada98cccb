"""The reports of ``check-config`` for other programs: SARIF and JUnit XML."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from pytest_pushgateway.cli.check_config import main

LOST = "scrape_configs:\n- job_name: pushgateway\n  static_configs:\n  - targets: ['pg:9091']\n"
GOOD = LOST.replace("  static", "  honor_labels: true\n  static")
SLOW = GOOD.replace("honor", "scrape_interval: 3m\n  honor")
UNJUDGED = """\
scrape_configs:
- job_name: b
  kubernetes_sd_configs:
  - role: pod
    selectors: [{role: pod, label: "app in (a, b)"}]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in {"good.yml": GOOD, "lost.yml": LOST, "slow.yml": SLOW, "unjudged.yml": UNJUDGED}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_sarif(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--format=sarif", "lost.yml", "good.yml"]) == 1
    log = json.loads(capsys.readouterr().out)
    (run,) = log["runs"]
    (result,) = run["results"]
    assert log["version"] == "2.1.0"
    assert (result["ruleId"], result["level"]) == ("PG001", "error")
    assert "honor_labels is not set" in result["message"]["text"]
    assert "Fix: set honor_labels: true" in result["message"]["text"]
    (location,) = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "lost.yml"},
        "region": {"startLine": 2, "startColumn": 3},
    }
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["helpUri"].endswith("/docs/lint/PG001.md")


@pytest.mark.usefixtures("folder")
def test_sarif_without_findings_has_an_empty_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--format=sarif", "good.yml"]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert run["results"] == run["tool"]["driver"]["rules"] == []


@pytest.mark.usefixtures("folder")
def test_sarif_notifies_of_parts_not_judged(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--format=sarif", "unjudged.yml"])
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    (notification,) = run["invocations"][0]["toolExecutionNotifications"]
    assert notification["message"]["text"].startswith("not judged: ")
    assert notification["locations"][0]["physicalLocation"]["region"]["startLine"] == 5


def test_sarif_quotes_file_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a b#%.yml").write_text(LOST)
    main(["--format=sarif", "a b#%.yml"])
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    location = run["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "a%20b%23%25.yml"


@pytest.mark.usefixtures("folder")
def test_junit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--format=junit", "lost.yml", "good.yml"]) == 1
    suites = ElementTree.fromstring(capsys.readouterr().out)
    lost, good = suites
    assert (suites.get("tests"), suites.get("failures")) == ("2", "1")
    assert [case.get("name") for case in lost] == ["PG001 at lost.yml:2:3"]
    (failure,) = lost.iter("failure")
    assert failure.get("type") == "error"
    assert "Fix: set honor_labels: true" in (failure.text or "")
    assert (good.get("name"), good.get("failures"), [case.get("name") for case in good]) == (
        "good.yml",
        "0",
        ["no problems"],
    )


@pytest.mark.usefixtures("folder")
def test_junit_failures_follow_fail_on(capsys: pytest.CaptureFixture[str]) -> None:
    failures = {}
    for severity in ("error", "warning", "note"):
        status = main(["--format=junit", "--lint=strict", f"--fail-on={severity}", "slow.yml"])
        suites = ElementTree.fromstring(capsys.readouterr().out)
        failures[severity] = int(suites.get("failures", "-1"))
        assert bool(failures[severity]) is bool(status)
    assert failures["error"] < failures["note"]


@pytest.mark.usefixtures("folder")
def test_junit_lists_parts_not_judged(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--format=junit", "--lint=none", "unjudged.yml"])
    (suite,) = ElementTree.fromstring(capsys.readouterr().out)
    assert (suite.findtext("system-out") or "").startswith("not judged: ")


def test_junit_is_xml_for_any_configuration(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / 'a"<&>.yml').write_text('scrape_configs:\n- job_name: "\\u0001<&>\\"\\ud7ff\\ufffe"\n  honor: 1\n')
    main(["--format=junit", 'a"<&>.yml'])
    (suite,) = ElementTree.fromstring(capsys.readouterr().out)
    assert suite.get("name") == 'a"<&>.yml'
    (failure,) = suite.iter("failure")
    assert "field honor not found" in (failure.get("message") or "")
