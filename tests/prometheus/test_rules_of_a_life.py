"""Alerts over a gateway that stops, refuses connections, restarts and loses its metrics.

Scraped and evaluated every minute; ``at`` moves the frozen clock to a minute of the timeline.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_pushgateway import Pushgateway, RuleTest, load
from pytest_pushgateway.prometheus.rules import evaluation
from pytest_pushgateway.prometheus.rules.promtool import RulesError, Run, ask
from tests import peers

pytestmark = pytest.mark.conformance

START = 1_700_000_000.0
CONFIGURATION = """\
global: {scrape_interval: 1m, evaluation_interval: 1m}
rule_files: [alerts.yml]
scrape_configs:
- job_name: pushgateway
  honor_labels: true
  static_configs: [{targets: ['pushgateway:9091']}]
"""
RULES = """\
groups:
- name: gateway
  rules:
  - {alert: GatewayDown, expr: 'up{job="pushgateway"} == 0', for: 5m}
  - {alert: BackupGone, expr: absent(backup_bytes), for: 3m}
  - {alert: BackupOld, expr: 'time() - push_time_seconds{job="backup"} > 600'}
  - {alert: BackupSmall, expr: backup_bytes < 100}
"""

Transitions = list[tuple[int, str]]


@pytest.fixture
def gateway() -> Iterator[Pushgateway]:
    with Pushgateway(enable_lifecycle=True) as gateway:
        gateway.clock.freeze(START)
        yield gateway


@pytest.fixture
def at(gateway: Pushgateway) -> Callable[[float], None]:
    def move(minute: float) -> None:
        gateway.clock.freeze(START + 60 * minute)

    return move


@pytest.fixture
def rules(gateway: Pushgateway, tmp_path: Path) -> Callable[[], RuleTest]:
    promtool = peers.promtool_binary()
    (tmp_path / "alerts.yml").write_text(RULES)
    (tmp_path / "prometheus.yml").write_text(CONFIGURATION)
    return lambda: load(tmp_path / "prometheus.yml", lint="none").rules(gateway, promtool=promtool)


def turns(rules: RuleTest, alert: str) -> Transitions:
    return [(round(one.after / 60), one.state) for one in rules.transitions(alert)]


def backup(gateway: Pushgateway, size: int = 1000) -> None:
    gateway.push(f"backup_bytes {size}\n", job="backup")


At = Callable[[float], None]
Rules = Callable[[], RuleTest]


def test_stopped_for_ten_minutes(gateway: Pushgateway, at: At, rules: Rules) -> None:
    backup(gateway)
    at(10)
    gateway.stop()
    at(20)
    gateway.start()
    at(30)
    found = rules()
    assert turns(found, "GatewayDown") == [(10, "pending"), (15, "firing"), (20, "inactive")]
    assert found.query("up", at="9m")[0].value == 1
    assert found.query("up", at="10m")[0].value == 0


def test_refused_connections_are_a_gateway_that_is_down(gateway: Pushgateway, at: At, rules: Rules) -> None:
    backup(gateway)
    at(10)
    with gateway.faults.refuse():
        at(18)
    at(30)
    found = rules()
    assert turns(found, "GatewayDown") == [(10, "pending"), (15, "firing"), (18, "inactive")]
    assert turns(found, "BackupGone") == [(10, "pending"), (13, "firing"), (18, "inactive")]
    assert found.query("backup_bytes")[0].value == 1000


def test_short_outage_is_pending_and_never_fires(gateway: Pushgateway, at: At, rules: Rules) -> None:
    backup(gateway)
    at(5)
    with gateway.faults.refuse():
        at(9)
    at(20)
    assert turns(rules(), "GatewayDown") == [(5, "pending"), (9, "inactive")]


def test_restart_with_a_file_keeps_everything(gateway: Pushgateway, at: At, rules: Rules) -> None:
    backup(gateway, 7)
    at(10)
    gateway.restart()
    at(20)
    found = rules()
    assert turns(found, "GatewayDown") == turns(found, "BackupGone") == []
    assert turns(found, "BackupSmall") == [(0, "firing")]
    assert turns(found, "BackupOld") == [(11, "firing")]


def test_start_without_a_file_has_lost_everything(gateway: Pushgateway, at: At, rules: Rules) -> None:
    backup(gateway)
    at(4)
    gateway.stop()
    gateway.start()
    at(20)
    found = rules()
    assert turns(found, "GatewayDown") == []
    assert turns(found, "BackupGone") == [(4, "pending"), (7, "firing")]
    assert turns(found, "BackupOld") == []
    assert found.query("backup_bytes", at="3m")[0].value == 1000
    assert found.query("backup_bytes", at="4m") == []


def test_crash_keeps_what_was_acknowledged(gateway: Pushgateway, at: At, rules: Rules) -> None:
    backup(gateway)
    gateway.persistence_file  # noqa: B018 - from here on there is one
    at(5)
    backup(gateway, 50)
    at(10)
    gateway.crash()
    at(20)
    found = rules()
    assert turns(found, "BackupSmall") == [(5, "firing")]
    assert turns(found, "BackupGone") == []


@pytest.mark.usefixtures("rules")
def test_crash_before_the_first_write_loses_the_push(tmp_path: Path) -> None:
    with Pushgateway(persistence_interval=3600, persistence_file=str(tmp_path / "kept")) as other:
        other.clock.freeze(START)
        other.push("backup_bytes 1000\n", job="backup")
        other.clock.advance(60 * 6)
        other.crash()
        other.clock.advance(60 * 14)
        assert other.groups == []
        found = load(tmp_path / "prometheus.yml", lint="none").rules(other, promtool=peers.promtool_binary())
        assert turns(found, "BackupGone") == [(6, "pending"), (9, "firing")]


def test_gateway_that_stays_away_hides_an_old_backup(gateway: Pushgateway, at: At, rules: Rules) -> None:
    """An alert on the age of a push falls silent when the gateway is gone: its samples are stale."""
    backup(gateway)
    at(15)
    gateway.stop()
    at(40)
    found = rules()
    assert turns(found, "BackupOld") == [(11, "firing"), (15, "inactive")]
    assert turns(found, "GatewayDown") == [(15, "pending"), (20, "firing")]
    found.assert_firing("GatewayDown")
    found.assert_not_firing("BackupOld")


def test_gateway_that_starts_late(gateway: Pushgateway, at: At, rules: Rules) -> None:
    gateway.stop()
    at(12)
    gateway.start()
    at(14)
    backup(gateway)
    at(20)
    found = rules()
    assert turns(found, "GatewayDown") == [(0, "pending"), (5, "firing"), (12, "inactive")]
    assert turns(found, "BackupGone") == [(0, "pending"), (3, "firing"), (14, "inactive")]


def test_deletion_is_kept_over_a_restart_and_two_outages_count_apart(
    gateway: Pushgateway, at: At, rules: Rules
) -> None:
    backup(gateway)
    at(2)
    gateway.restart()
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=10)
    connection.request("DELETE", "/metrics/job/backup")
    assert connection.getresponse().status == 202
    connection.close()
    at(4)
    gateway.stop()
    at(8)
    gateway.start()
    at(10)
    gateway.stop()
    at(16)
    gateway.start()
    at(20)
    found = rules()
    assert turns(found, "GatewayDown") == [
        (4, "pending"),
        (8, "inactive"),
        (10, "pending"),
        (15, "firing"),
        (16, "inactive"),
    ]
    assert turns(found, "BackupGone") == [(2, "pending"), (5, "firing")]


def test_quit(gateway: Pushgateway, at: At, rules: Rules) -> None:
    backup(gateway)
    at(3)
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=10)
    connection.request("PUT", "/-/quit")
    assert connection.getresponse().status == 200
    connection.close()
    at(12)
    assert turns(rules(), "GatewayDown") == [(3, "pending"), (8, "firing")]


def test_broken_rule_files_are_named_by_their_path(gateway: Pushgateway, rules: Rules, tmp_path: Path) -> None:
    backup(gateway)
    rules()
    (tmp_path / "alerts.yml").write_text(RULES.replace("backup_bytes < 100", "backup_bytes <"))
    found = load(tmp_path / "prometheus.yml", lint="none").rules(gateway, promtool=peers.promtool_binary())
    with pytest.raises(RulesError, match="promtool rejects the rule files") as raised:
        found.query("up")
    assert f"{tmp_path}/alerts.yml: " in str(raised.value)
    assert '"BackupSmall"' in str(raised.value)
    (tmp_path / "alerts.yml").write_text("groups: [\n")
    with pytest.raises(RulesError, match=r"alerts\.yml: yaml"):
        load(tmp_path / "prometheus.yml", lint="none").rules(gateway, promtool=peers.promtool_binary()).assert_firing(
            "X"
        )


def test_names_that_were_never_stored_are_named(gateway: Pushgateway, rules: Rules, tmp_path: Path) -> None:
    backup(gateway)
    rules()
    (tmp_path / "alerts.yml").write_text(RULES.replace("backup_bytes < 100", "backup_byte < 100"))
    found = load(tmp_path / "prometheus.yml", lint="none").rules(gateway, promtool=peers.promtool_binary())
    reason = "no series matches backup_byte: none of that name was ever stored; did you mean backup_bytes?"
    with pytest.raises(AssertionError) as failed:
        found.assert_firing("BackupSmall")
    assert reason in str(failed.value)
    empty = found.query("sum by (job) (backup_byte)")
    assert empty == []
    assert reason in repr(empty)
    with pytest.raises(IndexError, match="no series matches backup_byte"):
        empty[0]
    for fine in ("up == 0", "absent(backup_byte)", "backup_bytes > 5000", 'backup_bytes{job="other"}'):
        assert "no series" not in repr(found.query(fine))


Asked = list[tuple[str, float, int]]
"""For each run of promtool its rules, the evaluations from its beginning to its end, and the number of questions."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    found: Asked = []

    def counting(promtool: str, runs: list[Run], interval: float) -> Any:
        for one in runs:
            rules = "".join(one.rule_files.values())
            found.append((rules, one.until / interval, len(one.vectors) + len(one.firing)))
        return ask(promtool, runs, interval)

    monkeypatch.setattr(evaluation, "ask", counting)
    return found


