"""The fixtures, and how a gateway is run for them."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from pytest_pushgateway.plugin.options import TEMPLATE_FIELDS
from pytest_pushgateway.plugin.run import _STATE, _marker_options, _sees_the_sessions_options, _supervisor
from pytest_pushgateway.settings import SettingsError, options_of, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from pytest_pushgateway.harness.pushgateway import MakePushgateway, Pushgateway
    from pytest_pushgateway.plugin.run import _State
    from pytest_pushgateway.prometheus.config import PrometheusConfig
    from pytest_pushgateway.prometheus.server import PrometheusServer
    from pytest_pushgateway.settings import Settings


_HARNESS = "pytest_pushgateway.harness.pushgateway"


_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


_NOT_INHERITED = ("host", "port", "persistence_file")


def _refuse_parameters(request: pytest.FixtureRequest) -> None:
    if hasattr(request, "param"):
        pytest.fail(
            f"{request.fixturename} takes no parameters, but was parametrised with indirect=True. Give options with "
            "@pytest.mark.pushgateway(...), also as marks=... of pytest.param, or with make_pushgateway(...)",
            pytrace=False,
        )


@pytest.fixture(scope="session")
def pushgateway_options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Options of the gateway, by name. Override this fixture in a conftest, a module or a class."""
    _refuse_parameters(request)
    return {}


@pytest.fixture(scope="session")
def pushgateway_session(
    request: pytest.FixtureRequest, pushgateway_options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pushgateway]:
    """The running gateway of the whole run; each use of the fixture ``pushgateway`` empties it."""
    _refuse_parameters(request)
    state = request.config.stash[_STATE]
    settings = state.settings(("pushgateway_options", pushgateway_options))
    with ExitStack() as stack:
        running = _running_elsewhere(state, settings) if state.connecting else _running(settings, tmp_path_factory)
        gateway = stack.enter_context(running)
        state.session, state.session_options = gateway, pushgateway_options
        if state.intercepting.asks_for("pushgateway_session"):
            state.intercept(pushgateway_options, gateway)
        yield gateway
        state.end_when_all_have(stack)


@pytest.fixture
def pushgateway(
    request: pytest.FixtureRequest, pushgateway_options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pushgateway]:
    """A running, empty Pushgateway."""
    _refuse_parameters(request)
    state = request.config.stash[_STATE]
    layer = ("pushgateway_options", pushgateway_options)
    settings = state.settings(layer, ("marker", _marker_options(request.node)))
    elsewhere = bool(state.connecting)
    started = elsewhere or (state.session is not None and state.session.running)
    usual = state.session.settings if started and state.session is not None else state.settings(layer)
    with ExitStack() as stack:
        if elsewhere or (settings == usual and (started or _sees_the_sessions_options(request.node))):
            gateway: Pushgateway = request.getfixturevalue("pushgateway_session")
            if elsewhere:
                state.connecting.check(settings, gateway)
            stack.enter_context(_without_proxy(gateway.host))
        else:
            gateway = stack.enter_context(_running(settings, tmp_path_factory))
        state.used.append(gateway)
        _supervisor(gateway).begin()
        state.intercept(pushgateway_options, gateway)
        yield gateway
        _supervisor(gateway).end_of_test()
        state.end_when_all_have(stack)


@pytest.fixture
def make_pushgateway(
    request: pytest.FixtureRequest, pushgateway_options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakePushgateway]:
    """A function that starts another Pushgateway with the options given; all are stopped with the test."""
    _refuse_parameters(request)
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
    _refuse_parameters(request)
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
    _refuse_parameters(request)

    def read(
        path: str | os.PathLike[str] | None = None, *, text: str | None = None, check: bool = True, **options: Any
    ) -> PrometheusConfig:
        __tracebackhide__ = True
        from pytest_pushgateway.prometheus.config import load

        where = request.config.rootpath / path if path is not None else None
        config = load(where, text=text, **options)
        config.when_missing = pytest.skip
        if named := request.config.stash[_STATE].programs.get("promtool"):
            from pytest_pushgateway.programs import Program

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
    _refuse_parameters(request)
    running: dict[object, PrometheusServer] = {}

    def serve(config: PrometheusConfig, gateway: Pushgateway, **options: Any) -> PrometheusServer:
        __tracebackhide__ = True
        from pytest_pushgateway.programs import BinaryNotFound, Program
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
    if isinstance(error, (RuntimeError, ValueError)):
        return str(error)  # under pyfakefs what works on files must not be imported
    from pytest_pushgateway.gateway.persistence.database import PersistenceError

    return str(error) if isinstance(error, PersistenceError) else None


def _refuse_without_sockets() -> None:
    """Fail where pytest-socket forbids sockets: the gateway would run, and the code under test could not reach it."""
    guarded = getattr(sys.modules.get("socket"), "socket", None)
    if guarded is None or not str(getattr(guarded, "__module__", "")).startswith("pytest_socket"):
        return
    try:
        guarded().close()
    except Exception:  # its own, or its warning where warnings are errors
        pytest.fail(
            "the gateway cannot start: pytest-socket forbids sockets; --allow-hosts=127.0.0.1 allows the gateway's and "
            "no others",
            pytrace=False,
        )


@contextmanager
def _running(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pushgateway]:
    from pytest_pushgateway.harness.pushgateway import make

    _refuse_without_sockets()
    gateway = make(settings, lambda: tmp_path_factory.mktemp("pushgateway"))
    try:
        _start(gateway)
        with _without_proxy(gateway.host):
            yield gateway
    finally:
        _supervisor(gateway).gateway.end()


def _start(gateway: Pushgateway) -> None:
    try:
        gateway.start()
    except OSError as error:
        message = f"the gateway cannot listen: {error} ({gateway.settings!r})"
        raise pytest.fail.Exception(message, pytrace=False) from None
    except Exception as error:
        if hindrance := _hindrance(error):
            raise pytest.fail.Exception(f"the gateway cannot start: {hindrance}", pytrace=False) from None
        raise


@contextmanager
def _running_elsewhere(state: _State, settings: Settings) -> Iterator[Pushgateway]:
    gateway = state.connecting.gateway(settings)
    try:
        with _without_proxy(gateway.host):
            yield gateway
    finally:
        _supervisor(gateway).gateway.end()


@contextmanager
def _without_proxy(host: str) -> Iterator[None]:
    if not any(os.environ.get(name) for name in _PROXIES):
        yield
        return
    from pytest_pushgateway.interception.proxies import without_proxy

    undo = without_proxy([host])
    try:
        yield
    finally:
        undo()
