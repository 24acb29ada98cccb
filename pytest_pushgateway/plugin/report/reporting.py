"""pytest's hooks for ``--pushgateway-report``: events go along with the reports, and one process writes the files."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_pushgateway.plugin.report import as_json, page
from pytest_pushgateway.plugin.report.collect import RunFacts
from pytest_pushgateway.plugin.report.recorder import RunRecorder
from pytest_pushgateway.recording import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pytest_pushgateway.harness.supervisor import Supervisor
    from pytest_pushgateway.recording import Recorder

OPTION = "--pushgateway-report"
_CARRIED = "pushgateway_report"
"""The attribute of a report, and the key of a worker's output, that has the events as JSON."""
_WRITERS: dict[str, Callable[[dict[str, Any]], str]] = {".html": page.render, ".json": as_json.render}


def paths_of(config: pytest.Config) -> list[Path]:
    """Return the files that the command line names, or else the ini file; none in xdist's workers.

    Raises:
        pytest.UsageError: one of them cannot be written, or is of another kind.

    """
    names, folder, source = config.getoption("pushgateway_report"), config.invocation_params.dir, OPTION
    if not names:
        names, source = config.getini("pushgateway_report"), "the ini option pushgateway_report"
        folder = config.inipath.parent if config.inipath is not None else config.rootpath
    if hasattr(config, "workerinput"):
        return []
    paths = [Path(os.path.realpath(folder / name)) for name in names]
    for path in paths:
        problem = _problem_with(path)
        if problem:
            raise pytest.UsageError(f"{source}: {problem}")
    return paths


def _problem_with(path: Path) -> str | None:
    if path.suffix.lower() not in _WRITERS:
        return f"{str(path)!r} must end in .html or .json, not {path.suffix!r}; rename the file"
    if path.is_dir():
        return f"{str(path)!r} is a directory; name a file in it"
    if not path.parent.is_dir():
        return f"the directory {str(path.parent)!r} does not exist; create it first"
    try:
        _temporary(path).unlink()
    except OSError as error:
        return f"{str(path.parent)!r} cannot be written to ({error.strerror}); choose another directory"
    return None


def _temporary(path: Path) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}-", dir=path.parent)
    os.close(descriptor)
    return Path(name)


class Reporting:
    """The part of the plugin that is there only with the option.

    Args:
        config: pytest's configuration.
        paths: the files to write; none in xdist's workers.
        gateways: gives the gateways of this process.

    """

    def __init__(self, config: pytest.Config, paths: Sequence[Path], gateways: Callable[[], Iterable[Supervisor]]):
        self._config = config
        self._paths = paths
        self._is_worker = hasattr(config, "workerinput")
        self._recorder = RunRecorder(gateways)
        self._run = RunFacts(config.rootpath.name, self._recorder.now())
        self._interrupted = False
        self._lines: list[str] = []
        self._before: Recorder | None = record(self._recorder)

    def end(self) -> None:
        """Stop recording."""
        record(self._before)

    # In the process that runs tests

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin a test, or another attempt at it."""
        self._recorder.begin(item.nodeid)
        self._recorder.begin_phase()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self) -> None:
        """Begin the test itself."""
        self._recorder.begin_phase()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self) -> None:
        """Begin the teardown."""
        self._recorder.begin_phase()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> None:
        """End a phase."""
        self._recorder.end_phase(call.when)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Send the events of a worker with its report; collect them in the process that writes the files."""
        if self._is_worker:
            setattr(report, _CARRIED, json.dumps(self._recorder.take()))
            return
        node = getattr(report, "node", None)
        if node is None:
            self._run.add(report, self._recorder.take(), "")
            return
        carried = report.__dict__.pop(_CARRIED, None)
        self._run.add(report, None if carried is None else json.loads(carried), node.gateway.id)

    # In the process that writes the files

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note that a test begins: it may never be reported."""
        self._run.begin(nodeid, self._recorder.now())

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count tests that are not run."""
        self._run.deselected += len(items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note what cannot be collected."""
        if report.failed:
            self._run.note(f"{report.nodeid or 'the collection'} could not be collected\n{report.longreprtext}")

    def pytest_warning_recorded(self, warning_message: Any, nodeid: str) -> None:
        """Keep the plugin's warnings for their tests."""
        if warning_message.category.__module__.startswith("pytest_pushgateway."):
            self._run.warn(nodeid, str(warning_message.message))

    def pytest_internalerror(self, excrepr: object) -> None:
        """Note that pytest or a plugin has failed."""
        self._run.note(f"INTERNALERROR of pytest; the run ended early\n{excrepr}")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note why the run was interrupted."""
        self._interrupted = True
        self._run.note(f"the run was interrupted: {str(excinfo.value) or excinfo.typename}")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Take what a worker has left, or note that it crashed."""
        if error:
            self._run.note(
                f"worker {node.gateway.id} ended while it ran a test: {error}\n"
                "What its gateways got in that test went with it."
            )
        output = getattr(node, "workeroutput", None) or {}
        if _CARRIED in output:
            self._run.take(json.loads(output[_CARRIED]), node.gateway.id)
            self._run.deselected = max(self._run.deselected, output[f"{_CARRIED}_deselected"])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Send what is left of a worker's events; write the files elsewhere."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[_CARRIED] = json.dumps(self._recorder.take())
            output[f"{_CARRIED}_deselected"] = self._run.deselected
            return
        option = session.config.option
        if option.collectonly or getattr(option, "showfixtures", False) or getattr(option, "show_fixtures_per_test", 0):
            return
        stopped = session.shouldfail or session.shouldstop
        if stopped and not self._interrupted:
            self._run.note(f"the run ended early: {stopped}")
        self._run.take(self._recorder.take(), "")
        self._write(self._run.facts(self._recorder.now(), int(exitstatus)))

    def _write(self, facts: dict[str, Any]) -> None:
        for path in self._paths:
            try:
                size = _replace(path, _WRITERS[path.suffix.lower()](facts))
            except OSError as error:
                self._lines.append(f"pushgateway report: {path} could not be written: {error}")
            else:
                self._lines.append(f"pushgateway report: {path} ({size / 1000:,.0f} kB)")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Name the files."""
        for line in self._lines:
            terminalreporter.write_line(line, red="could not" in line)


def _replace(path: Path, text: str) -> int:
    """Write a file whole or not at all; return its size in bytes."""
    temporary = _temporary(path)
    content = text.encode()
    try:
        temporary.write_bytes(content)
        with suppress(OSError):  # mkstemp makes a file that only its owner may read
            temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    return len(content)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
