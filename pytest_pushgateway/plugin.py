"""pytest's door: hooks and fixtures. Imports pytest and the standard library only; the rest when a fixture is used."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING, Any

import pytest

from pytest_pushgateway.settings import (
    HELP,
    KINDS,
    PROGRAMS,
    TEMPLATE_FIELDS,
    Settings,
    SettingsError,
    check_flags,
    flag_of,
    from_command_line,
    from_environment,
    from_ini,
    options_of,
    programs,
    resolve,
    templates,
)

if TYPE_CHECKING:
    from pytest_pushgateway.harness.keeper import Keeper
    from pytest_pushgateway.harness.pushgateway import MakePushgateway, Pushgateway
    from pytest_pushgateway.harness.report import Finding
    from pytest_pushgateway.prometheus.config import PrometheusConfig
    from pytest_pushgateway.prometheus.server import PrometheusServer

_HARNESS = "pytest_pushgateway.harness.pushgateway"
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_NOT_INHERITED = ("host", "port", "persistence_file")


# Options


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an option to the command line and to the ini file for every option of a gateway."""
    group = parser.getgroup("pushgateway", "Prometheus Pushgateway for tests")
    numbers = pytest.version_tuple >= (8, 4)
    for name, kind in KINDS.items():
        flag, dest = flag_of(name), f"pushgateway_{name}"
        if kind == "bool":
            group.addoption(flag, action=argparse.BooleanOptionalAction, default=None, dest=dest, help=HELP[name])
        else:
            group.addoption(flag, default=None, dest=dest, metavar=name.upper(), help=HELP[name])
        ini: Any = kind if kind == "bool" or (numbers and kind in ("int", "float")) else "string"
        parser.addini(dest, HELP[name], type=ini, default=None)
    for name, text in PROGRAMS.items():
        group.addoption(flag_of(name), default=None, dest=f"pushgateway_{name}", metavar="PATH", help=text)
        parser.addini(f"pushgateway_{name}", text, type="string", default=None)
    group.addoption(
        "--pushgateway-summary",
        action="store_true",
        dest="pushgateway_summary",
        help="show what each test pushed, at the end of the run",
    )
    group.addoption(
        "--pushgateway-pause-on-failure",
        action="store_true",
        dest="pushgateway_pause_on_failure",
        help="when a test fails, print the address of its gateway's web page and wait for Enter",
    )
    parser.addini(
        "pushgateway_env_vars",
        "environment variables that the fixture pushgateway_env sets: lines NAME=template, where a template may hold "
        "{url}, {address}, {host}, {port} and {scheme}",
        type="linelist",
        default=["PUSHGATEWAY_URL={url}"],
    )


def pytest_load_initial_conftests(args: list[str]) -> None:
    """Name the nearest option where one is misspelt; pytest itself would only say that it is unrecognised."""
    try:
        check_flags(args)
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_configure(config: pytest.Config) -> None:
    """Check the options, on xdist's controller too, before any test runs."""
    config.addinivalue_line(
        "markers", "pushgateway(**options): options of the gateway that this test gets from the pushgateway fixtures"
    )
    try:
        state = _State(config)
        settings = resolve(state.layers)
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from None
    problem = state.unfit(settings)
    if problem:
        raise pytest.UsageError(problem)
    config.stash[_STATE] = state
    finder = _AsTheyAre()
    sys.meta_path.insert(0, finder)
    config.add_cleanup(lambda: sys.meta_path.remove(finder))
    if config.getoption("pushgateway_summary"):
        from pytest_pushgateway.summary import Summary

        config.pluginmanager.register(Summary(state.rows), "pushgateway-summary")
    if config.getoption("pushgateway_pause_on_failure") and not hasattr(config, "workerinput"):
        from pytest_pushgateway.pause import Pause

        config.pluginmanager.register(Pause(config, state.distributed, state.in_use), "pushgateway-pause")


