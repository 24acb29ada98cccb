"""A fully functional Prometheus Pushgateway inside your tests.

Names are imported when they are asked for: this module runs in every pytest session, used or not.
"""

from __future__ import annotations

from pytest_pushgateway._version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytest_pushgateway.harness.clock import Clock
    from pytest_pushgateway.harness.errors import NotExposed, PushgatewayError, PushRejected
    from pytest_pushgateway.harness.faults import Fault, Faults
    from pytest_pushgateway.harness.journal.lint import LintProblem
    from pytest_pushgateway.harness.journal.requests import Delete, Push, Request
    from pytest_pushgateway.harness.metrics.family import Family
    from pytest_pushgateway.harness.metrics.group import Group
    from pytest_pushgateway.harness.metrics.scrape import Scrape
    from pytest_pushgateway.harness.metrics.text import Snapshot
    from pytest_pushgateway.harness.pushgateway import MakePushgateway, Pushgateway
    from pytest_pushgateway.settings import Settings, SettingsError
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
    "Clock",
    "Delete",
    "Family",
    "Fault",
    "Faults",
    "Group",
    "LintProblem",
    "LintWarning",
    "LostPushWarning",
    "MakePushgateway",
    "NotExposed",
    "PoisonedGatewayWarning",
    "Push",
    "PushRejected",
    "Pushgateway",
    "PushgatewayError",
    "PushgatewayWarning",
    "RejectedPushWarning",
    "Request",
    "Scrape",
    "Settings",
    "SettingsError",
    "Snapshot",
    "UnusedFaultWarning",
    "UselessDeleteWarning",
    "__version__",
]

_HOMES = {
    "Clock": "harness.clock",
    "Delete": "harness.journal.requests",
    "Family": "harness.metrics.family",
    "Fault": "harness.faults",
    "Faults": "harness.faults",
    "Group": "harness.metrics.group",
    "LintProblem": "harness.journal.lint",
    "LintWarning": "warnings",
    "LostPushWarning": "warnings",
    "MakePushgateway": "harness.pushgateway",
    "NotExposed": "harness.errors",
    "PoisonedGatewayWarning": "warnings",
    "Push": "harness.journal.requests",
    "PushRejected": "harness.errors",
    "Pushgateway": "harness.pushgateway",
    "PushgatewayError": "harness.errors",
    "PushgatewayWarning": "warnings",
    "RejectedPushWarning": "warnings",
    "Request": "harness.journal.requests",
    "Scrape": "harness.metrics.scrape",
    "Settings": "settings",
    "SettingsError": "settings",
    "Snapshot": "harness.metrics.text",
    "UnusedFaultWarning": "warnings",
    "UselessDeleteWarning": "warnings",
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
