"""The plugin's state during one run: settings, gateways in use, findings."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_pushgateway.plugin.connecting import Connecting
from pytest_pushgateway.plugin.intercepting import Intercepting, asked_for, without_addresses
from pytest_pushgateway.plugin.options import from_command_line, from_environment, from_ini, programs, templates
from pytest_pushgateway.settings import SettingsError, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import ExitStack
    from typing import Any

    from pytest_pushgateway.harness.messages.report import Finding
    from pytest_pushgateway.harness.pushgateway import Pushgateway
    from pytest_pushgateway.harness.supervisor import Supervisor
    from pytest_pushgateway.settings import Settings


class _State:
    """The plugin's knowledge of one run."""

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
        self.intercepting = Intercepting(asked_for(config), _is_ours)
        self.connecting = Connecting(config)
        self.environment = templates(config.getini("pushgateway_env_vars"))
        self.distributed = hasattr(config, "workerinput") or (
            getattr(config.option, "dist", "no") != "no" and bool(getattr(config.option, "tx", None))
        )
        self.session: Pushgateway | None = None
        self.session_options: dict[str, Any] = {}
        """The options that `pushgateway_options` gave for it."""
        self.view: object = None
        """The definition of ``pushgateway_options`` that all tests with a gateway see; None if none was collected."""
        self.used: list[Pushgateway] = []
        self._last: list[ExitStack] = []
        self.rows: dict[str, list[float]] = {}

    def settings(self, *layers: tuple[str, Mapping[str, Any]]) -> Settings:
        """Return the effective settings of a test; fail its set-up where they make no sense."""
        for source, options in layers:
            if not isinstance(options, dict):
                missing = "; is a return missing?" if options is None else ""
                pytest.fail(
                    f"the fixture {source} must return a dict of options, not {options!r}{missing}", pytrace=False
                )
        try:
            settings = resolve([*self.layers, *((source, without_addresses(options)) for source, options in layers)])
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
            if self.connecting and not self._uses(gateway):
                continue  # it would have to be asked
            try:
                findings += gateway.take_findings()
            except ConnectionError as problem:
                errors.append(problem)
            errors += map(_as_failure, gateway.take_errors())
            totals = gateway.take_totals()
            if totals.pushes or totals.deletions:
                row = self.rows.setdefault(test, [0.0] * 5)
                row[:4] = [a + b for a, b in zip(row, totals.counts, strict=False)]
                row[4] = max(row[4], totals.slowest)
        self.used.clear()
        refused = self.intercepting.take_refused()
        if refused:
            errors.append(pytest.fail.Exception("\n".join(refused), pytrace=False))
        return findings, errors

    def _uses(self, gateway: Supervisor) -> bool:
        """Return whether the test that ends has used a gateway, or it is one that the test made."""
        is_sessions = self.session is not None and gateway == _supervisor(self.session)
        return not is_sessions or self.session in self.used or self.intercepting.asks_for("pushgateway_session")

    def gateways(self) -> list[Supervisor]:
        """Return all gateways that this test may have used."""
        from pytest_pushgateway.harness.supervisor import started

        own = [_supervisor(gateway) for gateway in (self.session, *self.used) if gateway is not None]
        return list(dict.fromkeys([*own, *(one for one in started() if not one.gateway.managed)]))

    def all_gateways(self) -> list[Supervisor]:
        """Return all gateways of this process, those of fixtures that have ended included."""
        from pytest_pushgateway.harness.supervisor import started

        return list(dict.fromkeys([*self.gateways(), *started()]))

    def intercept(self, options: Mapping[str, Any], gateway: Pushgateway) -> None:
        """Have the addresses that the test intercepts reach its gateway; ``options`` are its `pushgateway_options`."""
        try:
            self.intercepting.receive(options, _supervisor(gateway))
        except SettingsError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None

    def begin_test(self, item: pytest.Item) -> None:
        """Begin a test: at all gateways, and with its intercepted addresses."""
        self.intercepting.begin_test(item)
        if sys.modules.get("pytest_pushgateway.harness.pushgateway") is None:
            return
        for gateway in self.gateways():
            gateway.begin_test(item.nodeid)
        session = self.session
        if session is not None and self.intercepting.asks_for("pushgateway_session") and session.running:
            self.intercept(self.session_options, session)

    def end_when_all_have(self, stack: ExitStack) -> None:
        """End what a fixture holds once all fixtures of the test have ended, while their connections reach it."""
        if self.intercepting.receives:
            self._last.append(stack.pop_all())

    def end_interceptions(self) -> None:
        """End what was intercepted for the test: all its fixtures have ended."""
        self.intercepting.end_test()
        while self._last:
            self._last.pop().close()
        for gateway in self.used:
            _supervisor(gateway).end_interceptions()

    def in_use(self, item: pytest.Item) -> list[Supervisor]:
        """Return the gateways of a running test: its fixtures', and those that it, or its module, made itself."""
        asks = "pushgateway_session" in getattr(item, "fixturenames", ())
        session = _supervisor(self.session) if self.session is not None else None
        return [one for one in self.gateways() if one != session or self.session in self.used or asks]