class _AsTheyAre:
    """Finds the package's modules before pytest does, which rewrites the assertions of all that comes with a plugin.

    Theirs tell a test nothing, and to parse and compile them anew would be most of what a first use costs. pytest's
    own way to say so, a word in each module's docstring, spares little of that.
    """

    def find_spec(self, name: str, *rest: Any) -> ModuleSpec | None:
        return PathFinder.find_spec(name, *rest) if name.startswith("pytest_pushgateway.") else None


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
            kept = _keeper(gateway)
            findings += kept.take_findings()
            errors += kept.take_errors()
            totals = kept.take_totals()
            if totals.pushes or totals.deletions:
                row = self.rows.setdefault(test, [0.0] * 5)
                row[:4] = [a + b for a, b in zip(row, totals.counts, strict=False)]
                row[4] = max(row[4], totals.slowest)
        self.used.clear()
        return findings, errors

    def gateways(self) -> list[Pushgateway]:
        """Return all gateways that this test may have used."""
        from pytest_pushgateway.harness import life

        own = [*([self.session] if self.session is not None else []), *self.used]
        return list(dict.fromkeys([*own, *(gateway for gateway in life.gateways() if not _keeper(gateway).managed)]))

    def in_use(self, item: pytest.Item) -> list[Pushgateway]:
        """Return the gateways of a running test: its fixtures', and those that it, or its module, made itself."""
        asks = "pushgateway_session" in getattr(item, "fixturenames", ())
        return [gateway for gateway in self.gateways() if gateway is not self.session or gateway in self.used or asks]


_STATE = pytest.StashKey[_State]()
_FAILED = pytest.StashKey[bool]()


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


# Fixtures


@pytest.fixture(scope="session")
def pushgateway_options() -> dict[str, Any]:
    """Options of the gateway, by name. Override this fixture in a conftest, a module or a class."""
    return {}


@pytest.fixture(scope="session")
def pushgateway_session(
    request: pytest.FixtureRequest, pushgateway_options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pushgateway]:
    """The running gateway of the whole run; each use of the fixture ``pushgateway`` empties it."""
    state = request.config.stash[_STATE]
    settings = state.settings(("pushgateway_options", pushgateway_options))
    with _running(settings, tmp_path_factory) as gateway:
        state.session = gateway
        yield gateway


@pytest.fixture
def pushgateway(
    request: pytest.FixtureRequest, pushgateway_options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pushgateway]:
    """A running, empty Pushgateway."""
    state = request.config.stash[_STATE]
    layer = ("pushgateway_options", pushgateway_options)
    settings = state.settings(layer, ("marker", _marker_options(request.node)))
    started = state.session is not None and state.session.running
    usual = state.session.settings if started and state.session is not None else state.settings(layer)
    with ExitStack() as stack:
        if settings == usual:
            gateway: Pushgateway = request.getfixturevalue("pushgateway_session")
            stack.enter_context(_without_proxy(gateway.host))
        elif "pushgateway_session" in request.fixturenames:
            differing = ", ".join(
                f"{name} ({settings.sources.get(name) or usual.sources.get(name)})"
                for name in KINDS
                if getattr(settings, name) != getattr(usual, name)
            )
            pytest.fail(
                "this test's options differ from those of pushgateway_session, so pushgateway would be another "
                f"gateway: {differing}. Use one of the two fixtures, or make_pushgateway",
                pytrace=False,
            )
        else:
            gateway = stack.enter_context(_running(settings, tmp_path_factory))
        state.used.append(gateway)
        _keeper(gateway).begin()
        yield gateway
        _keeper(gateway).settle()


