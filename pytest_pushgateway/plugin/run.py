"""The plugin's state during one run: settings, gateways in use, findings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pytest_pushgateway.plugin.options import from_command_line, from_environment, from_ini, programs, templates
from pytest_pushgateway.settings import SettingsError, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pytest_pushgateway.harness.messages.report import Finding
    from pytest_pushgateway.harness.pushgateway import Pushgateway
    from pytest_pushgateway.harness.supervisor import Supervisor
    from pytest_pushgateway.settings import Settings


class _State:
    """What the plugin knows of one run."""

    def __init__(self, config: pytest.Config) -> None:
        # pytest 9.1 deprecates config.inicfg and has no other way to learn of options that nobody registered; before
        # 9.0 it does not hold what -o sets.
        ini = getattr(config, "_inicfg", None)
        keys = list(config.inicfg if ini is None else ini)
        keys += [pair.partition("=")[0] for pair in config.getoption("override_ini") or ()]
        directory = config.inipath.parent if config.inipath else config.rootpath
        self.layers = [
            ("ini file", from_ini(keys, config.getini, directory)),
            ("environment", from_environment(os.environ)),
            ("command line", from_command_line(config.getoption, config.invocation_params.dir)),
        ]
        self.programs: dict[str, tuple[str, str]] = programs(
            config.getoption, config.getini, config.invocation_params.dir, directory
        )
        self.environment = templates(config.getini("pushgateway_env_vars"))
        self.distributed = hasattr(config, "workerinput") or (
            getattr(config.option, "dist", "no") != "no" and bool(getattr(config.option, "tx", None))
        )
        self.session: Pushgateway | None = None
        self.used: list[Pushgateway] = []
        self.rows: dict[str, list[float]] = {}

    def settings(self, *layers: tuple[str, Mapping[str, Any]]) -> Settings:
        """Return the effective settings of a test; fail its set-up where they make no sense."""
        try:
            settings = resolve([*self.layers, *layers])
        except SettingsError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        problem = self.unfit(settings)
        if problem:
            pytest.fail(problem, pytrace=False)
        return settings

    def unfit(self, settings: Settings) -> str | None:
        """Return why the settings do not go with xdist, if they do not."""
        if not self.distributed:
            return None
        for name, meaning in (("port", "a fixed port"), ("persistence_file", "a persistence file")):
            if getattr(settings, name):
                return (
                    f"{meaning} ({name}={getattr(settings, name)!r}, {settings.sources[name]}) cannot be shared by "
                    "xdist's workers, of which each has its own gateway: leave it out, or run without -n"
                )
        return None

    def wrap_up(self, test: str) -> tuple[list[Finding], list[BaseException]]:
        """Return the warnings and errors that are due at the end of a test, and count what it pushed."""
        findings: list[Finding] = []
        errors: list[BaseException] = []
        for gateway in self.gateways():
            findings += gateway.take_findings()
            errors += gateway.take_errors()
            totals = gateway.take_totals()
            if totals.pushes or totals.deletions:
                row = self.rows.setdefault(test, [0.0] * 5)
                row[:4] = [a + b for a, b in zip(row, totals.counts, strict=False)]
                row[4] = max(row[4], totals.slowest)
        self.used.clear()
        return findings, errors

    def gateways(self) -> list[Supervisor]:
        """Return all gateways that this test may have used."""
        from pytest_pushgateway.harness.supervisor import started

        own = [_supervisor(gateway) for gateway in (self.session, *self.used) if gateway is not None]
        return list(dict.fromkeys([*own, *(one for one in started() if not one.gateway.managed)]))

    def in_use(self, item: pytest.Item) -> list[Supervisor]:
        """Return the gateways of a running test: its fixtures', and those that it, or its module, made itself."""
        asks = "pushgateway_session" in getattr(item, "fixturenames", ())
        session = _supervisor(self.session) if self.session is not None else None
        return [one for one in self.gateways() if one != session or self.session in self.used or asks]


_STATE = pytest.StashKey[_State]()


def _supervisor(gateway: Pushgateway) -> Supervisor:
    from pytest_pushgateway.harness.pushgateway import supervisor

    return supervisor(gateway)