def test_week_is_evaluated_only_as_far_as_it_is_asked_for(
    gateway: Pushgateway, at: At, rules: Rules, asked: Asked
) -> None:
    """A question at the end of a week costs minutes of evaluation, and needs the rules that it is about."""
    for day in range(7):
        at(day * 1440)
        backup(gateway)
    at(7 * 1440)
    found = rules()
    found.assert_not_firing("GatewayDown")
    found.assert_firing("BackupOld")
    assert found.query("backup_bytes")[0].value == 1000
    assert all(evaluations < 30 for _, evaluations, _ in asked)
    assert "BackupOld" not in asked[0][0]
    assert asked[-1][0] == ""


def test_changes_of_an_alert_cost_what_changes(gateway: Pushgateway, at: At, rules: Rules, asked: Asked) -> None:
    """Twice as long a time without an event costs no more evaluations of the rule."""
    costs = []
    for hours in (1, 20, 40):
        at(60 * hours)
        backup(gateway)
        at(60 * hours + 5)
    for days in (7, 14):
        at(days * 1440)
        asked.clear()
        assert turns(rules(), "BackupOld") == [
            (71, "firing"),
            (1200, "inactive"),
            (1211, "firing"),
            (2400, "inactive"),
            (2411, "firing"),
        ]
        evaluated = sum(evaluations for rules, evaluations, _ in asked if rules)
        costs.append((evaluated, sum(questions for _, _, questions in asked)))
    assert costs[0][0] == costs[1][0] < 200
    assert costs[1][1] < 2 * costs[0][1] < 3000


