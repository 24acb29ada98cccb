"""pytest's door: hooks and fixtures. Imports pytest and the standard library only; the rest when a fixture is used.

The only room that knows pytest. What a gateway does with a test is the harness's Supervisor.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator
from typing import Any

import pytest

from pytest_pushgateway.plugin.comparing import Comparing, path_of
from pytest_pushgateway.plugin.fixtures import (
    _HARNESS,
    make_pushgateway,  # noqa: F401 pytest finds the fixtures here
    prometheus_config,  # noqa: F401
    prometheus_server,  # noqa: F401
    pushgateway,  # noqa: F401
    pushgateway_env,  # noqa: F401
    pushgateway_options,  # noqa: F401
    pushgateway_session,  # noqa: F401
)
from pytest_pushgateway.plugin.intercepting import check_marker, without_addresses
from pytest_pushgateway.plugin.modules import OnceAndAsTheyAre
from pytest_pushgateway.plugin.options import PROGRAMS, check_flags, flag_of
from pytest_pushgateway.plugin.run import (
    _FIXTURES,
    _STATE,
    _prepare,
    _pushgateway_session_fits,  # noqa: F401
    _State,
    _supervisor,
)
from pytest_pushgateway.settings import OPTIONS, SettingsError, resolve

# Options


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an option to the command line and to the ini file for every option of a gateway."""
    group = parser.getgroup("pushgateway", "Prometheus Pushgateway for tests")
    numbers = pytest.version_tuple >= (8, 4)
    for name, option in OPTIONS.items():
        flag, dest, kind = flag_of(name), f"pushgateway_{name}", option.kind
        text = f"{option.help} (default: {option.shown_default})"
        if kind == "bool":
            group.addoption(flag, action=argparse.BooleanOptionalAction, default=None, dest=dest, help=text)
        else:
            group.addoption(flag, default=None, dest=dest, metavar=name.upper(), help=text)
        ini: Any = kind if kind == "bool" or (numbers and kind in ("int", "float")) else "string"
        parser.addini(dest, text, type=ini, default=None)
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
    text = "HOST:PORT or URL whose connections from this process reach the gateway of the test's fixture"
    group.addoption(
        "--pushgateway-intercept",
        action="append",
        default=[],
        metavar="ADDRESS",
        dest="pushgateway_intercept",
        help=f"{text}; may be repeated",
    )
    parser.addini("pushgateway_intercept", f"{text}; one on each line", type="linelist", default=[])
    text = "URL of the test API of a gateway in another process, which the fixtures give; {worker} is xdist's worker"
    group.addoption("--pushgateway-connect", metavar="URL", dest="pushgateway_connect", default=None, help=text)
    parser.addini("pushgateway_connect", text, type="string", default="")
    text = "path of Go's Pushgateway: every request is also sent to it, and a test fails if the answers differ"
    group.addoption("--pushgateway-compare", metavar="PATH", dest="pushgateway_compare", default=None, help=text)
    parser.addini("pushgateway_compare", text, type="string", default="")
    text = "file to write the run into as a page (.html) or as data (.json): tests, requests, faults and restarts"
    group.addoption(
        "--pushgateway-report",
        action="append",
        default=[],
        metavar="FILE",
        dest="pushgateway_report",
        help=f"{text}; may be repeated",
    )
    parser.addini("pushgateway_report", f"{text}; one on each line", type="linelist", default=[])
    parser.addini(
        "pushgateway_env_vars",
        "environment variables that the fixture pushgateway_env sets: lines NAME=template, where a template may hold "
        "{url}, {address}, {host}, {port} and {scheme}",
        type="linelist",
        default=["PUSHGATEWAY_URL={url}"],
    )


def pytest_load_initial_conftests(args: list[str]) -> None:
    """Name the nearest option where one is misspelt; pytest itself would only call it unrecognised."""
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
    if hasattr(config, "workerinput") or not state.distributed:
        state.intercepting.watch()
        config.add_cleanup(state.intercepting.end)
    finder = OnceAndAsTheyAre()
    sys.meta_path.insert(0, finder)
    config.add_cleanup(lambda: sys.meta_path.remove(finder))
    if compared := path_of(config):
        if state.connecting:
            raise pytest.UsageError(
                "--pushgateway-compare compares gateways of this process, not one that --pushgateway-connect names; "
                "leave out one of the two"
            )
        comparing = Comparing(compared, compares=hasattr(config, "workerinput") or not state.distributed)
        comparing.begin()
        config.add_cleanup(comparing.end)
        config.pluginmanager.register(comparing, "pushgateway-compare")
    if config.getoption("pushgateway_report") or config.getini("pushgateway_report"):
        from pytest_pushgateway.plugin.report.reporting import Reporting, paths_of

        reporting = Reporting(config, paths_of(config), state.all_gateways)
        config.add_cleanup(reporting.end)
        config.pluginmanager.register(reporting, "pushgateway-report")
    if config.getoption("pushgateway_summary"):
        from pytest_pushgateway.plugin.summary import SummaryReport

        config.pluginmanager.register(SummaryReport(state.rows), "pushgateway-summary")
    if config.getoption("pushgateway_pause_on_failure") and not hasattr(config, "workerinput"):
        from pytest_pushgateway.plugin.pause import Pause

        config.pluginmanager.register(Pause(config, state.distributed, state.in_use), "pushgateway-pause")


