"""``--pushgateway-compare``: every request goes to Go's Pushgateway too, and a test fails if the two differ."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_pushgateway.original.comparison import Companion

OPTION = "compare"
"""The name of the option on the command line and in the ini file."""


def path_of(config: pytest.Config) -> str | None:
    """Return the path of the program that a run names, if it names one; a bare name is looked for on PATH."""
    base = config.inipath.parent if config.inipath is not None else config.rootpath
    for value, folder in (
        (config.getoption("pushgateway_compare"), config.invocation_params.dir),
        (config.getini("pushgateway_compare"), base),
    ):
        if value:
            path = Path(value)
            return str(folder / path) if path.parent != Path() or (folder / path).is_file() else value
    return None


class Comparing:
    """The part of the plugin that is there only with the option.

    Args:
        path: of the program.
        compares: whether tests run in this process, and not in workers.

    Raises:
        pytest.UsageError: it is not there, or is not Go's Pushgateway.

    """

    def __init__(self, path: str, *, compares: bool) -> None:
        from pytest_pushgateway.programs import BinaryNotFound, Program, find_binary

        try:
            binary = find_binary("pushgateway", Program(path, f"--pushgateway-{OPTION}"), ())
            self._companion: Companion = _companion(binary)
        except (BinaryNotFound, OSError, RuntimeError) as problem:
            raise pytest.UsageError(f"--pushgateway-{OPTION}: {problem}") from None
        self._counts: Counter[str] = Counter()
        self._compares = compares

    def begin(self) -> None:
        """Have all gateways of this process compared from now on."""
        if self._compares:
            from pytest_pushgateway.harness.behind import local

            local.companion = self._companion

    def end(self) -> None:
        """End the comparison and the program."""
        if self._compares:
            from pytest_pushgateway.harness.behind import local

            local.companion = None
        self._companion.originals.stop()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send a worker's counts to the controller."""
        self._counts.update(vars(self._companion.tally))
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["pushgateway_compare"] = dict(self._counts)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take a worker's counts; one that crashed has sent none."""
        self._counts.update(getattr(node, "workeroutput", {}).get("pushgateway_compare", {}))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Write what was compared."""
        counts = self._counts
        terminalreporter.write_sep("=", "pushgateway compare")
        terminalreporter.write_line(
            f"{counts['compared']} requests compared with Pushgateway {self._companion.originals.release}, "
            f"{counts['left_out']} left out, "
            f"{counts['differences']} difference{'s' * (counts['differences'] != 1)}"
        )


def _companion(binary: str) -> Companion:
    from pytest_pushgateway.original.comparison import Companion, Tally
    from pytest_pushgateway.original.process import Originals

    return Companion(Originals(binary), Tally())
