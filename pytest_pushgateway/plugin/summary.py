"""``--pushgateway-summary``: what each test pushed, at the end of the run; with xdist one table for all workers."""

from __future__ import annotations

from typing import Any

import pytest


class SummaryReport:
    """The part of the plugin that is there only with the option.

    Args:
        rows: the counts of every test by its node id; the plugin adds to them as tests end.

    """

    def __init__(self, rows: dict[str, list[float]]) -> None:
        self._rows = rows

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send a worker's rows to the controller."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["pushgateway_summary"] = self._rows

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take a worker's rows; one that crashed has sent none."""
        self._rows.update(getattr(node, "workeroutput", {}).get("pushgateway_summary", {}))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Write the table."""
        from pytest_pushgateway.harness.messages.report import summary

        terminalreporter.write_sep("=", "pushgateway summary")
        for line in summary(self._rows):
            terminalreporter.write_line(line)