@pytest.fixture
def make_pushgateway(
    request: pytest.FixtureRequest, pushgateway_options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakePushgateway]:
    """A function that starts another Pushgateway with the options given; all are stopped with the test."""
    state = request.config.stash[_STATE]
    layers = [("pushgateway_options", pushgateway_options), ("marker", _marker_options(request.node))]
    inherited = options_of(state.settings(*layers))
    for name in _NOT_INHERITED:
        inherited.pop(name, None)

    def make(**options: Any) -> Pushgateway:
        """Return a started gateway, stopped when the test ends."""
        __tracebackhide__ = True
        try:
            settings = resolve([("inherited", inherited), ("make_pushgateway()", options)])
        except SettingsError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        gateway = stack.enter_context(_running(settings, tmp_path_factory))
        state.used.append(gateway)
        return gateway

    with ExitStack() as stack:
        yield make


@pytest.fixture
def pushgateway_env(
    request: pytest.FixtureRequest, pushgateway: Pushgateway, monkeypatch: pytest.MonkeyPatch
) -> Pushgateway:
    """The fixture ``pushgateway``, with the environment variables of ini ``pushgateway_env_vars`` set."""
    fields = {field: getattr(pushgateway, field) for field in TEMPLATE_FIELDS}
    for name, template in request.config.stash[_STATE].environment:
        monkeypatch.setenv(name, template.format(**fields))
    return pushgateway


@pytest.fixture(scope="session")
def prometheus_config(request: pytest.FixtureRequest) -> Callable[..., PrometheusConfig]:
    """A function that reads a Prometheus configuration and fails the test if it is invalid.

    ``prometheus_config(path=None, *, text=None, check=True, **options)``; the path is relative to rootpath, the options
    are those of `pytest_pushgateway.prometheus.config.load`, and with ``check=False`` an invalid one is returned, too.
    """

    def read(
        path: str | os.PathLike[str] | None = None, *, text: str | None = None, check: bool = True, **options: Any
    ) -> PrometheusConfig:
        __tracebackhide__ = True
        from pytest_pushgateway.prometheus.config import load

        where = request.config.rootpath / path if path is not None else None
        config = load(where, text=text, **options)
        config.when_missing = pytest.skip
        if named := request.config.stash[_STATE].programs.get("promtool"):
            from pytest_pushgateway.prometheus.binaries import Program

            config.promtool = Program(*named)
        if check and config.errors:
            lines = "\n".join(f"  {problem}" for problem in config.errors)
            pytest.fail(f"invalid Prometheus configuration {path or ''}:\n{lines}", pytrace=False)
        return config

    return read


@pytest.fixture(scope="session")
def prometheus_server(request: pytest.FixtureRequest) -> Iterator[Callable[..., PrometheusServer]]:
    """A function that runs a real Prometheus with a configuration's jobs against a gateway.

    ``prometheus_server(config, gateway, **options)`` takes `PrometheusServer`'s options. One runs for each
    configuration, gateway and set of options, until the end of the run; without the program the test is skipped.
    """
    running: dict[object, PrometheusServer] = {}

    def serve(config: PrometheusConfig, gateway: Pushgateway, **options: Any) -> PrometheusServer:
        __tracebackhide__ = True
        from pytest_pushgateway.prometheus.binaries import BinaryNotFound, Program
        from pytest_pushgateway.prometheus.server import PrometheusServer

        key = (config.path, config.text, gateway.url, repr(sorted(options.items())))
        if key not in running:
            if named := request.config.stash[_STATE].programs.get("prometheus"):
                options.setdefault("binary", Program(*named))
            try:
                server = PrometheusServer(config, gateway, **options)
            except BinaryNotFound as reason:
                pytest.skip(str(reason))
            stack.enter_context(server)
            running[key] = server
        return running[key]

    with ExitStack() as stack:
        yield serve


def _hindrance(error: Exception) -> str | None:
    """Say in a line what keeps a gateway from starting, if it is not a fault of the gateway's."""
    from pytest_pushgateway.gateway.database import PersistenceError

    if "A test tried to use socket." in str(error):
        return "pytest-socket forbids sockets; --allow-hosts=127.0.0.1 allows the gateway's and no others"
    return str(error) if isinstance(error, (PersistenceError, ValueError)) else None


