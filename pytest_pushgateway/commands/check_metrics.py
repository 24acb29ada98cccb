"""``check-metrics``: promlint's rules on a file, on standard input or on what a URL serves."""

from __future__ import annotations

import sys
from collections.abc import Sequence

PROGRAM = "pytest-pushgateway check-metrics"
USAGE = f"usage: {PROGRAM} FILE|-|URL\n\nLint metrics in the text format, as promtool check metrics does.\n"
FAILURE, PROBLEMS = 1, 3


def main(arguments: Sequence[str]) -> int:
    """Run the command: 0, 1 for what cannot be read, 2 for unusable arguments, 3 for problems, as promtool."""
    if any(argument in ("-h", "--help") for argument in arguments):
        sys.stdout.write(USAGE)
        return 0
    if len(arguments) != 1 or (arguments[0].startswith("-") and arguments[0] != "-"):
        wrong = f"unknown flag {arguments[0]}" if len(arguments) == 1 else "expected one FILE, - or URL"
        sys.stderr.write(f"{PROGRAM}: error: {wrong}, try --help\n")
        return 2
    from pytest_pushgateway.exposition.lint import lint
    from pytest_pushgateway.exposition.model import ParseError
    from pytest_pushgateway.exposition.text import parse

    try:
        body = _read(arguments[0])
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{PROGRAM}: error: {arguments[0]}: {error}\n")
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


def _read(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read()
    if source.startswith(("http://", "https://")):
        from urllib.request import Request, urlopen

        request = Request(source, headers={"Accept": "text/plain;version=0.0.4"})
        with urlopen(request, timeout=30) as answer:
            return bytes(answer.read())
    with open(source, "rb") as file:
        return file.read()
