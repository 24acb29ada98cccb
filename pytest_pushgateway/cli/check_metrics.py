"""``check-metrics``: promlint's rules on a file, on standard input or on what a URL serves."""

from __future__ import annotations

import sys
from collections.abc import Sequence

PROGRAM = "pytest-pushgateway check-metrics"
USAGE = f"""\
usage: {PROGRAM} [<file>|<url>|-]

Lint metrics in the text format, as 'promtool check metrics' does: in a file, at
a URL, or on standard input, which is also what is read without an argument.

  --help  this text

Exit status: 0 nothing found, 1 metrics that cannot be read, 2 unusable
arguments, 3 problems found.
"""
FAILURE, PROBLEMS = 1, 3


def main(arguments: Sequence[str]) -> int:
    """Run the command: 0, 1 for what cannot be read, 2 for unusable arguments, 3 for problems, as promtool."""
    if any(argument in ("-h", "--help") for argument in arguments):
        sys.stdout.write(USAGE)
        return 0
    flags = [argument for argument in arguments if argument.startswith("-") and argument != "-"]
    if flags or len(arguments) > 1:
        wrong = f"unknown flag {flags[0]}" if flags else "expected one file or URL"
        sys.stderr.write(f"{PROGRAM}: error: {wrong}, try --help\n")
        return 2
    from pytest_pushgateway.cli.sources import Unreadable, read_metrics
    from pytest_pushgateway.exposition.model import ParseError
    from pytest_pushgateway.exposition.promlint import lint
    from pytest_pushgateway.exposition.text.reader import parse

    try:
        body = read_metrics(arguments[0] if arguments else "-")
    except Unreadable as error:
        sys.stderr.write(f"{PROGRAM}: error: {error}\n")
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