def _keeper(gateway: Pushgateway) -> Keeper:
    from pytest_pushgateway.harness.keeper import keeper

    return keeper(gateway)


@contextmanager
def _running(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pushgateway]:
    from pytest_pushgateway.harness.keeper import make

    gateway = make(settings, lambda: tmp_path_factory.mktemp("pushgateway"))
    try:
        gateway.start()
    except OSError as error:
        raise pytest.fail.Exception(f"the gateway cannot listen: {error} ({settings!r})", pytrace=False) from None
    except Exception as error:
        if hindrance := _hindrance(error):
            raise pytest.fail.Exception(f"the gateway cannot start: {hindrance}", pytrace=False) from None
        raise
    try:
        with _without_proxy(gateway.host):
            yield gateway
    finally:
        _keeper(gateway).end()


@contextmanager
def _without_proxy(host: str) -> Iterator[None]:
    if not any(os.environ.get(name) for name in _PROXIES):
        yield
        return
    ours = [host, f"[{host}]"] if ":" in host else [host]  # for IPv6 urllib compares with brackets, requests without
    before = {name: os.environ.get(name) for name in ("no_proxy", "NO_PROXY")}
    for name, value in before.items():
        hosts = [part.strip() for part in (value or "").split(",") if part.strip()]
        os.environ[name] = ",".join(dict.fromkeys([*hosts, *ours]))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


# The end of a test


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Give the report of a failing test its section; it must stand in longrepr to reach JUnit XML."""
    report = yield
    if call.when == "setup" and _FAILED in item.stash:  # it runs again: pytest-rerunfailures
        del item.stash[_FAILED]
    if report.failed and _HARNESS in sys.modules and not item.stash.get(_FAILED, False):
        item.stash[_FAILED] = True
        text = _section(item)
        if text and hasattr(report.longrepr, "addsection"):
            report.longrepr.addsection("pushgateway", text)
        elif text:
            report.sections.append(("pushgateway", text))
    return report


def _section(item: pytest.Item) -> str:
    state = item.config.stash[_STATE]
    used = [*state.used, *getattr(item, "funcargs", {}).values()]
    lines: list[str] = []
    for gateway in state.gateways():
        try:
            if any(gateway is one for one in used) or _keeper(gateway).concerns(item.nodeid):
                lines += _keeper(gateway).section()
        except Exception as error:  # a report that breaks must not hide the failure that it reports
            lines.append(f"{type(error).__name__} while describing a gateway: {error}")
    return "\n".join(lines)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """Issue the test's warnings when all its fixtures have ended: no fixture's filter or recorder hides them."""
    __tracebackhide__ = True
    if _HARNESS not in sys.modules:
        return (yield)
    try:
        result = yield
    except BaseException:
        _conclude(item, quiet=True)
        raise
    _conclude(item, quiet=item.stash.get(_FAILED, False))
    return result


def _conclude(item: pytest.Item, *, quiet: bool) -> None:
    __tracebackhide__ = True
    from pytest_pushgateway.warnings import PushgatewayWarning

    findings, errors = item.config.stash[_STATE].wrap_up(item.nodeid)
    path, line, _ = item.reportinfo()  # a test that a class inherits stands in another file than item.path
    module = getattr(getattr(item, "module", None), "__name__", None)
    try:
        if findings:
            from pytest_pushgateway.harness.report import issue

            issue(findings, str(path), (line or 0) + 1, module)
    except PushgatewayWarning:
        # A test that has failed already says in its section what went wrong: no second error beside it.
        if not quiet and not errors:
            raise
    if errors and not quiet:
        raise errors[0]


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain why two groups or snapshots differ."""
    if op != "==" or _HARNESS not in sys.modules:
        return None
    from pytest_pushgateway.harness.groups import compare

    return compare(left, right)