OTHER_RULES = """\
groups:
- name: others
  labels: {team: a}
  rules:
  - {record: backup:age, expr: time() - push_time_seconds}
  - {alert: OfRecord, expr: 'backup:age > 600', for: 5m}
  - {alert: Valued, expr: backup_bytes > 0, labels: {size: '{{ $value }}'}}
  - {alert: Number, expr: 'scalar(backup_bytes) * 0'}
  - {alert: Within, expr: 'min_over_time(backup_bytes[10m:1m]) < 100', for: 2m}
  - {alert: Kept, expr: backup_bytes < 100, for: 3m, keep_firing_for: 5m}
"""


def test_changes_of_alerts_that_need_more_than_their_expression(
    gateway: Pushgateway, at: At, rules: Rules, tmp_path: Path
) -> None:
    """Records, values in labels, numbers, subqueries, and outbreaks that keep_firing_for joins."""
    rules()
    (tmp_path / "alerts.yml").write_text(OTHER_RULES)
    for minute, size in ((0, 900), (30, 50), (36, 900), (40, 60), (41, 900), (45, 70), (47, 900)):
        at(minute)
        backup(gateway, size)
    at(80)
    found = load(tmp_path / "prometheus.yml", lint="none").rules(gateway, promtool=peers.promtool_binary())
    assert turns(found, "OfRecord") == [
        (11, "pending"), (16, "firing"), (30, "inactive"), (58, "pending"), (63, "firing")
    ]  # fmt: skip
    sizes = [(round(one.after / 60), one.state, one.labels["size"]) for one in found.transitions("Valued", until="36m")]
    assert sizes == [
        (0, "firing", "900"), (30, "firing", "50"), (30, "inactive", "900"), (36, "inactive", "50"),
        (36, "firing", "900"),
    ]  # fmt: skip
    assert turns(found, "Number") == [(0, "firing")]
    assert turns(found, "Within") == [(30, "pending"), (32, "firing"), (56, "inactive")]
    assert turns(found, "Kept") == [(30, "pending"), (33, "firing"), (52, "inactive")]
    found.assert_firing("Kept", after="50m")
    found.assert_firing("Kept", team="a", after="50m")