_FAILED = pytest.StashKey[bool]()


# Collection


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """Look at the marker of tests that do not use a gateway: it is a mistake that nothing else would report."""
    report = yield
    for item in report.result or ():
        if isinstance(item, pytest.Item) and item.get_closest_marker("pushgateway") is not None:
            problem = None if _asks_for_a_gateway(item) else _useless_marker(item)
            if problem is not None:
                report.outcome, report.longrepr, report.result = "failed", problem, []
                break
    return report


def pytest_collection_finish(session: pytest.Session) -> None:
    """Load what the tests' fixtures need before a test can replace modules, files or clocks under its import."""
    if not session.config.option.collectonly and any(map(_asks_for_a_gateway, session.items)):
        from pytest_pushgateway.harness import pushgateway, supervisor  # noqa: F401


def _asks_for_a_gateway(item: pytest.Item) -> bool:
    names = getattr(item, "fixturenames", ())
    return any(name in names for name in _FIXTURES)


def _useless_marker(item: pytest.Item) -> str | None:
    """Warn of a marker without effect; return the error instead if it could not have one anywhere."""
    from pytest_pushgateway.warnings import PushgatewayWarning

    options: dict[str, Any] = {}
    for marker in item.iter_markers("pushgateway"):
        options = {**marker.kwargs, **options}
        if marker.args:
            return f"{item.nodeid}: @pytest.mark.pushgateway takes options by keyword only, not {marker.args[0]!r}"
    try:
        check_marker(options)
        resolve([("marker", without_addresses(options))])
        if any(marker.name == "pushgateway" for marker in item.own_markers):
            item.warn(
                PushgatewayWarning(
                    f"@pytest.mark.pushgateway has no effect on {item.name}, which uses none of the fixtures "
                    f"{', '.join(_FIXTURES)}; request one, or remove the marker"
                )
            )
    except (SettingsError, PushgatewayWarning) as problem:
        return f"{item.nodeid}: {problem}"
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Find the tests with a gateway, before others leave tests out or change their order."""
    _prepare(
        [item for item in items if "pushgateway_options" in getattr(item, "fixturenames", ())], config.stash[_STATE]
    )


# The beginning of a test


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Tell all gateways that another test begins."""
    state = item.config.stash[_STATE]
    state.begin_test(item)
    yield
    # pytest-socket puts sockets back as they were: at the beginning of a test, and before its fixtures end.
    if state.intercepting or _asks_for_a_gateway(item):
        state.intercepting.refresh()
        item.addfinalizer(state.intercepting.refresh)


# The end of a test


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Give the report of a failing test its section; it must stand in longrepr to reach JUnit XML."""
    report = yield
    if call.when == "setup" and _FAILED in item.stash:  # it runs again: pytest-rerunfailures
        del item.stash[_FAILED]
    in_use = _HARNESS in sys.modules or item.config.stash[_STATE].intercepting
    if report.failed and in_use and not item.stash.get(_FAILED, False):
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
    harness = sys.modules.get(_HARNESS)
    of_test = [_supervisor(one) for one in used if harness is not None and isinstance(one, harness.Pushgateway)]
    lines: list[str] = list(state.intercepting.refused)
    for gateway in state.gateways():
        try:
            if gateway in of_test or gateway.concerns(item.nodeid):
                lines += gateway.section()
        except Exception as error:  # a report that breaks must not hide the failure that it reports
            lines.append(f"{type(error).__name__} while describing a gateway: {error}")
    return "\n".join(lines)


def _is_one_error(excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
    # Where several fixtures fail, pytest raises a group from its own frames. Up to 9.0 it looks for the first frame
    # that is not its own and is not hidden, and breaks if there is none.
    return not hasattr(excinfo.value, "exceptions")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """Issue the test's warnings when all its fixtures have ended: no fixture's filter or recorder hides them."""
    __tracebackhide__ = _is_one_error
    if _HARNESS not in sys.modules and not item.config.stash[_STATE].intercepting:
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

    item.config.stash[_STATE].end_interceptions()
    findings, errors = item.config.stash[_STATE].wrap_up(item.nodeid)
    path, line, _ = item.reportinfo()  # a test that a class inherits stands in another file than item.path
    module = getattr(getattr(item, "module", None), "__name__", None)
    try:
        if findings:
            from pytest_pushgateway.harness.messages.report import issue

            issue(findings, str(path), (line or 0) + 1, module)
    except PushgatewayWarning:
        # The section of a failed test already shows what went wrong: it gets no second error.
        if not quiet and not errors:
            raise
    if errors and not quiet:
        raise errors[0]


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain why two groups or snapshots differ."""
    if op != "==" or _HARNESS not in sys.modules:
        return None
    from pytest_pushgateway.harness.messages.comparison import compare

    return compare(left, right)
