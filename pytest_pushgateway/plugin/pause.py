"""``--pushgateway-pause-on-failure``: hold a failing test still, so that its gateway can be looked at in a browser."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_pushgateway.harness.supervisor import Supervisor

OPTION = "--pushgateway-pause-on-failure"


class Pause:
    """The part of the plugin that is there only with the option.

    Args:
        config: pytest's configuration.
        distributed: whether xdist runs the tests.
        gateways: gives the gateways that a running test may be using.

    """

    def __init__(
        self, config: pytest.Config, distributed: bool, gateways: Callable[[pytest.Item], Sequence[Supervisor]]
    ) -> None:
        self._config = config
        self._gateways = gateways
        self._obstacle = self._find_obstacle(distributed)

    def _find_obstacle(self, distributed: bool) -> str | None:
        if distributed:
            return "xdist runs the tests in processes without a terminal; run without -n"
        if self._config.getoption("usepdb"):
            return "--pdb stops at the failure already, while the gateway still runs"
        with self._uncaptured():
            for name, stream in (("input", sys.__stdin__), ("output", sys.__stdout__)):
                if stream is None or not stream.isatty():
                    return f"standard {name} is not a terminal"
        return None

    @contextmanager
    def _uncaptured(self) -> Iterator[None]:
        # Between the phases of a run pytest gives the output back, but not the input; it has the file descriptors, too.
        capture = self._config.pluginmanager.getplugin("capturemanager")
        if capture is None:
            yield
            return
        capture.suspend_global_capture(in_=True)
        try:
            yield
        finally:
            capture.resume_global_capture()
            capture.suspend_global_capture()

    def pytest_report_header(self) -> str | None:
        """Say at once when there will be no pause."""
        return self._obstacle and f"pushgateway: {OPTION} will not pause: {self._obstacle}"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say again why there was no pause, if there was a reason for one."""
        if self._obstacle and (terminalreporter.stats.get("failed") or terminalreporter.stats.get("error")):
            terminalreporter.write_line(f"pushgateway: {OPTION} did not pause: {self._obstacle}")

    def pytest_exception_interact(
        self, node: pytest.Item | pytest.Collector, report: pytest.CollectReport | pytest.TestReport
    ) -> None:
        """Wait for Enter while the fixtures of the failed test still stand."""
        if self._obstacle or not isinstance(node, pytest.Item) or report.when == "teardown":
            return
        running = [one.gateway for one in self._gateways(node) if one.gateway.running]
        terminal: pytest.TerminalReporter | None = self._config.pluginmanager.getplugin("terminalreporter")
        if not running or terminal is None:  # -p no:terminal, which asks pytest for silence
            return
        for gateway in running:
            gateway.page_note = f"Paused: {node.nodeid} failed. Press Enter in its terminal to go on."
        try:
            with self._uncaptured():
                terminal.ensure_newline()
                if self._config.getoption("verbose") < 0:
                    terminal.line("")  # with -q the letters of the results name no file, and pytest knows of no line
                terminal.write_line(f"{node.nodeid} failed; its Pushgateway still runs:", bold=True)
                for gateway in running:
                    terminal.write_line(f"  {gateway.url}/")
                terminal.write("Press Enter to go on. ", flush=True)
                # Not input(), nor sys.stdin: the test may have replaced them, and its patches are still in place.
                assert sys.__stdin__ is not None
                sys.__stdin__.readline()
        finally:
            for gateway in running:
                gateway.page_note = None
