"""Alert rules against a gateway's timeline: the minutes at which they become pending, fire and clear, exactly."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from pytest_pushgateway import RuleTest, ScrapeJob, TargetGroup, Transition
from pytest_pushgateway.prometheus.rules.promtool import RulesError, run
from tests import peers

pytestmark = pytest.mark.conformance

START = 1_700_000_000.0  # Tuesday, 22:13:20 UTC
HOUR = 3600.0


def exposed(pushed: float | None = None, failed: float = 0.0, size: int = 7, job: str = "backup") -> str:
    """What a gateway exposes with one group that was pushed at ``pushed``, or with none."""
    if pushed is None:
        return "# nothing\n"
    return (
        "# TYPE backup_bytes gauge\n"
        f'backup_bytes{{instance="",job="{job}"}} {size}\n'
        f'push_failure_time_seconds{{instance="",job="{job}"}} {failed}\n'
        f'push_time_seconds{{instance="",job="{job}"}} {pushed}\n'
    )


class Backup:
    """A timeline: pushed at the start, again after 30 hours, deleted after 40, seen until 50."""

    snapshots = [
        (START, exposed(START)),
        (START + 30 * HOUR, exposed(START + 30 * HOUR)),
        (START + 40 * HOUR, exposed()),
        (START + 50 * HOUR, exposed()),
    ]


@pytest.fixture(params=["3.5", "2.53"])
def promtool(request: pytest.FixtureRequest) -> str:
    binaries: dict[str, Callable[[], Path]] = {"3.5": peers.promtool_binary, "2.53": peers.promtool_2_binary}
    return str(binaries[request.param]())


@pytest.fixture
def rules(tmp_path: Path, promtool: str) -> Callable[..., RuleTest]:
    def make(text: str, timeline: list[tuple[float, str | None]] | None = None, **options: Any) -> RuleTest:
        path = tmp_path / "alerts.yml"
        path.write_text(text, encoding="utf-8")
        job = ScrapeJob(
            job_name="pushgateway",
            honor_labels=options.pop("honor_labels", True),
            scrape_interval=options.pop("scrape_interval", 30.0),
            static_configs=[TargetGroup(targets=("pg:9091",))],
            metric_relabel_configs=options.pop("metric_relabel_configs", ()),
        )
        files = options.pop("rule_files", ["alerts.yml"])
        return RuleTest(
            timeline or Backup.snapshots, [job], rule_files=files, directory=str(tmp_path), promtool=promtool, **options
        )

    return make


def alert(expression: str, name: str = "Backup", wait: str = "0m", **more: str) -> str:
    lines = [f"    {key}: {value}" for key, value in more.items()]
    rule = f"  - alert: {name}\n    expr: {expression}\n    for: {wait}\n"
    return "\n".join([f"groups:\n- name: g\n  rules:\n{rule}", *lines]) + "\n"


def minutes(transitions: list[Transition]) -> list[tuple[float, str]]:
    return [(after / 60, state) for after, state, _ in transitions]


def test_too_old_after_a_day_and_cleared_by_the_next_push(rules: Callable[..., RuleTest]) -> None:
    test = rules(alert("time() - push_time_seconds > 86400", "BackupTooOld", "5m", labels="{severity: page}"))
    test.assert_not_firing("BackupTooOld", after="24h")
    test.assert_not_firing("BackupTooOld", after="24h4m")
    firing = test.assert_firing("BackupTooOld", after="24h7m", job="backup", severity="page")
    assert firing.labels == {"job": "backup", "severity": "page"}
    test.assert_firing("BackupTooOld", after="29h59m")
    test.assert_not_firing("BackupTooOld", after="30h1m")
    day = 24 * 60
    assert minutes(test.transitions("BackupTooOld")) == [
        (day + 1, "pending"),
        (day + 6, "firing"),
        (30 * 60, "inactive"),
    ]


def test_failed_push_alerts_until_good_one(rules: Callable[..., RuleTest]) -> None:
    timeline = [
        (START, exposed(START)),
        (START + 600, exposed(START, failed=START + 600)),
        (START + 1830, exposed(START + 1830, failed=START + 600)),
        (START + 3600, exposed(START + 1830, failed=START + 600)),
    ]
    test = rules(alert("push_failure_time_seconds > push_time_seconds", "PushFailed"), timeline)
    assert minutes(test.transitions("PushFailed")) == [(10, "firing"), (31, "inactive")]


def test_absent_after_the_deletion(rules: Callable[..., RuleTest]) -> None:
    test = rules(alert('absent(backup_bytes{job="backup"})', "NoBackup", "10m"))
    assert minutes(test.transitions("NoBackup")) == [(40 * 60, "pending"), (40 * 60 + 10, "firing")]
    assert [(one.state, one.labels) for one in test.alerts(at="40h10m")] == [("firing", {"job": "backup"})]


def test_absent_before_the_first_push(rules: Callable[..., RuleTest]) -> None:
    timeline = [(START, exposed()), (START + 300, exposed(START + 300)), (START + 900, exposed(START + 300))]
    test = rules(alert("absent(push_time_seconds)"), timeline)
    assert minutes(test.transitions("Backup")) == [(0, "firing"), (5, "inactive")]


def test_gateway_is_down(rules: Callable[..., RuleTest]) -> None:
    timeline = [
        (START, exposed(START)),
        (START + 600, None),
        (START + 1200, exposed(START)),
        (START + 1500, exposed(START)),
    ]
    test = rules(alert('up{job="pushgateway"} == 0', "GatewayDown", "1m"), timeline)
    assert minutes(test.transitions("GatewayDown")) == [(10, "pending"), (11, "firing"), (20, "inactive")]
    assert test.query("backup_bytes", at="15m") == []
    assert [sample.value for sample in test.query("backup_bytes", at="20m")] == [7.0]


def test_for_starts_again_after_a_gap(rules: Callable[..., RuleTest]) -> None:
    timeline = [
        (START, exposed(START, size=1)),
        (START + 300, exposed(START, size=9)),
        (START + 360, exposed(START, size=1)),
        (START + 1200, exposed(START, size=1)),
    ]
    test = rules(alert("backup_bytes < 5", wait="7m"), timeline)
    assert minutes(test.transitions("Backup")) == [(0, "pending"), (5, "inactive"), (6, "pending"), (13, "firing")]


def test_keep_firing_for(rules: Callable[..., RuleTest]) -> None:
    timeline = [(START, exposed(START, size=1)), (START + 300, exposed(START, size=9)), (START + 1200, exposed(START))]
    test = rules(alert("backup_bytes < 5", keep_firing_for="4m"), timeline)
    assert minutes(test.transitions("Backup")) == [(0, "firing"), (9, "inactive")]


def test_deleted_group_is_stale_at_next_scrape(rules: Callable[..., RuleTest]) -> None:
    timeline = [(START, exposed(START)), (START + 610, exposed()), (START + 1200, exposed())]
    test = rules(alert("backup_bytes > 0"), timeline)
    assert minutes(test.transitions("Backup")) == [(0, "firing"), (11, "inactive")]
    assert len(test.query("backup_bytes", at="10m29s")) == 1
    assert test.query("backup_bytes", at="10m30s") == []


def test_rates_over_re_pushed_counters(rules: Callable[..., RuleTest]) -> None:
    counter = '# TYPE imports_total counter\nimports_total{job="import"} '
    timeline = [(START + 300 * number, f"{counter}{10 * number}\n") for number in range(5)]
    test = rules(alert("increase(imports_total[10m]) < 1", "NoImports"), timeline)
    assert minutes(test.transitions("NoImports", until="1h")) == [(1, "firing"), (5, "inactive"), (30, "firing")]


def test_hours_and_weekdays_are_those_of_the_tests_clock(rules: Callable[..., RuleTest]) -> None:
    test = rules(alert("hour() == 23 and on() day_of_week() == 2 and on() month() == 11 unless on() nothing", "Late"))
    # 22:13:20 on a Tuesday, so 23:00 comes after 46 min 40 s, and an hour later it is Wednesday.
    assert minutes(test.transitions("Late")) == [(47, "firing"), (107, "inactive")]
    assert [sample.value for sample in test.query("day_of_month() + hour() / 100", at="2h")] == [15.0]


def test_timestamps_and_moments_by_number(rules: Callable[..., RuleTest]) -> None:
    test = rules(alert("time() - timestamp(backup_bytes) > 100 or timestamp(backup_bytes) < 1e9", "Gap"))
    assert test.transitions("Gap", until="1h") == []
    assert [sample.value for sample in test.query("timestamp(backup_bytes)", at="10m")] == [START + 600]
    assert [sample.value for sample in test.query(f"push_time_seconds @ {START + 31 * HOUR:.0f}", at="1h")] == [
        START + 30 * HOUR
    ]


def test_recording_rules_and_templates(rules: Callable[..., RuleTest]) -> None:
    text = """
