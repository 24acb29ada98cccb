"""A fully functional Prometheus Pushgateway inside your tests.

Names are imported when they are asked for: this module runs in every pytest session, used or not.
"""

from __future__ import annotations

from pytest_pushgateway._version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytest_pushgateway.exposition.model import ScrapeText
    from pytest_pushgateway.golang.position import Position
    from pytest_pushgateway.harness.clock import Clock
    from pytest_pushgateway.harness.errors import NotExposed, PushgatewayError, PushRejected
    from pytest_pushgateway.harness.faults.faults import Fault, Faults
    from pytest_pushgateway.harness.journal.lint import LintProblem
    from pytest_pushgateway.harness.journal.requests import Delete, Push, Request
    from pytest_pushgateway.harness.metrics.family import Family
    from pytest_pushgateway.harness.metrics.group import Group
    from pytest_pushgateway.harness.metrics.scrape import Scrape
    from pytest_pushgateway.harness.metrics.snapshot import Snapshot
    from pytest_pushgateway.harness.pushgateway import MakePushgateway, Pushgateway
    from pytest_pushgateway.interception.interception import Interception
    from pytest_pushgateway.programs import BinaryNotFound
    from pytest_pushgateway.prometheus.config import PrometheusConfig, load
    from pytest_pushgateway.prometheus.model import ScrapeJob, TargetGroup
    from pytest_pushgateway.prometheus.problems import Problem
    from pytest_pushgateway.prometheus.process import PrometheusError, TargetState
    from pytest_pushgateway.prometheus.rules.alert_states import Alert, Transition
    from pytest_pushgateway.prometheus.rules.promtool import RulesError
    from pytest_pushgateway.prometheus.rules.rule_assertions import RuleTest
    from pytest_pushgateway.prometheus.scrape.ingest import Stored, TargetScrape, Unsimulated
    from pytest_pushgateway.prometheus.scrape.result import ScrapeResult
    from pytest_pushgateway.prometheus.server import PrometheusServer
    from pytest_pushgateway.settings import Settings, SettingsError
    from pytest_pushgateway.testapi.remote.client import connect
    from pytest_pushgateway.warnings import (
        LintWarning,
        LostPushWarning,
        PoisonedGatewayWarning,
        PushgatewayWarning,
        RejectedPushWarning,
        UnusedFaultWarning,
        UselessDeleteWarning,
    )

__all__ = [
    "Alert",
    "BinaryNotFound",
    "Clock",
    "Delete",
    "Family",
    "Fault",
    "Faults",
    "Group",
    "Interception",
    "LintProblem",
    "LintWarning",
    "LostPushWarning",
    "MakePushgateway",
    "NotExposed",
    "PoisonedGatewayWarning",
    "Position",
    "Problem",
    "PrometheusConfig",
    "PrometheusError",
    "PrometheusServer",
    "Push",
    "PushRejected",
    "Pushgateway",
    "PushgatewayError",
    "PushgatewayWarning",
    "RejectedPushWarning",
    "Request",
    "RuleTest",
    "RulesError",
    "Scrape",
    "ScrapeJob",
    "ScrapeResult",
    "ScrapeText",
    "Settings",
    "SettingsError",
    "Snapshot",
    "Stored",
    "TargetGroup",
    "TargetScrape",
    "TargetState",
    "Transition",
    "Unsimulated",
    "UnusedFaultWarning",
    "UselessDeleteWarning",
    "__version__",
    "connect",
    "load",
]

_HOMES = {
    "Alert": "prometheus.rules.alert_states",
    "BinaryNotFound": "programs",
    "Clock": "harness.clock",
    "Delete": "harness.journal.requests",
    "Family": "harness.metrics.family",
    "Fault": "harness.faults.faults",
    "Faults": "harness.faults.faults",
    "Group": "harness.metrics.group",
    "Interception": "interception.interception",
    "LintProblem": "harness.journal.lint",
    "LintWarning": "warnings",
    "LostPushWarning": "warnings",
    "MakePushgateway": "harness.pushgateway",
    "NotExposed": "harness.errors",
    "PoisonedGatewayWarning": "warnings",
    "Position": "golang.position",
    "Problem": "prometheus.problems",
    "PrometheusConfig": "prometheus.config",
    "PrometheusError": "prometheus.process",
    "PrometheusServer": "prometheus.server",
    "Push": "harness.journal.requests",
    "PushRejected": "harness.errors",
    "Pushgateway": "harness.pushgateway",
    "PushgatewayError": "harness.errors",
    "PushgatewayWarning": "warnings",
    "RejectedPushWarning": "warnings",
    "Request": "harness.journal.requests",
    "RuleTest": "prometheus.rules.rule_assertions",
    "RulesError": "prometheus.rules.promtool",
    "Scrape": "harness.metrics.scrape",
    "ScrapeJob": "prometheus.model",
    "ScrapeResult": "prometheus.scrape.result",
    "ScrapeText": "exposition.model",
    "Settings": "settings",
    "SettingsError": "settings",
    "Snapshot": "harness.metrics.snapshot",
    "Stored": "prometheus.scrape.ingest",
    "TargetGroup": "prometheus.model",
    "TargetScrape": "prometheus.scrape.ingest",
    "TargetState": "prometheus.process",
    "Transition": "prometheus.rules.alert_states",
    "Unsimulated": "prometheus.scrape.ingest",
    "UnusedFaultWarning": "warnings",
    "UselessDeleteWarning": "warnings",
    "connect": "testapi.remote.client",
    "load": "prometheus.config",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
