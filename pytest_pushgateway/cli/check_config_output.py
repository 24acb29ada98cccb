"""The output of ``check-config``: for people, as JSON, as annotations of a GitHub workflow run."""

from __future__ import annotations

import os
import re
from collections import Counter
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Protocol, TextIO

    from pytest_pushgateway.prometheus.config import PrometheusConfig
    from pytest_pushgateway.prometheus.problems import Problem

    class Printer(Protocol):
        """Takes the configurations one by one, and an end."""

        def add(self, config: PrometheusConfig) -> None:
            """Take the findings of one configuration."""

        def end(self) -> None:
            """Print the summary."""


FORMATS = ("text", "json", "github", "sarif", "junit")


def printer(form: str, stream: TextIO, failing: Collection[str]) -> Printer:
    """Return the printer of one of ``FORMATS``.

    Args:
        form: the format.
        stream: the stream to print to.
        failing: the severities that make the command fail.
    """
    if form == "sarif":
        from pytest_pushgateway.cli.report_formats import SarifPrinter

        return SarifPrinter(stream)
    if form == "junit":
        from pytest_pushgateway.cli.report_formats import JunitPrinter

        return JunitPrinter(stream, failing)
    printers: dict[str, Callable[[TextIO], Printer]] = {
        "text": TextPrinter,
        "json": JsonPrinter,
        "github": GithubPrinter,
    }
    return printers[form](stream)


_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "note": "\x1b[1;36m", "bold": "\x1b[1m", "dim": "\x1b[2m"}


def colours_wanted(stream: TextIO) -> bool:
    """Return whether a stream is a terminal whose user has not declined colours."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class TextPrinter:
    """For people: the message, the line with a caret, and what to do."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.files: int = 0
        self.counts: dict[str, int] = {"error": 0, "warning": 0, "note": 0}
        self.rule_files: int = 0
        self.unjudged: dict[str, None] = {}
        self.others: list[str] = []
        self.coloured: bool = colours_wanted(stream)

    def _in(self, colour: str, text: str) -> str:
        return f"{_COLOURS[colour]}{text}\x1b[0m" if self.coloured else text

    def add(self, config: PrometheusConfig) -> None:
        """Print the findings of one configuration."""
        if config.form == "a rule file":
            self.rule_files += 1
        else:
            self.files += 1
        for problem in config.problems:
            self.counts[problem.severity] += 1
            self.stream.write(self._text(problem, config))
        self.unjudged.update(dict.fromkeys(one["section"] for one in config.unjudged))
        self.others += [one["section"].partition("/")[0] for one in config.others]

    def _text(self, problem: Problem, config: PrometheusConfig) -> str:
        place = ":".join(str(part) for part in (problem.file, problem.line, problem.column) if part)
        rule = f" [{problem.rule}]" if problem.rule.startswith("PG") else ""
        job = f" (job {problem.job!r})" if problem.job is not None and repr(problem.job) not in problem.message else ""
        message = problem.message.replace("\n", "\\n")  # a value that is quoted in it may have line breaks
        severity = self._in(problem.severity, problem.severity)
        head = f"{self._in('bold', place)}: {severity}: {message}{job}{rule}"
        lines = [head, *self._excerpt(problem, config)]
        for label, text in (
            ("in", problem.object),
            ("so", problem.consequence),
            ("fix", problem.fix),
            ("hint", problem.hint),
        ):
            if text:
                first, *rest = text.splitlines()
                lines.append(f"  {self._in('dim', label + ':'):<5} {first}")
                lines += [f"        {line}" for line in rest]
        return "\n".join(lines) + "\n\n"

    def _excerpt(self, problem: Problem, config: PrometheusConfig) -> list[str]:
        text = source_line(problem, config)
        if text is None or problem.column is None:
            return []
        shown, column = text, problem.column - 1
        if len(text) > 160:
            start = max(0, column - 40)
            shown, column = text[start : start + 120], column - start
        number = str(problem.line)
        margin = " " * len(number)
        blank = "".join("\t" if letter == "\t" else " " for letter in shown[:column])
        bar = self._in("dim", "|")
        return [
            f"  {self._in('dim', number)} {bar} {shown}",
            f"  {margin} {bar} {blank}{self._in(problem.severity, '^')}",
        ]

    def end(self) -> None:
        """Print how much there was, and what was not judged."""
        counts = [f"{count} {name}{'s' if count != 1 else ''}" for name, count in self.counts.items() if count]
        kinds = {"file": self.files, "rule file": self.rule_files}
        files = " and ".join(f"{n} {kind}{'s' if n != 1 else ''}" for kind, n in kinds.items() if n) or "0 files"
        rest = f"; not judged: {_listed([*self.unjudged])}" if self.unjudged else ""
        if self.others:
            found = Counter(self.others)
            rest += f"; other objects: {_listed([f'{n} {kind}' if n > 1 else kind for kind, n in found.items()])}"
        self.stream.write(f"{', '.join(counts) or 'no problems'} in {files}{rest}\n")


_MOST_LISTED = 12
"""Names in one line; a folder may have hundreds."""


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_LISTED
    return ", ".join(names[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


@lru_cache(maxsize=4)  # a file may have a finding on each of its lines
def _line_starts(text: bytes) -> list[int]:
    return [0, *(newline.end() for newline in re.finditer(b"\n", text))]


def source_line(problem: Problem, config: PrometheusConfig) -> str | None:
    """Return the line a finding stands in, without its line break."""
    text = config.texts.get(problem.file)
    if text is None or problem.line is None:
        return None
    starts = _line_starts(text)
    if problem.line > len(starts):
        return None
    start = starts[problem.line - 1]
    end = text.find(b"\n", start)
    line = text[start : end if end >= 0 else len(text)].decode("utf-8", "replace").rstrip("\r")
    return "".join(letter if letter.isprintable() or letter == "\t" else "\N{REPLACEMENT CHARACTER}" for letter in line)


class JsonPrinter:
    """For programs: one object with all findings."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.problems: list[dict[str, object]] = []
        self.unjudged: list[dict[str, object]] = []
        self.others: list[dict[str, object]] = []

    def add(self, config: PrometheusConfig) -> None:
        """Keep the findings of one configuration."""
        self.problems += [{**one.as_dict(), "source": source_line(one, config)} for one in config.problems]
        self.unjudged += config.unjudged
        self.others += config.others

    def end(self) -> None:
        """Print everything."""
        import json

        found = {"problems": self.problems, "unjudged": self.unjudged, "others": self.others}
        json.dump(found, self.stream, indent=2, ensure_ascii=False)
        self.stream.write("\n")


class GithubPrinter:
    """For a workflow run: one annotation for each finding, and for each part that was not judged."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def add(self, config: PrometheusConfig) -> None:
        """Print the annotations of one configuration."""
        for problem in config.problems:
            kind = "notice" if problem.severity == "note" else problem.severity
            place = {"file": problem.file, "line": problem.line, "col": problem.column}
            title = problem.rule if problem.rule.startswith("PG") else "Prometheus configuration"
            properties = [f"{name}={_property(str(value))}" for name, value in place.items() if value]
            properties.append(f"title={_property(title)}")
            self.stream.write(f"::{kind} {','.join(properties)}::{_data(problem.explanation())}\n")
        for one in config.unjudged:
            properties = [f"file={_property(one['file'])}", f"line={one['line']}", f"col={one['column']}"]
            self.stream.write(f"::notice {','.join(properties)},title=Not judged::{_data(one['section'])}\n")

    def end(self) -> None:
        """Nothing is left to report."""


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