groups:
- name: ages  # in hours
  rules:
  - record: job:push_age:hours
    expr: |
      (time() - max by (job) (push_time_seconds))
        / 3600
  - alert: "Älter"
    expr: &age
      job:push_age:hours > 24
    annotations:
      summary: "{{ $labels.job }}: {{ $value }} h, für {{ $externalLabels.region }}"
"""
    test = rules(text, external_labels={"region": "eu"})
    assert [sample.value for sample in test.query("job:push_age:hours", at="3h30m")] == [3.5]
    firing = test.assert_firing("Älter", after=timedelta(hours=24, minutes=3))
    assert firing.annotations == {"summary": "backup: 24.05 h, für eu"}


def test_without_honor_labels_the_alert_stays_dark(rules: Callable[..., RuleTest]) -> None:
    text = alert('time() - push_time_seconds{job="backup"} > 86400', "BackupTooOld", "5m")
    rules(text).assert_firing("BackupTooOld", after="25h")
    with pytest.raises(AssertionError, match="never pending or firing"):
        rules(text, honor_labels=False).assert_firing("BackupTooOld", after="25h")


def test_group_interval_is_used_for_evaluation(rules: Callable[..., RuleTest]) -> None:
    text = alert("backup_bytes > 0").replace("- name: g\n", "- name: g\n  interval: 15s\n")
    timeline = [(START, exposed()), (START + 30, exposed(START)), (START + 60, exposed()), (START + 120, exposed())]
    assert minutes(rules(text, timeline, scrape_interval=15.0).transitions("Backup")) == [
        (0.5, "firing"),
        (1, "inactive"),
    ]


def test_changes_between_two_scrapes_are_not_seen(rules: Callable[..., RuleTest]) -> None:
    timeline = [(START, exposed()), (START + 31, exposed(START)), (START + 59, exposed()), (START + 300, exposed())]
    assert rules(alert("backup_bytes > 0"), timeline).transitions("Backup") == []


def test_clock_set_back_starts_new_timeline(rules: Callable[..., RuleTest]) -> None:
    test = rules(
        alert("backup_bytes > 0"), [(START + 9e6, exposed(1.0)), (START, exposed(START)), (START + 60, exposed())]
    )
    assert (test.start, test.end) == (START, START + 60)
    assert minutes(test.transitions("Backup")) == [(0, "firing"), (1, "inactive")]


def test_moments(rules: Callable[..., RuleTest]) -> None:
    test = rules(alert("backup_bytes > 0"))
    moments: list[object] = [
        "1h",
        timedelta(hours=1),
        START + 3600,
        datetime.fromtimestamp(START + 3600, timezone.utc),
        datetime.fromtimestamp(START + 3600, timezone.utc).isoformat(),
    ]
    assert [test.query("time()", at=moment)[0].value for moment in moments] == [START + 3600] * 5
    assert test.query("time()")[0].value == START + 50 * HOUR
    test.assert_firing("Backup", after=3600)
    with pytest.raises(ValueError, match="before the timeline begins"):
        test.query("time()", at=START - 1)
    with pytest.raises(TypeError, match="a moment is"):
        test.query("time()", at=[])
    with pytest.raises(TypeError, match="not both"):
        test.assert_firing("Backup", after=1, at=2)
    mistakes: tuple[object, ...] = (True, "3600", "soon", [], float("nan"))
    for wrong in mistakes:
        with pytest.raises((TypeError, ValueError), match="after must be"):
            test.assert_not_firing("Backup", after=wrong)


def test_label_no_alert_can_have(rules: Callable[..., RuleTest]) -> None:
    too_old = alert("time() - push_time_seconds > 86400", "BackupTooOld", "5m", labels="{severity: page}")
    test = rules(too_old.replace("86400", "86400 or label_replace(up, 'team', 'a', '', '') > 5"))
    assert test.assert_not_firing("BackupTooOld", after="24h", job="nightly") is True
    assert test.assert_not_firing("BackupTooOld", after="24h", severity="page", team="b")
    assert test.assert_not_firing("BackupTooOld", after="24h", jobb=mock.ANY)
    assert test.assert_not_firing("BackupTooOld", after="24h7m", job=re.compile("night.*"), jobb="")
    with pytest.raises(AssertionError) as caught:
        test.assert_not_firing("BackupTooOld", after="24h7m", jobb="nightly")
    assert str(caught.value).splitlines() == [
        'BackupTooOld{jobb="nightly"} is not firing, but that proves nothing: '
        "no alert BackupTooOld ever had a label jobb; labels there are: job, severity",
        "If no alert may have the label, use jobb=unittest.mock.ANY.",
    ]
    with pytest.raises(AssertionError, match="that proves nothing: no alert BackupTooOld ever had a label jobb"):
        test.assert_not_firing("BackupTooOld", after="24h", jobb="nightly")


@pytest.mark.parametrize(
    ("given", "error", "hint"),
    [
        ({"job": None}, TypeError, 'job="" asks for series without the label'),
        ({"job": ["backup"]}, TypeError, "label job must be text"),
        ({"labels": "job"}, TypeError, "labels must be a mapping"),
        ({"timeout": 5}, TypeError, "timeout= is not a label here"),
        ({"alertname": "Backup"}, ValueError, "give the alert's name as the first argument"),
    ],
)
def test_mistakes_in_alert_assertions(
    rules: Callable[..., RuleTest], given: Any, error: type[Exception], hint: str
) -> None:
    test = rules(alert("backup_bytes > 0"))
    for method in (test.assert_firing, test.assert_not_firing):
        with pytest.raises(error, match=hint):
            method("Backup", **given)
    for name in ('Backup{job="backup"}', "Bakup"):
        with pytest.raises(LookupError, match="no alert is called"):
            test.transitions(name)
    for wrong in (7, None, b"Backup"):
        with pytest.raises(TypeError, match="an alert's name is a string"):
            test.assert_not_firing(wrong)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="an expression is a string"):
            test.query(wrong)  # type: ignore[arg-type]


def test_values_of_every_kind_come_back(rules: Callable[..., RuleTest]) -> None:
    text = 'a{x="\\"q\\" \\\\ \\n é"} 1e-7\nb +Inf\nc -Inf\nd NaN\ne -12.5\nf 1e22\ng 0\n'
    test = rules(alert("up > 0"), [(START, text), (START + 600, text)])
    found = {sample.name: sample for sample in test.query('{__name__=~".",job="pushgateway"}', at="10m")}
    assert found["a"].labels == {"x": '"q" \\ \n é', "job": "pushgateway", "instance": "pg:9091"}
    assert {name: sample.value for name, sample in found.items() if name != "d"} == {
        "a": 1e-7,
        "b": float("inf"),
        "c": float("-inf"),
        "e": -12.5,
        "f": 1e22,
        "g": 0.0,
    }
    assert str(found["d"].value) == "nan"
    assert test.query("scrape_series_added", at="0s")[0].value == 7
    assert test.query("scrape_series_added", at="30s")[0].value == 0


def test_message_shows_history_of_alerts(rules: Callable[..., RuleTest]) -> None:
    test = rules(alert("time() - push_time_seconds > 86400", "BackupTooOld", "5m"))
    with pytest.raises(AssertionError) as caught:
        test.assert_firing("BackupTooOld", after="24h4m", job="backup")
    assert str(caught.value) == (
        'BackupTooOld{job="backup"} is not firing 1d4m after the beginning (2023-11-15 22:17:20+00:00)\n'
        '    BackupTooOld{job="backup"} is pending\n'
        "its history until then:\n"
        '          1d1m  pending   BackupTooOld{job="backup"}'
    )
    with pytest.raises(AssertionError, match=r'BackupTooOld\{job="backup"\} is firing 1d7m after the beginning'):
        test.assert_not_firing("BackupTooOld", after="24h7m", labels={"job": "backup"})


def test_missing_alert(rules: Callable[..., RuleTest]) -> None:
    with pytest.raises(LookupError, match="no alert is called 'Bakup'; the rule files have: Backup"):
        rules(alert("up == 0")).assert_firing("Bakup")


def test_promtools_own_complaints(rules: Callable[..., RuleTest]) -> None:
    with pytest.raises(RulesError, match=r"sum\(: 1:5: parse error: unclosed left parenthesis"):
        rules(alert("up == 0")).query("sum(")
    with pytest.raises(RulesError, match="field expression not found"):
        rules(alert("up == 0").replace("expr:", "expression:")).alerts()
    with pytest.raises(RulesError, match=r"alerts.yml:4: rule 'Backup' cannot be tested: ALERTS_FOR_STATE"):
        rules(alert("time() - ALERTS_FOR_STATE > 0"))
    with pytest.raises(RulesError, match="cannot be read"):
        rules(alert("up == 0"), rule_files=["nothing.yml"])


def test_written_test_file_passes_and_keeps_rules(
    rules: Callable[..., RuleTest], tmp_path: Path, promtool: str
) -> None:
    text = alert("time() - push_time_seconds > 86400", "BackupTooOld", "5m", annotations="{summary: a}")
    test = rules(f"# why this alert\n{text}")
    test.assert_not_firing("BackupTooOld", after="24h4m")
    test.assert_firing("BackupTooOld", after="24h7m")
    test.query("backup_bytes", at="1h")
    test.query("nothing", at="1h")
    (tmp_path / "kept").mkdir()
    files = test.write(tmp_path / "kept" / "backup.test.yml")
    assert [Path(file).name for file in files] == ["backup.test.yml", "backup.rules-1.yml"]
    assert "SUCCESS" in run(promtool, *os.path.split(files[0]))
    assert Path(files[1]).read_text().splitlines()[1] == "# why this alert"
    broken = Path(files[0]).read_text().replace("value: 7.0", "value: 8.0")
    Path(files[0]).write_text(broken)
    assert "FAILED" in run(promtool, *os.path.split(files[0]))


def test_unchanged_rule_file_is_referenced_in_place(
    rules: Callable[..., RuleTest], tmp_path: Path, promtool: str
) -> None:
    test = rules(alert("backup_bytes > 0"))
    test.assert_firing("Backup", after="1h")
    (tmp_path / "kept").mkdir()
    files = test.write(tmp_path / "kept" / "backup.test.yml")
    assert [Path(file).name for file in files] == ["backup.test.yml"]
    assert "../alerts.yml" in Path(files[0]).read_text()
    assert "SUCCESS" in run(promtool, *os.path.split(files[0]))
