"""Problems of a configuration: one object per finding, whichever check found it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from pytest_pushgateway.golang.position import Position

SEVERITIES = ("error", "warning", "note")
"""From bad to harmless."""

LINT_RULES = frozenset([*(f"PG{number:03}" for number in range(1, 33)), "PG013b"])
"""Every lint rule there is."""

RULE_NAMES = f"{min(LINT_RULES)} to {max(LINT_RULES)}"
"""Their names, for messages about one that there is not."""


class Problem:
    """One finding: where it is, what it says, and what to do.

    Attributes:
        message (str): the finding in one sentence.
        file (str): the path of the file.
        line (int | None): the line in it, counted from 1; None if the finding is about the whole file.
        column (int | None): the column, counted from 1.
        severity (str): ``error``, ``warning`` or ``note``.
        rule (str): the kind of finding: ``yaml`` (syntax), ``config`` (Prometheus refuses to load it), ``files`` (a
            file that it names is missing or broken), ``form`` (a language or form that is not read), ``markdown`` (the
            file is a page), or the number of a lint rule, such as ``PG001``.
        job (str | None): the scrape job, if the finding belongs to one.
        object (str | None): the object in the file that holds the configuration, with the line in it, such as
            ``ConfigMap/prometheus, data."prometheus.yml", line 12``; None if the file itself is the configuration.
        promtool (str | None): the line that ``promtool check config`` prints for it; None if it prints none.
        consequence (str | None): the effect of a lint rule's finding.
        fix (str | None): the cure that a lint rule suggests.
        hint (str | None): a suggestion beside Prometheus's own error.
        hint_rule (str | None): the number of the lint rule that gave the hint.

    """

    __slots__ = (
        "column",
        "consequence",
        "file",
        "fix",
        "hint",
        "hint_rule",
        "job",
        "line",
        "message",
        "object",
        "promtool",
        "rule",
        "severity",
    )

    def __init__(
        self,
        message: str,
        *,
        file: str = "",
        position: Position | None = None,
        severity: str = "error",
        rule: str = "config",
        job: str | None = None,
        promtool: str | None = None,
        consequence: str | None = None,
        fix: str | None = None,
        hint: str | None = None,
        hint_rule: str | None = None,
    ) -> None:
        self.message: str = message
        self.file: str = file
        self.line: int | None = position[0] if position else None
        self.column: int | None = position[1] if position else None
        self.severity: str = severity
        self.rule: str = rule
        self.job: str | None = job
        self.promtool: str | None = promtool
        self.consequence: str | None = consequence
        self.fix: str | None = fix
        self.hint: str | None = hint
        self.hint_rule: str | None = hint_rule
        self.object: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as ``--format json`` prints it."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "severity": self.severity,
            "rule": self.rule,
            "message": self.message,
            "job": self.job,
            "object": self.object,
            "consequence": self.consequence,
            "fix": self.fix,
            "hint": self.hint,
            "hint_rule": self.hint_rule,
            "promtool": self.promtool,
        }

    def explanation(self) -> str:
        """Return everything that the finding says but its place, in lines."""
        inside = self.object and f"In {self.object}"
        parts = [self.message, inside, self.consequence, self.fix and f"Fix: {self.fix}", self.hint]
        return "\n".join(part for part in parts if part)

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part not in (None, ""))
        rule = f" [{self.rule}]" if self.rule.startswith("PG") else ""
        job = f" (job {self.job!r})" if self.job is not None else ""
        inside = f" (in {self.object})" if self.object is not None else ""
        return f"{place + ': ' if place else ''}{self.severity}: {self.message}{job}{inside}{rule}"

    def __repr__(self) -> str:
        return f"<Problem {self}>"


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Return ``problems`` file by file (in the order in which files first appear) and from top to bottom."""
    found = list(problems)
    files: dict[str, int] = {}
    for problem in found:
        files.setdefault(problem.file, len(files))
    return sorted(found, key=lambda p: (files[p.file], p.line or 0, p.column or 0))
