"""``check-metrics``: promlint's rules on a file, on standard input or on what a URL serves."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pytest_pushgateway.cli.kingpin import Command
from pytest_pushgateway.cli.sources import Unreadable, read_metrics
from pytest_pushgateway.exposition.model import ParseError
from pytest_pushgateway.exposition.promlint import lint
from pytest_pushgateway.exposition.text.reader import parse

COMMAND = Command(
    "pytest-pushgateway check-metrics",
    "Lint metrics in the text format, as 'promtool check metrics' does: in a file, at a URL, or on standard input (the "
    "default).",
    (),
    operand="file or URL",
    most=1,
    synopsis="[<file>|<url>|-]",
    epilog="Exit status: 0 nothing found, 1 metrics that cannot be read, 2 unusable arguments, 3 problems found.",
)
FAILURE, PROBLEMS = 1, 3


def main(arguments: Sequence[str]) -> int:
    """Run the command: 0, 1 for unreadable input, 2 for unusable arguments, 3 for problems, as promtool."""
    options = COMMAND.read(arguments)
    if isinstance(options, int):
        return options

    try:
        body = read_metrics((options[""] or ["-"])[0])
    except Unreadable as error:
        sys.stderr.write(f"{COMMAND.program}: error: {error}\n")
        return FAILURE
    try:
        parsed = parse(body, None, utf8_names=True)
    except ParseError as error:
        sys.stderr.write(f"error while linting: {error}\n")
        return FAILURE
    problems = lint(parsed.families.values())
    for problem in problems:
        sys.stderr.write(f"{problem.metric} {problem.text}\n")
    return PROBLEMS if problems else 0