_STATE = pytest.StashKey[_State]()


_FIXTURES = ("pushgateway", "pushgateway_env", "make_pushgateway", "pushgateway_session")
"""Those that heed the marker, or refuse a test with another one."""


def _marker_options(node: pytest.Item) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for marker in node.iter_markers("pushgateway"):
        if marker.args:
            pytest.fail(
                f"@pytest.mark.pushgateway takes options by keyword only, not {marker.args[0]!r}", pytrace=False
            )
        for name, value in marker.kwargs.items():
            options.setdefault(name, value)
    return options


def _views(item: pytest.Item) -> tuple[object, ...]:
    """Return the definitions of ``pushgateway_options`` that a test sees, the nearest last."""
    info = getattr(item, "_fixtureinfo", None)
    return tuple(info.name2fixturedefs.get("pushgateway_options", ())) if info is not None else ()


def _sees_the_sessions_options(item: pytest.Item) -> bool:
    """Return whether a test sees the options of `pushgateway_session`, and not others of its folder or class."""
    view, views = item.config.stash[_STATE].view, _views(item)
    if views and getattr(views[-1], "scope", "session") != "session":  # parametrised where the test is
        return False
    return view is None or not views or views[-1] is view


def _prepare(items: Sequence[pytest.Item], state: _State) -> None:
    """Settle, whatever the order of tests, whose options the session's gateway has, and who must be asked to have them.

    They are those that all tests with a gateway see: one folder among others does not decide for all.
    """
    views = [_views(item) for item in items]
    views = [view for view in views if view]
    common = [level[0] for level in zip(*views, strict=False) if all(one is level[0] for one in level)]
    state.view = common[-1] if common else None
    for item in items:
        names = getattr(item, "fixturenames", [])
        if "pushgateway_session" in names and _CHECK not in names:
            names.insert(0, _CHECK)
        if "pushgateway" in names and state.intercepting.concerns(item):
            # Before all fixtures and so, at the end, after them: each may connect when it begins or ends.
            names.remove("pushgateway")
            names.insert(0, "pushgateway")


_CHECK = "_pushgateway_session_fits"


@pytest.fixture
def _pushgateway_session_fits(request: pytest.FixtureRequest, pushgateway_options: dict[str, Any]) -> None:
    """Refuse a test whose options are not those of the session's gateway, which it uses."""
    state = request.config.stash[_STATE]
    layer = ("pushgateway_options", pushgateway_options)
    settings = state.settings(layer, ("marker", _marker_options(request.node)))
    if state.connecting:
        state.connecting.check(settings, request.getfixturevalue("pushgateway_session"))
        return
    if state.session is None and not _sees_the_sessions_options(request.node):
        pytest.fail(
            "this test sees its own pushgateway_options, and not those of pushgateway_session, which are the same "
            "for the whole run. Use the fixture pushgateway or make_pushgateway, or override pushgateway_options where "
            "all tests see it",
            pytrace=False,
        )
    usual = state.session.settings if state.session is not None else state.settings(layer)
    if settings == usual:
        return
    from pytest_pushgateway.settings import OPTIONS

    differing = ", ".join(
        f"{name} ({settings.sources.get(name) or usual.sources.get(name)})"
        for name in OPTIONS
        if getattr(settings, name) != getattr(usual, name)
    )
    begin = "this test's options differ from those of pushgateway_session"
    if "pushgateway" in request.fixturenames:
        begin += ", so pushgateway would be another gateway"
        advice = "Use one of the two fixtures, or make_pushgateway"
    else:
        advice = "Use the fixture pushgateway or make_pushgateway, which heed them"
    pytest.fail(f"{begin}: {differing}. {advice}", pytrace=False)


def _supervisor(gateway: Pushgateway) -> Supervisor:
    from pytest_pushgateway.harness.pushgateway import supervisor

    return supervisor(gateway)


def _as_failure(error: BaseException) -> BaseException:
    """Return a difference from the original as a failure without a traceback; any other error as it is."""
    if type(error).__module__.startswith("pytest_pushgateway.original."):
        return pytest.fail.Exception(str(error), pytrace=False)
    return error


def _is_ours(host: str, port: int) -> bool:
    """Return whether a gateway of this process listens at a place."""
    local = sys.modules.get("pytest_pushgateway.harness.behind.local")
    return local is not None and any(
        one.running and port == one.port and host in (one.host, "localhost", "127.0.0.1", "::1")
        for one in local.started()
    )
