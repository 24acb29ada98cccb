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
from pytest_pushgateway.prometheus.rules.promtool import RulesError, ask
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


def test_week_is_evaluated_only_as_far_as_it_is_asked_for(
    gateway: Pushgateway, at: At, rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question at the end of a week costs minutes of evaluation, and needs the rules that it is about."""
    asked: list[tuple[str, float, int]] = []

    def counting(promtool: str, group: Any, files: dict[str, str], interval: float, until: float, *rest: Any) -> Any:
        asked.append(("".join(files.values()), until / interval, sum(map(len, rest))))
        return ask(promtool, group, files, interval, until, *rest)

    monkeypatch.setattr(evaluation, "ask", counting)
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
    asked.clear()
    assert len(turns(found, "BackupOld")) == 13
    assert sum(questions for _, _, questions in asked) < 3000
